//! Each way to write a block wrong, or right but as nobody expects it.

use avow_engine::format::OWN;

use super::raw::{A, B, ENTITY, FIELD, IP, LONG, RECORD, Raw, SET, STRING, TYPE, element, place};

/// Name and block.
type Zoo = Vec<(&'static str, Raw)>;

/// Sets in sets, so many.
fn nested(depth: u32) -> Vec<(u32, u32, u64)> {
    let inner = element(SET, 1);
    let mut cells = vec![inner; depth as usize];
    cells.push(element(LONG, 1));
    cells
}

/// All of them.
pub(super) fn all() -> Zoo {
    [
        sound(),
        values(),
        ownership(),
        entities(),
        symbols(),
        lies(),
    ]
    .concat()
}

fn sound() -> Zoo {
    let deep = Raw::of(SET, &nested(150)).cells;
    // Level by level, as ownership has it: two towers that differ in nothing.
    let towers: Vec<_> = nested(70)
        .into_iter()
        .flat_map(|cell| [cell, cell])
        .collect();
    let equal = Raw::of(SET, &towers).cells;
    let equal = [&[(FIELD, SET, 2)], &equal[1..]].concat();
    vec![
        ("sound", Raw::sound()),
        (
            "nested",
            Raw {
                cells: [&[(FIELD, SET, 1)], &deep[1..]].concat(),
                ..Raw::sound()
            },
        ),
        (
            "nested-and-compared",
            Raw {
                cells: equal,
                ..Raw::sound()
            },
        ),
        (
            "set-with-repeated-elements",
            Raw::of(SET, &[2, 1, 2, 1].map(|n| element(LONG, n))),
        ),
        ("empty-set", Raw::of(SET, &[])),
        ("empty", Raw::default()),
    ]
}

fn values() -> Zoo {
    let family = |family: u8, prefix: u8| [&[family, prefix][..], &[0; 16]].concat();
    vec![
        ("texts-that-overlap", Raw::overlapping(150, 2_400)),
        ("unknown-kind", Raw::with(10, 0)),
        ("last-kind", Raw::with(u32::MAX, 0)),
        ("bool-of-two", Raw::with(0, 2)),
        ("bool-beyond-its-byte", Raw::with(0, 1 << 32)),
        (
            "entity-in-the-upper-word",
            Raw::with(ENTITY, 1 << 32 | u64::from(A)),
        ),
        ("entity-that-is-a-name", Raw::with(ENTITY, u64::from(TYPE))),
        ("entity-of-no-number", Raw::with(ENTITY, 4_000)),
        ("string-of-all-text", Raw::with(STRING, place(0, 4))),
        ("string-beyond-the-text", Raw::with(STRING, place(1, 4))),
        ("string-that-wraps", Raw::with(STRING, place(u32::MAX, 2))),
        (
            "string-not-of-unicode",
            Raw::text(STRING, vec![0xff, 0xc0], place(4, 2)),
        ),
        ("address", Raw::text(IP, family(1, 128), place(4, 18))),
        (
            "address-too-short",
            Raw::text(IP, family(1, 128), place(4, 17)),
        ),
        (
            "address-of-no-family",
            Raw::text(IP, family(2, 0), place(4, 18)),
        ),
        (
            "address-of-too-long-a-prefix",
            Raw::text(IP, family(0, 33), place(4, 18)),
        ),
        (
            "record-with-a-field-twice",
            Raw::of(RECORD, &[(FIELD, LONG, 1), (FIELD, LONG, 2)]),
        ),
        (
            "record-with-an-element",
            Raw::of(RECORD, &[element(LONG, 1)]),
        ),
        (
            "record-out-of-order",
            Raw::of(RECORD, &[(FIELD, LONG, 1), (TYPE, LONG, 2)]),
        ),
        ("set-with-a-field", Raw::of(SET, &[(FIELD, LONG, 1)])),
        ("field-that-is-an-entity", Raw::of(RECORD, &[(A, LONG, 1)])),
    ]
}

fn ownership() -> Zoo {
    let cells = |cells: &[(u32, u32, u64)]| Raw::entities(&[[A, 0, 0, 0]], cells);
    vec![
        ("cell-that-owns-itself", cells(&[element(SET, 1)])),
        (
            "cells-that-own-each-other",
            cells(&[element(SET, 1), element(RECORD, 1)]),
        ),
        (
            "cell-without-an-owner",
            Raw::entities(&[[A, 1, 0, 0]], &[(FIELD, LONG, 1), element(LONG, 2)]),
        ),
        (
            "cell-with-two-owners",
            Raw::entities(&[[A, 1, 0, 0], [B, 1, 0, 0]], &[(FIELD, LONG, 1)]),
        ),
        (
            "set-of-more-than-there-is",
            Raw::with(SET, u64::from(u32::MAX)),
        ),
        ("set-in-the-upper-word", Raw::with(SET, 1 << 32)),
        (
            "roots-of-more-than-there-is",
            Raw {
                roots: 2,
                ..Raw::sound()
            },
        ),
        (
            "attributes-of-more-than-there-is",
            Raw::entities(&[[A, u32::MAX, 1, 1]], &[]),
        ),
    ]
}

fn entities() -> Zoo {
    let parent = |uid: u32| element(ENTITY, u64::from(uid));
    let one = [A, 0, 0, 1];
    vec![
        (
            "parents-in-a-circle",
            Raw::entities(&[one, [B, 0, 0, 1]], &[parent(B), parent(A)]),
        ),
        ("parent-of-itself", Raw::entities(&[one], &[parent(A)])),
        (
            "parent-that-is-a-number",
            Raw::entities(&[one], &[element(LONG, 1)]),
        ),
        (
            "parent-with-a-name",
            Raw::entities(&[one], &[(FIELD, ENTITY, u64::from(B))]),
        ),
        (
            "parent-twice",
            Raw::entities(&[[A, 0, 0, 2]], &[parent(B), parent(B)]),
        ),
        (
            "entity-twice",
            Raw::entities(&[[A, 0, 0, 0], [A, 0, 0, 0]], &[]),
        ),
        ("entity-of-a-name", Raw::entities(&[[FIELD, 0, 0, 0]], &[])),
        (
            "entity-beyond-the-symbols",
            Raw::entities(&[[OWN | 4, 0, 0, 0]], &[]),
        ),
        (
            "entity-of-a-number-below",
            Raw::entities(&[[0, 0, 0, 0]], &[]),
        ),
        (
            "tag-without-a-name",
            Raw::entities(&[[A, 0, 1, 0]], &[element(LONG, 1)]),
        ),
        (
            "attribute-without-a-name",
            Raw::entities(&[[A, 1, 0, 0]], &[element(LONG, 1)]),
        ),
    ]
}

fn symbols() -> Zoo {
    vec![
        (
            "names-that-descend",
            Raw::symbols(3, &[(0, "c"), (0, "b"), (0, "a")]),
        ),
        (
            "name-twice",
            Raw::symbols(3, &[(0, "a"), (0, "b"), (0, "a")]),
        ),
        (
            "name-with-a-type",
            Raw::symbols(2, &[(0, "a"), (TYPE, "b")]),
        ),
        ("name-of-nothing", Raw::symbols(1, &[(0, "")])),
        (
            "uid-twice",
            Raw::symbols(1, &[(0, "T"), (OWN, "a"), (OWN, "a")]),
        ),
        (
            "uid-of-a-uid",
            Raw::symbols(1, &[(0, "T"), (OWN, "a"), (OWN | 1, "b")]),
        ),
        ("uid-of-itself", Raw::symbols(0, &[(OWN, "a")])),
        (
            "uid-of-a-later-name",
            Raw::symbols(0, &[(OWN | 1, "a"), (0, "T")]),
        ),
        ("uid-of-no-number", Raw::symbols(0, &[(7, "a")])),
    ]
}

/// The block of [`Raw::sound`]: six counts, four symbols, then the cell. Its symbols end at 1, 2, 3 and 4.
fn lies() -> Zoo {
    let mut all = vec![
        ("text-that-ends-before-it-begins", Raw::lying(&[(11, 0)])),
        ("text-that-ends-beyond", Raw::lying(&[(13, 5)])),
        ("text-that-ends-far-beyond", Raw::lying(&[(13, u32::MAX)])),
        (
            "bytes-behind",
            Raw {
                behind: vec![0],
                ..Raw::sound()
            },
        ),
        ("names-that-are-uids", Raw::lying(&[(0, 4), (1, 0)])),
        ("uids-that-are-names", Raw::lying(&[(0, 0), (1, 4)])),
    ];
    // In 32 bits, so many rows of 8 or 16 bytes are no bytes at all.
    let counts = [
        ("all-the-names", 0, u32::MAX),
        ("names-that-wrap", 0, 1 << 29),
        ("all-the-uids", 1, u32::MAX),
        ("uids-that-wrap", 1, 1 << 29),
        ("all-the-entities", 2, u32::MAX),
        ("entities-that-wrap", 2, 1 << 28),
        ("all-the-roots", 3, u32::MAX),
        ("all-the-cells", 4, u32::MAX),
        ("cells-that-wrap", 4, 1 << 28),
        ("all-the-text", 5, u32::MAX),
        ("no-text", 5, 0),
    ];
    for (name, word, lie) in counts {
        all.push((name, Raw::lying(&[(word, lie)])));
    }
    all
}
