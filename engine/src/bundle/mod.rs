//! A compiled pack, read in place.
//!
//! Bytes, little-endian: header of 88 bytes (`layout`) | section table | sections | optionally a signature of 100 bytes.
//! [`Bundle::load`] checks every offset, number and instruction once, in linear time, and refuses with the place of the first
//! fault; what it has passed cannot mislead the evaluator. The SHA-256 digest and the signature are the host's to verify:
//! they say who made a bundle, and a browser gets it from the origin that it trusts anyway.

mod error;
mod index;
pub mod layout;
mod view;

use alloc::vec::Vec;

use crate::{
    answer::Refusal,
    bytes::{slice, u16_at, u32_at, u64_at},
    code::{self, Operands},
    limits,
    schema::Schema,
    store::{Fuel, LAYERS, Mark, Span, Store, Texts},
};

use layout::{CODE, FACTS, INDEX, LISTS, META, NOTES, RULES, SCHEMA, SECTIONS, SOURCES, TEXTS};

pub(crate) use index::{Candidates, Index};

pub use error::BundleError;
pub use view::{Attr, Effect, Entity, Rule, Source};

/// A signature that follows a bundle's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signer's Ed25519 key.
    pub key: [u8; 32],
    /// Over [`layout::SIGNATURE_CONTEXT`] and the digest.
    pub bytes: [u8; 64],
}

/// Body and signature of a bundle file; none where the lengths do not fit.
#[must_use]
pub fn split_signature(bytes: &[u8]) -> Option<(&[u8], Option<Signature>)> {
    let length = u32_at(bytes, layout::LENGTH_AT)? as usize;
    let (body, rest) = bytes.split_at_checked(length)?;
    if rest.is_empty() {
        return Some((body, None));
    }
    let rest = rest.strip_prefix(&layout::SIGNATURE_MAGIC)?;
    let signature = Signature {
        key: *rest.first_chunk()?,
        bytes: rest.get(32..)?.try_into().ok()?,
    };
    Some((body, Some(signature)))
}

/// What the digest is computed of: the body with digest and checksum zeroed; none where the body is too short.
#[must_use]
pub fn digest_image(body: &[u8]) -> Option<Vec<u8>> {
    let mut image = body.to_vec();
    image.get_mut(layout::DIGEST_AT..layout::PARENT_AT)?.fill(0);
    image
        .get_mut(layout::CHECKSUM_AT..layout::HEADER_BYTES)?
        .fill(0);
    Some(image)
}

/// A compiled pack that has been checked whole.
#[derive(Debug)]
pub struct Bundle {
    bytes: Vec<u8>,
    sections: [(u32, u32); SECTIONS],
    pub(crate) store: Store,
    pub(crate) mark: Mark,
    strings: u32,
}

impl Bundle {
    /// Checks a bundle whole. O(bytes), but for sets among the constants, which are sorted.
    ///
    /// # Errors
    /// Where anything in it does not hold together; the error says where.
    pub fn load(bytes: Vec<u8>) -> Result<Self, BundleError> {
        let sections = read_header(&bytes)?;
        let mut bundle = Self {
            bytes,
            sections,
            store: Store::default(),
            mark: Mark::default(),
            strings: 0,
        };
        bundle.check_facts()?;
        bundle.check_rules()?;
        bundle.check_tables()?;
        Ok(bundle)
    }

    fn check_facts(&mut self) -> Result<(), BundleError> {
        let corrupt = BundleError::Corrupt {
            section: FACTS,
            at: 0,
        };
        let mut store = core::mem::take(&mut self.store);
        let facts = self.section(FACTS);
        let texts = Texts {
            layers: [facts, &[], &[]],
        };
        let taken = store
            .push_layer(&texts, 0, None, &mut Fuel(u32::MAX))
            .map_err(|refusal| match refusal {
                Refusal::TooLarge => BundleError::TooLarge,
                _ => corrupt,
            })?;
        if taken != facts.len() {
            return Err(corrupt);
        }
        self.strings = u32_at(facts, 0).ok_or(corrupt)?;
        self.mark = store.mark();
        self.store = store;
        Ok(())
    }

