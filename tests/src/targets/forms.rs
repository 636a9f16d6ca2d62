//! What the bytes that a target is given are tried as, and what is asked of whatever takes them.

use std::{fs, sync::OnceLock};

use avow_engine::{
    bundle::layout,
    format::{OWN, PATCH_MAGIC},
    request,
};

use super::Fixed;
use crate::{root, seeds};

/// Requests that are made of a bundle's own index, at most.
const OWN_REQUESTS: usize = 6;

/// The bytes, and the same as a bundle whose header and table fit what follows: only so they come past the checksum.
#[must_use]
pub fn bundle_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![bytes.to_vec()];
    if bytes.len() >= layout::HEADER_BYTES {
        let mut sound = bytes.to_vec();
        sound[..4].copy_from_slice(&layout::MAGIC);
        sound[4..6].copy_from_slice(&layout::FORMAT.to_le_bytes());
        seeds::stamp(&mut sound);
        forms.push(sound.clone());
        seeds::clamp(&mut sound);
        seeds::stamp(&mut sound);
        forms.push(sound);
    }
    forms
}

/// The bytes, and the same as a request that names by no numbers, by the bundle's, and by the residents'.
#[must_use]
pub fn request_forms(bytes: &[u8], to: &Fixed) -> Vec<Vec<u8>> {
    let heads = [(0, 0), (to.tag, 0), (to.tag, to.version)];
    addressed(bytes, request::MAGIC, &heads)
}

/// The bytes, and the same as a patch that names by no numbers, and by the bundle's.
#[must_use]
pub fn patch_forms(bytes: &[u8], to: &Fixed) -> Vec<Vec<u8>> {
    addressed(bytes, PATCH_MAGIC, &[(0, to.version), (to.tag, to.version)])
}

fn addressed(bytes: &[u8], magic: [u8; 4], heads: &[(u32, u32)]) -> Vec<Vec<u8>> {
    let mut forms = vec![bytes.to_vec()];
    for (tag, version) in heads.iter().filter(|_| bytes.len() >= 12) {
        let head = [magic, tag.to_le_bytes(), version.to_le_bytes()].concat();
        forms.push([&head, &bytes[12..]].concat());
    }
    forms.dedup();
    forms
}

/// A golden file of version 1.
///
/// # Panics
/// Where it is not there.
#[must_use]
pub fn golden(name: &str) -> Vec<u8> {
    let path = root().join("tests/golden/v1").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The requests among the golden files.
///
/// # Panics
/// Where they are not what they should be.
pub fn golden_requests() -> &'static [Vec<u8>] {
    static REQUESTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let cases: serde_json::Value = serde_json::from_slice(&golden("cases.json")).unwrap();
        let bytes = |case: &serde_json::Value| {
            let digits = case["request"].as_str().unwrap();
            let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            (0..digits.len()).step_by(2).map(byte).collect()
        };
        cases.as_array().unwrap().iter().map(bytes).collect()
    })
}

pub(super) fn tagged(request: &[u8], tag: u32) -> Vec<u8> {
    [&request[..4], &tag.to_le_bytes(), &request[8..]].concat()
}

/// The golden requests, and some for the rows of the bundle's own index, so that its code is run whatever its names are.
pub(super) fn requests_to(bundle: &[u8], tag: u32) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = golden_requests().iter().map(|r| tagged(r, tag)).collect();
    let index = seeds::sections(bundle)
        .into_iter()
        .find_map(|(id, bytes)| (id == layout::INDEX).then_some(bytes))
        .unwrap_or_default();
    for row in index
        .get(12..)
        .unwrap_or_default()
        .chunks_exact(28)
        .take(OWN_REQUESTS)
    {
        let word = |i: usize| u32::from_le_bytes(row[i * 4..i * 4 + 4].try_into().unwrap());
        // An open row has a number that names nothing; the bundle's first name serves as well.
        let name = |word: u32| if word == u32::MAX { 0 } else { word };
        let action = if word(0) == u32::MAX { OWN } else { word(0) };
        let block = seeds::Raw {
            names: 0,
            symbols: vec![(name(word(1)), "p"), (name(word(2)), "r")],
            ..seeds::Raw::default()
        };
        let uids = [OWN, action, OWN | 1];
        all.push(seeds::request([tag, 0], uids, &block.bytes()));
    }
    all
}
