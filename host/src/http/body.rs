//! Reading a JSON body: its type, its size, its time.

use std::time::Duration;

use axum::{body::Bytes, extract::FromRequest as _};
use http::{HeaderMap, Request, StatusCode, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Largest body that is read, bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

pub(super) async fn json<T: DeserializeOwned>(
    request: Request<axum::body::Body>,
) -> Result<T, ApiError> {
    if !is_json(request.headers()) {
        return Err(ApiError::NotJson);
    }
    let bytes = tokio::time::timeout(ARRIVAL, Bytes::from_request(request, &()))
        .await
        .map_err(|_| ApiError::TooSlow)?
        .map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::TooLarge(MAX_BODY_BYTES)
            } else {
                ApiError::BadRequest("the body cannot be read".into())
            }
        })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::BadRequest(format!("the body is not as expected: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
