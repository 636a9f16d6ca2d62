//! Avow as it is embedded: request encoded from typed values, bytes handed to the engine, answer decoded. The entities are
//! resident.

use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    time::Duration,
};

use anyhow::{Result, anyhow};
use avow_engine::{
    Answer, Bundle, Decision, Engine, Field, Form, Party, PatchBuilder,
    format::{Cell, EntityRow},
};
use avow_host::sandbox::{Guest, Sandbox};
use wasmtime::{
    Config, InstanceAllocationStrategy, Linker, Module, PoolingAllocationConfig, Store, TypedFunc,
};

use crate::{
    measure::Timed,
    peers::{Peer, Turns},
    rules::Set,
    world::{self, Ask, Entity, Value},
};

#[path = "../../host/src/sandbox/config.rs"]
mod config;

/// The row of requests whose bytes are ready.
pub const BEFORE: &str = "avow, guest, encoded before";

/// Compiles Cedar text into a bundle, validated.
pub fn compile(schema: &str, policies: &str) -> Result<Vec<u8>> {
    let plain = avow_compiler::Plain {
        schema: Some(schema),
        policies,
        links: "",
        validate: true,
    };
    plain.compile().map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone());
        anyhow!(
            "{} findings, first: {}",
            findings.len(),
            first.unwrap_or_default()
        )
    })
}

/// The patch that makes all entities resident.
pub fn residents(bundle: &Bundle, entities: &[Entity]) -> Vec<u8> {
    patch(bundle, entities).finish(0)
}

fn patch<'a>(bundle: &'a Bundle, entities: &[Entity]) -> PatchBuilder<'a> {
    let mut patch = PatchBuilder::new(bundle);
    for entity in entities {
        patch.put(entity.uid.0, &entity.uid.1, row(entity));
    }
    patch
}

fn row(entity: &Entity) -> EntityRow {
    let cell = |value: &Value| match value {
        Value::Bool(value) => Cell::Bool(*value),
        Value::Long(value) => Cell::Long(*value),
        Value::Text(text) => Cell::Str(text.clone()),
    };
    let attrs = entity
        .attrs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), cell(value)));
    let parents = entity
        .parents
        .iter()
        .map(|(t, id)| ((*t).to_owned(), id.clone()));
    EntityRow {
        attrs: attrs.collect(),
        tags: BTreeMap::new(),
        parents: parents.collect(),
    }
}

/// Typed values to request bytes, as a program writes them: a form for each kind of question, made once.
pub struct Encoder {
    forms: Vec<Form>,
    /// For each request the number of its form.
    form_of: Vec<usize>,
    asks: Vec<Ask>,
    bytes: Vec<u8>,
}

impl Encoder {
    pub fn new(bundle: &Bundle, asks: &[Ask]) -> Result<Self> {
        let shape = |ask: &Ask| (ask.principal.0, ask.action.clone(), ask.resource.0);
        let mut shapes: Vec<_> = asks.iter().map(shape).collect();
        shapes.sort_unstable();
        shapes.dedup();
        let form = |(principal, action, resource): &(&str, String, &str)| {
            let context = [("tenant", None), ("mfa", None)];
            Form::new(bundle, principal, ("Action", action), resource, &context)
                .ok_or_else(|| anyhow!("the bundle does not know `{action}`"))
        };
        let place = |ask: &Ask| shapes.binary_search(&shape(ask)).expect("it was collected");
        Ok(Self {
            forms: shapes.iter().map(form).collect::<Result<_>>()?,
            form_of: asks.iter().map(place).collect(),
            asks: asks.to_vec(),
            bytes: Vec::new(),
        })
    }

    pub fn encode(&mut self, number: usize) -> &[u8] {
        let ask = &self.asks[number];
        self.forms[self.form_of[number]].write(
            &mut self.bytes,
            0,
            Party::Id(&ask.principal.1),
            Party::Id(&ask.resource.1),
            &[Field::Str(&ask.tenant), Field::Bool(ask.mfa)],
        );
        &self.bytes
    }

    /// The request with the numbers that the residents of version 1 have.
    fn encode_numbered(&mut self, number: usize, residents: &HashMap<Uid, u32>) -> Vec<u8> {
        let ask = &self.asks[number];
        let parties = (
            party(&ask.principal, residents),
            party(&ask.resource, residents),
        );
        let mut bytes = Vec::new();
        self.forms[self.form_of[number]].write(
            &mut bytes,
            1,
            parties.0,
            parties.1,
            &[Field::Str(&ask.tenant), Field::Bool(ask.mfa)],
        );
        bytes
    }
}

fn party<'a>(uid: &'a world::Uid, residents: &HashMap<Uid, u32>) -> Party<'a> {
    match residents.get(&(uid.0.to_owned(), uid.1.clone())) {
        Some(number) => Party::Resident(*number),
        None => Party::Id(&uid.1),
    }
}

type Uid = (String, String);

/// What a caller reads of an answer: the decision and which rules made it.
pub fn decode(answer: &[u8]) -> bool {
    let answer = Answer::read(answer).expect("the engine's answers can be read");
    black_box(answer.determining().count() + answer.failed().count());
    answer.decision() == Decision::Allow
}

/// The guest in wasmtime, with the host's deadline: encode, call, decode.
pub struct InGuest {
    guest: Guest,
    encoder: Encoder,
}

