//! The seed corpus: what the fuzz targets begin with, and what is replayed at each run of the tests.
//!
//! Hostile seeds are made by code from sound ones, so that a change of the format renews them: `BLESS=1 cargo test -p
//! avow-tests --test seeds`. What the fuzzer has found lies beside them as it was found.

mod bundles;
mod raw;
mod zoo;

use std::collections::BTreeMap;

use avow_engine::format::{OWN, PATCH_MAGIC};

pub use self::{
    bundles::{clamp, sections, stamp},
    raw::Raw,
};
use crate::targets::{golden, golden_requests};

/// Worlds to compare.
const WORLDS: u64 = 16;

/// Target and name of each seed, and its bytes.
#[must_use]
pub fn made() -> BTreeMap<(&'static str, String), Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut add = |target: &'static str, seeds: Vec<(String, Vec<u8>)>| {
        for (name, bytes) in seeds {
            let before = all.insert((target, name), bytes);
            assert!(before.is_none(), "two seeds of one name for {target}");
        }
    };
    add("bundle", bundles::all());
    add("request", requests());
    add("patch", patches());
    add("differential", worlds());
    all
}

/// Words as bytes.
#[must_use]
pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A request with a tag and a version, for principal, action and resource.
#[must_use]
pub fn request(head: [u32; 2], uids: [u32; 3], block: &[u8]) -> Vec<u8> {
    let magic = avow_engine::request::MAGIC;
    [&magic[..], &bytes(&head), &bytes(&uids), block].concat()
}

/// A patch with a tag and a version.
#[must_use]
pub fn patch(head: [u32; 2], block: &[u8]) -> Vec<u8> {
    [&PATCH_MAGIC[..], &bytes(&head), block].concat()
}

fn named<T>(name: &str, bytes: T) -> (String, T) {
    (name.to_owned(), bytes)
}

fn requests() -> Vec<(String, Vec<u8>)> {
    let golden = golden_requests();
    let mut all: Vec<_> = golden
        .iter()
        .enumerate()
        .map(|(place, request)| (format!("golden-{place:02}"), request.clone()))
        .collect();
    for (name, len) in [
        ("nothing", 0),
        ("magic-alone", 4),
        ("head-alone", 24),
        ("half", golden[0].len() / 2),
    ] {
        all.push(named(name, golden[0][..len].to_vec()));
    }
    // Entities 2 and 3 of the block, and its type for an action: whatever the rules say, the block is read.
    let own = [OWN | 2, OWN | 3, OWN | 2];
    for (name, block) in zoo::all() {
        all.push((
            format!("block-{name}"),
            request([0, 0], own, &block.bytes()),
        ));
    }
    let block = Raw::sound().bytes();
    for (name, uids) in [
        ("uids-are-names", [OWN, OWN | 1, OWN]),
        ("uids-beyond-the-block", [OWN | 4, OWN | 400, u32::MAX]),
        ("uids-of-nobody", [0, 1, 2]),
    ] {
        all.push(named(name, request([0, 0], uids, &block)));
    }
    let rooted = |kind, payload, name| {
        let mut raw = Raw::sound();
        raw.roots = 2;
        raw.cells.extend([(name, kind, payload); 2]);
        request([0, 0], own, &raw.bytes())
    };
    all.push(named("context-twice-a-field", rooted(1, 7, OWN | 1)));
    all.push(named("context-without-names", rooted(1, 7, u32::MAX)));
    all
}

fn patches() -> Vec<(String, Vec<u8>)> {
    let golden = golden("residents.patch");
    let mut all = vec![
        named("golden", golden.clone()),
        named("half", golden[..golden.len() / 2].to_vec()),
        named("head-alone", golden[..12].to_vec()),
    ];
    for (name, block) in zoo::all() {
        all.push((format!("block-{name}"), patch([0, 1], &block.bytes())));
    }
    let of = |names: [&'static str; 2], entity: Option<[u32; 4]>, roots: &[(u32, u32, u64)]| {
        let raw = Raw {
            names: 1,
            symbols: vec![(0, names[0]), (OWN, names[1])],
            cells: roots.to_vec(),
            entities: entity.into_iter().collect(),
            roots: u32::try_from(roots.len()).unwrap(),
            ..Raw::default()
        };
        patch([0, 1], &raw.bytes())
    };
    let uid = u64::from(OWN | 1);
    let gone = (u32::MAX, 3, uid);
    let (settings, ada) = (["Shop::Settings", "pack"], ["Shop::User", "ada"]);
    let bare = Some([OWN | 1, 0, 0, 0]);
    for (name, bytes) in [
        ("describes-an-entity-of-the-bundle", of(settings, bare, &[])),
        (
            "removes-an-entity-of-the-bundle",
            of(settings, None, &[gone]),
        ),
        ("replaces-a-resident", of(ada, bare, &[])),
        ("removes-a-resident-twice", of(ada, None, &[gone, gone])),
        ("replaces-and-removes", of(ada, bare, &[gone])),
        (
            "removes-nobody",
            of(["Shop::User", "nobody"], None, &[gone]),
        ),
        ("removes-a-number", of(ada, None, &[(u32::MAX, 1, uid)])),
        ("removes-by-a-name", of(ada, None, &[(OWN, 3, uid)])),
        (
            "removes-a-name",
            of(ada, None, &[(u32::MAX, 3, u64::from(OWN))]),
        ),
    ] {
        all.push(named(name, bytes));
    }
    all
}

/// Choices of the generator: rows as `Seeds::read` takes them, longer from seed to seed.
fn worlds() -> Vec<(String, Vec<u8>)> {
    (0..WORLDS)
        .map(|world| {
            let mut state = world + 1;
            let choices = (0..world * 70).map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            });
            (format!("world-{world:02}"), choices.collect())
        })
        .collect()
}
