//! Values, entities and names of up to three layers: the bundle's, a tenant's residents, one request's.
//!
//! A layer is decoded on top of the ones below: a string or a uid that a lower layer knows gets that layer's number, so
//! equality of strings and of entities is equality of numbers everywhere. A layer above is cut off by going back to a mark,
//! which frees nothing: the memory is used again by the next request.

mod decode;

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    answer::EvalError,
    block::kind,
    bytes::{len32, u32_at},
    ext::Ip,
    limits,
    sort::sort,
};

/// A range of cells; of a record, `len` counts pairs of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Bool(bool),
    Long(i64),
    Str(u32),
    Entity(u32),
    /// Elements ascend by [`Store::compare`] and differ.
    Set(Span),
    /// Pairs of key (a `Str`) and value; keys ascend by number and differ.
    Record(Span),
    Decimal(i64),
    Datetime(i64),
    Duration(i64),
    Ip(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EntityData {
    pub(crate) uid: u32,
    pub(crate) attrs: Span,
    pub(crate) tags: Span,
    pub(crate) parents: Span,
}

/// The bytes that the layers' strings lie in.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) layers: [&'a [u8]; LAYERS],
}

pub(crate) const LAYERS: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Strings {
    /// Number of the layer's first string.
    base: u32,
    count: u32,
    /// Where the end offsets begin in the layer's bytes.
    ends: usize,
}

/// Steps left.
pub(crate) struct Fuel(pub(crate) u32);

impl Fuel {
    pub(crate) fn spend(&mut self, steps: u32) -> Result<(), EvalError> {
        self.0 = self.0.checked_sub(steps).ok_or(EvalError::Limit)?;
        Ok(())
    }
}

/// How far the store was filled when a layer was complete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    layers: usize,
    strings: u32,
    uids: usize,
    cells: usize,
    entities: usize,
    ips: usize,
    order: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    strings: [Strings; LAYERS],
    layers: usize,
    /// Number of the first string that no layer has.
    next_string: u32,
    /// Type and id of each uid.
    uids: Vec<(u32, u32)>,
    /// uid -> number of its entity, plus one; zero where nobody described it.
    data: Vec<u32>,
    entities: Vec<EntityData>,
    cells: Vec<Value>,
    ips: Vec<Ip>,
    /// The residents' uids in ascending order.
    order: Vec<u32>,
    /// uid -> stamp of the last walk that visited it.
    seen: Vec<u32>,
    stamp: u32,
    /// Scratch: a layer's own numbers to the store's.
    string_map: Vec<u32>,
    uid_map: Vec<u32>,
    claimed: Vec<bool>,
    queue: Vec<u32>,
}

