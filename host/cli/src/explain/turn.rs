//! What an answer turns to, and when.

use avow_compiler::ask::{Question, decide};
use avow_engine::{Engine, NextChange, Verdict, next_change, request::set_now};
use serde::Serialize;

use crate::{
    output::{Exit, fail},
    pack::Pack,
};

/// How far ahead is looked, milliseconds: a hundred years.
const HORIZON_MS: i64 = 100 * 365 * 86_400_000;

/// The next change of an answer.
#[derive(Serialize)]
pub(super) struct Turn {
    /// `at`, `later` than the horizon, `never`, `unknown` from an instant on, or `no_clock`: the question says none.
    pub(super) when: &'static str,
    /// Milliseconds since 1970 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<i64>,
    /// The answer from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<Verdict>,
}

pub(super) fn next(pack: &Pack, engine: &mut Engine, question: &Question) -> Result<Turn, Exit> {
    let turn = |when, at, verdict| Turn { when, at, verdict };
    let Ok(mut bytes) = question.bytes(engine) else {
        return Ok(turn("never", None, None));
    };
    // Who asks without a clock is answered alike at any time, unless the context carries one itself.
    let now = match question.now {
        Some(now) => now,
        None => match clock(question) {
            Some(now) => now,
            None => return Ok(turn("no_clock", None, None)),
        },
    };
    let bundle = pack.bundle()?;
    let horizon = now.saturating_add(HORIZON_MS);
    let ask = |request: &[u8]| engine.decide(request).to_vec();
    let found = next_change(&bundle, &mut bytes, now, horizon, ask)
        .map_err(|_| fail(Exit::Wrong, "the engine's answer cannot be read"))?;
    Ok(match found {
        NextChange::At(at) => {
            set_now(&mut bytes, &bundle, at);
            turn("at", Some(at), Some(decide(engine, &bytes)))
        }
        NextChange::Later => turn("later", Some(horizon), None),
        NextChange::Never => turn("never", None, None),
        NextChange::Unknown(at) => turn("unknown", Some(at), None),
    })
}

/// `context.now` of the request.
fn clock(question: &Question) -> Option<i64> {
    match question.request.get("context")?.get("now")? {
        avow_engine::intake::Json::Str(text) => avow_engine::ext::parse_datetime(text.as_bytes()),
        _ => None,
    }
}
