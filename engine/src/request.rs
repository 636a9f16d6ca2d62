//! Request bytes, and a builder for callers that need no schema to know what they ask.
//!
//! Bytes, little-endian: magic `AVQ0` | principal, action, resource: uid numbers of the block | the cell of the context, a
//! record | a block.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    answer::Refusal,
    block::{BlockWriter, Cell, EntityRow},
    bytes::put_u32,
};

/// First bytes of a request.
pub const MAGIC: [u8; 4] = *b"AVQ0";
pub(crate) const HEAD_BYTES: usize = 20;

/// Why request or resident bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestError(pub Refusal);

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.0.message())
    }
}

impl core::error::Error for RequestError {}

/// Builds canonical request bytes.
#[derive(Debug, Default)]
pub struct RequestBuilder {
    block: BlockWriter,
}

impl RequestBuilder {
    /// An empty request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
        let context = self.block.root(Cell::Record(context));
        let block = self.block.finish();
        let mut out = Vec::with_capacity(HEAD_BYTES + block.bytes.len());
        out.extend_from_slice(&MAGIC);
        for (type_name, id) in uids {
            put_u32(&mut out, block.uid(type_name, id).unwrap_or(u32::MAX));
        }
        put_u32(
            &mut out,
            block.roots.get(context).copied().unwrap_or(u32::MAX),
        );
        out.extend_from_slice(&block.bytes);
        out
    }
}
