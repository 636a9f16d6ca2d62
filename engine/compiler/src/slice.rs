//! Cuts a program: for a banner the consent rules and what they use, for an application's pages those of the actions that the
//! schema marks `@client`.
//!
//! A slice decides every request about its actions as its parent does, keeps the ids of rules, and has no source map, no string
//! that belongs to the server alone, and no text for people: what the banner says of the catalogue is in files beside the bundle.
//! Whole actions are chosen, not rules: a page that lacks a forbid would show what the server refuses.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{
    code::Op,
    format::{Cell, EntityRow},
};

use crate::program::{
    Action, ActionScope, Attr, EntityType, Instruction, Program, Schema, Type, Uid,
};

/// Attributes by which the engine finds the purpose of a cookie or a storage key, whatever the rules read.
const FOUND_BY: [&str; 4] = ["essential", "purpose", "name", "kind"];

/// Attributes of the catalogue that a request may bring, though nothing here reads them.
const KNOWN: [&str; 4] = ["service", "processor", "loads", "lifetime"];

/// Types of the catalogue that the banner's engine asks about, whether a rule names their entities or not.
const ASKED: [&str; 3] = ["Avow::Purpose", "Avow::Service", "Avow::Storage"];

/// The type of the catalogue whose entities are in each other.
const JURISDICTION: &str = "Avow::Jurisdiction";

/// Annotations that an answer is worded with.
const NOTES: [&str; 2] = ["clause", "obligation"];

/// What a slice says of itself.
const META: [&str; 4] = ["pack", "namespace", "offer", "validated"];

pub(crate) fn browser(whole: &Program) -> Program {
    let consent = ("Avow::Action".to_owned(), "consent".to_owned());
    let actions = actions(whole, |uid, _| {
        let row = whole.entities.get(uid);
        row.is_some_and(|row| row.parents.contains(&consent))
    });
    let cut = Cut {
        target: "browser",
        read: &FOUND_BY,
        brought: |name| KNOWN.contains(&name),
        asked: |type_name, _| ASKED.contains(&type_name) || type_name.ends_with("::Settings"),
        grouped: |type_name| type_name == JURISDICTION,
    };
    cut.of(whole, actions)
}

/// A page's request may bring whatever the server's may, and name whatever the actions can be about.
pub(crate) fn app(whole: &Program) -> Program {
    let actions = actions(whole, |_, action| action.client);
    let cut = Cut {
        target: "app",
        read: &[],
        brought: |_| true,
        asked: |type_name, schema| schema.entity_types.contains_key(type_name),
        // Actions that are not asked are not needed, whatever they are in.
        grouped: |type_name| type_name != "Action" && !type_name.ends_with("::Action"),
    };
    cut.of(whole, actions)
}

/// What one kind of slice keeps beyond what its rules name.
struct Cut {
    target: &'static str,
    /// Attributes that something beside the rules reads.
    read: &'static [&'static str],
    /// Attributes that a request may bring, though nothing here reads them.
    brought: fn(&str) -> bool,
    /// Types whose entities stay, whatever the rules name.
    asked: fn(&str, &Schema) -> bool,
    /// Types whose entities stay where they are in one that stays.
    grouped: fn(&str) -> bool,
}

fn actions(whole: &Program, kept: impl Fn(&Uid, &Action) -> bool) -> BTreeMap<Uid, Action> {
    let all = whole.schema.actions.iter();
    all.filter(|(uid, action)| kept(uid, action))
        .map(|(uid, action)| (uid.clone(), action.clone()))
        .collect()
}

impl Cut {
    fn of(&self, whole: &Program, actions: BTreeMap<Uid, Action>) -> Program {
        // A rule is needed where it is a candidate of some request: that is what the index says.
        let kept: BTreeSet<usize> = whole
            .index
            .iter()
            .filter(|((action, ..), _)| {
                // What is open may be one of them, too.
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
        let mut used = used_attributes(&slice);
        used.extend(self.read.iter().map(ToString::to_string));
        slice.schema = self.schema(whole, actions, &used);
        slice.entities = self.entities(whole, &slice, &used);
        slice.meta = whole
            .meta
            .iter()
            .filter(|(key, _)| META.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        slice
            .meta
            .insert("target".to_owned(), self.target.to_owned());
        slice.index();
        slice
    }

    /// The types that requests about the actions can hold, with the attributes that something reads.
    fn schema(
        &self,
        whole: &Program,
        actions: BTreeMap<Uid, Action>,
        used: &BTreeSet<String>,
    ) -> Schema {
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
                .retain(|name, _| used.contains(name) || (self.brought)(name));
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

    /// Catalogue entities that something kept names, with the attributes that something reads; the actions and their groups.
    fn entities(
        &self,
        whole: &Program,
        slice: &Program,
        used: &BTreeSet<String>,
    ) -> BTreeMap<Uid, EntityRow> {
        let mut out = BTreeMap::new();
        let mut wanted: Vec<Uid> = slice.schema.actions.keys().cloned().collect();
        let all = whole.entities.keys();
        wanted.extend(
            all.filter(|(type_name, _)| (self.asked)(type_name, &slice.schema))
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
                    (self.grouped)(&uid.0)
                        && !out.contains_key(*uid)
                        && row.parents.iter().any(|parent| out.contains_key(parent))
                })
                .map(|(uid, row)| {
                    let mut row = row.clone();
                    row.attrs.retain(|name, _| used.contains(name));
                    (uid.clone(), row)
                })
                .collect();
            if of_group.is_empty() {
                return out;
            }
            out.extend(of_group);
        }
    }
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
    let mut used = BTreeSet::new();
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

fn named(of: &Type, names: &mut Vec<String>) {
    match of {
        Type::Entity(name) => names.push(name.clone()),
        Type::Set(of) => named(of, names),
        Type::Record(attrs) => attrs.values().for_each(|attr| named(&attr.of, names)),
        _ => {}
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
