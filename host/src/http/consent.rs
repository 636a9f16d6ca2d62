//! Taking down what a visitor chose: `POST /consent`.
//!
//! `{"choice": "<the consent cookie's value>", "bundle": "<digest>", "texts": "<digest>"}` goes into the ledger, and the
//! answer sets the cookie: one that a server sets outlives those of scripts where a browser shortens these. No address, no
//! browser's name, nothing about the person is kept.
//!
//! A browser keeps records that it could not send and sends them later, perhaps twice and out of order. So a record that is
//! no longer the visitor's last word is taken down all the same, and changes nothing in the browser: `current` is false.

use std::sync::{Mutex, PoisonError, atomic::Ordering};

use avow_engine::{Bundle, Choice};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::json;

use super::{
    Shared, Turns, body,
    error::ApiError,
    pace::Pace,
    set_cookies::{self, DAY_MILLIS},
};
use crate::{
    cookie,
    host::InForce,
    ledger::{Entry, Ledger, LedgerError, Recorded},
    trust::{from_hex, hex},
    visit::{self, authority},
};

/// How far a visitor's clock may be ahead of ours, milliseconds.
const AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// The ways in which a choice is made.
const METHODS: [&str; 7] = [
    "accept",
    "reject",
    "save",
    "withdraw",
    "gpc",
    "api",
    "placeholder",
];

/// Longest language tag and longest id, bytes.
const MAX_WORD_BYTES: usize = 64;

/// The ledger, its queue, and how many records a second get into that.
pub(super) struct Desk {
    ledger: Mutex<Ledger>,
    turns: Turns,
    pace: Pace,
}

impl Desk {
    pub(super) fn new(ledger: Ledger, per_second: u32) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            turns: Turns::new(),
            pace: Pace::new(per_second),
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
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let chosen: Chosen = body::json(request).await?;
    let now = shared.host.clock().now();
    let in_force = shared.host.in_force();
    let (entry, offer) = check(chosen, &in_force, now)?;
    let newest = !is_outdated(&headers, in_force.bundle(), &entry.choice, now);
    let current = newest && offer == Offer::Current;
    if !desk.pace.admits() {
        return Err(ApiError::Busy);
    }

    let turn = desk.turns.take().await?;
    let host = shared.host.clone();
    let visits = shared.visits.clone();
    let (recorded, cookies, id) = tokio::task::spawn_blocking(move || {
        let recorded = desk.append(&entry, now);
        drop(turn);
        let choice = &entry.choice;
        let visit = visits.tell(in_force.bundle(), &headers, &uri);
        let answer = set_cookies::Answer {
            host: &host,
            in_force: &in_force,
            visit: &visit,
            sent: &headers,
            name: page_host(&headers, &uri),
            now,
        };
        let mut cookies = Vec::new();
        if current {
            cookies.extend(answer.remember(choice));
        }
        if newest {
            cookies.extend(answer.expire(choice));
        }
        (recorded, cookies, entry.choice.id)
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
    let receipt = json!({"id": id, "seq": head.seq, "hash": hex(&head.hash), "current": current});
    let mut response = (status, Json(receipt)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
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

/// The name by which the browser knows this server: a proxy may change `Host`, and leaves `Origin` alone.
fn page_host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let origin = headers.get(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok()?.parse::<Uri>().ok());
    match origin.as_ref().and_then(Uri::host) {
        Some(host) => Some(host.to_ascii_lowercase()),
        None => visit::host_name(headers, uri),
    }
}

/// Whether the browser has a newer choice already. Of several consent cookies one is enough: another one may be left from
/// before they were shared by a whole domain.
fn is_outdated(headers: &HeaderMap, bundle: &Bundle, choice: &Choice, now: i64) -> bool {
    let Some(name) = bundle.meta("consent.cookie") else {
        return false;
    };
    cookie::pairs(visit::cookies(headers))
        .filter(|(key, _)| *key == name)
        .filter_map(|(_, value)| Choice::parse(value))
        .any(|known| known.at > choice.at && known.at <= now.saturating_add(AHEAD_MILLIS))
}

/// The offer that a choice answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Current,
    /// What was offered then is known to the bundle that the record names.
    Other,
}

fn check(chosen: Chosen, in_force: &InForce, now: i64) -> Result<(Entry, Offer), ApiError> {
    let bad = |message: String| Err(ApiError::BadRequest(message));
    for (name, digest) in [("bundle", &chosen.bundle), ("texts", &chosen.texts)] {
        if from_hex(digest).is_none() {
            return bad(format!("`{name}` is not a digest of 64 hexadecimal digits"));
        }
    }
    let Some(choice) = Choice::parse(&chosen.choice) else {
        return bad("`choice` is not the value of a consent cookie".into());
    };
    if choice.at > now.saturating_add(AHEAD_MILLIS) || choice.at < 0 {
        return bad("the choice was not made at a time that has been".into());
    }
    if !METHODS.contains(&choice.method.as_str()) {
        return bad(format!("`{}` is not a way to choose", choice.method));
    }
    if [&choice.language, &choice.id, &choice.offer]
        .into_iter()
        .any(|word| word.len() > MAX_WORD_BYTES)
    {
        return bad(format!(
            "language, id or offer is longer than {MAX_WORD_BYTES} bytes"
        ));
    }
    let entry = Entry {
        choice,
        bundle: chosen.bundle.to_ascii_lowercase(),
        texts: chosen.texts.to_ascii_lowercase(),
    };
    let offer = check_offer(&entry, in_force, now)?;
    Ok((entry, offer))
}

/// What is chosen about has to be in the catalogue; where another offer was answered, it only has to look like it.
fn check_offer(entry: &Entry, in_force: &InForce, now: i64) -> Result<Offer, ApiError> {
    let Entry {
        choice,
        bundle: named,
        texts: _,
    } = entry;
    let bundle = in_force.bundle();
    let offer = bundle.meta("offer").unwrap_or_default();
    let current = choice.offer == offer;
    if !current {
        let days = set_cookies::days(bundle).unwrap_or(0);
        let oldest = now.saturating_sub(days.saturating_mul(DAY_MILLIS));
        if choice.at < oldest || *named == in_force.digest() {
            return Err(ApiError::Conflict {
                code: "offer_changed",
                message: format!(
                    "the choice is about another offer than `{offer}`, which is the current one"
                ),
            });
        }
    }
    let purposes = [&choice.granted, &choice.refused, &choice.objected];
    let purposes = purposes.into_iter().flatten();
    let named = purposes
        .map(|slug| ("purpose", "Avow::Purpose", slug))
        .chain(
            choice
                .services
                .iter()
                .map(|slug| ("service", "Avow::Service", slug)),
        );
    for (what, type_name, slug) in named {
        if current && bundle.entity(type_name, slug).is_none() {
            return Err(ApiError::BadRequest(format!(
                "{what} `{slug}` is not in the catalogue"
            )));
        }
        if !is_slug(slug) {
            return Err(ApiError::BadRequest(format!("{what} `{slug}` is no slug")));
        }
    }
    Ok(if current {
        Offer::Current
    } else {
        Offer::Other
    })
}

/// As ids of a catalogue are written.
fn is_slug(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
