//! One engine, several shells, and Cedar: the same answers to the same cases.

use avow_compiler::Target;
use avow_engine::{
    Answer, Bundle, Choice, Engine, Outcome, Question, RequestBuilder, Situation, StoreFacts,
    Until, Verdict, consent, consent_request, intake,
};
use avow_host::sandbox::{Limits, Sandbox};
use avow_tests::{Pack, oracle::Oracle, stamp, tested_names};

#[test]
fn native_engine_guest_and_cedar_answer_alike() {
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for name in tested_names() {
        alike(&name, &sandbox);
    }
}

fn alike(name: &str, sandbox: &Sandbox) {
    let pack = Pack::open(name);
    let bytes = pack.bundle(Target::Server);
    let oracle = Oracle::new(&pack.files, &bytes);
    let mut engine = Engine::new(Bundle::load(bytes.clone()).unwrap());
    let mut guest = sandbox.guest(&bytes, &[]).unwrap();
    let mut asked = 0;
    for case in &pack.cases {
        // A case that intake refuses never reaches an engine.
        let Ok(request) = intake::request(engine.bundle(), &case.request, &stamp(case)) else {
            assert_eq!(case.expect.outcome, "refused", "{}", case.name);
            continue;
        };
        let native = engine.decide(&request).to_vec();
        assert_eq!(native, guest.decide(&request).unwrap(), "{}", case.name);
        let answer = Answer::read(&native).unwrap();
        let cedar = oracle.ask(&request);
        let name = |rule: u32| engine.bundle().rule(rule).unwrap().id().to_owned();
        assert_eq!(
            (
                answer.decision().as_str() == "allow",
                answer.determining().map(name).collect(),
                answer.failed().map(|failure| name(failure.rule)).collect()
            ),
            (cedar.allows, cedar.reasons, cedar.errors),
            "{}",
            case.name
        );
        asked += 1;
    }
    // What is refused stays the exception.
    assert!(
        asked * 10 > pack.cases.len() * 9,
        "{name}: {asked} of {}",
        pack.cases.len()
    );
}

#[test]
fn the_browsers_slice_decides_as_its_parent_on_every_consent_case() {
    for name in tested_names() {
        slice_decides_alike(&name);
    }
}

fn slice_decides_alike(name: &str) {
    let pack = Pack::open(name);
    let mut whole = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
    let mut slice = Engine::new(Bundle::load(pack.bundle(Target::Browser)).unwrap());
    assert_eq!(slice.bundle().parent(), Some(whole.bundle().digest()));
    let consent = ["ask", "offer_opt_out", "process", "load", "store"];
    let mut asked = 0;
    for case in &pack.cases {
        let action = case.request.get("action").unwrap();
        let in_consent = matches!(action, intake::Json::Str(id) if consent.contains(&id.as_str()));
        if !in_consent {
            continue;
        }
        // A case may bring what is the server's alone; a question about consent is about the catalogue.
        let mut request = case.request.clone();
        if let intake::Json::Map(fields) = &mut request {
            for (key, value) in fields {
                if let ("entities", intake::Json::List(entities)) = (key.as_str(), value) {
                    entities.retain(is_of_a_catalogue);
                }
            }
        }
        let verdict =
            |engine: &mut Engine| match intake::request(engine.bundle(), &request, &stamp(case)) {
                Ok(request) => {
                    let answer = engine.decide(&request).to_vec();
                    Verdict::new(engine.bundle(), &Answer::read(&answer).unwrap())
                }
                Err(problem) => Verdict::refused(problem),
            };
        assert_eq!(verdict(&mut whole), verdict(&mut slice), "{}", case.name);
        asked += 1;
    }
    assert!(asked > 10, "{name}: {asked}");
}

fn is_of_a_catalogue(entity: &intake::Json) -> bool {
    is_of(&["Purpose", "Service", "Storage"], entity)
}

fn is_of(types: &[&str], entity: &intake::Json) -> bool {
    let Some(intake::Json::Str(uid)) = entity.get("uid") else {
        return false;
    };
    let uid = uid.rsplit_once("::\"").map_or(uid.as_str(), |(of, _)| of);
    types.iter().any(|of| uid.rsplit("::").next() == Some(of))
}

/// What OpSyn's schema marks `@client`.
const CLIENT: [&str; 8] = [
    "view",
    "export",
    "edit",
    "delete",
    "append_correction",
    "request_erasure",
    "edit_role",
    "deactivate",
];

