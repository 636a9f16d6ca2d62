//! `POST /access/v1/evaluation`, without a socket, and once with one.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use avow_host::http::{Access, App, BindError, bind, serve_until};
use axum::Router;
use serde_json::{Value, json};

use crate::{
    common::evaluation,
    support::{Reply, get, host, post, token_access},
};

const PATH: &str = "/access/v1/evaluation";
const ACME: &[(&str, &str)] = &[("authorization", "Bearer for-acme")];

fn router() -> Router {
    App::new(host()).access(token_access()).router()
}

async fn ask(router: &Router, headers: &[(&str, &str)], body: &Value) -> Reply {
    post(router, PATH, headers, &body.to_string()).await
}

#[tokio::test]
async fn an_answer_has_the_decision_and_the_clauses_that_it_keeps() {
    let router = router();
    let reply = ask(
        &router,
        ACME,
        &evaluation("acme-amir", "view", "acme-order"),
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(
        reply.json(),
        json!({
            "decision": true,
            "context": {
                "outcome": "allow",
                "clauses": ["opsyn-isolation-1"],
                "rules": ["view-own-tenant"],
                "obligations": []
            }
        })
    );
    let reply = ask(&router, ACME, &evaluation("acme-amir", "edit", "acme-log")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({
            "decision": false,
            "context": {
                "outcome": "forbidden",
                "clauses": ["opsyn-rights-rectify-2"],
                "rules": ["audit-log-immutable"],
                "obligations": []
            }
        })
    );
    let reply = ask(
        &router,
        ACME,
        &evaluation("acme-amir", "export", "acme-order"),
    )
    .await;
    assert_eq!(reply.json()["context"]["outcome"], "not_permitted");
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_with_the_place() {
    let router = router();
    let good = || evaluation("acme-ada", "view", "acme-order");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good();
        change(&mut body);
        body
    };
    for (body, path) in [
        (json!([]), ""),
        (
            with(&|b| drop(b.as_object_mut().unwrap().remove("subject"))),
            "subject",
        ),
        (with(&|b| b["subject"] = json!("acme-ada")), "subject"),
        (
            with(&|b| drop(b["subject"].as_object_mut().unwrap().remove("id"))),
            "subject.id",
        ),
        (with(&|b| b["subject"]["id"] = json!(7)), "subject.id"),
        (with(&|b| b["subject"]["type"] = json!("Robot")), "subject"),
        (
            with(&|b| b["resource"]["type"] = json!("Spaceship")),
            "resource",
        ),
        (
            with(&|b| b["resource"]["kind"] = json!("x")),
            "resource.kind",
        ),
        (with(&|b| b["action"] = json!({})), "action.name"),
        (
            with(&|b| b["action"]["name"] = json!("teleport")),
            "action.name",
        ),
        (
            with(&|b| b["action"]["properties"] = json!({"a": 1})),
            "action.properties",
        ),
        (with(&|b| b["tenant"] = json!("bolt")), "tenant"),
        (
            with(&|b| b["context"] = json!({"tenant": "bolt"})),
            "context.tenant",
        ),
        (
            with(&|b| b["context"] = json!({"now": "2026-01-01T00:00:00Z"})),
            "context.now",
        ),
        (
            with(&|b| b["context"] = json!({"mood": "good"})),
            "context.mood",
        ),
        (with(&|b| b["context"] = json!("now")), "context"),
        (
            with(&|b| b["subject"]["properties"] = json!({"tenant": "acme", "role": "admin"})),
            "subject.properties.tenant",
        ),
        (
            with(&|b| b["resource"]["properties"] = json!({"shape": "round"})),
            "resource.properties.shape",
        ),
    ] {
        let reply = ask(&router, ACME, &body).await;
        assert_eq!(reply.status, 400, "{body}");
        let json = reply.json();
        assert_eq!(json["decision"], false, "{body}");
        assert_eq!(json["context"]["outcome"], "refused", "{body}");
        let found = json["context"]["problem"]["path"].as_str().unwrap();
        assert_eq!(found, path, "{body}: {json}");
    }
    // It goes on.
    assert_eq!(ask(&router, ACME, &good()).await.json()["decision"], true);
}

#[tokio::test]
async fn an_entity_that_the_host_knows_cannot_be_described_again() {
    let router = router();
    // `Avow::Visitor` has no attributes that could be refused for another reason.
    for body in [
        json!({
            "subject": {"type": "User", "id": "acme-amir", "properties": {"role": "admin"}},
            "action": {"name": "export"},
            "resource": {"type": "Record", "id": "acme-order"}
        }),
        json!({
            "subject": {"type": "User", "id": "acme-amir"},
            "action": {"name": "view"},
            "resource": {"type": "Record", "id": "bolt-order", "properties": {
                "tenant": "acme", "class": "operational-record", "holds": [], "erasure_requested": false
            }}
        }),
    ] {
        let reply = ask(&router, ACME, &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.json()["decision"], false);
        assert_eq!(reply.json()["context"]["outcome"], "refused");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_has_the_right_status() {
    let router = router();
    let good = evaluation("acme-ada", "view", "acme-order").to_string();
    let text = [ACME[0], ("content-type", "text/plain")];
    for (headers, body, status, code) in [
        (ACME, "", 400, "bad_request"),
        (ACME, "{", 400, "bad_request"),
        (ACME, "{\"subject\": \u{7}}", 400, "bad_request"),
        (&text[..], good.as_str(), 415, "unsupported_media_type"),
        (
            ACME,
            &format!("{good}{}", " ".repeat(64 * 1024)),
            413,
            "too_large",
        ),
        (
            ACME,
            &format!("{}{}", "[".repeat(3000), "]".repeat(3000)),
            400,
            "bad_request",
        ),
    ] {
        let reply = post(&router, PATH, headers, body).await;
        assert_eq!(
            reply.status,
            status,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        assert_eq!(reply.json()["error"]["code"], code);
        assert!(reply.json().get("decision").is_none());
    }
    let reply = post(
        &router,
        PATH,
        &[ACME[0], ("content-type", "Application/JSON; charset=utf-8")],
        &good,
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(get(&router, PATH, ACME).await.status, 405);
}

#[tokio::test]
async fn without_an_accepted_token_there_is_no_answer() {
    let router = router();
    let body = evaluation("acme-ada", "view", "acme-order");
    for (header, challenge) in [
        (None, "Bearer realm=\"avow\""),
        (
            Some("Bearer "),
            "Bearer realm=\"avow\", error=\"invalid_token\"",
        ),
        (
            Some("Bearer FOR-ACME"),
            "Bearer realm=\"avow\", error=\"invalid_token\"",
        ),
        (
            Some("Basic for-acme"),
            "Bearer realm=\"avow\", error=\"invalid_token\"",
        ),
        (
            Some("for-acme"),
            "Bearer realm=\"avow\", error=\"invalid_token\"",
        ),
    ] {
        let headers: Vec<_> = header
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let reply = ask(&router, &headers, &body).await;
        assert_eq!(reply.status, 401, "{header:?}");
        assert_eq!(reply.header("www-authenticate"), challenge);
        assert_eq!(reply.json()["error"]["code"], "unauthorized");
    }
    let two = [ACME[0], ("authorization", "Bearer for-bolt")];
    assert_eq!(ask(&router, &two, &body).await.status, 400);
    // The credential is looked at before the body is.
    assert_eq!(post(&router, PATH, &[], "{").await.status, 401);
}

#[tokio::test]
async fn only_the_backend_names_a_tenant_and_only_in_the_header() {
    let router = router();
    let body = evaluation("bolt-ada", "view", "bolt-order");
    let backend = ("authorization", "Bearer backend");
    let ask = |headers: Vec<(&'static str, &'static str)>| {
        let (router, body) = (router.clone(), body.clone());
        async move { ask(&router, &headers, &body).await }
    };
    let reply = ask(vec![backend, ("avow-tenant", "bolt")]).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["decision"]),
        (200, &json!(true))
    );
    let reply = ask(vec![backend, ("avow-tenant", "acme")]).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["decision"]),
        (200, &json!(false))
    );
    assert_eq!(ask(vec![backend]).await.status, 400);
    assert_eq!(
        ask(vec![backend, ("avow-tenant", "cobra")]).await.status,
        403
    );
    let twice = vec![backend, ("avow-tenant", "bolt"), ("avow-tenant", "acme")];
    assert_eq!(ask(twice).await.status, 400);
    for tenant in ["bolt", "acme"] {
        assert_eq!(
            ask(vec![ACME[0], ("avow-tenant", tenant)]).await.status,
            403
        );
    }
    let reply = ask(vec![("authorization", "Bearer for-nobody")]).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_answered_and_about_one_tenant() {
    let body = evaluation("acme-ada", "view", "acme-order").to_string();
    let open = App::new(host())
        .access(Access::Loopback("acme".into()))
        .router();
    assert_eq!(post(&open, PATH, &[], &body).await.json()["decision"], true);
    let named = post(&open, PATH, &[("avow-tenant", "bolt")], &body).await;
    assert_eq!(named.status, 403);
    for host in ["evil.example", "localhost.evil.example:7870", "192.0.2.1"] {
        let request = http::Request::post(PATH)
            .header("host", host)
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.clone()))
            .unwrap();
        assert_eq!(
            crate::support::call(&open, request).await.status,
            401,
            "{host}"
        );
    }
    let closed = App::new(host()).router();
    assert_eq!(post(&closed, PATH, &[], &body).await.status, 401);
}

