//! Cedar's answers, written down: as many cases as there are in a folder.

use std::{collections::BTreeSet, path::PathBuf};

use avow_tests::{corpus, root};

/// Mismatches that are printed, equal ones once; the number that the line at the end has is of all.
const SHOWN: usize = 50;

#[test]
fn every_request_of_the_corpus_is_answered_as_it_says() {
    let folder = match std::env::var_os("AVOW_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            eprintln!(
                "the corpus of this repository; for another one: AVOW_CORPUS=<folder> cargo test --release -p avow-tests --test corpus -- --nocapture"
            );
            root().join("tests/data/corpus")
        }
    };
    let report = corpus::run(&folder);
    let different: BTreeSet<&String> = report.mismatches.iter().collect();
    for mismatch in different.into_iter().take(SHOWN) {
        eprintln!("{mismatch}\n");
    }
    eprintln!(
        "cases: {}, validated: {}, requests of those: {}",
        report.cases, report.validated, report.validated_requests
    );
    println!(
        "requests: {}, mismatches: {}",
        report.requests,
        report.mismatches.len()
    );
    let place = folder.display();
    assert!(
        report.requests > 0,
        "no case in `{place}`: it has to be laid out as Cedar's corpus is when it is unpacked"
    );
    assert_eq!(report.mismatches.len(), 0);
}
