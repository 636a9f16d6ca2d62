//! `avow test --coverage` and `--mutate` of the real binary: what they print, and what they exit with.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

const RULES: &str = "@id(\"members-read\") @clause(\"small-1\")
permit (principal is Small::User, action == Small::Action::\"read\", resource)
when { principal.member && context.n < 3 };

@id(\"nobody-when-closed\") @clause(\"small-2\")
forbid (principal, action == Small::Action::\"read\", resource)
when { context.closed };
";

const SCHEMA: &str = "namespace Small {
  entity User { member: Bool };
  entity Doc;
  action read appliesTo {
    principal: [User],
    resource: [Doc],
    context: { n: Long, closed: Bool }
  };
}
";

const CASES: &str = "defaults:
  principal: User::\"ada\"
  action: read
  resource: Doc::\"d\"
  context: { n: 0, closed: false }
entities:
  ada: { uid: 'User::\"ada\"', attrs: { member: true } }
  bob: { uid: 'User::\"bob\"', attrs: { member: false } }
use: [ada, bob]
cases:
  - name: a member reads up to three
    vary:
      - { context.n: 2, expect: allow }
      - { context.n: 3, expect: not_permitted }
  - name: nobody else does
    principal: User::\"bob\"
    expect: not_permitted
";

const CLOSED: &str = "  - name: what is closed is read by nobody
    context: { closed: true }
    expect: { outcome: forbidden, clauses: [small-2] }
";

/// A pack with these cases.
fn pack(cases: &str, more: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    let manifest =
        "[pack]\nname = \"small\"\ntitle = \"Small\"\nnamespace = \"Small\"\nversion = \"0.1.0\"\n";
    let files = [
        ("avow.toml", manifest),
        ("small.cedarschema", SCHEMA),
        ("rules.cedar", RULES),
        ("tests/cases.yaml", cases),
    ];
    for (path, text) in files.iter().chain(more) {
        fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn test(folder: &TempDir, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_avow"))
        .arg("test")
        .arg(folder.path())
        .args(flags)
        .output()
        .unwrap()
}

/// Standard output without its last line, which tells a time.
fn shown(out: &Output) -> String {
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    lines[..lines.len() - 1].join("\n")
}

#[test]
fn what_the_cases_do_not_show_is_listed_with_its_place() {
    let out = test(&pack(CASES, &[]), &["--coverage"]);
    assert_eq!(out.status.code(), Some(1));
    let expected = "\
clause              cases
small-1                 1
small-2                 0

rule                cases  branches
members-read            1  6/6  rules.cedar:1
nobody-when-closed      0  1/2  rules.cedar:5

uncovered `small-2`: no case's answer names the clause
rules.cedar:5:1: uncovered `nobody-when-closed`: the rule determines no case's answer
rules.cedar:7:8: uncovered `nobody-when-closed`: the `when` `context.closed` was never seen true

small: promises 0, rules 2, cases 3, clauses 1/2, rules 1/2, branches 7/8";
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&shown(&out)), squeezed(expected));
}

#[test]
fn a_change_that_no_case_notices_is_listed_with_its_place() {
    let out = test(&pack(CASES, &[]), &["--mutate"]);
    assert_eq!(out.status.code(), Some(1));
    let shown = shown(&out);
    let survivor = "rules.cedar:6:1: survived `nobody-when-closed`: swap-effect
  before  forbid
  after   permit";
    assert!(shown.contains(survivor), "{shown}");
    assert!(shown.contains("help: write a case"), "{shown}");
    let summary = shown.lines().last().unwrap();
    assert_eq!(
        summary,
        "small: promises 0, rules 2, cases 3, mutants 12/13 (3 equivalent, 0 invalid)"
    );
}

#[test]
fn cases_that_show_and_notice_everything_are_enough() {
    let out = test(
        &pack(&format!("{CASES}{CLOSED}"), &[]),
        &["--coverage", "--mutate"],
    );
    assert_eq!(out.status.code(), Some(0), "{}", shown(&out));
    let shown = shown(&out);
    assert!(
        !shown.contains("uncovered") && !shown.contains("survived"),
        "{shown}"
    );
    assert_eq!(
        shown.lines().last().unwrap(),
        "small: promises 0, rules 2, cases 4, clauses 2/2, rules 2/2, branches 8/8, mutants 13/13 (3 equivalent, 0 invalid)"
    );
}

#[test]
fn json_has_the_figures_and_what_is_missing() {
    let out = test(&pack(CASES, &[]), &["--coverage", "--mutate", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        report["measured"][0]["coverage"]["totals"]["branches"],
        serde_json::json!([7, 8])
    );
    let branch = &report["measured"][0]["coverage"]["rules"][1]["branches"][0];
    assert_eq!(
        (branch["seen_true"].as_u64(), branch["seen_false"].as_u64()),
        (Some(0), Some(3))
    );
    let survivor = &report["measured"][0]["mutation"]["survivors"][0];
    assert_eq!(survivor["rule"], "nobody-when-closed");
    assert_eq!(survivor["fate"], "survived");
}

#[test]
fn an_exception_that_is_not_needed_is_an_error_with_its_line() {
    let listed = "[[equivalent]]\nrule = \"members-read\"\nbefore = \"context.n < 3\"\nafter = \"context.n > 3\"\nreason = \"so I thought\"\n";
    let out = test(&pack(CASES, &[("mutants.toml", listed)]), &["--mutate"]);
    assert_eq!(out.status.code(), Some(1));
    let errors = String::from_utf8(out.stderr).unwrap();
    assert!(
        errors.contains("mutants.toml:1:")
            && errors.contains("the entry names no mutant that survives"),
        "{errors}"
    );
}
