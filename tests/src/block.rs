//! A second reader of blocks, written from the description of the format alone and as naively as possible. The oracle is
//! asked with what it reads, so a fault in the engine's own reader cannot hide.

use std::collections::BTreeMap;

use avow_engine::{
    bundle::layout,
    ext::Ip,
    format::{NONE, OWN},
};

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
    /// Its bytes.
    Ip(Vec<u8>),
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

/// A name, or the uid of an entity.
#[derive(Clone, Debug)]
enum Symbol {
    Name(String),
    Uid(String, String),
}

/// A block.
#[derive(Clone, Debug)]
pub struct Block {
    symbols: Vec<Symbol>,
    /// The entities.
    pub entities: Vec<Entity>,
    /// The roots, with their names.
    pub roots: Vec<(Option<String>, Value)>,
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// A cell before its own cells are put into it.
struct Raw {
    name: Option<String>,
    kind: usize,
    payload: u64,
    /// Its own cells.
    parts: std::ops::Range<usize>,
}

struct Reader<'a> {
    below: &'a [Symbol],
    symbols: Vec<Symbol>,
    raw: Vec<Raw>,
    text: &'a [u8],
}

impl Reader<'_> {
    fn symbol(&self, number: usize) -> &Symbol {
        let own = OWN as usize;
        if number & own == 0 {
            &self.below[number]
        } else {
            &self.symbols[number - own]
        }
    }

    fn name(&self, number: usize) -> String {
        match self.symbol(number) {
            Symbol::Name(name) => name.clone(),
            other => panic!("{other:?} is no name"),
        }
    }

    fn uid(&self, number: usize) -> (String, String) {
        match self.symbol(number) {
            Symbol::Uid(type_name, id) => (type_name.clone(), id.clone()),
            other => panic!("{other:?} is no uid"),
        }
    }

    fn value(&self, cell: usize) -> Value {
        let raw = &self.raw[cell];
        let number = raw.payload.cast_signed();
        let low = usize::try_from(raw.payload & 0xffff_ffff).unwrap();
        let high = usize::try_from(raw.payload >> 32).unwrap();
        match raw.kind {
            0 => Value::Bool(raw.payload == 1),
            1 => Value::Long(number),
            2 => Value::Str(String::from_utf8(self.text[low..low + high].to_vec()).unwrap()),
            3 => {
                let (type_name, id) = self.uid(low);
                Value::Entity(type_name, id)
            }
            4 => Value::Set(raw.parts.clone().map(|cell| self.value(cell)).collect()),
            5 => Value::Record(self.record(raw.parts.clone())),
            6 => Value::Decimal(number),
            7 => Value::Datetime(number),
            8 => Value::Duration(number),
            9 => Value::Ip(self.text[low..low + high].to_vec()),
            kind => panic!("kind {kind}"),
        }
    }

    fn record(&self, cells: std::ops::Range<usize>) -> BTreeMap<String, Value> {
        cells
            .map(|cell| (self.raw[cell].name.clone().unwrap(), self.value(cell)))
            .collect()
    }
}