#[test]
fn the_slice_for_pages_decides_as_its_parent_whatever_they_may_ask_and_nothing_else() {
    let pack = Pack::open("opsyn");
    let mut whole = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
    let mut slice = Engine::new(Bundle::load(pack.bundle(Target::App)).unwrap());
    assert_eq!(slice.bundle().parent(), Some(whole.bundle().digest()));
    let (mut allowed, mut forbidden, mut refused) = (0, 0, 0);
    for case in &pack.cases {
        // As the case has it, and the same asked of each action that pages may ask.
        let as_it_is = case.request.get("action").unwrap();
        let as_it_is = match as_it_is {
            intake::Json::Str(id) => id.clone(),
            _ => continue,
        };
        for action in CLIENT.iter().map(ToString::to_string).chain([as_it_is]) {
            let mut request = case.request.clone();
            if let intake::Json::Map(fields) = &mut request {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("action", value) => *value = intake::Json::Str(action.clone()),
                        // A case may bring what other actions are about, which the slice does not know.
                        ("entities", intake::Json::List(all)) => {
                            all.retain(|entity| {
                                is_of(&["Tenant", "User", "Staff", "Job", "Record"], entity)
                            });
                        }
                        _ => {}
                    }
                }
            }
            let verdict = |engine: &mut Engine| {
                let request = intake::request(engine.bundle(), &request, &stamp(case));
                request.map(|request| {
                    let answer = engine.decide(&request).to_vec();
                    Verdict::new(engine.bundle(), &Answer::read(&answer).unwrap())
                })
            };
            if !CLIENT.contains(&action.as_str()) {
                assert!(verdict(&mut slice).is_err(), "{}: {action}", case.name);
                continue;
            }
            let (ours, theirs) = (verdict(&mut slice), verdict(&mut whole));
            // What is refused is refused by both; which types there are is told by each in words of its own.
            assert_eq!(
                ours.as_ref().ok(),
                theirs.as_ref().ok(),
                "{}: {action}",
                case.name
            );
            match ours.map(|verdict| verdict.outcome) {
                Ok("allow") => allowed += 1,
                Ok(_) => forbidden += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        allowed > 50 && forbidden > 50,
        "{allowed} allowed, {forbidden} not, {refused} refused"
    );
}

fn has(bundle: &[u8], text: &str) -> bool {
    let mut parts = bundle.windows(text.len());
    parts.any(|part| part == text.as_bytes())
}

#[test]
fn the_slice_for_pages_has_no_string_that_belongs_to_the_server_alone() {
    let slice = Pack::open("opsyn").bundle(Target::App);
    for kept in [
        "isolation-host",
        "opsyn-isolation-1",
        "export",
        "erasure_requested",
    ] {
        assert!(has(&slice, kept), "{kept}");
    }
    for dropped in [
        "support_read",
        "analytics-load",
        "_ga_*",
        "google-tag-manager",
        "OpSyn::Backup",
        "breach",
        ".cedar",
    ] {
        assert!(!has(&slice, dropped), "{dropped}");
    }
    let bundle = Bundle::load(slice).unwrap();
    assert!(bundle.rules().all(|rule| rule.source().is_none()));
}

#[test]
fn the_slice_has_no_string_that_belongs_to_the_server_alone() {
    let pack = Pack::open("opsyn");
    let slice = pack.bundle(Target::Browser);
    for kept in [
        "analytics-load",
        "opsyn-cookies-2",
        "google-tag-manager",
        "_ga_*",
    ] {
        assert!(has(&slice, kept), "{kept}");
    }
    for dropped in [
        "isolation",
        "support_read",
        "sentry",
        "error-monitoring",
        "uk-south",
        ".cedar",
        "OpSyn::User",
        "erasure",
    ] {
        assert!(!has(&slice, dropped), "{dropped}");
    }
    let bundle = Bundle::load(slice).unwrap();
    assert!(bundle.rules().all(|rule| rule.source().is_none()));
}

