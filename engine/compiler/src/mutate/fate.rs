//! What a pack would answer with other rules, and which case expects otherwise.

use avow_engine::{Answer, Outcome};

use crate::{
    Compiled,
    cases::Case,
    coverage::words,
    finding::{Finding, Sources},
    instrument::{self, Seen, Written},
    manifest::MANIFEST,
};

use super::change::{Change, What};

/// What the rules give as they are.
pub(super) struct Baseline {
    rules: Vec<Facts>,
    /// By rule, then by case.
    seen: Vec<Vec<Seen>>,
    /// The cases that can notice something: those that reach the rules and get what they expect.
    noticing: Vec<usize>,
}

struct Facts {
    id: String,
    forbids: bool,
    clauses: Vec<String>,
    obligations: Vec<String>,
}

/// A change of some rules, all links of one template, and what these give then.
pub(super) struct Replaced<'a> {
    pub(super) rules: &'a [usize],
    pub(super) results: &'a [(usize, &'a Vec<Seen>)],
    pub(super) change: &'a Change,
}

/// An answer, as far as cases compare it. Names are sorted, each is there once.
struct Reached {
    outcome: Outcome,
    rules: Vec<String>,
    clauses: Vec<String>,
    obligations: Vec<String>,
}

impl Baseline {
    pub(super) fn new(
        compiled: &Compiled,
        written: &[Written<'_>],
        cases: &[Case],
    ) -> Result<Self, Vec<Finding>> {
        let files = crate::Files::new();
        let sources = Sources::new(&files);
        let fault = |message: String| vec![sources.error("measure", MANIFEST, None, message)];
        let probes = written
            .iter()
            .map(|rule| instrument::lowered(rule.number, &rule.permit(&[]), &compiled.program))
            .collect::<Result<Vec<_>, String>>()
            .map_err(fault)?;
        let mut baseline = Self {
            rules: written
                .iter()
                .map(|rule| Facts {
                    id: rule.rule.id.clone(),
                    forbids: rule.rule.forbids,
                    clauses: words(rule, "clause"),
                    obligations: words(rule, "obligation"),
                })
                .collect(),
            seen: instrument::ask(compiled, &probes, cases)?,
            noticing: Vec::new(),
        };
        let mut engine = instrument::engine(compiled, &compiled.program.rules)?;
        for (at, case) in cases.iter().enumerate() {
            let answer = instrument::decide(&mut engine, case).unwrap_or_default();
            let Ok(answer) = Answer::read(&answer) else {
                continue;
            };
            let limit = answer
                .failed()
                .any(|failure| failure.error == avow_engine::EvalError::Limit);
            if answer.outcome() == Outcome::Refused || limit {
                continue;
            }
            let reached = baseline.reached(at, None);
            if reached.outcome != answer.outcome() {
                // Nothing that is said of mutants would hold.
                let message = format!(
                    "the probes make `{}` of case `{}`, which is answered with `{}`",
                    reached.outcome.as_str(),
                    case.name,
                    answer.outcome().as_str()
                );
                return Err(fault(message));
            }
            if reached.fits(case) {
                baseline.noticing.push(at);
            }
        }
        Ok(baseline)
    }

    /// The first case that expects otherwise.
    pub(super) fn killer(&self, cases: &[Case], replaced: &Replaced<'_>) -> Option<usize> {
        self.noticing.iter().copied().find(|at| {
            self.differs(*at, replaced)
                && cases
                    .get(*at)
                    .is_some_and(|case| !self.reached(*at, Some(replaced)).fits(case))
        })
    }

    fn seen(&self, rule: usize, case: usize) -> Seen {
        let row = self.seen.get(rule);
        row.and_then(|row| row.get(case))
            .copied()
            .unwrap_or_default()
    }

    /// Whether the change can be felt in a case at all.
    fn differs(&self, case: usize, replaced: &Replaced<'_>) -> bool {
        match replaced.change.what {
            What::Meaning => replaced.results.iter().any(|(rule, seen)| {
                seen.get(case).copied().unwrap_or_default() != self.seen(*rule, case)
            }),
            What::Effect | What::Obligations(_) => replaced
                .rules
                .iter()
                .any(|rule| self.seen(*rule, case) != Seen::False),
        }
    }

    /// The answer, as the engine makes it: see `avow_engine`'s `Tally`.
    fn reached(&self, case: usize, replaced: Option<&Replaced<'_>>) -> Reached {
        let mut permits = Vec::new();
        let mut forbids = Vec::new();
        let mut forbid_failed = false;
        for (number, rule) in self.rules.iter().enumerate() {
            let change = replaced.filter(|replaced| replaced.rules.contains(&number));
            let result = change.and_then(|of| of.results.iter().find(|(rule, _)| *rule == number));
            let seen = match result {
                Some((_, seen)) => seen.get(case).copied().unwrap_or_default(),
                None => self.seen(number, case),
            };
            let swapped = change.is_some_and(|of| of.change.what == What::Effect);
            let obligations = match change.map(|of| &of.change.what) {
                Some(What::Obligations(left)) => left,
                _ => &rule.obligations,
            };
            match (seen, rule.forbids != swapped) {
                (Seen::False, _) | (Seen::Failed, false) => {}
                (Seen::Failed, true) => forbid_failed = true,
                (Seen::True, true) => forbids.push((rule, obligations)),
                (Seen::True, false) => permits.push((rule, obligations)),
            }
        }
        let outcome = match (forbids.is_empty(), forbid_failed, permits.is_empty()) {
            (false, ..) => Outcome::Forbidden,
            (true, true, _) => Outcome::Failed,
            (true, false, false) => Outcome::Allow,
            (true, false, true) => Outcome::NotPermitted,
        };
        let determining = match forbids.is_empty() {
            true => permits,
            false => forbids,
        };
        let names = |mut names: Vec<String>| {
            names.sort_unstable();
            names.dedup();
            names
        };
        let rules = determining.iter().map(|(rule, _)| rule.id.clone());
        let clauses = determining
            .iter()
            .flat_map(|(rule, _)| rule.clauses.clone());
        let obligations = determining.iter().flat_map(|(_, of)| (*of).clone());
        Reached {
            outcome,
            rules: names(rules.collect()),
            clauses: names(clauses.collect()),
            obligations: names(obligations.collect()),
        }
    }
}

impl Reached {
    /// Whether a case expects it.
    fn fits(&self, case: &Case) -> bool {
        let same = |expected: &Option<Vec<String>>, found: &[String]| {
            expected.as_ref().is_none_or(|expected| expected == found)
        };
        case.expect.outcome == self.outcome.as_str()
            && same(&case.expect.rules, &self.rules)
            && same(&case.expect.clauses, &self.clauses)
            && same(&case.expect.obligations, &self.obligations)
    }
}
