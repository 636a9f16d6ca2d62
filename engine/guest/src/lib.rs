//! The engine as a core WebAssembly module without imports: memory, and a handful of functions over it.
//!
//! `avow_alloc(len)` gives a place for input of that length, good until it is called again; `avow_load` takes what is written
//! there away. The other functions take pointer and length of input that was written there and answer
//! `pointer << 32 | length` of output, good until the next call. `docs/abi.md` says what the bytes mean.
//!
//! The only unsafe code of the guest is here and in its heap: a shared static, and a host's word that it wrote what it was
//! given.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![allow(
    unsafe_code,
    reason = "an ABI of pointers cannot be had without; each block says why it holds"
)]

extern crate alloc;

use alloc::vec::Vec;
use core::cell::UnsafeCell;

use avow_engine::{Bundle, Engine, Refusal};
use avow_heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap::new();

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

fn guest() -> &'static mut Guest {
    // SAFETY: no function here calls another exported one, and each asks for this once.
    unsafe { &mut *GUEST.0.get() }
}

fn place(bytes: &[u8]) -> u64 {
    (bytes.as_ptr() as u64) << 32 | bytes.len() as u64
}

fn say(output: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        output.extend_from_slice(&word.to_le_bytes());
    }
}

impl Guest {
    /// Runs the engine on the input; nothing where no bundle is loaded, or the host claims more than it asked room for.
    fn run(&mut self, len: u32, decide: for<'a> fn(&'a mut Engine, &[u8]) -> &'a [u8]) -> u64 {
        match (&mut self.engine, self.input.get(..len as usize)) {
            (Some(engine), Some(input)) => place(decide(engine, input)),
            _ => 0,
        }
    }
}

/// The version of this interface.
#[unsafe(no_mangle)]
pub extern "C" fn avow_version() -> u32 {
    1
}

/// A place for `len` bytes of input.
#[unsafe(no_mangle)]
pub extern "C" fn avow_alloc(len: u32) -> u32 {
    let guest = guest();
    if guest.input.len() < len as usize {
        guest.input.resize(len as usize, 0);
    }
    guest.input.as_ptr() as u32
}

/// Loads a bundle, and forgets the one before with all residents.
#[unsafe(no_mangle)]
pub extern "C" fn avow_load(_: u32, len: u32) -> u64 {
    let guest = guest();
    let mut bytes = core::mem::take(&mut guest.input);
    bytes.truncate(len as usize);
    match Bundle::open(bytes) {
        Ok(bundle) => {
            guest.engine = Some(Engine::new(bundle));
            0
        }
        Err(error) => {
            guest.output.clear();
            say(&mut guest.output, &error);
            place(&guest.output)
        }
    }
}

/// Adds, replaces and removes resident entities.
#[unsafe(no_mangle)]
pub extern "C" fn avow_patch(_: u32, len: u32) -> u64 {
    let guest = guest();
    let (Some(engine), Some(input)) = (&mut guest.engine, guest.input.get(..len as usize)) else {
        return 0;
    };
    let patched = engine.patch(input);
    let refusal = patched.err().unwrap_or(Refusal::None) as u32;
    let head = [refusal, engine.version(), engine.cells()];
    let own = if refusal == 0 { engine.own() } else { &[] };
    guest.output.clear();
    say(&mut guest.output, &head);
    say(&mut guest.output, own);
    place(&guest.output)
}

/// Decides a request.
#[unsafe(no_mangle)]
pub extern "C" fn avow_decide(_: u32, len: u32) -> u64 {
    guest().run(len, Engine::decide)
}

/// Decides a request and adds its trace.
#[unsafe(no_mangle)]
pub extern "C" fn avow_explain(_: u32, len: u32) -> u64 {
    guest().run(len, Engine::explain)
}
