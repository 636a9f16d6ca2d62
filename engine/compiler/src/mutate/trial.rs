//! Some mutants at a time: validated, lowered, asked, and judged by what cases expect.

use std::collections::BTreeSet;

use cedar_policy::{Policy as CedarPolicy, PolicyId, PolicySet, ValidationMode, Validator};

use crate::{
    Compiled,
    cases::Case,
    finding::{Finding, Sources},
    instrument::{self, Seen},
    program::Rule,
    schema,
};

use super::{
    Candidate, Fate,
    fate::{Baseline, Replaced},
    same,
};

/// Cedar's validator by the pack's schema; none where the pack itself is not validated.
pub(super) fn validator(sources: &Sources<'_>, compiled: &Compiled) -> Option<Validator> {
    if compiled.passed_over.is_some() {
        return None;
    }
    let cedar = schema::read(sources, &mut Vec::new())?;
    Some(Validator::new(cedar.schema))
}

/// A rule as a mutant changes it.
struct Changed {
    /// The mutant's number among those that are tried together.
    mutant: usize,
    /// The rule's number in the program.
    rule: usize,
    lowered: Rule,
}

/// The fates of some mutants, in their order.
pub(super) fn fates(
    compiled: &Compiled,
    some: &[Candidate<'_>],
    cases: &[Case],
    baseline: &Baseline,
    validator: Option<&Validator>,
) -> Result<Vec<Fate>, Vec<Finding>> {
    let mut invalid = BTreeSet::new();
    let changed = changed(compiled, some, validator, &mut invalid);
    let rules: Vec<Rule> = changed.iter().map(|of| of.lowered.clone()).collect();
    let seen = instrument::ask(compiled, &rules, cases)?;
    let judge = |(number, candidate): (usize, &Candidate<'_>)| {
        if invalid.contains(&number) {
            return Fate::Invalid;
        }
        let own = || {
            changed
                .iter()
                .zip(&seen)
                .filter(move |(of, _)| of.mutant == number)
        };
        let results: Vec<(usize, &Vec<Seen>)> = own().map(|(of, seen)| (of.rule, seen)).collect();
        let numbers: Vec<usize> = candidate.rules.iter().map(|rule| rule.number).collect();
        let replaced = Replaced {
            rules: &numbers,
            results: &results,
            change: &candidate.change,
        };
        match baseline.killer(cases, &replaced) {
            Some(case) => Fate::Killed { case },
            None if candidate.change.is_of_scope() && own().all(|(of, _)| same(compiled, of)) => {
                Fate::Equivalent {
                    reason: same::REASON.to_owned(),
                }
            }
            None => Fate::Survived,
        }
    };
    Ok(some.iter().enumerate().map(judge).collect())
}

/// Whether a change of the scope is none, for every request that the schema knows.
fn same(compiled: &Compiled, changed: &Changed) -> bool {
    let rule = compiled.program.rules.get(changed.rule);
    rule.is_some_and(|rule| same::same_scope(&compiled.program, rule, &changed.lowered))
}

/// The rules of mutants that the validator passes. Of a template each link is one; a mutant is invalid if one of them is.
fn changed(
    compiled: &Compiled,
    some: &[Candidate<'_>],
    validator: Option<&Validator>,
    invalid: &mut BTreeSet<usize>,
) -> Vec<Changed> {
    let mut set = PolicySet::new();
    let mut changed: Vec<Changed> = Vec::new();
    for (mutant, candidate) in some.iter().enumerate() {
        if !candidate.change.asks() {
            continue;
        }
        for rule in &candidate.rules {
            let text = rule.permit(&candidate.change.edits);
            let number = changed.len();
            let policy = CedarPolicy::parse(Some(PolicyId::new(number.to_string())), &text);
            let lowered = instrument::lowered(number, &text, &compiled.program);
            let (Ok(policy), Ok(lowered)) = (policy, lowered) else {
                invalid.insert(mutant);
                continue;
            };
            // Its id is new, so the set takes it.
            let _ = set.add(policy);
            changed.push(Changed {
                mutant,
                rule: rule.number,
                lowered,
            });
        }
    }
    if let Some(validator) = validator {
        let result = validator.validate(&set, ValidationMode::Strict);
        for error in result.validation_errors() {
            let id: &str = error.policy_id().as_ref();
            let number = id.parse::<usize>().ok();
            if let Some(of) = number.and_then(|number| changed.get(number)) {
                invalid.insert(of.mutant);
            }
        }
    }
    changed.retain(|of| !invalid.contains(&of.mutant));
    changed
}
