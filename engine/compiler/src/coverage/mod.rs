//! How much of a pack its cases show: clauses, rules, and both sides of each branch of a condition.
//!
//! A branch is an operand of `&&` or `||`, the test of an `if`, or the whole of a `when` or `unless`. It is seen true, or false,
//! by a case for which Cedar's evaluation reaches it and gets that value. The values are the engine's own (see `instrument`);
//! which of them are reached follows from Cedar's order: scope, conditions as they are written, operands from the left, and
//! nothing after an operand that decides or fails.

mod walk;

use std::{collections::BTreeSet, ops::Range};

use avow_engine::Answer;
use serde::Serialize;

use crate::{
    Compiled, Files, Kept,
    cases::Case,
    exceptions,
    finding::{Finding, Sources},
    instrument::{self, Written},
    manifest::MANIFEST,
};

use walk::Plan;

/// What the cases of a pack show.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// Of each clause that rules keep, in the order of the promises.
    pub clauses: Vec<ClauseCoverage>,
    /// Of each rule, in the order of the sources.
    pub rules: Vec<RuleCoverage>,
}

/// The cases of a clause.
#[derive(Clone, Debug, Serialize)]
pub struct ClauseCoverage {
    /// Its id.
    pub id: String,
    /// The cases whose answer names it.
    pub cases: Vec<usize>,
}

/// The cases of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleCoverage {
    /// Its name.
    pub id: String,
    /// The file that it stands in.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// Whether it is a forbid.
    pub forbids: bool,
    /// The clauses that it keeps.
    pub clauses: Vec<String>,
    /// The cases whose answer it determines.
    pub cases: Vec<usize>,
    /// In the order of the text, an outer one before those within.
    pub branches: Vec<Branch>,
}

/// What a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchKind {
    /// A `when`.
    When,
    /// An `unless`.
    Unless,
    /// An operand of `&&`.
    And,
    /// An operand of `||`.
    Or,
    /// The test of an `if`.
    Test,
}

/// A place where a condition goes one way or the other.
#[derive(Clone, Debug, Serialize)]
pub struct Branch {
    /// What it is.
    pub kind: BranchKind,
    /// Its expression, on one line.
    pub text: String,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many cases saw it true.
    pub seen_true: usize,
    /// How many cases saw it false.
    pub seen_false: usize,
    /// Why no case can see it true, where `mutants.toml` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_true: Option<String>,
    /// Why no case can see it false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_false: Option<String>,
}

impl Branch {
    /// Whether this side was seen, or cannot be.
    #[must_use]
    pub fn covers(&self, side: bool) -> bool {
        match side {
            true => self.seen_true > 0 || self.never_true.is_some(),
            false => self.seen_false > 0 || self.never_false.is_some(),
        }
    }
}

/// Covered and all. A branch counts twice, once for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Clauses that an answer names, of those that rules keep.
    pub clauses: (usize, usize),
    /// Rules that determine an answer.
    pub rules: (usize, usize),
    /// Sides of branches.
    pub branches: (usize, usize),
}

impl RuleCoverage {
    /// Sides of branches that are covered, and all.
    #[must_use]
    pub fn sides(&self) -> (usize, usize) {
        let sides = self.branches.iter().flat_map(|branch| {
            let sides = [branch.covers(true), branch.covers(false)];
            sides.into_iter().filter(|covered| *covered)
        });
        (sides.count(), self.branches.len() * 2)
    }
}

impl Coverage {
    /// The sums.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let clauses = self.clauses.iter().filter(|of| !of.cases.is_empty());
        let rules = self.rules.iter().filter(|of| !of.cases.is_empty());
        let sides = self.rules.iter().map(RuleCoverage::sides);
        Totals {
            clauses: (clauses.count(), self.clauses.len()),
            rules: (rules.count(), self.rules.len()),
            branches: sides.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1)),
        }
    }

    /// Whether nothing is left to be shown.
    #[must_use]
    pub fn whole(&self) -> bool {
        let Totals {
            clauses,
            rules,
            branches,
        } = self.totals();
        [clauses, rules, branches]
            .iter()
            .all(|(covered, all)| covered == all)
    }
}

