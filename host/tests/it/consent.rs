//! `POST /consent`.

use std::{path::Path, sync::Arc};

use avow_host::{Host, Ledger, Visit, Visits, avow_engine::Choice, http::App};
use axum::Router;
use serde_json::{Value, json};

use crate::{
    common::NOW,
    support::{Reply, choice, host, post},
};

fn router(host: &Arc<Host>, ledger: &Path, production: bool) -> Router {
    let visits = Visits::new(move |headers, _| Visit {
        production,
        ..Visit::from_headers(headers)
    });
    App::new(Arc::clone(host))
        .ledger(Ledger::open(ledger).unwrap())
        .visits(visits)
        .router()
}

fn body(choice: &Choice) -> Value {
    json!({"choice": choice.to_cookie(), "bundle": "ab".repeat(32), "texts": "CD".repeat(32)})
}

async fn send(router: &Router, headers: &[(&str, &str)], body: &Value) -> Reply {
    post(router, "/consent", headers, &body.to_string()).await
}

fn records(path: &Path) -> i64 {
    Ledger::open(path).unwrap().verify().unwrap().seq
}

#[tokio::test]
async fn a_choice_is_recorded_and_comes_back_as_a_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    for (number, accept) in [(1, true), (2, false)] {
        let choice = choice(&host, accept);
        let reply = send(&router, &[], &body(&choice)).await;
        assert_eq!(reply.status, 201);
        assert_eq!(reply.json()["seq"], number);
        assert_eq!(reply.json()["id"], choice.id.as_str());
        let cookie = format!(
            "opsyn_consent={}; Path=/; Max-Age=31536000; SameSite=Lax; Secure",
            choice.to_cookie()
        );
        assert_eq!(reply.header("set-cookie"), cookie);
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    assert_eq!(records(&path), 2);
}

#[tokio::test]
async fn a_developers_machine_gets_the_cookie_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let router = router(&host, &folder.path().join("c.db"), false);
    let reply = send(&router, &[], &body(&choice(&host, true))).await;
    assert!(reply.header("set-cookie").ends_with("; SameSite=Lax"));
}

#[tokio::test]
async fn the_same_choice_again_is_recorded_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let mut choice = choice(&host, true);
    let first = send(&router, &[], &body(&choice)).await;
    let second = send(&router, &[], &body(&choice)).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("set-cookie"), second.header("set-cookie"));
    // Another choice under its id.
    choice.at += 1;
    let third = send(&router, &[], &body(&choice)).await;
    assert_eq!(third.status, 409);
    assert_eq!(third.json()["error"]["code"], "id_taken");
    assert_eq!(third.header("set-cookie"), "");
    assert_eq!(records(&path), 1);
}

#[tokio::test]
async fn what_is_no_choice_about_the_current_offer_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let with = |change: &dyn Fn(&mut Choice)| {
        let mut choice = choice(&host, true);
        change(&mut choice);
        body(&choice)
    };
    let good = with(&|_| {});
    let edited = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (body, status, word) in [
        (with(&|c| c.granted.push("spying".into())), 400, "`spying`"),
        (with(&|c| c.objected.push("spying".into())), 400, "`spying`"),
        (
            with(&|c| c.services.push("spy-net".into())),
            400,
            "`spy-net`",
        ),
        (with(&|c| c.at = NOW + 5 * 60_000 + 1), 400, "time"),
        (with(&|c| c.at = -1), 400, "time"),
        (with(&|c| c.method = "guess".into()), 400, "`guess`"),
        // What is shown once is not chosen for later.
        (with(&|c| c.method = "once".into()), 400, "`once`"),
        (with(&|c| c.id = "x".repeat(65)), 400, "64 bytes"),
        (edited("choice", json!("nonsense")), 400, "`choice`"),
        (edited("bundle", json!("ab")), 400, "`bundle`"),
        (edited("texts", json!("zz".repeat(32))), 400, "`texts`"),
        (edited("tenant", json!("acme")), 400, "tenant"),
        (json!({}), 400, "choice"),
    ] {
        let reply = send(&router, &[], &body).await;
        assert_eq!(reply.status, status, "{body}");
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains(word), "{message}");
        assert_eq!(reply.header("set-cookie"), "");
    }
    let large = format!("{good}{}", " ".repeat(64 * 1024));
    assert_eq!(post(&router, "/consent", &[], &large).await.status, 413);
    assert_eq!(records(&path), 0);
    let almost = with(&|c| c.at = NOW + 5 * 60_000);
    assert_eq!(send(&router, &[], &almost).await.status, 201);
}

#[tokio::test]
async fn each_way_to_choose_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let methods = [
        "accept",
        "reject",
        "save",
        "withdraw",
        "gpc",
        "api",
        "placeholder",
    ];
    for method in methods {
        let mut choice = choice(&host, true);
        choice.method = method.into();
        choice.id = method.into();
        let reply = send(&router, &[], &body(&choice)).await;
        assert_eq!(reply.status, 201, "{method}");
    }
    assert_eq!(records(&path), 7);
}