    fn check_rules(&self) -> Result<(), BundleError> {
        let rules = self.section(RULES);
        if !rules.len().is_multiple_of(layout::RULE_WORDS * 4) {
            return Err(BundleError::Corrupt {
                section: RULES,
                at: 0,
            });
        }
        let operands = Operands {
            cells: self.store.mark_cells(self.mark),
            strings: self.strings,
            lists: self.section(LISTS),
        };
        let mut code_end = 0;
        for number in 0..self.rule_count() {
            let corrupt = BundleError::Corrupt {
                section: RULES,
                at: number,
            };
            let row = self.row(number).ok_or(corrupt)?;
            // Rules' code follows one upon the other: no instruction is checked twice, so the check stays linear.
            if row.code.start != code_end {
                return Err(corrupt);
            }
            code_end = row.code.start.saturating_add(row.code.len);
            let scope = |scope: &Scope| {
                let uid = match scope.kind {
                    layout::ANY | layout::IS => true,
                    _ => self.store.uid(scope.uid).is_some(),
                };
                let named = match scope.kind {
                    layout::IS | layout::IS_IN => scope.type_name < self.strings,
                    _ => true,
                };
                scope.kind <= layout::IS_IN && uid && named
            };
            // What a list of actions holds is only ever compared, so any number in it is harmless.
            let actions = row.action_kind <= layout::IN && in_table(row.actions, operands.lists, 4);
            if row.id >= self.strings
                || row.effect > 1
                || !scope(&row.principal)
                || !scope(&row.resource)
                || !actions
                || !in_table(row.notes, self.section(NOTES), 8)
                || !in_table(row.code, self.section(CODE), code::INSTRUCTION_BYTES)
            {
                return Err(corrupt);
            }
            if row.code.len > 0 {
                code::verify(self.section(CODE), row.code.start, row.code.len, &operands)
                    .map_err(|at| BundleError::Corrupt { section: CODE, at })?;
            }
        }
        Ok(())
    }

    fn check_tables(&self) -> Result<(), BundleError> {
        let strings_in = |section: u16, words: usize, first: usize| {
            let bytes = self.section(section);
            let whole = bytes.len().is_multiple_of(words * 4);
            let rows = bytes.len() / (words * 4);
            let wrong = (0..rows).find(|row| {
                !(first..words).all(|word| {
                    u32_at(bytes, (row * words + word) * 4).is_some_and(|s| s < self.strings)
                })
            });
            match wrong {
                None if whole => Ok(()),
                _ => Err(BundleError::Corrupt {
                    section,
                    at: wrong.unwrap_or(rows) as u32,
                }),
            }
        };
        // Lists hold string numbers and uid numbers; instructions and scopes were checked to name what they may.
        strings_in(NOTES, 2, 0)?;
        strings_in(META, 2, 0)?;
        strings_in(TEXTS, 3, 1)?;
        let sources = self.section(SOURCES);
        if !sources.is_empty() && sources.len() != self.rule_count() as usize * 12 {
            return Err(BundleError::Corrupt {
                section: SOURCES,
                at: 0,
            });
        }
        self.index()
            .check(self.rule_count())
            .map_err(|at| BundleError::Corrupt { section: INDEX, at })?;
        self.schema()
            .check(self.strings, &self.store)
            .map_err(|at| BundleError::Corrupt {
                section: SCHEMA,
                at,
            })
    }

    pub(crate) fn section(&self, id: u16) -> &[u8] {
        let (start, len) = self
            .sections
            .get(usize::from(id))
            .copied()
            .unwrap_or_default();
        slice(&self.bytes, start as usize, len as usize).unwrap_or_default()
    }

