//! Decodes a block as a layer of the store: every count is checked against the bytes that it needs before anything is
//! allocated for it, and every number against what it names. Linear, but for what has to be sorted.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{EntityData, Fuel, Mark, NONE, Span, Store, Symbol, Value};
use crate::{
    answer::Refusal,
    block::{CELL_BYTES, ENTITY_BYTES, HEAD_BYTES, OWN, SYMBOL_BYTES, kind},
    bytes::{len32, slice, words},
    code::FULL,
    ext::Ip,
    limits,
    sort::sort,
};

/// What a block may name by the numbers of the layers below.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Below {
    /// Symbols with smaller numbers may be named.
    pub(crate) symbols: u32,
    /// Entities with smaller numbers are the bundle's: nobody describes them again.
    pub(crate) entities: u32,
    /// Whether an entity that is the residents' may be described again.
    pub(crate) replaces: bool,
}

/// Where a block's parts lie in its bytes, and how far it is read.
struct Block {
    names: u32,
    uids: u32,
    entities: u32,
    roots: u32,
    cells: u32,
    text_len: u32,
    symbols_at: usize,
    cells_at: usize,
    entities_at: usize,
    text_at: u32,
    /// Number of the block's first cell in the store.
    first: u32,
    /// Cells that have an owner already, counted from the first.
    owned: u32,
    below: Below,
}

impl Store {
    /// Decodes the block that fills `bytes[at..end]`; the cells of its roots. On error the caller resets.
    pub(crate) fn push_block(
        &mut self,
        at: usize,
        end: usize,
        below: Below,
        fuel: &mut Fuel,
    ) -> Result<Span, Refusal> {
        self.refusal = Refusal::Malformed;
        self.push(at, end, below, fuel).ok_or(self.refusal)
    }

    /// As `push_block`; why it is none stands in `refusal`.
    fn push(&mut self, at: usize, end: usize, below: Below, fuel: &mut Fuel) -> Option<Span> {
        let mut block = self.block(at, end, below)?;
        if self.cells.len() + block.cells as usize > limits::CELLS {
            self.refusal = Refusal::TooLarge;
            return None;
        }
        self.push_symbols(&block)?;
        let entities = self.entities.len();
        for i in 0..block.entities {
            self.push_entity(&mut block, i)?;
        }
        let roots = block.claim(block.roots)?;
        for i in 0..block.cells {
            let cell = self.cell_of(&mut block, i)?;
            self.cells.push(cell);
        }
        if block.owned != block.cells {
            return None;
        }
        self.order_cells(block.first, fuel)?;
        for i in entities..self.entities.len() {
            self.link_entity(i, below)?;
        }
        if fuel.is_out {
            self.refusal = Refusal::TooLarge;
            return None;
        }
        Some(roots)
    }

    fn block(&self, at: usize, end: usize, below: Below) -> Option<Block> {
        let [names, uids, entities, roots, cells, text_len] = words(&self.bytes, at)?;
        let part = |at: usize, count: u32, size: usize| {
            at.checked_add((count as usize).checked_mul(size)?)
                .filter(|after| *after <= end)
        };
        let symbols_at = part(at, 1, HEAD_BYTES)?;
        let uids_at = part(symbols_at, names, SYMBOL_BYTES)?;
        let cells_at = part(uids_at, uids, SYMBOL_BYTES)?;
        let entities_at = part(cells_at, cells, CELL_BYTES)?;
        let text_at = part(entities_at, entities, ENTITY_BYTES)?;
        (part(text_at, text_len, 1)? == end).then_some(Block {
            names,
            uids,
            entities,
            roots,
            cells,
            text_len,
            symbols_at,
            cells_at,
            entities_at,
            // All that is in the block ends before `end`, and its places are 32 bits wide.
            text_at: u32::try_from(end).ok().map(|_| text_at as u32)?,
            first: self.cells(),
            owned: 0,
            below,
        })
    }