#[test]
fn consent_questions_are_answered_as_what_the_builder_writes() {
    use avow_engine::format::Cell;
    let pack = Pack::open("opsyn");
    let bundle = Bundle::load(pack.bundle(Target::Browser)).unwrap();
    let choice = Choice {
        at: 5,
        offer: "abc".into(),
        granted: vec!["a".into(), "b".into(), "a".into()],
        services: vec!["s".into()],
        ..Choice::default()
    };
    let situation = Situation {
        now: 7,
        surface: "site",
        jurisdiction: "gb",
        gpc: true,
        choice: Some(&choice),
    };
    let facts = StoreFacts {
        secure: true,
        same_site: "lax",
        lifetime: Some(9),
        ..StoreFacts::default()
    };
    let written = consent_request(&bundle, &situation, &Question::Store("ga", facts));
    let text = |text: &str| Cell::Str(text.to_owned());
    let ids = |type_name: &str, ids: &[&str]| {
        Cell::Set(
            ids.iter()
                .map(|id| Cell::Entity(type_name.into(), (*id).into()))
                .collect(),
        )
    };
    let record = |fields: Vec<(&str, Cell)>| {
        fields
            .into_iter()
            .map(|(name, cell)| (name.to_owned(), cell))
            .collect()
    };
    let built = RequestBuilder::new(&bundle).finish(
        ("Avow::Visitor", "visitor"),
        ("OpSyn::Action", "store"),
        ("Avow::Storage", "ga"),
        record(vec![
            ("now", Cell::Datetime(7)),
            ("surface", text("site")),
            (
                "jurisdiction",
                Cell::Entity("Avow::Jurisdiction".into(), "gb".into()),
            ),
            ("gpc", Cell::Bool(true)),
            ("http_only", Cell::Bool(false)),
            ("secure", Cell::Bool(true)),
            ("same_site", text("lax")),
            ("lifetime", Cell::Duration(9)),
            ("production", Cell::Bool(false)),
            (
                "choice",
                Cell::Record(record(vec![
                    ("at", Cell::Datetime(5)),
                    ("offer", text("abc")),
                    ("granted", ids("Avow::Purpose", &["a", "b"])),
                    ("refused", ids("Avow::Purpose", &[])),
                    ("objected", ids("Avow::Purpose", &[])),
                    ("services", ids("Avow::Service", &["s"])),
                ])),
            ),
        ]),
    );
    let mut engine = Engine::new(bundle);
    let answer = engine.explain(&built).to_vec();
    assert_eq!(
        Answer::read(&answer).unwrap().outcome(),
        Outcome::NotPermitted
    );
    // With the trace: all that the rules read is the same.
    assert!(engine.explain(&written) == answer);
}

#[test]
fn what_the_widget_asks_is_answered_as_the_whole_engine_answers_the_whole_bundle() {
    let file = avow_tests::cases_file::parity();
    let mut ends = 0;
    for pack in file["packs"].as_array().unwrap() {
        let name = pack["name"].as_str().unwrap();
        let bundle = Pack::open(name).bundle(Target::Browser);
        let mut engine = Engine::new(Bundle::load(bundle).unwrap());
        let mut allowed = 0;
        let questions = pack["questions"].as_array().unwrap();
        for question in questions {
            let lines = question[0].as_str().unwrap();
            let now = question[1].as_i64().unwrap();
            let (allows, until) =
                consent::decide(&mut engine, lines, now, question[2].as_bool().unwrap());
            let until = match until {
                Until::Now => Some(now),
                Until::At(at) => Some(at),
                Until::Forever => None,
            };
            assert_eq!(
                (allows, until),
                (question[3].as_bool().unwrap(), question[4].as_i64()),
                "{name}: {lines:?}"
            );
            allowed += usize::from(allows);
            ends += usize::from(until.is_some_and(|until| until > now));
        }
        let asked = questions.len();
        assert!(
            asked > 500 && allowed > 50 && allowed < asked,
            "{name}: {allowed} of {asked}"
        );
    }
    // Not every pack asks how old a choice is.
    assert!(ends > 50, "{ends}");
}

