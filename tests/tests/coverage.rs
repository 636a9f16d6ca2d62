//! Coverage of small packs, counted by hand.

use avow_compiler::coverage::{BranchKind, Coverage, measure};
use avow_tests::small::Small;

#[track_caller]
fn measured(pack: &Small) -> Coverage {
    measure(&pack.files, &pack.compiled, &pack.cases).unwrap()
}

/// The branches of the first rule: text, and how often each was seen true and false.
#[track_caller]
fn check(condition: &str, cases: &[&str], expect: &[(BranchKind, &str, usize, usize)]) {
    let rule = format!(
        "@id(\"r\") permit (principal is Small::User, action == Small::Action::\"read\", resource) {condition};"
    );
    let coverage = measured(&Small::new(&rule, cases));
    let found: Vec<_> = coverage.rules[0]
        .branches
        .iter()
        .map(|of| (of.kind, of.text.as_str(), of.seen_true, of.seen_false))
        .collect();
    assert_eq!(found, expect);
}

const FLAG: &str = "context: { flag: true }\n    expect: allow";
const NO_FLAG: &str = "expect: not_permitted";

#[test]
fn a_condition_is_a_branch() {
    check(
        "when { context.flag }",
        &[FLAG, NO_FLAG, NO_FLAG],
        &[(BranchKind::When, "context.flag", 1, 2)],
    );
    check(
        "unless { context.flag }",
        &[FLAG],
        &[(BranchKind::Unless, "context.flag", 1, 0)],
    );
}

#[test]
fn requests_that_the_scope_does_not_fit_see_nothing() {
    check(
        "when { context.flag }",
        &[
            "principal: Robot::\"rob\"\n    expect: not_permitted",
            "action: write\n    expect: not_permitted",
            "context: { n: none }\n    expect: refused",
        ],
        &[(BranchKind::When, "context.flag", 0, 0)],
    );
}

#[test]
fn operands_after_the_one_that_decides_are_not_reached() {
    check(
        "when { context.flag && context.n > 0 && context.n < 9 }",
        &[
            NO_FLAG,
            FLAG,
            "context: { flag: true, n: 5 }\n    expect: allow",
        ],
        &[
            (
                BranchKind::When,
                "context.flag && context.n > 0 && context.n < 9",
                1,
                2,
            ),
            (BranchKind::And, "context.flag", 2, 1),
            (BranchKind::And, "context.n > 0", 1, 1),
            (BranchKind::And, "context.n < 9", 1, 0),
        ],
    );
    check(
        "when { context.flag || context.n > 0 }",
        &[FLAG, NO_FLAG],
        &[
            (BranchKind::When, "context.flag || context.n > 0", 1, 1),
            (BranchKind::Or, "context.flag", 1, 1),
            (BranchKind::Or, "context.n > 0", 0, 1),
        ],
    );
}

#[test]
fn an_operand_that_fails_is_seen_neither_way_and_nothing_after_it_is_reached() {
    // Only of a rule that is not validated, or of arithmetic; this is arithmetic.
    check(
        "when { context.n * 4611686018427387904 > 0 || context.flag } unless { context.flag }",
        &[
            "context: { n: 8, flag: true }\n    expect: not_permitted",
            NO_FLAG,
        ],
        &[
            (
                BranchKind::When,
                "context.n * 4611686018427387904 > 0 || context.flag",
                0,
                1,
            ),
            (BranchKind::Or, "context.n * 4611686018427387904 > 0", 0, 1),
            (BranchKind::Or, "context.flag", 0, 1),
            (BranchKind::Unless, "context.flag", 0, 0),
        ],
    );
}

#[test]
fn the_branch_of_an_if_that_is_not_taken_is_not_reached() {
    check(
        "when { if context.flag then resource.open && context.n > 0 else context.n < 9 || resource.open }",
        &[FLAG],
        &[
            (
                BranchKind::When,
                "if context.flag then resource.open && context.n > 0 else context.n < 9 || resource.open",
                0,
                1,
            ),
            (BranchKind::Test, "context.flag", 1, 0),
            (BranchKind::And, "resource.open", 1, 0),
            (BranchKind::And, "context.n > 0", 0, 1),
            (BranchKind::Or, "context.n < 9", 0, 0),
            (BranchKind::Or, "resource.open", 0, 0),
        ],
    );
}

#[test]
fn a_condition_after_one_that_ends_the_rule_is_not_reached() {
    check(
        "when { context.flag } unless { resource.open } when { context.n > 0 }",
        &[
            NO_FLAG,
            "context: { flag: true }\n    expect: not_permitted",
            "context: { flag: true }\n    resource: Doc::\"e\"\n    expect: not_permitted",
        ],
        &[
            (BranchKind::When, "context.flag", 2, 1),
            (BranchKind::Unless, "resource.open", 1, 1),
            (BranchKind::When, "context.n > 0", 0, 1),
        ],
    );
}

