//! `avow diff`: what a change of a pack changes, in it and in its answers.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{avow, text};

/// Two packs that are the same but for what `change` makes of a file of the second.
fn pair(changes: &[(&str, &str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["old", "new"] {
        let out = avow(folder.path(), &["init", name, "--name", "shop"]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    }
    for (file, from, to) in changes {
        let path = folder.path().join("new").join(file);
        let before = fs::read_to_string(&path).unwrap();
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{file}: the change changes something");
        fs::write(path, after).unwrap();
    }
    folder
}

#[track_caller]
fn diff(folder: &TempDir, old: &str, new: &str, code: i32) -> Value {
    let out = avow(folder.path(), &["diff", old, new, "--json"]);
    assert_eq!(out.status.code(), Some(code), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn entry<'a>(found: &'a Value, kind: &str, id: &str) -> &'a Value {
    let mut entries = found["entries"].as_array().unwrap().iter();
    entries
        .find(|entry| entry["kind"] == kind && entry["id"] == id)
        .unwrap_or_else(|| panic!("{kind} {id} in {found:#}"))
}

#[test]
fn a_pack_does_not_differ_from_itself() {
    let folder = pair(&[]);
    let found = diff(&folder, "old", "new", 0);
    assert_eq!(found["same"], true);
    assert_eq!(found["entries"].as_array().unwrap().len(), 0);
    assert!(found["asked"].as_u64().unwrap() > 20);
}

#[test]
fn a_layout_is_no_difference() {
    let folder = pair(&[(
        "retention.cedar",
        "\n@id(\"purge-enquiry\")",
        "\n// More.\n\n@id(\"purge-enquiry\")",
    )]);
    let found = diff(&folder, "old", "new", 0);
    assert_eq!(found["entries"].as_array().unwrap().len(), 0);
}

#[test]
fn a_condition_that_changes_is_shown_with_the_answers_that_do() {
    let folder = pair(&[("retention.cedar", "context.now <", "context.now <=")]);
    let found = diff(&folder, "old", "new", 1);
    let rule = entry(&found, "rule", "retain-enquiry");
    assert_eq!(rule["change"], "changed");
    assert!(
        rule["new_place"]
            .as_str()
            .unwrap()
            .starts_with("retention.cedar:")
    );
    let field = &rule["fields"][0];
    assert_eq!(field["name"], "condition");
    assert!(field["old"].as_str().unwrap().contains("context.now < "));
    assert!(field["new"].as_str().unwrap().contains("context.now <= "));
    assert_eq!(found["entries"].as_array().unwrap().len(), 1);
    let cases = found["cases"].as_array().unwrap();
    let turned: Vec<_> = cases
        .iter()
        .filter(|case| case["old"]["outcome"] != case["new"]["outcome"])
        .collect();
    assert_eq!(turned.len(), 1, "{found:#}");
    assert!(
        turned[0]["name"]
            .as_str()
            .unwrap()
            .starts_with("an enquiry stays for 90 days")
    );
    // The others hold for a millisecond longer, which is a difference too.
    assert!(cases.iter().all(|case| {
        let fields = case["fields"].as_array().unwrap().iter();
        fields
            .clone()
            .any(|field| field["name"] == "until" || field["name"] == "outcome")
    }));
    let out = avow(folder.path(), &["diff", "old", "new"]);
    let shown = text(&out.stdout);
    for part in [
        "Rules\n  ~ retain-enquiry (retention.cedar:",
        "Answers\n  ~ an enquiry stays",
    ] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
}

#[test]
fn effect_scope_and_annotations_are_compared() {
    let folder = pair(&[
        ("access.cedar", "principal is Shop::User", "principal"),
        (
            "sharing.cedar",
            "@clause(",
            "@obligation(\"log\")\n@clause(",
        ),
        ("cookies.cedar", "forbid (", "permit ("),
    ]);
    let found = diff(&folder, "old", "new", 1);
    let field = |id: &str| entry(&found, "rule", id)["fields"][0]["name"].clone();
    assert_eq!(field("view-own-tenant"), "applies to");
    assert_eq!(field("share-with-listed"), "@obligation");
    assert_eq!(field("session-cookie-protected"), "effect");
}

#[test]
fn rules_clauses_settings_catalogue_and_promises_are_compared() {
    let folder = pair(&[
        (
            "retention.cedar",
            "@id(\"purge-enquiry\")",
            "@id(\"purge-late\")",
        ),
        (
            "avow.toml",
            "enquiry_lasts = \"90d\"",
            "enquiry_lasts = \"91d\"",
        ),
        (
            "catalogue.toml",
            "title = \"Analytics\"",
            "title = \"Counting\"",
        ),
        (
            "catalogue.toml",
            "name = \"_example\"",
            "name = \"_another\"",
        ),
        ("promises.toml", "kept for 90 days", "kept for 91 days"),
    ]);
    let found = diff(&folder, "old", "new", 1);
    assert_eq!(entry(&found, "rule", "purge-enquiry")["change"], "removed");
    assert_eq!(entry(&found, "rule", "purge-late")["change"], "added");
    assert_eq!(
        entry(&found, "clause", "shop-retention-1")["change"],
        "changed"
    );
    let setting = entry(&found, "setting", "enquiry_lasts");
    assert_eq!(setting["fields"][0]["new"], "91d");
    let purpose = entry(&found, "catalogue", "Purpose::\"analytics\"");
    assert_eq!(purpose["fields"][0]["old"], "Analytics");
    let promise = entry(&found, "promise", "shop-retention-1");
    assert_eq!(promise["fields"][0]["name"], "promise");
    assert!(
        promise["new_place"]
            .as_str()
            .unwrap()
            .starts_with("promises.toml:")
    );
    // Visitors are asked anew, and that is said once, not by every case of a choice.
    entry(&found, "setting", "offer");
    let by_choice = |case: &Value| case["file"] == "tests/cookies.yaml";
    assert!(
        !found["cases"].as_array().unwrap().iter().any(by_choice),
        "{found:#}"
    );
}

#[test]
fn a_case_that_only_the_old_pack_has_is_asked_too() {
    let folder = pair(&[("retention.cedar", "context.now <", "context.now <=")]);
    fs::remove_file(folder.path().join("new/tests/retention.yaml")).unwrap();
    let found = diff(&folder, "old", "new", 1);
    let cases = found["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    assert!(cases.iter().all(|case| case["only_old"] == true));
}

#[test]
fn a_bundle_stands_for_its_pack() {
    let folder = pair(&[("retention.cedar", "context.now <", "context.now <=")]);
    for name in ["old", "new"] {
        let out = avow(
            folder.path(),
            &["build", name, "--out", &format!("{name}.avow")],
        );
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    }
    diff(&folder, "old", "old.avow", 0);
    let found = diff(&folder, "old.avow", "new", 1);
    entry(&found, "rule", "retain-enquiry");
    assert!(!found["cases"].as_array().unwrap().is_empty());
    let found = diff(&folder, "old.avow", "new.avow", 1);
    entry(&found, "rule", "retain-enquiry");
    assert_eq!(found["asked"], 0);
    assert!(found["notes"][0].as_str().unwrap().starts_with("no cases"));
}

#[test]
fn a_side_that_is_neither_pack_nor_bundle_is_a_mistake_of_the_command() {
    let folder = pair(&[("retention.cedar", "permit (", "permit ((")]);
    fs::write(folder.path().join("noise.avow"), "noise").unwrap();
    for (old, new) in [("old", "nowhere"), ("old", "new"), ("noise.avow", "old")] {
        let out = avow(folder.path(), &["diff", old, new]);
        assert_eq!(
            out.status.code(),
            Some(2),
            "{old} {new}: {}",
            text(&out.stderr)
        );
        assert_ne!(text(&out.stderr), "");
    }
}
