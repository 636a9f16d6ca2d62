//! Generated rules, entities and requests: the engine answers as Cedar does.
//!
//! A case is a request with its set of rules. `AVOW_CASES` sets how many there are, `AVOW_SEED` which; with `AVOW_GUEST=0` no guest
//! is asked.

use std::cell::{Cell, RefCell};

use avow_host::sandbox::{Limits, Sandbox};
use avow_tests::{
    compare,
    generate::{World, seeds},
    tally::Tally,
};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// Requests to one set of rules.
const REQUESTS: u32 = 8;
/// Rules of a set, at most.
const RULES: usize = 8;
/// Sets of which one is asked of a guest too.
const GUEST_EACH: u32 = 50;

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

#[test]
fn generated_requests_are_answered_as_cedar_answers_them() {
    let (cases, seed) = (number("AVOW_CASES", 20_000), number("AVOW_SEED", 4_141));
    let mut runner = TestRunner::new(Config {
        cases: u32::try_from(cases).unwrap().div_ceil(REQUESTS),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 8192,
        ..Config::default()
    });
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let asks_guest = number("AVOW_GUEST", 1) != 0;
    let (tally, count) = (RefCell::new(Tally::default()), Cell::new(0));
    let result = runner.run(&seeds(RULES, REQUESTS as usize), |seeds| {
        let sampled = asks_guest && count.get() % GUEST_EACH == 0;
        count.set(count.get() + 1);
        let sandbox = sampled.then_some(&sandbox);
        compare::world(&World::new(&seeds), sandbox, &mut tally.borrow_mut())
            .map_err(TestCaseError::fail)
    });
    let tally = tally.into_inner();
    println!("seed {seed}\n{tally}");
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, seeds)) => {
            panic!("seed {seed}: {reason}\n{:?}", World::new(&seeds))
        }
        Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
    }
    // A few requests need not meet everything.
    if cases >= 20_000 {
        assert_eq!(tally.missed(), Vec::<String>::new());
        assert!(tally.allowed > tally.requests / 20, "{tally}");
        assert!(tally.forbidden > tally.requests / 20, "{tally}");
        assert!(tally.with_errors > tally.requests / 20, "{tally}");
        assert!(tally.validated > tally.requests / 20, "{tally}");
    }
}
