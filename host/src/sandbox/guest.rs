//! One guest: a store, an instance in it, and the calls of the guest's interface.
//!
//! `docs/abi.md` describes the interface. Loading a bundle happens once for each tenant: what a guest's memory then holds is
//! kept as an [`super::Image`], and every further guest begins with a copy of it.

use avow_engine::{BundleError, Refusal};
use wasmtime::{Engine, InstancePre, Memory, ResourceLimiter, Store, Trap, TypedFunc};

use super::Limits;

/// The version of the interface that this host speaks.
const ABI_VERSION: u32 = 1;

/// Bytes of a page of WebAssembly's memory.
const PAGE_BYTES: usize = 1 << 16;

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

/// What a guest exports that takes input. Apart from the store, so that each is called where it lies and not copied for a decision.
struct Calls {
    load: Call,
    decide: Call,
    explain: Call,
    patch: Call,
}

/// A guest with a bundle in it. Not shared: a decision needs it whole.
pub struct Guest {
    store: Store<GuestState>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    calls: Calls,
    /// Where input is written, and how much there is room for.
    input: (usize, usize),
    limits: Limits,
}

/// What a patch of the residents came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// The version of the residents from now on.
    pub version: u32,
    /// Cells that the guest's data takes, 16 bytes each: those of entities that were replaced or removed too.
    pub cells: u32,
    /// The numbers of the patch's own symbols, in its order, for requests that name this version.
    pub numbers: Vec<u32>,
}

impl Guest {
    /// A guest that has loaded a bundle and, unless empty, a patch that gives it residents.
    pub(super) fn new(
        engine: &Engine,
        module: &InstancePre<GuestState>,
        limits: Limits,
        bundle: &[u8],
        residents: &[u8],
    ) -> Result<Self, GuestError> {
        let mut guest = Self::empty(engine, module, limits)?;
        guest.load(bundle, residents)?;
        Ok(guest)
    }

    /// A guest that has loaded nothing yet.
    pub(super) fn empty(
        engine: &Engine,
        module: &InstancePre<GuestState>,
        limits: Limits,
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
        let mut call = |name: &str| -> Result<Call, GuestError> {
            instance.get_typed_func(&mut store, name).map_err(missing)
        };
        let calls = Calls {
            load: call("avow_load")?,
            decide: call("avow_decide")?,
            explain: call("avow_explain")?,
            patch: call("avow_patch")?,
        };
        let spoken = version
            .call(&mut store, ())
            .map_err(|error| stopped(&error, &limits))?;
        if spoken != ABI_VERSION {
            return Err(GuestError::Interface("it is of another version"));
        }
        Ok(Self {
            store,
            memory,
            alloc,
            calls,
            input: (0, 0),
            limits,
        })
    }

    fn load(&mut self, bundle: &[u8], residents: &[u8]) -> Result<(), GuestError> {
        let (start, length) = self.call(|calls| &calls.load, bundle, self.limits.load)?;
        // The guest keeps what it was given.
        self.input = (0, 0);
        if length > 0 {
            let refusal = self.output(start, length.min(MAX_REFUSAL_BYTES))?;
            return Err(match BundleError::from_bytes(refusal) {
                Some(error) => GuestError::Refused(error.to_string()),
                None => GuestError::Interface("it refuses for a reason that it does not name"),
            });
        }
        if !residents.is_empty() {
            self.patch(residents)?;
        }
        Ok(())
    }

    /// Adds, replaces and removes resident entities: all that the patch says, or nothing.
    ///
    /// # Errors
    /// [`GuestError::Refused`] where the patch does not fit: then nothing has changed. After any other the guest must be thrown
    /// away.
    pub fn patch(&mut self, patch: &[u8]) -> Result<Patched, GuestError> {
        let (start, length) = self.call(|calls| &calls.patch, patch, self.limits.load)?;
        let output = self.output(start, length)?;
        let mut words = output
            .chunks_exact(4)
            .filter_map(|word| word.try_into().ok())
            .map(u32::from_le_bytes);
        let mut word = || {
            let word = words.next();
            word.ok_or(GuestError::Interface(
                "what it says of a patch is too short",
            ))
        };
        let (refusal, version, cells) = (word()?, word()?, word()?);
        match usize::try_from(refusal).map(|code| Refusal::ALL.get(code)) {
            Ok(Some(Refusal::None)) => Ok(Patched {
                version,
                cells,
                numbers: words.collect(),
            }),
            Ok(Some(refusal)) => Err(GuestError::Refused(refusal.message().to_owned())),
            _ => Err(GuestError::Interface(
                "it refuses for a reason that it does not name",
            )),
        }
    }

    /// The answer to a request, bytes in and bytes out. They are good until the guest is asked again.
    ///
    /// # Errors
    /// Where the guest breaks a limit or stops; then it must be thrown away.
    pub fn decide(&mut self, request: &[u8]) -> Result<&[u8], GuestError> {
        let (start, length) = self.call(|calls| &calls.decide, request, self.limits.decision)?;
        self.output(start, length)
    }

    /// The same with a trace, from which `avow_engine::Explanation` tells why.
    ///
    /// # Errors
    /// As [`Guest::decide`].
    pub fn explain(&mut self, request: &[u8]) -> Result<&[u8], GuestError> {
        let (start, length) = self.call(|calls| &calls.explain, request, self.limits.load)?;
        self.output(start, length)
    }

    /// Bytes of memory that it has taken.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    pub(super) fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    /// Grows to `bytes` and lets `write` fill the memory.
    pub(super) fn fill(
        &mut self,
        bytes: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), GuestError> {
        let missing = bytes
            .saturating_sub(self.memory_bytes())
            .div_ceil(PAGE_BYTES);
        self.memory
            .grow(&mut self.store, missing as u64)
            .map_err(|error| stopped(&error, &self.limits))?;
        write(self.memory.data_mut(&mut self.store));
        Ok(())
    }

    fn call(
        &mut self,
        call: fn(&Calls) -> &Call,
        input: &[u8],
        time: std::time::Duration,
    ) -> Result<(usize, usize), GuestError> {
        let length = u32::try_from(input.len()).map_err(|_| GuestError::TooLarge(input.len()))?;
        if input.len() > self.limits.memory_bytes {
            return Err(GuestError::TooLarge(input.len()));
        }
        // One deadline for both calls: making room is part of the work.
        self.store.set_epoch_deadline(self.limits.ticks(time));
        let (mut start, room) = self.input;
        if room < input.len() {
            start = self
                .alloc
                .call(&mut self.store, length)
                .map_err(|error| stopped(&error, &self.limits))? as usize;
            self.input = (start, input.len());
        }
        self.memory
            .data_mut(&mut self.store)
            .get_mut(start..start + input.len())
            .ok_or(GuestError::Interface(
                "the input buffer lies outside its memory",
            ))?
            .copy_from_slice(input);
        let output = call(&self.calls)
            // The start was a `u32` when the guest said it.
            .call(&mut self.store, (start as u32, length))
            .map_err(|error| stopped(&error, &self.limits))?;
        // Both halves are 32 bits wide, and no platform that wasmtime runs on has a narrower `usize`.
        Ok(((output >> 32) as usize, (output & 0xffff_ffff) as usize))
    }

    fn output(&self, start: usize, length: usize) -> Result<&[u8], GuestError> {
        let data = self.memory.data(&self.store);
        start
            .checked_add(length)
            .and_then(|end| data.get(start..end))
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
