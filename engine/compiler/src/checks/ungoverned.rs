//! `ungoverned`: an entry of the catalogue that no rule is about.

use std::collections::BTreeSet;

use avow_engine::format::Cell;

use super::{
    facts::{RECORD_CLASS, Supposed},
    solve::refuted,
    view::{Asked, View},
};
use crate::{
    finding::Finding,
    policies::named,
    program::{Attr, Type, Uid},
};

/// Types of the catalogue, as messages call them.
const KINDS: [(&str, &str); 5] = [
    ("Avow::Purpose", "purpose"),
    ("Avow::Processor", "processor"),
    ("Avow::Service", "service"),
    ("Avow::Storage", "storage"),
    (RECORD_CLASS, "record class"),
];

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let names: BTreeSet<Uid> = view
        .rules()
        .flat_map(|(_, rule)| named(rule))
        .map(|(uid, _)| uid)
        .collect();
    for (file, of, slug, span) in view.read.catalogue.entries() {
        let Some((_, kind)) = KINDS.iter().find(|(type_name, _)| *type_name == of) else {
            continue;
        };
        let uid = (of.to_owned(), slug.to_owned());
        let governed = names.contains(&uid)
            || match of {
                RECORD_CLASS => class_is_permitted(view, slug) || is_passed_on(view, of),
                _ => {
                    is_permitted(view, &uid)
                        || is_forbidden_with(view, &uid, &names)
                        || serves(view, &uid)
                        || is_passed_on(view, of)
                }
            };
        if file.starts_with("..") || governed {
            continue;
        }
        let message = format!("no rule is about {kind} `{slug}`: nothing with it can be allowed");
        let finding = view
            .sources
            .error("ungoverned", file, Some(span), message)
            .warning();
        findings.push(finding.with_help(
            "write a rule that permits something with it, one that forbids it by name, or take it out",
        ));
    }
}

fn permits<'v>(
    view: &'v View<'_>,
    asked: &'v Asked,
) -> impl Iterator<Item = &'v crate::policies::Found> {
    let rules = asked.rules.keys().filter_map(|number| view.rule(*number));
    rules.filter(|rule| !rule.lowered.forbids)
}

/// Whether some permit can apply where the entry is asked about.
fn is_permitted(view: &View<'_>, uid: &Uid) -> bool {
    let value = |expr: &_| view.value(Supposed::Is(uid), expr);
    view.asked
        .iter()
        .filter(|asked| asked.resource == uid.0)
        .any(|asked| {
            permits(view, asked).any(|rule| !refuted(&[&view.formula(rule, asked, Some(&value))]))
        })
}

/// Whether a rule names what the entry belongs to, its purpose for instance: then it is denied on purpose.
fn is_forbidden_with(view: &View<'_>, uid: &Uid, names: &BTreeSet<Uid>) -> bool {
    let row = view.read.program.entities.get(uid);
    row.is_some_and(|row| {
        row.attrs.values().any(|value| match value {
            Cell::Entity(of, id) => names.contains(&(of.clone(), id.clone())),
            _ => false,
        })
    })
}

/// Whether others of the catalogue refer to it: then it is part of these, and they are looked at.
fn serves(view: &View<'_>, uid: &Uid) -> bool {
    let cell = Cell::Entity(uid.0.clone(), uid.1.clone());
    let mut rows = view.read.program.entities.values();
    rows.any(|row| row.attrs.values().any(|value| *value == cell))
}

/// Whether entities of a type also reach rules otherwise than as what is asked about: as a field of a context, or as an
/// attribute of the pack's own entities. What a rule makes of it there is not followed; only the required attribute that says
/// of which class a record is has been.
fn is_passed_on(view: &View<'_>, of: &str) -> bool {
    let schema = &view.read.program.schema;
    let direct = |attr: &Attr| match &attr.of {
        Type::Set(element) => **element == Type::Entity(of.to_owned()),
        other => *other == Type::Entity(of.to_owned()),
    };
    let in_context = schema
        .actions
        .values()
        .any(|action| action.context.values().any(direct));
    let own = schema
        .entity_types
        .iter()
        .filter(|(name, _)| !name.starts_with("Avow::"));
    in_context
        || own.into_iter().any(|(name, row)| {
            let followed = view.class_attribute(name);
            row.attrs
                .iter()
                .filter(|(attr, _)| Some(attr.as_str()) != followed)
                .any(|(_, attr)| mentions(&attr.of, of))
        })
}

fn mentions(of: &Type, name: &str) -> bool {
    match of {
        Type::Entity(of) => of == name,
        Type::Set(element) => mentions(element, name),
        Type::Record(fields) => fields.values().any(|attr| mentions(&attr.of, name)),
        _ => false,
    }
}

/// Whether some permit can apply to records of the class.
fn class_is_permitted(view: &View<'_>, slug: &str) -> bool {
    let class = Cell::Entity(RECORD_CLASS.to_owned(), slug.to_owned());
    view.asked.iter().any(|asked| {
        let Some(attr) = view.class_attribute(&asked.resource) else {
            return false;
        };
        let attrs = [(attr.to_owned(), class.clone())];
        let value = |expr: &_| view.value(Supposed::Has(&attrs), expr);
        permits(view, asked)
            .filter(|rule| rule.chapter.as_deref() != Some("holds"))
            .any(|rule| !refuted(&[&view.formula(rule, asked, Some(&value))]))
    })
}