impl Block {
    /// Reads a block over the layers of another one, if any.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn read(bytes: &[u8], below: Option<&Block>) -> Self {
        let [names, uids, entities, roots, cells, text] =
            [0, 4, 8, 12, 16, 20].map(|at| word(bytes, at));
        let cells_at = 24 + (names + uids) * 8;
        let entities_at = cells_at + cells * 16;
        let text_at = entities_at + entities * 16;
        let mut reader = Reader {
            below: below.map_or(&[], |block| block.symbols.as_slice()),
            symbols: Vec::new(),
            raw: Vec::new(),
            text: &bytes[text_at..text_at + text],
        };
        let mut start = 0;
        for i in 0..names + uids {
            let (of, end) = (word(bytes, 24 + i * 8), word(bytes, 28 + i * 8));
            let text = String::from_utf8(reader.text[start..end].to_vec()).unwrap();
            start = end;
            let symbol = if i < names {
                Symbol::Name(text)
            } else {
                Symbol::Uid(reader.name(of), text)
            };
            reader.symbols.push(symbol);
        }
        let mut next = 0;
        let mut take = |count: usize| {
            next += count;
            next - count..next
        };
        let rows: Vec<_> = (0..entities)
            .map(|i| {
                let at = entities_at + i * 16;
                let part = |n: usize| word(bytes, at + n * 4);
                (part(0), [1, 2, 3].map(|n| take(part(n))))
            })
            .collect();
        let roots = take(roots);
        for i in 0..cells {
            let at = cells_at + i * 16;
            let (name, kind) = (word(bytes, at), word(bytes, at + 4));
            let payload = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
            let parts = match kind {
                4 | 5 => take(usize::try_from(payload).unwrap()),
                _ => 0..0,
            };
            let name = (name != NONE as usize).then(|| reader.name(name));
            reader.raw.push(Raw {
                name,
                kind,
                payload,
                parts,
            });
        }
        let entities = rows
            .into_iter()
            .map(|(uid, [attrs, tags, parents])| Entity {
                uid: reader.uid(uid),
                attrs: reader.record(attrs),
                tags: reader.record(tags),
                parents: parents
                    .map(|cell| match reader.value(cell) {
                        Value::Entity(type_name, id) => (type_name, id),
                        other => panic!("parent {other:?}"),
                    })
                    .collect(),
            })
            .collect();
        Self {
            entities,
            roots: roots
                .map(|cell| (reader.raw[cell].name.clone(), reader.value(cell)))
                .collect(),
            symbols: reader.symbols,
        }
    }

    /// The uid that request bytes over this block, with own symbols `own`, call by a number.
    fn uid(&self, own: &Block, number: usize) -> (String, String) {
        let symbol = match number.checked_sub(OWN as usize) {
            Some(number) => &own.symbols[number],
            None => &self.symbols[number],
        };
        match symbol {
            Symbol::Uid(type_name, id) => (type_name.clone(), id.clone()),
            other => panic!("{other:?} is no uid"),
        }
    }
}

/// A request.
pub struct Request {
    /// Principal, action, resource.
    pub uids: [(String, String); 3],
    /// The context.
    pub context: BTreeMap<String, Value>,
    /// What else it carries.
    pub block: Block,
}

impl Request {
    /// Reads request bytes to a bundle whose facts are given.
    ///
    /// # Panics
    /// Where they are none.
    #[must_use]
    pub fn read(bytes: &[u8], facts: &Block) -> Self {
        assert_eq!(&bytes[..4], b"AVQ1");
        let block = Block::read(&bytes[24..], Some(facts));
        let context = block.roots.iter();
        Self {
            uids: [12, 16, 20].map(|at| facts.uid(&block, word(bytes, at))),
            context: context
                .map(|(name, value)| (name.clone().unwrap(), value.clone()))
                .collect(),
            block,
        }
    }
}

/// The block of facts of a bundle.
///
/// # Panics
/// Where it has none.
#[must_use]
pub fn facts(bundle: &[u8]) -> Block {
    for row in 0..word(bundle, 12) {
        let at = 88 + row * 12;
        if bundle[at..at + 2] == layout::FACTS.to_le_bytes() {
            return Block::read(&bundle[word(bundle, at + 4)..], None);
        }
    }
    panic!("no facts");
}

/// Cedar's text for an address.
#[must_use]
pub fn ip_text(bytes: &[u8]) -> String {
    assert!(Ip::from_bytes(bytes).is_some());
    let addr: [u8; 16] = bytes[2..].try_into().unwrap();
    if bytes[0] == 1 {
        format!("{}/{}", colons(addr), bytes[1])
    } else {
        let [a, b, c, d, ..] = addr;
        format!("{a}.{b}.{c}.{d}/{}", bytes[1])
    }
}

/// Eight groups; the shorter forms may end in dots, which Cedar refuses.
fn colons(addr: [u8; 16]) -> String {
    let groups = addr
        .chunks(2)
        .map(|pair| format!("{:x}", u16::from_be_bytes([pair[0], pair[1]])));
    groups.collect::<Vec<_>>().join(":")
}
