//! The schema as a bundle carries it: what intake reads requests by.
//!
//! Bytes, all words `u32`: counts of types, attributes, entity types, actions, words, derived attributes | types: kind, two
//! operands | attributes: name, type, flags | entity types: name, attributes (start, length), type of tags, parents (start,
//! length), enumerated ids (start, length), flags | actions: uid, principal types (start, length), resource types (start, length),
//! context's attributes (start, length) | words: names | derived attributes: entity type, attribute, source,
//! months, days, milliseconds (two words).

use crate::{
    bytes::u32_at,
    store::{Span, Store},
};

/// Words of a row of each table, in the order of the tables.
pub const WIDTHS: [usize; 6] = [3, 3, 9, 7, 1, 7];
/// Stands where a type without tags has the type of its tags.
pub const NONE: u32 = u32::MAX;
/// Flag of an attribute that must be there.
pub const REQUIRED: u32 = 1;
/// Flag of an attribute, or of a type whose entities, a caller may not assert.
pub const AUTHORITATIVE: u32 = 2;

/// Codes of the kinds of types.
pub mod kind {
    #![allow(missing_docs, reason = "each is Cedar's type of that name")]
    pub const BOOL: u32 = 0;
    pub const LONG: u32 = 1;
    pub const STRING: u32 = 2;
    /// Operand: the entity type's name.
    pub const ENTITY: u32 = 3;
    /// Operand: the elements' type.
    pub const SET: u32 = 4;
    /// Operands: start and length of the attributes.
    pub const RECORD: u32 = 5;
    pub const DECIMAL: u32 = 6;
    pub const DATETIME: u32 = 7;
    pub const DURATION: u32 = 8;
    pub const IP: u32 = 9;
}

const TYPES: usize = 0;
const ATTRS: usize = 1;
const ENTITY_TYPES: usize = 2;
const ACTIONS: usize = 3;
const WORDS: usize = 4;
const DERIVED: usize = 5;

/// A bundle's schema, read in place.
#[derive(Clone, Copy)]
pub struct Schema<'a> {
    bytes: &'a [u8],
}

/// A type, by its kind and operands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Type {
    pub(crate) kind: u32,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

impl Type {
    pub(crate) fn span(self) -> Span {
        Span {
            start: self.a,
            len: self.b,
        }
    }
}

#[cfg(feature = "intake")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttrType {
    pub(crate) name: u32,
    pub(crate) of: u32,
    pub(crate) flags: u32,
}

#[cfg(feature = "intake")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntityType {
    pub(crate) name: u32,
    pub(crate) attrs: Span,
    pub(crate) tags: u32,
    pub(crate) parents: Span,
    pub(crate) ids: Span,
    pub(crate) flags: u32,
}

#[cfg(feature = "intake")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) uid: u32,
    pub(crate) principals: Span,
    pub(crate) resources: Span,
    pub(crate) context: Span,
}

