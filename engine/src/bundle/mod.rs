//! A compiled pack, read in place.
//!
//! Bytes, little-endian: header of 88 bytes (`layout`) | section table | sections | optionally a signature of 100 bytes.
//! [`Bundle::load`] checks every offset, number and instruction once, in linear time, and refuses with the place of the first
//! fault; what it has passed cannot mislead the evaluator. The SHA-256 digest and the signature are the host's to verify:
//! they say who made a bundle, and a browser gets it from the origin that it trusts anyway.
//!
//! The evaluator reads facts, rules, code and index; the rest is for people, and checked where it is read: not in a guest.

mod error;
pub(crate) mod index;
pub mod layout;
#[cfg(feature = "consent")]
mod storage;
#[cfg(feature = "words")]
mod view;
#[cfg(feature = "words")]
mod words;

use alloc::vec::Vec;

use crate::{
    answer::Refusal,
    bytes::{slice, u32_at, u64_at, words},
    code, limits,
    store::{Below, Fuel, Mark, NONE, Span, Store},
};

use index::Index;
use layout::{CODE, FACTS, INDEX, READINGS, RULES, SECTIONS};

pub use error::BundleError;
#[cfg(feature = "words")]
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
    let body = body(bytes)?;
    let rest = bytes.get(body.len()..)?;
    if rest.is_empty() {
        return Some((body, None));
    }
    let rest = rest.get(layout::SIGNATURE_MAGIC.len()..)?;
    let signature = Signature {
        key: *rest.first_chunk()?,
        bytes: rest.get(32..)?.try_into().ok()?,
    };
    Some((body, Some(signature)))
}

/// A bundle file without its signature; none where what follows the body is not one.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32_at(bytes, layout::LENGTH_AT)? as usize;
    let (body, rest) = bytes.split_at_checked(length)?;
    let signed =
        rest.len() == layout::SIGNATURE_BYTES && rest.starts_with(&layout::SIGNATURE_MAGIC);
    (rest.is_empty() || signed).then_some(body)
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
    /// Its texts are the file, and after it those of the layers above.
    pub(crate) store: Store,
    pub(crate) mark: Mark,
    sections: [Span; SECTIONS],
    pub(crate) index: Index,
    /// Bytes of the file.
    length: usize,
    /// The name `now`, where the bundle has it.
    pub(crate) now: u32,
}

impl Bundle {
    /// Checks a bundle whole. O(bytes), but for sets among the constants that are not in order.
    ///
    /// # Errors
    /// Where anything in it does not hold together; the error says where.
    pub fn load(bytes: Vec<u8>) -> Result<Self, BundleError> {
        Self::open(bytes).map_err(BundleError::from)
    }

    /// As [`Bundle::load`], with the error in the words in which a guest answers.
    ///
    /// # Errors
    /// As those.
    pub fn open(bytes: Vec<u8>) -> Result<Self, [u32; 3]> {
        let sections = read_header(&bytes)?;
        let mut bundle = Self {
            length: bytes.len(),
            store: Store::new(bytes),
            mark: Mark::default(),
            sections,
            index: Index::default(),
            now: NONE,
        };
        bundle.read_facts()?;
        bundle.check_rules()?;
        let index = bundle.span(INDEX);
        bundle.index = Index::read(
            &bundle.store.bytes,
            index.start as usize,
            index.len as usize,
            bundle.rule_count(),
        )
        .map_err(|at| corrupt(INDEX, at))?;
        bundle.now = bundle.store.find(0, b"now");
        #[cfg(feature = "words")]
        bundle.check_words()?;
        Ok(bundle)
    }

    fn read_facts(&mut self) -> Result<(), [u32; 3]> {
        let Span { start, len } = self.span(FACTS);
        let (start, len) = (start as usize, len as usize);
        self.store
            .push_block(
                start,
                start + len,
                Below::default(),
                &mut Fuel::for_bytes(len),
            )
            .map_err(|refusal| match refusal {
                Refusal::TooLarge => error::TOO_LARGE,
                // An address, which a build without the operators on addresses does not read.
                Refusal::Stale if !code::FULL => [error::LACKS, u32::from(FACTS), 0],
                _ => corrupt(FACTS, 0),
            })?;
        self.store.settle_bundle();
        self.mark = self.store.mark();
        Ok(())
    }

    fn check_rules(&self) -> Result<(), [u32; 3]> {
        let rules = self.span(RULES);
        if !(rules.len as usize).is_multiple_of(layout::RULE_WORDS * 4) {
            return Err(corrupt(RULES, 0));
        }
        self.check_readings()?;
        let code = self.section(CODE);
        let mut verifier = code::Verifier::new(code, &self.store, self.readings());
        for number in 0..self.rule_count() {
            let row = RuleRow::read(&self.store.bytes, rules.start as usize, number);
            // Rules' code follows one upon the other: no instruction is checked twice, so the check stays linear.
            if row.code.start != verifier.next() || row.effect > 1 {
                return Err(corrupt(RULES, number));
            }
            if let Err(at) = verifier.rule(row.code.len) {
                return Err(match !code::FULL && verifier.lacks {
                    true => [error::LACKS, u32::from(CODE), at],
                    false => corrupt(CODE, at),
                });
            }
        }
        Ok(())
    }

    /// Readings that there are, the variables among them.
    pub(crate) fn readings(&self) -> u32 {
        layout::VARIABLES + self.span(READINGS).len / layout::READING_BYTES as u32
    }

    /// What a reading that is no variable is read from, and the name of the attribute.
    #[cfg(feature = "serde")]
    pub(crate) fn reading(&self, number: u32) -> (u32, u32) {
        reading(
            &self.store.bytes,
            self.span(READINGS).start as usize,
            number,
        )
    }

