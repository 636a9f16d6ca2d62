//! The index of rules.

use super::in_table;
use crate::{bytes::u32_at, store::Span};

/// From (action, principal type, resource type) to the rules whose scope can match.
///
/// Bytes: rows `u32`, then 5 words a row, ascending (action uid | principal type | resource type | start | length), then rule
/// numbers. With 2^32 - 1 rows there are none, and every rule is always a candidate: a bundle without a schema.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a>(pub(super) &'a [u8]);

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

    pub(super) fn check(self, rules: u32) -> Result<(), u32> {
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
