//! Each kind of mutant of a small rule: what becomes of the text, and which case notices.

use avow_compiler::mutate::{Fate, Mutant, mutate};
use avow_tests::small::Small;

#[track_caller]
fn mutants(pack: &Small) -> Vec<Mutant> {
    mutate(&pack.files, &pack.compiled, &pack.cases, &mut |_, _| {}).unwrap()
}

/// A fate in a word.
fn fate(mutant: &Mutant) -> String {
    match &mutant.fate {
        Fate::Killed { case } => format!("killed by {case}"),
        Fate::Invalid => "invalid".to_owned(),
        Fate::Survived => "survived".to_owned(),
        Fate::Equivalent { .. } => "equivalent".to_owned(),
    }
}

/// The mutants of one kind of a rule `permit (<user>, <read>, resource)` with a condition.
#[track_caller]
fn check(kind: &str, condition: &str, cases: &[&str], expect: &[(&str, &str, &str)]) {
    let rule = format!(
        "permit (principal is Small::User, action == Small::Action::\"read\", resource) {condition};"
    );
    check_rule(kind, &rule, cases, expect);
}

#[track_caller]
fn check_rule(kind: &str, rule: &str, cases: &[&str], expect: &[(&str, &str, &str)]) {
    let mutants = mutants(&Small::new(rule, cases));
    let found: Vec<_> = mutants
        .iter()
        .filter(|mutant| mutant.kind == kind)
        .map(|mutant| (mutant.before.as_str(), mutant.after.as_str(), fate(mutant)))
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|(before, after, fate)| (*before, *after, fate.as_str()))
        .collect();
    assert_eq!(found, expect);
}

const FLAG: &str = "context: { flag: true }\n    expect: allow";
const NO_FLAG: &str = "expect: not_permitted";
const OTHER_DOC: &str = "resource: Doc::\"e\"\n    expect: not_permitted";

#[test]
fn a_condition_is_dropped() {
    let dropped = |fate| [("when { context.flag }", "", fate)];
    check(
        "drop-condition",
        "when { context.flag }",
        &[FLAG, NO_FLAG],
        &dropped("killed by 1"),
    );
    check(
        "drop-condition",
        "when { context.flag }",
        &[FLAG],
        &dropped("survived"),
    );
}

#[test]
fn a_condition_is_negated() {
    check(
        "negate-condition",
        "when { context.flag } unless { resource.open }",
        &["resource: Doc::\"e\"\n    context: { flag: true }\n    expect: allow"],
        &[
            (
                "when { context.flag }",
                "unless { context.flag }",
                "killed by 0",
            ),
            (
                "unless { resource.open }",
                "when { resource.open }",
                "killed by 0",
            ),
        ],
    );
}

#[test]
fn an_operand_is_dropped_wherever_it_stands() {
    check(
        "drop-operand",
        "when { context.flag && // why\n resource.open && context.n < 3 }",
        &[
            FLAG,
            NO_FLAG,
            "context: { flag: true, n: 3 }\n    expect: not_permitted",
        ],
        &[
            (
                "context.flag && resource.open",
                "resource.open",
                "killed by 1",
            ),
            ("context.flag && resource.open", "context.flag", "survived"),
            (
                "resource.open && context.n < 3",
                "resource.open",
                "killed by 2",
            ),
        ],
    );
}

#[test]
fn an_operator_is_swapped() {
    check(
        "swap-operator",
        "when { context.flag || resource.open && context.n > 1 }",
        &[FLAG, NO_FLAG],
        &[
            (
                "context.flag || resource.open && context.n > 1",
                "context.flag && resource.open && context.n > 1",
                "killed by 0",
            ),
            (
                "resource.open && context.n > 1",
                "resource.open || context.n > 1",
                "killed by 1",
            ),
        ],
    );
}

#[test]
fn a_negation_is_dropped() {
    check(
        "drop-not",
        "when { !context.flag }",
        &["expect: allow"],
        &[("!context.flag", "context.flag", "killed by 0")],
    );
}

#[test]
fn a_comparison_is_moved_to_its_neighbour_and_turned_round() {
    check(
        "flip-comparison",
        "when { context.n < 3 } when { context.n != 0 } when { \"member\" == principal.role || context.n >= 1 }",
        &[
            "context: { n: 2 }\n    expect: allow",
            "context: { n: 3 }\n    expect: not_permitted",
            "context: { n: 1 }\n    expect: allow",
        ],
        &[
            ("context.n < 3", "context.n <= 3", "killed by 1"),
            ("context.n < 3", "context.n > 3", "killed by 0"),
            ("context.n != 0", "context.n == 0", "killed by 0"),
            (
                "\"member\" == principal.role",
                "\"member\" != principal.role",
                "survived",
            ),
            ("context.n >= 1", "context.n > 1", "killed by 2"),
            ("context.n >= 1", "context.n <= 1", "killed by 0"),
        ],
    );
}

