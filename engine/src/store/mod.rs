//! Names, values and entities of up to three layers: the bundle's, a tenant's residents', one request's.
//!
//! All texts lie in one buffer, all values in one list of cells. A layer is decoded on top of the ones below: a name or an
//! entity that a lower layer knows keeps its number, so names and entities are equal where their numbers are. Strings that
//! are values are compared as texts. A layer is cut off by going back to a mark, which frees nothing: the memory is used
//! again by the next request.

mod decode;

pub(crate) use decode::Below;

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    answer::Refusal,
    block::kind,
    bytes::{len32, slice},
    limits,
    sort::sort,
};

/// A number that nothing has.
pub(crate) const NONE: u32 = u32::MAX;

/// A range of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    fn of(payload: u64) -> Self {
        Self {
            start: payload as u32,
            len: (payload >> 32) as u32,
        }
    }

    pub(crate) fn payload(self) -> u64 {
        u64::from(self.start) | u64::from(self.len) << 32
    }
}

/// A value.
///
/// What the payload holds goes by the kind: a bool or an integer itself; of a string and an IP address, where its bytes lie; an
/// entity's number; of a set and a record, where its cells lie. The elements of a set ascend by [`Store::compare`] and differ;
/// the fields of a record ascend by key and differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    /// In a record, the field's name. On the machine's stack, how the value moves with the clock.
    pub(crate) key: u32,
    pub(crate) kind: u32,
    pub(crate) payload: u64,
}

impl Value {
    /// Stands for a value that is not there; no operator takes it.
    pub(crate) const MISSING: Self = Self {
        key: 0,
        kind: NONE,
        payload: 0,
    };

    pub(crate) fn new(kind: u32, payload: u64) -> Self {
        Self {
            key: 0,
            kind,
            payload,
        }
    }

    pub(crate) fn is_there(self) -> bool {
        self.kind != NONE
    }

    pub(crate) fn span(self) -> Span {
        Span::of(self.payload)
    }
}

/// A name, or the uid of an entity.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    /// Zero for a name; for a uid, the number of its type's name plus one.
    of: u32,
    at: u32,
    len: u32,
    /// Number of the entity that describes a uid, plus one; zero where nobody described it.
    entity: u32,
    /// Stamp of the last walk that visited it.
    seen: u32,
}

impl Symbol {
    /// As the payload of a string.
    fn text(&self) -> u64 {
        u64::from(self.at) | u64::from(self.len) << 32
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EntityData {
    pub(crate) uid: u32,
    /// What described the uid before: [`Symbol::entity`] to go back to.
    before: u32,
    pub(crate) attrs: Span,
    pub(crate) tags: Span,
    pub(crate) parents: Span,
}

/// Steps left.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: u32,
    /// Whether more was asked for than there was. What was computed since means nothing.
    pub(crate) is_out: bool,
}

impl Fuel {
    pub(crate) fn new(steps: u32) -> Self {
        Self {
            left: steps,
            is_out: false,
        }
    }

    /// What putting a bundle or a patch in order may take.
    pub(crate) fn for_bytes(len: usize) -> Self {
        Self::new(len32(len).saturating_mul(limits::STEPS_A_BYTE))
    }

    pub(crate) fn spend(&mut self, steps: u32) {
        self.is_out |= self.left < steps;
        self.left = self.left.saturating_sub(steps);
    }
}

/// How far the store was filled when a layer was complete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    bytes: usize,
    symbols: usize,
    cells: usize,
    entities: usize,
}

impl Mark {
    pub(crate) fn symbols(self) -> u32 {
        len32(self.symbols)
    }

    pub(crate) fn entities(self) -> u32 {
        len32(self.entities)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) bytes: Vec<u8>,
    symbols: Vec<Symbol>,
    /// The symbols of each layer in ascending order: of the bundle, of the residents, of the request.
    order: Vec<u32>,
    /// Where the residents' part of `order` begins and where it ends.
    parts: [usize; 2],
    cells: Vec<Value>,
    entities: Vec<EntityData>,
    stamp: u32,
    /// Why the last block was refused, if it was.
    refusal: Refusal,
    /// Scratch.
    own: Vec<u32>,
    queue: Vec<u32>,
}

