//! One guest: a store, an instance in it, and the calls of the guest's interface.
//!
//! The interface: `memory`; `avow_version() -> u32`; `avow_alloc(length) -> pointer` of an input buffer, good until the next
//! call; `avow_load`, `avow_residents`, `avow_decide(pointer, length) -> u64`, an output buffer as `pointer << 32 | length`.
//! Loading answers with nothing, or with the text of what is wrong; a decision with the bytes of an answer.

use avow_engine::{BundleError, answer::Refusal};
use wasmtime::{Engine, InstancePre, Memory, ResourceLimiter, Store, Trap, TypedFunc};

use super::Limits;

/// The version of the interface that this host speaks.
const ABI_VERSION: u32 = 0;

/// Bytes that are taken from a guest that refuses what it is to load.
const MAX_REFUSAL_BYTES: usize = 16;

/// Elements that a guest's tables may have. Rust needs one for each function that is called by pointer.
const MAX_TABLE_ELEMENTS: usize = 10_000;

/// Why a guest gave no answer. After any of these but [`GuestError::Refused`] and [`GuestError::TooLarge`] it is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// The deadline passed.
    #[error("the guest ran out of time")]
    TimedOut,
    /// It asked for more memory than it may have.
    #[error("the guest wanted more than {0} bytes of memory")]
    Outgrew(usize),
    /// It stopped by itself.
    #[error("the guest stopped: {0}")]
    Trapped(String),
    /// It does not keep to the interface.
    #[error("the guest breaks its interface: {0}")]
    Interface(&'static str),
    /// It refuses what it was to load.
    #[error("{0}")]
    Refused(String),
    /// The input is longer than a guest can be given.
    #[error("the input of {0} bytes is larger than a guest's memory")]
    TooLarge(usize),
    /// As many guests live as may.
    #[error("no room for another guest: {0}")]
    NoRoom(String),
}

impl GuestError {
    /// A short name for metrics and answers.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TimedOut => "guest_timed_out",
            Self::Outgrew(_) => "guest_outgrew",
            Self::Trapped(_) => "guest_trapped",
            Self::Interface(_) => "guest_interface",
            Self::Refused(_) => "guest_refused",
            Self::TooLarge(_) => "guest_input_too_large",
            Self::NoRoom(_) => "guest_no_room",
        }
    }
}

/// What the host keeps beside a guest.
#[derive(Debug)]
pub(crate) struct GuestState {
    memory_bytes: usize,
}

/// Marks the error by which a guest that grows too far is stopped.
#[derive(Debug, thiserror::Error)]
#[error("too much memory")]
struct Outgrown;

