//! The index of rules: what a rule's scope says of action and types is decided by it, so the cost of a decision follows the
//! rules that could match.
//!
//! Bytes, all words `u32`: rows | anchors | rules | rows of 7 words, ascending (action uid, principal type, resource type, start
//! and length of the rules that are always candidates, start and length of the anchors) | anchors of 3 words, ascending in
//! their row (uid times two, plus one where it anchors the resource; start and length of the rules) | rule numbers.
//!
//! A type or an action may be [`OPEN`]: a row that holds for every one that has no row of its own. Only a bundle that was not
//! validated has such rows; there the schema vouches for nothing.

use crate::{
    bytes::u32_at,
    store::{Fuel, NONE, Span, Store},
};

/// Stands for every action or type.
pub const OPEN: u32 = NONE;

const ROW_WORDS: usize = 7;
const ANCHOR_WORDS: usize = 3;
const HEAD_WORDS: usize = 3;

/// Where the tables lie, in bytes of the store.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Index {
    at: usize,
    rows: u32,
    anchors: u32,
    /// Rules of the bundle.
    rules: u32,
}

impl Index {
    /// Checks it whole. Linear; on error the number of the word that is wrong.
    pub(super) fn read(bytes: &[u8], at: usize, len: usize, rules: u32) -> Result<Self, u32> {
        let count = |i: usize| u32_at(bytes, at + i * 4).filter(|_| len >= HEAD_WORDS * 4);
        let (Some(rows), Some(anchors), Some(numbers)) = (count(0), count(1), count(2)) else {
            return Err(0);
        };
        let index = Self {
            at: at + HEAD_WORDS * 4,
            rows,
            anchors,
            rules,
        };
        let words = HEAD_WORDS as u64
            + u64::from(rows) * ROW_WORDS as u64
            + u64::from(anchors) * ANCHOR_WORDS as u64
            + u64::from(numbers);
        if words * 4 != len as u64 {
            return Err(0);
        }
        let within =
            |start: u32, len: u32, end: u32| start.checked_add(len).is_some_and(|last| last <= end);
        // What is out of order would not be found, and a forbid that is not found forbids nothing: each is looked for. Each anchor
        // belongs to one row, so this takes no longer than sorting them would.
        let mut next = 0;
        for row in 0..rows {
            let word = |i: usize| index.row(bytes, row, i);
            let found = index.find(bytes, [word(0), word(1), word(2)]);
            if found != Some(row)
                || word(5) != next
                || !within(word(3), word(4), numbers)
                || !within(next, word(6), anchors)
            {
                return Err(row);
            }
            let own = Span {
                start: next,
                len: word(6),
            };
            next += own.len;
            for anchor in own.start..next {
                let word = |i: usize| index.anchor(bytes, anchor, i);
                let found = index.find_anchor(bytes, own, word(0));
                if found != Some(anchor) || !within(word(1), word(2), numbers) {
                    return Err(rows + anchor);
                }
            }
        }
        match (0..numbers).find(|i| index.rule(bytes, *i) >= rules) {
            Some(wrong) => Err(rows + anchors + wrong),
            None => Ok(index),
        }
    }

    fn word(self, bytes: &[u8], word: usize) -> u32 {
        u32_at(bytes, self.at + word * 4).unwrap_or(NONE)
    }

    fn row(self, bytes: &[u8], row: u32, word: usize) -> u32 {
        self.word(bytes, row as usize * ROW_WORDS + word)
    }

    fn anchor(self, bytes: &[u8], anchor: u32, word: usize) -> u32 {
        let before = self.rows as usize * ROW_WORDS;
        self.word(bytes, before + anchor as usize * ANCHOR_WORDS + word)
    }

    fn rule(self, bytes: &[u8], at: u32) -> u32 {
        let before = self.rows as usize * ROW_WORDS + self.anchors as usize * ANCHOR_WORDS;
        self.word(bytes, before + at as usize)
    }

    /// The row for a request; none where the schema knows no such request.
    fn find(self, bytes: &[u8], wanted: [u32; 3]) -> Option<u32> {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = (low + high) / 2;
            let word = |i: usize| self.row(bytes, middle, i);
            match [word(0), word(1), word(2)].cmp(&wanted) {
                core::cmp::Ordering::Equal => return Some(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The anchor of a key among those of a row.
    fn find_anchor(self, bytes: &[u8], own: Span, key: u32) -> Option<u32> {
        let (mut low, mut high) = (own.start, own.start + own.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.anchor(bytes, middle, 0).cmp(&key) {
                core::cmp::Ordering::Equal => return Some(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Collects the numbers of the rules whose scope can match a request of this principal, action and resource, ascending;
    /// false where the schema knows no such request.
    pub(crate) fn candidates(
        self,
        store: &mut Store,
        [principal, action, resource]: [u32; 3],
        fuel: &mut Fuel,
        out: &mut alloc::vec::Vec<u32>,
    ) -> bool {
        out.clear();
        let types = (store.type_of(principal), store.type_of(resource));
        let row = self
            .find(&store.bytes, [action, types.0, types.1])
            .or_else(|| self.find(&store.bytes, [action, OPEN, OPEN]))
            .or_else(|| self.find(&store.bytes, [OPEN; 3]));
        let Some(row) = row else {
            return false;
        };
        let word = |store: &Store, i: usize| self.row(&store.bytes, row, i);
        let always = Span {
            start: word(store, 3),
            len: word(store, 4),
        };
        let anchors = Span {
            start: word(store, 5),
            len: word(store, 6),
        };
        let mut sound = self.take(&store.bytes, always, out);
        let mut side = 0;
        while side < 2 && anchors.len > 0 {
            let uid = if side == 0 { principal } else { resource };
            store.reaches(uid, fuel, &mut |store, at| {
                let key = at.wrapping_mul(2).wrapping_add(side);
                if let Some(anchor) = self.find_anchor(&store.bytes, anchors, key) {
                    let rules = Span {
                        start: self.anchor(&store.bytes, anchor, 1),
                        len: self.anchor(&store.bytes, anchor, 2),
                    };
                    sound &= self.take(&store.bytes, rules, out);
                }
                false
            });
            side += 1;
        }
        // Determining and failing rules are reported in this order.
        if out.len() > always.len as usize {
            crate::sort::sort(out, &mut |a, b| a.cmp(b));
        }
        fuel.is_out |= !sound;
        true
    }

    /// False where there are more than the bundle has rules: a rule is a candidate once.
    fn take(self, bytes: &[u8], span: Span, out: &mut alloc::vec::Vec<u32>) -> bool {
        let sound = out.len() + span.len as usize <= self.rules as usize;
        if sound {
            out.extend((span.start..span.start + span.len).map(|at| self.rule(bytes, at)));
        }
        sound
    }
}
