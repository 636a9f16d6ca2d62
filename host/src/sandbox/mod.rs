//! Runs the engine as a WebAssembly guest: memory capped, time capped, one store a tenant.
//!
//! The guest is built and compiled when this crate is built; at run time there is no code generator. Its memory comes from a
//! pool whose slots are reset, copy on write, between two guests. A thread advances the epoch, and a guest that is still busy
//! when its deadline passes is stopped. What a guest does can end that guest, never the process.

mod config;
mod guest;
mod image;
mod slot;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use wasmtime::{
    Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig,
};

pub(crate) use self::{
    guest::GuestState,
    slot::{Slot, Spare},
};
pub use self::{
    guest::{Guest, GuestError, Patched},
    image::Image,
};

/// The guest as WebAssembly, for other hosts: Node, a browser, Python.
pub const GUEST_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

/// The guest as code of this machine.
const GUEST_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.code"));

/// Memory of a guest that is left in place, zeroed rather than unmapped, when its slot is reset, bytes.
const KEEP_RESIDENT_BYTES: usize = 128 * 1024;

/// What a guest may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory that a guest may grow to, bytes.
    pub memory_bytes: usize,
    /// Time for a decision. Rounded up to whole ticks of the epoch.
    pub decision: Duration,
    /// Time for loading a bundle or a tenant's entities.
    pub load: Duration,
    /// Time between two ticks of the epoch.
    pub tick: Duration,
    /// Guests that may live at once. Two places are kept for each tenant, which has two while a bundle is replaced; those
    /// beyond are lent to tenants whose questions come together.
    pub guests: u32,
    /// Guests that one tenant may have at once, as far as there are places to lend.
    pub guests_per_tenant: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 16 << 20,
            decision: Duration::from_millis(250),
            load: Duration::from_secs(5),
            tick: Duration::from_millis(10),
            guests: 64,
            guests_per_tenant: 4,
        }
    }
}

impl Limits {
    /// Ticks after which `time` has passed for sure: the first tick may come at once.
    fn ticks(&self, time: Duration) -> u64 {
        let tick = self.tick.as_micros().max(1);
        let ticks = time.as_micros().div_ceil(tick) + 1;
        u64::try_from(ticks).unwrap_or(u64::MAX / 2)
    }
}

/// The sandbox cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the sandbox: {0}")]
pub struct SandboxError(String);

impl From<wasmtime::Error> for SandboxError {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// Makes guests, all of one module and under one set of limits.
pub struct Sandbox {
    engine: Engine,
    module: InstancePre<GuestState>,
    limits: Limits,
    spare: Spare,
    /// Dropping it ends the thread that advances the epoch.
    _ticker: Sender<()>,
}

impl Sandbox {
    /// Sets up the pool and the clock for the guest that this crate embeds.
    ///
    /// # Errors
    /// Where the machine cannot reserve the memory, or its processor is none that the guest was compiled for.
    pub fn new(limits: Limits) -> Result<Self, SandboxError> {
        let engine = pooled(&limits)?;
        let module = embedded(&engine)?;
        Self::assemble(engine, &module, limits)
    }

    /// The same with a module of the caller's, for tests of what a guest may do wrong.
    #[cfg(test)]
    pub(crate) fn with_wat(limits: Limits, wat: &str) -> Result<Self, SandboxError> {
        let engine = pooled(&limits)?;
        let wasm = wat::parse_str(wat).map_err(|error| SandboxError(error.to_string()))?;
        let module = Module::new(&engine, wasm)?;
        Self::assemble(engine, &module, limits)
    }

    fn assemble(engine: Engine, module: &Module, limits: Limits) -> Result<Self, SandboxError> {
        // No host functions: a guest that imports anything cannot be made.
        let module = Linker::new(&engine).instantiate_pre(module)?;
        let _ticker = ticker(&engine, limits.tick)?;
        Ok(Self {
            engine,
            module,
            limits,
            spare: Spare::default(),
            _ticker,
        })
    }

    /// The limits that its guests live under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The places that may be lent. There are none until somebody gives some.
    pub(crate) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// A fresh guest that has loaded `bundle` and, unless empty, a patch that gives it residents.
    ///
    /// # Errors
    /// Where the guest refuses what it is to load, or breaks a limit over it.
    pub fn guest(&self, bundle: &[u8], residents: &[u8]) -> Result<Guest, GuestError> {
        Guest::new(&self.engine, &self.module, self.limits, bundle, residents)
    }

    /// What a fresh guest's memory holds once it has loaded that.
    ///
    /// # Errors
    /// As [`Sandbox::guest`].
    pub fn image(&self, bundle: &[u8], residents: &[u8]) -> Result<Image, GuestError> {
        let before = Guest::empty(&self.engine, &self.module, self.limits)?;
        let first = before.memory().to_vec();
        // The pool may have one place only.
        drop(before);
        Ok(Image::new(&first, &self.guest(bundle, residents)?))
    }

    /// A fresh guest with a copy of the image: it has loaded what that one had.
    ///
    /// # Errors
    /// Where there is no room for another guest.
    pub fn copy(&self, image: &Image) -> Result<Guest, GuestError> {
        let mut guest = Guest::empty(&self.engine, &self.module, self.limits)?;
        image.write(&mut guest)?;
        Ok(guest)
    }
}

fn pooled(limits: &Limits) -> Result<Engine, SandboxError> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(limits.guests)
        .total_memories(limits.guests)
        .total_tables(limits.guests)
        .max_memory_size(limits.memory_bytes)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
    let mut config = config::engine_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

#[expect(
    unsafe_code,
    reason = "loading compiled code trusts its bytes; these were made by this crate's build script, are part of this program, and no other bytes come here"
)]
fn embedded(engine: &Engine) -> Result<Module, SandboxError> {
    // SAFETY: `GUEST_CODE` is the output of `Engine::precompile_module` in build.rs, unchanged.
    Ok(unsafe { Module::deserialize(engine, GUEST_CODE) }?)
}

fn ticker(engine: &Engine, tick: Duration) -> Result<Sender<()>, SandboxError> {
    let (stop, stopped) = mpsc::channel::<()>();
    let engine = engine.weak();
    thread::Builder::new()
        .name("avow-epoch".into())
        .spawn(move || {
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        })
        .map_err(|error| SandboxError(error.to_string()))?;
    Ok(stop)
}
