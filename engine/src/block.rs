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

use crate::{
    bytes::{len32, put_u32},
    sort::sort,
};

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
    pub fn finish(self) -> Block {
        let mut out = Emitter::default();
        self.strings
            .iter()
            .for_each(|text| out.mention_string(text));
        for (type_name, id) in &self.uids {
            out.mention((type_name, id));
        }
        let roots: Vec<View<'_>> = self.roots.iter().map(View::of).collect();
        let entities: Vec<EntityView<'_>> = self
            .entities
            .iter()
            .map(|((type_name, id), row)| EntityView {
                uid: (type_name, id),
                attrs: View::record(&row.attrs),
                tags: View::record(&row.tags),
                parents: row
                    .parents
                    .iter()
                    .map(|(t, i)| View::Entity(t, i))
                    .collect(),
            })
            .collect();
        let (bytes, roots) = out.emit(&entities, &roots);
        Block {
            bytes,
            roots,
            strings: out.strings.iter().map(|&text| String::from(text)).collect(),
            uids: out
                .uids
                .iter()
                .map(|(t, i)| (String::from(*t), String::from(*i)))
                .collect(),
        }
    }
}

/// A value to be written, by reference. The widget carries the code that writes these, so it is small: no trees, one sort.
pub(crate) enum View<'a> {
    /// A kind whose payload is the number itself.
    Plain(u8, u64),
    /// A kind whose payload is a string.
    Text(u8, &'a str),
    Entity(&'a str, &'a str),
    /// Elements ascend and differ.
    Set(Vec<View<'a>>),
    /// Keys ascend and differ.
    Record(Vec<(&'a str, View<'a>)>),
}

impl<'a> View<'a> {
    fn of(cell: &'a Cell) -> Self {
        match cell {
            Cell::Bool(value) => Self::Plain(kind::BOOL, u64::from(*value)),
            Cell::Long(value) => Self::Plain(kind::LONG, value.cast_unsigned()),
            Cell::Str(text) => Self::Text(kind::STRING, text),
            Cell::Entity(type_name, id) => Self::Entity(type_name, id),
            Cell::Set(items) => {
                let unique: BTreeSet<&Cell> = items.iter().collect();
                Self::Set(unique.into_iter().map(Self::of).collect())
            }
            Cell::Record(fields) => Self::Record(Self::record(fields)),
            Cell::Decimal(value) => Self::Plain(kind::DECIMAL, value.cast_unsigned()),
            Cell::Datetime(value) => Self::Plain(kind::DATETIME, value.cast_unsigned()),
            Cell::Duration(value) => Self::Plain(kind::DURATION, value.cast_unsigned()),
            Cell::Ip(text) => Self::Text(kind::IP, text),
        }
    }

    fn record(fields: &'a BTreeMap<String, Cell>) -> Vec<(&'a str, Self)> {
        fields
            .iter()
            .map(|(key, value)| (key.as_str(), Self::of(value)))
            .collect()
    }
}

pub(crate) struct EntityView<'a> {
    uid: (&'a str, &'a str),
    attrs: Vec<(&'a str, View<'a>)>,
    tags: Vec<(&'a str, View<'a>)>,
    parents: Vec<View<'a>>,
}

/// Numbers names and writes a block.
#[derive(Default)]
pub(crate) struct Emitter<'a> {
    strings: Vec<&'a str>,
    uids: Vec<(&'a str, &'a str)>,
    cells: Vec<(u8, u64)>,
}

impl<'a> Emitter<'a> {
    pub(crate) fn mention_string(&mut self, text: &'a str) {
        self.strings.push(text);
    }

    pub(crate) fn mention(&mut self, uid: (&'a str, &'a str)) {
        self.strings.push(uid.0);
        self.strings.push(uid.1);
        self.uids.push(uid);
    }

    /// The number of a uid, once the block is written.
    pub(crate) fn uid(&self, uid: (&str, &str)) -> u32 {
        number(&self.uids, &uid)
    }

