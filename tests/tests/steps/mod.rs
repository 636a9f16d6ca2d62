//! How long a guest takes to refuse, counted in instructions of WebAssembly: exact, and the same on every machine.
//!
//! The module that is handed out is compiled here, with fuel, which the host's own build does without. The fuzz targets include
//! this file.

use std::{cell::RefCell, sync::OnceLock};

use avow_engine::{Answer, Refusal, format::FACTS, limits};
use avow_host::sandbox::GUEST_WASM;
use avow_tests::{
    seeds::sections,
    targets::{Fixed, bundle_forms, fixed, patch_forms, request_forms},
};
use wasmtime::{Config, Engine, Instance, Memory, Module, Store, TypedFunc};

/// Instructions that refusing may take whatever is refused, and for each byte of it.
const BASE: u64 = 20_000;
const A_BYTE: u64 = 200;
/// Instructions for a step of the account on which sets are put in order; most are for 8 bytes of two texts.
const A_STEP: u64 = 200;
/// What may go into the sets of a bundle or a patch, for each byte. A request has the account of a decision.
const STEPS_A_BYTE: u64 = limits::STEPS_A_BYTE as u64;

/// Refusing the bytes as a bundle takes no more than linear time.
#[allow(dead_code, reason = "each fuzz target needs one of these")]
pub fn bundle(bytes: &[u8]) {
    for form in bundle_forms(bytes) {
        let (steps, output) = Counted::new().call("avow_load", &form);
        if !output.is_empty() {
            let facts = sections(&form)
                .into_iter()
                .find_map(|(id, bytes)| (id == FACTS).then_some(bytes));
            let ordered = has_sets(&facts.unwrap_or_default()) * STEPS_A_BYTE * form.len() as u64;
            check(&form, steps, ordered);
        }
    }
}

/// The same as a request.
#[allow(dead_code, reason = "each fuzz target needs one of these")]
pub fn request(bytes: &[u8]) {
    COUNTED.with_borrow_mut(|guests| {
        for (guest, to) in guests.iter_mut().zip(fixed()) {
            for form in request_forms(bytes, to) {
                let (steps, output) = guest.call("avow_decide", &form);
                if Answer::read(&output).unwrap().refusal() != Refusal::None {
                    let ordered = has_sets(form.get(24..).unwrap_or_default());
                    check(&form, steps, ordered * u64::from(limits::STEPS));
                }
            }
        }
    });
}

/// The same as a patch.
#[allow(dead_code, reason = "each fuzz target needs one of these")]
pub fn patch(bytes: &[u8]) {
    COUNTED.with_borrow_mut(|guests| {
        for form in patch_forms(bytes, &fixed()[0]) {
            let (steps, output) = guests[0].call("avow_patch", &form);
            if output[..4] == [0; 4] {
                guests[0] = Counted::with(&fixed()[0]);
                continue;
            }
            let ordered = has_sets(form.get(12..).unwrap_or_default());
            check(&form, steps, ordered * STEPS_A_BYTE * form.len() as u64);
        }
    });
}

thread_local! {
    /// Guests that have loaded what is fixed: what they refuse leaves nothing behind.
    static COUNTED: RefCell<Vec<Counted>> = RefCell::new(fixed().iter().map(Counted::with).collect());
}

/// Refusing may take `account` steps of putting sets in order, beyond what is linear.
#[track_caller]
fn check(input: &[u8], steps: u64, account: u64) {
    let allowed = BASE + input.len() as u64 * A_BYTE + account * A_STEP;
    assert!(
        steps <= allowed,
        "{steps} instructions to refuse {} bytes, where {allowed} are allowed",
        input.len()
    );
}

/// One where a block has sets, else zero: nothing in it has to be put in order by comparing values.
fn has_sets(block: &[u8]) -> u64 {
    let word = |at: usize| {
        let bytes = block.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let [names, uids, cells] = [0, 4, 16].map(|at| word(at).unwrap_or_default());
    let mut kinds = (0..cells).map_while(|cell| word(24 + (names + uids) * 8 + cell * 16 + 4));
    u64::from(kinds.any(|kind| kind == 4))
}

/// A guest whose instructions are counted.
struct Counted {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Counted {
    fn new() -> Self {
        static MODULE: OnceLock<(Engine, Module)> = OnceLock::new();
        let (engine, module) = MODULE.get_or_init(|| {
            let mut config = Config::new();
            config.consume_fuel(true);
            let engine = Engine::new(&config).unwrap();
            let module = Module::new(&engine, GUEST_WASM).unwrap();
            (engine, module)
        });
        let mut store = Store::new(engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self {
            store,
            instance,
            memory,
        }
    }

    fn with(to: &Fixed) -> Self {
        let mut guest = Self::new();
        assert!(guest.call("avow_load", &to.bundle).1.is_empty());
        if !to.patch.is_empty() {
            assert_eq!(guest.call("avow_patch", &to.patch).1[..4], [0; 4]);
        }
        guest
    }

    /// Instructions that a call takes, its room for the input included, and its output.
    fn call(&mut self, name: &str, input: &[u8]) -> (u64, Vec<u8>) {
        let before = self.store.get_fuel().unwrap();
        let len = u32::try_from(input.len()).unwrap();
        let alloc: TypedFunc<u32, u32> = self.function("avow_alloc");
        let at = alloc.call(&mut self.store, len).unwrap();
        self.memory
            .write(&mut self.store, at as usize, input)
            .unwrap();
        let call: TypedFunc<(u32, u32), u64> = self.function(name);
        let output = call.call(&mut self.store, (at, len)).unwrap();
        let (start, len) = ((output >> 32) as usize, (output & 0xffff_ffff) as usize);
        let output = self.memory.data(&self.store)[start..start + len].to_vec();
        (before - self.store.get_fuel().unwrap(), output)
    }

    fn function<P, R>(&mut self, name: &str) -> TypedFunc<P, R>
    where
        P: wasmtime::WasmParams,
        R: wasmtime::WasmResults,
    {
        self.instance.get_typed_func(&mut self.store, name).unwrap()
    }
}
