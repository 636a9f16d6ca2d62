//! One tenant's credential, and everything that a caller can vary to reach another tenant's data.
//!
//! Each attempt goes to two hosts. They differ in the other tenant's entities alone, so an answer that differs tells
//! something about that tenant; and an allow would be one outright.

use avow_host::http::App;
use axum::Router;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{Reply, host_of, post, residents, token_access};

#[derive(Clone, Debug)]
struct Attempt {
    headers: Vec<(&'static str, String)>,
    body: Value,
}

/// A credential that speaks for `acme` at most, with or without claims beside it.
fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let credential = prop_oneof![
        6 => Just("Bearer for-acme".to_owned()),
        1 => Just("bearer  for-acme".to_owned()),
        1 => Just("Bearer for-nobody".to_owned()),
        1 => "[ -~]{0,20}".prop_map(|text| format!("Bearer {text}")),
        1 => Just("Bearer for-acme, Bearer for-bolt-not".to_owned()),
    ];
    let claim = prop_oneof![
        3 => Just(None),
        1 => Just(Some(("avow-tenant", "bolt".to_owned()))),
        1 => Just(Some(("Avow-Tenant", "acme, bolt".to_owned()))),
        1 => Just(Some(("x-avow-tenant", "bolt".to_owned()))),
        1 => Just(Some(("x-tenant-id", "bolt".to_owned()))),
        1 => Just(Some(("x-forwarded-for", "127.0.0.1".to_owned()))),
    ];
    (credential, claim).prop_map(|(credential, claim)| {
        let mut headers = vec![("authorization", credential)];
        headers.extend(claim);
        headers
    })
}

fn tenant() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("acme")),
        Just(json!("bolt")),
        Just(json!({"type": "Tenant", "id": "acme"})),
        Just(json!({"__entity": {"type": "OpSyn::Tenant", "id": "bolt"}})),
        Just(json!("OpSyn::Tenant::\"acme\"")),
        Just(json!(null)),
    ]
}

fn properties() -> impl Strategy<Value = Option<Value>> {
    let full = (tenant(), any::<bool>()).prop_map(|(tenant, is_user)| {
        Some(if is_user {
            json!({"tenant": tenant, "role": "admin"})
        } else {
            json!({"tenant": tenant, "class": "operational-record", "holds": [], "erasure_requested": false})
        })
    });
    let part = tenant().prop_map(|tenant| Some(json!({"tenant": tenant})));
    prop_oneof![4 => Just(None), 2 => full, 1 => part, 1 => Just(Some(json!({})))]
}

fn subject() -> impl Strategy<Value = Value> {
    let uid = prop_oneof![
        3 => Just(("User", "acme-ada")),
        1 => Just(("OpSyn::User", "acme-amir")),
        2 => Just(("User", "bolt-ada")),
        1 => Just(("User", "nobody")),
        1 => Just(("Job", "acme-job")),
        1 => Just(("Staff", "sam")),
        1 => Just(("User", "acme-ada\"; OpSyn::User::\"bolt-ada")),
    ];
    described(uid)
}

/// Always the other tenant's.
fn resource() -> impl Strategy<Value = Value> {
    let uid = prop_oneof![
        4 => Just(("Record", "bolt-order")),
        2 => Just(("OpSyn::Record", "bolt-log")),
        2 => Just(("User", "bolt-ada")),
        1 => Just(("User", "bolt-amir")),
        1 => Just(("Record", "bolt-order\u{0}")),
        1 => Just(("Record", " bolt-order")),
    ];
    described(uid)
}

fn described(
    uid: impl Strategy<Value = (&'static str, &'static str)>,
) -> impl Strategy<Value = Value> {
    (uid, properties()).prop_map(|((kind, id), properties)| {
        let mut entity = json!({"type": kind, "id": id});
        if let Some(properties) = properties {
            entity["properties"] = properties;
        }
        entity
    })
}

