//! A change of a rule's text, and the words that a pack has to put in another one's place.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    instrument::{Edit, Written},
    policies::CATALOGUED,
    program::Program,
    tree::{Expr, Kind, Span, Step},
};

/// One small change.
pub(super) struct Change {
    pub(super) kind: &'static str,
    /// What is shown of the text, before and after.
    pub(super) frame: Span,
    pub(super) edits: Vec<Edit>,
    pub(super) what: What,
}

/// What a change concerns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// When the rule applies.
    Meaning,
    Effect,
    /// What a caller must do; this is left of it.
    Obligations(Vec<String>),
}

impl Change {
    /// A change of when the rule applies.
    pub(super) fn new(kind: &'static str, frame: &Span, edits: Vec<Edit>) -> Self {
        Self {
            kind,
            frame: frame.clone(),
            edits,
            what: What::Meaning,
        }
    }

    /// The bytes that change.
    pub(super) fn span(&self) -> Span {
        let start = self.edits.iter().map(|(span, _)| span.start).min();
        let end = self.edits.iter().map(|(span, _)| span.end).max();
        start.unwrap_or_default()..end.unwrap_or_default()
    }

    /// Whether nothing of the rule changes but whom and what it is about.
    pub(super) fn is_of_scope(&self) -> bool {
        ["widen-scope", "narrow-scope"].contains(&self.kind)
    }

    /// Whether the engine has to be asked what it gives.
    pub(super) fn asks(&self) -> bool {
        self.what == What::Meaning
    }
}

/// Where a word of Cedar stands in a text that has nothing but comments and blanks beside it.
pub(super) fn token(text: &str, within: Span, word: &str) -> Option<Span> {
    let mut at = within.start;
    while at < within.end {
        let rest = text.get(at..within.end)?;
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with(word) {
            return Some(at..at + word.len());
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
    None
}

/// Literals that can stand for one another.
pub(super) struct Words {
    /// Ids of the catalogue's entities and of those that rules name, by type.
    entities: BTreeMap<String, BTreeSet<String>>,
    /// Strings that rules compare with an attribute, by the attribute's name.
    strings: BTreeMap<String, BTreeSet<String>>,
}

impl Words {
    pub(super) fn new(program: &Program, written: &[Written<'_>]) -> Self {
        let mut words = Self {
            entities: BTreeMap::new(),
            strings: BTreeMap::new(),
        };
        for (type_name, id) in program.entities.keys() {
            words.entity(type_name, id.escape_debug().to_string());
        }
        for rule in written {
            for part in &rule.policy.scope {
                if let Some(entity) = &part.entity {
                    entity.visit(&mut |expr| words.note(expr, rule.text));
                }
            }
            for condition in &rule.policy.conditions {
                condition
                    .expr
                    .visit(&mut |expr| words.note(expr, rule.text));
            }
        }
        words
    }

    fn entity(&mut self, type_name: &str, id: String) {
        let of = self.entities.entry(type_name.to_owned()).or_default();
        of.insert(id);
    }

    fn note(&mut self, expr: &Expr, text: &str) {
        if let Kind::Entity(type_name, id) = &expr.kind {
            self.entity(type_name, id.clone());
        }
        for (string, attribute) in compared(expr) {
            let of = self.strings.entry(attribute.to_owned()).or_default();
            of.insert(text.get(string.span.clone()).unwrap_or_default().to_owned());
        }
    }

    /// Another entity of the type: the next one of the pack, or else one that is not there; none where it would have to be.
    pub(super) fn other_entity(&self, type_name: &str, id: &str) -> Option<String> {
        let known = self.entities.get(type_name);
        let other = known.and_then(|known| next(known, id));
        let other = match other {
            Some(other) => other.clone(),
            None if CATALOGUED.contains(&type_name) => return None,
            None => format!("{id}-other"),
        };
        Some(format!("{type_name}::\"{other}\""))
    }

    /// Another string in quotes: the next one that something of the name is compared with, or else one that nothing is.
    pub(super) fn other_string(&self, attribute: Option<&str>, string: &str) -> String {
        let known = attribute.and_then(|attribute| self.strings.get(attribute));
        let other = known.and_then(|known| next(known, string));
        other.map_or_else(
            || match string {
                "\"\"" => "\"other\"".to_owned(),
                _ => "\"\"".to_owned(),
            },
            Clone::clone,
        )
    }
}

/// The next one in their order, round and round.
fn next<'a>(of: &'a BTreeSet<String>, known: &str) -> Option<&'a String> {
    let after = of.iter().find(|other| other.as_str() > known);
    after.or_else(|| of.iter().find(|other| other.as_str() != known))
}

/// Strings that an expression compares with an attribute: with `==`, with `!=`, and in sets with `contains`.
pub(super) fn compared(expr: &Expr) -> Vec<(&Expr, &str)> {
    let mut pairs: Vec<(&Expr, Option<&str>)> = Vec::new();
    match &expr.kind {
        Kind::Relation(_, sides) => {
            let [left, right] = &**sides;
            pairs.push((left, attribute(right)));
            pairs.push((right, attribute(left)));
        }
        Kind::Member(of, steps) => {
            for (at, step) in steps.iter().enumerate() {
                if let (Step::Call(args), true) = (step, at > 0)
                    && let [arg] = args.as_slice()
                {
                    // Before it stands the name of what is called.
                    pairs.push((arg, last(steps.get(..at - 1).unwrap_or_default())));
                    if at == 1 {
                        pairs.push((of, attribute(arg)));
                    }
                }
            }
        }
        _ => {}
    }
    let mut out = Vec::new();
    for (literal, attribute) in pairs {
        let (literal, Some(attribute)) = (literal.bare(), attribute) else {
            continue;
        };
        let items = match &literal.kind {
            Kind::Set(items) => items.as_slice(),
            _ => std::slice::from_ref(literal),
        };
        let strings = items.iter().filter(|item| matches!(item.kind, Kind::Str));
        out.extend(strings.map(|item| (item, attribute)));
    }
    out
}

/// The attribute that an expression is.
fn attribute(expr: &Expr) -> Option<&str> {
    match &expr.bare().kind {
        Kind::Member(_, steps) => last(steps),
        _ => None,
    }
}

fn last(steps: &[Step]) -> Option<&str> {
    match steps.last()? {
        Step::Field(name, _) => Some(name),
        Step::Call(_) | Step::Index(_) => None,
    }
}