    fn check_readings(&self) -> Result<(), [u32; 3]> {
        let Span { start, len } = self.span(READINGS);
        let readings = self.readings();
        if !(len as usize).is_multiple_of(layout::READING_BYTES) || readings > limits::READINGS {
            return Err(corrupt(READINGS, 0));
        }
        for number in layout::VARIABLES..readings {
            let (from, name) = reading(&self.store.bytes, start as usize, number);
            // From one before it, so that reading ends.
            if from >= number || !self.store.is_name(name) {
                return Err(corrupt(READINGS, number));
            }
        }
        Ok(())
    }

    /// Whether the engine's lean build, the widget's, has all that this bundle uses. Linear.
    #[cfg(feature = "words")]
    #[must_use]
    pub fn is_lean(&self) -> bool {
        let code = self.section(CODE);
        let mut rows = 0..code.len() / code::INSTRUCTION_BYTES;
        let lean = rows.all(|row| {
            let found = code::Instruction::decode(code, row * code::INSTRUCTION_BYTES);
            found.is_none_or(code::Instruction::is_lean)
        });
        lean && !self.store.has_addresses()
    }

    pub(crate) fn span(&self, section: u16) -> Span {
        let span = self.sections.get(usize::from(section));
        span.copied().unwrap_or_default()
    }

    pub(crate) fn section(&self, id: u16) -> &[u8] {
        let Span { start, len } = self.span(id);
        slice(&self.store.bytes, start as usize, len as usize).unwrap_or_default()
    }

    /// The file, signature included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.store.bytes.get(..self.length).unwrap_or_default()
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
        slice(&self.store.bytes, at, 32)
            .and_then(<[u8]>::first_chunk)
            .unwrap_or(ZERO)
    }

    /// By this a request says which bundle's numbers it uses: of the digest, and never zero.
    #[must_use]
    pub fn tag(&self) -> u32 {
        u32_at(&self.store.bytes, layout::DIGEST_AT).unwrap_or_default() | 1
    }

    /// How many rules there are.
    #[must_use]
    pub fn rule_count(&self) -> u32 {
        self.span(RULES).len / (layout::RULE_WORDS as u32 * 4)
    }

    /// Entities that the bundle describes.
    pub(crate) fn entity_count(&self) -> u32 {
        self.mark.entities()
    }

    /// Names and uids that the bundle knows.
    pub(crate) fn symbols(&self) -> u32 {
        self.mark.symbols()
    }

    /// The number of a name.
    pub(crate) fn name(&self, text: &str) -> Option<u32> {
        self.own(self.store.find(0, text.as_bytes()))
    }

    /// The number of a uid: by its type, and, where the bundle names it, by itself.
    pub(crate) fn uid_number(&self, type_name: &str, id: &str) -> Option<u32> {
        self.own(self.store.find(self.name(type_name)? + 1, id.as_bytes()))
    }

    /// A symbol, where it is the bundle's and not of a layer above.
    fn own(&self, symbol: u32) -> Option<u32> {
        (symbol < self.symbols()).then_some(symbol)
    }
}

/// What a decision needs of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleRow {
    pub(crate) effect: u32,
    pub(crate) code: Span,
}

impl RuleRow {
    /// A rule of the table that begins at `at`.
    pub(crate) fn read(bytes: &[u8], at: usize, number: u32) -> Self {
        let at = at + number as usize * layout::RULE_WORDS * 4;
        let [effect, start, len] = words(bytes, at).unwrap_or([NONE; 3]);
        Self {
            effect,
            code: Span { start, len },
        }
    }
}

/// What a reading that is no variable is read from, and the name of the attribute; the table begins at `at`.
pub(crate) fn reading(bytes: &[u8], at: usize, number: u32) -> (u32, u32) {
    let row = at + number.saturating_sub(layout::VARIABLES) as usize * layout::READING_BYTES;
    let [from, name] = words(bytes, row).unwrap_or([NONE; 2]);
    (from, name)
}

fn corrupt(section: u16, at: u32) -> [u32; 3] {
    [error::CORRUPT, u32::from(section), at]
}

fn read_header(bytes: &[u8]) -> Result<[Span; SECTIONS], [u32; 3]> {
    if bytes.len() > limits::BUNDLE_BYTES {
        return Err(error::TOO_LARGE);
    }
    let found = bytes.len() as u32;
    let short = [error::LENGTH, layout::HEADER_BYTES as u32, found];
    if !bytes.starts_with(&layout::MAGIC) {
        return Err(error::NOT_A_BUNDLE);
    }
    let Some([_, format, expected, count]) = words(bytes, 0) else {
        return Err(short);
    };
    if format != u32::from(layout::FORMAT) {
        return Err([error::FORMAT, format, 0]);
    }
    let wrong_length = [error::LENGTH, expected, found];
    let body = body(bytes).ok_or(wrong_length)?;
    let stored = u64_at(body, layout::CHECKSUM_AT).ok_or(short)?;
    if layout::checksum(body) != Some(stored) {
        return Err(error::CHECKSUM);
    }
    let mut sections = [Span::default(); SECTIONS];
    let mut at = layout::HEADER_BYTES;
    for _ in 0..count {
        let [id, start, len] = words(body, at).ok_or(wrong_length)?;
        at += layout::SECTION_BYTES;
        let (id, flags) = (id as u16, (id >> 16) as u16);
        let bad = [error::SECTION, u32::from(id), 0];
        if slice(body, start as usize, len as usize).is_none() {
            return Err(bad);
        }
        match sections.get_mut(usize::from(id)).filter(|_| id > 0) {
            Some(slot) if *slot == Span::default() => *slot = Span { start, len },
            None if flags & layout::REQUIRED == 0 => {}
            _ => return Err(bad),
        }
    }
    Ok(sections)
}
