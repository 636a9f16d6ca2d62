//! Packs that Cedar's validator has not passed: taken when asked to, never in silence, and decided as Cedar would.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Output, Stdio},
};

use avow_compiler::{Compiled, Target, cases::Case};
use avow_engine::{
    Answer, Bundle, Engine, Verdict,
    intake::{self, Stamp},
};
use tempfile::TempDir;

use crate::{command, root, text};

fn avow(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A copy of the OpSyn pack with two rules that the validator has something against: an attribute and a type that there are
/// not.
fn misfit() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    for pack in ["base", "opsyn", "opsyn/tests"] {
        let target = folder.path().join(pack);
        fs::create_dir_all(&target).unwrap();
        for entry in fs::read_dir(root().join("policies").join(pack)).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() {
                fs::copy(&from, target.join(from.file_name().unwrap())).unwrap();
            }
        }
    }
    let rules = r#"
        @id("misfit-attribute") @clause("opsyn-isolation-1")
        permit (principal is OpSyn::User, action == OpSyn::Action::"delete", resource) when { principal.badge == "x" };
        @id("misfit-type") @clause("opsyn-isolation-1")
        forbid (principal is OpSyn::Robot, action, resource);
    "#;
    fs::write(folder.path().join("opsyn/misfit.cedar"), rules).unwrap();
    let pack = folder.path().join("opsyn").to_str().unwrap().to_owned();
    (folder, pack)
}

/// The warning, which names what was passed over and what is lost.
#[track_caller]
fn warned(out: &Output, findings: &str) {
    let shown = text(&out.stderr);
    let expected = format!("warning: not validated: {findings} of Cedar's validator passed over");
    assert!(shown.starts_with(&expected), "{shown}");
    for part in [
        "`avow check` shows",
        "a forbid fails the decision",
        "more rules",
    ] {
        assert!(shown.contains(part), "{part} in: {shown}");
    }
}

#[test]
fn rules_that_do_not_validate_are_built_when_asked_to_and_the_bundle_says_so() {
    let (folder, pack) = misfit();
    let out = folder.path().join("b.avow");
    let out = out.to_str().unwrap();
    let refused = avow(&["build", &pack, "--out", out]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("misfit.cedar:"));
    assert!(!Path::new(out).exists());
    let findings = avow_compiler::compile(&avow_host::pack::read(Path::new(&pack)).unwrap());
    let count = findings.unwrap_err().len();
    assert!(count >= 2, "{count}");
    let built = avow(&["build", &pack, "--out", out, "--no-validate"]);
    assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
    warned(&built, &format!("{count} findings"));
    let bundle = Bundle::load(fs::read(out).unwrap()).unwrap();
    assert_eq!(bundle.meta("validated"), Some("no"));
    assert_eq!(bundle.meta("pack"), Some("opsyn"));
    let validated = avow(&["build", "policies/opsyn", "--out", out]);
    assert_eq!(text(&validated.stderr), "");
    let bundle = Bundle::load(fs::read(out).unwrap()).unwrap();
    assert_eq!(bundle.meta("validated"), None);
}

