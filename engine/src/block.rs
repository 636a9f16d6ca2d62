//! A block: names, entity uids, values and entities, as bundles, residents and requests carry them.
//!
//! Bytes, little-endian: `u32` counts of names, uids, entities, roots, cells and bytes of text | symbols: names, then uids, a row of
//! two words each | cells of 16 bytes | entities of 4 words | text.
//!
//! - A symbol: for a name zero, for a uid the name of its type | where its text ends. Texts follow one upon the other; names
//!   ascend and differ.
//! - A cell: name of the field, [`NONE`] where it is no field's | kind | payload of 8 bytes: a number; where a string begins in the
//!   text and, in the upper half, its length; an entity; of a set and a record the number of its cells.
//! - An entity: uid | how many cells its attributes, tags and parents have.
//!
//! Cells are owned in order, each by one owner: first the entities take theirs, then the roots, then, cell by cell, the sets and
//! records. So values are finite trees, no range needs checking against another, and reading takes linear time.
//!
//! A name or uid is written as a number: with [`OWN`] it is one of this block's symbols, without it one of the layers below.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::{
    bundle::Bundle,
    bytes::{len32, put_u32},
    ext::{IP_BYTES, Ip},
    sort::sort,
};

/// First bytes of a patch of a tenant's residents; then the bundle's tag, the version that it is for, and a block whose roots
/// are the uids that are removed.
pub const PATCH_MAGIC: [u8; 4] = *b"AVE1";
/// Marks the number of a symbol as the block's own.
pub const OWN: u32 = 1 << 31;
/// Stands where a cell is no field.
pub const NONE: u32 = u32::MAX;

/// Bytes of the counts that open a block.
pub(crate) const HEAD_BYTES: usize = 24;
/// Bytes of a symbol.
pub(crate) const SYMBOL_BYTES: usize = 8;
/// Bytes of a cell.
pub(crate) const CELL_BYTES: usize = 16;
/// Bytes of an entity.
pub(crate) const ENTITY_BYTES: usize = 16;

pub(crate) mod kind {
    pub(crate) const BOOL: u32 = 0;
    pub(crate) const LONG: u32 = 1;
    pub(crate) const STRING: u32 = 2;
    pub(crate) const ENTITY: u32 = 3;
    pub(crate) const SET: u32 = 4;
    pub(crate) const RECORD: u32 = 5;
    pub(crate) const DECIMAL: u32 = 6;
    pub(crate) const DATETIME: u32 = 7;
    pub(crate) const DURATION: u32 = 8;
    pub(crate) const IP: u32 = 9;
    pub(crate) const LAST: u32 = IP;
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
    /// An address or a range.
    Ip(Ip),
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
    names: BTreeSet<String>,
    roots: Vec<(Option<String>, Cell)>,
}

/// A written block and where the things are that its owner asked for.
#[derive(Clone, Debug)]
pub struct Block {
    /// The bytes.
    pub bytes: Vec<u8>,
    names: Vec<String>,
    uids: Vec<(String, String)>,
    entity_cells: u32,
}

impl Block {
    /// The number that the block gives to a name of its own; in a block without a bundle below, any that was mentioned.
    #[must_use]
    pub fn name(&self, text: &str) -> Option<u32> {
        let found = self.names.binary_search_by(|name| name.as_str().cmp(text));
        found.ok().map(len32)
    }

    /// The same for a uid.
    #[must_use]
    pub fn uid(&self, type_name: &str, id: &str) -> Option<u32> {
        let wanted = (type_name, id);
        let found = self
            .uids
            .binary_search_by(|(t, i)| (t.as_str(), i.as_str()).cmp(&wanted));
        found.ok().map(|at| len32(self.names.len() + at))
    }

    pub(crate) fn into_uids(self) -> Vec<(String, String)> {
        self.uids
    }

    /// As a request writes it: marked as the block's own.
    pub(crate) fn own_uid(&self, type_name: &str, id: &str) -> u32 {
        self.uid(type_name, id).map_or(u32::MAX, |uid| OWN | uid)
    }

