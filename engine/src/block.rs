//! A block: strings, entity uids, values and entities, as bundles, residents and requests carry them.
//!
//! Bytes, little-endian: `u32` counts of strings, uids, cells, entities | strings: an end offset `u32` each, then the bytes |
//! uids: type and id, two string numbers | cells: kind `u8`, payload 8 bytes | entities: uid, then start and length of its
//! attributes, tags and parents among the cells.
//!
//! Strings ascend strictly, uids ascend strictly by (type, id). A set names a range of cells, a record a range of key-value
//! pairs; a range lies before the cell that names it, and no cell belongs to two ranges. So values are finite trees, and
//! reading them takes linear time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::bytes::{len32, put_u32};

/// First bytes of a tenant's resident entities; a block follows.
pub const RESIDENTS_MAGIC: [u8; 4] = *b"AVE0";

/// Bytes of an encoded cell.
pub(crate) const CELL_BYTES: usize = 9;
/// Bytes of an encoded entity.
pub(crate) const ENTITY_BYTES: usize = 28;
/// Bytes of the counts that open a block.
pub(crate) const BLOCK_HEAD: usize = 16;

pub(crate) mod kind {
    pub(crate) const BOOL: u8 = 0;
    pub(crate) const LONG: u8 = 1;
    pub(crate) const STRING: u8 = 2;
    pub(crate) const ENTITY: u8 = 3;
    pub(crate) const SET: u8 = 4;
    pub(crate) const RECORD: u8 = 5;
    pub(crate) const DECIMAL: u8 = 6;
    pub(crate) const DATETIME: u8 = 7;
    pub(crate) const DURATION: u8 = 8;
    pub(crate) const IP: u8 = 9;
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// A boolean.
    Bool(bool),
    /// A 64-bit integer.
    Long(i64),
    /// A string.
    Str(String),
    /// An entity: type and id.
    Entity(String, String),
    /// A set; repeated elements count once.
    Set(Vec<Cell>),
    /// A record, by key.
    Record(BTreeMap<String, Cell>),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// A datetime, milliseconds since 1970 in UTC.
    Datetime(i64),
    /// A duration, milliseconds.
    Duration(i64),
    /// An address or range in the text form that Cedar's `ip` accepts.
    Ip(String),
}

/// An entity to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityRow {
    /// Attributes by name.
    pub attrs: BTreeMap<String, Cell>,
    /// Tags by name.
    pub tags: BTreeMap<String, Cell>,
    /// Direct parents: type and id.
    pub parents: BTreeSet<(String, String)>,
}

/// Collects what a block carries and writes it in its one canonical form.
#[derive(Clone, Debug, Default)]
pub struct BlockWriter {
    entities: BTreeMap<(String, String), EntityRow>,
    uids: BTreeSet<(String, String)>,
    strings: BTreeSet<String>,
    roots: Vec<Cell>,
}

/// A written block and where the things are that its owner asked for.
#[derive(Clone, Debug)]
pub struct Block {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// For each root, in order, the number of its cell.
    pub roots: Vec<u32>,
    strings: Vec<String>,
    uids: Vec<(String, String)>,
}

impl Block {
    /// The number of a string that was mentioned.
    #[must_use]
    pub fn string(&self, text: &str) -> Option<u32> {
        let found = self.strings.binary_search_by(|s| s.as_str().cmp(text));
        found.ok().map(len32)
    }

    /// The number of an entity uid that was mentioned.
    #[must_use]
    pub fn uid(&self, type_name: &str, id: &str) -> Option<u32> {
        let found = self
            .uids
            .binary_search_by(|(t, i)| (t.as_str(), i.as_str()).cmp(&(type_name, id)));
        found.ok().map(len32)
    }
}

impl BlockWriter {
    /// An empty block.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entity with its data; false where it was there already, which changes nothing.
    pub fn entity(&mut self, type_name: &str, id: &str, row: EntityRow) -> bool {
        let key = (String::from(type_name), String::from(id));
        if self.entities.contains_key(&key) {
            return false;
        }
        self.entities.insert(key, row);
        true
    }

    /// Mentions an entity without data, so that it has a number.
    pub fn mention(&mut self, type_name: &str, id: &str) {
        self.uids.insert((type_name.into(), id.into()));
    }

    /// Mentions a string, so that it has a number.
    pub fn string(&mut self, text: &str) {
        self.strings.insert(text.into());
    }

    /// Adds a value that is reached by its cell's number; the index among [`Block::roots`].
    pub fn root(&mut self, value: Cell) -> usize {
        self.roots.push(value);
        self.roots.len() - 1
    }

