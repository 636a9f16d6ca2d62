//! The seed corpus of the fuzz targets: what holds of any bytes holds of each seed, natively and in a guest.

mod steps;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use avow_engine::format::OWN;
use avow_tests::{root, seeds, targets};

/// Bytes that all seeds may take.
const MAX_BYTES: usize = 170_000;

fn folder() -> PathBuf {
    root().join("tests/seeds")
}

/// Name and bytes of a target's seeds. `BLESS` in the environment writes those that are made by code anew; what the fuzzer has
/// found stays as it is.
fn read(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = folder().join(target);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for ((of, name), bytes) in seeds::made() {
            let path = folder.join(name);
            // Other tests read them meanwhile: what is right stays.
            if of == target && fs::read(&path).ok().as_ref() != Some(&bytes) {
                fs::write(path, bytes).unwrap();
            }
        }
    }
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    files
        .map(|file| file.unwrap().path())
        .map(|path| (name(&path), fs::read(&path).unwrap()))
        .collect()
}

/// Replays all seeds of a target, and says which one it was.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let check = std::panic::AssertUnwindSafe(check);
    let mut failed = Vec::new();
    for (name, bytes) in read(target) {
        if std::panic::catch_unwind(|| check(&bytes)).is_err() {
            failed.push(name);
        }
    }
    assert!(
        failed.is_empty(),
        "of tests/seeds/{target}: {}",
        failed.join(", ")
    );
}

#[test]
fn bundles_are_refused_or_answered_alike_by_engine_and_guest() {
    replay("bundle", targets::bundle);
}

#[test]
fn requests_are_answered_alike_and_leave_nothing_behind() {
    replay("request", targets::request);
}

#[test]
fn patches_are_taken_whole_or_change_nothing() {
    replay("patch", targets::patch);
}

#[test]
fn worlds_are_decided_as_cedar_decides_them() {
    replay("differential", targets::differential);
}

#[test]
fn refusing_a_bundle_takes_linear_time() {
    replay("bundle", steps::bundle);
}

#[test]
fn refusing_a_request_takes_linear_time() {
    replay("request", steps::request);
}

#[test]
fn refusing_a_patch_takes_linear_time() {
    replay("patch", steps::patch);
}

/// Too large for a seed: an account that is used up must end the work, not only say so.
#[test]
fn refusing_texts_that_overlap_stops_where_the_account_ends() {
    let block = seeds::Raw::overlapping(600, 9_600).bytes();
    steps::request(&seeds::request([0, 0], [OWN | 2, OWN | 3, OWN | 2], &block));
}

#[test]
fn the_seeds_are_those_that_are_made_of_the_format_of_today() {
    let mut bytes = 0;
    for target in targets::NAMES {
        let read = read(target);
        bytes += read.values().map(Vec::len).sum::<usize>();
        for ((of, name), made) in seeds::made() {
            assert!(
                of != target || read.get(&name) == Some(&made),
                "`{target}/{name}` is no longer what tests/seeds has: BLESS=1 cargo test -p avow-tests --test seeds"
            );
        }
    }
    assert!(bytes <= MAX_BYTES, "{bytes} bytes of seeds");
}
