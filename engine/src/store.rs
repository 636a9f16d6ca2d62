//! Values, entities and names of up to three layers: the bundle's, a tenant's residents, one request's.
//!
//! A layer is decoded on top of the ones below: a string or a uid that a lower layer knows gets that layer's number, so
//! equality of strings and of entities is equality of numbers everywhere. A layer above is cut off by going back to a mark,
//! which frees nothing: the memory is used again by the next request.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    answer::{EvalError, Refusal},
    block::{BLOCK_HEAD, CELL_BYTES, ENTITY_BYTES, kind},
    bytes::{len32, slice, u32_at, u64_at},
    ext::{Ip, parse_ip},
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

    // ---- decoding a layer ----------------------------------------------------------------------------------------

    /// Decodes the block that fills `bytes[at..]` up to its end; the number of bytes that it takes.
    ///
    /// `bundle` is the mark of the lowest layer, for layers above it. On error the caller resets.
    pub(crate) fn push_layer(
        &mut self,
        texts: &Texts<'_>,
        at: usize,
        bundle: Option<Mark>,
        fuel: &mut Fuel,
    ) -> Result<usize, Refusal> {
        let layer = self.layers;
        let bytes = texts.layers.get(layer).ok_or(Refusal::Malformed)?;
        self.decode(texts, bytes, at, bundle, fuel)
    }

    fn decode(
        &mut self,
        texts: &Texts<'_>,
        bytes: &[u8],
        at: usize,
        bundle: Option<Mark>,
        fuel: &mut Fuel,
    ) -> Result<usize, Refusal> {
        let bad = Refusal::Malformed;
        let count = |i: usize| u32_at(bytes, at + i * 4).ok_or(bad);
        let (strings, uids, cells, entities) = (count(0)?, count(1)?, count(2)?, count(3)?);
        // Every count is checked against the bytes that it needs before anything is allocated for it.
        let ends = at + BLOCK_HEAD;
        let data = checked(ends, strings, 4).ok_or(bad)?;
        let text_bytes = match strings.checked_sub(1) {
            Some(last) => u32_at(bytes, ends + last as usize * 4).ok_or(bad)? as usize,
            None => 0,
        };
        let uids_at = data.checked_add(text_bytes).ok_or(bad)?;
        let cells_at = checked(uids_at, uids, 8).ok_or(bad)?;
        let entities_at = checked(cells_at, cells, CELL_BYTES).ok_or(bad)?;
        let end = checked(entities_at, entities, ENTITY_BYTES).ok_or(bad)?;
        if end > bytes.len() {
            return Err(bad);
        }
        if self.cells.len() + cells as usize
            > limits::CELLS * (1 + usize::from(bundle.is_none()) * 15)
        {
            return Err(Refusal::TooLarge);
        }
        self.strings_of(texts, bytes, ends, strings).ok_or(bad)?;
        self.uids_of(bytes, uids_at, uids, bundle).ok_or(bad)?;
        let first = self.cells.len();
        self.cells_of(texts, bytes, cells_at, cells, fuel)
            .ok_or(bad)?;
        for i in 0..entities as usize {
            self.entity_of(bytes, entities_at + i * ENTITY_BYTES, first)?;
        }
        self.layers += 1;
        Ok(end - at)
    }

    fn strings_of(
        &mut self,
        texts: &Texts<'_>,
        bytes: &[u8],
        ends: usize,
        count: u32,
    ) -> Option<()> {
        let strings = Strings {
            base: self.next_string,
            count,
            ends,
        };
        *self.strings.get_mut(self.layers)? = strings;
        self.string_map.clear();
        let mut before: Option<&[u8]> = None;
        for i in 0..count {
            let text = text_at(bytes, &strings, i)?;
            if before.is_some_and(|before| before >= text) || core::str::from_utf8(text).is_err() {
                return None;
            }
            before = Some(text);
            let known = self.find_string(texts, self.layers, text);
            self.string_map.push(known.unwrap_or(strings.base + i));
        }
        self.next_string = strings.base.checked_add(count)?;
        Some(())
    }

    fn uids_of(&mut self, bytes: &[u8], at: usize, count: u32, bundle: Option<Mark>) -> Option<()> {
        self.uid_map.clear();
        let mut before = None;
        let first = self.uids.len();
        for i in 0..count as usize {
            let own = (u32_at(bytes, at + i * 8)?, u32_at(bytes, at + i * 8 + 4)?);
            if before.is_some_and(|before| before >= own) {
                return None;
            }
            before = Some(own);
            let pair = (
                *self.string_map.get(own.0 as usize)?,
                *self.string_map.get(own.1 as usize)?,
            );
            let known = bundle.and_then(|bundle| self.find_uid(bundle, pair));
            let uid = match known {
                Some(uid) => uid,
                None => {
                    self.uids.push(pair);
                    len32(self.uids.len() - 1)
                }
            };
            self.uid_map.push(uid);
        }
        self.data.resize(self.uids.len(), 0);
        self.seen.resize(self.uids.len(), 0);
        // The residents' own uids are looked up by the requests above them.
        if self.layers == 1 {
            let mut order = core::mem::take(&mut self.order);
            order.extend(len32(first)..len32(self.uids.len()));
            sort::<_, ()>(&mut order, |a, b| {
                Ok(self.uids.get(*a as usize).cmp(&self.uids.get(*b as usize)))
            })
            .ok()?;
            self.order = order;
        }
        Some(())
    }

    fn cells_of(
        &mut self,
        texts: &Texts<'_>,
        bytes: &[u8],
        at: usize,
        count: u32,
        fuel: &mut Fuel,
    ) -> Option<()> {
        let first = len32(self.cells.len());
        self.claimed.clear();
        self.claimed.resize(count as usize, false);
        for i in 0..count {
            let cell = slice(bytes, at + i as usize * CELL_BYTES, CELL_BYTES)?;
            let payload = u64_at(cell, 1)?;
            let small = u32::try_from(payload);
            let value = match *cell.first()? {
                kind::BOOL => match payload {
                    0 => Value::Bool(false),
                    1 => Value::Bool(true),
                    _ => return None,
                },
                kind::LONG => Value::Long(payload.cast_signed()),
                kind::DECIMAL => Value::Decimal(payload.cast_signed()),
                kind::DATETIME => Value::Datetime(payload.cast_signed()),
                kind::DURATION => Value::Duration(payload.cast_signed()),
                kind::STRING => Value::Str(*self.string_map.get(small.ok()? as usize)?),
                kind::ENTITY => Value::Entity(*self.uid_map.get(small.ok()? as usize)?),
                kind::IP => {
                    let text = *self.string_map.get(small.ok()? as usize)?;
                    let layers = self.layers + 1;
                    let ip = parse_ip(self.text_below(texts, layers, text)?)?;
                    self.new_ip(ip)
                }
                kind::SET => {
                    let span = self.claim(payload, 1, i, first)?;
                    Value::Set(self.order_set(span, fuel).ok()?)
                }
                kind::RECORD => {
                    let span = self.claim(payload, 2, i, first)?;
                    self.order_record(span)?;
                    Value::Record(span)
                }
                _ => return None,
            };
            self.cells.push(value);
        }
        Some(())
    }

    /// As [`Store::text`], while a layer is still being decoded.
    fn text_below<'a>(&self, texts: &Texts<'a>, layers: usize, string: u32) -> Option<&'a [u8]> {
        let layer = (0..layers)
            .rev()
            .find(|&i| self.strings.get(i).is_some_and(|s| s.base <= string))?;
        let strings = self.strings.get(layer)?;
        text_at(texts.layers.get(layer)?, strings, string - strings.base)
    }

    /// Takes a range that lies before cell `limit` and that nothing else has taken.
    fn claim(&mut self, payload: u64, width: u32, limit: u32, first: u32) -> Option<Span> {
        let start = (payload & 0xffff_ffff) as u32;
        let len = (payload >> 32) as u32;
        let end = start.checked_add(len.checked_mul(width)?)?;
        if end > limit {
            return None;
        }
        for claimed in self.claimed.get_mut(start as usize..end as usize)? {
            if core::mem::replace(claimed, true) {
                return None;
            }
        }
        Some(Span {
            start: start + first,
            len,
        })
    }

    /// Orders a record's pairs by the number of the key; keys must be strings and differ.
    fn order_record(&mut self, span: Span) -> Option<()> {
        let start = span.start as usize;
        let cells = self.cells.get_mut(start..start + span.len as usize * 2)?;
        let (pairs, _) = cells.as_chunks_mut::<2>();
        let key = |pair: &[Value; 2]| match pair {
            [Value::Str(key), _] => Ok(*key),
            _ => Err(()),
        };
        sort::<_, ()>(pairs, |a, b| Ok(key(a)?.cmp(&key(b)?))).ok()?;
        let mut before = None;
        for pair in pairs.iter() {
            let key = key(pair).ok()?;
            if before.is_some_and(|before| before >= key) {
                return None;
            }
            before = Some(key);
        }
        Some(())
    }

    fn entity_of(&mut self, bytes: &[u8], at: usize, first: usize) -> Result<(), Refusal> {
        let bad = Refusal::Malformed;
        let word = |i: usize| u32_at(bytes, at + i * 4).ok_or(bad);
        let span = |i: usize| Ok(u64::from(word(i)?) | u64::from(word(i + 1)?) << 32);
        let uid = *self.uid_map.get(word(0)? as usize).ok_or(bad)?;
        let limit = len32(self.cells.len() - first);
        let first = len32(first);
        let attrs = self.claim(span(1)?, 2, limit, first).ok_or(bad)?;
        self.order_record(attrs).ok_or(bad)?;
        let tags = self.claim(span(3)?, 2, limit, first).ok_or(bad)?;
        self.order_record(tags).ok_or(bad)?;
        let parents = self.claim(span(5)?, 1, limit, first).ok_or(bad)?;
        if !self
            .items(parents)
            .iter()
            .all(|v| matches!(v, Value::Entity(_)))
        {
            return Err(bad);
        }
        let slot = self.data.get_mut(uid as usize).ok_or(bad)?;
        if *slot != 0 {
            return Err(Refusal::Redefines);
        }
        *slot = len32(self.entities.len() + 1);
        self.entities.push(EntityData {
            uid,
            attrs,
            tags,
            parents,
        });
        Ok(())
    }

    /// The store's number of the uid that the layer just decoded calls `own`.
    pub(crate) fn mapped_uid(&self, own: u32) -> Option<u32> {
        self.uid_map.get(own as usize).copied()
    }
}

fn checked(at: usize, count: u32, size: usize) -> Option<usize> {
    at.checked_add((count as usize).checked_mul(size)?)
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
