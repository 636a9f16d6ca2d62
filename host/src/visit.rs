//! What a server knows of a visit from the request itself: which surface, where from, and what the browser signals.

use std::{borrow::Cow, sync::Arc};

use avow_engine::{Bundle, Choice, Situation};
use http::{HeaderMap, HeaderName, Uri, header};

use crate::{
    cookie,
    place::{self, Place},
};

/// The header in which a browser sends Global Privacy Control.
pub(crate) const GPC_HEADER: HeaderName = HeaderName::from_static("sec-gpc");

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
            gpc: headers.get_all(GPC_HEADER).iter().any(|value| value == "1"),
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

/// Tells a visit from a request: an operator's own function, for instance by host name, and headers that say where from.
///
/// INVARIANT: everything that the host decides about a visitor asks [`Visits::tell`], so that no two answers are about two
/// jurisdictions.
#[derive(Clone)]
pub struct Visits {
    tell: Arc<Tell>,
    place: Option<Place>,
}

type Tell = dyn Fn(&HeaderMap, &Uri) -> Visit + Send + Sync;

impl Visits {
    /// Visits as `tell` tells them.
    #[must_use]
    pub fn new(tell: impl Fn(&HeaderMap, &Uri) -> Visit + Send + Sync + 'static) -> Self {
        Self {
            tell: Arc::new(tell),
            place: None,
        }
    }

    /// Takes the jurisdiction from headers in which a proxy says where a visitor is, whatever the function says: one with the
    /// country, or with a whole code such as `us-ca`, and one with the region where that has its own. The proxy has to set
    /// them on every request or take them out: else visitors say themselves which law they are under.
    ///
    /// What is missing, there twice, no code, or contradicts the other header is an unknown place.
    #[must_use]
    pub fn place(mut self, country: HeaderName, region: Option<HeaderName>) -> Self {
        self.place = Some(Place { country, region });
        self
    }

    /// The visit, its jurisdiction one that the bundle's catalogue declares, or empty.
    pub(crate) fn tell(&self, bundle: &Bundle, headers: &HeaderMap, uri: &Uri) -> Visit {
        let mut visit = (self.tell)(headers, uri);
        if let Some(place) = &self.place {
            let code = place.read(bundle, headers);
            visit.jurisdiction = Cow::Owned(code.unwrap_or_default());
        }
        visit.jurisdiction = Cow::Owned(place::declared(bundle, &visit.jurisdiction));
        visit
    }

    /// The headers that it takes the jurisdiction from.
    pub(crate) fn place_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.place.iter().flat_map(Place::headers)
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
    Choice::parse(cookie::value(cookies(headers), cookie_name)?)
}

/// The texts of the `Cookie` headers.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE);
    cookies.iter().filter_map(|value| value.to_str().ok())
}
