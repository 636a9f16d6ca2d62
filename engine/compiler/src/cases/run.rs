//! Asks the engine what a case asks, and says where the answer is another one.

use avow_engine::{Answer, Bundle, Engine, Explanation, Verdict};
use serde::Serialize;

use super::{Case, Expectation, request::encode, until_text};

/// Runs cases against one bundle.
pub struct Runner {
    engine: Engine,
}

/// What came out of a case.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The answer.
    pub verdict: Verdict,
    /// Where it is not what the case expects; empty: passed.
    pub differences: Vec<Difference>,
}

/// One thing that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `outcome`, `rules`, `clauses`, `obligations` or `until`.
    pub field: &'static str,
    /// What the case expects; names are separated by `, `.
    pub expected: String,
    /// What came out.
    pub found: String,
}

impl Runner {
    /// A runner for a bundle: usually the one by which the cases were checked, whose requests are then read already.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        Self {
            engine: Engine::new(bundle),
        }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        self.engine.bundle()
    }

    /// Runs a case.
    pub fn run(&mut self, case: &Case) -> Ran {
        let verdict = self.decide(case);
        Ran {
            differences: differences(&case.expect, &verdict),
            verdict,
        }
    }

    /// Why a case came out as it did; none where the request does not even reach the engine.
    pub fn explain(&mut self, case: &Case) -> Option<Explanation> {
        let bytes = encode(self.engine.bundle(), case).ok()?;
        let answer = self.engine.explain(&bytes).to_vec();
        let answer = Answer::read(&answer).ok()?;
        Some(Explanation::new(self.engine.bundle(), &answer))
    }

    fn decide(&mut self, case: &Case) -> Verdict {
        let encoded = case.encoded.as_ref();
        let encoded = encoded.filter(|encoded| encoded.digest == *self.engine.bundle().digest());
        let answer = match encoded {
            Some(encoded) => self.engine.decide(&encoded.bytes),
            None => match encode(self.engine.bundle(), case) {
                Ok(bytes) => self.engine.decide(&bytes),
                Err(problem) => return Verdict::refused(problem),
            },
        };
        // The engine lends its answer, and its bundle has the words for it.
        let answer = answer.to_vec();
        Answer::read(&answer).map_or_else(
            |_| Verdict::failed(),
            |answer| Verdict::new(self.engine.bundle(), &answer),
        )
    }
}

fn differences(expect: &Expectation, verdict: &Verdict) -> Vec<Difference> {
    let mut out = Vec::new();
    let mut compare = |field, expected: Option<String>, found: String| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            out.push(Difference {
                field,
                expected,
                found,
            });
        }
    };
    let Expectation {
        outcome,
        rules,
        clauses,
        obligations,
        until,
    } = expect;
    let names = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
    compare("outcome", Some(outcome.clone()), verdict.outcome.to_owned());
    compare("rules", names(rules), verdict.rules.join(", "));
    compare("clauses", names(clauses), verdict.clauses.join(", "));
    compare(
        "obligations",
        names(obligations),
        verdict.obligations.join(", "),
    );
    compare("until", until.map(until_text), until_text(verdict.until));
    out
}