    /// The cell of a root, by what [`BlockWriter::root`] answered.
    #[must_use]
    pub fn root(&self, root: usize) -> u32 {
        self.entity_cells + len32(root)
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

    /// Mentions a name, so that it has a number.
    pub fn name(&mut self, text: &str) {
        self.names.insert(text.into());
    }

    /// Adds a value that is reached by its cell, in a record's place where it has a name; the index among the roots.
    pub fn root(&mut self, name: Option<&str>, value: Cell) -> usize {
        self.roots.push((name.map(String::from), value));
        self.roots.len() - 1
    }

    /// Writes the block, over the layer of a bundle or as the layer of one.
    #[must_use]
    pub fn finish(self, bundle: Option<&Bundle>) -> Block {
        let mut out = Emitter::new(bundle);
        for name in &self.names {
            out.mention_name(name);
        }
        for (type_name, id) in &self.uids {
            out.mention((type_name, id));
        }
        let roots: Vec<_> = self
            .roots
            .iter()
            .map(|(name, cell)| (name.as_deref(), View::of(cell)))
            .collect();
        let entities: Vec<EntityView<'_>> = self
            .entities
            .iter()
            .map(|((type_name, id), row)| EntityView {
                uid: (type_name, id),
                parts: [
                    fields(&row.attrs),
                    fields(&row.tags),
                    row.parents
                        .iter()
                        .map(|(t, i)| (None, View::Entity(t, i)))
                        .collect(),
                ],
            })
            .collect();
        let bytes = out.emit(&entities, &roots);
        Block {
            bytes,
            names: out.names.iter().map(|&name| String::from(name)).collect(),
            uids: out
                .uids
                .iter()
                .map(|(t, i)| (String::from(*t), String::from(*i)))
                .collect(),
            entity_cells: out.entity_cells,
        }
    }
}

/// A value to be written, by reference. The widget carries the code that writes these, so it is small: no trees, one sort.
pub(crate) enum View<'a> {
    /// A kind whose payload is the number itself.
    Plain(u32, u64),
    Text(&'a str),
    Ip([u8; IP_BYTES]),
    Entity(&'a str, &'a str),
    /// Elements, without names, or fields.
    Parts(u32, Parts<'a>),
}

/// Values in a row, those of a record with their names.
pub(crate) type Parts<'a> = Vec<(Option<&'a str>, View<'a>)>;

impl<'a> View<'a> {
    pub(crate) fn record(fields: Parts<'a>) -> Self {
        Self::Parts(kind::RECORD, fields)
    }

    fn of(cell: &'a Cell) -> Self {
        match cell {
            Cell::Bool(value) => Self::Plain(kind::BOOL, u64::from(*value)),
            Cell::Long(value) => Self::Plain(kind::LONG, value.cast_unsigned()),
            Cell::Str(text) => Self::Text(text),
            Cell::Entity(type_name, id) => Self::Entity(type_name, id),
            Cell::Set(items) => {
                let unique: BTreeSet<&Cell> = items.iter().collect();
                let mut ordered: Vec<&Cell> = unique.into_iter().collect();
                // As the engine orders texts, which it then need not do.
                ordered.sort_by_key(|item| match item {
                    Cell::Str(text) => text.len(),
                    _ => 0,
                });
                let items = ordered.into_iter().map(|item| (None, Self::of(item)));
                Self::Parts(kind::SET, items.collect())
            }
            Cell::Record(record) => Self::record(fields(record)),
            Cell::Decimal(value) => Self::Plain(kind::DECIMAL, value.cast_unsigned()),
            Cell::Datetime(value) => Self::Plain(kind::DATETIME, value.cast_unsigned()),
            Cell::Duration(value) => Self::Plain(kind::DURATION, value.cast_unsigned()),
            Cell::Ip(ip) => Self::Ip(ip.to_bytes()),
        }
    }
}

fn fields(record: &BTreeMap<String, Cell>) -> Parts<'_> {
    record
        .iter()
        .map(|(name, value)| (Some(name.as_str()), View::of(value)))
        .collect()
}

pub(crate) struct EntityView<'a> {
    uid: (&'a str, &'a str),
    /// Attributes, tags, parents.
    parts: [Parts<'a>; 3],
}

/// Numbers names and uids, and writes a block.
pub(crate) struct Emitter<'a> {
    bundle: Option<&'a Bundle>,
    /// Those that the bundle does not know.
    names: Vec<&'a str>,
    uids: Vec<(&'a str, &'a str)>,
    entity_cells: u32,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(bundle: Option<&'a Bundle>) -> Self {
        Self {
            bundle,
            names: Vec::new(),
            uids: Vec::new(),
            entity_cells: 0,
        }
    }

    pub(crate) fn mention_name(&mut self, name: &'a str) {
        if self.bundle.and_then(|bundle| bundle.name(name)).is_none() {
            self.names.push(name);
        }
    }

