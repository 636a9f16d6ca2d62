//! An answer in words: the names of the rules, their clauses and obligations.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use serde::{Serialize, Serializer};

use crate::{
    answer::{Answer, Refusal, Until},
    bundle::Bundle,
};

/// A decision as interfaces show it. Names are sorted; clauses and obligations are named once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `allow`, `forbidden`, `not_permitted`, `refused` or `failed`. Only `allow` is one.
    pub outcome: &'static str,
    /// Cedar's decision: `allow` or `deny`. Enforce the outcome.
    pub decision: &'static str,
    /// The determining rules.
    pub rules: Vec<String>,
    /// The clauses that these keep.
    pub clauses: Vec<String>,
    /// What the caller must carry out, or else treat the answer as a deny.
    pub obligations: Vec<String>,
    /// Up to when the same question gets the same answer: milliseconds since 1970 in UTC; `"now"` where that is not
    /// promised; absent where it does for ever.
    #[serde(skip_serializing_if = "Until::is_forever")]
    pub until: Until,
    /// Rules that could not be evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedRule>,
    /// Why the request was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A rule that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedRule {
    /// Its name.
    pub rule: String,
    /// The cause.
    pub error: String,
    /// The clauses that it would keep. Where a forbid failed, they are why the answer is no allow.
    pub clauses: Vec<String>,
}

/// Why a request does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the request, such as `context.choice.at`; empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl core::fmt::Display for Problem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for Problem {}

impl Verdict {
    /// Words for an answer of `bundle`.
    #[must_use]
    pub fn new(bundle: &Bundle, answer: &Answer<'_>) -> Self {
        let determining: Vec<_> = answer
            .determining()
            .filter_map(|number| bundle.rule(number))
            .collect();
        let names = |mut names: Vec<String>| {
            names.sort_unstable();
            names.dedup();
            names
        };
        let problem = (answer.refusal() != Refusal::None).then(|| Problem {
            path: String::new(),
            message: answer.refusal().message().to_owned(),
        });
        Self {
            outcome: answer.outcome().as_str(),
            decision: answer.decision().as_str(),
            rules: names(determining.iter().map(|r| r.id().to_owned()).collect()),
            clauses: names(
                determining
                    .iter()
                    .flat_map(|rule| rule.clauses().map(ToOwned::to_owned))
                    .collect(),
            ),
            obligations: names(
                determining
                    .iter()
                    .flat_map(|rule| rule.obligations().map(ToOwned::to_owned))
                    .collect(),
            ),
            until: answer.until(),
            failed: answer
                .failed()
                .map(|failure| {
                    let rule = bundle.rule(failure.rule);
                    FailedRule {
                        rule: rule.map(|rule| rule.id().to_owned()).unwrap_or_default(),
                        error: failure.error.message().to_owned(),
                        clauses: rule
                            .iter()
                            .flat_map(|rule| rule.clauses().map(ToOwned::to_owned))
                            .collect(),
                    }
                })
                .collect(),
            problem,
        }
    }

    /// The verdict on a request that intake refused.
    #[must_use]
    pub fn refused(problem: Problem) -> Self {
        Self {
            outcome: "refused",
            decision: "deny",
            rules: Vec::new(),
            clauses: Vec::new(),
            obligations: Vec::new(),
            until: Until::Now,
            failed: Vec::new(),
            problem: Some(problem),
        }
    }

    /// The verdict where no engine gave an answer.
    #[must_use]
    pub fn failed() -> Self {
        Self {
            outcome: "failed",
            problem: None,
            ..Self::refused(Problem {
                path: String::new(),
                message: String::new(),
            })
        }
    }

    /// Whether the outcome is `allow`.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        self.outcome == "allow"
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(at) => to.serialize_i64(*at),
            Self::Now => to.serialize_str("now"),
            Self::Forever => to.serialize_none(),
        }
    }
}
