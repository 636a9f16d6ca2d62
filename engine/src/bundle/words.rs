//! What a bundle says to people: names of rules, annotations, texts, where a rule was written, and the schema.

use super::{
    Bundle, corrupt,
    layout::{META, NOTES, RULE_WORDS, RULES, SCHEMA, SOURCES, TEXTS, WORDS},
};
use crate::{bytes::u32_at, schema::Schema};

/// The table of texts.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn count(self) -> u32 {
        u32_at(self.0, 0).unwrap_or_default()
    }

    fn bytes(self, number: u32) -> Option<&'a [u8]> {
        let count = self.count() as usize;
        let number = number as usize;
        let end = u32_at(self.0, number.checked_mul(4)?.checked_add(4)?)?;
        let start = match number {
            0 => 0,
            _ => u32_at(self.0, number * 4)?,
        };
        let texts = self.0.get(4 + count * 4..)?;
        (number < count).then(|| texts.get(start as usize..end as usize))?
    }

    pub(crate) fn get(self, number: u32) -> Option<&'a str> {
        core::str::from_utf8(self.bytes(number)?).ok()
    }
}

impl Bundle {
    pub(crate) fn words(&self) -> Words<'_> {
        Words(self.section(WORDS))
    }

    /// Checks what the evaluator does not read. Linear.
    pub(super) fn check_words(&self) -> Result<(), [u32; 3]> {
        let words = self.words();
        for number in 0..words.count() {
            words.get(number).ok_or(corrupt(WORDS, number))?;
        }
        for symbol in 0..self.store.symbols() {
            core::str::from_utf8(self.store.symbol_text(symbol))
                .map_err(|_| corrupt(super::FACTS, symbol))?;
        }
        let notes = self.section(NOTES).len() as u32 / 8;
        // Of each table: words of a row, and which of them are numbers of texts.
        let tables: [(u16, usize, &[usize]); 5] = [
            (RULES, RULE_WORDS, &[3]),
            (NOTES, 2, &[0, 1]),
            (META, 2, &[0, 1]),
            (TEXTS, 3, &[1, 2]),
            (SOURCES, 3, &[0]),
        ];
        for (section, width, texts) in tables {
            let bytes = self.section(section);
            let rows = bytes.len() / (width * 4);
            if !bytes.len().is_multiple_of(width * 4) {
                return Err(corrupt(section, rows as u32));
            }
            for row in 0..rows {
                let word = |i: usize| u32_at(bytes, (row * width + i) * 4).unwrap_or(u32::MAX);
                let noted = word(4).checked_add(word(5)).is_some_and(|end| end <= notes);
                if texts.iter().any(|i| word(*i) >= words.count()) || section == RULES && !noted {
                    return Err(corrupt(section, row as u32));
                }
            }
        }
        let sources = self.section(SOURCES).len() / 12;
        if sources != 0 && sources != self.rule_count() as usize {
            return Err(corrupt(SOURCES, 0));
        }
        self.schema()
            .check(&self.store)
            .map_err(|at| corrupt(SCHEMA, at))
    }

    /// The bundle's schema.
    #[must_use]
    pub fn schema(&self) -> Schema<'_> {
        Schema::new(self.section(SCHEMA))
    }

    /// What the bundle says of itself, such as `pack`, `namespace`, `target`, `consent.cookie`.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&str> {
        let rows = self.section(META);
        (0..rows.len() / 8).find_map(|row| {
            let found = self.words().get(u32_at(rows, row * 8)?)?;
            (found == key).then(|| self.words().get(u32_at(rows, row * 8 + 4)?))?
        })
    }

    /// Type and id of a uid.
    pub(crate) fn uid(&self, uid: u32) -> (&str, &str) {
        (self.string(self.store.type_of(uid)), self.string(uid))
    }
}
