//! The trace of an explanation: what each instruction of each candidate rule left on top of the stack.
//!
//! Bytes, little-endian, for each candidate: rule `u32` | result `u32` (0 does not hold, 1 holds, else the cause plus 2) | bytes of its
//! steps `u32` | steps. A step: number `u32` of the instruction | value. A value: kind `u32` | by kind: 8 bytes of number; length `u32`
//! and bytes of a text or an address; two texts of an entity, type and id; of a set and a record, count `u32` and as many
//! values, each after its name in a record.

use alloc::vec::Vec;

use crate::{
    block::kind,
    bytes::{len32, put_u32},
    store::{Store, Value},
};

/// Bytes after which a trace goes on without the parts of sets and records.
const LONG: usize = 1 << 16;

/// Adds a step.
pub(crate) fn note(store: &Store, out: &mut Vec<u8>, instruction: u32, value: Value) {
    put_u32(out, instruction);
    write(store, out, value);
}

fn write(store: &Store, out: &mut Vec<u8>, value: Value) {
    let text = |out: &mut Vec<u8>, text: &[u8]| {
        put_u32(out, len32(text.len()));
        out.extend_from_slice(text);
    };
    put_u32(out, value.kind);
    match value.kind {
        kind::STRING | kind::IP => text(out, store.text(value.payload)),
        kind::ENTITY => {
            let uid = value.payload as u32;
            text(out, store.symbol_text(store.type_of(uid)));
            text(out, store.symbol_text(uid));
        }
        kind::SET | kind::RECORD => {
            let items = match out.len() < LONG {
                true => store.items(value.span()),
                false => &[],
            };
            put_u32(out, len32(items.len()));
            for item in items {
                if value.kind == kind::RECORD {
                    text(out, store.symbol_text(item.key));
                }
                write(store, out, *item);
            }
        }
        _ => out.extend_from_slice(&value.payload.to_le_bytes()),
    }
}
