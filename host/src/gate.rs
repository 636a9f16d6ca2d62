//! A `tower` layer that takes out of a response each cookie which the rules do not allow.
//!
//! It asks the sandbox, like every other decision: one path that is enforced, one place that fails closed, and no second
//! engine in the process to keep in step when a bundle is replaced. The visitors' guest answers in microseconds, so it is
//! asked where the response passes by.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use avow_engine::{Choice, Question, StoreFacts};
use http::{HeaderMap, HeaderValue, Request, Response, header::SET_COOKIE};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    cookie::{Lifetime, SetCookie},
    host::{DecideError, Host, InForce},
    visit::{self, Visit, Visits},
};

/// Cookies of one response that are asked about. A response with more is no ordinary one: the rest is taken out unasked.
const MAX_COOKIES: usize = 64;

/// A cookie that was taken out of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// Its name.
    pub name: String,
    /// The outcome that did it; `unlisted` where the catalogue has no such cookie.
    pub outcome: &'static str,
    /// The clauses that this kept.
    pub clauses: Vec<String>,
}

/// What was taken out of a response; among the response's extensions where anything was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrippedCookies(pub Vec<Stripped>);

type Report = Arc<dyn Fn(&Stripped) + Send + Sync>;

/// The layer. Deletions of cookies always pass; nothing is added to a response.
#[derive(Clone)]
pub struct CookieGate {
    host: Arc<Host>,
    visits: Visits,
    report: Option<Report>,
}

impl CookieGate {
    /// A gate that asks `host`.
    #[must_use]
    pub fn new(host: Arc<Host>) -> Self {
        Self {
            host,
            visits: Visits::default(),
            report: None,
        }
    }

    /// How to tell surface and jurisdiction. Without this: the production site, from nobody knows where.
    #[must_use]
    pub fn visits(mut self, visits: Visits) -> Self {
        self.visits = visits;
        self
    }

    /// Calls `report` with each cookie that is taken out.
    #[must_use]
    pub fn report(mut self, report: impl Fn(&Stripped) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }
}

impl<S> Layer<S> for CookieGate {
    type Service = CookieGateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CookieGateService {
            inner,
            gate: self.clone(),
        }
    }
}

/// A service behind a [`CookieGate`].
#[derive(Clone)]
pub struct CookieGateService<S> {
    inner: S,
    gate: CookieGate,
}

impl<S, B, R> Service<Request<B>> for CookieGateService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = GatedResponse<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let in_force = self.gate.host.in_force();
        let visits = &self.gate.visits;
        let visit = visits.tell(in_force.bundle(), request.headers(), request.uri());
        let choice = in_force
            .bundle()
            .meta("consent.cookie")
            .and_then(|name| visit::choice(request.headers(), name));
        GatedResponse {
            inner: self.inner.call(request),
            question: Asked {
                gate: self.gate.clone(),
                in_force,
                visit,
                choice,
            },
        }
    }
}

pin_project! {
    /// The response of a [`CookieGateService`].
    pub struct GatedResponse<F> {
        #[pin]
        inner: F,
        question: Asked,
    }
}

impl<F, R, E> Future for GatedResponse<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let stripped = this.question.strip(response.headers_mut());
        if !stripped.is_empty() {
            response.extensions_mut().insert(StrippedCookies(stripped));
        }
        Poll::Ready(Ok(response))
    }
}

struct Asked {
    gate: CookieGate,
    /// The bundle by which the request was let in also judges its response.
    in_force: Arc<InForce>,
    visit: Visit,
    choice: Option<Choice>,
}

impl Asked {
    fn strip(&self, headers: &mut HeaderMap) -> Vec<Stripped> {
        if !headers.contains_key(SET_COOKIE) {
            return Vec::new();
        }
        let all: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        let mut judge = Judge {
            asked: self,
            now: self.gate.host.clock().now(),
            left: MAX_COOKIES,
        };
        let mut passed = Vec::with_capacity(all.len());
        let mut stripped = Vec::new();
        for header in all {
            match judge.judge(&header) {
                Ok(()) => passed.push(header),
                Err(reason) => stripped.push(reason),
            }
        }
        if stripped.is_empty() {
            return stripped;
        }
        headers.remove(SET_COOKIE);
        for header in passed {
            headers.append(SET_COOKIE, header);
        }
        self.report(&stripped);
        stripped
    }

    fn report(&self, stripped: &[Stripped]) {
        let metrics = self.gate.host.metrics();
        metrics
            .cookies_stripped
            .fetch_add(stripped.len() as u64, Ordering::Relaxed);
        let names: BTreeSet<&str> = stripped.iter().map(|cookie| cookie.name.as_str()).collect();
        tracing::info!(?names, "cookies taken out of a response");
        if let Some(report) = &self.gate.report {
            stripped.iter().for_each(|cookie| report(cookie));
        }
    }
}

struct Judge<'a> {
    asked: &'a Asked,
    now: i64,
    left: usize,
}

impl Judge<'_> {
    fn judge(&mut self, header: &HeaderValue) -> Result<(), Stripped> {
        let strip = |name: &str, outcome| Stripped {
            name: name.to_owned(),
            outcome,
            clauses: Vec::new(),
        };
        // Browsers read other bytes too, each its own way; a name among them could not be trusted to be that name.
        let Ok(text) = header.to_str() else {
            return Err(strip("", "unlisted"));
        };
        let cookie = SetCookie::parse(text, self.now);
        if cookie.deletes() {
            return Ok(());
        }
        let Some(id) = self.asked.in_force.bundle().storage("cookie", cookie.name) else {
            return Err(strip(cookie.name, "unlisted"));
        };
        let lifetime = match cookie.lifetime {
            Lifetime::Session => None,
            Lifetime::Millis(millis) => Some(millis),
            Lifetime::Unknown => return Err(strip(cookie.name, "refused")),
        };
        if self.left == 0 {
            return Err(strip(cookie.name, "failed"));
        }
        self.left -= 1;
        let facts = StoreFacts {
            http_only: cookie.http_only,
            secure: cookie.secure,
            same_site: cookie.same_site,
            lifetime,
            production: self.asked.visit.production,
        };
        let situation = self
            .asked
            .visit
            .situation(self.now, self.asked.choice.as_ref());
        let host = &self.asked.gate.host;
        match host.consent_by(
            &self.asked.in_force,
            &situation,
            &Question::Store(id, facts),
        ) {
            Ok(verdict) if verdict.is_allow() => Ok(()),
            Ok(verdict) => Err(Stripped {
                name: cookie.name.to_owned(),
                outcome: verdict.outcome,
                clauses: verdict.clauses,
            }),
            Err(error) => {
                // A guest that fails takes up to its whole deadline: the response does not wait for it a second time.
                if matches!(error, DecideError::Guest(_)) {
                    self.left = 0;
                }
                Err(strip(cookie.name, "failed"))
            }
        }
    }
}
