//! Who may ask for decisions, and about whom.

use std::sync::atomic::Ordering;

use http::{HeaderMap, HeaderName, Uri, header};

use super::error::ApiError;
use crate::{
    metrics::Metrics,
    tokens::{Bearer, Tokens},
    visit::host_name,
};

/// The header in which the operator's own backend names a tenant.
pub const TENANT_HEADER: HeaderName = HeaderName::from_static("avow-tenant");

/// Who may ask for decisions.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever can reach the socket, about one tenant. For a developer's own machine: a request must name a loopback host.
    Loopback(String),
    /// Whoever has a token.
    Tokens(Tokens),
}

impl Access {
    /// The tenant in whose name a request is decided. Read from the credential, never from the body.
    pub(super) fn tenant(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        metrics: &Metrics,
    ) -> Result<String, ApiError> {
        let named = one(headers, &TENANT_HEADER)?;
        let unauthorized = |message, sent| {
            metrics.unauthorized.fetch_add(1, Ordering::Relaxed);
            Err(ApiError::Unauthorized { message, sent })
        };
        let bearer = match self {
            Self::Closed => {
                return unauthorized(
                    "this server has no token file, so it decides for nobody",
                    false,
                );
            }
            Self::Loopback(tenant) => {
                // A web page can make its own name resolve to this machine. Then the name gives it away.
                if !host_name(headers, uri).is_some_and(|name| is_loopback(&name)) {
                    let message = "without a token file, only `localhost` is answered";
                    return unauthorized(message, false);
                }
                &Bearer::Tenant(tenant.clone())
            }
            Self::Tokens(tokens) => {
                let Some(credential) = one(headers, &header::AUTHORIZATION)? else {
                    return unauthorized("a bearer token is needed", false);
                };
                let Some(bearer) = bearer_token(credential).and_then(|token| tokens.bearer(token))
                else {
                    return unauthorized("the bearer token is not accepted", true);
                };
                bearer
            }
        };
        match (bearer, named) {
            (Bearer::Tenant(tenant), None) => Ok(tenant.clone()),
            (Bearer::Tenant(_), Some(_)) => Err(ApiError::Forbidden(format!(
                "this credential is bound to a tenant: it may not name one in `{TENANT_HEADER}`"
            ))),
            (Bearer::Backend, Some(tenant)) => Ok(tenant.to_owned()),
            (Bearer::Backend, None) => Err(ApiError::BadRequest(format!(
                "this credential must name the tenant in the header `{TENANT_HEADER}`"
            ))),
        }
    }
}

/// The value of a header that may be there once at most: of two, one was not written by who wrote the other.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(ApiError::BadRequest(format!(
            "the header `{name}` is there twice"
        )));
    }
    first
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| ApiError::BadRequest(format!("the header `{name}` is not text")))
}

fn bearer_token(credential: &str) -> Option<&str> {
    let (scheme, token) = credential.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name.ends_with(".localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
