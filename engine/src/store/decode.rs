//! Decodes a block as a layer of the store. Every count is checked against the bytes that it needs before anything is
//! allocated for it, and reading takes linear time but for sets, which are sorted.

use super::{EntityData, Fuel, Mark, Span, Store, Strings, Texts, Value, text_at};
use crate::{
    answer::Refusal,
    block::{BLOCK_HEAD, CELL_BYTES, ENTITY_BYTES, kind},
    bytes::{len32, slice, u32_at, u64_at},
    ext::parse_ip,
    limits,
    sort::sort,
};

impl Store {
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