    fn push_symbols(&mut self, block: &Block) -> Option<()> {
        self.own.clear();
        let first = self.symbols.len();
        let mut start = 0;
        let mut ascends = true;
        for i in 0..block.names + block.uids {
            let row = block.symbols_at + i as usize * SYMBOL_BYTES;
            let [of, end] = words(&self.bytes, row)?;
            let of = match i < block.names {
                true => (of == 0).then_some(0)?,
                false => self.name_of(block, of)? + 1,
            };
            let len = end.checked_sub(start).filter(|_| end <= block.text_len)?;
            let symbol = Symbol {
                of,
                at: block.text_at + start,
                len,
                entity: 0,
                seen: 0,
            };
            start = end;
            let text = slice(&self.bytes, symbol.at as usize, len as usize)?;
            // INVARIANT: what is pushed here is not in `order` yet, so nothing is found in its own block.
            let mut number = self.find(of, text);
            if number == NONE {
                number = len32(self.symbols.len());
                if first < self.symbols.len() {
                    ascends &= self.order_of(number - 1, of, text) == Ordering::Less;
                }
                self.symbols.push(symbol);
            }
            self.own.push(number);
        }
        let mut order = core::mem::take(&mut self.order);
        order.extend(len32(first)..self.symbols());
        let added = order.get_mut(first..)?;
        if !ascends {
            sort(added, &mut |a, b| self.order_of_two(*a, *b));
        }
        let differ = |pair: &[u32]| match pair {
            [a, b] => self.order_of_two(*a, *b) == Ordering::Less,
            _ => true,
        };
        let sound = ascends || added.windows(2).all(differ);
        self.order = order;
        sound.then_some(())
    }

    fn order_of_two(&self, a: u32, b: u32) -> Ordering {
        self.order_of(a, self.type_of(b).wrapping_add(1), self.symbol_text(b))
    }

    /// A symbol by the number that a block gives it.
    fn symbol_of(&self, below: &Below, number: u32) -> Option<u32> {
        if number & OWN != 0 {
            return self.own.get((number ^ OWN) as usize).copied();
        }
        (number < below.symbols).then_some(number)
    }

    fn name_of(&self, block: &Block, number: u32) -> Option<u32> {
        let name = self.symbol_of(&block.below, number)?;
        // Of the block's own symbols only names are known yet, and the layers' are in place.
        self.is_name(name).then_some(name)
    }

    /// A uid by the number that the block just decoded, or a layer below it, gives it.
    pub(crate) fn uid_of(&self, below: &Below, number: u32) -> Option<u32> {
        let uid = self.symbol_of(below, number)?;
        (self.type_of(uid) != NONE).then_some(uid)
    }

    fn push_entity(&mut self, block: &mut Block, i: u32) -> Option<()> {
        let row = block.entities_at + i as usize * ENTITY_BYTES;
        let [uid, attrs, tags, parents] = words(&self.bytes, row)?;
        let entity = EntityData {
            uid: self.uid_of(&block.below, uid)?,
            before: 0,
            attrs: block.claim(attrs)?,
            tags: block.claim(tags)?,
            parents: block.claim(parents)?,
        };
        // It is put in force by `link_entity`, once all of the block is read; until then a reset must not take it away.
        self.entities.push(EntityData {
            before: self.symbols.get(entity.uid as usize)?.entity,
            ..entity
        });
        Some(())
    }

    fn cell_of(&mut self, block: &mut Block, i: u32) -> Option<Value> {
        let row = block.cells_at + i as usize * CELL_BYTES;
        let [key, kind, low, high] = words(&self.bytes, row)?;
        let payload = u64::from(low) | u64::from(high) << 32;
        // INVARIANT: a cell's own cells come after it, so values are finite trees.
        if i >= block.owned {
            return None;
        }
        let key = match key {
            NONE => NONE,
            key => self.name_of(block, key)?,
        };
        let payload = match kind {
            kind::BOOL => (payload <= 1).then_some(payload)?,
            kind::ENTITY => {
                let number = u32::try_from(payload).ok()?;
                u64::from(self.uid_of(&block.below, number)?)
            }
            kind::SET | kind::RECORD => block.claim(u32::try_from(payload).ok()?)?.payload(),
            kind::STRING | kind::IP => {
                let text = Span::of(payload);
                let end = text.start.checked_add(text.len)?;
                if end > block.text_len {
                    return None;
                }
                let payload = payload + u64::from(block.text_at);
                if kind == kind::IP {
                    if !FULL {
                        // Without the operators on addresses there is nothing to read them for.
                        self.refusal = Refusal::Stale;
                        return None;
                    }
                    Ip::from_bytes(self.text(payload))?;
                }
                payload
            }
            kind => (kind <= kind::LAST).then_some(payload)?,
        };
        Some(Value { key, kind, payload })
    }

