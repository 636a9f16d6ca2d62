//! What a server knows of a visit from the request itself: which surface, where from, and what the browser signals.

use std::{borrow::Cow, sync::Arc};

use avow_engine::{Choice, Situation};
use http::{HeaderMap, Uri, header};

use crate::cookie;

/// A visit, but for the visitor's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// `site` or `app`.
    pub surface: Cow<'static, str>,
    /// Where the visitor is, such as `gb`, as far as that is known.
    pub jurisdiction: Cow<'static, str>,
    /// Whether the browser sends Global Privacy Control.
    pub gpc: bool,
    /// Whether this is the real site, rather than one on a developer's machine. There cookies are to be `Secure`.
    pub production: bool,
}

impl Visit {
    /// A visit to the production site, with the browser's privacy signal taken from the headers.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            surface: Cow::Borrowed("site"),
            jurisdiction: Cow::Borrowed(""),
            gpc: headers.get("sec-gpc").is_some_and(|value| value == "1"),
            production: true,
        }
    }

    pub(crate) fn situation<'a>(&'a self, now: i64, choice: Option<&'a Choice>) -> Situation<'a> {
        Situation {
            now,
            surface: &self.surface,
            jurisdiction: &self.jurisdiction,
            gpc: self.gpc,
            choice,
        }
    }
}

/// Tells a visit from a request: an operator's own function, for instance by host name.
#[derive(Clone)]
pub struct Visits(Arc<Tell>);

type Tell = dyn Fn(&HeaderMap, &Uri) -> Visit + Send + Sync;

impl Visits {
    /// Visits as `tell` tells them.
    #[must_use]
    pub fn new(tell: impl Fn(&HeaderMap, &Uri) -> Visit + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, headers: &HeaderMap, uri: &Uri) -> Visit {
        (self.0)(headers, uri)
    }
}

impl Default for Visits {
    /// All visits are to the production site, from nobody knows where.
    fn default() -> Self {
        Self::new(|headers, _| Visit::from_headers(headers))
    }
}

/// The host name that a request was sent to, without the port, in lower case.
#[must_use]
pub fn host_name(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let authority = authority(headers, uri)?;
    let parsed: http::uri::Authority = authority.parse().ok()?;
    Some(parsed.host().to_ascii_lowercase())
}

pub(crate) fn authority<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    // HTTP/2 has it in the URI.
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// The visitor's choice as the consent cookie has it.
pub(crate) fn choice(headers: &HeaderMap, cookie_name: &str) -> Option<Choice> {
    let cookies = headers.get_all(header::COOKIE);
    let texts = cookies.iter().filter_map(|value| value.to_str().ok());
    Choice::parse(cookie::value(texts, cookie_name)?)
}
