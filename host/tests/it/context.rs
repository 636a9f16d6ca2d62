//! `GET /consent/context`, and that all decisions see the visit which it tells of.

use std::sync::Arc;

use avow_host::{CookieGate, Host, Visit, Visits, http::App, visit::host_name};
use axum::{Router, body::Body};
use http::{HeaderName, Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::support::{Reply, call, choice, get, host_of_pack, with_californian_rules};

const COUNTRY: &str = "cf-ipcountry";
const REGION: &str = "cf-region-code";

fn visits(region: bool) -> Visits {
    let visits = Visits::new(|headers, uri| Visit {
        surface: if host_name(headers, uri).as_deref() == Some("app.example.com") {
            "app".into()
        } else {
            "site".into()
        },
        ..Visit::from_headers(headers)
    });
    let region = region.then_some(HeaderName::from_static(REGION));
    visits.place(HeaderName::from_static(COUNTRY), region)
}

fn router(host: &Arc<Host>, visits: Visits) -> Router {
    App::new(Arc::clone(host)).visits(visits).router()
}

async fn context(router: &Router, headers: &[(&str, &str)]) -> Value {
    let reply = get(router, "/consent/context", headers).await;
    assert_eq!(reply.status, 200);
    reply.json()
}

#[tokio::test]
async fn a_place_is_one_that_the_catalogue_declares_or_none() {
    let host = host_of_pack(|_| {});
    let (whole, country_only) = (router(&host, visits(true)), router(&host, visits(false)));
    let country = |code| [(COUNTRY, code)].to_vec();
    let both = |code, region| [(COUNTRY, code), (REGION, region)].to_vec();
    for (headers, expected) in [
        (Vec::new(), ""),
        (country("GB"), "gb"),
        (both("US", "CA"), "us-ca"),
        (both("us", "us-ca"), "us-ca"),
        (country("US-CA"), "us-ca"),
        (both("US-CA", "CA"), "us-ca"),
        // Not declared itself, but its country.
        (both("US", "WY"), "us"),
        (both("DE", "BY"), "de"),
        (both("GB", "ENG"), "gb"),
        // It could be California.
        (country("US"), ""),
        (both("US", ""), ""),
        // Nobody declared these; `xx` and `t1` are how a proxy says that it does not know.
        (country("JP"), ""),
        (both("JP", "13"), ""),
        (country("XX"), ""),
        (country("T1"), ""),
        // A group of the catalogue is no place to be in.
        (country("europe"), ""),
        (country("eea"), ""),
        // Neither a list nor two headers, of which one may be the visitor's own.
        (country("GB, US"), ""),
        ([(COUNTRY, "GB"), (COUNTRY, "US")].to_vec(), ""),
        ([(COUNTRY, "GB"), (COUNTRY, "GB")].to_vec(), ""),
        (
            [(COUNTRY, "US"), (REGION, "CA"), (REGION, "WY")].to_vec(),
            "",
        ),
        // The two contradict each other, or one makes no sense.
        (both("DE", "US-CA"), ""),
        (both("US-CA", "NY"), ""),
        (both("US", "CA;x"), ""),
        (both("US", "CALI"), ""),
        (both("", "CA"), ""),
        (country("U\u{e9}"), ""),
    ] {
        let answer = context(&whole, &headers).await;
        assert_eq!(answer["jurisdiction"], expected, "{headers:?}");
    }
    let answer = context(&country_only, &both("US", "CA")).await;
    assert_eq!(
        answer["jurisdiction"], "us",
        "the other header is not trusted"
    );
}

#[tokio::test]
async fn without_trusted_headers_nobody_says_where_a_visitor_is() {
    let host = host_of_pack(|_| {});
    let headers = [(COUNTRY, "US"), (REGION, "CA")];
    let answer = context(&router(&host, Visits::default()), &headers).await;
    assert_eq!(answer["jurisdiction"], "");
    for (fixed, expected) in [("GB", "gb"), ("us-wy", "us"), ("nowhere", "")] {
        let visits = Visits::new(move |headers, _| Visit {
            jurisdiction: fixed.into(),
            ..Visit::from_headers(headers)
        });
        let answer = context(&router(&host, visits), &headers).await;
        assert_eq!(answer["jurisdiction"], expected, "{fixed}");
    }
}

#[tokio::test]
async fn it_is_the_rules_that_say_whether_to_ask() {
    let host = host_of_pack(with_californian_rules);
    let router = router(&host, visits(true));
    let cookie = |change: fn(&mut avow_host::avow_engine::Choice)| {
        let mut choice = choice(&host, false);
        change(&mut choice);
        format!("a=b; opsyn_consent={}", choice.to_cookie())
    };
    let chosen = cookie(|_| {});
    let other_offer = cookie(|choice| choice.offer = "other".into());
    let last_year = cookie(|choice| choice.at -= 366 * 86_400_000);
    for (headers, ask) in [
        (Vec::new(), true),
        ([("cookie", chosen.as_str())].to_vec(), false),
        ([("cookie", other_offer.as_str())].to_vec(), true),
        ([("cookie", last_year.as_str())].to_vec(), true),
        ([("cookie", "opsyn_consent=damaged")].to_vec(), true),
        (
            [
                ("cookie", chosen.as_str()),
                ("cookie", other_offer.as_str()),
            ]
            .to_vec(),
            true,
        ),
        ([("host", "app.example.com")].to_vec(), false),
        ([(COUNTRY, "GB")].to_vec(), true),
        ([(COUNTRY, "US"), (REGION, "CA")].to_vec(), false),
        ([(COUNTRY, "US"), (REGION, "WY")].to_vec(), true),
        // Unknown is the strictest.
        ([(COUNTRY, "US")].to_vec(), true),
    ] {
        let answer = context(&router, &headers).await;
        assert_eq!(answer["ask"], ask, "{headers:?}");
    }
}

#[tokio::test]
async fn the_browsers_signal_is_told() {
    let host = host_of_pack(|_| {});
    let router = router(&host, visits(true));
    for (headers, gpc) in [
        (&[][..], false),
        (&[("sec-gpc", "1")], true),
        (&[("sec-gpc", "0")], false),
        (&[("sec-gpc", "true")], false),
        (&[("sec-gpc", "0"), ("sec-gpc", "1")], true),
    ] {
        let answer = context(&router, headers).await;
        assert_eq!(
            answer,
            json!({"jurisdiction": "", "ask": true, "gpc": gpc}),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn the_answer_is_for_this_origin_and_this_moment() {
    let host = host_of_pack(|_| {});
    let router = router(&host, visits(true));
    let origin = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let reply = get(&router, "/consent/context", &origin).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(
        reply.header("vary"),
        "cookie, sec-gpc, cf-ipcountry, cf-region-code"
    );
    assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("set-cookie"), "");
    let preflight = Request::options("/consent/context")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET")
        .body(Body::empty())
        .unwrap();
    let refused = call(&router, preflight).await;
    assert_eq!(refused.status, 405);
    for reply in [reply, refused] {
        let names = reply.headers.keys().map(HeaderName::as_str);
        let cors: Vec<&str> = names
            .filter(|name| name.starts_with("access-control"))
            .collect();
        assert!(cors.is_empty(), "{cors:?}");
    }
}

#[tokio::test]
async fn the_gate_judges_by_the_place_that_the_page_was_told() {
    let host = host_of_pack(with_californian_rules);
    let gate = CookieGate::new(Arc::clone(&host)).visits(visits(true));
    for (country, region, passes) in [
        ("US", "CA", true),
        ("US", "WY", false),
        ("US", "", false),
        ("DE", "CA", false),
    ] {
        let service = tower::service_fn(|_: Request<()>| async {
            let response = Response::builder().header("set-cookie", "_ga=1; Max-Age=60");
            Ok::<_, std::convert::Infallible>(response.body(()).unwrap())
        });
        let request = Request::get("/page")
            .header(COUNTRY, country)
            .header(REGION, region)
            .body(())
            .unwrap();
        let response = gate.layer(service).oneshot(request).await.unwrap();
        let passed = response.headers().contains_key("set-cookie");
        assert_eq!(passed, passes, "{country} {region}");
    }
}

#[tokio::test]
async fn only_get_is_answered() {
    let router = router(&host_of_pack(|_| {}), visits(true));
    let post = Request::post("/consent/context")
        .body(Body::empty())
        .unwrap();
    let reply: Reply = call(&router, post).await;
    assert_eq!(reply.status, 405);
}
