//! The real binary in a temporary folder: exit code, standard output and standard error.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::{copy, root, text};

fn avow(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_avow"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

/// A copy of the OpSyn pack and of what it uses, with one file changed.
fn changed(file: &str, change: impl Fn(&str) -> String) -> TempDir {
    let folder = TempDir::new().unwrap();
    for pack in ["base", "opsyn"] {
        copy(
            &root().join("policies").join(pack),
            &folder.path().join(pack),
        );
    }
    let path = folder.path().join("opsyn").join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "the change changes something");
    fs::write(path, after).unwrap();
    folder
}

fn check(folder: &TempDir) -> Output {
    avow(&["check", folder.path().join("opsyn").to_str().unwrap()])
}

#[test]
fn a_sound_pack_is_said_to_be_sound() {
    let out = avow(&["check", "policies/opsyn"]);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text(&out.stdout).starts_with("sound policies/opsyn: "),
        "{}",
        text(&out.stdout)
    );
    assert_eq!(text(&out.stderr), "");
}

#[test]
fn everything_that_is_wrong_is_shown_at_once_with_its_place() {
    let folder = changed("cookies.cedar", |rules| {
        format!(
            "{rules}\n@id(\"typo\") @clause(\"opsyn-cookies-1\")\npermit (principal, action == OpSyn::Action::\"load\", resource)\nwhen {{ context.surfac == \"site\" }};\n\n@id(\"other\") @clause(\"no-such-clause\")\nforbid (principal, action == OpSyn::Action::\"load\", resource == Avow::Service::\"nowhere\");\n"
        )
    });
    let out = check(&folder);
    let shown = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{shown}");
    for part in [
        "surfac",
        "cookies.cedar:",
        "^",
        "no-such-clause",
        "unknown-clause",
    ] {
        assert!(shown.contains(part), "{part} in:\n{shown}");
    }
}

#[test]
fn a_mistake_in_the_catalogue_points_at_its_line() {
    let folder = changed("catalogue.toml", |text| {
        text.replace(
            "purpose = \"analytics\"\nprocessor",
            "purpose = \"analytiks\"\nprocessor",
        )
    });
    let shown = text(&check(&folder).stderr);
    assert!(
        shown.contains("analytiks") && shown.contains("catalogue.toml:"),
        "{shown}"
    );
}

#[test]
fn patterns_that_overlap_are_refused() {
    let folder = changed("catalogue.toml", |text| {
        text.replace("\"_ga_*\"", "\"_g*\"")
    });
    let shown = text(&check(&folder).stderr);
    assert!(shown.contains("overlap"), "{shown}");
}

#[test]
fn a_promise_without_a_rule_is_found() {
    let folder = changed("cookies.cedar", |text| {
        text.replace("opsyn-cookies-4", "opsyn-cookies-1")
    });
    let shown = text(&check(&folder).stderr);
    assert!(
        shown.contains("promise-without-rule") && shown.contains("promises.toml:"),
        "{shown}"
    );
}

#[test]
fn findings_as_json_have_file_line_and_code() {
    let folder = changed("cookies.cedar", |rules| format!("{rules}\npermit ("));
    let out = avow(&[
        "check",
        "--json",
        folder.path().join("opsyn").to_str().unwrap(),
    ]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["sound"], false);
    assert_eq!(report["findings"][0]["code"], "policy-syntax");
    assert_eq!(
        report["findings"][0]["file"],
        folder.path().join("opsyn/cookies.cedar").to_str().unwrap()
    );
    assert!(report["findings"][0]["line"].as_u64().unwrap() > 1);
}

#[test]
fn a_promise_that_loses_its_cases_fails_the_run() {
    let folder = changed("tests/notice.yaml", |text| {
        text.replace("opsyn-breach-1", "opsyn-rights-answer-1")
    });
    let out = avow(&["test", folder.path().join("opsyn").to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stdout).contains("gap promise `opsyn-breach-1`"));
}

