//! What a bundle shows of its rules and its catalogue.

use super::{
    Bundle, RuleRow,
    layout::{NOTES, SOURCES, TEXTS},
};
use crate::{
    bytes::u32_at,
    store::{EntityData, Value},
};

/// Whether a rule permits or forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It permits.
    Permit,
    /// It forbids, and no permit outvotes it.
    Forbid,
}

/// A rule of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) number: u32,
    pub(super) row: RuleRow,
}

/// Where a rule was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Path inside the pack.
    pub file: &'a str,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl<'a> Rule<'a> {
    /// Its number in this bundle.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Its name, the same in a bundle and its slices.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.bundle.string(self.row.id).unwrap_or_default()
    }

    /// Whether it permits or forbids.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self.row.effect {
            0 => Effect::Permit,
            _ => Effect::Forbid,
        }
    }

    /// An annotation by its key.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        let notes = self.bundle.section(NOTES);
        let span = self.row.notes;
        (span.start..span.start + span.len).find_map(|i| {
            let at = i as usize * 8;
            let found = self.bundle.string(u32_at(notes, at)?)?;
            (found == key).then(|| self.bundle.string(u32_at(notes, at + 4)?))?
        })
    }

    /// The clauses that it keeps: `@clause`, blank-separated.
    pub fn clauses(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotation("clause")
            .unwrap_or_default()
            .split_ascii_whitespace()
    }

    /// What a caller must carry out when it decides: `@obligation`, blank-separated.
    pub fn obligations(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotation("obligation")
            .unwrap_or_default()
            .split_ascii_whitespace()
    }

    /// Where it was written; none in a slice.
    #[must_use]
    pub fn source(&self) -> Option<Source<'a>> {
        let sources = self.bundle.section(SOURCES);
        let at = self.number as usize * 12;
        Some(Source {
            file: self.bundle.string(u32_at(sources, at)?)?,
            line: u32_at(sources, at + 4)?,
            column: u32_at(sources, at + 8)?,
        })
    }
}

/// An entity that a bundle describes.
#[derive(Clone, Copy, Debug)]
pub struct Entity<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) data: &'a EntityData,
}

impl<'a> Entity<'a> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        let uid = self.bundle.store.uid(self.data.uid).unwrap_or_default();
        self.bundle.string(uid.1).unwrap_or_default()
    }

    /// Its type, with namespace.
    #[must_use]
    pub fn type_name(&self) -> &'a str {
        let uid = self.bundle.store.uid(self.data.uid).unwrap_or_default();
        self.bundle.string(uid.0).unwrap_or_default()
    }

    /// An attribute.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<Attr<'a>> {
        let key = self.bundle.find(name)?;
        let value = self.bundle.store.field(self.data.attrs, key)?;
        Some(Attr {
            bundle: self.bundle,
            value,
        })
    }

    /// A text for people, such as `title`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'a str> {
        let rows = self.bundle.section(TEXTS);
        let key = self.bundle.find(key)?;
        (0..rows.len() / 12).find_map(|row| {
            let at = row * 12;
            let fits = u32_at(rows, at)? == self.data.uid && u32_at(rows, at + 4)? == key;
            fits.then(|| self.bundle.string(u32_at(rows, at + 8)?))?
        })
    }
}

/// A value of an entity that a bundle describes.
#[derive(Clone, Copy, Debug)]
pub struct Attr<'a> {
    pub(super) bundle: &'a Bundle,
    value: Value,
}

impl<'a> Attr<'a> {
    /// A string.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self.value {
            Value::Str(text) => self.bundle.string(text),
            _ => None,
        }
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// An integer.
    #[must_use]
    pub fn as_long(self) -> Option<i64> {
        match self.value {
            Value::Long(value) => Some(value),
            _ => None,
        }
    }

    /// A datetime or a duration, in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> Option<i64> {
        match self.value {
            Value::Datetime(value) | Value::Duration(value) => Some(value),
            _ => None,
        }
    }

    /// The id of an entity.
    #[must_use]
    pub fn as_entity_id(self) -> Option<&'a str> {
        match self.value {
            Value::Entity(uid) => self.bundle.string(self.bundle.store.uid(uid)?.1),
            _ => None,
        }
    }

    /// The elements of a set; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Attr<'a>> {
        let items = match self.value {
            Value::Set(span) => self.bundle.store.items(span),
            _ => &[],
        };
        let bundle = self.bundle;
        items.iter().map(move |value| Attr {
            bundle,
            value: *value,
        })
    }
}
