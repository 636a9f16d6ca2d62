//! Changes of a rule's head: its effect, its scope, what it obliges to.

use crate::{
    coverage::words,
    instrument::Written,
    tree::{Kind, Part},
};

use super::{
    change::{Change, What, Words},
    conditions::dropped,
};

pub(super) fn changes(rule: &Written<'_>, known: &Words) -> Vec<Change> {
    let mut changes = vec![effect(rule)];
    changes.extend(obligations(rule));
    for part in &rule.policy.scope {
        // Without its slot a template has no links.
        let keeps_slot = |change: &Change| {
            let removed = change.edits.iter().map(|(span, _)| span.clone());
            removed
                .filter_map(|span| rule.text.get(span))
                .all(|text| !text.contains('?'))
        };
        changes.extend(widened(part).into_iter().filter(keeps_slot));
        changes.extend(narrowed(rule, part, known));
    }
    changes
}

fn effect(rule: &Written<'_>) -> Change {
    let other = match rule.policy.forbids {
        true => "permit",
        false => "forbid",
    };
    let span = &rule.policy.effect;
    Change {
        what: What::Effect,
        ..Change::new("swap-effect", span, vec![(span.clone(), other.to_owned())])
    }
}

/// Each obligation left out.
fn obligations(rule: &Written<'_>) -> Vec<Change> {
    let mut annotations = rule.policy.annotations.iter();
    let Some(at) = annotations.find(|of| of.key == "obligation") else {
        return Vec::new();
    };
    let all = words(rule, "obligation");
    let without = |number: usize| {
        let mut left = all.clone();
        left.remove(number);
        let text = match left.is_empty() {
            true => String::new(),
            false => format!("@obligation(\"{}\")", left.join(" ")),
        };
        Change {
            what: What::Obligations(left),
            ..Change::new("drop-obligation", &at.span, vec![(at.span.clone(), text)])
        }
    };
    (0..all.len()).map(without).collect()
}

fn widened(part: &Part) -> Vec<Change> {
    let without = |from: usize, to: usize| {
        Change::new("widen-scope", &part.span, vec![(from..to, String::new())])
    };
    let (start, end) = (part.variable.end, part.span.end);
    match (&part.of, &part.entity) {
        (None, None) => Vec::new(),
        (Some(of), Some(_)) => vec![
            without(start, end),
            without(of.end, end),
            without(start, of.end),
        ],
        _ => vec![without(start, end)],
    }
}

fn narrowed(rule: &Written<'_>, part: &Part, known: &Words) -> Vec<Change> {
    let Some(entity) = &part.entity else {
        return Vec::new();
    };
    let is_action = rule.text.get(part.variable.clone()) == Some("action");
    match &entity.kind {
        Kind::Set(items) => dropped(items, &part.span, "narrow-scope"),
        // Another action is another rule: nobody slips that far.
        Kind::Entity(type_name, id) if !is_action => {
            let other = known.other_entity(type_name, id).into_iter();
            other
                .map(|other| {
                    let edits = vec![(entity.span.clone(), other)];
                    Change::new("replace-entity", &part.span, edits)
                })
                .collect()
        }
        _ => Vec::new(),
    }
}
