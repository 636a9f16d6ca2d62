//! The packs of the repository, asked what their own cases ask. Here the entities come with each request, as cases have them;
//! peers whose language the packs are not written in have no figure.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context as _, Result, anyhow};
use avow_compiler::Target;
use avow_engine::{
    Bundle, RequestBuilder,
    ext::Ip,
    format::{Cell, EntityRow},
    intake,
};
use avow_host::sandbox::{Guest, Sandbox};
use avow_tests::{Pack, block, oracle, stamp};
use cedar_policy::{Context, Entities, PolicySet, Request};

use crate::{
    CEDAR, GUEST,
    measure::Effort,
    measured, ours,
    peers::{Peer, Turns, cedar::Cedar},
    report::Decided,
};

/// Folders of packs that keep promises.
pub fn found(policies: &Path) -> Result<Vec<PathBuf>> {
    let mut packs = Vec::new();
    for entry in fs::read_dir(policies)? {
        let path = entry?.path();
        if path.join("promises.toml").is_file() {
            packs.push(path);
        }
    }
    packs.sort();
    Ok(packs)
}

type Uid = (String, String);

/// A request as a program holds it before it is encoded.
struct Ask {
    uids: [Uid; 3],
    entities: Vec<(Uid, EntityRow)>,
    context: BTreeMap<String, Cell>,
}

fn encode(bundle: &Bundle, ask: &Ask) -> Vec<u8> {
    let mut request = RequestBuilder::new(bundle);
    for ((type_name, id), row) in &ask.entities {
        request.entity(type_name, id, row.clone());
    }
    let [principal, action, resource] =
        ask.uids.each_ref().map(|(t, id)| (t.as_str(), id.as_str()));
    request.finish(principal, action, resource, ask.context.clone())
}

fn cell(value: &block::Value) -> Cell {
    match value {
        block::Value::Bool(value) => Cell::Bool(*value),
        block::Value::Long(value) => Cell::Long(*value),
        block::Value::Str(text) => Cell::Str(text.clone()),
        block::Value::Entity(type_name, id) => Cell::Entity(type_name.clone(), id.clone()),
        block::Value::Set(items) => Cell::Set(items.iter().map(cell).collect()),
        block::Value::Record(fields) => Cell::Record(cells(fields)),
        block::Value::Decimal(value) => Cell::Decimal(*value),
        block::Value::Datetime(at) => Cell::Datetime(*at),
        block::Value::Duration(ms) => Cell::Duration(*ms),
        block::Value::Ip(bytes) => Cell::Ip(Ip::from_bytes(bytes).expect("the engine wrote it")),
    }
}

fn cells(fields: &BTreeMap<String, block::Value>) -> BTreeMap<String, Cell> {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), cell(value)))
        .collect()
}

fn typed(request: &block::Request) -> Ask {
    let entities = request.block.entities.iter().map(|entity| {
        let row = EntityRow {
            attrs: cells(&entity.attrs),
            tags: cells(&entity.tags),
            parents: entity.parents.iter().cloned().collect(),
        };
        (entity.uid.clone(), row)
    });
    Ask {
        uids: request.uids.clone(),
        entities: entities.collect(),
        context: cells(&request.context),
    }
}

struct InGuest {
    guest: Guest,
    bundle: Bundle,
    asks: Vec<Ask>,
}

impl Peer for InGuest {
    fn asks(&self) -> usize {
        self.asks.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        let request = encode(&self.bundle, &self.asks[number]);
        ours::decode(self.guest.decide(&request).expect("the guest answers"))
    }
}

struct Encoded {
    guest: Guest,
    requests: Vec<Vec<u8>>,
}

impl Peer for Encoded {
    fn asks(&self) -> usize {
        self.requests.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        ours::decode(
            self.guest
                .decide(&self.requests[number])
                .expect("the guest answers"),
        )
    }
}

/// The way of a request that comes as JSON: read by the bundle's schema, then decided.
struct FromJson {
    guest: Guest,
    bundle: Bundle,
    cases: Vec<avow_compiler::cases::Case>,
}

impl Peer for FromJson {
    fn asks(&self) -> usize {
        self.cases.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        let case = &self.cases[number];
        let request = intake::request(&self.bundle, &case.request, &stamp(case));
        let request = request.expect("it was read before");
        ours::decode(self.guest.decide(&request).expect("the guest answers"))
    }
}

/// All requests of a pack's cases, except those that are no request by its schema.
pub fn decided(sandbox: &Sandbox, folder: &Path, effort: Effort) -> Result<Decided> {
    let name = folder
        .file_name()
        .context("a pack has a name")?
        .to_string_lossy()
        .into_owned();
    eprintln!("{name}");
    let pack = Pack::open(&name);
    let bytes = pack.bundle(Target::Server);
    let load = || Bundle::load(bytes.clone()).map_err(|error| anyhow!("{error}"));
    let bundle = load()?;
    let facts = block::facts(&bytes);
    let (mut cases, mut requests, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for case in &pack.cases {
        let Ok(request) = intake::request(&bundle, &case.request, &stamp(case)) else {
            continue;
        };
        read.push(block::Request::read(&request, &facts));
        requests.push(request);
        cases.push(case.clone());
    }
    let guest = || sandbox.guest(&bytes, &[]);
    let turns = vec![
        Turns::peer(
            GUEST,
            InGuest {
                guest: guest()?,
                bundle: load()?,
                asks: read.iter().map(typed).collect(),
            },
        ),
        Turns::peer(
            ours::BEFORE,
            Encoded {
                guest: guest()?,
                requests,
            },
        ),
        Turns::peer(
            "avow, guest, read from JSON",
            FromJson {
                guest: guest()?,
                bundle: load()?,
                cases,
            },
        ),
        Turns::peer(CEDAR, cedar(&pack, &facts, &read)?),
    ];
    let rules = usize::try_from(bundle.rule_count())?;
    measured(name, rules, None, turns, BTreeMap::new(), effort)
}

fn cedar(pack: &Pack, facts: &block::Block, read: &[block::Request]) -> Result<Cedar> {
    let texts = pack
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".cedar"));
    let text: Vec<&str> = texts.map(|(_, text)| text.as_str()).collect();
    let policies: PolicySet = text.join("\n").parse()?;
    let requests: Result<Vec<_>> = read
        .iter()
        .map(|request| {
            let all = facts.entities.iter().chain(&request.block.entities);
            let entities = Entities::from_entities(all.map(oracle::entity), None)?;
            let [principal, action, resource] = request.uids.each_ref().map(oracle::uid);
            let context = Context::from_pairs(oracle::pairs(&request.context))?;
            let request = Request::new(principal, action, resource, context, None)?;
            Ok((request, Rc::new(entities)))
        })
        .collect();
    Ok(Cedar::of(policies, requests?))
}