    pub(crate) fn mention(&mut self, uid: (&'a str, &'a str)) {
        let known = self.bundle.and_then(|b| b.uid_number(uid.0, uid.1));
        if known.is_none() {
            self.mention_name(uid.0);
            self.uids.push(uid);
        }
    }

    /// The number of a name, once all are mentioned and sorted.
    fn name(&self, name: &str) -> u32 {
        let known = self.bundle.and_then(|bundle| bundle.name(name));
        known.unwrap_or_else(|| OWN | place(&self.names, &name))
    }

    /// The number of a uid, once the block is written.
    pub(crate) fn uid(&self, uid: (&str, &str)) -> u32 {
        let known = self.bundle.and_then(|b| b.uid_number(uid.0, uid.1));
        known.unwrap_or_else(|| OWN | (len32(self.names.len()) + place(&self.uids, &uid)))
    }

    /// The block's bytes.
    pub(crate) fn emit(&mut self, entities: &[EntityView<'a>], roots: &Parts<'a>) -> Vec<u8> {
        for entity in entities {
            self.mention(entity.uid);
            entity.parts.iter().for_each(|parts| self.collect(parts));
        }
        self.collect(roots);
        ascending(&mut self.names);
        ascending(&mut self.uids);
        let mut rows = Vec::new();
        // INVARIANT: cells are written in the order in which a reader gives them to their owners.
        let mut queue: Vec<&Parts<'a>> = Vec::new();
        for entity in entities {
            put_u32(&mut rows, self.uid(entity.uid));
            for parts in &entity.parts {
                put_u32(&mut rows, len32(parts.len()));
                self.entity_cells += len32(parts.len());
                queue.push(parts);
            }
        }
        queue.push(roots);
        let mut cells = Vec::new();
        let (symbols, mut text) = self.symbols();
        let mut next = 0;
        while let Some(parts) = queue.get(next).copied() {
            next += 1;
            for (name, view) in parts {
                put_u32(&mut cells, name.map_or(NONE, |name| self.name(name)));
                let at = |text: &[u8], len: usize| (text.len() - len) as u64 | (len as u64) << 32;
                let (kind, payload) = match view {
                    View::Plain(kind, payload) => (*kind, *payload),
                    View::Text(value) => {
                        text.extend_from_slice(value.as_bytes());
                        (kind::STRING, at(&text, value.len()))
                    }
                    View::Ip(bytes) => {
                        text.extend_from_slice(bytes);
                        (kind::IP, at(&text, IP_BYTES))
                    }
                    View::Entity(t, id) => (kind::ENTITY, u64::from(self.uid((t, id)))),
                    View::Parts(kind, parts) => {
                        queue.push(parts);
                        (*kind, parts.len() as u64)
                    }
                };
                put_u32(&mut cells, kind);
                cells.extend_from_slice(&payload.to_le_bytes());
            }
        }
        let mut out = Vec::new();
        for count in [
            self.names.len(),
            self.uids.len(),
            entities.len(),
            roots.len(),
            cells.len() / CELL_BYTES,
            text.len(),
        ] {
            put_u32(&mut out, len32(count));
        }
        for part in [&symbols, &cells, &rows, &text] {
            out.extend_from_slice(part);
        }
        out
    }

    fn collect(&mut self, parts: &Parts<'a>) {
        for (name, view) in parts {
            if let Some(name) = name {
                self.mention_name(name);
            }
            match view {
                View::Entity(type_name, id) => self.mention((type_name, id)),
                View::Parts(_, parts) => self.collect(parts),
                View::Plain(..) | View::Text(_) | View::Ip(_) => {}
            }
        }
    }

    /// The rows of the symbols, and their texts.
    fn symbols(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut rows, mut text) = (Vec::new(), Vec::new());
        let names = self.names.iter().map(|name| (0, *name));
        let uids = self.uids.iter().map(|(of, id)| (self.name(of), *id));
        for (of, symbol) in names.chain(uids) {
            text.extend_from_slice(symbol.as_bytes());
            put_u32(&mut rows, of);
            put_u32(&mut rows, len32(text.len()));
        }
        (rows, text)
    }
}

/// Sorts and drops what is repeated.
pub(crate) fn ascending<T: Copy + Ord>(items: &mut Vec<T>) {
    sort(items, &mut |a, b| a.cmp(b));
    items.dedup();
}

/// The place of something in an ascending list; what is not there gets a number that no reader accepts.
fn place<T: Ord>(items: &[T], item: &T) -> u32 {
    items.binary_search(item).map_or(OWN - 1, len32)
}
