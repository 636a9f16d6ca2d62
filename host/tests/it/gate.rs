//! The layer that takes cookies out of responses.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use avow_host::{CookieGate, Host, StrippedCookies, Visit, Visits, visit::host_name};
use http::{HeaderValue, Request, Response};
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::support::{choice, host};

const GA: &str = "_ga=GA1.1.5.5; Path=/; Max-Age=63072000";
const CONSENT: &str = "opsyn_consent=x; Path=/; Max-Age=31536000; SameSite=Lax; Secure";

fn gate(host: &Arc<Host>) -> CookieGate {
    CookieGate::new(Arc::clone(host)).visits(Visits::new(|headers, uri| Visit {
        surface: if host_name(headers, uri).as_deref() == Some("app.opsyn.localhost") {
            "app".into()
        } else {
            "site".into()
        },
        ..Visit::from_headers(headers)
    }))
}

async fn pass(gate: &CookieGate, request: &[(&str, &str)], cookies: &[&str]) -> Response<String> {
    let mut builder = Request::get("/page");
    for (name, value) in request {
        builder = builder.header(*name, *value);
    }
    let cookies: Vec<HeaderValue> = cookies
        .iter()
        .map(|cookie| HeaderValue::from_bytes(cookie.as_bytes()).unwrap())
        .collect();
    let service = tower::service_fn(move |_: Request<()>| {
        let mut response = Response::new("body".to_owned());
        response
            .headers_mut()
            .insert("x-other", HeaderValue::from_static("kept"));
        for cookie in &cookies {
            response.headers_mut().append("set-cookie", cookie.clone());
        }
        async move { Ok::<_, Infallible>(response) }
    });
    let request = builder.body(()).unwrap();
    gate.layer(service).oneshot(request).await.unwrap()
}

fn left(response: &Response<String>) -> Vec<&str> {
    let all = response.headers().get_all("set-cookie").iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

fn chosen(host: &Host, accept: bool) -> String {
    format!("a=b; opsyn_consent={}", choice(host, accept).to_cookie())
}

#[tokio::test]
async fn an_analytics_cookie_passes_after_a_yes_and_only_on_the_site() {
    let host = host();
    let gate = gate(&host);
    let (yes, no) = (chosen(&host, true), chosen(&host, false));
    let site = ("host", "www.opsyn.localhost:7878");
    let app = ("host", "app.opsyn.localhost:7878");
    for (request, passes) in [
        (&[site][..], false),
        (&[site, ("cookie", &no)], false),
        (&[site, ("cookie", &yes)], true),
        (&[app, ("cookie", &yes)], false),
        (&[site, ("cookie", &yes), ("cookie", &no)], false),
        (&[site, ("cookie", "opsyn_consent=1.nonsense")], false),
    ] {
        let response = pass(&gate, request, &[GA, CONSENT]).await;
        let expected = if passes {
            vec![GA, CONSENT]
        } else {
            vec![CONSENT]
        };
        assert_eq!(left(&response), expected, "{request:?}");
        assert_eq!(response.headers().get("x-other").unwrap(), "kept");
        assert_eq!(response.body(), "body");
        let stripped = response.extensions().get::<StrippedCookies>();
        assert_eq!(stripped.is_none(), passes);
    }
}

#[tokio::test]
async fn a_choice_about_an_earlier_offer_or_of_last_year_allows_nothing() {
    let host = host();
    let gate = gate(&host);
    for change in [
        |choice: &mut avow_host::avow_engine::Choice| choice.offer = "other".into(),
        |choice: &mut avow_host::avow_engine::Choice| choice.at -= 366 * 86_400_000,
    ] {
        let mut choice = choice(&host, true);
        change(&mut choice);
        let cookie = format!("opsyn_consent={}", choice.to_cookie());
        let response = pass(&gate, &[("cookie", &cookie)], &[GA]).await;
        assert!(left(&response).is_empty());
    }
}

#[tokio::test]
async fn each_cookie_is_judged_by_how_it_is_set() {
    let host = host();
    let gate = gate(&host);
    let yes = chosen(&host, true);
    let request = [("cookie", yes.as_str())];
    for (cookie, passes) in [
        ("en_session=s; HttpOnly; Secure; SameSite=Lax; Path=/", true),
        ("en_session=s; httponly; secure; samesite=lax", true),
        ("en_session=s; Secure; SameSite=Lax", false),
        ("en_session=s; HttpOnly; SameSite=Lax", false),
        ("en_session=s; HttpOnly; Secure", false),
        (
            "en_session=s; HttpOnly; Secure; SameSite=Lax; SameSite=None",
            false,
        ),
        (
            "en_session=s; HttpOnly; Secure; SameSite=Lax; Max-Age=60",
            false,
        ),
        ("_ga=1; Max-Age=63072001", false),
        ("_ga=1; Max-Age=999999999999999999999", false),
        ("_ga=1; Expires=Tue, 29 Feb 2028 09:00:01 GMT", false),
        ("_ga=1; Expires=Tue, 29 Feb 2028 09:00:00 GMT", true),
        ("_ga=1; Expires=some day", false),
        ("_ga_AB12=1", true),
        ("_ga", false),
        ("=_ga", false),
        ("_GA=1", false),
        ("unknown=1", false),
        ("unknown=1; Max-Age=0", true),
        ("unknown=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("unknown=1; Max-Age=0; Max-Age=60", false),
        (
            "unknown=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",
            false,
        ),
        ("unknown=1; Expires=Thu, 31 Feb 1970 00:00:00 GMT", false),
        ("_gä=1", false),
    ] {
        let response = pass(&gate, &request, &[cookie]).await;
        assert_eq!(
            response.headers().contains_key("set-cookie"),
            passes,
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn what_was_stripped_is_reported_with_its_clause() {
    let host = host();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let gate = {
        let seen = Arc::clone(&seen);
        gate(&host).report(move |cookie| seen.lock().unwrap().push(cookie.clone()))
    };
    let no = chosen(&host, false);
    let response = pass(&gate, &[("cookie", &no)], &[GA, "x=1"]).await;
    let reported = seen.lock().unwrap().clone();
    assert_eq!(
        response.extensions().get::<StrippedCookies>().unwrap().0,
        reported
    );
    let told: Vec<_> = reported
        .iter()
        .map(|cookie| {
            (
                cookie.name.as_str(),
                cookie.outcome,
                cookie.clauses.concat(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("_ga", "forbidden", "opsyn-cookies-2".to_owned()),
            ("x", "unlisted", String::new())
        ]
    );
    let metrics = host.metrics().to_prometheus();
    assert!(
        metrics.contains("avow_cookies_stripped_total 2\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_flood_of_cookies_is_cut_off() {
    let host = host();
    let gate = gate(&host);
    let response = pass(&gate, &[], &[CONSENT; 100]).await;
    assert_eq!(left(&response).len(), 64);
}