    /// The block's bytes, and the cells of the roots.
    pub(crate) fn emit(
        &mut self,
        entities: &[EntityView<'a>],
        roots: &[View<'a>],
    ) -> (Vec<u8>, Vec<u32>) {
        for entity in entities {
            self.mention(entity.uid);
            self.collect_fields(&entity.attrs);
            self.collect_fields(&entity.tags);
            entity
                .parents
                .iter()
                .for_each(|parent| self.collect(parent));
        }
        roots.iter().for_each(|root| self.collect(root));
        ascending(&mut self.strings);
        ascending(&mut self.uids);
        let mut rows = Vec::new();
        for entity in entities {
            put_u32(&mut rows, self.uid(entity.uid));
            let spans = [
                self.fields(&entity.attrs),
                self.fields(&entity.tags),
                self.items(&entity.parents),
            ];
            for (start, len) in spans {
                put_u32(&mut rows, start);
                put_u32(&mut rows, len);
            }
        }
        let encoded: Vec<_> = roots.iter().map(|root| self.encode(root)).collect();
        let first = len32(self.cells.len());
        let numbers = (first..first + len32(encoded.len())).collect();
        self.cells.extend_from_slice(&encoded);
        (self.bytes(entities.len(), &rows), numbers)
    }

    fn collect(&mut self, view: &View<'a>) {
        match view {
            View::Plain(..) => {}
            View::Text(_, text) => self.strings.push(text),
            View::Entity(type_name, id) => self.mention((type_name, id)),
            View::Set(items) => items.iter().for_each(|item| self.collect(item)),
            View::Record(fields) => self.collect_fields(fields),
        }
    }

    fn collect_fields(&mut self, fields: &[(&'a str, View<'a>)]) {
        for (key, value) in fields {
            self.strings.push(key);
            self.collect(value);
        }
    }

    // INVARIANT: what a value contains is written before it, so a range always lies before the cell that names it.
    fn encode(&mut self, view: &View<'a>) -> (u8, u64) {
        let pair = |(start, len): (u32, u32)| u64::from(start) | u64::from(len) << 32;
        match view {
            View::Plain(kind, payload) => (*kind, *payload),
            View::Text(kind, text) => (*kind, u64::from(number(&self.strings, text))),
            View::Entity(t, id) => (kind::ENTITY, u64::from(self.uid((t, id)))),
            View::Set(items) => (kind::SET, pair(self.items(items))),
            View::Record(fields) => (kind::RECORD, pair(self.fields(fields))),
        }
    }

    fn fields(&mut self, fields: &[(&'a str, View<'a>)]) -> (u32, u32) {
        let mut cells = Vec::with_capacity(fields.len() * 2);
        for (key, value) in fields {
            let value = self.encode(value);
            cells.push((kind::STRING, u64::from(number(&self.strings, key))));
            cells.push(value);
        }
        self.range(&cells, 2)
    }

    fn items(&mut self, items: &[View<'a>]) -> (u32, u32) {
        let mut cells = Vec::with_capacity(items.len());
        for item in items {
            let cell = self.encode(item);
            cells.push(cell);
        }
        self.range(&cells, 1)
    }

    fn range(&mut self, cells: &[(u8, u64)], width: usize) -> (u32, u32) {
        let at = (len32(self.cells.len()), len32(cells.len() / width));
        self.cells.extend_from_slice(cells);
        at
    }

    fn bytes(&self, entities: usize, rows: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for count in [
            self.strings.len(),
            self.uids.len(),
            self.cells.len(),
            entities,
        ] {
            put_u32(&mut out, len32(count));
        }
        let mut end = 0;
        for text in &self.strings {
            end += text.len();
            put_u32(&mut out, len32(end));
        }
        for text in &self.strings {
            out.extend_from_slice(text.as_bytes());
        }
        for (type_name, id) in &self.uids {
            put_u32(&mut out, number(&self.strings, type_name));
            put_u32(&mut out, number(&self.strings, id));
        }
        for (kind, payload) in &self.cells {
            out.push(*kind);
            out.extend_from_slice(&payload.to_le_bytes());
        }
        out.extend_from_slice(rows);
        out
    }
}

/// Sorts and drops what is repeated.
pub(crate) fn ascending<T: Copy + Ord>(items: &mut Vec<T>) {
    // A comparison of these cannot fail.
    let _ = sort::<T, ()>(items, |a, b| Ok(a.cmp(b)));
    items.dedup();
}

/// The place of something in an ascending list; what is not there gets a number that no reader accepts.
fn number<T: Ord>(items: &[T], item: &T) -> u32 {
    items.binary_search(item).map_or(u32::MAX, len32)
}
