//! Cuts a program for a browser: the consent rules, and what they use.
//!
//! A slice decides every consent request as its parent does, keeps the ids of rules, and has no source map, no string that
//! belongs to the server alone, and no text for people: what the banner says of the catalogue is in files beside the bundle.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{code::Op, format::Cell};

use crate::program::{
    Action, ActionScope, Attr, EntityType, Instruction, Program, Schema, Type, Uid,
};

/// Attributes by which the engine finds the purpose of a cookie or a storage key, whatever the rules read.
const FOUND_BY: [&str; 4] = ["essential", "purpose", "name", "kind"];

/// Attributes of the catalogue that a request may bring, though nothing here reads them.
const KNOWN: [&str; 4] = ["service", "processor", "loads", "lifetime"];

/// The type of the catalogue whose entities are in each other.
const JURISDICTION: &str = "Avow::Jurisdiction";

/// Annotations that an answer is worded with.
const NOTES: [&str; 2] = ["clause", "obligation"];

/// What a bundle for a browser says of itself.
const META: [&str; 4] = ["pack", "namespace", "offer", "validated"];

pub(crate) fn browser(whole: &Program) -> Program {
    let consent = ("Avow::Action".to_owned(), "consent".to_owned());
    let actions: BTreeMap<Uid, Action> = whole
        .schema
        .actions
        .iter()
        .filter(|(uid, _)| {
            let row = whole.entities.get(*uid);
            row.is_some_and(|row| row.parents.contains(&consent))
        })
        .map(|(uid, action)| (uid.clone(), action.clone()))
        .collect();
    // A rule is needed where it is a candidate of some consent request: that is what the index says.
    let kept: BTreeSet<usize> = whole
        .index
        .iter()
        .filter(|((action, ..), _)| {
            // What is open may be a consent action too.
            action.as_ref().is_none_or(|uid| actions.contains_key(uid))
        })
        .flat_map(|(_, rules)| rules.all())
        .collect();
    let mut slice = Program {
        open: whole.open,
        ..Program::default()
    };
    for (number, rule) in whole.rules.iter().enumerate() {
        if kept.contains(&number) && may_be_asked(whole, &rule.actions, &actions) {
            let mut rule = rule.clone();
            rule.source = (String::new(), 0, 0);
            rule.notes.retain(|key, _| NOTES.contains(&key.as_str()));
            slice.rules.push(rule);
        }
    }
    let used = used_attributes(&slice);
    slice.schema = schema(whole, actions, &used);
    slice.entities = entities(whole, &slice, &used);
    slice.meta = whole
        .meta
        .iter()
        .filter(|(key, _)| META.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    slice.meta.insert("target".to_owned(), "browser".to_owned());
    slice.index();
    slice
}

/// Whether a scope can match one of the actions. An index that is open does not say: there the groups are left to the code. But
/// the actions' groups are the bundle's facts, validated or not.
fn may_be_asked(whole: &Program, scope: &ActionScope, actions: &BTreeMap<Uid, Action>) -> bool {
    let is_in = |action: &Uid, group: &Uid| {
        let row = whole.entities.get(action);
        action == group || row.is_some_and(|row| row.parents.contains(group))
    };
    match scope {
        ActionScope::Any => true,
        ActionScope::Eq(uid) => actions.contains_key(uid),
        ActionScope::In(groups) => actions
            .keys()
            .any(|action| groups.iter().any(|group| is_in(action, group))),
    }
}

fn used_attributes(slice: &Program) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = FOUND_BY.iter().map(ToString::to_string).collect();
    for instruction in slice.rules.iter().flat_map(|rule| &rule.code) {
        match instruction {
            Instruction::Named(Op::Attribute | Op::Has, name) | Instruction::HasStep(name, _) => {
                used.insert(name.clone());
            }
            Instruction::Read(path) => used.extend(path.names.iter().cloned()),
            _ => {}
        }
    }
    used
}

