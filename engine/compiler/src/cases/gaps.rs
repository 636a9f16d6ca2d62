//! Promises whose cases do not show what they should.

use serde::Serialize;

use super::Case;
use crate::{Kept, Promise, Sides};

/// A promise whose cases do not show what they should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The clause.
    pub clause: String,
    /// What is missing.
    pub message: String,
}

/// Promises kept by rules that lack cases: two each at least, and one on each side where the promise has two.
#[must_use]
pub fn gaps(promises: &[Promise], cases: &[Case]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for promise in promises {
        if !matches!(promise.kept_by, Kept::Rule | Kept::Attested) {
            continue;
        }
        let about = || {
            cases
                .iter()
                .filter(|case| case.clauses.contains(&promise.id))
        };
        let allowed = about()
            .filter(|case| case.expect.outcome == "allow")
            .count();
        let denied = about().count() - allowed;
        let mut missing = |message: String| {
            gaps.push(Gap {
                clause: promise.id.clone(),
                message,
            });
        };
        if allowed + denied < 2 {
            missing(format!("has {} cases, and needs two", allowed + denied));
        }
        if allowed == 0 && promise.sides != Sides::Deny {
            missing("has no case that is allowed".to_owned());
        }
        if denied == 0 && promise.sides != Sides::Allow {
            missing("has no case that is denied".to_owned());
        }
    }
    gaps
}
