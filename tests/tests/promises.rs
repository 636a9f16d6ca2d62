//! The promises of the five published policies: none is forgotten, none is made up, and each is kept as it has to be.

use std::collections::BTreeMap;

use avow_compiler::{Kept, Promise};
use avow_engine::Bundle;
use avow_tests::{Pack, pack_names, root};

/// Kind, basis and who keeps it, by clause.
type Listed = BTreeMap<String, [String; 3]>;

fn listed() -> Listed {
    let text = std::fs::read_to_string(root().join("tests/promises.txt")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_ascii_whitespace().map(ToOwned::to_owned);
            let clause = words.next().unwrap();
            let rest = [0; 3].map(|_| words.next().unwrap());
            assert_eq!(words.next(), None, "{line}");
            (clause, rest)
        })
        .collect()
}

fn as_listed(promise: &Promise) -> [String; 3] {
    let kept = match promise.kept_by {
        Kept::Rule => "rule",
        Kept::Attested => "attested",
        Kept::Mechanism => "mechanism",
        Kept::Organisation => "organisation",
    };
    [promise.kind.clone(), promise.basis.clone(), kept.to_owned()]
}

#[test]
fn each_promise_is_in_its_pack_as_it_was_made() {
    let packs: Listed = pack_names()
        .iter()
        .flat_map(|name| Pack::open(name).compiled.promises)
        .map(|promise| (promise.id.clone(), as_listed(&promise)))
        .collect();
    assert_eq!(packs.len(), 108);
    assert_eq!(packs, listed());
}

#[test]
fn a_promise_that_a_rule_keeps_is_cited_and_has_cases() {
    for name in pack_names() {
        let pack = Pack::open(&name);
        let bundle = Bundle::load(pack.bundle(avow_compiler::Target::Server)).unwrap();
        for promise in &pack.compiled.promises {
            let cited = bundle
                .rules()
                .any(|rule| rule.clauses().any(|clause| clause == promise.id));
            let cases = pack
                .cases
                .iter()
                .filter(|case| case.clauses.contains(&promise.id))
                .count();
            let id = &promise.id;
            match promise.kept_by {
                Kept::Rule | Kept::Attested => assert!(cited && cases >= 2, "{id}: {cases}"),
                // What software carries out is asked for by a rule all the same.
                Kept::Mechanism => assert!(
                    cited && cases >= 1 && promise.mechanism.is_some(),
                    "{id}: {cases}"
                ),
                Kept::Organisation => assert!(!cited && cases == 0, "{id}"),
            }
        }
    }
}

#[test]
fn a_pack_names_the_text_that_it_was_made_from() {
    for name in pack_names() {
        let policy = Pack::open(&name).compiled.manifest.policy;
        let digits = policy.sha256.chars().filter(char::is_ascii_hexdigit);
        assert_eq!((digits.count(), policy.sha256.len()), (64, 64), "{name}");
        assert!(!policy.date.is_empty(), "{name}");
    }
}