#[cfg(feature = "intake")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derived {
    pub(crate) type_name: u32,
    pub(crate) attr: u32,
    pub(crate) from: u32,
    pub(crate) months: u32,
    pub(crate) days: u32,
    pub(crate) millis: u64,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether the bundle has a schema at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.bytes.is_empty()
    }

    fn count(&self, table: usize) -> usize {
        u32_at(self.bytes, table * 4).unwrap_or_default() as usize
    }

    fn word(&self, table: usize, row: u32, word: usize) -> Option<u32> {
        let mut at = WIDTHS.len();
        for (before, width) in WIDTHS.iter().enumerate().take(table) {
            at += self.count(before) * width;
        }
        let width = WIDTHS.get(table)?;
        u32_at(self.bytes, (at + row as usize * width + word) * 4)
    }

    fn rows(&self, table: usize) -> core::ops::Range<u32> {
        0..self.count(table) as u32
    }

    fn span(&self, table: usize, row: u32, word: usize) -> Option<Span> {
        Some(Span {
            start: self.word(table, row, word)?,
            len: self.word(table, row, word + 1)?,
        })
    }

    /// Checks that every number names something. Linear; the word on which it stopped.
    pub(crate) fn check(&self, store: &Store) -> Result<(), u32> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let mut words = WIDTHS.len();
        for (table, width) in WIDTHS.iter().enumerate() {
            let rows = self.count(table);
            words = rows
                .checked_mul(*width)
                .and_then(|more| more.checked_add(words))
                .filter(|words| *words <= self.bytes.len() / 4)
                .ok_or(table as u32)?;
        }
        if words * 4 != self.bytes.len() {
            return Err(words as u32);
        }
        let within = |span: Option<Span>, table: usize| {
            span.and_then(|s| s.start.checked_add(s.len))
                .is_some_and(|end| end as usize <= self.count(table))
        };
        let string = |word: Option<u32>| word.is_some_and(|word| store.is_name(word));
        let types = self.count(TYPES) as u32;
        for row in self.rows(TYPES) {
            let sound = self.type_at(row).is_some_and(|t| match t.kind {
                kind::ENTITY => string(Some(t.a)),
                // A type names only types before it, so types are finite.
                kind::SET => t.a < row,
                kind::RECORD => within(Some(t.span()), ATTRS),
                other => other <= kind::IP,
            });
            if !sound {
                return Err(row);
            }
        }
        for row in self.rows(ATTRS) {
            if !string(self.word(ATTRS, row, 0)) || self.word(ATTRS, row, 1) >= Some(types) {
                return Err(row);
            }
        }
        for row in self.rows(ENTITY_TYPES) {
            let tags = self.word(ENTITY_TYPES, row, 3);
            let sound = string(self.word(ENTITY_TYPES, row, 0))
                && within(self.span(ENTITY_TYPES, row, 1), ATTRS)
                && (tags == Some(NONE) || tags < Some(types))
                && within(self.span(ENTITY_TYPES, row, 4), WORDS)
                && within(self.span(ENTITY_TYPES, row, 6), WORDS);
            if !sound {
                return Err(row);
            }
        }
        for row in self.rows(ACTIONS) {
            let sound = self
                .word(ACTIONS, row, 0)
                .is_some_and(|uid| store.type_of(uid) != NONE)
                && within(self.span(ACTIONS, row, 1), WORDS)
                && within(self.span(ACTIONS, row, 3), WORDS)
                && within(self.span(ACTIONS, row, 5), ATTRS);
            if !sound {
                return Err(row);
            }
        }
        for row in self.rows(WORDS) {
            if !string(self.word(WORDS, row, 0)) {
                return Err(row);
            }
        }
        for row in self.rows(DERIVED) {
            if !(0..3).all(|word| string(self.word(DERIVED, row, word))) {
                return Err(row);
            }
        }
        Ok(())
    }

    pub(crate) fn type_at(&self, row: u32) -> Option<Type> {
        Some(Type {
            kind: self.word(TYPES, row, 0)?,
            a: self.word(TYPES, row, 1)?,
            b: self.word(TYPES, row, 2)?,
        })
    }
}

/// What intake reads.
#[cfg(feature = "intake")]
impl<'a> Schema<'a> {
    pub(crate) fn attrs(&self, span: Span) -> impl Iterator<Item = AttrType> + use<'a> {
        let schema = *self;
        (span.start..span.start + span.len).filter_map(move |row| {
            Some(AttrType {
                name: schema.word(ATTRS, row, 0)?,
                of: schema.word(ATTRS, row, 1)?,
                flags: schema.word(ATTRS, row, 2)?,
            })
        })
    }

    pub(crate) fn entity_types(&self) -> impl Iterator<Item = EntityType> + use<'a> {
        let schema = *self;
        self.rows(ENTITY_TYPES).filter_map(move |row| {
            Some(EntityType {
                name: schema.word(ENTITY_TYPES, row, 0)?,
                attrs: schema.span(ENTITY_TYPES, row, 1)?,
                tags: schema.word(ENTITY_TYPES, row, 3)?,
                parents: schema.span(ENTITY_TYPES, row, 4)?,
                ids: schema.span(ENTITY_TYPES, row, 6)?,
                flags: schema.word(ENTITY_TYPES, row, 8)?,
            })
        })
    }

    pub(crate) fn actions(&self) -> impl Iterator<Item = Action> + use<'a> {
        let schema = *self;
        self.rows(ACTIONS).filter_map(move |row| {
            Some(Action {
                uid: schema.word(ACTIONS, row, 0)?,
                principals: schema.span(ACTIONS, row, 1)?,
                resources: schema.span(ACTIONS, row, 3)?,
                context: schema.span(ACTIONS, row, 5)?,
            })
        })
    }

    pub(crate) fn words(&self, span: Span) -> impl Iterator<Item = u32> + use<'a> {
        let schema = *self;
        (span.start..span.start + span.len).filter_map(move |row| schema.word(WORDS, row, 0))
    }

    pub(crate) fn derived(&self) -> impl Iterator<Item = Derived> + use<'a> {
        let schema = *self;
        self.rows(DERIVED).filter_map(move |row| {
            let word = |i| schema.word(DERIVED, row, i);
            Some(Derived {
                type_name: word(0)?,
                attr: word(1)?,
                from: word(2)?,
                months: word(3)?,
                days: word(4)?,
                millis: u64::from(word(5)?) | u64::from(word(6)?) << 32,
            })
        })
    }
}

impl core::fmt::Debug for Schema<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Schema")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
