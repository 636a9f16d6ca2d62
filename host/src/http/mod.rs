//! The HTTP service: decisions, consent, the widget's files, health.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /access/v1/evaluation` | a decision, in AuthZEN's shape |
//! | `GET /consent/context` | what a page needs to know before a choice: where from, whether to ask |
//! | `POST /consent` | takes down a visitor's choice |
//! | `GET /avow/{file}` | the widget |
//! | `GET /healthz`, `/readyz`, `/metrics` | alive, able to serve, counters |

mod access;
mod authzen;
mod body;
mod consent;
mod context;
mod error;
mod pace;
mod server;
mod set_cookies;
mod site;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::{
    access::{Access, TENANT_HEADER},
    server::{BindError, bind, is_loopback, serve, serve_until, stop_signal},
    site::{Site, SiteError},
};
use self::{consent::Desk, error::ApiError};
use crate::{host::Host, ledger::Ledger, visit::Visits};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is sent back, bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Choices that are taken down in a second, where nothing else is said.
const CHOICES_PER_SECOND: u32 = 200;

/// What the service is made of.
pub struct App {
    host: Arc<Host>,
    access: Access,
    ledger: Option<Ledger>,
    choices_per_second: u32,
    origins: Vec<String>,
    site: Option<Site>,
    visits: Visits,
}

impl App {
    /// A service that decides for nobody yet, keeps no ledger and serves no files.
    #[must_use]
    pub fn new(host: Arc<Host>) -> Self {
        Self {
            host,
            access: Access::Closed,
            ledger: None,
            choices_per_second: CHOICES_PER_SECOND,
            origins: Vec::new(),
            site: None,
            visits: Visits::default(),
        }
    }

    /// Who may ask for decisions.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Takes down choices in a ledger.
    #[must_use]
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// How many choices are taken down in a second, of all visitors together; five times that at once after a quiet time. A
    /// browser sends again what was not taken. Without this: 200.
    #[must_use]
    pub fn choices_per_second(mut self, choices: u32) -> Self {
        self.choices_per_second = choices;
        self
    }

    /// Takes choices from pages of this origin too, such as `https://www.example.com`. Needed behind a proxy that changes the
    /// name by which this server is called, for browsers that do not say themselves where a request comes from.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Serves the widget's files.
    #[must_use]
    pub fn site(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    /// How to tell surface and jurisdiction of a visit.
    #[must_use]
    pub fn visits(mut self, visits: Visits) -> Self {
        self.visits = visits;
        self
    }

    /// The routes. They can be merged into a larger service.
    pub fn router(self) -> Router {
        app(self)
    }
}

/// The routes of a service.
pub fn app(app: App) -> Router {
    let App {
        host,
        access,
        ledger,
        choices_per_second,
        origins,
        site,
        visits,
    } = app;
    let turns = host
        .tenants()
        .map(|tenant| (tenant.to_owned(), Turns::new()))
        .collect();
    let shared = Shared(Arc::new(Parts {
        host,
        access,
        turns,
        visitors: Turns::new(),
        desk: ledger.map(|ledger| Arc::new(Desk::new(ledger, choices_per_second))),
        origins,
        site,
        visits,
    }));
    Router::new()
        .route("/access/v1/evaluation", post(authzen::evaluation))
        .route("/consent", post(consent::record))
        .route("/consent/context", get(context::context))
        .route("/avow/{*name}", get(site::file))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(body::MAX_BODY_BYTES))
        .layer(middleware::from_fn(request_id))
        .with_state(shared)
}

/// What all handlers share.
#[derive(Clone)]
struct Shared(Arc<Parts>);

impl std::ops::Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

struct Parts {
    host: Arc<Host>,
    access: Access,
    turns: BTreeMap<String, Turns>,
    visitors: Turns,
    desk: Option<Arc<Desk>>,
    origins: Vec<String>,
    site: Option<Site>,
    visits: Visits,
}

impl Parts {
    fn site(&self) -> Option<&Site> {
        self.site.as_ref()
    }
}

/// A queue in front of something that takes one at a time. So a tenant whose guest is slow holds one thread, not all.
struct Turns(Arc<Semaphore>);

impl Turns {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for a turn, but not for ever. It ends when it is dropped.
    async fn take(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.0).acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(ApiError::Busy),
        }
    }
}

async fn ready(State(shared): State<Shared>) -> Response {
    let ready = shared.desk.as_ref().is_none_or(|desk| desk.is_ready());
    if ready {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the ledger cannot be read\n",
        )
            .into_response()
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let text = shared.host.metrics().to_prometheus();
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Sends a caller's request id back, whatever the answer. One that could confuse a log is left out.
async fn request_id(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id.filter(is_plain) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    bytes.len() <= MAX_REQUEST_ID_BYTES && bytes.iter().all(u8::is_ascii_graphic)
}
