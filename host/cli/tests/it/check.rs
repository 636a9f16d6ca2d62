//! `avow check`, the real binary on packs in temporary folders.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{command, copy, root, text};

fn avow(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A copy of the OpSyn pack and of what it uses.
struct Pack(TempDir);

impl Pack {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for pack in ["base", "opsyn"] {
            copy(
                &root().join("policies").join(pack),
                &folder.path().join(pack),
            );
        }
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().join("opsyn").to_str().unwrap().to_owned()
    }

    fn file(&self, file: &str) -> PathBuf {
        self.0.path().join("opsyn").join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.file(file)).unwrap()
    }

    fn change(&self, file: &str, change: impl Fn(&str) -> String) -> &Self {
        let before = self.read(file);
        let after = change(&before);
        assert_ne!(before, after, "the change changes something");
        fs::write(self.file(file), after).unwrap();
        self
    }

    fn check(&self, more: &[&str]) -> Output {
        avow(&[&["check", &self.path()], more].concat())
    }
}

/// A rule that contradicts itself.
const NEVER: &str = "\n@id(\"never\") @clause(\"opsyn-cookies-1\")\nforbid (principal is Avow::Visitor, action == OpSyn::Action::\"load\", resource)\nwhen { context.surface == \"site\" && context.gpc && context.surface == \"app\" };\n";

#[test]
fn packs_and_what_they_share_are_checked_together() {
    let out = avow(&[
        "check",
        "policies/base",
        "policies/opsyn",
        "--deny",
        "warnings",
    ]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains("sound policies/base: ") && shown.contains("sound policies/opsyn: "));
    let quiet = avow(&["check", "policies/base", "policies/opsyn", "--quiet"]);
    assert_eq!(text(&quiet.stdout) + &text(&quiet.stderr), "");
}

#[test]
fn a_warning_fails_only_where_warnings_are_denied_and_can_be_left_out() {
    let pack = Pack::new();
    pack.change("cookies.cedar", |rules| format!("{rules}{NEVER}"));
    let out = pack.check(&[]);
    let shown = text(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{shown}");
    // The caret stands under the part with which the condition cannot hold any more.
    assert!(
        shown.contains("warning[never-applies]: rule `never` can never apply"),
        "{shown}"
    );
    assert!(
        shown.contains("^^^^^^^^^^^^^^^^^^^^^^^^ cannot hold here"),
        "{shown}"
    );
    assert!(text(&out.stdout).ends_with("1 warning\n"));
    assert_eq!(pack.check(&["--deny", "warnings"]).status.code(), Some(1));
    let left_out = pack.check(&["--deny", "warnings", "--allow", "never-applies"]);
    assert_eq!(left_out.status.code(), Some(0));
    assert_eq!(text(&left_out.stderr), "");
}

#[test]
fn what_stops_a_pack_from_compiling_cannot_be_left_out() {
    let pack = Pack::new();
    pack.change("cookies.cedar", |rules| {
        rules.replacen("opsyn-cookies-1", "opsyn-cookie-1", 1)
    });
    let out = pack.check(&["--allow", "unknown-clause"]);
    assert_eq!(out.status.code(), Some(1));
    let shown = text(&out.stderr);
    assert!(shown.contains("did you mean `opsyn-cookies-1`?"), "{shown}");
}

#[test]
fn a_code_is_explained_and_a_slip_is_recognised() {
    let out = avow(&["check", "--explain", "never-applies"]);
    assert_eq!(out.status.code(), Some(0));
    let page = fs::read_to_string(root().join("docs/checks/never-applies.md")).unwrap();
    assert_eq!(text(&out.stdout), page);
    let out = avow(&["check", "--explain", "never-aplies"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("did you mean `never-applies`?"));
    let out = avow(&["check", "policies/opsyn", "--allow", "nonsense"]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_finding_as_json_has_its_place_and_its_page() {
    let pack = Pack::new();
    pack.change("cookies.cedar", |rules| format!("{rules}{NEVER}"));
    let out = pack.check(&["--json"]);
    assert_eq!(text(&out.stderr), "");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["sound"], true);
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&0.into(), &1.into())
    );
    assert_eq!(report["packs"][0]["rules"], 65);
    let finding = &report["findings"][0];
    let file = PathBuf::from(finding["file"].as_str().unwrap());
    assert!(file.is_absolute() && file.ends_with("opsyn/cookies.cedar"));
    assert_eq!(finding["code"], "never-applies");
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["url"], "docs/checks/never-applies.md");
    let rules = pack.read("cookies.cedar");
    let line = rules.lines().count();
    assert_eq!(
        (&finding["line"], &finding["end_line"]),
        (&line.into(), &line.into())
    );
    let (column, end) = (
        finding["column"].as_u64().unwrap() as usize,
        finding["end_column"].as_u64().unwrap() as usize,
    );
    let marked = rules.lines().last().unwrap().get(column - 1..end - 1);
    assert_eq!(marked, Some("context.surface == \"app\""));
}

