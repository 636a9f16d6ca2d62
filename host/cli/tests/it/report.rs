//! `avow report`, by the real binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::text;

fn opsyn() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/opsyn")
}

fn report(arguments: &[&str]) -> Output {
    let mut avow = Command::new(env!("CARGO_BIN_EXE_avow"));
    avow.arg("report").arg(opsyn()).args(arguments);
    avow.output().expect("avow runs")
}

#[test]
fn the_files_ending_says_how_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, begins) in [
        ("r.html", "<!doctype html>"),
        ("r.md", "# Traceability report: OpSyn"),
        ("r.json", "{"),
        ("r.txt", "<!doctype html>"),
    ] {
        let path = folder.path().join(name);
        let path = path.to_str().expect("a path of characters");
        let output = report(&["--out", path, "--date", "2026-03-01"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        let written = fs::read_to_string(path).expect("it was written");
        assert!(written.starts_with(begins), "{name}");
        assert!(written.contains("2026-03-01"), "{name}");
    }
    let path = folder.path().join("r.md");
    let path = path.to_str().expect("a path of characters");
    report(&["--out", path, "--format", "json"]);
    let written = fs::read_to_string(path).expect("it was written");
    assert!(serde_json::from_str::<Value>(&written).is_ok());
}

#[test]
fn the_same_pack_and_day_give_the_same_report() {
    let once = report(&["--date", "2026-03-01"]);
    let again = report(&["--date", "2026-03-01"]);
    assert!(once.stdout == again.stdout);
    let json: Value = serde_json::from_slice(&report(&["--json"]).stdout).expect("it is JSON");
    assert_eq!(json["pack"], "opsyn");
    assert_eq!(json["promises"].as_array().map(Vec::len), Some(26));
    let date = json["date"].as_str().expect("a date");
    assert_eq!(date.len(), 10, "today is a day: {date}");
}

#[test]
fn what_cannot_be_is_refused() {
    for day in ["yesterday", "2026-13-01", "2026-03-01T00:00:00Z"] {
        let output = report(&["--date", day]);
        assert_eq!(output.status.code(), Some(2), "{day}");
        assert!(text(&output.stderr).contains("a day looks like `2026-03-01`"));
    }
    let nowhere = report(&["--out", "/no/such/folder/r.html"]);
    assert_eq!(nowhere.status.code(), Some(3));
    assert!(text(&nowhere.stderr).contains("cannot write"));
}

/// A copy of the pack, beside a copy of what it uses.
fn copy(folder: &Path) -> PathBuf {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("the folder is there") {
            let entry = entry.expect("the folder can be read").path();
            let to = to.join(entry.file_name().expect("a name"));
            match entry.is_dir() {
                true => walk(&entry, &to),
                false => {
                    fs::copy(&entry, &to).expect("it can be copied");
                }
            }
        }
    }
    walk(&opsyn(), &folder.join("opsyn"));
    walk(&opsyn().join("../base"), &folder.join("base"));
    folder.join("opsyn")
}

#[test]
fn a_case_that_fails_is_in_the_report_and_in_the_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = copy(folder.path());
    let cases = pack.join("tests/support.yaml");
    let yaml = fs::read_to_string(&cases).expect("the cases");
    let broken = yaml.replacen("outcome: allow", "outcome: forbidden", 1);
    assert_ne!(broken, yaml);
    fs::write(&cases, broken).expect("it can be written");
    let mut avow = Command::new(env!("CARGO_BIN_EXE_avow"));
    let output = avow.arg("report").arg(&pack).output().expect("avow runs");
    assert_eq!(output.status.code(), Some(1));
    let page = text(&output.stdout);
    assert!(page.contains("not give what"));
    assert!(page.contains("<li>outcome: expected forbidden, found allow</li>"));
    assert!(text(&output.stderr).contains("failed; the report says which"));
}

#[test]
fn the_page_of_a_test_run_colours_the_rules_by_what_cases_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let test = |packs: &[PathBuf]| {
        let mut avow = Command::new(env!("CARGO_BIN_EXE_avow"));
        avow.arg("test").args(packs).arg("--html").arg(&page);
        avow.output().expect("avow runs")
    };
    let output = test(&[opsyn()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read_to_string(&page).expect("it was written");
    assert!(written.starts_with("<!doctype html>"));
    for shown in ["opsyn-cookies-2", "analytics-load", "../base/holds.cedar"] {
        assert!(written.contains(shown), "{shown}");
    }
    let output = test(&[opsyn(), opsyn()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the page of one pack"));
}
