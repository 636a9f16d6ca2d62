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
    bytes::{u32_at, words},
    code::FULL,
    sort::{search, sort},
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
        let [rows, anchors, numbers] = words(bytes, at).unwrap_or_default();
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
            let [action, principal, resource, start, always, first, own] = index.row(bytes, row);
            if index.find(bytes, [action, principal, resource]) != Some(row)
                || first != next
                || !within(start, always, numbers)
                || !within(next, own, anchors)
            {
                return Err(row);
            }
            let own = Span {
                start: next,
                len: own,
            };
            next += own.len;
            for anchor in own.start..next {
                let [key, start, len] = index.anchor(bytes, anchor);
                let found = index.find_anchor(bytes, own, key);
                if found != Some(anchor) || !within(start, len, numbers) {
                    return Err(rows + anchor);
                }
            }
        }
        match (0..numbers).find(|i| index.rule(bytes, *i) >= rules) {
            Some(wrong) => Err(rows + anchors + wrong),
            None => Ok(index),
        }
    }

    fn row(self, bytes: &[u8], row: u32) -> [u32; ROW_WORDS] {
        let at = self.at + row as usize * ROW_WORDS * 4;
        words(bytes, at).unwrap_or([NONE; ROW_WORDS])
    }

    fn anchor(self, bytes: &[u8], anchor: u32) -> [u32; ANCHOR_WORDS] {
        let before = self.rows as usize * ROW_WORDS + anchor as usize * ANCHOR_WORDS;
        words(bytes, self.at + before * 4).unwrap_or([NONE; ANCHOR_WORDS])
    }

    fn rule(self, bytes: &[u8], at: u32) -> u32 {
        let before = self.rows as usize * ROW_WORDS + self.anchors as usize * ANCHOR_WORDS;
        u32_at(bytes, self.at + (before + at as usize) * 4).unwrap_or(NONE)
    }

    /// The row for a request; none where the schema knows no such request.
    fn find(self, bytes: &[u8], wanted: [u32; 3]) -> Option<u32> {
        search(0, self.rows, &mut |row| {
            let [action, principal, resource, ..] = self.row(bytes, row);
            [action, principal, resource].cmp(&wanted)
        })
    }

    /// The anchor of a key among those of a row.
    fn find_anchor(self, bytes: &[u8], own: Span, key: u32) -> Option<u32> {
        search(own.start, own.start + own.len, &mut |anchor| {
            let [its, ..] = self.anchor(bytes, anchor);
            its.cmp(&key)
        })
    }

    /// The rows in which a rule is a candidate, anchored or not: action, principal type, resource type. Linear.
    #[cfg(feature = "words")]
    pub(super) fn rows_with(self, bytes: &[u8], rule: u32) -> alloc::vec::Vec<[u32; 3]> {
        let has =
            |start: u32, len: u32| (start..start + len).any(|at| self.rule(bytes, at) == rule);
        let rows = (0..self.rows).map(|row| self.row(bytes, row));
        rows.filter(|[_, _, _, start, always, first, own]| {
            let mut anchors = (*first..*first + *own).map(|anchor| self.anchor(bytes, anchor));
            has(*start, *always) || anchors.any(|[_, start, len]| has(start, len))
        })
        .map(|[action, principal, resource, ..]| [action, principal, resource])
        .collect()
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
        let row = [[action, types.0, types.1], [action, OPEN, OPEN], [OPEN; 3]]
            .into_iter()
            .find_map(|asked| self.find(&store.bytes, asked));
        let Some(row) = row else {
            return false;
        };
        let [.., start, always, first, own] = self.row(&store.bytes, row);
        let always = Span { start, len: always };
        let anchors = Span {
            start: first,
            len: own,
        };
        let mut sound = self.take(&store.bytes, always, out);
        let mut side = 0;
        while side < 2 && anchors.len > 0 {
            let uid = if side == 0 { principal } else { resource };
            store.reaches(uid, fuel, &mut |store, at| {
                let key = at.wrapping_mul(2).wrapping_add(side);
                if let Some(anchor) = self.find_anchor(&store.bytes, anchors, key) {
                    let [_, start, len] = self.anchor(&store.bytes, anchor);
                    sound &= self.take(&store.bytes, Span { start, len }, out);
                }
                false
            });
            side += 1;
        }
        // Determining and failing rules are reported in this order, each once, whatever the index says.
        if FULL && !out.is_sorted_by(|a, b| a < b) {
            sort(out, &mut |a, b| a.cmp(b));
            out.dedup();
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