    /// Writes the block.
    #[must_use]
    pub fn finish(mut self) -> Block {
        let entities = core::mem::take(&mut self.entities);
        let roots = core::mem::take(&mut self.roots);
        for (uid, row) in &entities {
            self.uids.insert(uid.clone());
            self.uids.extend(row.parents.iter().cloned());
            for (key, value) in row.attrs.iter().chain(&row.tags) {
                self.strings.insert(key.clone());
                self.collect(value);
            }
        }
        for value in &roots {
            self.collect(value);
        }
        for (type_name, id) in core::mem::take(&mut self.uids) {
            self.strings.insert(type_name.clone());
            self.strings.insert(id.clone());
            self.uids.insert((type_name, id));
        }
        let mut out = Emitter {
            block: Block {
                bytes: Vec::new(),
                roots: Vec::new(),
                strings: self.strings.into_iter().collect(),
                uids: self.uids.into_iter().collect(),
            },
            cells: Vec::new(),
        };
        let mut rows = Vec::new();
        for ((type_name, id), row) in &entities {
            put_u32(&mut rows, out.block.uid(type_name, id).unwrap_or(u32::MAX));
            let attrs = out.record(&row.attrs);
            let tags = out.record(&row.tags);
            let parents: Vec<_> = row
                .parents
                .iter()
                .map(|(t, i)| out.encode(&Cell::Entity(t.clone(), i.clone())))
                .collect();
            let parents = out.range(parents, 1);
            for (start, len) in [attrs, tags, parents] {
                put_u32(&mut rows, start);
                put_u32(&mut rows, len);
            }
        }
        let encoded: Vec<_> = roots.iter().map(|value| out.encode(value)).collect();
        for cell in encoded {
            out.block.roots.push(len32(out.cells.len()));
            out.cells.push(cell);
        }
        out.finish(entities.len(), &rows)
    }

    fn collect(&mut self, value: &Cell) {
        match value {
            Cell::Str(text) | Cell::Ip(text) => {
                self.strings.insert(text.clone());
            }
            Cell::Entity(type_name, id) => {
                self.uids.insert((type_name.clone(), id.clone()));
            }
            Cell::Set(items) => items.iter().for_each(|item| self.collect(item)),
            Cell::Record(fields) => {
                for (key, item) in fields {
                    self.strings.insert(key.clone());
                    self.collect(item);
                }
            }
            Cell::Bool(_)
            | Cell::Long(_)
            | Cell::Decimal(_)
            | Cell::Datetime(_)
            | Cell::Duration(_) => {}
        }
    }
}

struct Emitter {
    block: Block,
    cells: Vec<(u8, u64)>,
}

impl Emitter {
    // INVARIANT: what a value contains is written before it, so a range always lies before the cell that names it.
    fn encode(&mut self, value: &Cell) -> (u8, u64) {
        let number = |n: Option<u32>| u64::from(n.unwrap_or(u32::MAX));
        let pair = |(start, len): (u32, u32)| u64::from(start) | u64::from(len) << 32;
        match value {
            Cell::Bool(value) => (kind::BOOL, u64::from(*value)),
            Cell::Long(value) => (kind::LONG, value.cast_unsigned()),
            Cell::Str(text) => (kind::STRING, number(self.block.string(text))),
            Cell::Entity(t, id) => (kind::ENTITY, number(self.block.uid(t, id))),
            Cell::Set(items) => {
                let unique: BTreeSet<&Cell> = items.iter().collect();
                let cells = unique.into_iter().map(|item| self.encode(item)).collect();
                (kind::SET, pair(self.range(cells, 1)))
            }
            Cell::Record(fields) => (kind::RECORD, pair(self.record(fields))),
            Cell::Decimal(value) => (kind::DECIMAL, value.cast_unsigned()),
            Cell::Datetime(value) => (kind::DATETIME, value.cast_unsigned()),
            Cell::Duration(value) => (kind::DURATION, value.cast_unsigned()),
            Cell::Ip(text) => (kind::IP, number(self.block.string(text))),
        }
    }

    fn record(&mut self, fields: &BTreeMap<String, Cell>) -> (u32, u32) {
        let mut cells = Vec::with_capacity(fields.len() * 2);
        for (key, value) in fields {
            let key = u64::from(self.block.string(key).unwrap_or(u32::MAX));
            let value = self.encode(value);
            cells.push((kind::STRING, key));
            cells.push(value);
        }
        self.range(cells, 2)
    }

    fn range(&mut self, cells: Vec<(u8, u64)>, width: usize) -> (u32, u32) {
        let at = (len32(self.cells.len()), len32(cells.len() / width));
        self.cells.extend(cells);
        at
    }

    fn finish(mut self, entities: usize, rows: &[u8]) -> Block {
        let out = &mut self.block.bytes;
        put_u32(out, len32(self.block.strings.len()));
        put_u32(out, len32(self.block.uids.len()));
        put_u32(out, len32(self.cells.len()));
        put_u32(out, len32(entities));
        let mut end = 0;
        for text in &self.block.strings {
            end += text.len();
            put_u32(out, len32(end));
        }
        for text in &self.block.strings {
            out.extend_from_slice(text.as_bytes());
        }
        let strings = &self.block.strings;
        let number = |text: &String| strings.binary_search(text).map_or(u32::MAX, len32);
        for (type_name, id) in &self.block.uids {
            put_u32(out, number(type_name));
            put_u32(out, number(id));
        }
        for (kind, payload) in &self.cells {
            out.push(*kind);
            out.extend_from_slice(&payload.to_le_bytes());
        }
        out.extend_from_slice(rows);
        self.block
    }
}
