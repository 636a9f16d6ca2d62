//! `avow test`, the real binary in a temporary folder: exit code, standard output and standard error.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use quick_xml::{Reader, events::Event};
use tempfile::TempDir;

use crate::root;

/// The OpSyn pack with these cases alone.
fn pack(cases: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for pack in ["base", "opsyn"] {
        let from = root().join("policies").join(pack);
        let to = folder.path().join(pack);
        fs::create_dir_all(to.join("tests")).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    fs::write(folder.path().join("opsyn/tests/cases.yaml"), cases).unwrap();
    folder
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avow"));
    command.args(["test", "opsyn"]).args(arguments);
    command.current_dir(folder.path());
    command
}

fn test(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Two entities, and a case after them.
const SHARED: &str = r#"defaults: { now: 2026-03-01T09:00:00Z, tenant: acme }
entities:
  ada: { uid: 'User::"ada"', attrs: { tenant: acme, role: admin } }
  log: { uid: 'Record::"log"', attrs: { tenant: acme, class: audit-log, holds: [], erasure_requested: false } }
use: [ada, log]
cases:
"#;

const SOUND: &str = r#"  - name: users look at their own
    clauses: [opsyn-isolation-1]
    principal: User::"ada"
    action: view
    resource: Record::"log"
    expect: { outcome: allow, rules: [view-own-tenant] }
"#;

/// Expects another outcome, and a rule that has nothing to do with it; its name is a trial for XML.
const FAILING: &str = r#"  - name: "another customer's <log> & \"more\" \u0007"
    clauses: [opsyn-isolation-1]
    principal: User::"ada"
    action: view
    resource: Record::"log"
    tenant: bolt
    expect: { outcome: allow, rules: [view-own-tenant], clauses: [opsyn-isolation-1], obligations: [certificate], until: none }
"#;

fn cases(parts: &[&str]) -> String {
    format!("{SHARED}{}", parts.concat())
}

/// Runs a pack in which one thing is wrong: it is named with its place, and nothing counts as passed.
#[track_caller]
fn refused(cases: &str, place: &str, message: &str, help: &str) {
    let folder = pack(cases);
    let (code, out, err) = test(&folder, &[]);
    assert_eq!(code, Some(1), "{out}{err}");
    for part in [
        &format!("--> tests/cases.yaml:{place}\n"),
        message,
        help,
        "^",
        "error: the cases of `opsyn` are not run: ",
    ] {
        assert!(err.contains(part), "{part} in:\n{err}");
    }
    assert!(
        out.contains("0 passed, 0 failed, 1 pack not run in "),
        "{out}"
    );
    let (code, out, err) = test(&folder, &["--json"]);
    assert_eq!(code, Some(1), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["passed"], &report["unread"]),
        (&0.into(), &1.into())
    );
    let (line, column) = place.split_once(':').unwrap();
    let number = |text: &str| serde_json::Value::from(text.parse::<u64>().unwrap());
    let (line, column) = (number(line), number(column));
    let found = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|finding| (&finding["line"], &finding["column"]) == (&line, &column));
    assert!(found, "{place} in:\n{out}");
}

/// The same for the sound case with something else in it.
#[track_caller]
fn refused_with(from: &str, to: &str, place: &str, message: &str, help: &str) {
    let sound = cases(&[SOUND]);
    let changed = sound.replacen(from, to, 1);
    assert_ne!(sound, changed);
    refused(&changed, place, message, help);
}

