//! Blocks as nobody should write them.

use avow_engine::format::{NONE, OWN};

use super::bytes;

/// Own symbols of a block that has the symbols of [`Raw::sound`].
pub(super) const TYPE: u32 = OWN;
pub(super) const FIELD: u32 = OWN | 1;
pub(super) const A: u32 = OWN | 2;
pub(super) const B: u32 = OWN | 3;

pub(super) const LONG: u32 = 1;
pub(super) const STRING: u32 = 2;
pub(super) const ENTITY: u32 = 3;
pub(super) const SET: u32 = 4;
pub(super) const RECORD: u32 = 5;
pub(super) const IP: u32 = 9;

/// A block whose parts are written as they are given, fit or not.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// How many of the symbols are names.
    pub names: u32,
    /// Names with zero, uids with the number of their type's name; and the text.
    pub symbols: Vec<(u32, &'static str)>,
    /// Name, kind, payload.
    pub cells: Vec<(u32, u32, u64)>,
    /// Uid, and how many attributes, tags and parents.
    pub entities: Vec<[u32; 4]>,
    /// How many roots.
    pub roots: u32,
    /// What follows the symbols' texts.
    pub text: Vec<u8>,
    /// Words of the block that say something else than they should: place and word.
    pub lies: Vec<(usize, u32)>,
    /// What follows the block.
    pub behind: Vec<u8>,
}

impl Raw {
    /// One entity with one attribute; a block that all take.
    #[must_use]
    pub fn sound() -> Self {
        Self::with(LONG, 7)
    }

    pub(super) fn with(kind: u32, payload: u64) -> Self {
        Self {
            names: 2,
            symbols: vec![(0, "E"), (0, "k"), (TYPE, "a"), (TYPE, "b")],
            cells: vec![(FIELD, kind, payload)],
            entities: vec![[A, 1, 0, 0]],
            ..Self::default()
        }
    }

    /// One entity whose attribute is a set or a record of the cells.
    pub(super) fn of(kind: u32, cells: &[(u32, u32, u64)]) -> Self {
        let mut raw = Self::with(kind, cells.len() as u64);
        raw.cells.extend(cells);
        raw
    }

    pub(super) fn symbols(names: u32, symbols: &[(u32, &'static str)]) -> Self {
        Self {
            names,
            symbols: symbols.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn lying(lies: &[(usize, u32)]) -> Self {
        Self {
            lies: lies.to_vec(),
            ..Self::sound()
        }
    }

    /// Entities, and the cells that they own.
    pub(super) fn entities(entities: &[[u32; 4]], cells: &[(u32, u32, u64)]) -> Self {
        Self {
            entities: entities.to_vec(),
            cells: cells.to_vec(),
            ..Self::sound()
        }
    }

    pub(super) fn text(kind: u32, text: Vec<u8>, payload: u64) -> Self {
        Self {
            text,
            ..Self::with(kind, payload)
        }
    }

    /// A set of texts which are all the same text but for some of its ends, so that each two are equal as far as the shorter one
    /// goes. Refused once all is read: one entity is there twice.
    #[must_use]
    pub fn overlapping(texts: u32, text: u32) -> Self {
        let one = |number: u32| element(STRING, place(4 + number, text - 2 * number));
        let all: Vec<_> = (0..texts).map(one).collect();
        let mut raw = Self::of(SET, &all);
        raw.text = vec![b'x'; text as usize];
        raw.entities.push([A, 0, 0, 0]);
        raw
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (mut rows, mut text) = (Vec::new(), Vec::new());
        for (of, symbol) in &self.symbols {
            text.extend_from_slice(symbol.as_bytes());
            rows.extend([*of, count(text.len())]);
        }
        text.extend_from_slice(&self.text);
        let uids = count(self.symbols.len()).wrapping_sub(self.names);
        let (entities, cells) = (count(self.entities.len()), count(self.cells.len()));
        let counts = [self.names, uids, entities, self.roots, cells];
        let mut out = bytes(&counts);
        out.extend(bytes(&[count(text.len())]));
        out.extend(bytes(&rows));
        for (name, kind, payload) in &self.cells {
            out.extend(bytes(&[*name, *kind]));
            out.extend(payload.to_le_bytes());
        }
        out.extend(bytes(self.entities.as_flattened()));
        out.extend(text);
        for (word, lie) in &self.lies {
            out[word * 4..word * 4 + 4].copy_from_slice(&lie.to_le_bytes());
        }
        out.extend(&self.behind);
        out
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap()
}

/// As strings and addresses say where their bytes are.
pub(super) fn place(start: u32, len: u32) -> u64 {
    u64::from(start) | u64::from(len) << 32
}

/// A cell that is no field's.
pub(super) fn element(kind: u32, payload: u64) -> (u32, u32, u64) {
    (NONE, kind, payload)
}