#[tokio::test]
async fn without_tokens_no_socket_is_opened_to_other_machines() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    for access in [Access::Closed, Access::Loopback("acme".into())] {
        let refused = bind(everywhere, &access).await;
        assert!(matches!(refused, Err(BindError::Exposed(_))));
        assert!(
            bind(SocketAddr::from(([127, 0, 0, 1], 0)), &access)
                .await
                .is_ok()
        );
    }
    assert!(bind(everywhere, &token_access()).await.is_ok());
}

#[tokio::test]
async fn a_callers_request_id_comes_back_with_every_answer() {
    let router = router();
    let body = evaluation("acme-ada", "view", "acme-order");
    let id = ("x-request-id", "abc-123");
    assert_eq!(
        ask(&router, &[ACME[0], id], &body)
            .await
            .header("x-request-id"),
        "abc-123"
    );
    assert_eq!(
        ask(&router, &[id], &body).await.header("x-request-id"),
        "abc-123"
    );
    let long = "x".repeat(129);
    for bad in ["two words", long.as_str()] {
        let reply = ask(&router, &[ACME[0], ("x-request-id", bad)], &body).await;
        assert_eq!(reply.header("x-request-id"), "");
    }
}

#[tokio::test]
async fn health_and_counters_are_there() {
    let router = router();
    ask(&router, ACME, &evaluation("acme-ada", "view", "acme-order")).await;
    ask(&router, &[], &json!({})).await;
    assert_eq!(get(&router, "/healthz", &[]).await.status, 200);
    assert_eq!(get(&router, "/readyz", &[]).await.status, 200);
    let text = String::from_utf8(get(&router, "/metrics", &[]).await.body).unwrap();
    assert!(
        text.contains("avow_decisions_total{outcome=\"allow\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("avow_unauthorized_total 1\n"), "{text}");
    assert!(!text.contains("acme"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_socket_it_answers_and_stops_when_it_is_asked_to() {
    let host = host();
    let access = token_access();
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), &access)
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let router = App::new(Arc::clone(&host)).access(access).router();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve_until(listener, router, async {
        let _ = stopped.await;
    }));
    let reply = tokio::task::spawn_blocking(move || {
        let body = evaluation("acme-ada", "view", "acme-order").to_string();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer for-acme\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    })
    .await
    .unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("\"decision\":true"), "{reply}");
    // A connection that says nothing does not keep it from stopping.
    let idle = TcpStream::connect(address).unwrap();
    stop.send(()).unwrap();
    let end = tokio::time::timeout(std::time::Duration::from_secs(15), server).await;
    end.expect("it stops").unwrap().unwrap();
    drop(idle);
    assert!(TcpStream::connect(address).is_err());
}
