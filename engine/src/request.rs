//! Request bytes, and a builder for callers that need no schema to know what they ask.
//!
//! Bytes, little-endian: magic `AVQ1` | tag of the bundle whose numbers it uses, zero where it uses none | version of the
//! residents whose numbers it uses, zero where it uses none | uids of principal, action, resource | a block, whose roots are the
//! fields of the context.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    block::{BlockWriter, CELL_BYTES, Cell, ENTITY_BYTES, EntityRow, PATCH_MAGIC, kind},
    bundle::Bundle,
    bytes::{put_u32, u32_at},
};

/// First bytes of a request.
pub const MAGIC: [u8; 4] = *b"AVQ1";
/// Bytes before the block.
pub(crate) const HEAD_BYTES: usize = 24;

/// Builds canonical request bytes.
#[derive(Debug)]
pub struct RequestBuilder<'a> {
    bundle: &'a Bundle,
    block: BlockWriter,
}

impl<'a> RequestBuilder<'a> {
    /// An empty request to a bundle.
    #[must_use]
    pub fn new(bundle: &'a Bundle) -> Self {
        Self {
            bundle,
            block: BlockWriter::new(),
        }
    }

    /// Describes an entity; false where it is described already, which changes nothing.
    pub fn entity(&mut self, type_name: &str, id: &str, row: EntityRow) -> bool {
        self.block.entity(type_name, id, row)
    }

    /// The bytes of the request. Uids are type and id.
    #[must_use]
    pub fn finish(
        mut self,
        principal: (&str, &str),
        action: (&str, &str),
        resource: (&str, &str),
        context: BTreeMap<String, Cell>,
    ) -> Vec<u8> {
        let uids = [principal, action, resource];
        for (type_name, id) in uids {
            self.block.mention(type_name, id);
        }
        for (name, value) in context {
            self.block.root(Some(&name), value);
        }
        let block = self.block.finish(Some(self.bundle));
        let numbers = uids.map(|(type_name, id)| {
            let known = self.bundle.uid_number(type_name, id);
            known.unwrap_or_else(|| block.own_uid(type_name, id))
        });
        assemble(self.bundle, numbers, &block.bytes)
    }
}

/// A request of its parts.
pub(crate) fn assemble(bundle: &Bundle, uids: [u32; 3], block: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + block.len());
    out.extend_from_slice(&MAGIC);
    put_u32(&mut out, bundle.tag());
    put_u32(&mut out, 0);
    for uid in uids {
        put_u32(&mut out, uid);
    }
    out.extend_from_slice(block);
    out
}

/// Builds a patch of a tenant's resident entities.
#[derive(Debug)]
pub struct PatchBuilder<'a> {
    bundle: &'a Bundle,
    block: BlockWriter,
}

impl<'a> PatchBuilder<'a> {
    /// A patch that changes nothing.
    #[must_use]
    pub fn new(bundle: &'a Bundle) -> Self {
        Self {
            bundle,
            block: BlockWriter::new(),
        }
    }

    /// Adds an entity, or replaces it; false where the patch describes it already, which changes nothing.
    pub fn put(&mut self, type_name: &str, id: &str, row: EntityRow) -> bool {
        self.block.entity(type_name, id, row)
    }

    /// Removes an entity. Removing one that is not there does nothing.
    pub fn remove(&mut self, type_name: &str, id: &str) {
        self.block
            .root(None, Cell::Entity(type_name.into(), id.into()));
    }

    /// The bytes of the patch, for residents of a version.
    #[must_use]
    pub fn finish(self, version: u32) -> Vec<u8> {
        self.finish_numbered(version).0
    }

    /// The same, and the uids whose numbers end the list with which the engine answers it.
    #[must_use]
    pub fn finish_numbered(self, version: u32) -> (Vec<u8>, Vec<(String, String)>) {
        let block = self.block.finish(Some(self.bundle));
        let mut out = Vec::from(PATCH_MAGIC);
        put_u32(&mut out, self.bundle.tag());
        put_u32(&mut out, version);
        out.extend_from_slice(&block.bytes);
        (out, block.into_uids())
    }
}

/// Puts another instant into `context.now` of request bytes; false where they have none.
pub fn set_now(request: &mut [u8], bundle: &Bundle, now: i64) -> bool {
    put_now(request, bundle, now).is_some()
}

fn put_now(request: &mut [u8], bundle: &Bundle, now: i64) -> Option<()> {
    let word = |at: usize| u32_at(request, HEAD_BYTES + at * 4).map(|word| word as usize);
    let [names, uids, entities, roots, cells] = [word(0)?, word(1)?, word(2)?, word(3)?, word(4)?];
    let cells_at = HEAD_BYTES + crate::block::HEAD_BYTES + (names + uids) * 8;
    let entities_at = cells_at + cells * CELL_BYTES;
    let mut first = 0;
    for entity in 0..entities {
        for part in 1..4 {
            first += u32_at(request, entities_at + entity * ENTITY_BYTES + part * 4)? as usize;
        }
    }
    let name = bundle.name("now")?;
    let at = (first..first + roots)
        .map(|cell| cells_at + cell * CELL_BYTES)
        .find(|at| u32_at(request, *at) == Some(name))?;
    if u32_at(request, at + 4)? != kind::DATETIME {
        return None;
    }
    let payload = request.get_mut(at + 8..at + 16)?;
    payload.copy_from_slice(&now.to_le_bytes());
    Some(())
}
