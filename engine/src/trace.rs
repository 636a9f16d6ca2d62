//! The trace of an explanation: what each instruction of each candidate rule left on top of the stack, and what it read.
//!
//! Bytes, little-endian, for each candidate: its steps | [`END`] | rule `u32` | result `u32` (0 does not hold, 1 holds, else the
//! cause plus 2). A step: number `u32` of the instruction, or of the reading with [`READING`] | value. The
//! first step of a number counts. A value: kind `u32` | by kind: 8 bytes of number; length `u32`
//! and bytes of a text or an address; two texts of an entity, type and id; of a set and a record, count `u32` and as many
//! values, each after its name in a record.

use alloc::vec::Vec;

use crate::{
    answer::EvalError,
    block::kind,
    bytes::{len32, put_u32},
    store::{Store, Value},
};

/// Bytes after which a trace goes on without the parts of sets and records; the deeper they nest, the
/// sooner.
const LONG: usize = 1 << 16;
/// Sets and records inside each other that are written at most.
const DEEP: usize = 64;

/// Stands where a step's instruction would: the rule has no more steps.
pub(crate) const END: u32 = u32::MAX;

/// Marks the number of a reading.
pub(crate) const READING: u32 = 1 << 31;

/// Adds what came of a rule.
pub(crate) fn end(out: &mut Vec<u8>, rule: u32, result: Result<bool, (u32, EvalError)>) {
    let result = match result {
        Ok(holds) => u32::from(holds),
        Err((_, error)) => error as u32 + 2,
    };
    for word in [END, rule, result] {
        put_u32(out, word);
    }
}

/// Adds a step.
pub(crate) fn note(store: &Store, out: &mut Vec<u8>, instruction: u32, value: Value) {
    put_u32(out, instruction);
    write(store, out, value, 0);
}

fn write(store: &Store, out: &mut Vec<u8>, value: Value, depth: usize) {
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
            let items = match out.len() + depth * (LONG / DEEP) < LONG {
                true => store.items(value.span()),
                false => &[],
            };
            put_u32(out, len32(items.len()));
            for item in items {
                if value.kind == kind::RECORD {
                    text(out, store.symbol_text(item.key));
                }
                write(store, out, *item, depth + 1);
            }
        }
        _ => out.extend_from_slice(&value.payload.to_le_bytes()),
    }
}
