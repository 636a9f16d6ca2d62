//! The engine as a core WebAssembly module without imports: memory, and a handful of functions over it.
//!
//! `avow_alloc(len)` gives a place to write input to, valid until the next call. The other functions take pointer and length
//! of input that was written there and answer `pointer << 32 | length` of output, valid until the next call. What
//! `avow_load` and `avow_residents` answer is empty where all is well, and else numbers that the host words: `docs/abi.md`
//! has them, and what `avow_decide` answers.
//!
//! The only unsafe code of the engine is here: a shared static, and a host's word that it wrote what it was given.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![allow(
    unsafe_code,
    reason = "an ABI of pointers cannot be had without; each block says why it holds"
)]

extern crate alloc;

use alloc::vec::Vec;
use core::cell::UnsafeCell;

use avow_engine::{Bundle, Engine, answer::Refusal};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The one instance that a module has.
struct Guest {
    input: Vec<u8>,
    output: Vec<u8>,
    engine: Option<Engine>,
}

struct Shared(UnsafeCell<Guest>);

// SAFETY: core WebAssembly without the threads proposal runs one call at a time.
unsafe impl Sync for Shared {}

static GUEST: Shared = Shared(UnsafeCell::new(Guest {
    input: Vec::new(),
    output: Vec::new(),
    engine: None,
}));

fn with_guest<T>(run: impl FnOnce(&mut Guest) -> T) -> T {
    // SAFETY: no function here calls another exported one, so this is the only reference while it lives.
    run(unsafe { &mut *GUEST.0.get() })
}

fn answer(run: impl FnOnce(&mut Guest, Vec<u8>) -> Vec<u8>, len: u32) -> u64 {
    with_guest(|guest| {
        let mut input = core::mem::take(&mut guest.input);
        input.truncate(len as usize);
        guest.output = run(guest, input);
        (guest.output.as_ptr() as u64) << 32 | guest.output.len() as u64
    })
}

/// The version of this interface.
#[unsafe(no_mangle)]
pub extern "C" fn avow_version() -> u32 {
    0
}

/// A place for `len` bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn avow_alloc(len: u32) -> u32 {
    with_guest(|guest| {
        guest.input.clear();
        guest.input.resize(len as usize, 0);
        guest.input.as_ptr() as u32
    })
}

/// Loads the bundle that was written to the place of input, and forgets the one before.
#[unsafe(no_mangle)]
pub extern "C" fn avow_load(_: u32, len: u32) -> u64 {
    answer(
        |guest, bytes| match Bundle::load(bytes) {
            Ok(bundle) => {
                guest.engine = Some(Engine::new(bundle));
                Vec::new()
            }
            Err(error) => error.to_bytes().to_vec(),
        },
        len,
    )
}

/// Replaces the resident entities.
#[unsafe(no_mangle)]
pub extern "C" fn avow_residents(_: u32, len: u32) -> u64 {
    answer(
        |guest, bytes| match &mut guest.engine {
            Some(engine) => match engine.set_residents(&bytes) {
                Ok(()) => Vec::new(),
                Err(error) => (error.0 as u32).to_le_bytes().to_vec(),
            },
            None => (Refusal::None as u32).to_le_bytes().to_vec(),
        },
        len,
    )
}

/// Decides a request; empty where no bundle is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn avow_decide(_: u32, len: u32) -> u64 {
    answer(
        |guest, bytes| match &mut guest.engine {
            Some(engine) => {
                let answer = engine.decide(&bytes);
                // The input's memory is used again by the next request.
                guest.input = bytes;
                answer
            }
            None => Vec::new(),
        },
        len,
    )
}
