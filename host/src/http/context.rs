//! What a page needs to know of a visit before anything is chosen: `GET /consent/context`.
//!
//! `{"jurisdiction": "us-ca", "ask": true, "gpc": false}`. It is decided from the request alone, and neither kept nor logged.
//! Pages of other origins may not read it: no header of CORS is sent.

use avow_engine::{Question, Verdict};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde_json::json;

use super::{Shared, error::ApiError};
use crate::{
    host::DecideError,
    visit::{self, GPC_HEADER, Visits},
};

pub(super) async fn context(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let in_force = shared.host.in_force();
    let bundle = in_force.bundle();
    let visit = shared.visits.tell(bundle, &headers, &uri);
    let choice = bundle
        .meta("consent.cookie")
        .and_then(|name| visit::choice(&headers, name));
    // Who waits for the visitors' guest waits here, where waiting costs no thread.
    let turn = shared.visitors.take().await?;
    let host = shared.host.clone();
    let (visit, asked) = tokio::task::spawn_blocking(move || {
        let situation = visit.situation(host.clock().now(), choice.as_ref());
        let asked = host.consent_by(&in_force, &situation, &Question::Ask);
        drop(turn);
        (visit, asked)
    })
    .await
    .map_err(ApiError::internal)?;
    let ask = asked.as_ref().map(Verdict::is_allow).map_err(|error| {
        tracing::error!(%error, "whether to ask could not be decided");
        match error {
            DecideError::Guest(error) => ApiError::Guest(error.code()),
            _ => ApiError::Guest("guest_answer"),
        }
    })?;
    let body = json!({"jurisdiction": visit.jurisdiction, "ask": ask, "gpc": visit.gpc});
    let mut response = Json(body).into_response();
    let own = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not as a script or an image either.
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in own {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(&vary(&shared.visits)) {
        response.headers_mut().insert(header::VARY, value);
    }
    Ok(response)
}

/// The headers that the answer depends on.
fn vary(visits: &Visits) -> String {
    let known = [&header::COOKIE, &GPC_HEADER];
    let all = known.into_iter().chain(visits.place_headers());
    all.map(HeaderName::as_str).collect::<Vec<_>>().join(", ")
}
