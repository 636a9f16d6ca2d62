//! What JSON becomes a request, what is refused, and with which words.

use avow_compiler::{Plain, Target};
use avow_engine::{
    Answer, Bundle, Engine, Verdict,
    intake::{self, Json, Stamp},
};
use avow_tests::Pack;
use serde_json::json;

const CALLER: Stamp<'static> = Stamp {
    now: Some(1_780_272_000_000),
    tenant: Some("acme"),
    trusted: false,
};

fn as_json(value: &serde_json::Value) -> Json {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn bundle() -> Bundle {
    Bundle::load(Pack::open("opsyn").bundle(Target::Server)).unwrap()
}

/// A request that fits; each test spoils it somewhere.
fn sound() -> serde_json::Value {
    json!({
        "principal": "User::\"ada\"",
        "action": "view",
        "resource": {"type": "OpSyn::Record", "id": "r"},
        "context": {},
    })
}

#[track_caller]
fn refused(spoil: impl Fn(&mut serde_json::Value), path: &str, message: &str) {
    let mut request = sound();
    spoil(&mut request);
    let problem = intake::request(&bundle(), &as_json(&request), &CALLER).unwrap_err();
    assert_eq!(problem.path, path, "{problem}");
    assert!(problem.message.contains(message), "{problem}");
}

#[test]
fn a_sound_request_passes() {
    assert!(intake::request(&bundle(), &as_json(&sound()), &CALLER).is_ok());
}

#[test]
fn shapes_that_are_no_request() {
    refused(|r| *r = json!([]), "", "expected an object, found a list");
    refused(|r| r["extra"] = json!(1), "extra", "unknown key");
    refused(
        |r| drop(r.as_object_mut().unwrap().remove("action")),
        "action",
        "has none",
    );
    refused(
        |r| r["principal"] = json!("ada"),
        "principal",
        "`ada` is no entity",
    );
    refused(
        |r| r["principal"] = json!({"type": "User"}),
        "principal",
        "expected an entity",
    );
    refused(|r| r["action"] = json!("fly"), "action", "no action `fly`");
    refused(
        |r| r["resource"] = json!("Rocket::\"r\""),
        "resource",
        "no entity type `Rocket`",
    );
    refused(
        |r| r["principal"] = json!("Backup::\"b\""),
        "principal",
        "takes no principal of type `OpSyn::Backup`",
    );
}

#[test]
fn values_of_another_type_are_refused_with_their_path() {
    refused(
        |r| r["context"] = json!({"colour": 1}),
        "context.colour",
        "declares no such attribute",
    );
    refused(
        |r| {
            r["action"] = json!("process_data");
            r["context"] = json!({"use": 5});
        },
        "context.use",
        "expected the id of a `Avow::Use`, found an integer",
    );
    refused(
        |r| {
            r["action"] = json!("support_read");
            r["principal"] = json!("Staff::\"sam\"");
            r["context"] = json!({"from_region": "eu", "auditable": "yes"});
        },
        "context.auditable",
        "expected a boolean, found a string",
    );
    refused(
        |r| {
            r["action"] = json!("support_read");
            r["principal"] = json!("Staff::\"sam\"");
            r["context"] = json!({"from_region": "eu"});
        },
        "context.auditable",
        "the required attribute is missing",
    );
}

#[test]
fn a_caller_may_not_say_what_the_host_says() {
    refused(
        |r| r["context"]["now"] = json!("2020-01-01"),
        "context.now",
        "the host sets it",
    );
    refused(
        |r| r["context"]["tenant"] = json!("harbour"),
        "context.tenant",
        "the host sets it",
    );
    let user = json!([{"uid": "User::\"ada\"", "attrs": {"role": "admin"}}]);
    refused(
        |r| r["entities"] = user.clone(),
        "entities[0].attrs.role",
        "is authoritative",
    );
    let storage = json!([{"uid": "Storage::\"ga\"", "attrs": {}}]);
    refused(
        |r| r["entities"] = storage.clone(),
        "entities[0].uid",
        "described by the bundle",
    );
    let action = json!([{"uid": "OpSyn::Action::\"view\""}]);
    refused(
        |r| r["entities"] = action.clone(),
        "entities[0].uid",
        "no entity type",
    );
}

fn plain(schema: &str, policies: &str) -> Vec<u8> {
    let plain = Plain {
        schema: Some(schema),
        policies,
        links: "",
        validate: true,
    };
    plain.compile().unwrap()
}

#[test]
fn time_and_tenant_are_the_hosts_even_where_the_schema_forgot_to_say_so() {
    let bytes = plain(
        "entity User; entity Doc; action read appliesTo { principal: [User], resource: [Doc], context: { now?: datetime, tenant?: String } };",
        "permit (principal, action, resource) when { context has tenant && context.tenant == \"acme\" };",
    );
    let mut engine = Engine::new(Bundle::load(bytes).unwrap());
    let request = |context: serde_json::Value| {
        as_json(
            &json!({"principal": "User::\"u\"", "action": "read", "resource": "Doc::\"d\"", "context": context}),
        )
    };
    for context in [json!({"tenant": "acme"}), json!({"now": "2020-01-01"})] {
        assert!(intake::request(engine.bundle(), &request(context), &CALLER).is_err());
    }
    let bytes = intake::request(engine.bundle(), &request(json!({})), &CALLER).unwrap();
    let answer = engine.decide(&bytes).to_vec();
    let verdict = Verdict::new(engine.bundle(), &Answer::read(&answer).unwrap());
    assert_eq!(verdict.outcome, "allow");
}

#[test]
fn residents_outrank_a_request_that_describes_one_again() {
    let bytes = plain(
        "entity User { admin: Bool }; entity Doc; action read appliesTo { principal: [User], resource: [Doc] };",
        "permit (principal, action, resource) when { principal.admin };",
    );
    let mut engine = Engine::new(Bundle::load(bytes).unwrap());
    let user = |admin: bool| json!([{"uid": "User::\"u\"", "attrs": {"admin": admin}}]);
    let request = as_json(&json!({
        "principal": "User::\"u\"", "action": "read", "resource": "Doc::\"d\"", "entities": user(true),
    }));
    let request = intake::request(engine.bundle(), &request, &CALLER).unwrap();
    let outcome = |engine: &mut Engine| {
        Answer::read(engine.decide(&request))
            .unwrap()
            .outcome()
            .as_str()
    };
    assert_eq!(outcome(&mut engine), "allow");
    let residents = intake::residents(engine.bundle(), &as_json(&user(false))).unwrap();
    engine.patch(&residents).unwrap();
    assert_eq!(outcome(&mut engine), "refused");
    // Residents that do not hold together leave the ones before in place.
    assert!(engine.patch(&residents[..residents.len() - 1]).is_err());
    assert_eq!(outcome(&mut engine), "refused");
}

#[test]
fn calendar_periods_are_computed_and_never_taken() {
    let bundle = bundle();
    let entity = |attrs: serde_json::Value| {
        intake::residents(
            &bundle,
            &as_json(&json!([{"uid": "SubjectRequest::\"s\"", "attrs": attrs}])),
        )
    };
    assert!(entity(json!({"tenant": "acme", "received": "2026-01-31T10:00:00Z"})).is_ok());
    let sent = json!({"tenant": "acme", "received": "2026-01-31", "answer_by": "2036-01-01"});
    assert!(
        entity(sent)
            .unwrap_err()
            .message
            .contains("computed from `received`")
    );
}