#[test]
fn branches_within_what_is_compared_are_reached_unless_what_is_before_fails() {
    check(
        "when { (context.n * 4611686018427387904) == (if context.flag then 0 else 1) }",
        &[
            FLAG,
            NO_FLAG,
            "context: { n: 8 }\n    expect: not_permitted",
        ],
        &[
            (
                BranchKind::When,
                "(context.n * 4611686018427387904) == (if context.flag then 0 else 1)",
                1,
                1,
            ),
            (BranchKind::Test, "context.flag", 1, 1),
        ],
    );
}

#[test]
fn what_a_method_is_called_on_is_read_before_its_argument() {
    let condition = "when { context.extra.deep.contains(if context.flag then 1 else 2) }";
    let rule =
        format!("permit (principal, action == Small::Action::\"read\", resource) {condition};");
    let mut pack = Small::new("permit (principal, action, resource);", &[FLAG, EXTRA]);
    pack.files.insert("rules.cedar".to_owned(), rule);
    pack.compiled = avow_compiler::compile_unvalidated(&pack.files).unwrap();
    let coverage = measured(&pack);
    let test = &coverage.rules[0].branches[1];
    // Of the first case there is no `extra`; of the second there is, though it is no set.
    assert_eq!(
        (test.text.as_str(), test.seen_true, test.seen_false),
        ("context.flag", 0, 1)
    );
}

#[test]
fn the_argument_of_a_function_is_reached() {
    let condition = "when { decimal(if context.flag then \"1.0\" else \"x\") == decimal(\"1.0\") }";
    let rule =
        format!("permit (principal, action == Small::Action::\"read\", resource) {condition};");
    let mut pack = Small::new("permit (principal, action, resource);", &[FLAG, NO_FLAG]);
    pack.files.insert("rules.cedar".to_owned(), rule);
    pack.compiled = avow_compiler::compile_unvalidated(&pack.files).unwrap();
    let coverage = measured(&pack);
    let seen: Vec<_> = coverage.rules[0]
        .branches
        .iter()
        .map(|of| (of.seen_true, of.seen_false))
        .collect();
    assert_eq!(seen, [(1, 0), (1, 1)]);
}

const EXTRA: &str = "context: { extra: { deep: true } }\n    expect: allow";

const TWO: &str = r#"@id("open") @clause("x-1")
permit (principal, action == Small::Action::"read", resource) when { resource.open };
@id("flagged") @clause("x-1 x-2")
forbid (principal, action == Small::Action::"read", resource) when { context.flag };
"#;

#[test]
fn a_rule_is_covered_by_the_answers_that_it_determines() {
    let coverage = measured(&Small::new(
        TWO,
        &[
            "expect: allow",
            "context: { flag: true }\n    expect: forbidden",
        ],
    ));
    let rules: Vec<_> = coverage
        .rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.line, rule.cases.as_slice()))
        .collect();
    assert_eq!(rules, [("open", 1, [0].as_slice()), ("flagged", 3, &[1])]);
    let clauses: Vec<_> = coverage
        .clauses
        .iter()
        .map(|clause| (clause.id.as_str(), clause.cases.as_slice()))
        .collect();
    assert_eq!(clauses, [("x-1", [0, 1].as_slice()), ("x-2", &[1])]);
    let totals = coverage.totals();
    assert_eq!((totals.clauses, totals.rules), ((2, 2), (2, 2)));
    assert_eq!(totals.branches, (3, 4));
    assert!(!coverage.whole());
}

#[test]
fn each_link_of_a_template_is_a_rule_with_branches_of_its_own() {
    let template = r#"@id("own") permit (principal == ?principal, action, resource) when { context has flag };"#;
    let links = r#"[
      {"template_id": "own", "link_id": "for-ada", "args": {"?principal": "Small::User::\"ada\""}},
      {"template_id": "own", "link_id": "for-bob", "args": {"?principal": "Small::User::\"bob\""}}
    ]"#;
    let pack = Small::with(template, &["expect: allow"], &[("rules.links.json", links)]);
    let coverage = measured(&pack);
    let seen: Vec<_> = coverage
        .rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.branches[0].seen_true))
        .collect();
    assert_eq!(seen, [("for-ada", 1), ("for-bob", 0)]);
}

#[test]
fn a_side_that_cannot_be_seen_is_listed_with_the_reason() {
    let listed = |side: bool| {
        format!(
            "[[unreachable]]\nrule = \"open\"\nbranch = \"resource.open\"\nside = {side}\nreason = \"nobody closes\"\n"
        )
    };
    let cases = [
        "expect: allow",
        "context: { flag: true }\n    expect: forbidden",
    ];
    let right = Small::with(TWO, &cases, &[("mutants.toml", &listed(false))]);
    let coverage = measured(&right);
    assert!(coverage.whole());
    let branch = &coverage.rules[0].branches[0];
    assert_eq!(branch.never_false.as_deref(), Some("nobody closes"));
    let wrong = Small::with(TWO, &cases, &[("mutants.toml", &listed(true))]);
    let findings = measure(&wrong.files, &wrong.compiled, &wrong.cases).unwrap_err();
    assert_eq!(
        findings[0].message,
        "the entry names no side of a branch that is never seen"
    );
    assert_eq!(
        (findings[0].file.as_str(), findings[0].line),
        ("mutants.toml", Some(1))
    );
}