impl ResourceLimiter for GuestState {
    // An error rather than `false`, which the guest would see as a failed allocation and could go on from.
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes {
            return Err(wasmtime::Error::new(Outgrown));
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

type Call = TypedFunc<(u32, u32), u64>;

/// A guest with a bundle in it. Not shared: a decision needs it whole.
pub struct Guest {
    store: Store<GuestState>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    decide: Call,
    limits: Limits,
}

impl Guest {
    pub(super) fn new(
        engine: &Engine,
        module: &InstancePre<GuestState>,
        limits: Limits,
        bundle: &[u8],
        residents: &[u8],
    ) -> Result<Self, GuestError> {
        let state = GuestState {
            memory_bytes: limits.memory_bytes,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.epoch_deadline_trap();
        store.set_epoch_deadline(limits.ticks(limits.load));
        let instance = module
            .instantiate(&mut store)
            .map_err(|error| instantiation(&error, &limits))?;
        let missing = |_| GuestError::Interface("an export is missing or of another type");
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or(GuestError::Interface("no memory is exported"))?;
        let version = instance
            .get_typed_func::<(), u32>(&mut store, "avow_version")
            .map_err(missing)?;
        let alloc = instance
            .get_typed_func(&mut store, "avow_alloc")
            .map_err(missing)?;
        let load: Call = instance
            .get_typed_func(&mut store, "avow_load")
            .map_err(missing)?;
        let set_residents: Call = instance
            .get_typed_func(&mut store, "avow_residents")
            .map_err(missing)?;
        let decide = instance
            .get_typed_func(&mut store, "avow_decide")
            .map_err(missing)?;
        let mut guest = Self {
            store,
            memory,
            alloc,
            decide,
            limits,
        };
        let spoken = version
            .call(&mut guest.store, ())
            .map_err(|error| stopped(&error, &limits))?;
        if spoken != ABI_VERSION {
            return Err(GuestError::Interface("it is of another version"));
        }
        guest.load(&load, bundle, |refusal| {
            BundleError::from_bytes(refusal).map(|error| error.to_string())
        })?;
        if !residents.is_empty() {
            guest.load(&set_residents, residents, |refusal| {
                let code = u32::from_le_bytes(refusal.try_into().ok()?);
                let refusal = Refusal::ALL.get(usize::try_from(code).ok()?)?;
                Some(refusal.message().to_owned())
            })?;
        }
        Ok(guest)
    }

    /// The answer to a request, bytes in and bytes out.
    ///
    /// # Errors
    /// Where the guest breaks a limit or stops; then it must be thrown away.
    pub fn decide(&mut self, request: &[u8]) -> Result<Vec<u8>, GuestError> {
        let decide = self.decide.clone();
        let (start, length) = self.call(&decide, request, self.limits.decision)?;
        self.output(start, length)
    }

    /// Gives the guest something to load; `word` puts into words why it refuses.
    fn load(
        &mut self,
        call: &Call,
        input: &[u8],
        word: impl Fn(&[u8]) -> Option<String>,
    ) -> Result<(), GuestError> {
        let (start, length) = self.call(call, input, self.limits.load)?;
        if length == 0 {
            return Ok(());
        }
        let refusal = self.output(start, length.min(MAX_REFUSAL_BYTES))?;
        Err(match word(&refusal) {
            Some(message) => GuestError::Refused(message),
            None => GuestError::Interface("it refuses for a reason that it does not name"),
        })
    }

    fn call(
        &mut self,
        call: &Call,
        input: &[u8],
        time: std::time::Duration,
    ) -> Result<(usize, usize), GuestError> {
        let length = u32::try_from(input.len()).map_err(|_| GuestError::TooLarge(input.len()))?;
        if input.len() > self.limits.memory_bytes {
            return Err(GuestError::TooLarge(input.len()));
        }
        // One deadline for both calls: making room is part of the work.
        self.store.set_epoch_deadline(self.limits.ticks(time));
        let start = self
            .alloc
            .call(&mut self.store, length)
            .map_err(|error| stopped(&error, &self.limits))?;
        self.memory
            .write(&mut self.store, start as usize, input)
            .map_err(|_| GuestError::Interface("the input buffer lies outside its memory"))?;
        let output = call
            .call(&mut self.store, (start, length))
            .map_err(|error| stopped(&error, &self.limits))?;
        // Both halves are 32 bits wide, and no platform that wasmtime runs on has a narrower `usize`.
        Ok(((output >> 32) as usize, (output & 0xffff_ffff) as usize))
    }

    fn output(&self, start: usize, length: usize) -> Result<Vec<u8>, GuestError> {
        let data = self.memory.data(&self.store);
        start
            .checked_add(length)
            .and_then(|end| data.get(start..end))
            .map(<[u8]>::to_vec)
            .ok_or(GuestError::Interface("the output lies outside its memory"))
    }
}

fn stopped(error: &wasmtime::Error, limits: &Limits) -> GuestError {
    if error.is::<Outgrown>() {
        GuestError::Outgrew(limits.memory_bytes)
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::Interrupt => GuestError::TimedOut,
            other => GuestError::Trapped(other.to_string()),
        }
    } else {
        GuestError::Trapped(error.to_string())
    }
}

fn instantiation(error: &wasmtime::Error, limits: &Limits) -> GuestError {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        GuestError::NoRoom(error.to_string())
    } else {
        stopped(error, limits)
    }
}