impl Store {
    /// A store that holds nothing but bytes.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            symbols: self.symbols.len(),
            cells: self.cells.len(),
            entities: self.entities.len(),
        }
    }

    /// Cuts off what came after a mark.
    pub(crate) fn reset(&mut self, mark: Mark) {
        while self.entities.len() > mark.entities {
            if let Some(entity) = self.entities.pop()
                && let Some(symbol) = self.symbols.get_mut(entity.uid as usize)
            {
                symbol.entity = entity.before;
            }
        }
        self.bytes.truncate(mark.bytes);
        self.symbols.truncate(mark.symbols);
        self.order.truncate(mark.symbols);
        self.cells.truncate(mark.cells);
    }

    // ---- reading -------------------------------------------------------------------------------------------------

    /// The bytes of a string or an IP address.
    pub(crate) fn text(&self, payload: u64) -> &[u8] {
        let Span { start, len } = Span::of(payload);
        slice(&self.bytes, start as usize, len as usize).unwrap_or_default()
    }

    /// The text of a name, the id of a uid.
    pub(crate) fn symbol_text(&self, symbol: u32) -> &[u8] {
        let symbol = self.symbols.get(symbol as usize);
        symbol.map_or(&[], |symbol| self.text(symbol.text()))
    }

    /// The number of the name of a uid's type; [`NONE`] where it is no uid.
    pub(crate) fn type_of(&self, uid: u32) -> u32 {
        let symbol = self.symbols.get(uid as usize);
        symbol.map_or(NONE, |s| s.of.wrapping_sub(1))
    }

    pub(crate) fn symbols(&self) -> u32 {
        len32(self.symbols.len())
    }

    pub(crate) fn is_name(&self, symbol: u32) -> bool {
        let symbol = self.symbols.get(symbol as usize);
        symbol.is_some_and(|symbol| symbol.of == 0)
    }

    /// The number of a name, where `of` is zero, or of a uid, where it is the number of its type's name plus one.
    pub(crate) fn find(&self, of: u32, text: &[u8]) -> u32 {
        let [bundle, residents] = self.parts;
        let end = self.order.len();
        for (mut low, mut high) in [(0, bundle), (bundle, residents), (residents, end)] {
            while low < high {
                let middle = (low + high) / 2;
                let symbol = self.order.get(middle).copied().unwrap_or(NONE);
                match self.order_of(symbol, of, text) {
                    Ordering::Equal => return symbol,
                    Ordering::Less => low = middle + 1,
                    Ordering::Greater => high = middle,
                }
            }
        }
        NONE
    }

    fn order_of(&self, symbol: u32, of: u32, text: &[u8]) -> Ordering {
        let Some(its) = self.symbols.get(symbol as usize) else {
            return Ordering::Less;
        };
        let order = its.of.cmp(&of);
        order.then_with(|| self.text(its.text()).cmp(text))
    }

    pub(crate) fn entity_number(&self, uid: u32) -> Option<u32> {
        self.symbols.get(uid as usize)?.entity.checked_sub(1)
    }

    pub(crate) fn entity(&self, uid: u32) -> Option<&EntityData> {
        self.entities.get(self.entity_number(uid)? as usize)
    }

    #[cfg(feature = "consent")]
    pub(crate) fn entities(&self) -> &[EntityData] {
        &self.entities
    }

    pub(crate) fn cells(&self) -> u32 {
        len32(self.cells.len())
    }

    /// Whether a value is an address.
    #[cfg(feature = "words")]
    pub(crate) fn has_addresses(&self) -> bool {
        self.cells.iter().any(|cell| cell.kind == kind::IP)
    }

    pub(crate) fn cell(&self, number: u32) -> Value {
        let cell = self.cells.get(number as usize);
        cell.copied().unwrap_or(Value::MISSING)
    }

    pub(crate) fn items(&self, span: Span) -> &[Value] {
        slice(&self.cells, span.start as usize, span.len as usize).unwrap_or_default()
    }

    /// A record's field, or [`Value::MISSING`].
    pub(crate) fn field(&self, record: Span, key: u32) -> Value {
        let fields = self.items(record);
        let (mut low, mut high) = (0, fields.len());
        while low < high {
            let middle = (low + high) / 2;
            let Some(field) = fields.get(middle) else {
                break;
            };
            match field.key.cmp(&key) {
                Ordering::Equal => return Value { key: 0, ..*field },
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Value::MISSING
    }

    // ---- asking --------------------------------------------------------------------------------------------------

    /// The number of a name, where `of` is zero, or of a uid, as [`Store::find`] has it, with a text in two parts: that of a layer
    /// below, or a new one. What is put here is not decoded, so it is not put in order; a reset takes it away.
    #[cfg(feature = "consent")]
    pub(crate) fn number(&mut self, of: u32, start: &str, end: &str) -> u32 {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(start.as_bytes());
        self.bytes.extend_from_slice(end.as_bytes());
        let text = self.bytes.get(at..).unwrap_or_default();
        let known = self.find(of, text);
        if known != NONE {
            return known;
        }
        let mut number = len32(self.order.len());
        while number < self.symbols() {
            if self.order_of(number, of, text) == Ordering::Equal {
                return number;
            }
            number += 1;
        }
        self.symbols.push(Symbol {
            of,
            at: len32(at),
            len: len32(text.len()),
            entity: 0,
            seen: 0,
        });
        number
    }

    /// Adds a cell.
    #[cfg(feature = "consent")]
    pub(crate) fn put(&mut self, key: u32, kind: u32, payload: u64) {
        self.cells.push(Value { key, kind, payload });
    }

    // ---- making values -------------------------------------------------------------------------------------------

    /// Bytes of a string or an address that the evaluation makes.
    pub(crate) fn new_text(&mut self, text: &[u8]) -> u64 {
        let start = len32(self.bytes.len());
        self.bytes.extend_from_slice(text);
        Span {
            start,
            len: len32(text.len()),
        }
        .payload()
    }

    /// Cells of a set or a record that the evaluation makes.
    pub(crate) fn new_cells(&mut self, cells: &[Value], fuel: &mut Fuel) -> Span {
        let start = self.cells();
        if self.cells.len() + cells.len() > limits::CELLS {
            fuel.is_out = true;
            return Span::default();
        }
        self.cells.extend_from_slice(cells);
        Span {
            start,
            len: len32(cells.len()),
        }
    }

    /// Puts cells in order, those of a record by key, and drops what is repeated; how many are left.
    pub(crate) fn order(&mut self, span: Span, by_key: bool, fuel: &mut Fuel) -> u32 {
        let mut compare = |a: &u32, b: &u32| {
            let (a, b) = (self.cell(*a), self.cell(*b));
            match by_key {
                true => a.key.cmp(&b.key),
                false => self.compare(a, b, fuel, 0),
            }
        };
        let end = span.start + span.len;
        if (span.start + 1..end).all(|at| compare(&(at - 1), &at) == Ordering::Less) {
            return span.len;
        }
        let mut order = Vec::new();
        (span.start..end).for_each(|at| order.push(at));
        sort(&mut order, &mut compare);
        order.dedup_by(|b, a| compare(a, b) == Ordering::Equal);
        // By way of the end of the cells, because the order names them by where they are.
        let top = self.cells.len();
        for at in &order {
            self.cells.push(self.cell(*at));
        }
        let sorted = top..self.cells.len();
        if sorted.end > span.start as usize {
            self.cells.copy_within(sorted, span.start as usize);
        }
        self.cells.truncate(top);
        len32(order.len())
    }

    /// Orders the elements of a set.
    pub(crate) fn order_set(&mut self, span: Span, fuel: &mut Fuel) -> Value {
        let len = self.order(span, false, fuel);
        Value::new(kind::SET, Span { len, ..span }.payload())
    }

    /// Orders the fields of a record; none where one has no name, or two have the same.
    pub(crate) fn order_record(&mut self, span: Span) -> Option<()> {
        let len = self.order(span, true, &mut Fuel::new(u32::MAX));
        let last = self.items(span).last();
        (len == span.len && last.is_none_or(|last| last.key != NONE)).then_some(())
    }

    // ---- comparing -----------------------------------------------------------------------------------------------

    /// A total order under which equal means Cedar's `==`. It is that of numbers; else which of two different values is first
    /// means nothing.
    #[inline]
    pub(crate) fn compare(&self, a: Value, b: Value, fuel: &mut Fuel, depth: u32) -> Ordering {
        if a.kind == b.kind && matches!(a.kind, kind::STRING | kind::IP | kind::SET | kind::RECORD)
        {
            let order = a.span().len.cmp(&b.span().len);
            return match order {
                Ordering::Equal => self.compare_parts(a, b, fuel, depth),
                order => order,
            };
        }
        let order = a.kind.cmp(&b.kind);
        order.then(a.payload.cast_signed().cmp(&b.payload.cast_signed()))
    }

    /// The same of two texts, sets or records of one size.
    #[inline(never)]
    fn compare_parts(&self, a: Value, b: Value, fuel: &mut Fuel, depth: u32) -> Ordering {
        let (x, y) = (a.span(), b.span());
        let is_text = matches!(a.kind, kind::STRING | kind::IP);
        fuel.spend(1 + if is_text { x.len / 8 } else { x.len });
        fuel.is_out |= depth > limits::DEPTH;
        // What cannot be paid for is not done.
        if x == y || fuel.is_out {
            return Ordering::Equal;
        }
        if is_text {
            return self.text(a.payload).cmp(self.text(b.payload));
        }
        for (x, y) in self.items(x).iter().zip(self.items(y)) {
            let order = match a.kind {
                kind::RECORD => x.key.cmp(&y.key),
                _ => Ordering::Equal,
            };
            let order = order.then_with(|| self.compare(*x, *y, fuel, depth + 1));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    pub(crate) fn contains(&self, set: Span, value: Value, fuel: &mut Fuel) -> bool {
        fuel.spend(u32::BITS - set.len.leading_zeros());
        let found = self
            .items(set)
            .binary_search_by(|item| self.compare(*item, value, fuel, 0));
        found.is_ok()
    }

    /// Whether `uid`, or an ancestor of it, is one that `hit` knows. Each ancestor is visited once.
    pub(crate) fn reaches(
        &mut self,
        uid: u32,
        fuel: &mut Fuel,
        // One copy of the walk serves all who ask.
        hit: &mut dyn FnMut(&Self, u32) -> bool,
    ) -> bool {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.symbols.iter_mut().for_each(|symbol| symbol.seen = 0);
            self.stamp = 1;
        }
        let mut queue = core::mem::take(&mut self.queue);
        queue.clear();
        queue.push(uid);
        let mut found = false;
        while let Some(at) = queue.pop() {
            let stamp = self.stamp;
            let Some(symbol) = self.symbols.get_mut(at as usize) else {
                continue;
            };
            if core::mem::replace(&mut symbol.seen, stamp) == stamp {
                continue;
            }
            if hit(self, at) {
                found = true;
                break;
            }
            let parents = self.entity(at).map_or(Span::default(), |e| e.parents);
            fuel.spend(1 + parents.len);
            if fuel.is_out {
                break;
            }
            let parents = self.items(parents);
            queue.extend(parents.iter().map(|parent| parent.payload as u32));
        }
        self.queue = queue;
        found
    }
}
