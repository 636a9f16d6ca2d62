//! Mutation of rules: small changes that somebody could make by mistake, and whether a case notices.
//!
//! A *mutant* is one rule with one change of its text. What it gives for each case is asked of the engine, hundreds of mutants
//! at a time (see `instrument`); what the pack would answer then follows from what its other rules give. A mutant is killed
//! where that is not what a case expects. One that Cedar's strict validator refuses is no mistake that anybody could ship.

mod change;
mod conditions;
mod fate;
mod literals;
mod same;
mod scope;
mod trial;

use std::{collections::BTreeSet, ops::Range};

use serde::Serialize;

use crate::{
    Compiled, Files,
    cases::Case,
    exceptions::{self, squeezed},
    finding::{Finding, Sources},
    instrument::{self, Written},
};

use change::{Change, Words};
use fate::Baseline;
use trial::{fates, validator};

/// A rule with one small change.
#[derive(Clone, Debug, Serialize)]
pub struct Mutant {
    /// The rule's name; of a template, that of its first link.
    pub rule: String,
    /// The file that it stands in.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Bytes of the file that change.
    pub span: Range<usize>,
    /// The kind of the change.
    pub kind: &'static str,
    /// The text that changes, on one line.
    pub before: String,
    /// What becomes of it; empty where it goes.
    pub after: String,
    /// What the cases say of it.
    pub fate: Fate,
    /// Bytes of the file, and what is put in their place.
    #[serde(skip)]
    pub edits: Vec<(Range<usize>, String)>,
}

impl Mutant {
    /// The pack with the change: what the mutant is, all of it.
    #[must_use]
    pub fn apply(&self, files: &Files) -> Files {
        let mut files = files.clone();
        if let Some(text) = files.get_mut(&self.file) {
            *text = instrument::edited(text, 0..text.len(), self.edits.clone());
        }
        files
    }
}

/// What becomes of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// A case notices.
    Killed {
        /// The first one that does.
        case: usize,
    },
    /// Cedar's validator refuses it.
    Invalid,
    /// No case notices.
    Survived,
    /// No case notices, because it answers as the rule does: the schema leaves nothing else, or `mutants.toml` says so.
    Equivalent {
        /// Why.
        reason: String,
    },
}

/// How many mutants are made, validated and asked at once.
const AT_ONCE: usize = 256;

/// Makes the mutants of a pack and looks for a case that notices each. Cases whose answer is not as they expect say nothing
/// and are left out. `progress` is told how many are done, of how many.
///
/// # Errors
/// Where the files are not those that were compiled, and where an entry of `mutants.toml` is wrong or not needed.
pub fn mutate(
    files: &Files,
    compiled: &Compiled,
    cases: &[Case],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Mutant>, Vec<Finding>> {
    let sources = Sources::new(files);
    let (equivalent, _) = exceptions::read(&sources)?;
    let trees = instrument::trees(files, &compiled.program)?;
    let written = instrument::written(files, &compiled.program, &trees)?;
    let baseline = Baseline::new(compiled, &written, cases)?;
    let made = made(compiled, &written);
    let validator = validator(&sources, compiled);
    let mut mutants = Vec::new();
    progress(0, made.len());
    for some in made.chunks(AT_ONCE) {
        let fates = fates(compiled, some, cases, &baseline, validator.as_ref())?;
        for (candidate, fate) in some.iter().zip(fates) {
            mutants.push(candidate.mutant(&sources, fate));
        }
        progress(mutants.len(), made.len());
    }
    for mutant in &mut mutants {
        // Asked for only where it is needed: an entry for a mutant that a case notices is a wrong one.
        if mutant.fate == Fate::Survived {
            let reason =
                equivalent.reason(&mutant.rule, mutant.kind, &mutant.before, &mutant.after);
            if let Some(reason) = reason {
                mutant.fate = Fate::Equivalent {
                    reason: reason.to_owned(),
                };
            }
        }
    }
    let unused = equivalent.unused(&sources, "mutant that survives");
    match unused.is_empty() {
        true => Ok(mutants),
        false => Err(unused),
    }
}

/// A change, and the rules that it is a change of: one, or all links of a template.
struct Candidate<'a> {
    rules: Vec<&'a Written<'a>>,
    change: Change,
    before: String,
    after: String,
}

impl Candidate<'_> {
    fn mutant(&self, sources: &Sources<'_>, fate: Fate) -> Mutant {
        let first = self.rules.first();
        let file = first.map(|rule| rule.file).unwrap_or_default();
        let span = self.change.span();
        let at = sources.error("place", file, Some(span.clone()), "");
        Mutant {
            rule: first.map(|rule| rule.rule.id.clone()).unwrap_or_default(),
            file: file.to_owned(),
            line: at.line.unwrap_or_default(),
            column: at.column.unwrap_or_default(),
            span,
            kind: self.change.kind,
            before: self.before.clone(),
            after: self.after.clone(),
            fate,
            edits: self.change.edits.clone(),
        }
    }
}

/// Every change of every rule, in the order of the sources; two that give the same text once.
fn made<'a>(compiled: &Compiled, written: &'a [Written<'a>]) -> Vec<Candidate<'a>> {
    let words = Words::new(&compiled.program, written);
    let mut made = Vec::new();
    for rule in written {
        let same = |other: &&Written<'_>| std::ptr::eq(other.policy, rule.policy);
        let rules: Vec<_> = written.iter().filter(same).collect();
        if rules.first().map(|first| first.number) != Some(rule.number) {
            continue;
        }
        let mut changes = scope::changes(rule, &words);
        for condition in &rule.policy.conditions {
            changes.extend(conditions::changes(rule, condition));
            changes.extend(literals::changes(rule, &condition.expr, &words));
        }
        changes.sort_by_key(|change| change.span().start);
        let whole = |change: Option<&Change>| {
            let edits = change.map(|change| change.edits.clone());
            squeezed(&instrument::edited(
                rule.text,
                rule.policy.span.clone(),
                edits.unwrap_or_default(),
            ))
        };
        let mut texts = BTreeSet::from([whole(None)]);
        for change in changes {
            if texts.insert(whole(Some(&change))) {
                let shown = |edits: Vec<instrument::Edit>| {
                    squeezed(&instrument::edited(rule.text, change.frame.clone(), edits))
                };
                made.push(Candidate {
                    before: shown(Vec::new()),
                    after: shown(change.edits.clone()),
                    rules: rules.clone(),
                    change,
                });
            }
        }
    }
    made
}
