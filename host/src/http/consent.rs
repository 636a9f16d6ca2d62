//! Taking down what a visitor chose: `POST /consent`.
//!
//! `{"choice": "<the consent cookie's value>", "bundle": "<digest>", "texts": "<digest>"}` goes into the ledger, and the
//! answer sets the cookie: one that a server sets outlives those of scripts where a browser shortens these. No address, no
//! browser's name, nothing about the person is kept.

use std::sync::{Mutex, PoisonError, atomic::Ordering};

use avow_engine::{Bundle, Choice, Question, StoreFacts};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::json;

use super::{Shared, Turns, body, error::ApiError};
use crate::{
    host::{Host, InForce},
    ledger::{Entry, Ledger, LedgerError, Recorded},
    trust::{from_hex, hex},
    visit::{Visit, authority},
};

/// How far a visitor's clock may be ahead of ours, milliseconds.
const AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// The ways in which a choice is made.
const METHODS: [&str; 6] = ["accept", "reject", "save", "withdraw", "gpc", "api"];

/// Longest language tag and longest id, bytes.
const MAX_WORD_BYTES: usize = 64;

const DAY_MILLIS: i64 = 86_400_000;

/// The ledger and its queue.
pub(super) struct Desk {
    ledger: Mutex<Ledger>,
    turns: Turns,
}

impl Desk {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            turns: Turns::new(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        // A ledger that is being written to is in order.
        self.ledger
            .try_lock()
            .map_or(true, |ledger| ledger.head().is_ok())
    }

    fn append(&self, entry: &Entry, now: i64) -> Result<Recorded, LedgerError> {
        // A panic inside leaves a transaction that SQLite rolls back, so the ledger is sound in any case.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.append(entry, now)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    choice: String,
    bundle: String,
    texts: String,
}

pub(super) async fn record(
    State(shared): State<Shared>,
    request: Request,
) -> Result<Response, ApiError> {
    let Some(desk) = shared.desk.clone() else {
        return Err(ApiError::NotFound("a server without a ledger"));
    };
    same_origin(request.headers(), request.uri(), &shared.origins)?;
    let visit = shared.visits.tell(request.headers(), request.uri());
    let chosen: Chosen = body::json(request).await?;
    let now = shared.host.clock().now();
    let in_force = shared.host.in_force();
    let entry = check(chosen, in_force.bundle(), now)?;

    let turn = desk.turns.take().await?;
    let host = shared.host.clone();
    let (recorded, cookie, id) = tokio::task::spawn_blocking(move || {
        let recorded = desk.append(&entry, now);
        drop(turn);
        let cookie = cookie(&host, &in_force, &visit, &entry.choice, now);
        (recorded, cookie, entry.choice.id)
    })
    .await
    .map_err(ApiError::internal)?;

    let (status, head) = match recorded {
        Ok(Recorded::New(head)) => {
            let metrics = shared.host.metrics();
            metrics.choices_recorded.fetch_add(1, Ordering::Relaxed);
            (StatusCode::CREATED, head)
        }
        Ok(Recorded::Known(head)) => (StatusCode::OK, head),
        Err(LedgerError::Conflict(id)) => {
            return Err(ApiError::Conflict {
                code: "id_taken",
                message: format!("another choice is recorded under id `{id}`"),
            });
        }
        Err(error) => return Err(ApiError::internal(error)),
    };
    let receipt = json!({"id": id, "seq": head.seq, "hash": hex(&head.hash)});
    let mut response = (status, Json(receipt)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Refuses what another site's page sends: it could make a visitor's browser say what the visitor did not.
fn same_origin(headers: &HeaderMap, uri: &Uri, origins: &[String]) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let origin = text("origin");
    if origin.is_some_and(|origin| origins.iter().any(|known| known == origin)) {
        return Ok(());
    }
    // The browser itself says so, and a page cannot. Without either header no browser's page has sent this.
    let fine = match (text("sec-fetch-site"), origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == authority(headers, uri)
        }
        (None, None) => true,
    };
    if fine {
        return Ok(());
    }
    Err(ApiError::Forbidden(
        "choices are taken from pages of this origin only".into(),
    ))
}

fn check(chosen: Chosen, bundle: &Bundle, now: i64) -> Result<Entry, ApiError> {
    let bad = |message: String| Err(ApiError::BadRequest(message));
    for (name, digest) in [("bundle", &chosen.bundle), ("texts", &chosen.texts)] {
        if from_hex(digest).is_none() {
            return bad(format!("`{name}` is not a digest of 64 hexadecimal digits"));
        }
    }
    let Some(choice) = Choice::parse(&chosen.choice) else {
        return bad("`choice` is not the value of a consent cookie".into());
    };
    let offer = bundle.meta("offer").unwrap_or_default();
    if choice.offer != offer {
        return Err(ApiError::Conflict {
            code: "offer_changed",
            message: format!(
                "the choice is about another offer than `{offer}`, which is the current one"
            ),
        });
    }
    if choice.at > now.saturating_add(AHEAD_MILLIS) || choice.at < 0 {
        return bad("the choice was not made at a time that has been".into());
    }
    let purposes = [&choice.granted, &choice.refused, &choice.objected];
    for purpose in purposes.into_iter().flatten() {
        if bundle.entity("Avow::Purpose", purpose).is_none() {
            return bad(format!("purpose `{purpose}` is not in the catalogue"));
        }
    }
    for service in &choice.services {
        if bundle.entity("Avow::Service", service).is_none() {
            return bad(format!("service `{service}` is not in the catalogue"));
        }
    }
    if !METHODS.contains(&choice.method.as_str()) {
        return bad(format!("`{}` is not a way to choose", choice.method));
    }
    if choice.language.len() > MAX_WORD_BYTES || choice.id.len() > MAX_WORD_BYTES {
        return bad(format!(
            "language or id is longer than {MAX_WORD_BYTES} bytes"
        ));
    }
    Ok(Entry {
        choice,
        bundle: chosen.bundle.to_ascii_lowercase(),
        texts: chosen.texts.to_ascii_lowercase(),
    })
}

/// The consent cookie, where the rules allow it; they may keep it off a surface, or from living that long.
fn cookie(
    host: &Host,
    in_force: &InForce,
    visit: &Visit,
    choice: &Choice,
    now: i64,
) -> Option<HeaderValue> {
    let bundle = in_force.bundle();
    let name = bundle.meta("consent.cookie")?;
    let days: i64 = bundle.meta("consent.days")?.parse().ok()?;
    let id = bundle.storage("cookie", name)?;
    let facts = StoreFacts {
        http_only: false,
        secure: visit.production,
        same_site: "lax",
        lifetime: Some(days.saturating_mul(DAY_MILLIS)),
        production: visit.production,
    };
    let situation = visit.situation(now, Some(choice));
    match host.consent_by(in_force, &situation, &Question::Store(id, facts)) {
        Ok(verdict) if verdict.is_allow() => {}
        Ok(verdict) => {
            tracing::error!(
                outcome = verdict.outcome,
                "the rules do not allow the consent cookie"
            );
            return None;
        }
        Err(error) => {
            tracing::error!(%error, "the consent cookie could not be decided");
            return None;
        }
    }
    let secure = if visit.production { "; Secure" } else { "" };
    let age = days.saturating_mul(86_400);
    let value = choice.to_cookie();
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; Max-Age={age}; SameSite=Lax{secure}"
    ))
    .ok()
}
