//! Up to when an answer holds: what a model finds by trying, and what Cedar answers around each such instant.

use std::{cell::Cell, collections::BTreeMap};

use avow_engine::{Answer as Bytes, NextChange, Until, next_change, request};
use avow_tests::{
    block::{Entity, Value},
    generate::choices::Choices,
    oracle,
    plain::{Cedar, Subject, Texts, Uid},
    time_model::{Condition, Horizon, any_now},
};
use cedar_policy::{Context, Entities, Request};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};

const CASES: u32 = 4_000;
/// Turns that are followed from each first instant.
const HOPS: usize = 4;

fn uids() -> [Uid; 3] {
    [("User", "u"), ("Action", "view"), ("Doc", "d")]
        .map(|(type_name, id)| (type_name.to_owned(), id.to_owned()))
}

fn texts(conditions: &[String]) -> Texts {
    let rules = conditions.iter().enumerate().map(|(place, condition)| {
        let effect = ["permit", "forbid"][place % 2];
        format!("{effect} (principal, action, resource) when {{ {condition} }};\n")
    });
    Texts {
        schema: None,
        policies: rules.collect(),
        links: Vec::new(),
    }
}

/// The engine and Cedar with the same rules, at any instant.
struct Both {
    subject: Subject,
    cedar: Cedar,
    request: Vec<u8>,
    /// No rule mentions the clock.
    is_timeless: bool,
}

impl Both {
    fn new(conditions: &[String]) -> Self {
        let texts = texts(conditions);
        let subject = Subject::new(&texts.compile(false).unwrap());
        let context = BTreeMap::from([("now".to_owned(), Value::Datetime(0))]);
        let request = subject.request(&uids(), &context, &[]);
        Self {
            cedar: Cedar::new(&texts).unwrap(),
            subject,
            request,
            is_timeless: !texts.policies.contains("now"),
        }
    }

    /// The engine's answer but for the instant up to which it holds; that instant; and whether Cedar says the same.
    fn ask(&mut self, now: i64) -> (Vec<u8>, Until, Result<(), String>) {
        let context = BTreeMap::from([("now".to_owned(), Value::Datetime(now))]);
        // A bundle whose rules never mention the clock does not know its name.
        if !request::set_now(&mut self.request, self.subject.engine.bundle(), now) {
            assert!(self.is_timeless);
            self.request = self.subject.request(&uids(), &context, &[]);
        }
        let mut bytes = self.subject.engine.decide(&self.request).to_vec();
        let until = Bytes::read(&bytes).unwrap().until();
        let found = self.subject.read(&bytes).map(|found| found.answer);
        let [principal, action, resource] = uids().each_ref().map(oracle::uid);
        let context = Context::from_pairs(oracle::pairs(&context)).unwrap();
        let request = Request::new(principal, action, resource, context, None).unwrap();
        let expected = self.cedar.ask(&request, &Entities::empty());
        let agrees = match found == Ok(expected.clone()) {
            true => Ok(()),
            false => Err(format!("at {now}: expected {expected:?}, found {found:?}")),
        };
        bytes[16..24].fill(0);
        (bytes, until, agrees)
    }
}

fn model(conditions: &[Condition], now: i64) -> Until {
    let mut horizon = Horizon::new(now);
    for condition in conditions {
        // A rule that fails is a rule that does not apply; the others are evaluated all the same.
        let _ = horizon.condition(condition);
    }
    match horizon.turn {
        _ if horizon.given_up => Until::Now,
        // The last instant of all is written as what never comes.
        Some(turn) if turn < i64::MAX => Until::At(turn),
        _ => Until::Forever,
    }
}

fn compare(conditions: &[Condition], first: i64, turns: &Cell<usize>) -> Result<(), String> {
    let texts: Vec<String> = conditions.iter().map(Condition::text).collect();
    let mut both = Both::new(&texts);
    let mut now = first;
    for _ in 0..HOPS {
        let (answer, until, agrees) = both.ask(now);
        agrees?;
        let expected = model(conditions, now);
        if until != expected {
            return Err(format!("at {now}: until {until:?}, expected {expected:?}"));
        }
        let Until::At(turn) = until else {
            break;
        };
        turns.set(turns.get() + 1);
        if turn <= now {
            return Err(format!("at {now}: until {turn}"));
        }
        for inside in [turn - 1, now.midpoint(turn - 1)] {
            let (same, _, agrees) = both.ask(inside);
            agrees?;
            if same != answer {
                return Err(format!("another answer at {inside}, of {now} until {turn}"));
            }
        }
        for after in [turn, turn.saturating_add(1)] {
            both.ask(after).2?;
        }
        now = turn;
    }
    Ok(())
}

