//! What a pack declares, as far as cases name it.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::Bundle;

use crate::{
    Compiled,
    program::{Action, Attr, EntityType, Schema},
    suggest::suggest,
};

/// How many names a message lists where none is near to what was written.
const LISTED: usize = 12;

pub(crate) struct Known<'a> {
    pub(crate) bundle: &'a Bundle,
    schema: &'a Schema,
    pub(crate) rules: BTreeSet<String>,
    pub(crate) clauses: BTreeSet<String>,
    pub(crate) obligations: BTreeSet<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(compiled: &'a Compiled, bundle: &'a Bundle) -> Self {
        let mut known = Self {
            bundle,
            schema: &compiled.program.schema,
            rules: BTreeSet::new(),
            clauses: BTreeSet::new(),
            obligations: BTreeSet::new(),
        };
        let promises = compiled.promises.iter().map(|promise| &promise.id);
        known.clauses.extend(promises.cloned());
        for rule in bundle.rules() {
            known.rules.insert(rule.id().to_owned());
            known.clauses.extend(rule.clauses().map(ToOwned::to_owned));
            let obligations = rule.obligations().map(ToOwned::to_owned);
            known.obligations.extend(obligations);
        }
        known
    }

    /// The action that a case names, with or without its type.
    pub(crate) fn action(&self, written: &str) -> Option<&'a Action> {
        let id = split_uid(written).map_or(written, |(_, id)| id);
        let mut fitting = self
            .schema
            .actions
            .iter()
            .filter(|((_, known), _)| known == id);
        fitting.next().map(|(_, action)| action)
    }

    pub(crate) fn actions(&self) -> Vec<&'a str> {
        self.schema
            .actions
            .keys()
            .map(|(_, id)| id.as_str())
            .collect()
    }

    /// The type that a case names, with or without its namespace.
    pub(crate) fn entity_type(&self, written: &str) -> Option<&'a EntityType> {
        let types = &self.schema.entity_types;
        types.get(written).or_else(|| {
            let mut fitting = types.iter().filter(|(name, _)| last(name) == written);
            fitting.next().map(|(_, of)| of)
        })
    }

    /// The types as a case may write them: without the namespace.
    pub(crate) fn types(&self) -> Vec<&'a str> {
        self.schema
            .entity_types
            .keys()
            .map(|name| last(name))
            .collect()
    }
}

/// Type and id of `Type::"id"`.
pub(crate) fn split_uid(text: &str) -> Option<(&str, &str)> {
    let (type_name, rest) = text.split_once("::\"")?;
    Some((type_name, rest.strip_suffix('"')?))
}

fn last(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

pub(crate) fn names(attrs: &BTreeMap<String, Attr>) -> Vec<&str> {
    attrs.keys().map(String::as_str).collect()
}

/// A way out for who wrote a name that is none: the nearest one, or else all of them where they are few.
pub(crate) fn help<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known: BTreeSet<&str> = known.into_iter().collect();
    if let Some(meant) = suggest(word, known.iter().copied()) {
        return Some(format!("did you mean `{meant}`?"));
    }
    let all: Vec<_> = known.into_iter().collect();
    (1..=LISTED)
        .contains(&all.len())
        .then(|| format!("there are `{}`", all.join("`, `")))
}
