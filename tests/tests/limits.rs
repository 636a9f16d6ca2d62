//! What is too much is answered with `failed`, alike in each shell, and never ends a guest.

use std::collections::BTreeMap;

use avow_engine::{
    Answer, Bundle, Engine, Explanation, PatchBuilder, RequestBuilder,
    format::{Cell, EntityRow},
    limits::DEPTH,
};
use avow_host::sandbox::{Limits, Sandbox};
use avow_tests::unvalidated;

fn nested(depth: usize) -> Cell {
    (0..depth).fold(Cell::Long(1), |inner, _| Cell::Set(vec![inner]))
}

fn request(bundle: &Bundle, fields: Vec<(&str, Cell)>) -> Vec<u8> {
    let context: BTreeMap<_, _> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    RequestBuilder::new(bundle).finish(("User", "u"), ("Action", "a"), ("Doc", "d"), context)
}

/// Both shells' answers, which must be the same.
#[track_caller]
fn outcome(bundle: &[u8], fields: Vec<(&str, Cell)>) -> &'static str {
    let mut engine = Engine::new(Bundle::load(bundle.to_vec()).unwrap());
    let request = request(engine.bundle(), fields);
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let mut guest = sandbox.guest(bundle, &[]).unwrap();
    assert_eq!(
        engine.decide(&request),
        guest.decide(&request).unwrap(),
        "decide"
    );
    assert_eq!(
        engine.explain(&request),
        guest.explain(&request).unwrap(),
        "explain"
    );
    let bytes = engine.explain(&request).to_vec();
    let answer = Answer::read(&bytes).unwrap();
    let explanation = Explanation::new(engine.bundle(), &answer);
    assert_eq!(explanation.verdict.outcome, answer.outcome().as_str());
    answer.outcome().as_str()
}

#[test]
fn values_that_nest_deep_are_decided_and_explained() {
    let bundle = unvalidated("permit (principal, action, resource) when { context.deep != 1 };");
    for depth in [1, 63, 64, 65, 1000, 3000] {
        assert_eq!(outcome(&bundle, vec![("deep", nested(depth))]), "allow");
    }
}

#[test]
fn comparing_values_that_nest_too_deep_is_given_up() {
    let bundle =
        unvalidated("permit (principal, action, resource) when { context.a == context.b };");
    let both = |depth| vec![("a", nested(depth)), ("b", nested(depth))];
    let deepest = DEPTH as usize + 1;
    assert_eq!(outcome(&bundle, both(deepest)), "allow");
    assert_eq!(outcome(&bundle, both(deepest + 1)), "failed");
}

#[test]
fn steps_run_out_before_time_does() {
    // Each `*x` looks at every byte of the text, and there are many rules.
    let rule = "permit (principal, action, resource) when { context.text like \"*b*\" };\n";
    let text = |len: usize| vec![("text", Cell::Str("a".repeat(len)))];
    assert_eq!(outcome(&unvalidated(rule), text(100_000)), "not_permitted");
    assert_eq!(
        outcome(&unvalidated(&rule.repeat(100)), text(100_000)),
        "failed"
    );
}

#[test]
fn an_answer_at_a_limit_names_no_rule_that_applied_before() {
    let bundle = unvalidated(
        "permit (principal, action, resource);
         permit (principal, action, resource) when { context.a == context.b };",
    );
    let mut engine = Engine::new(Bundle::load(bundle).unwrap());
    let deep = nested(DEPTH as usize + 2);
    let request = request(engine.bundle(), vec![("a", deep.clone()), ("b", deep)]);
    let answer = Answer::read(engine.decide(&request)).unwrap();
    assert_eq!(answer.outcome().as_str(), "failed");
    assert_eq!(answer.determining().count(), 0);
    let failed: Vec<u32> = answer.failed().map(|failure| failure.rule).collect();
    assert_eq!(failed, [1]);
}

/// A walk that ends early may not have come by the entity by which a forbid is found.
#[test]
fn a_walk_to_the_candidates_that_is_too_long_decides_nothing() {
    let bundle = Bundle::load(unvalidated(
        r#"permit (principal, action, resource);
           forbid (principal in Group::"last", action, resource);"#,
    ))
    .unwrap();
    // Each visit pays for the parents that it looks at, so few entities make it long.
    let row = |parents: &[(String, String)]| EntityRow {
        parents: parents.iter().cloned().collect(),
        ..EntityRow::default()
    };
    let walk = |many: usize| {
        let group = |level: &str, i: usize| ("Group".to_owned(), format!("{level}{i}"));
        let below: Vec<_> = (0..many).map(|i| group("below", i)).collect();
        let above: Vec<_> = (0..many).map(|i| group("above", i)).collect();
        let mut patch = PatchBuilder::new(&bundle);
        patch.put("User", "u", row(&below));
        for (_, id) in below.iter().skip(1) {
            patch.put("Group", id, row(&above));
        }
        // The walk goes depth first and comes to the first parent last.
        let last = ("Group".to_owned(), "last".to_owned());
        patch.put("Group", "below0", row(&[above, vec![last]].concat()));
        let mut engine = Engine::new(Bundle::load(bundle.bytes().to_vec()).unwrap());
        engine.patch(&patch.finish(0)).unwrap();
        let request = request(engine.bundle(), Vec::new());
        let answer = Answer::read(engine.decide(&request)).unwrap();
        (answer.outcome().as_str(), answer.determining().count())
    };
    assert_eq!(walk(10), ("forbidden", 1));
    assert_eq!(walk(2047), ("failed", 0));
}
