//! Why a decision came out as it did: for each candidate rule, whether it held, and if not, the conditions that failed with
//! the values that they saw.
//!
//! The engine only notes what each instruction left (`trace`). Here, outside the guest, the code is read back into Cedar's
//! notation and the values are put to it.

mod expression;
mod value;

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

use serde::Serialize;

use crate::{
    answer::{Answer, EvalError},
    bundle::{Bundle, Effect, Rule},
    bytes::u32_at,
    trace::{END, READING},
    verdict::Verdict,
};
use expression::Expression;
use value::Seen;

pub use value::{datetime, decimal, ip, quoted};

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The decision.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether something forbade it, nothing permitted it, or what else decided: one sentence.
    pub summary: String,
    /// The rules whose scope fitted, those that decided first, then those that came close.
    pub considered: Vec<Considered>,
}

/// A rule whose scope fitted the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Its name.
    pub rule: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// `holds`, `does_not_hold` or `failed`.
    pub result: &'static str,
    /// The clauses that it keeps.
    pub clauses: Vec<String>,
    /// Where it was written, as `file:line`; none in a slice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The conditions by which it came out as it did; none for a rule without conditions.
    pub conditions: Vec<Condition>,
}

/// A condition that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// In Cedar's notation.
    pub condition: String,
    /// What it came to: `true`, `false`, or nothing where it failed.
    pub value: Option<bool>,
    /// What its parts were: expression and value.
    pub saw: BTreeMap<String, String>,
}

impl Explanation {
    /// Reads what [`crate::Engine::explain`] or a guest answered, whose answer is `answer`.
    #[must_use]
    pub fn new(bundle: &Bundle, answer: &Answer<'_>) -> Self {
        let verdict = Verdict::new(bundle, answer);
        let mut considered = Vec::new();
        let mut rest = answer.trace();
        while let Some((rule, after)) = considered_rule(bundle, rest) {
            considered.extend(rule);
            rest = after;
        }
        // Those that decided come first.
        considered.sort_by_key(|rule: &Considered| {
            let decided = rule.result == "failed" || verdict.rules.contains(&rule.rule);
            (!decided, rule.result)
        });
        let names = |rules: &[String]| rules.join("`, `");
        let summary = match verdict.outcome {
            "allow" => alloc::format!(
                "permitted by `{}`, forbidden by nothing",
                names(&verdict.rules)
            ),
            "forbidden" => alloc::format!("forbidden by `{}`", names(&verdict.rules)),
            "failed" => "a rule that might forbid it could not be evaluated".to_owned(),
            "refused" => "the request does not fit".to_owned(),
            _ => "nothing forbids it, and nothing permits it".to_owned(),
        };
        Self {
            verdict,
            summary,
            considered,
        }
    }
}

/// What a rule asks of a request beyond action and types, in Cedar's notation; none where it asks for nothing more. An entity
/// that its scope names stands there as a comparison.
#[must_use]
pub fn condition_of(bundle: &Bundle, rule: &Rule<'_>) -> Option<String> {
    Expression::read(bundle, rule.code_span()).map(|expression| expression.text())
}

/// The next rule of a trace, unless its scope did not fit, and what follows it.
fn considered_rule<'a>(bundle: &Bundle, trace: &'a [u8]) -> Option<(Option<Considered>, &'a [u8])> {
    let (seen, end) = steps_of(trace);
    let (number, result) = (u32_at(end, 4)?, u32_at(end, 8)?);
    let after = end.get(12..)?;
    let rule = bundle.rule(number)?;
    let expression = Expression::read(bundle, rule.code_span());
    let (scope, start) = (rule.scope_len(), rule.code_span().start);
    let left_scope = seen.range(start + scope..READING).next().is_some();
    if scope > 0 && !left_scope && result == 0 {
        return Some((None, after));
    }
    Some((Some(consider(&rule, result, &seen, expression)), after))
}

fn consider(
    rule: &Rule<'_>,
    result: u32,
    seen: &BTreeMap<u32, Seen>,
    expression: Option<Expression<'_>>,
) -> Considered {
    let error = result
        .checked_sub(2)
        .and_then(|code| EvalError::ALL.get(code as usize));
    let mut conditions = Vec::new();
    if let Some(expression) = &expression {
        match error {
            Some(_) => expression.failure(seen, &mut conditions),
            None => expression.reasons(seen, &mut conditions),
        }
    }
    Considered {
        rule: rule.id().to_owned(),
        effect: match rule.effect() {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        },
        result: match result {
            0 => "does_not_hold",
            1 => "holds",
            _ => "failed",
        },
        clauses: rule.clauses().map(ToOwned::to_owned).collect(),
        source: rule
            .source()
            .map(|source| alloc::format!("{}:{}", source.file, source.line)),
        error: error.map(|error| error.message().to_owned()),
        conditions,
    }
}

/// By instruction or reading, what its value was; and what follows the steps.
fn steps_of(mut rest: &[u8]) -> (BTreeMap<u32, Seen>, &[u8]) {
    let mut seen = BTreeMap::new();
    while let Some(at) = u32_at(rest, 0).filter(|at| *at != END) {
        let Some((value, after)) = rest.get(4..).and_then(Seen::read) else {
            return (seen, &[]);
        };
        seen.entry(at).or_insert(value);
        rest = after;
    }
    (seen, rest)
}
