//! `avow explain` as people call it: by case, by flags, by file; what comes next, and what would allow it.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::text;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avow"));
    command
        .args(["explain", "policies/opsyn"])
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    command
}

fn explain(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What it prints, where it exits with 0.
#[track_caller]
fn shown(arguments: &[&str]) -> String {
    let out = explain(arguments);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    text(&out.stdout)
}

/// What it says on standard error, where it exits with 2.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let out = explain(arguments);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stdout));
    text(&out.stderr)
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let whole: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&shown(&whole)).unwrap()
}

#[track_caller]
fn has(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
}

/// Ada of Acme and two records, in a file.
fn entities(folder: &TempDir) -> String {
    let path = folder.path().join("entities.yaml");
    fs::write(
        &path,
        r#"
- { uid: 'User::"ada"', attrs: { tenant: acme, role: member } }
- { uid: 'Record::"order"', attrs: { tenant: acme, class: operational-record, holds: [], erasure_requested: false } }
"#,
    )
    .unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_case_is_drawn_out_with_source_promise_and_values() {
    let shown = shown(&["--case", "analytics script loads after acceptance"]);
    has(
        &shown,
        &[
            "allow\n  analytics-load permits (cookies.cedar:",
            "    opsyn-cookies-2: ",
            "    | @id(\"analytics-load\")\n",
            "    |   context has choice &&\n",
            "  the same until 2027-03-01T09:00:00Z\n",
            "    context has choice is true\n",
            "refused-service-or-storage does not forbid (../base/refusal.cedar:",
        ],
    );
}

#[test]
fn a_name_that_fits_several_cases_lists_them_with_their_places() {
    let said = refused(&["--case", "data"]);
    has(
        &said,
        &[
            "the names of several cases contain `data`",
            "tests/isolation.yaml:",
            "tests/residency.yaml:",
        ],
    );
}

#[test]
fn a_name_that_is_nearly_right_is_guessed() {
    let said = refused(&["--case", "analytics scirpt laods"]);
    has(
        &said,
        &[
            "no case is called `analytics scirpt laods`; did you mean `the analytics script loads",
            "tests/cookies-after-a-choice.yaml:",
        ],
    );
    let said = refused(&["--case", "zzz"]);
    assert!(!said.contains("did you mean"), "{said}");
}

#[test]
fn an_exact_name_wins_over_those_that_contain_it() {
    let name = "nor its cookies";
    let found = json(&["--case", &format!("{name} [row 3]")]);
    assert_eq!(found["case"], format!("{name} [row 3]"));
    assert_eq!(found["outcome"], "allow");
}

#[test]
fn flags_make_a_request() {
    let folder = TempDir::new().unwrap();
    let entities = entities(&folder);
    let asked = |principal: &str| {
        shown(&[
            "--principal",
            principal,
            "--action",
            "view",
            "--resource",
            "Record::\"order\"",
            "--context",
            "{}",
            "--entities",
            &entities,
            "--tenant",
            "acme",
            "--at",
            "2026-03-01",
        ])
    };
    let quoted = asked("User::\"ada\"");
    has(
        &quoted,
        &["allow\n  view-own-tenant permits (isolation.cedar:"],
    );
    // Shells eat quotes.
    assert_eq!(asked("User::ada"), quoted);
    let said = refused(&["--principal", "User::\"ada\"", "--action", "view"]);
    has(&said, &["--resource"]);
    let said = refused(&["--action", "view"]);
    has(&said, &["--principal"]);
}

#[test]
fn a_request_in_yaml_or_json_or_from_standard_input_is_the_same() {
    let folder = TempDir::new().unwrap();
    let yaml = r#"
principal: Visitor::"visitor"
action: process
resource: Purpose::"analytics"
now: 2026-03-01
context: { surface: app, jurisdiction: gb, gpc: false }
"#;
    let json = r#"{ "principal": "Visitor::\"visitor\"", "action": "process", "resource": "Purpose::\"analytics\"",
        "now": "2026-03-01", "context": { "surface": "app", "jurisdiction": "gb", "gpc": false } }"#;
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let from_yaml = shown(&["--request", &write("request.yaml", yaml)]);
    has(
        &from_yaml,
        &["forbidden\n  analytics-site-only-process forbids"],
    );
    assert_eq!(
        shown(&["--request", &write("request.json", json)]),
        from_yaml
    );
    let mut child = command(&["--request", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(yaml.as_bytes())
        .unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), from_yaml);
    let said = refused(&["--request", &write("broken", "{ \"principal\": ")]);
    has(&said, &["is neither JSON nor YAML"]);
}

