//! Denied requests of the OpSyn pack: the smallest changes that would allow them are found, and turn the answer.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads the repository's packs"
)]

use std::{fs, path::Path};

use avow_compiler::{
    Compiled, Files, Target,
    ask::Question,
    why_not::{By, WhyNot, why_not},
};
use avow_engine::{Bundle, Engine, ext::parse_datetime, intake::Json};

fn opsyn() -> Files {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut files = Files::new();
    for (folder, prefix) in [
        ("opsyn", ""),
        ("opsyn/tests", "tests/"),
        ("base", "../base/"),
    ] {
        for entry in fs::read_dir(policies.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let is_shared = !prefix.starts_with("..") || name != "avow.toml";
            if path.is_file() && is_shared {
                files.insert(
                    format!("{prefix}{name}"),
                    fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    files
}

struct Pack {
    files: Files,
    compiled: Compiled,
}

impl Pack {
    fn opsyn() -> Self {
        Self::of(opsyn())
    }

    fn of(files: Files) -> Self {
        let compiled = avow_compiler::compile(&files).unwrap_or_else(|found| panic!("{found:#?}"));
        Self { files, compiled }
    }

    /// Why the request of a case is denied; `vary` is put into its text first.
    #[track_caller]
    fn why_not(&self, question: &str, now: &str, tenant: Option<&str>) -> WhyNot {
        let request: Json = serde_json::from_str(question).unwrap();
        let question = Question {
            request,
            now: parse_datetime(now.as_bytes()),
            tenant: tenant.map(ToOwned::to_owned),
        };
        why_not(&self.files, &self.compiled, &question).unwrap()
    }
}

const ACME: &str = r#"
    { "uid": "Tenant::\"acme\"", "attrs": { "instructed": ["service"], "contract": { "addendum": false } } },
    { "uid": "Tenant::\"harbour\"", "attrs": { "instructed": [], "contract": { "addendum": false } } },
    { "uid": "Tenant::\"ended\"", "attrs": { "instructed": [], "contract": { "addendum": false, "terminated": "2026-01-31T10:00:00Z" } } },
    { "uid": "Tenant::\"opsyn\"", "attrs": { "instructed": [], "contract": { "addendum": false } } },
    { "uid": "User::\"amir\"", "attrs": { "tenant": "acme", "role": "member" } },
    { "uid": "Staff::\"sam\"", "attrs": { "tenant": "opsyn" } },
    { "uid": "Job::\"job\"", "attrs": { "tenant": "ended" } },
    { "uid": "Record::\"gone\"", "attrs": { "tenant": "ended", "class": "user-data", "holds": [], "erasure_requested": false } },
    { "uid": "Record::\"held\"", "attrs": { "tenant": "ended", "class": "user-data", "holds": ["dispute"], "erasure_requested": false } },
    { "uid": "Record::\"theirs\"", "attrs": { "tenant": "harbour", "class": "operational-record", "holds": [], "erasure_requested": false } },
    { "uid": "Record::\"order\"", "attrs": { "tenant": "acme", "class": "operational-record", "holds": [], "erasure_requested": false } }
"#;

fn asked(principal: &str, action: &str, resource: &str, context: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    format!(
        r#"{{ "principal": {}, "action": "{action}", "resource": {}, "context": {context}, "entities": [{ACME}] }}"#,
        quoted(principal),
        quoted(resource)
    )
}

/// Each way as its sentences, with who can do it.
fn ways(found: &WhyNot) -> Vec<Vec<(By, &str)>> {
    found
        .ways
        .iter()
        .map(|way| {
            way.changes
                .iter()
                .map(|change| (change.by, change.words.as_str()))
                .collect()
        })
        .collect()
}

const NOW: &str = "2026-02-15T00:00:00Z";

#[test]
fn a_member_who_exports_would_have_to_be_an_administrator() {
    let request = asked("User::\"amir\"", "export", "Record::\"order\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    assert_eq!(found.verdict.outcome, "not_permitted");
    assert_eq!(
        ways(&found),
        [[(
            By::System,
            "OpSyn::User::\"amir\".role is \"admin\", not \"member\""
        )]]
    );
    assert_eq!(found.ways[0].rules, ["export-by-admin"]);
    assert_eq!(found.ways[0].clauses, ["opsyn-rights-access-1"]);
}

#[test]
fn what_may_not_go_yet_goes_at_the_boundary_or_where_erasure_was_asked_for() {
    let request = asked("Job::\"job\"", "purge", "Record::\"gone\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("ended"));
    let ways = ways(&found);
    assert!(
        ways.contains(&vec![(
            By::Clock,
            "it is asked at 2026-03-02T10:00:00Z, 15d10h later"
        )]),
        "{ways:#?}"
    );
    assert!(
        ways.contains(&vec![(
            By::System,
            "OpSyn::Record::\"gone\".erasure_requested is true, not false"
        )]),
        "{ways:#?}"
    );
    assert!(ways.iter().all(|way| way.len() == 1), "{ways:#?}");
    // What time does comes before what the system would have to do.
    assert_eq!(ways[0][0].0, By::Clock);
}

#[test]
fn a_hold_and_a_window_are_two_changes() {
    let request = asked("Job::\"job\"", "purge", "Record::\"held\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("ended"));
    assert_eq!(found.verdict.outcome, "forbidden");
    let ways = ways(&found);
    assert!(!ways.is_empty());
    assert!(ways.iter().all(|way| way.len() == 2), "{ways:#?}");
    let hold = "OpSyn::Record::\"held\".holds is empty, without \"dispute\"";
    assert!(
        ways.iter()
            .all(|way| way.iter().any(|(_, words)| *words == hold)),
        "{ways:#?}"
    );
}

#[test]
fn a_visitor_has_to_choose_and_the_whole_choice_is_one_change() {
    let request = asked(
        "Visitor::\"visitor\"",
        "load",
        "Service::\"google-tag-manager\"",
        r#"{ "surface": "site", "jurisdiction": "gb", "gpc": false }"#,
    );
    let pack = Pack::opsyn();
    let found = pack.why_not(&request, NOW, None);
    let [way] = found.ways.as_slice() else {
        panic!("{:#?}", found.ways);
    };
    let [change] = way.changes.as_slice() else {
        panic!("{way:#?}");
    };
    assert_eq!(
        (change.place.as_str(), change.by),
        ("context.choice", By::Caller)
    );
    let after = change.after.as_deref().unwrap();
    assert!(
        after.contains("granted: [Avow::Purpose::\"analytics\"]"),
        "{after}"
    );
    assert_eq!(way.rules, ["analytics-load"]);
}

#[test]
fn the_application_would_have_to_be_the_site() {
    let request = asked(
        "Visitor::\"visitor\"",
        "load",
        "Service::\"google-tag-manager\"",
        r#"{ "surface": "app", "jurisdiction": "gb", "gpc": false }"#,
    );
    let found = Pack::opsyn().why_not(&request, NOW, None);
    let [way] = found.ways.as_slice() else {
        panic!("{:#?}", found.ways);
    };
    let places: Vec<_> = way.changes.iter().map(|c| c.place.as_str()).collect();
    assert_eq!(places, ["context.choice", "context.surface"]);
}

#[test]
fn support_from_abroad_lacks_an_instruction_and_a_ground() {
    let request = asked(
        "Staff::\"sam\"",
        "support_read",
        "Record::\"order\"",
        r#"{ "from_region": "us-east", "auditable": true }"#,
    );
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    let ways = ways(&found);
    assert!(
        ways.contains(&vec![
            (
                By::Caller,
                "context.from_region is \"uk-south\", not \"us-east\""
            ),
            (
                By::System,
                "OpSyn::Tenant::\"acme\".instructed has Avow::Use::\"support\" too"
            ),
        ]),
        "{ways:#?}"
    );
    assert!(ways.iter().all(|way| way.len() == 2), "{ways:#?}");
}

#[test]
fn an_undescribed_record_has_to_be_described() {
    let request = asked("User::\"amir\"", "view", "Record::\"nowhere\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    assert_eq!(found.verdict.outcome, "failed");
    let change = &found.ways[0].changes[0];
    assert_eq!(change.place, "OpSyn::Record::\"nowhere\"");
    assert_eq!((found.ways[0].changes.len(), change.by), (1, By::System));
}

#[test]
fn nobody_deletes_since_no_rule_permits_it() {
    let request = asked("User::\"amir\"", "delete", "Record::\"order\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    assert!(found.ways.is_empty() && found.exhausted);
    assert!(
        found.notes[0].starts_with("no rule permits OpSyn::Action::\"delete\", to anyone"),
        "{:#?}",
        found.notes
    );
}

#[test]
fn a_forbid_without_conditions_is_said_to_hold_for_everyone() {
    let mut files = opsyn();
    files.insert(
        "never.cedar".to_owned(),
        "@id(\"never\") @clause(\"opsyn-isolation-1\")\nforbid (principal, action == OpSyn::Action::\"view\", resource);".to_owned(),
    );
    let request = asked("User::\"amir\"", "view", "Record::\"order\"", "{}");
    let found = Pack::of(files).why_not(&request, NOW, Some("acme"));
    assert!(found.ways.is_empty());
    assert!(
        found.notes[0].starts_with("`never` forbids it without a condition"),
        "{:#?}",
        found.notes
    );
}

#[test]
fn another_customers_record_stays_another_customers() {
    let request = asked("User::\"amir\"", "view", "Record::\"theirs\"", "{}");
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    assert_eq!(
        ways(&found)[0],
        [(
            By::System,
            "OpSyn::Record::\"theirs\".tenant is OpSyn::Tenant::\"acme\", not OpSyn::Tenant::\"harbour\""
        )]
    );
}

#[test]
fn an_allow_has_no_why_not() {
    let pack = Pack::opsyn();
    let request = asked("User::\"amir\"", "view", "Record::\"order\"", "{}");
    let question = Question {
        request: serde_json::from_str(&request).unwrap(),
        now: parse_datetime(NOW.as_bytes()),
        tenant: Some("acme".to_owned()),
    };
    assert!(why_not(&pack.files, &pack.compiled, &question).is_none());
}

#[test]
fn a_request_that_does_not_fit_is_told_so() {
    let request = asked(
        "User::\"amir\"",
        "view",
        "Record::\"order\"",
        r#"{ "surface": 1 }"#,
    );
    let found = Pack::opsyn().why_not(&request, NOW, Some("acme"));
    assert_eq!(found.verdict.outcome, "refused");
    assert!(found.ways.is_empty());
    assert!(found.verdict.problem.is_some());
}

#[test]
fn every_way_out_of_every_denied_case_is_allowed_when_it_is_asked() {
    let pack = Pack::opsyn();
    let bundle = || Bundle::load(pack.compiled.bundle(Target::Server)).unwrap();
    let offer = bundle().meta("offer").unwrap().to_owned();
    let mut engine = Engine::new(bundle());
    let (mut denied, mut ways) = (0, 0);
    for case in avow_compiler::cases::read(&pack.files, &offer).unwrap() {
        let question = Question {
            request: case.request,
            now: case.now,
            tenant: case.tenant,
        };
        let verdict = question.decide(&mut engine);
        let Some(found) = why_not(&pack.files, &pack.compiled, &question) else {
            assert_eq!(verdict.outcome, "allow", "{}", case.name);
            continue;
        };
        assert_eq!(found.verdict, verdict, "{}", case.name);
        assert!(
            !found.ways.is_empty() || !found.notes.is_empty(),
            "{}",
            case.name
        );
        denied += 1;
        for way in found.ways {
            ways += 1;
            let again = Question {
                request: way.request,
                now: None,
                tenant: None,
            };
            let answer = again.decide(&mut engine);
            assert_eq!(answer.outcome, "allow", "{}: {:?}", case.name, way.changes);
            assert_eq!(answer.rules, way.rules, "{}", case.name);
            assert!((1..=3).contains(&way.changes.len()), "{}", case.name);
        }
    }
    assert!(
        denied > 150 && ways > denied,
        "{denied} denied, {ways} ways"
    );
}