#[test]
fn what_the_guard_asks_of_storage_is_answered_as_the_whole_engine_answers_it() {
    let mut seen = [0, 0];
    for pack in ["opsyn", "aiopsos"] {
        let pack = Pack::open(pack);
        let mut whole = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
        let catalogue = Bundle::load(pack.bundle(Target::Server)).unwrap();
        let mut lean = Engine::new(Bundle::load(pack.bundle(Target::Browser)).unwrap());
        let namespace = catalogue.meta("namespace").unwrap();
        let purposes: Vec<_> = catalogue.entities("Avow::Purpose").collect();
        let choice = Choice {
            at: 6,
            offer: catalogue.meta("offer").unwrap().to_owned(),
            granted: purposes.iter().map(|one| one.id().to_owned()).collect(),
            method: "accept".into(),
            language: "en".into(),
            id: "0".into(),
            ..Choice::default()
        };
        let cookie = choice.to_cookie();
        let day = 86_400_000;
        for (storage, choice, lifetime, same_site, flags) in catalogue
            .entities("Avow::Storage")
            .flat_map(|one| [None, Some(&choice)].map(|choice| (one, choice)))
            .flat_map(|(one, choice)| {
                let lifetimes = [None, Some(0), Some(day), Some(366 * day), Some(800 * day)];
                lifetimes.map(|lifetime| (one, choice, lifetime))
            })
            .flat_map(|(one, choice, lifetime)| {
                ["", "lax", "none"].map(|mode| (one, choice, lifetime, mode))
            })
            .flat_map(|(one, choice, lifetime, mode)| {
                [0, 1, 2, 3].map(|flags| (one, choice, lifetime, mode, flags))
            })
        {
            let text = |name| storage.attr(name).unwrap().as_str().unwrap();
            let situation = Situation {
                now: 7,
                surface: "site",
                jurisdiction: "gb",
                gpc: false,
                choice,
            };
            let facts = StoreFacts {
                http_only: false,
                secure: flags & 1 > 0,
                same_site,
                lifetime,
                production: flags & 2 > 0,
            };
            let question = Question::Store(storage.id(), facts);
            let request = consent_request(&catalogue, &situation, &question);
            let answer = Answer::read(whole.decide(&request)).unwrap();
            let lines = format!(
                "{namespace}\nsite\ngb\n{}\nstore\n{} {} {} {} {} {}",
                choice.map_or("", |_| &cookie),
                text("kind"),
                flags & 1,
                if same_site.is_empty() { "-" } else { same_site },
                lifetime.map_or("-".to_owned(), |lifetime: i64| lifetime.to_string()),
                flags >> 1,
                // A name that its pattern stands for.
                text("name").replace('*', "a b"),
            );
            let (allows, until) = consent::decide(&mut lean, &lines, 7, false);
            assert_eq!(
                (allows, until),
                (answer.outcome() == Outcome::Allow, answer.until()),
                "{lines:?}"
            );
            seen[usize::from(allows)] += 1;
        }
        for about in [
            "",
            "cookie",
            "cookie 1 lax - 1",
            "cookie 1 lax - 1 nobody's",
            "cookie 1 lax soon 1 _ga",
        ] {
            let lines = format!("{namespace}\nsite\ngb\n{cookie}\nstore\n{about}");
            assert_eq!(
                consent::decide(&mut lean, &lines, 7, false),
                (false, Until::Now),
                "{about}"
            );
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn a_cookie_goes_where_its_optional_purpose_is_denied() {
    let pack = Pack::open("opsyn");
    let mut engine = Engine::new(Bundle::load(pack.bundle(Target::Browser)).unwrap());
    let agreed = Choice {
        at: 6,
        offer: engine.bundle().meta("offer").unwrap().to_owned(),
        granted: vec!["analytics".into()],
        method: "save".into(),
        language: "en".into(),
        id: "0".into(),
        ..Choice::default()
    };
    let refused = Choice {
        refused: vec!["analytics".into()],
        granted: Vec::new(),
        ..agreed.clone()
    };
    let mut denies = |choice: Option<&Choice>, kind, name| {
        let cookie = choice.map(Choice::to_cookie).unwrap_or_default();
        let situation = ["OpSyn", "site", "gb", &cookie].join("\n");
        consent::denies(&mut engine, &situation, (kind, name), 7, false)
    };
    for (choice, kind, name, goes) in [
        (None, "cookie", "_ga", true),
        (Some(&refused), "cookie", "_ga", true),
        (Some(&refused), "cookie", "_ga_ABC", true),
        (Some(&agreed), "cookie", "_ga", false),
        (Some(&agreed), "cookie", "_ga_ABC", false),
        // Of another kind, or nobody's, or an essential one.
        (Some(&refused), "local", "_ga", false),
        (Some(&refused), "cookie", "_gb", false),
        (Some(&refused), "cookie", "opsyn_consent", false),
    ] {
        assert_eq!(denies(choice, kind, name), goes, "{kind} {name} {choice:?}");
    }
}

#[test]
fn every_case_of_the_pack_holds_and_every_promise_has_its_cases() {
    let pack = Pack::open("opsyn");
    let mut engine = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
    for case in &pack.cases {
        let outcome = match intake::request(engine.bundle(), &case.request, &stamp(case)) {
            Ok(request) => Answer::read(engine.decide(&request)).unwrap().outcome(),
            Err(_) => Outcome::Refused,
        };
        assert_eq!(outcome.as_str(), case.expect.outcome, "{}", case.name);
    }
    assert_eq!(
        avow_compiler::cases::gaps(&pack.compiled.promises, &pack.cases),
        []
    );
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let (one, other) = (Pack::open("opsyn"), Pack::open("opsyn"));
    for target in [Target::Server, Target::Browser] {
        assert_eq!(one.bundle(target), other.bundle(target));
    }
}
