//! The pages of `docs/checks/` and the codes are held together here: every code has a page, every page a code, and what
//! stands there as an example shows that code and no other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the pages and the sources are files; what is tested reads none"
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{CHECKS, Check, check};
use crate::{Files, Severity, fix::fixed};

/// Codes that `avow check` shows of no pack. `not-lowered`: the engine has code for all of Cedar. The others are `avow test`'s.
const WITHOUT_EXAMPLE: [&str; 3] = ["not-lowered", "mutants", "measure"];

/// A finding that is made for its place only, and shown to nobody.
const NO_CODE: &str = "place";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Puts the blocks of a text, from a heading to the next one, into a pack.
fn put(files: &mut Files, page: &str, heading: &str) {
    let part = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("the page has no part `{heading}`:\n{page}"))
        .1;
    let mut target: Option<(String, bool)> = None;
    let mut text = String::new();
    for line in part.split_inclusive('\n') {
        match (&target, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let file = |key: &str| info.split_once(key).map(|(_, file)| file.trim().to_owned());
                target = match (file("file="), file("add=")) {
                    (Some(file), _) => Some((file, false)),
                    (None, Some(file)) => Some((file, true)),
                    (None, None) => Some((String::new(), false)),
                };
                text.clear();
            }
            (Some((file, adds)), Some(_)) => {
                if *adds {
                    let whole = files.entry(file.clone()).or_default();
                    whole.push('\n');
                    whole.push_str(&text);
                } else if !file.is_empty() {
                    files.insert(file.clone(), text.clone());
                }
                target = None;
            }
            (None, None) if line.starts_with("## ") => break,
            (None, None) => {}
            (Some(_), None) => text.push_str(line),
        }
    }
}

/// The pack of the examples, with what it uses.
fn small() -> Files {
    let mut files = Files::new();
    let base = root().join("policies/base");
    for entry in fs::read_dir(base).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let shared = [".cedar", ".cedarschema", "catalogue.toml"];
        if shared.iter().any(|ending| name.ends_with(ending)) {
            files.insert(
                format!("../base/{name}"),
                fs::read_to_string(&path).unwrap(),
            );
        }
    }
    let readme = fs::read_to_string(root().join("docs/checks/README.md")).unwrap();
    put(&mut files, &readme, "The pack of the examples");
    files
}

/// That pack with other rules.
pub(super) fn pack_of(rules: &str) -> Files {
    let mut files = small();
    files.insert("rules.cedar".to_owned(), rules.to_owned());
    files
}

/// That pack with one permit of `read` for each condition.
pub(super) fn pack(conditions: &[&str]) -> Files {
    let rules = conditions.iter().enumerate().map(|(number, condition)| {
        format!(
            "@id(\"r{number}\") @clause(\"small-read\") permit (principal, action == Small::Action::\"read\", resource) {condition};\n"
        )
    });
    pack_of(&rules.collect::<String>())
}

/// The codes that are found, once each.
pub(super) fn codes(files: &Files) -> Vec<&'static str> {
    let found: BTreeSet<&str> = check(files)
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    found.into_iter().collect()
}