#[test]
fn what_the_validator_does_not_look_at_is_refused_all_the_same() {
    let (_folder, pack) = misfit();
    let rules = Path::new(&pack).join("misfit.cedar");
    let more = "@clause(\"no-such-clause\") permit (principal, action, resource);";
    fs::write(&rules, more).unwrap();
    let out = avow(&["test", &pack, "--no-validate"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("no-such-clause"));
    fs::write(rules, "permit (").unwrap();
    assert_eq!(
        avow(&["test", &pack, "--no-validate"]).status.code(),
        Some(1)
    );
}

#[test]
fn check_takes_no_pack_that_does_not_validate() {
    let (_folder, pack) = misfit();
    let out = avow(&["check", &pack, "--no-validate"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stdout));
    assert_eq!(avow(&["check", &pack]).status.code(), Some(1));
}

#[test]
fn reports_are_marked() {
    let (_folder, pack) = misfit();
    let json = |arguments: &[&str]| -> (serde_json::Value, Output) {
        let out = avow(arguments);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        (serde_json::from_slice(&out.stdout).unwrap(), out)
    };
    let (report, out) = json(&["test", &pack, "--json", "--no-validate"]);
    let count = report["passed_over"].as_u64().unwrap();
    assert_eq!(report["validated"], false);
    warned(&out, &format!("{count} findings"));
    let case = ["--case", "the analytics script loads after acceptance"];
    let (report, out) = json(&[&["explain", &pack, "--json", "--no-validate"], &case[..]].concat());
    assert_eq!(report["validated"], false);
    assert_eq!(report["passed_over"], count);
    warned(&out, &format!("{count} findings"));
    let (report, out) = json(&["test", "policies/opsyn", "--json"]);
    assert_eq!(report["validated"], true);
    assert_eq!(report["passed_over"], serde_json::Value::Null);
    assert_eq!(text(&out.stderr), "");
}

#[test]
fn serve_warns_of_a_bundle_that_was_not_validated() {
    let (folder, pack) = misfit();
    let out = folder.path().join("b.avow");
    let out = out.to_str().unwrap();
    avow(&["build", &pack, "--out", out, "--no-validate"]);
    let said = |arguments: &[&str]| {
        let mut serving = command(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(serving.stderr.take().unwrap()).lines();
        let mut said = String::new();
        for line in lines.map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            if line.contains("serving") {
                break;
            }
        }
        serving.kill().unwrap();
        serving.wait().unwrap();
        assert!(said.contains("serving"), "{said}");
        said
    };
    let warning = "the bundle in force was not validated";
    let shown = said(&["serve", out, "--allow-unsigned"]);
    assert!(shown.contains(warning), "{shown}");
    let shown = said(&["serve", &pack, "--no-validate"]);
    assert!(
        shown.contains(warning) && shown.contains("passed over"),
        "{shown}"
    );
    assert!(!said(&["serve", "policies/opsyn"]).contains("validated"));
    let mistaken = avow(&["serve", out, "--allow-unsigned", "--no-validate"]);
    assert_eq!(mistaken.status.code(), Some(2));
}

fn decide(engine: &mut Engine, case: &Case) -> Verdict {
    let stamp = Stamp {
        now: case.now,
        tenant: case.tenant.as_deref(),
        trusted: true,
    };
    match intake::request(engine.bundle(), &case.request, &stamp) {
        Err(problem) => Verdict::refused(problem),
        Ok(request) => {
            let answer = engine.decide(&request).to_vec();
            Verdict::new(engine.bundle(), &Answer::read(&answer).unwrap())
        }
    }
}

#[test]
fn without_validation_a_sound_pack_decides_the_same_whole_and_cut() {
    let files = avow_host::pack::read(&root().join("policies/opsyn")).unwrap();
    let validated = avow_compiler::compile(&files).unwrap();
    let open = avow_compiler::compile_unvalidated(&files).unwrap();
    assert_eq!(open.passed_over, Some(Vec::new()));
    assert_eq!(validated.passed_over, None);
    for target in [Target::Server, Target::Browser] {
        let engine = |compiled: &Compiled| {
            let bundle = Bundle::load(compiled.bundle(target)).unwrap();
            Engine::new(bundle)
        };
        let (mut validated, mut open) = (engine(&validated), engine(&open));
        assert_eq!(open.bundle().meta("validated"), Some("no"));
        let offer = open.bundle().meta("offer").unwrap().to_owned();
        let cases = avow_compiler::cases::read(&files, &offer).unwrap();
        let mut decided = 0;
        for case in &cases {
            let expected = decide(&mut validated, case);
            let found = decide(&mut open, case);
            assert_eq!(found, expected, "{target:?}: {}", case.name);
            decided += usize::from(found.outcome != "refused");
        }
        assert!(decided > 20, "{target:?}: {decided} of {}", cases.len());
    }
    // Nothing that only servers decide by goes to a browser, although its index rules out less.
    let names = |compiled: &Compiled| -> Vec<String> {
        let bundle = Bundle::load(compiled.bundle(Target::Browser)).unwrap();
        bundle.rules().map(|rule| rule.id().to_owned()).collect()
    };
    assert_eq!(names(&open), names(&validated));
}