#[test]
fn whatever_is_wrong_with_a_case_is_shown_with_its_place() {
    refused_with(
        "cases:",
        "case:",
        "6:1",
        "a file of cases has no key `case`",
        "did you mean `cases`?",
    );
    refused_with(
        "    clauses:",
        "    clause:",
        "8:5",
        "a case has no key `clause`",
        "did you mean `clauses`?",
    );
    refused_with(
        ", rules:",
        ", rule:",
        "12:31",
        "`expect` has no key `rule`",
        "did you mean `rules`?",
    );
    refused_with(
        "[view-own-tenant]",
        "[view-own]",
        "12:39",
        "the pack has no rule `view-own`",
        "",
    );
    refused_with(
        "[opsyn-isolation-1]",
        "[opsyn-isolation-l]",
        "8:15",
        "the pack has no clause `opsyn-isolation-l`",
        "did you mean `opsyn-isolation-1`?",
    );
    refused_with(
        "[view-own-tenant]",
        "[], obligations: [certificat]",
        "12:56",
        "no obligation `certificat`",
        "did you mean `certificate`?",
    );
    refused_with(
        "outcome: allow",
        "outcome: allowed",
        "12:24",
        "`allowed` is no outcome",
        "did you mean `allow`?",
    );
    refused_with(
        "use: [ada,",
        "use: [adda,",
        "5:7",
        "`use` names `adda`",
        "did you mean `ada`?",
    );
    refused_with(
        "'Record::",
        "'Rekord::",
        "4:15",
        "no entity type `Rekord`",
        "did you mean `Record`?",
    );
    refused_with(
        "action: view",
        "action: vieww",
        "10:13",
        "no action `vieww`",
        "did you mean `view`?",
    );
    refused_with(
        "role: admin",
        "rolle: admin",
        "3:53",
        "ada.attrs.rolle: the schema declares no such attribute",
        "did you mean `role`?",
    );
    refused_with(
        "role: admin",
        "role: 7",
        "3:59",
        "ada.attrs.role: expected a string, found an integer",
        "",
    );
    refused_with(
        "    action",
        "    context: { tennant: acme }\n    action",
        "10:16",
        "context.tennant: the schema declares no such attribute",
        "did you mean `tenant`?",
    );
    refused_with(
        "03-01T09",
        "03-32T09",
        "1:18",
        "`now`: `2026-03-32T09:00:00Z` is no datetime",
        "one looks like",
    );
    refused_with(
        "    expect: {",
        "    expected: {",
        "7:11",
        "the case expects nothing",
        "add `expect: allow`",
    );
    refused(
        &cases(&[SOUND, SOUND]),
        "13:11",
        "another case is called `users look at their own`",
        "on line 7",
    );
    let vary = |row: &str| cases(&[SOUND, &format!("    vary:\n      - {{}}\n      - {row}\n")]);
    refused(
        &vary("{ contexts.use: x }"),
        "15:11",
        "`contexts.use` leads nowhere",
        "did you mean `context`?",
    );
    refused(
        &vary("{ tenant.id: x }"),
        "15:11",
        "`tenant.id` leads nowhere: `tenant` is a string",
        "",
    );
    refused(
        &vary("{ expect: null }"),
        "15:9",
        "the case expects nothing",
        "",
    );
    refused("cases: [\n", "1:8", "no YAML: ", "");
}

