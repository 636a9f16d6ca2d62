//! A second reader of blocks, written from the description of the format alone and as naively as possible. The oracle is
//! asked with what it reads, so a fault in the engine's own reader cannot hide.

use std::collections::BTreeMap;

use avow_engine::bundle::layout;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Long(i64),
    /// A string.
    Str(String),
    /// Type and id.
    Entity(String, String),
    /// Elements.
    Set(Vec<Value>),
    /// Fields.
    Record(BTreeMap<String, Value>),
    /// Ten-thousandths.
    Decimal(i64),
    /// Milliseconds since 1970.
    Datetime(i64),
    /// Milliseconds.
    Duration(i64),
    /// Its text.
    Ip(String),
}

/// An entity as it was written.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Type and id.
    pub uid: (String, String),
    /// Attributes.
    pub attrs: BTreeMap<String, Value>,
    /// Tags.
    pub tags: BTreeMap<String, Value>,
    /// Parents.
    pub parents: Vec<(String, String)>,
}

/// A block.
pub struct Block<'a> {
    bytes: &'a [u8],
    strings: Vec<String>,
    uids: Vec<(String, String)>,
    cells: usize,
    /// The entities.
    pub entities: Vec<Entity>,
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

impl<'a> Block<'a> {
    /// Reads a block.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        let [strings, uids, cells, entities] = [0, 4, 8, 12].map(|at| word(bytes, at));
        let data = 16 + strings * 4;
        let end = |i: usize| word(bytes, 16 + i * 4);
        let texts: Vec<String> = (0..strings)
            .map(|i| {
                let start = if i == 0 { 0 } else { end(i - 1) };
                String::from_utf8(bytes[data + start..data + end(i)].to_vec()).unwrap()
            })
            .collect();
        let uids_at = data + if strings == 0 { 0 } else { end(strings - 1) };
        let pairs = (0..uids)
            .map(|i| {
                let at = uids_at + i * 8;
                (
                    texts[word(bytes, at)].clone(),
                    texts[word(bytes, at + 4)].clone(),
                )
            })
            .collect();
        let cells_at = uids_at + uids * 8;
        let mut block = Self {
            bytes,
            strings: texts,
            uids: pairs,
            cells: cells_at,
            entities: Vec::new(),
        };
        for i in 0..entities {
            let at = cells_at + cells * 9 + i * 28;
            let part = |n: usize| word(bytes, at + n * 4);
            let entity = Entity {
                uid: block.uid(part(0)),
                attrs: block.record(part(1), part(2)),
                tags: block.record(part(3), part(4)),
                parents: (part(5)..part(5) + part(6))
                    .map(|cell| match block.value(cell) {
                        Value::Entity(t, i) => (t, i),
                        other => panic!("parent {other:?}"),
                    })
                    .collect(),
            };
            block.entities.push(entity);
        }
        block
    }

    /// A uid by its number.
    #[must_use]
    pub fn uid(&self, number: usize) -> (String, String) {
        self.uids[number].clone()
    }

    /// The value of a cell.
    ///
    /// # Panics
    /// Where the cell is of no known kind.
    #[must_use]
    pub fn value(&self, cell: usize) -> Value {
        let at = self.cells + cell * 9;
        let payload = u64::from_le_bytes(self.bytes[at + 1..at + 9].try_into().unwrap());
        let number = payload.cast_signed();
        let small = usize::try_from(payload & 0xffff_ffff).unwrap();
        let len = usize::try_from(payload >> 32).unwrap();
        match self.bytes[at] {
            0 => Value::Bool(payload == 1),
            1 => Value::Long(number),
            2 => Value::Str(self.strings[small].clone()),
            3 => {
                let (type_name, id) = self.uid(small);
                Value::Entity(type_name, id)
            }
            4 => Value::Set((small..small + len).map(|cell| self.value(cell)).collect()),
            5 => Value::Record(self.record(small, len)),
            6 => Value::Decimal(number),
            7 => Value::Datetime(number),
            8 => Value::Duration(number),
            9 => Value::Ip(self.strings[small].clone()),
            kind => panic!("kind {kind}"),
        }
    }

    fn record(&self, start: usize, len: usize) -> BTreeMap<String, Value> {
        (0..len)
            .map(|i| match self.value(start + i * 2) {
                Value::Str(key) => (key, self.value(start + i * 2 + 1)),
                other => panic!("key {other:?}"),
            })
            .collect()
    }
}

/// A request.
pub struct Request<'a> {
    /// Principal, action, resource.
    pub uids: [(String, String); 3],
    /// The context.
    pub context: Value,
    /// What else it carries.
    pub block: Block<'a>,
}

impl<'a> Request<'a> {
    /// Reads request bytes.
    ///
    /// # Panics
    /// Where they are none.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Self {
        assert_eq!(&bytes[..4], b"AVQ0");
        let block = Block::read(&bytes[20..]);
        Self {
            uids: [4, 8, 12].map(|at| block.uid(word(bytes, at))),
            context: block.value(word(bytes, 16)),
            block,
        }
    }
}

/// The block of facts of a bundle.
///
/// # Panics
/// Where it has none.
#[must_use]
pub fn facts(bundle: &[u8]) -> Block<'_> {
    for row in 0..word(bundle, 12) {
        let at = 88 + row * 12;
        if bundle[at..at + 2] == layout::FACTS.to_le_bytes() {
            return Block::read(&bundle[word(bundle, at + 4)..]);
        }
    }
    panic!("no facts");
}
