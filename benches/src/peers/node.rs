//! Peers that run under Node, each in a process of its own: `peers/*.mjs`.
//!
//! A peer reads a JSON file (policies, schema, requests with the entities that each is about), prints one line with its
//! decisions or with why it cannot decide, and then, for each line with a number of cycles, one with the nanoseconds that they
//! took. So its batches take turns with everybody's.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Turns;
use crate::{
    measure::Timed,
    rules::Set,
    world::{self, Entity, Uid, Value},
};

/// Name in the table and script.
pub const PEERS: [(&str, &str); 2] = [
    ("cedar-wasm, Node", "cedar-wasm.mjs"),
    ("cedarling_wasm, Node", "cedarling.mjs"),
];

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Hello {
    Decisions(Vec<bool>),
    Error(String),
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asks: usize,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where something went wrong; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("it ended without an answer");
        }
        Ok(line)
    }

    fn cycles(&mut self, cycles: usize) -> Result<Duration> {
        writeln!(self.input, "{cycles}")?;
        self.input.flush()?;
        Ok(Duration::from_nanos(self.line()?.trim().parse()?))
    }
}

impl Timed for Process {
    fn units(&self) -> usize {
        self.asks
    }

    fn run(&mut self, cycles: usize) -> Duration {
        self.cycles(cycles).expect("the peer answered before")
    }
}

/// Starts a peer. `setup` is written to a file in `scratch`.
pub fn start(
    name: &'static str,
    peers: &Path,
    script: &str,
    setup: &Json,
    scratch: &Path,
) -> Result<Turns> {
    if !peers.join("node_modules").is_dir() {
        bail!("not installed: no Node here");
    }
    let file = scratch.join(format!("{script}.json"));
    fs::write(&file, setup.to_string())?;
    let mut child = Command::new("node")
        .arg(peers.join(script))
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `node`")?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (input, output) = pipes.ok_or_else(|| anyhow!("no pipe to `node`"))?;
    let mut process = Process {
        child,
        input,
        output: BufReader::new(output),
        asks: 0,
    };
    match serde_json::from_str(&process.line()?)? {
        Hello::Decisions(decisions) => {
            process.asks = decisions.len();
            Ok(Turns {
                name,
                decisions: Some(decisions),
                timed: Box::new(process),
            })
        }
        Hello::Error(error) => bail!(error),
    }
}

/// What a peer under Node is told of a set.
pub fn setup(set: &Set, entities: &[Entity]) -> Json {
    let rules = set
        .rules
        .iter()
        .map(|rule| json!({ "id": rule.id, "text": rule.flat_cedar() }));
    let asks = set.asks.iter().map(|ask| {
        // With each call only what it needs: these peers keep no entities.
        let mut wanted = vec![&ask.principal, &ask.resource];
        let find = |uid: &Uid| entities.iter().find(|entity| entity.uid == *uid);
        let above: Vec<&Uid> = wanted
            .iter()
            .filter_map(|uid| find(uid))
            .flat_map(|e| &e.parents)
            .collect();
        wanted.extend(above);
        json!({
            "principal": uid(&ask.principal),
            "action": { "type": "Action", "id": ask.action },
            "resource": uid(&ask.resource),
            "context": { "tenant": ask.tenant, "mfa": ask.mfa },
            "entities": wanted.into_iter().filter_map(find).map(entity).collect::<Vec<_>>(),
        })
    });
    json!({
        "policies": set.cedar(),
        "schema": world::schema(),
        "flatSchema": flat_schema(),
        "flatRules": rules.collect::<Vec<_>>(),
        "requests": asks.collect::<Vec<_>>(),
    })
}

/// The schema for [`crate::rules::Rule::flat_cedar`].
fn flat_schema() -> String {
    world::schema()
        .replace(" in [Role] {", " { role: String,")
        .replace(" in [Folder] {", " { folder: String,")
}

fn uid((type_name, id): &Uid) -> Json {
    json!({ "type": type_name, "id": id })
}

fn entity(entity: &Entity) -> Json {
    let attrs = entity.attrs.iter().map(|(name, value)| {
        let value = match value {
            Value::Bool(value) => json!(value),
            Value::Long(value) => json!(value),
            Value::Text(text) => json!(text),
        };
        ((*name).to_owned(), value)
    });
    json!({
        "uid": uid(&entity.uid),
        "attrs": attrs.collect::<serde_json::Map<_, _>>(),
        "parents": entity.parents.iter().map(uid).collect::<Vec<_>>(),
    })
}
