//! A stand-in for an analytics provider: another origin, with a script that really sets `_ga` and `_gid` and reports the
//! visit. It remembers what reached it, so that a test can show that nothing did.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("../pages/gtm.js");
/// Of any other service: it keeps nothing in the browser.
const SERVICE: &str = include_str!("../pages/service.js");

/// Requests whose path is remembered; the rest is only counted.
const MAX_PATHS: usize = 1000;

/// What reached the provider since the last reset.
#[derive(Default)]
struct Seen {
    requests: u64,
    /// Path and query of each, the oldest first.
    paths: Vec<String>,
}

type Shared = Arc<Mutex<Seen>>;

pub(crate) fn router() -> Router {
    let seen = Shared::default();
    Router::new()
        .route("/gtm.js", get(async || script(SCRIPT)))
        .route("/service.js", get(async || script(SERVICE)))
        .route("/collect", get(collect).post(collect))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(middleware::from_fn_with_state(Arc::clone(&seen), remember))
        // Looking does not count.
        .route("/log", get(log))
        .route("/reset", post(reset))
        .with_state(seen)
}

fn script(text: &'static str) -> Response {
    let kind = "text/javascript; charset=utf-8";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

async fn collect() -> Response {
    (
        StatusCode::NO_CONTENT,
        [(header::CACHE_CONTROL, "no-store")],
    )
        .into_response()
}

async fn remember(State(seen): State<Shared>, request: Request, next: Next) -> Response {
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        if seen.paths.len() < MAX_PATHS {
            let uri = request.uri();
            let path = uri
                .path_and_query()
                .map_or(uri.path(), |path| path.as_str());
            let path = path.to_owned();
            seen.paths.push(path);
        }
    }
    next.run(request).await
}

async fn log(State(seen): State<Shared>) -> Json<Value> {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({ "requests": seen.requests, "paths": seen.paths }))
}

async fn reset(State(seen): State<Shared>) -> StatusCode {
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    StatusCode::NO_CONTENT
}
