//! What a bundle shows of its rules and its catalogue.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use super::{
    Bundle,
    index::OPEN,
    layout::{NOTES, RULE_WORDS, RULES, SOURCES, TEXTS},
};
#[cfg(feature = "serde")]
use crate::store::Span;
use crate::{
    block::{Cell, kind},
    bytes::u32_at,
    ext::Ip,
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
}

impl Bundle {
    /// A rule by its number.
    #[must_use]
    pub fn rule(&self, number: u32) -> Option<Rule<'_>> {
        (number < self.rule_count()).then_some(Rule {
            bundle: self,
            number,
        })
    }

    /// All rules, in the order of their numbers.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        (0..self.rule_count()).filter_map(|number| self.rule(number))
    }

    /// The entities of a type that the bundle describes, by id.
    pub fn entities(&self, type_name: &str) -> impl Iterator<Item = Entity<'_>> {
        let type_name = self.name(type_name);
        let ours = self.entity_count() as usize;
        self.store
            .entities()
            .iter()
            .take(ours)
            .filter(move |data| type_name == Some(self.store.type_of(data.uid)))
            .map(|data| Entity { bundle: self, data })
    }

    /// An entity that the bundle describes.
    #[must_use]
    pub fn entity(&self, type_name: &str, id: &str) -> Option<Entity<'_>> {
        let uid = self.uid_number(type_name, id)?;
        let number = self.store.entity_number(uid)?;
        let data = self.store.entity(uid)?;
        (number < self.entity_count()).then_some(Entity { bundle: self, data })
    }

    /// The catalogue's id of a cookie or storage key, by its exact name or else by the pattern that it fits.
    ///
    /// `kind` is `cookie`, `local` or `session`. Patterns do not overlap: the compiler refuses a catalogue where they do.
    #[must_use]
    pub fn storage(&self, kind: &str, name: &str) -> Option<&str> {
        let entry = self.storage_entry(kind, name)?;
        Some(self.string(entry.uid))
    }
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
        self.word(3)
            .and_then(|id| self.bundle.words().get(id))
            .unwrap_or_default()
    }

    fn word(&self, word: usize) -> Option<u32> {
        let row = self.number as usize * RULE_WORDS;
        u32_at(self.bundle.section(RULES), (row + word) * 4)
    }

    /// Its instructions.
    #[cfg(feature = "serde")]
    pub(crate) fn code_span(&self) -> Span {
        Span {
            start: self.word(1).unwrap_or_default(),
            len: self.word(2).unwrap_or_default(),
        }
    }

    /// How many of its first instructions are what the index left of its scope.
    #[cfg(feature = "serde")]
    pub(crate) fn scope_len(&self) -> u32 {
        self.word(6).unwrap_or_default()
    }

    /// Whether it permits or forbids.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self.word(0) {
            Some(0) => Effect::Permit,
            _ => Effect::Forbid,
        }
    }

    /// An annotation by its key.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        let notes = self.bundle.section(NOTES);
        let words = self.bundle.words();
        let (start, len) = (self.word(4)?, self.word(5)?);
        (start..start.checked_add(len)?).find_map(|i| {
            let at = i as usize * 8;
            let found = words.get(u32_at(notes, at)?)?;
            (found == key).then(|| words.get(u32_at(notes, at + 4)?))?
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

    /// Its annotations, key and value, but its own name.
    pub fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (notes, words) = (self.bundle.section(NOTES), self.bundle.words());
        let start = self.word(4).unwrap_or_default();
        let end = start.saturating_add(self.word(5).unwrap_or_default());
        (start..end).filter_map(move |i| {
            let at = i as usize * 8;
            Some((
                words.get(u32_at(notes, at)?)?,
                words.get(u32_at(notes, at + 4)?)?,
            ))
        })
    }

    /// The requests for which it is a candidate: action, principal type and resource type; `*` stands for any. O(index).
    #[must_use]
    pub fn asked(&self) -> Vec<[String; 3]> {
        let bundle = self.bundle;
        let name = |symbol: u32, text: String| match symbol {
            OPEN => "*".to_owned(),
            _ => text,
        };
        let rows = bundle.index.rows_with(&bundle.store.bytes, self.number);
        rows.into_iter()
            .map(|[action, principal, resource]| {
                let (of, id) = match action {
                    OPEN => ("", ""),
                    _ => bundle.uid(action),
                };
                let of_type = |symbol: u32| match symbol {
                    OPEN => String::new(),
                    _ => bundle.string(symbol).to_owned(),
                };
                [
                    name(action, format!("{of}::\"{id}\"")),
                    name(principal, of_type(principal)),
                    name(resource, of_type(resource)),
                ]
            })
            .collect()
    }

    /// Where it was written; none in a slice.
    #[must_use]
    pub fn source(&self) -> Option<Source<'a>> {
        let sources = self.bundle.section(SOURCES);
        let at = self.number as usize * 12;
        Some(Source {
            file: self.bundle.words().get(u32_at(sources, at)?)?,
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
        self.bundle.uid(self.data.uid).1
    }

    /// Its type, with namespace.
    #[must_use]
    pub fn type_name(&self) -> &'a str {
        self.bundle.uid(self.data.uid).0
    }

    /// An attribute.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<Attr<'a>> {
        let key = self.bundle.name(name)?;
        let value = self.bundle.store.field(self.data.attrs, key);
        value.is_there().then_some(Attr {
            bundle: self.bundle,
            value,
        })
    }

    /// All of its attributes, by name.
    pub fn attrs(&self) -> impl Iterator<Item = (&'a str, Attr<'a>)> {
        let bundle = self.bundle;
        let fields = bundle.store.items(self.data.attrs).iter();
        fields.map(move |value| {
            let attr = Attr {
                bundle,
                value: *value,
            };
            (bundle.string(value.key), attr)
        })
    }

    /// Its texts for people, key and text.
    pub fn texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (bundle, uid) = (self.bundle, self.data.uid);
        let rows = bundle.section(TEXTS);
        (0..rows.len() / 12).filter_map(move |row| {
            let at = row * 12;
            let words = bundle.words();
            let (owner, key, text) = (
                u32_at(rows, at)?,
                u32_at(rows, at + 4)?,
                u32_at(rows, at + 8)?,
            );
            (owner == uid).then_some((words.get(key)?, words.get(text)?))
        })
    }

    /// A text for people, such as `title`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'a str> {
        let rows = self.bundle.section(TEXTS);
        let words = self.bundle.words();
        (0..rows.len() / 12).find_map(|row| {
            let at = row * 12;
            if u32_at(rows, at)? != self.data.uid || words.get(u32_at(rows, at + 4)?)? != key {
                return None;
            }
            words.get(u32_at(rows, at + 8)?)
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
    fn payload(self, kind: u32) -> Option<u64> {
        (self.value.kind == kind).then_some(self.value.payload)
    }

    /// A string.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        let text = self.bundle.store.text(self.payload(kind::STRING)?);
        core::str::from_utf8(text).ok()
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        self.payload(kind::BOOL).map(|value| value != 0)
    }

    /// An integer.
    #[must_use]
    pub fn as_long(self) -> Option<i64> {
        self.payload(kind::LONG).map(u64::cast_signed)
    }

    /// A datetime or a duration, in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> Option<i64> {
        let millis = self.payload(kind::DATETIME);
        millis
            .or(self.payload(kind::DURATION))
            .map(u64::cast_signed)
    }

    /// The id of an entity.
    #[must_use]
    pub fn as_entity_id(self) -> Option<&'a str> {
        let uid = self.payload(kind::ENTITY)?;
        Some(self.bundle.uid(uid as u32).1)
    }

    /// The value as it was written; none for one that is damaged.
    #[must_use]
    pub fn cell(self) -> Option<Cell> {
        let Value { kind, payload, .. } = self.value;
        let number = payload.cast_signed();
        Some(match kind {
            kind::BOOL => Cell::Bool(payload != 0),
            kind::LONG => Cell::Long(number),
            kind::DECIMAL => Cell::Decimal(number),
            kind::DATETIME => Cell::Datetime(number),
            kind::DURATION => Cell::Duration(number),
            kind::STRING => Cell::Str(self.as_str()?.to_owned()),
            kind::ENTITY => {
                let (of, id) = self.bundle.uid(payload as u32);
                Cell::Entity(of.to_owned(), id.to_owned())
            }
            kind::IP => Cell::Ip(Ip::from_bytes(self.bundle.store.text(payload))?),
            kind::SET => Cell::Set(self.items().map(Attr::cell).collect::<Option<_>>()?),
            kind::RECORD => {
                let fields = self.bundle.store.items(self.value.span()).iter();
                let fields = fields.map(|value| {
                    let name = self.bundle.string(value.key).to_owned();
                    let attr = Attr {
                        bundle: self.bundle,
                        value: *value,
                    };
                    Some((name, attr.cell()?))
                });
                Cell::Record(fields.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// The elements of a set; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Attr<'a>> {
        let bundle = self.bundle;
        let items = match self.value.kind {
            kind::SET => bundle.store.items(self.value.span()),
            _ => &[],
        };
        items.iter().map(move |value| Attr {
            bundle,
            value: *value,
        })
    }
}
