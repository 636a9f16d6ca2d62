//! Writes the parity cases as JSON, for shells that are no Rust: the bundle, and for each case its JSON request, its
//! canonical bytes and the answer's bytes. The native engine has made the answers; `tests/tests/parity.rs` holds that to Cedar.
//!
//! Usage: `parity_cases FILE`

use avow_compiler::Target;
use avow_engine::{Bundle, Engine, intake};
use avow_tests::{Pack, hex, stamp};
use serde_json::json;

fn main() {
    let file = std::env::args().nth(1).expect("usage: parity_cases FILE");
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
    let out = json!({ "bundle": hex(&bytes), "cases": cases });
    std::fs::write(file, serde_json::to_string(&out).unwrap()).unwrap();
}