#[test]
fn pending_mechanisms_are_listed() {
    let shown = text(&avow(&["test", "policies/opsyn"]).stdout);
    assert!(shown.contains("pending opsyn-transfer-2"), "{shown}");
    assert!(shown.contains("pending opsyn-retention-5"), "{shown}");
}

#[test]
fn a_folder_that_is_no_pack_is_a_mistake_of_the_command() {
    let folder = TempDir::new().unwrap();
    let out = avow(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("it has no avow.toml"));
}

#[test]
fn a_pack_that_does_not_compile_leaves_the_old_bundle_alone() {
    let folder = changed("cookies.cedar", |rules| format!("{rules}\npermit ("));
    let bundle = folder.path().join("opsyn.avow");
    fs::write(&bundle, "old").unwrap();
    let pack = folder.path().join("opsyn");
    let out = avow(&[
        "build",
        pack.to_str().unwrap(),
        "--out",
        bundle.to_str().unwrap(),
    ]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(fs::read_to_string(bundle).unwrap(), "old");
}

#[test]
fn a_signed_bundle_is_taken_by_its_key_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = avow(&["new", "key", &path("key")]);
    let public = text(&out.stdout)
        .rsplit(' ')
        .next()
        .unwrap()
        .trim()
        .to_owned();
    assert_eq!(public.len(), 64);
    let out = avow(&[
        "build",
        "policies/opsyn",
        "--out",
        &path("b.avow"),
        "--sign",
        &path("key"),
    ]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let bytes = fs::read(path("b.avow")).unwrap();
    let trust = |key: &str| avow_host::Trust::signed_by([key]).unwrap();
    assert!(trust(&public).verify(&bytes).is_ok());
    let other = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
    assert!(trust(other).verify(&bytes).is_err());
    let mut forged = bytes;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(trust(&public).verify(&forged).is_err());
}

#[test]
fn explain_names_rule_line_and_promise() {
    let out = avow(&[
        "explain",
        "policies/opsyn",
        "--case",
        "the analytics script loads after acceptance",
    ]);
    let shown = text(&out.stdout);
    assert!(
        shown.starts_with("allow\n  analytics-load permits (cookies.cedar:"),
        "{shown}"
    );
    assert!(shown.contains("opsyn-cookies-2: "), "{shown}");
}

#[test]
fn a_browser_gets_every_file_and_the_tag_that_embeds_it() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("site");
    let ran = avow(&[
        "build",
        "policies/opsyn",
        "--target",
        "browser",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(
        text(&ran.stdout).contains("<script src=\"/avow/avow.js\" data-site=\"/avow/site.avow\"")
    );
    for file in ["avow.js", "avow.css", "site.avow", "en.json"] {
        assert!(out.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_site_whose_rules_use_more_of_cedar_gets_the_whole_engine() {
    let folder = changed("cookies.cedar", |text| {
        format!(
            "{text}\n@id(\"no-kiosk\")\n@clause(\"opsyn-cookies-2\")\nforbid (principal is Avow::Visitor, \
             action == OpSyn::Action::\"load\", resource)\nwhen {{ context.surface like \"kiosk-*\" }};\n"
        )
    });
    let build = |pack: &std::path::Path| {
        let out = folder.path().join("site");
        let (pack, to) = (pack.to_str().unwrap(), out.to_str().unwrap());
        let ran = avow(&["build", pack, "--target", "browser", "--out", to]);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        let said = text(&ran.stdout) + &text(&ran.stderr);
        let module = fs::read(out.join("avow-widget.wasm")).unwrap();
        (module, said.contains("module is the whole one"))
    };
    let (lean, says_so) = build(&root().join("policies/opsyn"));
    assert!(!says_so);
    let (whole, says_so) = build(&folder.path().join("opsyn"));
    assert!(says_so);
    assert!(whole.len() > lean.len());
}