fn world(bytes: &[Vec<u8>]) -> (i64, Vec<Condition>) {
    let (head, rest) = bytes.split_first().unwrap();
    let now = any_now(&mut Choices::new(head));
    let condition = |bytes: &Vec<u8>| {
        let mut choices = Choices::new(bytes);
        let depth = choices.below(3);
        Condition::any(&mut choices, now, depth)
    };
    (now, rest.iter().map(condition).collect())
}

#[test]
fn answers_hold_until_the_first_turn_that_a_model_finds_by_trying() {
    let seed = std::env::var("AVOW_SEED").map_or(41, |seed| seed.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 8192,
        ..Config::default()
    });
    let turns = Cell::new(0);
    let result = runner.run(&vec(vec(any::<u8>(), 48), 2..5), |bytes| {
        let (now, conditions) = world(&bytes);
        compare(&conditions, now, &turns).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, bytes)) => {
            let (now, conditions) = world(&bytes);
            let texts: Vec<String> = conditions.iter().map(Condition::text).collect();
            panic!("seed {seed}: {reason}\nat {now}: {texts:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
    }
    println!("turns: {}", turns.get());
    assert!(turns.get() > CASES as usize, "{}", turns.get());
}

#[track_caller]
fn check(condition: &str, expected: Until) {
    let mut both = Both::new(&[condition.to_owned()]);
    let (_, until, agrees) = both.ask(1_767_225_600_000);
    assert_eq!(agrees, Ok(()), "{condition}");
    assert_eq!(until, expected, "{condition}");
}

#[test]
fn what_is_done_with_the_clock_beyond_the_supported_forms_promises_nothing() {
    for condition in [
        "context == context",
        "context == {}",
        "[context].isEmpty()",
        "[context.now].contains(datetime(\"2026-01-01\"))",
        "[datetime(\"2026-01-01\")].contains(context.now)",
        "{a: context.now}.a == datetime(\"2026-01-01\")",
        "(if true then context.now else context.now) < datetime(\"2027-01-01\")",
        "(if true then context else {}) has now",
        "context.now.toTime().toMilliseconds() + 1 > 0",
        "context.now.toTime().toMilliseconds() * 2 > 0",
        "-(context.now.toTime().toMilliseconds()) < 0",
        "datetime(\"2026-01-01\").offset(context.now.toTime()) < datetime(\"2027-01-01\")",
        "context.now == context.now",
        "context.now <= context.now",
        "context.now.durationSince(context.now) == duration(\"0ms\")",
        "context.now.offset(duration(\"9223372036854775807ms\")) > context.now",
        "context.now.durationSince(datetime(\"1970-01-01\").offset(duration(\"-9223372036854775808ms\"))) > duration(\"1d\")",
        "context.now < 1",
        "duration(\"1d\") < context.now",
        "context.now.isIpv4()",
        "context.now.toDays() == 1",
        "context.now.lessThan(decimal(\"1.0\"))",
        "context.now && true",
        "!context.now",
        "context.now like \"a*\"",
        "context.now is User",
        "context.now in principal",
        "context.now has a",
        "context.now.a == 1",
        "context has now.a",
        "principal in context.now",
        "principal.hasTag(context.now)",
        "ip(context.now).isIpv4()",
        "context in principal",
    ] {
        check(condition, Until::Now);
    }
}

#[test]
fn what_does_not_depend_on_the_clock_holds_for_ever() {
    for condition in [
        "true",
        "context has now",
        "context has other",
        "context.other == 1",
        "context.now == 1",
        "context.now != \"a\"",
        "false && context.now < datetime(\"2027-01-01\")",
        "true || context.now < datetime(\"2027-01-01\")",
        "if true then true else context.now < datetime(\"2027-01-01\")",
        "context.now > datetime(\"2025-01-01\")",
        "context.now >= datetime(\"2025-01-01\")",
        "context.now != datetime(\"2025-01-01\")",
        "datetime(\"2025-01-01\") < context.now",
    ] {
        check(condition, Until::Forever);
    }
}

