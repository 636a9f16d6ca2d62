//! Changes and obstacles as sentences.

use avow_engine::{Explanation, explain::Considered, format::Cell};

use super::{
    By, Change, MOST_CHANGES,
    world::{Owner, Place, World, declared},
};
use crate::{
    notation::{duration, text, uid},
    program::{ActionScope, Program, Rule, Scope},
};

/// In whose hand a place is, by the schema's `@authoritative`.
pub(super) fn by(program: &Program, world: &World, place: &Place) -> By {
    if *place == Place::context("now") {
        return By::Clock;
    }
    let marked = |place: &Place| {
        let way = declared(program, &world.action, place).unwrap_or_default();
        way.iter().any(|attr| attr.authoritative)
    };
    let is_system = match &place.owner {
        // Whatever the schema says of it, the tenant is the host's to say.
        Owner::Context => *place == Place::context("tenant") || marked(place),
        Owner::Entity((type_name, _)) | Owner::Parents((type_name, _)) => {
            let of = program.schema.entity_types.get(type_name);
            let whole = place.path.is_empty();
            of.is_some_and(|of| {
                let any = of.attrs.values().any(|attr| attr.authoritative);
                of.authoritative || whole && any
            }) || marked(place)
        }
    };
    if is_system { By::System } else { By::Caller }
}

pub(super) fn change(program: &Program, before: &World, after: &World, place: &Place) -> Change {
    let (was, is) = (before.get(place), after.get(place));
    Change {
        words: sentence(place, was.as_ref(), is.as_ref()),
        place: place.text(),
        before: was.as_ref().map(text),
        after: is.as_ref().map(text),
        by: by(program, after, place),
    }
}

fn sentence(place: &Place, was: Option<&Cell>, is: Option<&Cell>) -> String {
    let name = place.text();
    match (was, is) {
        (Some(Cell::Set(was)), Some(Cell::Set(is))) => {
            let lost: Vec<_> = was.iter().filter(|item| !is.contains(item)).collect();
            let won: Vec<_> = is.iter().filter(|item| !was.contains(item)).collect();
            let list = |items: Vec<&Cell>| {
                let items: Vec<String> = items.into_iter().map(text).collect();
                items.join(", ")
            };
            match (lost.is_empty(), won.is_empty(), is.is_empty()) {
                (_, _, true) => format!("{name} is empty, without {}", list(lost)),
                (true, false, _) => format!("{name} has {} too", list(won)),
                (false, true, _) => format!("{name} has no {}", list(lost)),
                _ => format!("{name} has {}, and no {}", list(won), list(lost)),
            }
        }
        (Some(Cell::Datetime(was)), Some(is @ Cell::Datetime(at))) if name == "context.now" => {
            let when = if at > was { "later" } else { "earlier" };
            let by = duration(at.saturating_sub(*was).saturating_abs());
            format!("it is asked at {}, {by} {when}", text(is))
        }
        (Some(was), Some(is)) => format!("{name} is {}, not {}", text(is), text(was)),
        (None, Some(is)) if place.path.is_empty() => {
            format!("{name} is described, as {}", text(is))
        }
        (None, Some(is)) => format!("{name} is there, as {}", text(is)),
        (Some(was), None) => format!("{name} is not there; it is {}", text(was)),
        (None, None) => format!("{name} is as it was"),
    }
}

/// What stands in the way, and what is not proposed.
pub(super) fn notes(
    program: &Program,
    world: &World,
    first: &Explanation,
    nothing: bool,
    exhausted: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    let forbids = |rule: &&Considered| rule.effect == "forbid" && rule.result == "holds";
    for rule in first.considered.iter().filter(forbids) {
        if rule.conditions.is_empty() {
            notes.push(format!(
                "`{}` forbids it without a condition: it is denied to everyone, whatever the circumstances",
                rule.rule
            ));
        }
    }
    let permits: Vec<&Considered> = first
        .considered
        .iter()
        .filter(|rule| rule.effect == "permit")
        .collect();
    if permits.is_empty() {
        notes.extend(no_permit(program, world));
    }
    if !nothing {
        return notes;
    }
    let hard = notes.is_empty();
    if hard {
        for rule in &first.considered {
            let blocks = match rule.effect {
                "forbid" => rule.result != "does_not_hold",
                _ => rule.result != "holds" && first.verdict.outcome == "not_permitted",
            };
            for condition in rule.conditions.iter().filter(|_| blocks) {
                let value = match condition.value {
                    Some(value) => format!("is {value}"),
                    None => "cannot be evaluated".to_owned(),
                };
                notes.push(format!(
                    "for `{}`, `{}` {value}",
                    rule.rule, condition.condition
                ));
            }
        }
    }
    notes.push(match exhausted {
        true => format!(
            "no set of up to {MOST_CHANGES} changes of context or facts allows it; another principal, action or resource would be another question"
        ),
        false => "the search was ended before every set of changes was tried".to_owned(),
    });
    notes
}

/// Why no permit even came into question.
fn no_permit(program: &Program, world: &World) -> Vec<String> {
    let action = uid(&world.action.0, &world.action.1);
    let permits = || program.rules.iter().filter(|rule| !rule.forbids);
    let of_action = |rule: &&Rule| {
        let is_in = |group: &(String, String)| {
            let row = program.entities.get(&world.action);
            *group == world.action || row.is_some_and(|row| row.parents.contains(group))
        };
        match &rule.actions {
            ActionScope::Any => true,
            ActionScope::Eq(of) => *of == world.action,
            ActionScope::In(groups) => groups.iter().any(is_in),
        }
    };
    let near: Vec<String> = permits()
        .filter(of_action)
        .map(|rule| {
            format!(
                "`{}` permits {action} for {} on {}",
                rule.id,
                scope(&rule.principal, "any principal"),
                scope(&rule.resource, "any resource")
            )
        })
        .collect();
    if near.is_empty() {
        return vec![format!("no rule permits {action}, to anyone")];
    }
    let mut notes = vec![format!(
        "no rule permits {action} for this principal on this resource; another one is no change that is proposed"
    )];
    notes.extend(near);
    notes
}

fn scope(scope: &Scope, any: &str) -> String {
    match scope {
        Scope::Any => any.to_owned(),
        Scope::Eq(of) => uid(&of.0, &of.1),
        Scope::In(of) => format!("what is in {}", uid(&of.0, &of.1)),
        Scope::Is(name) => format!("a {name}"),
        Scope::IsIn(name, of) => format!("a {name} in {}", uid(&of.0, &of.1)),
    }
}
