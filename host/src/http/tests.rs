//! What a caller sees of a guest that fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::{Access, App, server::serve_within};
use crate::{
    common,
    gate::StrippedCookies,
    host::Host,
    sandbox::{
        Limits, Sandbox,
        tests::{GROWS, LOOPS, TRAPS},
    },
    trust::Trust,
};

/// A guest that does `on_decide` whatever it is asked.
fn guest(on_decide: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 16)
            (func (export "avow_version") (result i32) (i32.const 1))
            (func (export "avow_alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "avow_load") (param i32 i32) (result i64) (i64.const 0))
            (func (export "avow_patch") (param i32 i32) (result i64) (i64.const 0x200000000c))
            (func (export "avow_explain") (param i32 i32) (result i64) (i64.const 0))
            (func (export "avow_decide") (param i32 i32) (result i64) {on_decide}))"#
    )
}

fn host(on_decide: &str) -> Arc<Host> {
    let limits = Limits {
        decision: Duration::from_millis(30),
        ..Limits::default()
    };
    let sandbox = Sandbox::with_wat(limits, &guest(on_decide)).unwrap();
    let residents = serde_json::from_value(common::residents("acme")).unwrap();
    let host = Host::builder()
        .trust(Trust::default().allow_unsigned())
        .tenant("acme", residents)
        .sandbox(sandbox)
        .build(&common::bundle())
        .unwrap();
    Arc::new(host)
}

#[track_caller]
fn check(on_decide: &str, code: &str) {
    let host = host(on_decide);
    let router = App::new(Arc::clone(&host))
        .access(Access::Loopback("acme".into()))
        .router();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for round in 1..=3 {
            let body = common::evaluation("acme-ada", "view", "acme-order").to_string();
            let request = Request::post("/access/v1/evaluation")
                .header("host", "localhost")
                .header("content-type", "application/json")
                .body(Body::from(body))
                .unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = to_bytes(response.into_body(), 65_536).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["decision"], false);
            assert_eq!(body["context"]["outcome"], "failed");
            assert_eq!(body["context"]["error"], code);
            if code.starts_with("guest_") && code != "guest_answer" {
                assert_eq!(host.guests_replaced(), round);
            }
        }
        let alive = Request::get("/healthz").body(Body::empty()).unwrap();
        let alive = router.clone().oneshot(alive).await.unwrap();
        assert_eq!(alive.status(), StatusCode::OK);
    });
}

#[test]
fn a_guest_that_runs_too_long_is_a_server_error_and_a_deny() {
    check(LOOPS, "guest_timed_out");
}

#[test]
fn a_guest_that_grows_too_far_is_a_server_error_and_a_deny() {
    check(GROWS, "guest_outgrew");
}

#[test]
fn a_guest_that_traps_is_a_server_error_and_a_deny() {
    check(TRAPS, "guest_trapped");
}

#[test]
fn a_guest_that_answers_nonsense_is_a_server_error_and_a_deny() {
    check("(i64.const 0x0000000000000010)", "guest_answer");
}

#[test]
fn no_cookie_passes_a_gate_whose_guest_fails() {
    use crate::gate::CookieGate;
    use tower_layer::Layer as _;

    let host = host(LOOPS);
    let service = tower::service_fn(|_: Request<()>| async {
        let mut response = http::Response::new(());
        for cookie in ["opsyn_consent=1; Max-Age=60", "_ga=1", "_ga=1; Max-Age=0"] {
            let cookie = http::HeaderValue::from_static(cookie);
            response.headers_mut().append("set-cookie", cookie);
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    let gated = CookieGate::new(Arc::clone(&host)).layer(service);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let response = runtime.block_on(gated.oneshot(Request::new(()))).unwrap();
    let left: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(left, ["_ga=1; Max-Age=0"]);
    let stripped = response.extensions().get::<StrippedCookies>().unwrap();
    assert!(stripped.0.iter().all(|cookie| cookie.outcome == "failed"));
    assert_eq!(
        host.guests_replaced(),
        1,
        "the guest is asked once, not for each cookie"
    );
}

#[test]
fn whether_to_ask_is_not_guessed_where_the_guest_fails() {
    let router = App::new(host(TRAPS)).router();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = Request::get("/consent/context")
            .body(Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 65_536).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], "guest_trapped");
        assert_eq!(body["ask"], serde_json::Value::Null);
    });
}

#[test]
fn what_is_not_essential_goes_where_the_guest_fails_and_the_guest_is_asked_once() {
    use crate::ledger::Ledger;

    let host = host(LOOPS);
    let router = App::new(Arc::clone(&host))
        .ledger(Ledger::in_memory().unwrap())
        .router();
    let bundle = host.in_force();
    let offer = bundle.bundle().meta("offer").unwrap();
    let choice = format!("1.1.{offer}.+analytics..accept.en.id");
    let digest = "ab".repeat(32);
    let body = serde_json::json!({"choice": choice, "bundle": digest, "texts": digest});
    let request = Request::post("/consent")
        .header("content-type", "application/json")
        .header("cookie", "_ga=1; _gid=2; en_session=3; unknown=4")
        .body(Body::from(body.to_string()))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let response = runtime.block_on(router.oneshot(request)).unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let set: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(
        set,
        [
            "_ga=; Max-Age=0; Path=/; Secure",
            "_gid=; Max-Age=0; Path=/; Secure"
        ]
    );
    assert_eq!(
        host.guests_replaced(),
        2,
        "once for the consent cookie, once for what is to go"
    );
}

/// What comes back of a text that is sent, and after how long the server closes the connection.
fn say(address: SocketAddr, text: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut reply = String::new();
    stream
        .read_to_string(&mut reply)
        .expect("the server closes the connection");
    (reply, began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_head_does_not_arrive_is_not_waited_for() {
    let bind = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = bind.await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = App::new(host(TRAPS)).router();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let header_time = Duration::from_millis(300);
    let server = tokio::spawn(serve_within(listener, router, stopped, header_time));
    for (text, answered) in [
        ("", false),
        ("GET /healthz HTTP/1.1\r\nHost: local", false),
        // It is answered; then the next request does not come.
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", true),
    ] {
        let said = tokio::task::spawn_blocking(move || say(address, text));
        let (reply, after) = said.await.unwrap();
        assert_eq!(reply.starts_with("HTTP/1.1 200 OK\r\n"), answered, "{text}");
        assert!(after >= header_time, "{text}: {after:?}");
    }
    stop.send(()).unwrap();
    server.await.unwrap();
}