#[test]
fn an_entity_that_no_case_uses_is_a_warning() {
    let folder =
        pack(&cases(&[SOUND]).replacen("use:", "  bob: { uid: 'User::\"bob\"' }\nuse:", 1));
    let (code, out, err) = test(&folder, &["--filter", "look"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        err.starts_with("warning[case-unused]: no case uses the entity `bob`\n"),
        "{err}"
    );
    assert!(out.contains("1 passed, 0 failed in "), "{out}");
    let (_, _, err) = test(&folder, &["--filter", "look", "--quiet"]);
    assert_eq!(err, "");
}

#[test]
fn a_failing_case_is_shown_with_what_it_asked_and_what_decided() {
    let folder = pack(&cases(&[SOUND, FAILING]));
    let (code, out, err) = test(&folder, &["--clause", "opsyn-isolation-1"]);
    assert_eq!(code, Some(1), "{err}");
    assert_eq!(err, "");
    for part in [
        "failed another customer's <log>",
        "\n  opsyn/tests/cases.yaml:13\n",
        "\n  principal    User::\"ada\"\n                 tenant: acme\n                 role: admin\n",
        "\n  action       view\n",
        "\n  resource     Record::\"log\"\n",
        "\n  tenant       bolt\n",
        "\n  now          2026-03-01T09:00:00Z\n",
        "\n  outcome      expected allow, found forbidden\n",
        "\n  rules        + isolation-host  (found)\n",
        "- view-own-tenant  (expected)\n",
        "\n  obligations  - certificate  (expected)\n",
        "\n  until        expected none, found never\n",
        "\n  isolation-host forbids (opsyn/../base/isolation.cedar:",
        "context.tenant is ",
        "1 passed, 1 failed in ",
        " cases a second, start-up included)\n",
    ] {
        assert!(out.contains(part), "{part} in:\n{out}");
    }
    assert!(
        out.trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("1 passed, 1 failed in ")
    );
}

#[test]
fn cases_are_chosen_by_text_rule_and_clause() {
    let folder = pack(&cases(&[SOUND, FAILING]));
    let names = |arguments: &[&str]| {
        let (code, out, err) = test(&folder, &[arguments, &["--list"]].concat());
        assert_eq!(code, Some(if out.is_empty() { 2 } else { 0 }), "{err}");
        out.lines()
            .map(|line| line.split(": ").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (first, second) = ("opsyn/tests/cases.yaml:7", "opsyn/tests/cases.yaml:13");
    assert_eq!(names(&[]), [first, second]);
    assert_eq!(names(&["--filter", "their own"]), [first]);
    assert_eq!(
        names(&["--filter", "their own", "--filter", "<log>"]),
        [first, second]
    );
    assert_eq!(names(&["--rule", "isolation-host"]), [second]);
    assert_eq!(
        names(&["--filter", "their own", "--rule", "isolation-host"]),
        [""; 0]
    );
    assert_eq!(names(&["--clause", "opsyn-isolation-1"]), [first, second]);
    assert_eq!(names(&["--clause", "opsyn-cookies"]), [""; 0]);
}

#[test]
fn junit_is_well_formed_whatever_names_say() {
    let folder = pack(&cases(&[SOUND, FAILING]));
    let (code, _, err) = test(&folder, &["--junit", "out.xml", "--filter", "cases.yaml"]);
    assert_eq!(code, Some(1), "{err}");
    let xml = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert!(!xml.contains('\u{7}'), "{xml}");
    let mut reader = Reader::from_str(&xml);
    let mut seen = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => {
                let element = tag.name().as_ref().to_owned();
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = attribute
                        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                        .unwrap()
                        .into_owned();
                    (attribute.key.as_ref().to_owned(), value)
                });
                seen.push((
                    element,
                    attributes.collect::<std::collections::BTreeMap<_, _>>(),
                ));
            }
            Event::Text(part) => text += &part,
            _ => {}
        }
    }
    let elements: Vec<_> = seen.iter().map(|(element, _)| element.as_str()).collect();
    assert_eq!(
        elements,
        ["testsuites", "testsuite", "testcase", "testcase", "failure"]
    );
    let attribute = |number: usize, key: &str| seen[number].1[key].as_str();
    for element in [0, 1] {
        assert_eq!(
            (attribute(element, "tests"), attribute(element, "failures")),
            ("2", "1")
        );
        assert_eq!(attribute(element, "errors"), "0");
    }
    assert_eq!(attribute(1, "name"), "opsyn/tests/cases.yaml");
    assert_eq!(attribute(2, "name"), "users look at their own");
    assert_eq!(
        attribute(3, "name"),
        "another customer's <log> & \"more\" \u{FFFD}"
    );
    assert_eq!(
        (attribute(3, "file"), attribute(3, "line")),
        ("opsyn/tests/cases.yaml", "13")
    );
    assert!(
        attribute(4, "message").starts_with("outcome: expected allow, found forbidden; rules: ")
    );
    assert!(text.contains("isolation-host forbids"), "{text}");
    let wrong = pack("cases: [\n");
    let (code, _, _) = test(&wrong, &["--junit", "out.xml"]);
    assert_eq!(code, Some(1));
    let xml = fs::read_to_string(wrong.path().join("out.xml")).unwrap();
    assert!(
        xml.contains("errors=\"1\"") && xml.contains("<error type=\"case\""),
        "{xml}"
    );
}

