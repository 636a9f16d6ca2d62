//! A compiled pack, read in place.
//!
//! Bytes, little-endian: header of 88 bytes (`layout`) | section table | sections | optionally a signature of 100 bytes.
//! [`Bundle::load`] checks every offset, number and instruction once, in linear time, and refuses with the place of the first
//! fault; what it has passed cannot mislead the evaluator. The SHA-256 digest and the signature are the host's to verify:
//! they say who made a bundle, and a browser gets it from the origin that it trusts anyway.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    answer::Refusal,
    bytes::{slice, u16_at, u32_at, u64_at},
    code::{self, Operands},
    limits,
    schema::Schema,
    store::{EntityData, Fuel, LAYERS, Mark, Span, Store, Texts, Value},
};

/// Numbers and offsets of the format.
pub mod layout {
    /// First bytes of a bundle.
    pub const MAGIC: [u8; 4] = *b"AVOW";
    /// The format that this crate reads.
    pub const FORMAT: u16 = 0;
    /// Bytes of the header: magic | format `u16` | zero `u16` | length of the body `u32` | sections `u32` | digest 32 |
    /// parent's digest 32 | checksum `u64`.
    pub const HEADER_BYTES: usize = 88;
    /// Where the body's length stands.
    pub const LENGTH_AT: usize = 8;
    /// Where the number of sections stands.
    pub const SECTIONS_AT: usize = 12;
    /// Where the SHA-256 digest stands: of the body with digest and checksum zeroed.
    pub const DIGEST_AT: usize = 16;
    /// Where the digest stands of the bundle from which this one was cut; zeros where it was cut from none.
    pub const PARENT_AT: usize = 48;
    /// Where the checksum stands: of all other bytes of the body.
    pub const CHECKSUM_AT: usize = 80;
    /// Bytes of a row of the section table: id `u16` | flags `u16` | offset `u32` | length `u32`.
    pub const SECTION_BYTES: usize = 12;
    /// Flag of a section that a reader must know.
    pub const REQUIRED: u16 = 1;
    /// First bytes of the signature that may follow the body: then the Ed25519 key, 32 bytes, and the signature, 64.
    pub const SIGNATURE_MAGIC: [u8; 4] = *b"AVSG";
    /// Bytes of the signature.
    pub const SIGNATURE_BYTES: usize = 100;
    /// What is signed: this, then the digest.
    pub const SIGNATURE_CONTEXT: &[u8] = b"avow bundle 0\n";

    /// Strings, uids, constants and entities.
    pub const FACTS: u16 = 1;
    /// Rules.
    pub const RULES: u16 = 2;
    /// Instructions.
    pub const CODE: u16 = 3;
    /// Numbers that rules and instructions name by start and length.
    pub const LISTS: u16 = 4;
    /// From action, principal type and resource type to rules.
    pub const INDEX: u16 = 5;
    /// Annotations of rules: key and value, two string numbers each.
    pub const NOTES: u16 = 6;
    /// What the bundle says of itself: key and value, two string numbers each.
    pub const META: u16 = 7;
    /// Texts for people: uid, key, value.
    pub const TEXTS: u16 = 8;
    /// Types, actions, derived attributes.
    pub const SCHEMA: u16 = 9;
    /// For each rule: file (a string), line, column. Slices have none.
    pub const SOURCES: u16 = 10;
    /// How many ids there are, zero included.
    pub const SECTIONS: usize = 11;

    /// Words of a rule: id | effect | principal kind, type, uid | action kind, list start, length | resource kind, type, uid |
    /// code start, length | notes start, length.
    pub const RULE_WORDS: usize = 15;
    /// A scope that takes everything.
    pub const ANY: u32 = 0;
    /// `== uid`
    pub const EQ: u32 = 1;
    /// `in uid`; for actions, in any of a list.
    pub const IN: u32 = 2;
    /// `is type`
    pub const IS: u32 = 3;
    /// `is type in uid`
    pub const IS_IN: u32 = 4;

    /// The checksum of a body; none where it is shorter than a header.
    #[must_use]
    pub fn checksum(body: &[u8]) -> Option<u64> {
        let before = mix(body.get(..CHECKSUM_AT)?);
        let after = mix(body.get(HEADER_BYTES..)?);
        Some(before ^ after.rotate_left(1))
    }

    // Any single changed bit changes the sum. It tells accidents, not forgeries: those the signature tells.
    fn mix(bytes: &[u8]) -> u64 {
        let mut sum = bytes.len() as u64;
        let (words, rest) = bytes.as_chunks::<8>();
        // Multiplying by an odd number and rotating are invertible, so a difference never vanishes again.
        let mut mix = |word: u64| {
            sum = (sum ^ word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29);
        };
        for word in words {
            mix(u64::from_le_bytes(*word));
        }
        for byte in rest {
            mix(u64::from(*byte));
        }
        sum
    }
}

use layout::{CODE, FACTS, INDEX, LISTS, META, NOTES, RULES, SCHEMA, SECTIONS, SOURCES, TEXTS};

/// Why a bundle is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// It does not begin like one.
    NotABundle,
    /// It is of a format that this engine does not know.
    Format(u16),
    /// It is shorter or longer than it says.
    Length {
        /// Bytes that it should have.
        expected: u32,
        /// Bytes that are there.
        found: u32,
    },
    /// Its checksum does not fit.
    Checksum,
    /// A required section is one that this engine does not know, or is missing, or there twice.
    Section(u16),
    /// A section does not hold together.
    Corrupt {
        /// The section.
        section: u16,
        /// Number of the row or instruction in it.
        at: u32,
    },
    /// It is larger than the limits allow.
    TooLarge,
}

