//! The model of a report: what its pages and its JSON have.

use std::ops::Range;

use serde::Serialize;

use super::{Table, words};
use crate::{Kept, Promise};

/// A report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The pack's slug.
    pub pack: String,
    /// What people call it.
    pub title: String,
    /// Who promises; empty where the pack does not say.
    pub operator: String,
    /// Version of the pack.
    pub version: String,
    /// Language of its texts.
    pub language: String,
    /// Version of the tool.
    pub tool: String,
    /// The day of the report.
    pub date: String,
    /// The date that the published text carries.
    pub policy_date: String,
    /// SHA-256 of the published text, in hexadecimal.
    pub policy_sha256: String,
    /// Digest of the bundle that the cases were run against, in hexadecimal.
    pub bundle: String,
    /// Whether Cedar's validator has passed the rules.
    pub validated: bool,
    /// One row for each way in which promises are kept.
    pub kept: Vec<KeptRow>,
    /// Of the cases and the rules.
    pub seen: Seen,
    /// The promises, in the pack's order.
    pub promises: Vec<PromiseEntry>,
    /// The rules: the pack's own by file and place, then those of base chapters.
    pub rules: Vec<RuleEntry>,
    /// The cases, in their order; `number` counts from 1.
    pub cases: Vec<CaseEntry>,
    /// What the catalogue has.
    pub catalogue: Vec<Table>,
    /// Attributes of `Settings::"pack"`.
    pub settings: Vec<(String, String)>,
    /// The Cedar files that rules come from.
    pub sources: Vec<Source>,
}

/// Promises that are kept in one way.
#[derive(Clone, Debug, Serialize)]
pub struct KeptRow {
    /// The way.
    pub kept_by: Kept,
    /// How many there are.
    pub promises: usize,
    /// How many of them a rule cites.
    pub cited: usize,
    /// How many of them have cases.
    pub shown: usize,
    /// How many of them have cases of which one fails.
    pub failing: usize,
    /// How many of them wait for a part of the product that is still to come.
    pub pending: usize,
}

/// What was run, and what it has seen. These are figures about rules, and none about promises.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// Cases that gave what they expect.
    pub passed: usize,
    /// Cases that did not.
    pub failed: usize,
    /// Rules that determined the answer of a case.
    pub rules: usize,
    /// Rules that there are.
    pub rules_all: usize,
    /// Sides of conditions, true and false, that a case has seen, or that nothing can lead to.
    pub sides: usize,
    /// Sides of conditions that there are.
    pub sides_all: usize,
}

/// A promise and what shows that it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct PromiseEntry {
    /// The promise.
    #[serde(flatten)]
    pub promise: Promise,
    /// Ids of the rules that cite it.
    pub rules: Vec<String>,
    /// Numbers of the cases about it.
    pub cases: Vec<usize>,
    /// How many cases were answered in its name.
    pub answered: usize,
    /// What its cases do not show, and should.
    pub gaps: Vec<String>,
}

/// A rule and what the cases have seen of it.
#[derive(Clone, Debug, Serialize)]
pub struct RuleEntry {
    /// Its id.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// The promises that it cites.
    pub clauses: Vec<String>,
    /// Where it stands.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Whether it is from a chapter of another pack.
    pub base: bool,
    /// As it is written.
    pub text: String,
    /// Bytes of the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// Numbers of the cases whose answer it determined.
    pub cases: Vec<usize>,
    /// The parts of its conditions.
    pub branches: Vec<BranchEntry>,
}

/// A part of a condition.
#[derive(Clone, Debug, Serialize)]
pub struct BranchEntry {
    /// As it is written.
    pub text: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// Bytes of the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// How many cases saw it true.
    pub seen_true: usize,
    /// How many cases saw it false.
    pub seen_false: usize,
    /// Why nothing can make it true, where the pack says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_true: Option<String>,
    /// Why nothing can make it false, where the pack says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_false: Option<String>,
}

/// A case and what came out.
#[derive(Clone, Debug, Serialize)]
pub struct CaseEntry {
    /// Its place among the cases, from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The promises that it is about.
    pub clauses: Vec<String>,
    /// Who does what to what.
    pub request: String,
    /// Under which circumstances.
    pub circumstances: String,
    /// What it expects.
    pub expected: String,
    /// What came out.
    pub outcome: String,
    /// The rules that determined it.
    pub rules: Vec<String>,
    /// What the caller has to carry out.
    pub obligations: Vec<String>,
    /// Whether it gave what it expects.
    pub passed: bool,
    /// Where it did not.
    pub differences: Vec<String>,
}

/// A Cedar file.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Its path, relative to the pack.
    pub file: String,
    /// Whether it is a chapter of another pack.
    pub base: bool,
    /// What it says.
    pub text: String,
}

impl PromiseEntry {
    /// How many of its cases fail.
    pub(super) fn failing(&self, cases: &[CaseEntry]) -> usize {
        let failed = |number: &&usize| {
            let case = number.checked_sub(1).and_then(|i| cases.get(i));
            case.is_some_and(|case| !case.passed)
        };
        self.cases.iter().filter(failed).count()
    }
}

impl RuleEntry {
    /// Sides of its conditions that a case has seen, and those that there are.
    pub(super) fn sides(&self) -> (usize, usize) {
        let seen = self
            .branches
            .iter()
            .map(|branch| usize::from(branch.shows(true)) + usize::from(branch.shows(false)))
            .sum();
        (seen, self.branches.len() * 2)
    }

    /// What no case has seen of it.
    pub(super) fn unseen(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.cases.is_empty() {
            out.push("it determined no answer".to_owned());
        }
        for branch in &self.branches {
            let how = match (branch.shows(true), branch.shows(false)) {
                (true, true) => continue,
                _ if !branch.reached() => "was never reached",
                (false, _) => "was never true",
                (_, false) => "was never false",
            };
            let text = words::one_line(&branch.text);
            out.push(format!("line {}: `{text}` {how}", branch.line));
        }
        out
    }

    /// What nothing can lead to, with the reasons that the pack gives.
    pub(super) fn excepted(&self) -> Vec<String> {
        let branches = self.branches.iter();
        let sides = branches.flat_map(|branch| {
            let sides = [("true", &branch.never_true), ("false", &branch.never_false)];
            sides.into_iter().filter_map(move |(side, reason)| {
                let reason = reason.as_ref()?;
                let text = words::one_line(&branch.text);
                Some(format!(
                    "line {}: `{text}` cannot be {side}: {reason}",
                    branch.line
                ))
            })
        });
        sides.collect()
    }
}

impl BranchEntry {
    /// Whether a side was seen, or cannot be.
    pub(super) fn shows(&self, side: bool) -> bool {
        match side {
            true => self.seen_true > 0 || self.never_true.is_some(),
            false => self.seen_false > 0 || self.never_false.is_some(),
        }
    }

    pub(super) fn reached(&self) -> bool {
        self.seen_true + self.seen_false > 0
    }
}
