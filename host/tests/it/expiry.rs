//! The cookies that the answer of `POST /consent` sets and takes away.

use std::sync::Arc;

use avow_host::{Host, Ledger, Visit, Visits, avow_engine::Choice, http::App};
use axum::Router;
use http::HeaderName;
use serde_json::json;

use crate::support::{Reply, choice, host_of_pack, post, with_californian_rules};

const COOKIES: &str =
    "_ga=1; _ga_AB12=2; _gid=3; en_session=4; unknown=5; _ga=6; opsyn_consent=1.old";

fn router(host: &Arc<Host>, production: bool) -> Router {
    let visits = Visits::new(move |headers, _| Visit {
        production,
        ..Visit::from_headers(headers)
    });
    let place = HeaderName::from_static("place");
    App::new(Arc::clone(host))
        .ledger(Ledger::in_memory().unwrap())
        .visits(visits.place(place, None))
        .origin("https://www.example.com")
        .router()
}

async fn send(router: &Router, choice: &Choice, headers: &[(&str, &str)]) -> Reply {
    let body = json!({
        "choice": choice.to_cookie(), "bundle": "ab".repeat(32), "texts": "cd".repeat(32)
    });
    post(router, "/consent", headers, &body.to_string()).await
}

/// Names of the cookies that an answer takes away.
fn expired(reply: &Reply) -> Vec<&str> {
    let all = reply.set_cookies().into_iter();
    let mut names: Vec<&str> = all
        .filter(|cookie| cookie.contains("=; Max-Age=0; Path=/"))
        .map(|cookie| cookie.split('=').next().unwrap())
        .collect();
    names.dedup();
    names
}

#[tokio::test]
async fn what_the_choice_does_not_allow_is_taken_away_and_nothing_else() {
    let host = host_of_pack(|_| {});
    let router = router(&host, true);
    let refused = choice(&host, false);
    let reply = send(&router, &refused, &[("cookie", COOKIES)]).await;
    assert_eq!(reply.status, 201);
    assert_eq!(expired(&reply), ["_ga", "_ga_AB12", "_gid"]);
    // Again: the first answer may have got lost.
    let again = send(&router, &refused, &[("cookie", COOKIES)]).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.set_cookies(), reply.set_cookies());

    let reply = send(&router, &choice(&host, true), &[("cookie", COOKIES)]).await;
    assert_eq!(expired(&reply), [""; 0]);
    let reply = send(&router, &refused, &[]).await;
    assert_eq!(reply.set_cookies().len(), 1);
    assert!(reply.header("set-cookie").starts_with("opsyn_consent=1."));
}

#[tokio::test]
async fn a_cookie_is_taken_away_wherever_it_may_have_been_set() {
    let host = host_of_pack(|_| {});
    let router = router(&host, true);
    let refused = choice(&host, false);
    for (name, domains) in [
        (
            "a.www.example.com:8443",
            &["a.www.example.com", "www.example.com", "example.com"][..],
        ),
        ("example.com", &["example.com"]),
        ("localhost", &[]),
        ("127.0.0.1:80", &[]),
        ("[::1]:80", &[]),
    ] {
        let headers = [("cookie", "_gid=1"), ("host", name)];
        let body = json!({
            "choice": refused.to_cookie(), "bundle": "ab".repeat(32), "texts": "cd".repeat(32)
        });
        let mut request =
            http::Request::post("/consent").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let reply = crate::support::call(&router, request).await;
        let mut expected = vec!["_gid=; Max-Age=0; Path=/; Secure".to_owned()];
        expected.extend(
            domains
                .iter()
                .map(|domain| format!("_gid=; Max-Age=0; Path=/; Domain={domain}; Secure")),
        );
        assert_eq!(reply.set_cookies().split_off(1), expected, "{name}");
    }
}

#[tokio::test]
async fn an_essential_cookie_stays_even_where_the_rules_deny_it() {
    let host = host_of_pack(|files| {
        files.get_mut("cookies.cedar").unwrap().push_str(
            "@id(\"test-no-session\")\n@clause(\"opsyn-cookies-1\")\n\
             forbid (principal is Avow::Visitor, action == OpSyn::Action::\"store\", resource == Avow::Storage::\"en-session\");\n",
        );
    });
    let reply = send(
        &router(&host, true),
        &choice(&host, false),
        &[("cookie", "en_session=1; _gid=1")],
    )
    .await;
    assert_eq!(expired(&reply), ["_gid"]);
}