impl BundleError {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABundle => "not-a-bundle",
            Self::Format(_) => "unknown-format",
            Self::Length { .. } => "wrong-length",
            Self::Checksum => "damaged",
            Self::Section(_) => "unknown-section",
            Self::Corrupt { .. } => "corrupt",
            Self::TooLarge => "too-large",
        }
    }
}

impl BundleError {
    /// Twelve bytes: what it is and two numbers. A guest answers so, and its host words it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let (code, a, b) = match self {
            Self::NotABundle => (0, 0, 0),
            Self::Format(format) => (1, u32::from(format), 0),
            Self::Length { expected, found } => (2, expected, found),
            Self::Checksum => (3, 0, 0),
            Self::Section(section) => (4, u32::from(section), 0),
            Self::Corrupt { section, at } => (5, u32::from(section), at),
            Self::TooLarge => (6, 0, 0),
        };
        let mut bytes = [0; 12];
        let (words, _) = bytes.as_chunks_mut::<4>();
        for (slot, word) in words.iter_mut().zip([code, a, b]) {
            *slot = word.to_le_bytes();
        }
        bytes
    }

    /// What [`BundleError::to_bytes`] wrote; none for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != 12 {
            return None;
        }
        let (a, b) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
        Some(match u32_at(bytes, 0)? {
            0 => Self::NotABundle,
            1 => Self::Format(a as u16),
            2 => Self::Length {
                expected: a,
                found: b,
            },
            3 => Self::Checksum,
            4 => Self::Section(a as u16),
            5 => Self::Corrupt {
                section: a as u16,
                at: b,
            },
            6 => Self::TooLarge,
            _ => return None,
        })
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle => f.write_str("not a bundle: it does not begin with `AVOW`"),
            Self::Format(format) => write!(
                f,
                "bundle of format {format}, this engine reads format {}: build it with a matching version",
                layout::FORMAT
            ),
            Self::Length { expected, found } => {
                write!(f, "bundle of {found} bytes says that it has {expected}")
            }
            Self::Checksum => f.write_str("bundle is damaged: its checksum does not fit"),
            Self::Section(id) => write!(f, "bundle has no usable section {id}"),
            Self::Corrupt { section, at } => {
                write!(f, "bundle is corrupt in section {section} at {at}")
            }
            Self::TooLarge => f.write_str("bundle is larger than the limits allow"),
        }
    }
}

impl core::error::Error for BundleError {}

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

/// Whether a rule permits or forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It permits.
    Permit,
    /// It forbids, and no permit outvotes it.
    Forbid,
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

/// A rule of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    bundle: &'a Bundle,
    number: u32,
    row: RuleRow,
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
    bundle: &'a Bundle,
    data: &'a EntityData,
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
    bundle: &'a Bundle,
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

/// From (action, principal type, resource type) to the rules whose scope can match.
///
/// Bytes: rows `u32`, then 5 words a row, ascending (action uid | principal type | resource type | start | length), then rule
/// numbers. With 2^32 - 1 rows there are none, and every rule is always a candidate: a bundle without a schema.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a>(&'a [u8]);

/// What the index says of a request.
pub(crate) enum Candidates {
    /// These rule numbers: a range of the index's words.
    Some(Span),
    All,
    /// The schema knows no such request.
    None,
}

impl Index<'_> {
    const ROW: usize = 20;

    fn rows(self) -> Option<usize> {
        u32_at(self.0, 0)
            .filter(|rows| *rows != u32::MAX)
            .map(|rows| rows as usize)
    }

    fn word(self, row: usize, word: usize) -> Option<u32> {
        u32_at(self.0, 4 + row * Self::ROW + word * 4)
    }

    fn check(self, rules: u32) -> Result<(), u32> {
        let Some(rows) = self.rows() else {
            return if self.0.len() == 4 { Ok(()) } else { Err(0) };
        };
        let lists = rows
            .checked_mul(Self::ROW)
            .and_then(|at| at.checked_add(4))
            .ok_or(0u32)?;
        let lists = self.0.get(lists..).ok_or(0u32)?;
        let mut before = None;
        for row in 0..rows {
            let at = row as u32;
            let key = (
                self.word(row, 0).ok_or(at)?,
                self.word(row, 1).ok_or(at)?,
                self.word(row, 2).ok_or(at)?,
            );
            let span = Span {
                start: self.word(row, 3).ok_or(at)?,
                len: self.word(row, 4).ok_or(at)?,
            };
            if before.is_some_and(|before| before >= key) || !in_table(span, lists, 4) {
                return Err(at);
            }
            before = Some(key);
        }
        // INVARIANT: a row's rules ascend, so determining and failing rules come out sorted; the compiler writes them so.
        for at in 0..lists.len() / 4 {
            if u32_at(lists, at * 4).is_none_or(|rule| rule >= rules) {
                return Err(at as u32);
            }
        }
        Ok(())
    }

    pub(crate) fn candidates(self, action: u32, principal: u32, resource: u32) -> Candidates {
        let Some(rows) = self.rows() else {
            return Candidates::All;
        };
        let wanted = (action, principal, resource);
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = low + (high - low) / 2;
            let (Some(a), Some(p), Some(r), Some(start), Some(len)) = (
                self.word(middle, 0),
                self.word(middle, 1),
                self.word(middle, 2),
                self.word(middle, 3),
                self.word(middle, 4),
            ) else {
                return Candidates::None;
            };
            match (a, p, r).cmp(&wanted) {
                core::cmp::Ordering::Equal => return Candidates::Some(Span { start, len }),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Candidates::None
    }

    pub(crate) fn rule(self, at: u32) -> Option<u32> {
        u32_at(self.0, 4 + self.rows()? * Self::ROW + at as usize * 4)
    }
}
