//! A question, put to the engine as an author's tool does: trusted, with the clock of the question.

use avow_engine::{
    Answer, Engine, Explanation, Verdict,
    intake::{self, Json, Stamp},
    verdict::Problem,
};

/// A request, and what the host would say of it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The request, as intake reads it.
    pub request: Json,
    /// `context.now`, milliseconds since 1970 in UTC.
    pub now: Option<i64>,
    /// `context.tenant`.
    pub tenant: Option<String>,
}

impl Question {
    /// The bytes that an engine is asked with.
    ///
    /// # Errors
    /// Where the request does not fit the schema.
    pub fn bytes(&self, engine: &Engine) -> Result<Vec<u8>, Problem> {
        let stamp = Stamp {
            now: self.now,
            tenant: self.tenant.as_deref(),
            trusted: true,
        };
        intake::request(engine.bundle(), &self.request, &stamp)
    }

    /// The answer.
    #[must_use]
    pub fn decide(&self, engine: &mut Engine) -> Verdict {
        match self.bytes(engine) {
            Ok(bytes) => decide(engine, &bytes),
            Err(problem) => Verdict::refused(problem),
        }
    }

    /// The answer with its reasons.
    ///
    /// # Errors
    /// The verdict, where the request does not even reach the engine.
    pub fn explain(&self, engine: &mut Engine) -> Result<Explanation, Box<Verdict>> {
        let bytes = self
            .bytes(engine)
            .map_err(|problem| Box::new(Verdict::refused(problem)))?;
        let answer = engine.explain(&bytes).to_vec();
        let answer = Answer::read(&answer).map_err(|_| Box::new(Verdict::failed()))?;
        Ok(Explanation::new(engine.bundle(), &answer))
    }
}

/// The verdict on request bytes.
#[must_use]
pub fn decide(engine: &mut Engine, bytes: &[u8]) -> Verdict {
    let answer = engine.decide(bytes).to_vec();
    Answer::read(&answer).map_or_else(
        |_| Verdict::failed(),
        |answer| Verdict::new(engine.bundle(), &answer),
    )
}