#[tokio::test]
async fn a_guarded_name_is_taken_away_in_the_way_that_browsers_ask_for() {
    let host = host_of_pack(|files| {
        files.get_mut("catalogue.toml").unwrap().push_str(
            r#"
[storage.bound]
pattern = "__Host-a*"
kind = "cookie"
purpose = "analytics"
provider = "OpSyn"

[storage.secured]
name = "__Secure-b"
kind = "cookie"
purpose = "analytics"
provider = "OpSyn"
"#,
        );
    });
    let reply = send(
        &router(&host, false),
        &choice(&host, false),
        &[
            ("cookie", "__Host-a1=1; __Secure-b=2; _gid=3"),
            ("origin", "https://www.example.com"),
        ],
    )
    .await;
    assert_eq!(
        reply.set_cookies().split_off(1),
        [
            "__Host-a1=; Max-Age=0; Path=/; Secure",
            "__Secure-b=; Max-Age=0; Path=/; Secure",
            "__Secure-b=; Max-Age=0; Path=/; Domain=www.example.com; Secure",
            "__Secure-b=; Max-Age=0; Path=/; Domain=example.com; Secure",
            "_gid=; Max-Age=0; Path=/",
            "_gid=; Max-Age=0; Path=/; Domain=www.example.com",
            "_gid=; Max-Age=0; Path=/; Domain=example.com",
        ]
    );
}

#[tokio::test]
async fn what_is_taken_away_depends_on_where_the_visitor_is() {
    let host = host_of_pack(with_californian_rules);
    let router = router(&host, true);
    let mut neither = choice(&host, true);
    neither.granted.clear();
    for (place, names) in [("US-CA", &[][..]), ("US", &["_gid"]), ("?", &["_gid"])] {
        let headers = [("cookie", "_gid=1"), ("place", place)];
        let reply = send(&router, &neither, &headers).await;
        assert_eq!(expired(&reply), names, "{place}");
    }
}

#[tokio::test]
async fn an_answer_stays_small_enough_for_a_proxy() {
    let host = host_of_pack(|_| {});
    let many: Vec<String> = (0..190).map(|n| format!("_ga_{n:03}=1")).collect();
    let headers = [
        ("cookie", many.join("; ")),
        ("origin", "https://www.example.com".into()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let reply = send(&router(&host, true), &choice(&host, false), &headers).await;
    let cookies = reply.set_cookies();
    assert!(cookies[0].starts_with("opsyn_consent=1."), "{cookies:?}");
    let bytes: usize = cookies.iter().map(|cookie| cookie.len()).sum();
    assert!((2_900..3_400).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_cookie_for_a_whole_domain_is_set_where_a_browser_takes_it() {
    let host = host_of_pack(|files| {
        let manifest = files.get_mut("avow.toml").unwrap();
        *manifest = manifest.replace("days = 365\n", "days = 365\ndomain = \"example.com\"\n");
    });
    assert_eq!(
        host.in_force().bundle().meta("consent.domain"),
        Some("example.com")
    );
    let router = router(&host, true);
    let choice = choice(&host, true);
    let value = choice.to_cookie();
    let shared = format!(
        "opsyn_consent={value}; Path=/; Max-Age=31536000; SameSite=Lax; Domain=example.com; Secure"
    );
    let own = format!("opsyn_consent={value}; Path=/; Max-Age=31536000; SameSite=Lax; Secure");
    for (origin, expected) in [
        ("https://example.com", &shared),
        ("https://www.example.com", &shared),
        ("https://example.com:8443", &shared),
        ("https://badexample.com", &own),
        ("https://example.com.evil.example", &own),
        ("http://localhost", &own),
    ] {
        // The proxy in front calls this server by another name; the browser vouches that the page is of its own origin.
        let headers = [("origin", origin), ("sec-fetch-site", "same-origin")];
        let reply = send(&router, &choice, &headers).await;
        assert_eq!(reply.set_cookies(), [expected], "{origin}");
    }
    // One of the host alone, from before, would stand beside it.
    let headers = [
        ("origin", "https://www.example.com"),
        ("cookie", "opsyn_consent=1.old"),
    ];
    let reply = send(&router, &choice, &headers).await;
    let before = "opsyn_consent=; Max-Age=0; Path=/; Secure";
    assert_eq!(reply.set_cookies(), [before, &shared]);
}