#[test]
fn what_can_be_mended_safely_is_shown_and_then_mended() {
    let pack = Pack::new();
    pack.change("cookies.cedar", |rules| {
        format!("{rules}\n@clause(\"opsyn-cookies-1\")\nforbid (principal is Avow::Visitor, action == OpSyn::Action::\"load\", resource)\nwhen {{ context.gpc && context.surface == \"app\" }};\n")
    });
    pack.change("avow.toml", |text| text.replace("days = 365", "days = 364"));
    let (rules, manifest) = (pack.read("cookies.cedar"), pack.read("avow.toml"));
    assert_eq!(pack.check(&["--deny", "warnings"]).status.code(), Some(1));

    let out = pack.check(&["--fix", "--dry-run"]);
    let shown = text(&out.stdout);
    for part in [
        "--- avow.toml",
        "-days = 364\n+days = 365\n",
        "+++ cookies.cedar",
        "\n+@id(\"cookies-1\")\n",
    ] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
    assert_eq!(
        (pack.read("cookies.cedar"), pack.read("avow.toml")),
        (rules.clone(), manifest)
    );

    let out = pack.check(&["--fix", "--deny", "warnings"]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{shown}{}", text(&out.stderr));
    assert!(
        shown.contains("mended avow.toml: let the cookie live for 365 days"),
        "{shown}"
    );
    assert!(
        shown.contains("mended cookies.cedar: call it `cookies-1`"),
        "{shown}"
    );
    assert!(pack.read("avow.toml").contains("days = 365\n"));
    assert_eq!(
        pack.read("cookies.cedar"),
        rules.replace("\n@clause(\"opsyn-cookies-1\")\nforbid (principal is Avow::Visitor, action == OpSyn::Action::\"load\"", "\n@id(\"cookies-1\")\n@clause(\"opsyn-cookies-1\")\nforbid (principal is Avow::Visitor, action == OpSyn::Action::\"load\"")
    );
    assert_eq!(pack.check(&["--deny", "warnings"]).status.code(), Some(0));
}

#[test]
fn a_pack_that_does_not_compile_is_not_touched() {
    let pack = Pack::new();
    pack.change("avow.toml", |text| text.replace("days = 365", "days = 364"));
    pack.change("cookies.cedar", |rules| format!("{rules}\npermit ("));
    let before = pack.read("avow.toml");
    assert_eq!(pack.check(&["--fix"]).status.code(), Some(1));
    assert_eq!(pack.read("avow.toml"), before);
}

const POLICY: &str = "# Privacy\nWho we are.\n\n## Sub-processors\nFour of them.\n\n## Retention & deletion\nThirty days.\n";

#[test]
fn a_published_text_that_changed_calls_for_the_promises_of_its_parts() {
    let pack = Pack::new();
    let file = pack.0.path().join("policy.md");
    fs::write(&file, POLICY).unwrap();
    let name = file.to_str().unwrap();

    let out = pack.check(&["--policy", name]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("changed") && shown.contains("to be read again: 26 promises"),
        "{shown}"
    );

    let out = pack.check(&["--policy", name, "--record", "--date", "2026-06-01"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let out = pack.check(&["--policy", name]);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text(&out.stdout).starts_with("same "),
        "{}",
        text(&out.stdout)
    );
    assert!(text(&out.stdout).contains("dated 2026-06-01"));
    assert_eq!(pack.check(&["--deny", "warnings"]).status.code(), Some(0));

    fs::write(&file, POLICY.replace("Thirty", "Sixty")).unwrap();
    let out = pack.check(&["--policy", name, "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["same"], false);
    // The part itself, and the one that it is in.
    assert_eq!(report["sections"].as_array().unwrap().len(), 2);
    assert_eq!(report["sections"][1]["title"], "Retention & deletion");
    assert_eq!(report["sections"][1]["change"], "changed");
    let again = report["promises"].as_array().unwrap();
    assert!(again.contains(&"opsyn-retention-1".into()));
    assert!(
        !again.contains(&"opsyn-subprocessor-1".into()),
        "its part is as it was"
    );
}

#[test]
fn watching_tells_an_editor_when_a_run_starts_and_ends() {
    let pack = Pack::new();
    let mut child = command(&["check", &pack.path(), "--watch", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut run = || {
        let mut events = Vec::new();
        loop {
            let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            let last = event["event"] == "finished";
            events.push(event);
            if last {
                return events;
            }
        }
    };
    let first = run();
    assert_eq!(first[0]["event"], "started");
    assert_eq!(first[1]["warnings"], 0);
    pack.change("cookies.cedar", |rules| format!("{rules}{NEVER}"));
    let second = run();
    child.kill().unwrap();
    child.wait().unwrap();
    let kinds: Vec<_> = second
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["started", "finding", "finished"]);
    assert_eq!(second[1]["code"], "never-applies");
    assert_eq!(second[2]["warnings"], 1);
}
