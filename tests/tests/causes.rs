//! Why a rule failed: the first thing that went wrong, in Cedar's order, and what Cedar says of it.

use std::collections::BTreeMap;

use avow_engine::{Answer, EvalError};
use avow_tests::{
    block::Value,
    oracle,
    plain::{Subject, Texts, Uid},
};
use cedar_policy::{AuthorizationError, Authorizer, Context, Entities, PolicySet, Request};

/// A condition, its cause, and words of Cedar's message.
const CASES: &[(&str, EvalError, &str)] = &[
    // Fails as an operand before it could fail as an operation.
    (
        "decimal(1) == decimal(\"1.0\")",
        EvalError::Type,
        "type error",
    ),
    (
        "duration(context.n) == context.n",
        EvalError::Type,
        "type error",
    ),
    ("ip(true).isIpv4()", EvalError::Type, "type error"),
    (
        "context.none == context.s.none",
        EvalError::MissingAttribute,
        "does not have the attribute",
    ),
    (
        "context.s.none == context.none",
        EvalError::Type,
        "type error",
    ),
    (
        "context.none == (1 + true)",
        EvalError::MissingAttribute,
        "does not have the attribute",
    ),
    ("(1 + true) == context.none", EvalError::Type, "type error"),
    (
        "User::\"gone\".name == context.none",
        EvalError::MissingEntity,
        "does not exist",
    ),
    // Only integers, instants and periods have an order in the language.
    (
        "decimal(\"1.0\") < decimal(\"2.0\")",
        EvalError::Type,
        "type error",
    ),
    (
        "decimal(\"1.0\") >= decimal(\"2.0\")",
        EvalError::Type,
        "type error",
    ),
    ("\"a\" < \"b\"", EvalError::Type, "type error"),
    ("principal <= principal", EvalError::Type, "type error"),
    ("1 < duration(\"1d\")", EvalError::Type, "type error"),
    ("1 in principal", EvalError::Type, "type error"),
    ("\"a\" in [principal]", EvalError::Type, "type error"),
    ("principal in [principal, 1]", EvalError::Type, "type error"),
    ("principal in 1", EvalError::Type, "type error"),
    ("principal.hasTag(1)", EvalError::Type, "type error"),
    (
        "User::\"gone\".getTag(\"t\") == 1",
        EvalError::MissingEntity,
        "does not exist",
    ),
    (
        "context.n + 9223372036854775807 > 0",
        EvalError::Overflow,
        "overflow",
    ),
    (
        "context.n * -9223372036854775807 * 2 > 0",
        EvalError::Overflow,
        "overflow",
    ),
    (
        "ip(context.s).isIpv4()",
        EvalError::Extension,
        "extension function",
    ),
    (
        "datetime(\"2024-01-01T00:00:00+2400\") == context.s",
        EvalError::Extension,
        "extension function",
    ),
];

#[test]
fn a_rule_that_fails_names_the_cause_that_cedar_names() {
    let uids: [Uid; 3] = [("User", "u"), ("Action", "view"), ("Doc", "d")]
        .map(|(type_name, id)| (type_name.to_owned(), id.to_owned()));
    let context = BTreeMap::from([
        ("n".to_owned(), Value::Long(1)),
        ("s".to_owned(), Value::Str("text".into())),
    ]);
    let [principal, action, resource] = uids.each_ref().map(oracle::uid);
    let asked = Context::from_pairs(oracle::pairs(&context)).unwrap();
    let asked = Request::new(principal, action, resource, asked, None).unwrap();
    for (condition, expected, words) in CASES {
        let texts = Texts {
            schema: None,
            policies: format!("permit (principal, action, resource) when {{ {condition} }};"),
            links: Vec::new(),
        };
        let policies: PolicySet = texts.policies.parse().unwrap();
        let response = Authorizer::new().is_authorized(&asked, &policies, &Entities::empty());
        let said: Vec<String> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| error.inner().to_string())
            .collect();
        assert!(
            matches!(said.as_slice(), [said] if said.contains(words)),
            "{condition}: {said:?}"
        );
        let mut subject = Subject::new(&texts.compile(false).unwrap());
        let request = subject.request(&uids, &context, &[]);
        let answer = subject.engine.decide(&request).to_vec();
        let answer = Answer::read(&answer).unwrap();
        let causes: Vec<EvalError> = answer.failed().map(|failure| failure.error).collect();
        assert_eq!(causes, [*expected], "{condition}: {said:?}");
    }
}