#[tokio::test]
async fn a_choice_that_arrives_after_a_newer_one_is_recorded_and_leaves_the_cookie_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let late = choice(&host, true);
    let known = |at: i64, id: &str| {
        let mut choice = choice(&host, false);
        choice.at = at;
        choice.id = id.into();
        format!("opsyn_consent={}", choice.to_cookie())
    };
    let newer = known(late.at + 1, "newer");
    let two = format!("{}; {newer}", known(late.at - 5, "older"));
    for (cookies, status) in [(format!("{newer}; _ga=1"), 201), (newer, 200), (two, 200)] {
        let reply = send(&router, &[("cookie", &cookies)], &body(&late)).await;
        assert_eq!(reply.status, status, "{cookies}");
        assert_eq!(reply.json()["current"], false, "{cookies}");
        assert_eq!(reply.header("set-cookie"), "", "{cookies}");
    }
    for cookies in [
        known(late.at, "same"),
        known(late.at - 1, "older"),
        // Nobody has chosen then yet.
        known(NOW + 5 * 60_000 + 1, "planted"),
        "opsyn_consent=1.99999999999999".to_owned(),
        newer_under_another_name(&late),
    ] {
        let reply = send(&router, &[("cookie", &cookies)], &body(&late)).await;
        assert_eq!(reply.json()["current"], true, "{cookies}");
        assert!(reply.header("set-cookie").contains("id-true"), "{cookies}");
    }
    assert_eq!(records(&path), 1);
}

fn newer_under_another_name(choice: &Choice) -> String {
    let mut newer = choice.clone();
    newer.at += 1;
    format!("another_consent={}", newer.to_cookie())
}

#[tokio::test]
async fn a_choice_about_another_offer_is_evidence_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let mut old = choice(&host, true);
    old.offer = "0123456789ab".into();
    old.granted.push("surveys".into());
    old.services.push("survey-tool".into());
    let cookies = [("cookie", "_ga=1; en_session=2")];
    for status in [201, 200] {
        let reply = send(&router, &cookies, &body(&old)).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.json()["current"], false);
        assert_eq!(reply.json()["seq"], 1);
        // It allows nothing, and so it does not allow this.
        assert_eq!(
            reply.set_cookies(),
            ["_ga=; Max-Age=0; Path=/; Secure"],
            "no consent cookie"
        );
    }
    assert_eq!(records(&path), 1);
    let reply = send(&router, &[], &body(&choice(&host, false))).await;
    assert_eq!(reply.json()["current"], true);
    assert_eq!(reply.json()["seq"], 2);
}

#[tokio::test]
async fn what_cannot_have_been_offered_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let with = |change: &dyn Fn(&mut Choice)| {
        let mut choice = choice(&host, true);
        choice.offer = "0123456789ab".into();
        change(&mut choice);
        body(&choice)
    };
    let mut contradicts = with(&|_| {});
    contradicts["bundle"] = json!(host.in_force().digest());
    for (body, status, word) in [
        // The bundle that it names has another offer: it is the one in force.
        (contradicts, 409, "current one"),
        // So long no choice is kept.
        (
            with(&|c| c.at = NOW - 365 * 86_400_000 - 1),
            409,
            "current one",
        ),
        (
            with(&|c| c.granted.push("No_Slug".into())),
            400,
            "`No_Slug`",
        ),
        (
            with(&|c| c.services.push("No_Slug".into())),
            400,
            "`No_Slug`",
        ),
        (with(&|c| c.offer = "a".repeat(65)), 400, "64 bytes"),
    ] {
        let reply = send(&router, &[], &body).await;
        assert_eq!(reply.status, status, "{body}");
        let message = reply.json()["error"]["message"].to_string();
        assert!(message.contains(word), "{message}");
        assert_eq!(reply.header("set-cookie"), "");
    }
    assert_eq!(records(&path), 0);
    let oldest = with(&|c| c.at = NOW - 365 * 86_400_000);
    assert_eq!(send(&router, &[], &oldest).await.status, 201);
}

#[tokio::test]
async fn choices_are_taken_down_at_a_bounded_pace() {
    let host = host();
    let router = App::new(Arc::clone(&host))
        .ledger(Ledger::in_memory().unwrap())
        .choices_per_second(1)
        .router();
    let body = body(&choice(&host, true));
    let mut refused = None;
    for _ in 0..20 {
        let reply = send(&router, &[], &body).await;
        if !reply.status.is_success() {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("twenty at once are too many");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("set-cookie"), "");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(send(&router, &[], &body).await.status, 200);
}

#[tokio::test]
async fn other_sites_cannot_choose_for_a_visitor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consent.db");
    let host = host();
    let router = router(&host, &path, true);
    let body = body(&choice(&host, true));
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:9")],
        &[
            ("origin", "http://localhost"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        assert_eq!(
            send(&router, headers, &body).await.status,
            403,
            "{headers:?}"
        );
    }
    // A form or a beacon of another site's page can send this type without asking first.
    let plain = [("content-type", "text/plain")];
    assert_eq!(send(&router, &plain, &body).await.status, 415);
    assert_eq!(records(&path), 0);
    for headers in [
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://public.example"),
        ][..],
        &[("origin", "http://localhost")],
    ] {
        assert!(
            send(&router, headers, &body).await.status.is_success(),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn without_a_ledger_nothing_is_taken_down() {
    let host = host();
    let router = App::new(Arc::clone(&host)).router();
    let reply = send(&router, &[], &body(&choice(&host, true))).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.header("set-cookie"), "");
}
