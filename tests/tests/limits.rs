//! What is too much is answered with `failed`, alike in each shell, and never ends a guest.

use std::collections::BTreeMap;

use avow_compiler::Plain;
use avow_engine::{Answer, Bundle, Engine, Explanation, RequestBuilder, format::Cell};
use avow_host::sandbox::{Limits, Sandbox};

fn compile(policies: &str) -> Vec<u8> {
    let plain = Plain {
        schema: None,
        policies,
        links: "",
        validate: false,
    };
    plain.compile().unwrap()
}

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
    let bundle = compile("permit (principal, action, resource) when { context.deep != 1 };");
    for depth in [1, 63, 64, 65, 1000, 3000] {
        assert_eq!(outcome(&bundle, vec![("deep", nested(depth))]), "allow");
    }
}

#[test]
fn comparing_values_that_nest_too_deep_is_given_up() {
    let bundle = compile("permit (principal, action, resource) when { context.a == context.b };");
    let both = |depth| vec![("a", nested(depth)), ("b", nested(depth))];
    assert_eq!(outcome(&bundle, both(60)), "allow");
    assert_eq!(outcome(&bundle, both(70)), "failed");
}

#[test]
fn steps_run_out_before_time_does() {
    // Each `*x` looks at every byte of the text, and there are many rules.
    let rule = "permit (principal, action, resource) when { context.text like \"*b*\" };\n";
    let text = |len: usize| vec![("text", Cell::Str("a".repeat(len)))];
    assert_eq!(outcome(&compile(rule), text(100_000)), "not_permitted");
    assert_eq!(
        outcome(&compile(&rule.repeat(100)), text(100_000)),
        "failed"
    );
}