#[test]
fn boundaries_move_by_the_least_step() {
    check(
        "move-boundary",
        "when { context.n < 3 && context.rate.lessThan(decimal(\"1.5\")) &&
          context.now < datetime(\"2024-03-01\").offset(duration(\"730d\")) }",
        &[
            "context: { n: 2 }\n    expect: allow",
            "context: { n: 3 }\n    expect: not_permitted",
            "context: { rate: \"1.4999\" }\n    expect: allow",
            "context: { rate: \"1.5\" }\n    expect: not_permitted",
            "now: 2026-02-28T23:59:59.999Z\n    expect: allow",
            "now: 2026-03-01T00:00:00Z\n    expect: not_permitted",
        ],
        &[
            ("context.n < 3", "context.n < 4", "killed by 1"),
            ("context.n < 3", "context.n < 2", "killed by 0"),
            (
                "context.rate.lessThan(decimal(\"1.5\"))",
                "context.rate.lessThan(decimal(\"1.5001\"))",
                "killed by 3",
            ),
            (
                "context.rate.lessThan(decimal(\"1.5\"))",
                "context.rate.lessThan(decimal(\"1.4999\"))",
                "killed by 2",
            ),
            (
                "context.now < datetime(\"2024-03-01\").offset(duration(\"730d\"))",
                "context.now < datetime(\"2024-03-01T00:00:00.001Z\").offset(duration(\"730d\"))",
                "killed by 5",
            ),
            (
                "context.now < datetime(\"2024-03-01\").offset(duration(\"730d\"))",
                "context.now < datetime(\"2024-02-29T23:59:59.999Z\").offset(duration(\"730d\"))",
                "killed by 4",
            ),
            (
                "context.now < datetime(\"2024-03-01\").offset(duration(\"730d\"))",
                "context.now < datetime(\"2024-03-01\").offset(duration(\"730d1ms\"))",
                "killed by 5",
            ),
            (
                "context.now < datetime(\"2024-03-01\").offset(duration(\"730d\"))",
                "context.now < datetime(\"2024-03-01\").offset(duration(\"729d23h59m59s999ms\"))",
                "killed by 4",
            ),
        ],
    );
}

#[test]
fn an_effect_is_swapped() {
    let rules = "permit (principal, action, resource); forbid (principal, action == Small::Action::\"write\", resource);";
    check_rule(
        "swap-effect",
        rules,
        &[
            "expect: allow",
            "action: write\n    expect: { outcome: forbidden }",
        ],
        &[
            ("permit", "forbid", "killed by 0"),
            ("forbid", "permit", "killed by 1"),
        ],
    );
}

#[test]
fn a_scope_is_widened() {
    check_rule(
        "widen-scope",
        "permit (principal is Small::User in Small::Team::\"core\", action == Small::Action::\"read\", resource == Small::Doc::\"d\") when { context.n == 0 };",
        &[
            "expect: allow",
            OTHER_DOC,
            "principal: User::\"bob\"\n    expect: not_permitted",
            "action: write\n    expect: not_permitted",
        ],
        &[
            (
                "principal is Small::User in Small::Team::\"core\"",
                "principal",
                "killed by 2",
            ),
            (
                "principal is Small::User in Small::Team::\"core\"",
                "principal in Small::Team::\"core\"",
                "equivalent",
            ),
            (
                "principal is Small::User in Small::Team::\"core\"",
                "principal is Small::User",
                "killed by 2",
            ),
            ("action == Small::Action::\"read\"", "action", "killed by 3"),
            ("resource == Small::Doc::\"d\"", "resource", "killed by 1"),
        ],
    );
}

#[test]
fn a_type_that_the_schema_implies_may_be_left_out() {
    check_rule(
        "widen-scope",
        "permit (principal is Small::Robot, action == Small::Action::\"wipe\", resource is Small::Doc);",
        &[
            "principal: Robot::\"rob\"\n    action: wipe\n    context: { n: null, rate: null, flag: null }\n    expect: allow",
        ],
        &[
            ("principal is Small::Robot", "principal", "equivalent"),
            ("action == Small::Action::\"wipe\"", "action", "survived"),
            ("resource is Small::Doc", "resource", "equivalent"),
        ],
    );
}

#[test]
fn a_scope_is_narrowed() {
    check_rule(
        "narrow-scope",
        "permit (principal, action in [Small::Action::\"read\", Small::Action::\"write\"], resource);",
        &["expect: allow"],
        &[
            (
                "action in [Small::Action::\"read\", Small::Action::\"write\"]",
                "action in [Small::Action::\"write\"]",
                "killed by 0",
            ),
            (
                "action in [Small::Action::\"read\", Small::Action::\"write\"]",
                "action in [Small::Action::\"read\"]",
                "survived",
            ),
        ],
    );
}

#[test]
fn elements_of_sets_are_dropped() {
    check(
        "drop-element",
        "when { [\"admin\", \"owner\"].contains(principal.role) }",
        &["expect: allow"],
        &[
            ("[\"admin\", \"owner\"]", "[\"owner\"]", "killed by 0"),
            ("[\"admin\", \"owner\"]", "[\"admin\"]", "survived"),
        ],
    );
}

#[test]
fn literals_are_replaced_by_others_of_their_kind() {
    check(
        "replace-string",
        "when { principal.role == \"admin\" || principal.role == \"owner\" || resource.tags.contains(\"z\") }",
        &["expect: allow"],
        &[
            (
                "principal.role == \"admin\"",
                "principal.role == \"owner\"",
                "killed by 0",
            ),
            (
                "principal.role == \"owner\"",
                "principal.role == \"admin\"",
                "survived",
            ),
            (
                "resource.tags.contains(\"z\")",
                "resource.tags.contains(\"\")",
                "survived",
            ),
        ],
    );
    check_rule(
        "replace-entity",
        "permit (principal == Small::User::\"ada\", action, resource) when { resource.owner == Small::User::\"bob\" };",
        &["resource: Doc::\"e\"\n    expect: allow"],
        &[
            (
                "principal == Small::User::\"ada\"",
                "principal == Small::User::\"bob\"",
                "killed by 0",
            ),
            (
                "resource.owner == Small::User::\"bob\"",
                "resource.owner == Small::User::\"ada\"",
                "killed by 0",
            ),
        ],
    );
}

#[test]
fn a_question_whether_something_is_there_is_dropped() {
    check(
        "drop-has",
        "when { context has extra && context.extra.deep } unless { resource has note }",
        &["context: { extra: { deep: true } }\n    expect: allow"],
        &[
            ("context has extra", "true", "invalid"),
            ("resource has note", "true", "killed by 0"),
        ],
    );
}

#[test]
fn what_an_if_leads_to_is_swapped() {
    check(
        "swap-branches",
        "when { if context.flag then context.n > 1 else resource.open }",
        &["expect: allow"],
        &[(
            "if context.flag then context.n > 1 else resource.open",
            "if context.flag then resource.open else context.n > 1",
            "killed by 0",
        )],
    );
}

#[test]
fn sums_sets_and_truths_are_swapped() {
    check(
        "swap-arithmetic",
        "when { context.n + 1 < 2 }",
        &["context: { n: 1 }\n    expect: not_permitted"],
        &[("context.n + 1", "context.n - 1", "killed by 0")],
    );
    check(
        "swap-contains",
        "when { resource.tags.containsAll([\"a\", \"b\"]) }",
        &["expect: allow", OTHER_DOC],
        &[(
            "resource.tags.containsAll([\"a\", \"b\"])",
            "resource.tags.containsAny([\"a\", \"b\"])",
            "killed by 1",
        )],
    );
    check(
        "flip-literal",
        "when { context.flag == true }",
        &[FLAG],
        &[("true", "false", "killed by 0")],
    );
    check_rule(
        "drop-in",
        "permit (principal, action, resource) when { principal is Small::User in Small::Team::\"core\" };",
        &["principal: User::\"bob\"\n    expect: not_permitted"],
        &[(
            "principal is Small::User in Small::Team::\"core\"",
            "principal is Small::User",
            "killed by 0",
        )],
    );
}

#[test]
fn an_obligation_is_dropped() {
    check_rule(
        "drop-obligation",
        "@obligation(\"audit tell\") permit (principal, action, resource);",
        &[
            "expect: allow",
            "expect: { outcome: allow, obligations: [audit, tell] }",
        ],
        &[
            (
                "@obligation(\"audit tell\")",
                "@obligation(\"tell\")",
                "killed by 1",
            ),
            (
                "@obligation(\"audit tell\")",
                "@obligation(\"audit\")",
                "killed by 1",
            ),
        ],
    );
}

#[test]
fn what_a_case_does_not_say_is_not_compared() {
    let rules =
        "@id(\"a\") @clause(\"x\") permit (principal, action, resource) when { context has flag };
      @id(\"b\") @clause(\"z\") permit (principal, action, resource) when { principal has role };";
    let negated = |case: &str| {
        let mutants = mutants(&Small::new(rules, &[case]));
        let of = |rule: &str| {
            let found = mutants
                .iter()
                .find(|of| of.rule == rule && of.kind == "negate-condition");
            fate(found.unwrap())
        };
        [of("a"), of("b")]
    };
    assert_eq!(negated("expect: allow"), ["survived", "survived"]);
    assert_eq!(
        negated("expect: { outcome: allow, clauses: [x, z] }"),
        ["killed by 0", "killed by 0"]
    );
    assert_eq!(
        negated("expect: { outcome: allow, rules: [a, b] }"),
        ["killed by 0", "killed by 0"]
    );
}

#[test]
fn a_forbid_that_begins_to_fail_is_noticed() {
    let rules = "permit (principal, action, resource);
      forbid (principal, action == Small::Action::\"read\", resource) when { context.flag && context.n * 4611686018427387904 > 0 };";
    let mutants = mutants(&Small::new(
        rules,
        &["context: { n: 8 }\n    expect: allow"],
    ));
    let dropped = mutants
        .iter()
        .find(|of| of.kind == "drop-operand" && !of.after.starts_with("context.flag"));
    // The operand that kept it from overflowing is gone: `failed` is no allow.
    assert_eq!(fate(dropped.unwrap()), "killed by 0");
}

#[test]
fn cases_that_fail_notice_nothing() {
    let pack = Small::new(
        "permit (principal, action, resource);",
        &["expect: forbidden"],
    );
    let fates: Vec<_> = mutants(&pack).iter().map(fate).collect();
    assert_eq!(fates, ["survived"]);
}

#[test]
fn a_template_changes_for_all_its_links_at_once() {
    let template = "@id(\"own\") permit (principal == ?principal, action, resource) when { principal has role };";
    let links = r#"[
      {"template_id": "own", "link_id": "for-ada", "args": {"?principal": "Small::User::\"ada\""}},
      {"template_id": "own", "link_id": "for-bob", "args": {"?principal": "Small::User::\"bob\""}}
    ]"#;
    let cases = ["principal: User::\"bob\"\n    expect: allow"];
    let pack = Small::with(template, &cases, &[("rules.links.json", links)]);
    let found: Vec<_> = mutants(&pack)
        .iter()
        .map(|of| (of.rule.clone(), of.kind, fate(of)))
        .collect();
    let of = |kind, fate: &str| ("for-ada".to_owned(), kind, fate.to_owned());
    assert_eq!(
        found,
        [
            // Without its slot the links would have nothing to fill: no such pack compiles.
            of("swap-effect", "killed by 0"),
            of("drop-condition", "survived"),
            of("negate-condition", "killed by 0"),
            of("drop-has", "survived"),
        ]
    );
}

#[test]
fn equivalent_mutants_are_listed_with_the_reason_and_needed() {
    let rule = "@id(\"r\") permit (principal, action, resource) when { context has flag };";
    let entry = |before: &str, reason: &str| {
        format!(
            "[[equivalent]]\nrule = \"r\"\nbefore = '{before}'\nafter = ''\nreason = \"{reason}\"\n"
        )
    };
    let with = |listed: &str| Small::with(rule, &["expect: allow"], &[("mutants.toml", listed)]);
    let listed = with(&entry("when {  context has flag }", "the schema wants it"));
    let dropped = mutants(&listed);
    let dropped = dropped.iter().find(|of| of.kind == "drop-condition");
    let reason = "the schema wants it".to_owned();
    assert_eq!(dropped.unwrap().fate, Fate::Equivalent { reason });
    for (listed, message) in [
        (
            entry("when { context has n }", "none"),
            "the entry names no mutant that survives",
        ),
        (
            entry("when { context has flag }", " "),
            "the entry gives no reason",
        ),
        (
            entry("when { context has flag }", "once")
                + &entry("when { context has flag }", "again"),
            "the entry names no mutant that survives",
        ),
    ] {
        let pack = with(&listed);
        let result = mutate(&pack.files, &pack.compiled, &pack.cases, &mut |_, _| {});
        assert_eq!(result.unwrap_err()[0].message, message);
    }
}

#[test]
fn a_mutant_is_applied_to_the_files() {
    let pack = Small::new(
        "// é\npermit (principal, action, resource) when { 1 < 2 };",
        &["expect: allow"],
    );
    let mutants = mutants(&pack);
    let of = mutants
        .iter()
        .find(|of| of.kind == "flip-comparison")
        .unwrap();
    assert_eq!((of.line, of.column), (2, 47));
    assert_eq!(
        of.apply(&pack.files)["rules.cedar"],
        "// é\npermit (principal, action, resource) when { 1 <= 2 };"
    );
}

#[test]
fn mutants_of_a_pack_that_is_not_validated_are_not_either() {
    let mut pack = Small::new(
        "permit (principal, action, resource) when { context has flag };",
        &["expect: allow"],
    );
    pack.compiled = avow_compiler::compile_unvalidated(&pack.files).unwrap();
    assert!(mutants(&pack).iter().all(|of| of.fate != Fate::Invalid));
}