fn body() -> impl Strategy<Value = Value> {
    let action = prop::sample::select(vec![
        "view",
        "export",
        "edit",
        "delete",
        "append_correction",
        "request_erasure",
        "edit_role",
        "deactivate",
        "support_read",
        "process_data",
        "retain",
        "purge",
        "restore",
    ]);
    let context = prop_oneof![
        3 => Just(None),
        1 => tenant().prop_map(|tenant| Some(json!({"tenant": tenant}))),
        1 => Just(Some(json!({"now": "2020-01-01T00:00:00Z"}))),
        1 => Just(Some(json!({"use": "support"}))),
        1 => Just(Some(json!({"from_region": "uk-south", "auditable": true}))),
    ];
    let extra = prop_oneof![
        4 => Just(None),
        1 => tenant().prop_map(|tenant| Some(("tenant", tenant))),
        1 => Just(Some(("entities", json!([{
            "uid": "OpSyn::Record::\"bolt-order\"",
            "attrs": {"tenant": "acme", "class": "operational-record", "holds": [], "erasure_requested": false}
        }])))),
        1 => Just(Some(("principal", json!("OpSyn::User::\"bolt-ada\"")))),
        1 => Just(Some(("evaluations", json!([{}])))),
    ];
    (subject(), action, resource(), context, extra).prop_map(
        |(subject, action, resource, context, extra)| {
            let mut body = Map::new();
            body.insert("subject".into(), subject);
            body.insert("action".into(), json!({"name": action}));
            body.insert("resource".into(), resource);
            body.extend(context.map(|context| ("context".to_owned(), context)));
            body.extend(extra.map(|(key, value)| (key.to_owned(), value)));
            Value::Object(body)
        },
    )
}

/// Attempts in which nothing is malformed, so that the rules decide.
fn plain() -> impl Strategy<Value = Value> {
    let user = prop::sample::select(vec!["acme-ada", "acme-amir", "bolt-ada", "nobody"]);
    let resource = prop_oneof![
        (
            Just("Record"),
            prop::sample::select(vec!["bolt-order", "bolt-log", "bolt-nothing"]),
            prop::sample::select(vec![
                "view",
                "export",
                "edit",
                "delete",
                "append_correction",
                "request_erasure",
            ]),
        ),
        (
            Just("User"),
            prop::sample::select(vec!["bolt-ada", "bolt-amir", "bolt-nobody"]),
            prop::sample::select(vec!["view", "edit_role", "deactivate"]),
        ),
    ];
    (user, resource).prop_map(|(user, (kind, id, action))| {
        json!({
            "subject": {"type": "User", "id": user},
            "action": {"name": action},
            "resource": {"type": kind, "id": id}
        })
    })
}

#[test]
fn no_answer_about_another_tenant_in_a_thousand_attempts() {
    let router = |others| {
        let host = host_of(&[("acme", residents("acme")), ("bolt", others)]);
        App::new(host).access(token_access()).router()
    };
    let empty = serde_json::from_value(json!([])).unwrap();
    let (with, without): (Router, Router) = (router(residents("bolt")), router(empty));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let body = prop_oneof![2 => body(), 1 => plain()];
    let strategy = (headers(), body).prop_map(|(headers, body)| Attempt { headers, body });
    let answered = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&strategy, |attempt| {
            let ask = |router: &Router| -> Reply {
                let headers: Vec<_> = attempt
                    .headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let body = attempt.body.to_string();
                runtime.block_on(post(router, "/access/v1/evaluation", &headers, &body))
            };
            let (one, other) = (ask(&with), ask(&without));
            prop_assert_eq!(one.status, other.status);
            prop_assert_eq!(&one.body, &other.body);
            let status = one.status.as_u16();
            prop_assert!([200, 400, 401, 403].contains(&status), "{}", status);
            let decision = &one.json()["decision"];
            prop_assert!(decision.is_null() || *decision == false, "{}", decision);
            answered.set(answered.get() + usize::from(status == 200));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    // Most of them would be worth nothing if all were turned away at the door.
    let answered = answered.get();
    assert!(answered > 100, "only {answered} attempts reached the rules");
}
