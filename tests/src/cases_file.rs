//! The parity cases as JSON, for shells that are no Rust: the bundle, and for each case its JSON request, its canonical
//! bytes and the answer's bytes. The native engine has made the answers; `tests/tests/parity.rs` holds that to Cedar.

use avow_compiler::Target;
use avow_engine::{Bundle, Engine, intake};
use serde_json::{Value, json};

use crate::{Pack, hex, stamp};

/// `{"bundle": hex, "cases": [{"name", "json", "now", "tenant", "request": hex, "answer": hex, "outcome"}]}`.
///
/// # Panics
/// Where the pack is not sound.
#[must_use]
pub fn parity() -> Value {
    let pack = Pack::open("opsyn");
    let bytes = pack.bundle(Target::Server);
    let mut engine = Engine::new(Bundle::load(bytes.clone()).unwrap());
    let cases: Vec<_> = pack
        .cases
        .iter()
        .filter_map(|case| {
            let request = intake::request(engine.bundle(), &case.request, &stamp(case)).ok()?;
            let answer = engine.decide(&request).to_vec();
            Some(json!({
                "name": case.name,
                "json": case.request,
                "now": case.now,
                "tenant": case.tenant,
                "request": hex(&request),
                "answer": hex(&answer),
                "outcome": case.expect.outcome,
            }))
        })
        .collect();
    json!({ "bundle": hex(&bytes), "cases": cases })
}
