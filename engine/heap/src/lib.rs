//! The module's memory: blocks of powers of two, kept in one list a size.
//!
//! Guest and widget make few things, keep their buffers, and are downloaded or instantiated often; a general allocator is five
//! kilobytes of code. Blocks are never split nor joined, so memory grows to at most about twice what was in use at once for
//! each size.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![expect(
    unsafe_code,
    reason = "an allocator hands out raw memory; there is no safe interface to implement"
)]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::memory_grow,
    cell::UnsafeCell,
    ptr::null_mut,
};

/// log2 of the smallest block; a block is aligned to as much.
const SMALLEST: u32 = 4;
/// log2 of a page of WebAssembly.
const PAGE: u32 = 16;
const SIZES: usize = 28;

/// The allocator.
pub struct Heap(UnsafeCell<Blocks>);

struct Blocks {
    /// For each size the first free block, which begins with the address of the next.
    free: [*mut u8; SIZES],
    /// Memory that has never been handed out.
    fresh: usize,
    end: usize,
}

// SAFETY: the module is built without threads, so nothing is ever shared.
unsafe impl Sync for Heap {}

impl Heap {
    /// A heap that has nothing yet: memory is taken from the module as it is needed.
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Blocks {
            free: [null_mut(); SIZES],
            fresh: 0,
            end: 0,
        }))
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Blocks {
    /// Memory for a block of `1 << log` bytes; null where there is no more.
    fn carve(&mut self, log: u32) -> *mut u8 {
        let size = 1usize << log;
        if self.end - self.fresh < size {
            let pages = (size >> PAGE) + 1;
            let before = memory_grow(0, pages);
            if before == usize::MAX {
                return null_mut();
            }
            // Nobody else grows the memory, so what is added continues what was left.
            if self.end == 0 {
                self.fresh = before << PAGE;
            }
            self.end = (before + pages) << PAGE;
        }
        let block = self.fresh;
        self.fresh += size;
        block as *mut u8
    }
}

/// log2 of the block for a layout.
fn log(layout: Layout) -> u32 {
    let log = usize::BITS - layout.size().saturating_sub(1).leading_zeros();
    log.max(SMALLEST)
}

// SAFETY: a block comes either from its list, whose blocks are free and of its size, or from memory never handed out; it is
// as large as its size says and aligned to 16. Nothing here panics, unwinds or allocates.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and no call of this ends within another.
        let blocks = unsafe { &mut *self.0.get() };
        let log = log(layout);
        let Some(slot) = blocks.free.get_mut(log as usize) else {
            return null_mut();
        };
        if layout.align() > 1 << SMALLEST {
            return null_mut();
        }
        if slot.is_null() {
            return blocks.carve(log);
        }
        let block = *slot;
        // SAFETY: a free block holds the address of the next one.
        *slot = unsafe { *block.cast::<*mut u8>() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let blocks = unsafe { &mut *self.0.get() };
        if let Some(slot) = blocks.free.get_mut(log(layout) as usize) {
            // SAFETY: the caller gives the block back, and it has room for an address.
            unsafe { *block.cast::<*mut u8>() = *slot };
            *slot = block;
        }
    }
}
