//! The one door: which site or application by host name, and what holds for every response of both.

use std::{collections::BTreeMap, sync::Arc};

use avow_host::{CookieGate, Visit, Visits, visit::host_name};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower_service::Service as _;

use crate::{Demo, gallery, html::Html};

/// Host name of the signed-in application.
pub(crate) const APP_HOST: &str = "app.opsyn.localhost";
/// Host name of the public site.
pub(crate) const SITE_HOST: &str = "www.opsyn.localhost";

/// All services behind one socket. `others` have gates of their own, by their own packs; `frames` are the gallery's.
pub(crate) fn router(
    demo: &Arc<Demo>,
    site: Router,
    app: Router,
    others: Vec<(String, Router)>,
    frames: Router,
) -> Router {
    let reporter = Arc::clone(demo);
    // Outermost, so that no response leaves without having passed it. What it takes out, it cannot name the surface of;
    // only the site's server ever tries.
    let gate = CookieGate::new(Arc::clone(&demo.host))
        .visits(visits(demo.production))
        .report(move |cookie| reporter.desk.stripped("site", cookie));
    let mut by_name: BTreeMap<String, Router> = others.into_iter().collect();
    by_name.insert(SITE_HOST.to_owned(), site.layer(gate.clone()));
    by_name.insert(APP_HOST.to_owned(), app.layer(gate));
    let by_name = Arc::new(by_name);
    let address = demo.site.clone();
    let by_host = move |request: Request| {
        let name = host_name(request.headers(), request.uri());
        let router = name.and_then(|name| match by_name.get(&name) {
            None if gallery::is_frame(&name) => Some(frames.clone()),
            known => known.cloned(),
        });
        let address = address.clone();
        async move {
            match router {
                // A router is always ready.
                Some(mut router) => router.call(request).await.into_response(),
                None => Redirect::temporary(&address).into_response(),
            }
        }
    };
    Router::new()
        .fallback(by_host)
        .layer(middleware::from_fn_with_state(Arc::clone(demo), guard))
}

/// How this server tells site from application.
pub(crate) fn visits(production: bool) -> Visits {
    Visits::new(move |headers, uri| {
        let is_app = host_name(headers, uri).as_deref() == Some(APP_HOST);
        Visit {
            surface: if is_app { "app" } else { "site" }.into(),
            jurisdiction: crate::JURISDICTION.into(),
            production,
            ..Visit::from_headers(headers)
        }
    })
}

/// Refuses forms that another origin sends, and sets the headers of every response.
async fn guard(State(demo): State<Arc<Demo>>, request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::POST && !is_own(request.headers()) {
        let words = Html::ours(
            "<!doctype html><title>Refused</title><p>Forms are taken from pages of this origin only.</p>",
        );
        (StatusCode::FORBIDDEN, words).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a page shows depends on who asks and what was chosen.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // The gallery's pages have others.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| demo.security_policy.clone());
    response
}

/// The strictest policy that there is room for. `'wasm-unsafe-eval'` lets WebAssembly be compiled, and no text. The provider's
/// origin is allowed on the application too, although nothing from there may run on it: the rules keep it off, not this.
pub(crate) fn security_policy(provider: &str) -> String {
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         script-src 'self' 'wasm-unsafe-eval' {provider}; connect-src 'self' {provider}; img-src 'self' {provider}; \
         style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Site and application are one *site* to a browser, so `SameSite` does not tell them apart: the origin does.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (
        text(HeaderName::from_static("sec-fetch-site")),
        text(header::ORIGIN),
    ) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
        // No browser's page has sent this.
        (None, None) => true,
    }
}
