//! Every error of the HTTP service, and the one place where it becomes a status and a body.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// An error that a caller sees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    BadRequest(String),
    #[error("the body is not `application/json`")]
    NotJson,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("{message}")]
    Unauthorized { message: &'static str, sent: bool },
    #[error("{0}")]
    Forbidden(String),
    #[error("{message}")]
    Conflict { code: &'static str, message: String },
    #[error("{0} has no such page")]
    NotFound(&'static str),
    #[error("too many requests are waiting")]
    Busy,
    #[error("the sandbox gave no answer")]
    Guest(&'static str),
    #[error("the service failed")]
    Internal,
}

impl ApiError {
    /// Logs what went wrong inside and keeps it from the caller.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::Internal
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::NotJson => "unsupported_media_type",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow => "timeout",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Conflict { code, .. } | Self::Guest(code) => code,
            Self::NotFound(_) => "not_found",
            Self::Busy => "busy",
            Self::Internal => "internal",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Guest(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code(), "message": self.to_string()}});
        let mut response = (self.status(), Json(body)).into_response();
        let header = match self {
            Self::Unauthorized { sent: false, .. } => {
                Some((header::WWW_AUTHENTICATE, "Bearer realm=\"avow\""))
            }
            Self::Unauthorized { sent: true, .. } => Some((
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"avow\", error=\"invalid_token\"",
            )),
            Self::Busy => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