impl InGuest {
    pub fn new(sandbox: &Sandbox, bytes: &[u8], entities: &[Entity], set: &Set) -> Result<Self> {
        let bundle = Bundle::load(bytes.to_vec()).map_err(|error| anyhow!("{error}"))?;
        let guest = sandbox.guest(bytes, &residents(&bundle, entities))?;
        Ok(Self {
            guest,
            encoder: Encoder::new(&bundle, &set.asks)?,
        })
    }
}

impl Peer for InGuest {
    fn asks(&self) -> usize {
        self.encoder.asks.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        let request = self.encoder.encode(number);
        decode(self.guest.decide(request).expect("the guest answers"))
    }
}

/// The same with requests whose names were interned and whose bytes were laid out beforehand: what remains is the call.
pub struct Prepared {
    guest: Guest,
    requests: Vec<Vec<u8>>,
}

impl Prepared {
    pub fn new(sandbox: &Sandbox, bytes: &[u8], entities: &[Entity], set: &Set) -> Result<Self> {
        let bundle = Bundle::load(bytes.to_vec()).map_err(|error| anyhow!("{error}"))?;
        let mut guest = sandbox.guest(bytes, &[])?;
        let (patch, uids) = patch(&bundle, entities).finish_numbered(0);
        let numbers = guest.patch(&patch)?.numbers;
        let names = numbers.len() - uids.len();
        let residents = uids
            .into_iter()
            .zip(numbers.into_iter().skip(names))
            .collect();
        let mut encoder = Encoder::new(&bundle, &set.asks)?;
        let requests = (0..set.asks.len())
            .map(|number| encoder.encode_numbered(number, &residents))
            .collect();
        Ok(Self { guest, requests })
    }
}

impl Peer for Prepared {
    fn asks(&self) -> usize {
        self.requests.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        decode(
            self.guest
                .decide(&self.requests[number])
                .expect("the guest answers"),
        )
    }
}

/// The engine in this very program, without a sandbox: encode, call, decode.
pub struct Native {
    engine: Engine,
    encoder: Encoder,
}

impl Native {
    pub fn new(bytes: &[u8], entities: &[Entity], set: &Set) -> Result<Self> {
        let load = || Bundle::load(bytes.to_vec()).map_err(|error| anyhow!("{error}"));
        let bundle = load()?;
        let mut engine = Engine::new(load()?);
        let patch = residents(&bundle, entities);
        engine
            .patch(&patch)
            .map_err(|refusal| anyhow!("{}", refusal.message()))?;
        Ok(Self {
            engine,
            encoder: Encoder::new(&bundle, &set.asks)?,
        })
    }
}

impl Peer for Native {
    fn asks(&self) -> usize {
        self.encoder.asks.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        decode(self.engine.decide(self.encoder.encode(number)))
    }
}

/// Encoding alone, for knowing what of the first figure is the host's part.
pub struct Encoding(Encoder);

impl Encoding {
    pub fn new(bytes: &[u8], set: &Set) -> Result<Self> {
        let bundle = Bundle::load(bytes.to_vec()).map_err(|error| anyhow!("{error}"))?;
        Ok(Self(Encoder::new(&bundle, &set.asks)?))
    }
}

impl Timed for Encoding {
    fn units(&self) -> usize {
        self.0.asks.len()
    }

    fn run(&mut self, cycles: usize) -> Duration {
        let start = std::time::Instant::now();
        for _ in 0..cycles {
            for number in 0..self.0.asks.len() {
                black_box(self.0.encode(number));
            }
        }
        start.elapsed()
    }
}

/// The floor: a call of an exported function that does nothing, under the host's settings, deadline set as before each
/// decision.
pub struct Floor {
    store: Store<()>,
    empty: TypedFunc<(), ()>,
}

/// Calls of the floor that count as a cycle.
const FLOOR_CALLS: usize = 16;

impl Floor {
    pub fn new() -> Result<Self> {
        let wasm = wat::parse_str("(module (func (export \"empty\")))")?;
        Self::with(&wasm).map_err(|error| anyhow!("the floor: {error:#}"))
    }

    fn with(wasm: &[u8]) -> wasmtime::Result<Self> {
        let mut config: Config = config::engine_config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(
            PoolingAllocationConfig::default(),
        ));
        let engine = wasmtime::Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        store.epoch_deadline_trap();
        store.set_epoch_deadline(1000);
        let instance = Linker::new(&engine).instantiate(&mut store, &module)?;
        let empty = instance.get_typed_func(&mut store, "empty")?;
        Ok(Self { store, empty })
    }
}

impl Timed for Floor {
    fn units(&self) -> usize {
        FLOOR_CALLS
    }

    fn run(&mut self, cycles: usize) -> Duration {
        let start = std::time::Instant::now();
        for _ in 0..cycles * FLOOR_CALLS {
            self.store.set_epoch_deadline(1000);
            self.empty
                .call(&mut self.store, ())
                .expect("it does nothing");
        }
        start.elapsed()
    }
}

/// All of Avow's ways, for one set.
pub fn all(sandbox: &Sandbox, set: &Set, entities: &[Entity]) -> Result<Vec<Turns>> {
    let bytes = compile(&world::schema(), &set.cedar())?;
    Ok(vec![
        Turns::peer(crate::GUEST, InGuest::new(sandbox, &bytes, entities, set)?),
        Turns::peer(BEFORE, Prepared::new(sandbox, &bytes, entities, set)?),
        Turns::peer("avow, native engine", Native::new(&bytes, entities, set)?),
        Turns::timed("avow, encoding alone", Encoding::new(&bytes, set)?),
        Turns::timed("empty call of a guest", Floor::new()?),
    ])
}