#[test]
fn several_threads_and_several_packs_say_the_same_in_the_same_order() {
    let many: Vec<_> = (0..300)
        .map(|number| FAILING.replacen("another", &format!("{number} another"), 1))
        .collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let folder = pack(&cases(&many));
    // What took how long is on the last line, which is left out.
    let without_time = |out: &str| out.trim_end().rsplit_once('\n').unwrap().0.to_owned();
    let (code, serial, _) = test(&folder, &["--jobs", "1"]);
    assert_eq!(code, Some(1));
    assert_eq!(serial.matches("\n  outcome ").count(), 300);
    let (_, parallel, _) = test(&folder, &["--jobs", "7"]);
    assert_eq!(without_time(&serial), without_time(&parallel));
    let (_, json, _) = test(&folder, &["--jobs", "1", "--json"]);
    assert_eq!(json, test(&folder, &["--jobs", "7", "--json"]).1);
    let (_, twice, _) = test(&folder, &["opsyn", "--quiet"]);
    assert!(
        twice.contains("\n0 passed, 600 failed, "),
        "{}",
        without_time(&twice).len()
    );
}

#[test]
fn a_change_is_noticed_and_the_cases_are_run_again() {
    let folder = pack(&cases(&[FAILING]));
    let mut child = command(&folder, &["--watch", "--filter", "another", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    let sends = sender.clone();
    thread::spawn(move || {
        out.lines()
            .for_each(|line| sends.send(line.unwrap()).unwrap_or(()))
    });
    let err = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        err.lines()
            .for_each(|line| sender.send(line.unwrap()).unwrap_or(()))
    });
    let mut wait_for = |text: &str| loop {
        let line = lines.recv_timeout(Duration::from_secs(60));
        match line {
            Ok(line) if line.contains(text) => break,
            Ok(_) => {}
            Err(error) => {
                child.kill().unwrap();
                panic!("no `{text}`: {error}");
            }
        }
    };
    wait_for("waiting for changes in 1 pack");
    let right = FAILING.replacen("tenant: bolt", "tenant: acme", 1);
    let right = right.replacen(", rules: [view-own-tenant], clauses: [opsyn-isolation-1], obligations: [certificate], until: none", "", 1);
    fs::write(
        folder.path().join("opsyn/tests/cases.yaml"),
        cases(&[&right]),
    )
    .unwrap();
    wait_for("1 passed, 0 failed in ");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_packs_share_has_no_cases_and_is_said_so() {
    let folder = pack(&cases(&[SOUND]));
    let (code, out, _) = test(&folder, &["base", "--filter", "users look"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("base has no cases of its own\n"), "{out}");
    let mut alone = Command::new(env!("CARGO_BIN_EXE_avow"));
    let alone = alone.args(["test", "base"]).current_dir(folder.path());
    let Output { status, stderr, .. } = alone.output().unwrap();
    assert_eq!(status.code(), Some(2));
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(stderr.contains("name a pack that uses it"), "{stderr}");
}

#[test]
fn a_file_whose_name_is_a_slip_is_not_skipped_in_silence() {
    let folder = pack(&cases(&[SOUND]));
    let slip = folder.path().join("opsyn/tests/more.yml");
    fs::write(&slip, "garbage ][").unwrap();
    let (code, out, err) = test(&folder, &[]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("nothing reads `tests/more.yml`"), "{err}");
    assert!(err.contains("call it `tests/more.yaml`"), "{err}");
    assert!(!out.contains("passed"), "{out}");
}

#[test]
fn a_name_does_not_steer_the_terminal_and_a_full_disk_is_no_panic() {
    let hostile = SOUND.replacen("users look at their own", "\"\\e[31mred \\u202e\"", 1);
    let folder = pack(&cases(&[&hostile]));
    let (code, out, err) = test(&folder, &["--list"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("(U+001B)[31mred (U+202E)"), "{out}");
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    if let Ok(full) = full {
        let Output { status, stderr, .. } = command(&folder, &[]).stdout(full).output().unwrap();
        assert_eq!(status.code(), Some(3));
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(
            stderr.contains("cannot write to standard output"),
            "{stderr}"
        );
    }
}