/// Measures what cases show of the pack that `files` are.
///
/// # Errors
/// Where the files are not those that were compiled, and where an entry of `mutants.toml` is wrong or not needed.
pub fn measure(
    files: &Files,
    compiled: &Compiled,
    cases: &[Case],
) -> Result<Coverage, Vec<Finding>> {
    let sources = Sources::new(files);
    let (_, unreachable) = exceptions::read(&sources)?;
    let trees = instrument::trees(files, &compiled.program)?;
    let written = instrument::written(files, &compiled.program, &trees)?;
    let determined = determined(compiled, cases)?;
    let mut rules = Vec::new();
    let mut probes = Vec::new();
    let plans: Vec<_> = written
        .iter()
        .map(|rule| Plan::new(rule, &mut probes))
        .collect();
    let probes: Vec<_> = probes
        .iter()
        .enumerate()
        .map(|(number, probe)| instrument::lowered(number, probe, &compiled.program))
        .collect::<Result<_, String>>()
        .map_err(|message| vec![sources.error("measure", MANIFEST, None, message)])?;
    let seen = instrument::ask(compiled, &probes, cases)?;
    for (rule, plan) in written.iter().zip(plans) {
        let branches = plan.branches(rule, &seen, cases.len(), &sources, &unreachable);
        let place = sources.error("place", rule.file, Some(rule.policy.span.clone()), "");
        rules.push(RuleCoverage {
            id: rule.rule.id.clone(),
            file: rule.file.to_owned(),
            line: place.line.unwrap_or_default(),
            span: rule.policy.span.clone(),
            forbids: rule.rule.forbids,
            clauses: words(rule, "clause"),
            cases: determined
                .iter()
                .enumerate()
                .filter(|(_, rules)| rules.contains(&rule.number))
                .map(|(case, _)| case)
                .collect(),
            branches,
        });
    }
    let unused = unreachable.unused(&sources, "side of a branch that is never seen");
    match unused.is_empty() {
        true => Ok(Coverage {
            clauses: clauses(compiled, &rules),
            rules,
        }),
        false => Err(unused),
    }
}

/// The words of an annotation.
pub(crate) fn words(rule: &Written<'_>, key: &str) -> Vec<String> {
    let value = rule.rule.notes.get(key).map_or("", String::as_str);
    value
        .split_ascii_whitespace()
        .map(ToOwned::to_owned)
        .collect()
}

/// The numbers of the rules that determine the answer to each case.
fn determined(compiled: &Compiled, cases: &[Case]) -> Result<Vec<BTreeSet<usize>>, Vec<Finding>> {
    let mut engine = instrument::engine(compiled, &compiled.program.rules)?;
    Ok(cases
        .iter()
        .map(|case| {
            let answer = instrument::decide(&mut engine, case).unwrap_or_default();
            Answer::read(&answer).map_or_else(
                |_| BTreeSet::new(),
                |answer| answer.determining().map(|number| number as usize).collect(),
            )
        })
        .collect())
}

/// Clauses that rules keep: those of promises first, in their order.
fn clauses(compiled: &Compiled, rules: &[RuleCoverage]) -> Vec<ClauseCoverage> {
    let cited: BTreeSet<&str> = rules
        .iter()
        .flat_map(|rule| rule.clauses.iter().map(String::as_str))
        .collect();
    let promised = compiled.promises.iter().filter(|promise| {
        matches!(promise.kept_by, Kept::Rule | Kept::Attested)
            || cited.contains(promise.id.as_str())
    });
    let mut ids: Vec<&str> = promised.map(|promise| promise.id.as_str()).collect();
    let others: Vec<&str> = cited
        .iter()
        .filter(|id| !ids.contains(id))
        .copied()
        .collect();
    ids.extend(others);
    ids.into_iter()
        .map(|id| {
            let keeping = rules
                .iter()
                .filter(|rule| rule.clauses.iter().any(|clause| clause == id));
            let cases: BTreeSet<usize> = keeping.flat_map(|rule| rule.cases.clone()).collect();
            ClauseCoverage {
                id: id.to_owned(),
                cases: cases.into_iter().collect(),
            }
        })
        .collect()
}