    /// The file, signature included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 digest as the header has it. A host recomputes it before it believes it.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        self.header_digest(layout::DIGEST_AT)
    }

    /// The digest of the bundle from which this slice was cut; none for a whole bundle.
    #[must_use]
    pub fn parent(&self) -> Option<&[u8; 32]> {
        Some(self.header_digest(layout::PARENT_AT)).filter(|digest| digest.iter().any(|b| *b != 0))
    }

    fn header_digest(&self, at: usize) -> &[u8; 32] {
        const ZERO: &[u8; 32] = &[0; 32];
        slice(&self.bytes, at, 32)
            .and_then(<[u8]>::first_chunk)
            .unwrap_or(ZERO)
    }

    /// What the bundle says of itself, such as `pack`, `namespace`, `target`, `consent.cookie`.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&str> {
        let rows = self.section(META);
        (0..rows.len() / 8).find_map(|row| {
            let found = self.string(u32_at(rows, row * 8)?)?;
            (found == key).then(|| self.string(u32_at(rows, row * 8 + 4)?))?
        })
    }

    /// How many rules there are.
    #[must_use]
    pub fn rule_count(&self) -> u32 {
        (self.section(RULES).len() / (layout::RULE_WORDS * 4)) as u32
    }

    /// A rule by its number.
    #[must_use]
    pub fn rule(&self, number: u32) -> Option<Rule<'_>> {
        let row = self.row(number)?;
        Some(Rule {
            bundle: self,
            number,
            row,
        })
    }

    /// All rules, in the order of their numbers.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        (0..self.rule_count()).filter_map(|number| self.rule(number))
    }

    /// The entities of a type that the bundle describes, by id.
    pub fn entities(&self, type_name: &str) -> impl Iterator<Item = Entity<'_>> {
        let type_name = self.find(type_name);
        self.store
            .entities()
            .iter()
            .filter(move |data| {
                type_name.is_some() && self.store.uid(data.uid).map(|uid| uid.0) == type_name
            })
            .map(|data| Entity { bundle: self, data })
    }

    /// An entity that the bundle describes.
    #[must_use]
    pub fn entity(&self, type_name: &str, id: &str) -> Option<Entity<'_>> {
        let pair = (self.find(type_name)?, self.find(id)?);
        let uid = self.store.find_uid(self.mark, pair)?;
        let data = self.store.entity(uid)?;
        Some(Entity { bundle: self, data })
    }

    /// The catalogue's id of a cookie or storage key, by its exact name or else by the pattern that it fits.
    ///
    /// `kind` is `cookie`, `local` or `session`. Patterns do not overlap: the compiler refuses a catalogue where they do.
    #[must_use]
    pub fn storage(&self, kind: &str, name: &str) -> Option<&str> {
        let of_kind =
            |entity: &Entity<'_>| entity.attr("kind").and_then(Attr::as_str) == Some(kind);
        let mut fitting = None;
        for entity in self.entities("Avow::Storage").filter(of_kind) {
            let Some(pattern) = entity.attr("name").and_then(Attr::as_str) else {
                continue;
            };
            if pattern == name {
                return Some(entity.id());
            }
            if fits(pattern.as_bytes(), name.as_bytes()) {
                fitting = Some(entity.id());
            }
        }
        fitting
    }

    /// The bundle's schema.
    #[must_use]
    pub fn schema(&self) -> Schema<'_> {
        Schema::new(self.section(SCHEMA))
    }

    pub(crate) fn index(&self) -> Index<'_> {
        Index(self.section(INDEX))
    }

    pub(crate) fn string(&self, number: u32) -> Option<&str> {
        let texts = Texts {
            layers: [self.section(FACTS), &[], &[]],
        };
        core::str::from_utf8(self.store.text(&texts, number)?).ok()
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let texts = Texts {
            layers: [self.section(FACTS), &[], &[]],
        };
        self.store.find_string(&texts, 1, text.as_bytes())
    }

    pub(crate) fn texts<'a>(&'a self, residents: &'a [u8], request: &'a [u8]) -> Texts<'a> {
        let layers: [&[u8]; LAYERS] = [self.section(FACTS), residents, request];
        Texts { layers }
    }

    pub(crate) fn list(&self, span: Span) -> impl Iterator<Item = u32> {
        let lists = self.section(LISTS);
        (span.start..span.start + span.len).filter_map(|i| u32_at(lists, i as usize * 4))
    }

    pub(crate) fn row(&self, number: u32) -> Option<RuleRow> {
        let size = layout::RULE_WORDS * 4;
        let row = slice(
            self.section(RULES),
            (number as usize).checked_mul(size)?,
            size,
        )?;
        let word = |i: usize| u32_at(row, i * 4);
        let span = |i: usize| {
            Some(Span {
                start: word(i)?,
                len: word(i + 1)?,
            })
        };
        let scope = |i: usize| {
            Some(Scope {
                kind: word(i)?,
                type_name: word(i + 1)?,
                uid: word(i + 2)?,
            })
        };
        Some(RuleRow {
            id: word(0)?,
            effect: word(1)?,
            principal: scope(2)?,
            action_kind: word(5)?,
            actions: span(6)?,
            resource: scope(8)?,
            code: span(11)?,
            notes: span(13)?,
        })
    }
}

