//! `avow init`: what it writes is a pack, and the first steps with it lead somewhere.

use std::{fs, path::Path, process::Output};

use tempfile::TempDir;

use crate::{avow, copy, text};

#[track_caller]
fn fine(folder: &Path, arguments: &[&str]) -> Output {
    let out = avow(folder, arguments);
    assert_eq!(
        out.status.code(),
        Some(0),
        "{arguments:?}: {}{}",
        text(&out.stdout),
        text(&out.stderr)
    );
    out
}

#[test]
fn a_new_pack_passes_its_own_check_test_and_format() {
    for (number, arguments) in [
        &["init", "shop"][..],
        &[
            "init",
            "shop",
            "--name",
            "a-very-long-name-of-a-shop-2",
            "--title",
            "The \"Shop\" \\ é",
            "--operator",
            "Shop & Söhne Ltd",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let folder = TempDir::new().unwrap();
        let here = folder.path();
        let out = fine(here, arguments);
        assert!(text(&out.stdout).contains("avow test shop"), "{number}");
        let out = fine(here, &["check", "shop"]);
        assert_eq!(text(&out.stderr), "", "no warning greets a new author");
        let out = fine(here, &["test", "shop", "--coverage", "--mutate"]);
        assert!(text(&out.stdout).contains(", 0 failed in"));
        fine(here, &["fmt", "--check", "shop"]);
        fine(here, &["build", "shop", "--out", "shop.avow"]);
    }
}

#[test]
fn it_needs_no_folder_beside_it() {
    let folder = TempDir::new().unwrap();
    fine(folder.path(), &["init", ".", "--name", "alone"]);
    let manifest = fs::read_to_string(folder.path().join("avow.toml")).unwrap();
    assert!(manifest.contains("uses = [\"avow:base\"]"), "{manifest}");
    let out = fine(
        folder.path(),
        &["explain", "--case", "what a dispute needs stays [row 1]"],
    );
    assert!(
        text(&out.stdout).starts_with("allow\n  held-stays permits (../base/holds.cedar:"),
        "{}",
        text(&out.stdout)
    );
    assert!(text(&out.stdout).contains("    | @id(\"held-stays\")"));
}

#[test]
fn the_base_that_comes_along_is_the_one_of_this_repository() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for name in ["with", "beside"] {
        fine(here, &["init", name, "--name", "shop"]);
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/base");
    copy(&base, &here.join("base"));
    let manifest = here.join("beside/avow.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("avow:base", "../base")).unwrap();
    for name in ["with", "beside"] {
        fine(here, &["build", name, "--out", &format!("{name}.avow")]);
    }
    let read = |name: &str| fs::read(here.join(name)).unwrap();
    assert!(read("with.avow") == read("beside.avow"));
}

#[test]
fn nothing_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("promises.toml");
    fs::write(&path, "mine").unwrap();
    let out = avow(folder.path(), &["init", ".", "--name", "shop"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).contains("already has `promises.toml`"),
        "{}",
        text(&out.stderr)
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_name_that_is_none_is_refused() {
    let folder = TempDir::new().unwrap();
    for name in ["Shop", "2shop", "my--shop", "my_shop", "", "avow", "sh/op"] {
        let out = avow(folder.path(), &["init", "new", "--name", name]);
        assert_eq!(out.status.code(), Some(2), "{name}");
        assert!(!folder.path().join("new").exists(), "{name}");
    }
}

#[test]
fn a_rule_that_is_broken_is_pointed_at_by_its_case() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fine(here, &["init", "shop"]);
    let rules = here.join("shop/retention.cedar");
    let whole = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, whole.replacen("context.now <", "context.now <=", 1)).unwrap();
    let out = avow(here, &["test", "shop"]);
    let shown = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1));
    for part in [
        "an enquiry stays for 90 days, and no longer",
        "tests/retention.yaml:",
        "retain-enquiry",
        "retention.cedar:",
    ] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
    fs::write(&rules, whole).unwrap();
    fine(here, &["test", "shop"]);
}