/// The types that consent requests can hold, with the attributes that something reads.
fn schema(whole: &Program, actions: BTreeMap<Uid, Action>, used: &BTreeSet<String>) -> Schema {
    let mut wanted: Vec<String> = Vec::new();
    for action in actions.values() {
        wanted.extend(action.principals.iter().chain(&action.resources).cloned());
        action
            .context
            .values()
            .for_each(|attr| named(&attr.of, &mut wanted));
    }
    let mut entity_types: BTreeMap<String, EntityType> = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        let Some(of) = whole.schema.entity_types.get(&name) else {
            continue;
        };
        if entity_types.contains_key(&name) {
            continue;
        }
        let mut of = of.clone();
        of.attrs
            .retain(|name, _| used.contains(name) || KNOWN.contains(&name.as_str()));
        of.attrs
            .values()
            .for_each(|attr: &Attr| named(&attr.of, &mut wanted));
        of.tags.iter().for_each(|tags| named(tags, &mut wanted));
        wanted.extend(of.parents.iter().cloned());
        entity_types.insert(name, of);
    }
    let derived = whole.schema.derived.iter();
    Schema {
        derived: derived
            .filter(|row| {
                let of = entity_types.get(&row.type_name);
                of.is_some_and(|of| {
                    of.attrs.contains_key(&row.attr) && of.attrs.contains_key(&row.from)
                })
            })
            .cloned()
            .collect(),
        entity_types,
        actions,
    }
}

fn named(of: &Type, names: &mut Vec<String>) {
    match of {
        Type::Entity(name) => names.push(name.clone()),
        Type::Set(of) => named(of, names),
        Type::Record(attrs) => attrs.values().for_each(|attr| named(&attr.of, names)),
        _ => {}
    }
}

/// Catalogue entities that something kept names, with the attributes that something reads; the actions and their groups.
fn entities(
    whole: &Program,
    slice: &Program,
    used: &BTreeSet<String>,
) -> BTreeMap<Uid, avow_engine::format::EntityRow> {
    let mut out = BTreeMap::new();
    let mut wanted: Vec<Uid> = slice.schema.actions.keys().cloned().collect();
    let always = ["Avow::Purpose", "Avow::Service", "Avow::Storage"];
    wanted.extend(
        whole
            .entities
            .keys()
            .filter(|(type_name, _)| {
                always.contains(&type_name.as_str()) || type_name.ends_with("::Settings")
            })
            .cloned(),
    );
    for instruction in slice.rules.iter().flat_map(|rule| &rule.code) {
        if let Instruction::Const(value) | Instruction::With(_, value, _) = instruction {
            mentioned(value, &mut wanted);
        }
    }
    while let Some(uid) = wanted.pop() {
        let Some(row) = whole.entities.get(&uid) else {
            continue;
        };
        if out.contains_key(&uid) {
            continue;
        }
        let mut row = row.clone();
        row.attrs.retain(|name, _| used.contains(name));
        row.attrs
            .values()
            .for_each(|value| mentioned(value, &mut wanted));
        out.insert(uid, row);
    }
    // Who is in a group that rules ask for has to say so.
    loop {
        let of_group: Vec<_> = whole
            .entities
            .iter()
            .filter(|(uid, row)| {
                uid.0 == JURISDICTION
                    && !out.contains_key(*uid)
                    && row.parents.iter().any(|parent| out.contains_key(parent))
            })
            .map(|(uid, row)| (uid.clone(), row.clone()))
            .collect();
        if of_group.is_empty() {
            return out;
        }
        out.extend(of_group);
    }
}

fn mentioned(value: &Cell, uids: &mut Vec<Uid>) {
    match value {
        Cell::Entity(type_name, id) => uids.push((type_name.clone(), id.clone())),
        Cell::Set(items) => items.iter().for_each(|item| mentioned(item, uids)),
        Cell::Record(fields) => fields.values().for_each(|item| mentioned(item, uids)),
        _ => {}
    }
}