#[test]
fn what_the_answer_turns_to_is_said_with_its_instant() {
    let case = "an encrypted backup stays until the day that it expires, and no longer [row 1]";
    let shown = shown(&["--case", case, "--next"]);
    has(&shown, &["  next: not_permitted from 2026-06-01 on\n"]);
    let found = json(&["--case", case, "--next"]);
    assert_eq!(found["next"]["at"], 1_780_272_000_000_i64);
    assert_eq!(found["next"]["verdict"]["outcome"], "not_permitted");
    // At that very instant it has turned, and there is nothing to come.
    let found = json(&["--case", case, "--next", "--at", "2026-06-01"]);
    assert_eq!(found["outcome"], "not_permitted");
    assert_eq!(found["next"]["when"], "never");
}

#[test]
fn a_deny_says_what_would_allow_it_and_that_is_so() {
    let case = "it goes from that day on [row 2]";
    let shown = shown(&["--case", case, "--why-not"]);
    has(
        &shown,
        &[
            "not_permitted\n",
            "  1. (by purge-expired-backup)\n     it is asked at 2026-06-01, 1ms later  [time does it]\n     obligation: certificate\n",
            "OpSyn::Backup::\"ended-backup\".encrypted is false, not true  [a fact of the system]",
        ],
    );
    // What it says is so.
    let found = json(&["--case", case, "--at", "2026-06-01"]);
    assert_eq!(found["outcome"], "allow");
}

#[test]
fn why_not_as_json_has_place_value_and_hand() {
    let found = json(&[
        "--case",
        "the application has no analytics, whatever was accepted [row 1]",
        "--why-not",
    ]);
    let ways = found["why_not"]["ways"].as_array().unwrap();
    assert_eq!(ways.len(), 1);
    let change = &ways[0]["changes"][0];
    assert_eq!(change["place"], "context.surface");
    assert_eq!(change["before"], "\"app\"");
    assert_eq!(change["after"], "\"site\"");
    assert_eq!(change["by"], "caller");
    assert_eq!(ways[0]["rules"][0], "analytics-load");
    assert_eq!(found["why_not"]["exhausted"], true);
}

#[test]
fn what_nothing_allows_is_said_to_be_so() {
    let folder = TempDir::new().unwrap();
    let shown = shown(&[
        "--principal",
        "User::ada",
        "--action",
        "delete",
        "--resource",
        "Record::order",
        "--entities",
        &entities(&folder),
        "--tenant",
        "acme",
        "--at",
        "2026-03-01",
        "--why-not",
    ]);
    has(
        &shown,
        &[
            "nothing within 3 changes would allow it",
            "note: no rule permits OpSyn::Action::\"delete\", to anyone",
        ],
    );
}

#[test]
fn colours_are_as_they_are_asked_for() {
    let case = "analytics script loads after acceptance";
    let always = shown(&["--case", case, "--color", "always"]);
    let never = shown(&["--case", case, "--color", "never"]);
    assert!(always.starts_with("\u{1b}["), "{always:?}");
    assert!(!never.contains('\u{1b}'), "{never:?}");
    // A pipe is no terminal.
    assert_eq!(shown(&["--case", case]), never);
}
