//! What a caller sees of a guest that fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{sync::Arc, time::Duration};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::{Access, App};
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