    /// Puts sets and records of the cells from `first` on in order, what they contain before them.
    fn order_cells(&mut self, first: u32, fuel: &mut Fuel) -> Option<()> {
        for i in (first..self.cells()).rev() {
            let cell = self.cell(i);
            match cell.kind {
                kind::SET => {
                    let set = self.order_set(cell.span(), fuel);
                    self.cells.get_mut(i as usize)?.payload = set.payload;
                }
                kind::RECORD => self.order_record(cell.span())?,
                _ => {}
            }
        }
        Some(())
    }

    fn link_entity(&mut self, i: usize, below: Below) -> Option<()> {
        let EntityData {
            uid,
            attrs,
            tags,
            parents,
            ..
        } = *self.entities.get(i)?;
        self.order_record(attrs)?;
        self.order_record(tags)?;
        if self.items(parents).iter().any(|p| p.kind != kind::ENTITY) {
            return None;
        }
        let (symbol, entity) = (
            self.symbols.get_mut(uid as usize)?,
            self.entities.get_mut(i)?,
        );
        // Described already: by a layer that outranks this one, or twice in this block.
        let replaced = symbol.entity > below.entities && symbol.entity == entity.before;
        if symbol.entity != 0 && !(below.replaces && replaced) {
            self.refusal = Refusal::Redefines;
            return None;
        }
        entity.before = symbol.entity;
        symbol.entity = len32(i + 1);
        Some(())
    }

    /// Makes the symbols above `mark` part of the residents' layer, which may have some already.
    pub(crate) fn settle(&mut self, mark: Mark) {
        let [bundle, _] = self.parts;
        let order = core::mem::take(&mut self.order);
        let (known, mut added) = order.split_at(mark.symbols.min(order.len()));
        let (below, mut old) = known.split_at(bundle.min(known.len()));
        let mut merged = Vec::new();
        merged.extend_from_slice(below);
        while let Some((b, others)) = added.split_first() {
            match old.split_first() {
                Some((a, rest)) if self.order_of_two(*a, *b) == Ordering::Less => {
                    merged.push(*a);
                    old = rest;
                }
                _ => {
                    merged.push(*b);
                    added = others;
                }
            }
        }
        merged.extend_from_slice(old);
        self.parts = [bundle, merged.len()];
        self.order = merged;
    }

    /// The numbers of the symbols that the block just decoded brought or named as its own.
    pub(crate) fn own(&self) -> &[u32] {
        &self.own
    }

    /// Makes everything in the store the bundle's layer.
    pub(crate) fn settle_bundle(&mut self) {
        self.parts = [self.order.len(); 2];
    }

    /// Takes away what describes the residents that `uids` name. What is no resident stays as it is.
    pub(crate) fn remove(&mut self, uids: Span, bundle: u32) {
        for i in 0..uids.len {
            let uid = self.cell(uids.start + i);
            let symbol = self.symbols.get_mut(uid.payload as usize);
            if let Some(symbol) = symbol.filter(|s| uid.kind == kind::ENTITY && s.entity > bundle) {
                symbol.entity = 0;
            }
        }
    }
}

impl Block {
    /// The next `len` cells that nobody owns.
    fn claim(&mut self, len: u32) -> Option<Span> {
        let start = self.first.checked_add(self.owned)?;
        let owned = self.owned.checked_add(len)?;
        if owned > self.cells {
            return None;
        }
        self.owned = owned;
        Some(Span { start, len })
    }
}