fn read_header(bytes: &[u8]) -> Result<[(u32, u32); SECTIONS], BundleError> {
    if bytes.len() > limits::BUNDLE_BYTES {
        return Err(BundleError::TooLarge);
    }
    let found = bytes.len() as u32;
    let short = BundleError::Length {
        expected: layout::HEADER_BYTES as u32,
        found,
    };
    if !bytes.starts_with(&layout::MAGIC) {
        return Err(BundleError::NotABundle);
    }
    let format = u16_at(bytes, 4).ok_or(short)?;
    if format != layout::FORMAT {
        return Err(BundleError::Format(format));
    }
    let expected = u32_at(bytes, layout::LENGTH_AT).ok_or(short)?;
    let wrong_length = BundleError::Length { expected, found };
    let (body, _) = split_signature(bytes).ok_or(wrong_length)?;
    let stored = u64_at(body, layout::CHECKSUM_AT).ok_or(short)?;
    if layout::checksum(body) != Some(stored) {
        return Err(BundleError::Checksum);
    }
    let count = u32_at(body, layout::SECTIONS_AT).ok_or(short)?;
    let mut sections = [(0, 0); SECTIONS];
    for row in 0..count as usize {
        let at = row
            .checked_mul(layout::SECTION_BYTES)
            .and_then(|at| at.checked_add(layout::HEADER_BYTES))
            .ok_or(wrong_length)?;
        let (Some(id), Some(flags), Some(start), Some(len)) = (
            u16_at(body, at),
            u16_at(body, at + 2),
            u32_at(body, at + 4),
            u32_at(body, at + 8),
        ) else {
            return Err(wrong_length);
        };
        let bad = BundleError::Section(id);
        if slice(body, start as usize, len as usize).is_none() {
            return Err(bad);
        }
        match sections.get_mut(usize::from(id)) {
            Some(slot) if *slot == (0, 0) => *slot = (start, len),
            None if flags & layout::REQUIRED == 0 => {}
            _ => return Err(bad),
        }
    }
    Ok(sections)
}

fn in_table(span: Span, table: &[u8], size: usize) -> bool {
    (span.start as usize)
        .checked_add(span.len as usize)
        .is_some_and(|end| end <= table.len() / size)
}

/// Whether `name` fits a pattern in which `*` stands for any text.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        loop {
            if let Some(after) = rest.strip_prefix(part) {
                rest = after;
                break;
            }
            let Some((_, after)) = rest.split_first() else {
                return false;
            };
            rest = after;
        }
    }
    rest.ends_with(last)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) kind: u32,
    pub(crate) type_name: u32,
    pub(crate) uid: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleRow {
    pub(crate) id: u32,
    pub(crate) effect: u32,
    pub(crate) principal: Scope,
    pub(crate) action_kind: u32,
    pub(crate) actions: Span,
    pub(crate) resource: Scope,
    pub(crate) code: Span,
    pub(crate) notes: Span,
}