fn shown(files: &Files) -> String {
    let render = |finding| crate::render(finding, files, false);
    check(files)
        .findings
        .iter()
        .map(render)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn nothing_is_found_in_the_pack_of_the_examples() {
    let files = small();
    assert_eq!(shown(&files), "");
    assert!(check(&files).compiled.is_some());
}

#[test]
fn each_example_shows_its_code_alone_and_nothing_is_found_once_it_is_mended() {
    let mut wrong = Vec::new();
    for Check { code, page, .. } in CHECKS {
        if WITHOUT_EXAMPLE.contains(code) {
            continue;
        }
        let mut files = small();
        put(&mut files, page, "Example");
        if codes(&files) != [*code] {
            wrong.push(format!("{code}, the example:\n{}", shown(&files)));
        }
        let mut files = small();
        put(&mut files, page, "Mended");
        if !codes(&files).is_empty() {
            wrong.push(format!("{code}, mended:\n{}", shown(&files)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_finding_is_as_bad_as_its_page_says_and_points_at_a_line() {
    for check in CHECKS
        .iter()
        .filter(|check| !WITHOUT_EXAMPLE.contains(&check.code))
    {
        let mut files = small();
        put(&mut files, check.page, "Example");
        for finding in super::check(&files).findings {
            assert_eq!(finding.severity, check.severity, "{}", check.code);
            assert!(finding.line.is_some(), "{} has no line", check.code);
            assert!(!finding.message.is_empty() && !finding.message.ends_with('.'));
        }
    }
}

#[test]
fn what_can_be_mended_is_mended() {
    for check in CHECKS {
        let mut files = small();
        if WITHOUT_EXAMPLE.contains(&check.code) {
            continue;
        }
        put(&mut files, check.page, "Example");
        let findings = super::check(&files).findings;
        assert_eq!(
            findings.iter().any(|finding| finding.fix.is_some()),
            check.fixes,
            "{}",
            check.code
        );
        if check.fixes {
            let (after, made) = fixed(&files, &findings);
            assert!(!made.is_empty());
            assert_eq!(shown(&after), "", "{}", check.code);
        }
    }
}

#[test]
fn pages_and_codes_are_the_same_ones() {
    let pages: BTreeSet<String> = fs::read_dir(root().join("docs/checks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let listed: BTreeSet<String> = CHECKS
        .iter()
        .map(|check| format!("{}.md", check.code))
        .collect();
    assert_eq!(pages, listed);
    assert_eq!(listed.len(), CHECKS.len(), "a code is listed twice");
    let readme = fs::read_to_string(root().join("docs/checks/README.md")).unwrap();
    for Check {
        code,
        title,
        severity,
        fixes,
        page,
        ..
    } in CHECKS
    {
        let word = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let fix = if *fixes { ", with a fix" } else { "" };
        let head = format!("# `{code}`: {title}\n\n*{word}{fix}*\n");
        assert!(page.starts_with(&head), "{code}.md begins with:\n{head}");
        assert!(page.contains("\n## What it cannot see\n"), "{code}");
        let row = format!("| [`{code}`]({code}.md) | {title} |");
        assert!(readme.contains(&row), "README.md has no row:\n{row}");
    }
}

/// Every code in the sources of this crate: the word that a finding is made with.
#[test]
fn every_code_that_is_written_in_the_sources_is_listed() {
    fn sources(folder: PathBuf, out: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(path, out);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                out.push((path, text));
            }
        }
    }
    let makers = [
        ".error(",
        ".cedar(",
        ".at(",
        ".at_rule(",
        ".at_declaration(",
        "here(",
        "parse(",
        "parse::<Promises>(",
        ".wrong(",
    ];
    let listed: BTreeSet<&str> = CHECKS.iter().map(|check| check.code).collect();
    let mut files = Vec::new();
    sources(root().join("engine/compiler/src"), &mut files);
    let mut met = BTreeSet::new();
    for (path, text) in &files {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for maker in makers {
            for (at, _) in text.match_indices(maker) {
                let arguments = text.get(at..).unwrap();
                let arguments = arguments.split(';').next().unwrap();
                // Where it is the first one, it is a code whatever it looks like.
                let first = arguments.split_once('(').unwrap().1.trim_start();
                let first = first
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next());
                if let Some(first) = first.filter(|first| *first != NO_CODE) {
                    assert!(
                        listed.contains(first),
                        "{}: `{first}` has no page",
                        path.display()
                    );
                }
                // The first text among its arguments that is a word is the code.
                let word = arguments.split('"').skip(1).step_by(2).find(|word| {
                    word.len() > 3
                        && word
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                });
                if let Some(word) = word
                    && (word.contains('-') || listed.contains(word))
                {
                    assert!(
                        listed.contains(word),
                        "{}: `{word}` has no page",
                        path.display()
                    );
                    met.insert(word.to_owned());
                }
            }
        }
    }
    for check in CHECKS {
        assert!(met.contains(check.code), "nothing finds `{}`", check.code);
    }
}
