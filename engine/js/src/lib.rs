//! The engine for JavaScript programs: plain objects in and out.
//!
//! `load(bytes)` gives an `Engine`; `engine.decide(request, stamp)` takes `{principal, action, resource, context, entities}` and
//! answers `{outcome, decision, rules, clauses, obligations, …}`. The embedding program is trusted: it may bring attributes
//! that the schema marks `@authoritative`. `engine.decideBytes(request)` exchanges the canonical bytes of every shell.
//!
//! `package/` is what becomes `@avow/engine` around it: an entry for each runtime, and types by hand, which say the same as this.

use avow_engine::{
    Answer, Bundle, Engine as Native, Verdict,
    intake::{self, Json, Stamp},
    verdict::Problem,
};
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};

/// A loaded bundle.
#[wasm_bindgen]
pub struct Engine(Native);

/// Loads a bundle; throws where it does not hold together.
#[wasm_bindgen]
pub fn load(bundle: Vec<u8>) -> Result<Engine, JsError> {
    Ok(Engine(Native::new(Bundle::load(bundle)?)))
}

#[wasm_bindgen]
impl Engine {
    /// The SHA-256 digest of the bundle, in hexadecimal digits: by it a program knows whether its server decides by the same rules.
    #[wasm_bindgen(getter)]
    pub fn digest(&self) -> String {
        let digest = self.0.bundle().digest();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Decides a request. `now` is milliseconds since 1970, `tenant` a string; either may be left out.
    pub fn decide(
        &mut self,
        request: JsValue,
        now: Option<f64>,
        tenant: Option<String>,
    ) -> Result<JsValue, JsError> {
        let verdict = match self.bytes(request, now, tenant.as_deref())? {
            Ok(bytes) => {
                let answer = self.0.decide(&bytes).to_vec();
                Verdict::new(self.0.bundle(), &Answer::read(&answer)?)
            }
            Err(problem) => Verdict::refused(problem),
        };
        Ok(verdict.serialize(&Serializer::json_compatible())?)
    }

    /// The canonical bytes of a request; throws where it does not fit the schema.
    pub fn encode(
        &self,
        request: JsValue,
        now: Option<f64>,
        tenant: Option<String>,
    ) -> Result<Vec<u8>, JsError> {
        Ok(self.bytes(request, now, tenant.as_deref())??)
    }

    /// Answer bytes for request bytes.
    #[wasm_bindgen(js_name = decideBytes)]
    pub fn decide_bytes(&mut self, request: &[u8]) -> Vec<u8> {
        self.0.decide(request).to_vec()
    }

    fn bytes(
        &self,
        request: JsValue,
        now: Option<f64>,
        tenant: Option<&str>,
    ) -> Result<Result<Vec<u8>, Problem>, JsError> {
        // A number that is none would be cast to 1970, when much that has ended now still holds.
        if now.is_some_and(|now| !now.is_finite()) {
            return Err(JsError::new(
                "`now` is no instant: give milliseconds since 1970",
            ));
        }
        let request: Json = serde_wasm_bindgen::from_value(request)?;
        let stamp = Stamp {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "JavaScript's instants are whole milliseconds"
            )]
            now: now.map(|now| now as i64),
            tenant,
            trusted: true,
        };
        Ok(intake::request(self.0.bundle(), &request, &stamp))
    }
}
