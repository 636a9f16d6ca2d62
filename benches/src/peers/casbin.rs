//! `casbin`: the same rules as lines of an attribute-based model, `*` where a rule does not say.
//!
//! The model below compares action, types and uids column by column, asks its role managers where a rule names a role or a
//! folder, and evaluates what else the rule asks by `eval`, which is its way to conditions that differ from rule to rule. `&&`
//! stops early, so only rules whose scope matches are evaluated. Attributes come with the request: casbin keeps no entities. It
//! is asked for less than Cedar answers: whether, not by which rules, and it stops at the first forbid that holds.

use std::collections::BTreeMap;

use anyhow::Result;
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use serde::Serialize;

use super::Peer;
use crate::{
    rules::{Rule, Scope, Set, Term, Test},
    world::{self, Entity},
};

const MODEL: &str = "\
[request_definition]
r = principal, action, resource, context

[policy_definition]
p = id, action, ptype, puid, role, rtype, ruid, folder, condition, eft

[role_definition]
g = _, _
g2 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = (p.action == \"*\" || p.action == r.action) && (p.ptype == \"*\" || p.ptype == r.principal.kind) && (p.rtype == \"*\" || p.rtype == r.resource.kind) && (p.puid == \"*\" || p.puid == r.principal.uid) && (p.ruid == \"*\" || p.ruid == r.resource.uid) && (p.role == \"*\" || g(r.principal.uid, p.role)) && (p.folder == \"*\" || g2(r.resource.uid, p.folder)) && eval(p.condition)
";

/// An entity as casbin's expressions see it. Its integers have 32 bits.
#[derive(Clone, Hash, Serialize)]
struct Object {
    kind: &'static str,
    uid: String,
    #[serde(flatten)]
    longs: BTreeMap<&'static str, i32>,
    #[serde(flatten)]
    texts: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    bools: BTreeMap<&'static str, bool>,
}

#[derive(Clone, Hash, Serialize)]
struct Context {
    tenant: String,
    mfa: bool,
}

pub struct Casbin {
    enforcer: Enforcer,
    asks: Vec<(Object, String, Object, Context)>,
}

impl Casbin {
    pub fn new(set: &Set, entities: &[Entity]) -> Result<Self> {
        let model = pollster::block_on(DefaultModel::from_str(MODEL))?;
        let mut enforcer = pollster::block_on(Enforcer::new(model, MemoryAdapter::default()))?;
        let (mut roles, mut folders) = (Vec::new(), Vec::new());
        for entity in entities {
            for parent in &entity.parents {
                let link = vec![name(&entity.uid), name(parent)];
                if parent.0 == "Role" {
                    &mut roles
                } else {
                    &mut folders
                }
                .push(link);
            }
        }
        pollster::block_on(enforcer.add_grouping_policies(roles))?;
        pollster::block_on(enforcer.add_named_grouping_policies("g2", folders))?;
        pollster::block_on(enforcer.add_policies(set.rules.iter().map(line).collect()))?;
        let object = |uid: &world::Uid| {
            let entity = entities.iter().find(|entity| entity.uid == *uid);
            entity
                .map(object)
                .ok_or_else(|| anyhow::anyhow!("{} is no entity", name(uid)))
        };
        let asks: Result<Vec<_>> = set
            .asks
            .iter()
            .map(|ask| {
                let context = Context {
                    tenant: ask.tenant.clone(),
                    mfa: ask.mfa,
                };
                Ok((
                    object(&ask.principal)?,
                    ask.action.clone(),
                    object(&ask.resource)?,
                    context,
                ))
            })
            .collect();
        let casbin = Self {
            enforcer,
            asks: asks?,
        };
        casbin.ask(0)?;
        Ok(casbin)
    }

    fn ask(&self, number: usize) -> Result<bool> {
        let (principal, action, resource, context) = &self.asks[number];
        Ok(self
            .enforcer
            .enforce((principal, action, resource, context))?)
    }
}

impl Peer for Casbin {
    fn asks(&self) -> usize {
        self.asks.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        self.ask(number).expect("it answered before")
    }
}

fn name((type_name, id): &world::Uid) -> String {
    format!("{type_name}::{id}")
}

fn object(entity: &Entity) -> Object {
    let mut object = Object {
        kind: entity.uid.0,
        uid: name(&entity.uid),
        longs: BTreeMap::new(),
        texts: BTreeMap::new(),
        bools: BTreeMap::new(),
    };
    for (name, value) in &entity.attrs {
        match value {
            world::Value::Bool(value) => drop(object.bools.insert(name, *value)),
            world::Value::Long(value) => {
                object
                    .longs
                    .insert(name, i32::try_from(*value).expect("levels are small"));
            }
            world::Value::Text(text) => drop(object.texts.insert(name, text.clone())),
        }
    }
    object
}

fn line(rule: &Rule) -> Vec<String> {
    let any = || "*".to_owned();
    let columns = |scope: &Scope| match scope {
        Scope::Any => [any(), any(), any()],
        Scope::Is(type_name) => [(*type_name).to_owned(), any(), any()],
        Scope::Eq(uid) => [any(), name(uid), any()],
        Scope::In(type_name, group) => [(*type_name).to_owned(), any(), name(group)],
    };
    let mut out = vec![
        rule.id.clone(),
        rule.action
            .map_or_else(any, |number| world::action(number).0),
    ];
    out.extend(columns(&rule.principal));
    out.extend(columns(&rule.resource));
    let mut tests: Vec<String> = rule.when.iter().map(condition).collect();
    tests.extend(
        rule.unless
            .iter()
            .map(|test| format!("!({})", condition(test))),
    );
    out.push(if tests.is_empty() {
        "true".to_owned()
    } else {
        tests.join(" && ")
    });
    out.push(if rule.permits { "allow" } else { "deny" }.to_owned());
    out
}

fn condition(test: &Test) -> String {
    match test {
        Test::Greater(a, b) => format!("{} > {}", term(*a), term(*b)),
        Test::Equal(a, b) => format!("{} == {}", term(*a), term(*b)),
        Test::Text(a, text) => format!("{} == \"{text}\"", term(*a)),
    }
}

fn term(term: Term) -> String {
    match term {
        Term::Principal(name) => format!("r.principal.{name}"),
        Term::Resource(name) => format!("r.resource.{name}"),
        Term::Context(name) => format!("r.context.{name}"),
        Term::Long(value) => value.to_string(),
        Term::True => "true".to_owned(),
        Term::False => "false".to_owned(),
    }
}
