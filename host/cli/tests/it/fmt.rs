//! `avow fmt`: rules in one layout, with their comments.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{avow, text};

const LOOSE: &str = "// Head.\n\n// Of the rule.\n@id(\"a\")\n   permit(principal,action,resource)\nwhen{ context.a };\n";
const TIDY: &str = "// Head.\n\n// Of the rule.\n@id(\"a\")\npermit (principal, action, resource)\nwhen { context.a };\n";

fn pack(rules: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    fs::write(folder.path().join("a.cedar"), rules).unwrap();
    fs::write(folder.path().join("more/b.cedar"), TIDY).unwrap();
    fs::write(folder.path().join("c.cedarschema"), "entity  A ;").unwrap();
    folder
}

#[test]
fn the_packs_of_this_repository_are_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = avow(&root, &["fmt", "--check", "policies", "tests/packs"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
}

#[test]
fn check_lists_and_changes_nothing() {
    let folder = pack(LOOSE);
    let out = avow(folder.path(), &["fmt", "--check"]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stdout), "./a.cedar\n");
    assert!(text(&out.stderr).contains("1 of 2 files are not formatted"));
    let after = fs::read_to_string(folder.path().join("a.cedar")).unwrap();
    assert_eq!(after, LOOSE);
}

#[test]
fn rules_are_formatted_and_nothing_else_is_touched() {
    let folder = pack(LOOSE);
    let out = avow(folder.path(), &["fmt"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(text(&out.stdout), "formatted ./a.cedar\n");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("a.cedar"), TIDY);
    assert_eq!(read("c.cedarschema"), "entity  A ;");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    let out = avow(folder.path(), &["fmt", "--check", "--quiet"]);
    assert_eq!(out.status.code(), Some(0));
}

#[test]
fn a_file_that_does_not_parse_stays_and_the_others_are_formatted() {
    let folder = pack("permit (");
    fs::write(folder.path().join("z.cedar"), LOOSE).unwrap();
    let out = avow(folder.path(), &["fmt"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text(&out.stderr).contains("a.cedar: cannot parse"),
        "{}",
        text(&out.stderr)
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        (read("a.cedar"), read("z.cedar")),
        ("permit (".to_owned(), TIDY.to_owned())
    );
}

#[test]
fn standard_input_goes_to_standard_output() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_avow"))
        .args(["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(LOOSE.as_bytes()).unwrap();
    drop(input);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(text(&out.stdout), TIDY);
}

#[test]
fn what_has_no_rules_is_a_mistake_of_the_command() {
    let folder = pack(TIDY);
    let out = avow(folder.path(), &["fmt", "c.cedarschema"]);
    assert_eq!(out.status.code(), Some(2));
    let out = avow(folder.path(), &["fmt", "nowhere"]);
    assert_eq!(out.status.code(), Some(3));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = TempDir::new().unwrap();
    let out = avow(folder.path(), &["man", "pages"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    for command in [
        "avow",
        "avow-check",
        "avow-explain",
        "avow-diff",
        "avow-new-key",
    ] {
        let page = folder.path().join(format!("pages/{command}.1"));
        let page = fs::read_to_string(page).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    let out = avow(folder.path(), &["man"]);
    assert!(text(&out.stdout).contains(".TH avow 1"));
}