impl Store {
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            layers: self.layers,
            strings: self.next_string,
            uids: self.uids.len(),
            cells: self.cells.len(),
            entities: self.entities.len(),
            ips: self.ips.len(),
            order: self.order.len(),
        }
    }

    pub(crate) fn reset(&mut self, mark: Mark) {
        for entity in self.entities.get(mark.entities..).unwrap_or_default() {
            if let Some(slot) = self.data.get_mut(entity.uid as usize) {
                *slot = 0;
            }
        }
        self.layers = mark.layers;
        self.next_string = mark.strings;
        self.uids.truncate(mark.uids);
        self.data.truncate(mark.uids);
        self.seen.truncate(mark.uids);
        self.cells.truncate(mark.cells);
        self.entities.truncate(mark.entities);
        self.ips.truncate(mark.ips);
        self.order.truncate(mark.order);
    }

    // ---- reading -------------------------------------------------------------------------------------------------

    pub(crate) fn text<'a>(&self, texts: &Texts<'a>, string: u32) -> Option<&'a [u8]> {
        let layer = (0..self.layers)
            .rev()
            .find(|&i| self.strings.get(i).is_some_and(|s| s.base <= string))?;
        let strings = self.strings.get(layer)?;
        text_at(texts.layers.get(layer)?, strings, string - strings.base)
    }

    /// The number of a string in the lowest `layers` layers.
    pub(crate) fn find_string(&self, texts: &Texts<'_>, layers: usize, text: &[u8]) -> Option<u32> {
        for (strings, bytes) in self.strings.iter().zip(texts.layers).take(layers) {
            let mut low = 0;
            let mut high = strings.count;
            while low < high {
                let middle = low + (high - low) / 2;
                match text_at(bytes, strings, middle)?.cmp(text) {
                    Ordering::Equal => return Some(strings.base + middle),
                    Ordering::Less => low = middle + 1,
                    Ordering::Greater => high = middle,
                }
            }
        }
        None
    }

    /// The number of a uid among the first `below.uids` ones.
    pub(crate) fn find_uid(&self, bundle: Mark, pair: (u32, u32)) -> Option<u32> {
        if let Ok(found) = self.uids.get(..bundle.uids)?.binary_search(&pair) {
            return Some(len32(found));
        }
        let found = self
            .order
            .binary_search_by(|&uid| self.uids.get(uid as usize).cmp(&Some(&pair)));
        self.order.get(found.ok()?).copied()
    }

    pub(crate) fn uid(&self, uid: u32) -> Option<(u32, u32)> {
        self.uids.get(uid as usize).copied()
    }

    pub(crate) fn entity(&self, uid: u32) -> Option<&EntityData> {
        let number = self.data.get(uid as usize)?.checked_sub(1)?;
        self.entities.get(number as usize)
    }

    pub(crate) fn entities(&self) -> &[EntityData] {
        &self.entities
    }

    pub(crate) fn mark_cells(&self, mark: Mark) -> usize {
        mark.cells
    }

    pub(crate) fn cell(&self, number: u32) -> Option<Value> {
        self.cells.get(number as usize).copied()
    }

    pub(crate) fn items(&self, span: Span) -> &[Value] {
        let start = span.start as usize;
        self.cells
            .get(start..start + span.len as usize)
            .unwrap_or_default()
    }

    pub(crate) fn pairs(&self, span: Span) -> &[Value] {
        let start = span.start as usize;
        self.cells
            .get(start..start + span.len as usize * 2)
            .unwrap_or_default()
    }

    pub(crate) fn field(&self, record: Span, key: u32) -> Option<Value> {
        let pairs = self.pairs(record);
        let mut low = 0;
        let mut high = record.len as usize;
        while low < high {
            let middle = low + (high - low) / 2;
            let &[Value::Str(found), value] = pairs.get(middle * 2..)?.first_chunk::<2>()? else {
                return None;
            };
            match found.cmp(&key) {
                Ordering::Equal => return Some(value),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    pub(crate) fn ip(&self, number: u32) -> Option<&Ip> {
        self.ips.get(number as usize)
    }

    // ---- making values -------------------------------------------------------------------------------------------

    pub(crate) fn new_ip(&mut self, ip: Ip) -> Value {
        self.ips.push(ip);
        Value::Ip(len32(self.ips.len() - 1))
    }

    /// A set of the given values.
    pub(crate) fn new_set(&mut self, items: &[Value], fuel: &mut Fuel) -> Result<Value, EvalError> {
        let span = self.push_cells(items, 1)?;
        self.order_set(span, fuel).map(Value::Set)
    }

    /// A record of pairs whose keys ascend already.
    pub(crate) fn new_record(&mut self, pairs: &[Value]) -> Result<Value, EvalError> {
        self.push_cells(pairs, 2).map(Value::Record)
    }

    fn push_cells(&mut self, cells: &[Value], width: usize) -> Result<Span, EvalError> {
        let start = self.cells.len();
        if start + cells.len() > limits::CELLS {
            return Err(EvalError::Limit);
        }
        self.cells.extend_from_slice(cells);
        Ok(Span {
            start: len32(start),
            len: len32(cells.len() / width),
        })
    }

    /// Sorts a set in place and drops what is repeated; the range may become shorter.
    fn order_set(&mut self, span: Span, fuel: &mut Fuel) -> Result<Span, EvalError> {
        let range = span.start as usize..(span.start + span.len) as usize;
        // Comparing needs the whole store, sorting needs the range: the range is worked on as a copy.
        let mut items: Vec<Value> = self.cells.get(range.clone()).unwrap_or_default().to_vec();
        sort(&mut items, |a, b| self.compare(*a, *b, fuel, 0))?;
        let mut kept: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            match kept.last() {
                Some(last) if self.compare(*last, item, fuel, 0)? == Ordering::Equal => {}
                _ => kept.push(item),
            }
        }
        for (slot, item) in self
            .cells
            .get_mut(range)
            .unwrap_or_default()
            .iter_mut()
            .zip(&kept)
        {
            *slot = *item;
        }
        Ok(Span {
            start: span.start,
            len: len32(kept.len()),
        })
    }

    // ---- comparing -----------------------------------------------------------------------------------------------

    /// A total order under which equal means Cedar's `==`. Which of two different values is first means nothing.
    pub(crate) fn compare(
        &self,
        a: Value,
        b: Value,
        fuel: &mut Fuel,
        depth: u32,
    ) -> Result<Ordering, EvalError> {
        fuel.spend(1)?;
        if depth > limits::DEPTH {
            return Err(EvalError::Limit);
        }
        Ok(match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
            (Value::Long(a), Value::Long(b))
            | (Value::Decimal(a), Value::Decimal(b))
            | (Value::Datetime(a), Value::Datetime(b))
            | (Value::Duration(a), Value::Duration(b)) => a.cmp(&b),
            (Value::Str(a), Value::Str(b)) | (Value::Entity(a), Value::Entity(b)) => a.cmp(&b),
            (Value::Ip(a), Value::Ip(b)) => self.ip(a).cmp(&self.ip(b)),
            (Value::Set(a), Value::Set(b)) => {
                self.compare_all(self.items(a), self.items(b), fuel, depth)?
            }
            (Value::Record(a), Value::Record(b)) => {
                self.compare_all(self.pairs(a), self.pairs(b), fuel, depth)?
            }
            _ => rank(a).cmp(&rank(b)),
        })
    }

    fn compare_all(
        &self,
        a: &[Value],
        b: &[Value],
        fuel: &mut Fuel,
        depth: u32,
    ) -> Result<Ordering, EvalError> {
        if a.len() != b.len() {
            return Ok(a.len().cmp(&b.len()));
        }
        for (a, b) in a.iter().zip(b) {
            let order = self.compare(*a, *b, fuel, depth + 1)?;
            if order != Ordering::Equal {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }

    pub(crate) fn contains(
        &self,
        set: Span,
        value: Value,
        fuel: &mut Fuel,
    ) -> Result<bool, EvalError> {
        let items = self.items(set);
        let mut low = 0;
        let mut high = items.len();
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(&item) = items.get(middle) else {
                return Err(EvalError::Internal);
            };
            match self.compare(item, value, fuel, 0)? {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    /// Whether `uid`, or an ancestor of it, is one that `hit` knows. Each ancestor is visited once.
    pub(crate) fn reaches(
        &mut self,
        uid: u32,
        fuel: &mut Fuel,
        mut hit: impl FnMut(&Self, u32) -> bool,
    ) -> Result<bool, EvalError> {
        if hit(self, uid) {
            return Ok(true);
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.seen.fill(0);
            self.stamp = 1;
        }
        let mut queue = core::mem::take(&mut self.queue);
        queue.clear();
        queue.push(uid);
        let mut found = Ok(false);
        'walk: while let Some(at) = queue.pop() {
            let Some(parents) = self.entity(at).map(|entity| entity.parents) else {
                continue;
            };
            for i in 0..parents.len {
                if let Err(limit) = fuel.spend(1) {
                    found = Err(limit);
                    break 'walk;
                }
                let Some(Value::Entity(parent)) = self.cell(parents.start + i) else {
                    continue;
                };
                let stamp = self.stamp;
                let Some(seen) = self.seen.get_mut(parent as usize) else {
                    continue;
                };
                if *seen == stamp {
                    continue;
                }
                *seen = stamp;
                if hit(self, parent) {
                    found = Ok(true);
                    break 'walk;
                }
                queue.push(parent);
            }
        }
        self.queue = queue;
        found
    }
}

fn text_at<'a>(bytes: &'a [u8], strings: &Strings, number: u32) -> Option<&'a [u8]> {
    if number >= strings.count {
        return None;
    }
    let number = number as usize;
    let end = u32_at(bytes, strings.ends + number * 4)? as usize;
    let start = match number.checked_sub(1) {
        Some(before) => u32_at(bytes, strings.ends + before * 4)? as usize,
        None => 0,
    };
    let data = strings.ends + strings.count as usize * 4;
    bytes.get(data + start..data + end)
}

fn rank(value: Value) -> u8 {
    match value {
        Value::Bool(_) => kind::BOOL,
        Value::Long(_) => kind::LONG,
        Value::Str(_) => kind::STRING,
        Value::Entity(_) => kind::ENTITY,
        Value::Set(_) => kind::SET,
        Value::Record(_) => kind::RECORD,
        Value::Decimal(_) => kind::DECIMAL,
        Value::Datetime(_) => kind::DATETIME,
        Value::Duration(_) => kind::DURATION,
        Value::Ip(_) => kind::IP,
    }
}