#[test]
fn a_context_that_is_compared_as_a_whole_moves_though_no_rule_names_the_clock() {
    let texts = texts(&["context == principal.c".to_owned()]);
    let mut subject = Subject::new(&texts.compile(false).unwrap());
    let context = BTreeMap::from([("now".to_owned(), Value::Datetime(5))]);
    let known = Entity {
        uid: uids()[0].clone(),
        attrs: BTreeMap::from([("c".to_owned(), Value::Record(context.clone()))]),
        tags: BTreeMap::new(),
        parents: Vec::new(),
    };
    let request = subject.request(&uids(), &context, &[known]);
    let answer = Bytes::read(subject.engine.decide(&request)).unwrap();
    assert_eq!(answer.decision().as_str(), "allow");
    assert_eq!(answer.until(), Until::Now);
}

#[test]
fn a_clock_that_is_missing_or_no_datetime_moves_nothing() {
    let texts = texts(&["context.now < datetime(\"2027-01-01\")".to_owned()]);
    let mut subject = Subject::new(&texts.compile(false).unwrap());
    for context in [
        BTreeMap::new(),
        BTreeMap::from([("now".to_owned(), Value::Long(5))]),
    ] {
        let request = subject.request(&uids(), &context, &[]);
        let answer = Bytes::read(subject.engine.decide(&request)).unwrap();
        assert_eq!(answer.until(), Until::Forever, "{context:?}");
        assert_eq!(answer.failed().count(), 1);
    }
}

/// Three answers, an instant of no consequence between them, and a clock that is asked a millisecond at a time.
#[test]
fn the_next_change_is_what_stepping_finds() {
    let conditions = [
        "context.now < datetime(\"1970-01-01T00:00:01Z\")",
        // It turns at 2,000 and decides nothing: the permit beside it holds either way.
        "context.now >= datetime(\"1970-01-01T00:00:02Z\") && false",
        "context.now.offset(duration(\"-3s\")) >= datetime(\"1970-01-01\")",
        "context.now.toTime().toSeconds() < 4",
        "datetime(\"1970-01-01T00:00:05Z\").durationSince(context.now) == duration(\"0ms\")",
    ];
    let texts = texts(&conditions.map(str::to_owned));
    let mut subject = Subject::new(&texts.compile(false).unwrap());
    let context = BTreeMap::from([("now".to_owned(), Value::Datetime(0))]);
    let request = subject.request(&uids(), &context, &[]);
    let bundle = avow_engine::Bundle::load(texts.compile(false).unwrap()).unwrap();
    let said = |subject: &mut Subject, now: i64| {
        let mut request = request.clone();
        assert!(request::set_now(&mut request, &bundle, now));
        let bytes = subject.engine.decide(&request);
        let answer = Bytes::read(bytes).unwrap();
        let failed: Vec<_> = answer.failed().collect();
        let rules: Vec<_> = answer.determining().collect();
        (answer.outcome(), answer.decision(), rules, failed)
    };
    let horizon = 10_000;
    let mut changes = 0;
    for now in (0..6_000).step_by(250) {
        let first = said(&mut subject, now);
        let stepped = (now + 1..horizon).find(|at| said(&mut subject, *at) != first);
        let ask = |bytes: &[u8]| subject.engine.decide(bytes).to_vec();
        let found = next_change(&bundle, &mut request.clone(), now, horizon, ask).unwrap();
        match stepped {
            Some(at) => assert_eq!(found, NextChange::At(at), "from {now}"),
            None => assert!(
                matches!(found, NextChange::Later | NextChange::Never),
                "from {now}: {found:?}"
            ),
        }
        changes += usize::from(stepped.is_some());
    }
    assert!(changes > 10, "{changes}");
}

#[test]
fn the_next_change_is_unknown_where_nothing_is_promised() {
    let texts = texts(&["[context.now].contains(datetime(\"1970-01-01\"))".to_owned()]);
    let mut subject = Subject::new(&texts.compile(false).unwrap());
    let context = BTreeMap::from([("now".to_owned(), Value::Datetime(7))]);
    let mut request = subject.request(&uids(), &context, &[]);
    let bundle = avow_engine::Bundle::load(texts.compile(false).unwrap()).unwrap();
    let ask = |bytes: &[u8]| subject.engine.decide(bytes).to_vec();
    let found = next_change(&bundle, &mut request, 7, 100, ask).unwrap();
    assert_eq!(found, NextChange::Unknown(7));
}
