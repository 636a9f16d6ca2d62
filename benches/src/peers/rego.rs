//! `regorus`: the same rules in Rego, compiled once.
//!
//! Its virtual machine is its fastest way, but takes programs of 65,535 instructions at most; sets that are larger run in its
//! interpreter, under another name.
//! A permit is a definition of `permit`, a forbid one of `forbid`, and `allow` is a permit without a forbid. The entities lie
//! in `data`, by their uid, each with its ancestors as an object, so that `in` is one look-up. The input is built beforehand.
//! It is asked for less than Cedar answers: whether, not by which rules.

use std::{fmt::Write as _, num::NonZeroUsize};

use anyhow::{Result, anyhow};
use regorus::{
    Engine, PolicyLengthConfig, Value, languages::rego::compiler::Compiler, rvm::vm::RegoVM,
};
use serde_json::{Map, json};

use super::Peer;
use crate::{
    rules::{Rule, Scope, Set, Term, Test},
    world::{self, Ask, Entity},
};

const ENTRY: &str = "data.bench.allow";

/// Who evaluates.
enum Way {
    Machine(Box<RegoVM>),
    Interpreter(Box<Engine>),
}

pub struct Rego {
    way: Way,
    inputs: Vec<Value>,
}

impl Rego {
    pub fn new(set: &Set, entities: &[Entity]) -> Result<Self> {
        let data = Value::from_json_str(&data(entities).to_string())?;
        let mut engine = Engine::new();
        // Ten thousand rules in one file are more than it takes by default.
        engine.set_policy_length_config(PolicyLengthConfig {
            max_file_bytes: NonZeroUsize::MAX,
            max_lines: NonZeroUsize::MAX,
            ..PolicyLengthConfig::default()
        });
        engine.add_policy("bench.rego".into(), text(set))?;
        engine.add_data(data.clone())?;
        let compiled = engine.compile_with_entrypoint(&ENTRY.into())?;
        let way = match Compiler::compile_from_policy(&compiled, &[ENTRY]) {
            Ok(program) => {
                let mut machine = Box::new(RegoVM::new());
                machine.set_max_instructions(usize::MAX);
                machine.load_program(program);
                machine.set_data(data).map_err(|error| anyhow!("{error}"))?;
                Way::Machine(machine)
            }
            Err(_) => Way::Interpreter(Box::new(engine)),
        };
        let inputs: Result<Vec<Value>> = set.asks.iter().map(input).collect();
        let mut rego = Self {
            way,
            inputs: inputs?,
        };
        rego.ask(0)?;
        Ok(rego)
    }

    pub fn name(&self) -> &'static str {
        match self.way {
            Way::Machine(_) => "regorus, virtual machine",
            Way::Interpreter(_) => "regorus, interpreter",
        }
    }

    fn ask(&mut self, number: usize) -> Result<bool> {
        let input = self.inputs[number].clone();
        let answer = match &mut self.way {
            Way::Machine(machine) => {
                machine.set_input(input);
                machine.execute().map_err(|error| anyhow!("{error}"))?
            }
            Way::Interpreter(engine) => {
                engine.set_input(input);
                engine.eval_rule(ENTRY.to_owned())?
            }
        };
        Ok(answer == Value::from(true))
    }
}

impl Peer for Rego {
    fn asks(&self) -> usize {
        self.inputs.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        self.ask(number).expect("it answered before")
    }
}

fn input(ask: &Ask) -> Result<Value> {
    let input = json!({
        "principal": name(&ask.principal), "principal_type": ask.principal.0,
        "action": ask.action,
        "resource": name(&ask.resource), "resource_type": ask.resource.0,
        "context": { "tenant": ask.tenant, "mfa": ask.mfa },
    });
    Value::from_json_str(&input.to_string())
}

fn name((type_name, id): &world::Uid) -> String {
    format!("{type_name}::{id}")
}

fn data(entities: &[Entity]) -> serde_json::Value {
    let mut all = Map::new();
    for entity in entities {
        let mut object = Map::new();
        for (name, value) in &entity.attrs {
            let value = match value {
                world::Value::Bool(value) => json!(value),
                world::Value::Long(value) => json!(value),
                world::Value::Text(text) => json!(text),
            };
            object.insert((*name).to_owned(), value);
        }
        let above = entity
            .parents
            .iter()
            .map(|parent| (name(parent), json!(true)));
        object.insert("ancestors".into(), above.collect::<Map<_, _>>().into());
        all.insert(name(&entity.uid), object.into());
    }
    json!({ "entities": all })
}

fn text(set: &Set) -> String {
    let mut out = String::from(
        "package bench\n\nprincipal := data.entities[input.principal]\nresource := data.entities[input.resource]\n\n\
         default allow := false\nallow if {\n\tpermit\n\tnot forbid\n}\n",
    );
    for rule in &set.rules {
        let head = if rule.permits { "permit" } else { "forbid" };
        let _ = writeln!(out, "\n{head} if {{");
        for line in body(rule) {
            let _ = writeln!(out, "\t{line}");
        }
        out.push_str("}\n");
    }
    out
}

fn body(rule: &Rule) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(number) = rule.action {
        lines.push(format!("input.action == \"{}\"", world::action(number).0));
    }
    for (side, scope) in [("principal", &rule.principal), ("resource", &rule.resource)] {
        match scope {
            Scope::Any => {}
            Scope::Is(type_name) => lines.push(format!("input.{side}_type == \"{type_name}\"")),
            Scope::Eq(uid) => lines.push(format!("input.{side} == \"{}\"", name(uid))),
            Scope::In(type_name, group) => {
                lines.push(format!("input.{side}_type == \"{type_name}\""));
                lines.push(format!("{side}.ancestors[\"{}\"]", name(group)));
            }
        }
    }
    lines.extend(rule.when.iter().map(|test| condition(test, "==")));
    lines.extend(rule.unless.iter().map(|test| condition(test, "!=")));
    lines
}

fn condition(test: &Test, equals: &str) -> String {
    match test {
        Test::Greater(a, b) => format!("{} > {}", term(*a), term(*b)),
        Test::Equal(a, b) => format!("{} {equals} {}", term(*a), term(*b)),
        Test::Text(a, text) => format!("{} {equals} \"{text}\"", term(*a)),
    }
}

fn term(term: Term) -> String {
    match term {
        Term::Principal(name) => format!("principal.{name}"),
        Term::Resource(name) => format!("resource.{name}"),
        Term::Context(name) => format!("input.context.{name}"),
        Term::Long(value) => value.to_string(),
        Term::True => "true".to_owned(),
        Term::False => "false".to_owned(),
    }
}
