//! What can be known of a pack without running it.
//!
//! A check is sound and not complete: what it reports is so, and its page in `docs/checks/` says what it cannot see. The
//! checks look at a pack that compiles; what stops it from compiling is found by whoever reads that part of it, under a
//! code of the same list.

mod attested_without_fact;
mod chapter_unjoined;
mod consent_days;
mod facts;
mod formula;
mod limbo;
mod list;
mod moving_time;
mod never_applies;
mod outvoted;
mod policy_digest;
mod promise_without_case;
mod retain_forbidden;
mod rule_without_id;
mod same_rule;
mod setting_unread;
mod shadowed;
mod solve;
mod tenant;
mod ungoverned;
mod unused;
mod view;

pub use list::CHECKS;

use avow_engine::Bundle;

use crate::{
    Compiled, Files, Read, Target, cases,
    finding::{Finding, Severity, Sources, ordered},
    read_pack,
};
use view::View;

/// A kind of finding.
#[derive(Clone, Copy)]
pub struct Check {
    /// The stable word.
    pub code: &'static str,
    /// What it says, in one line.
    pub title: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether some of its findings have a fix.
    pub fixes: bool,
    /// Its page.
    pub page: &'static str,
    /// None: it is found while the pack is compiled.
    run: Option<fn(&View<'_>, &mut Vec<Finding>)>,
}

/// The check of a code.
#[must_use]
pub fn explain(code: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.code == code)
}

/// The code that is most like a word.
#[must_use]
pub fn suggest(word: &str) -> Option<&'static str> {
    crate::suggest::suggest(word, CHECKS.iter().map(|check| check.code))
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// By file and place.
    pub findings: Vec<Finding>,
    /// The pack, where it compiles. A pack that others use has rules for no request of its own, and is not compiled.
    pub compiled: Option<Compiled>,
    /// How many cases it has.
    pub cases: usize,
}

impl Checked {
    /// How many findings are as bad as that.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// Whether a pack only has what others take from it: it is asked nothing, so there is nothing to run.
#[must_use]
pub fn is_for_others(files: &Files) -> bool {
    read_pack(&Sources::new(files), true).is_ok_and(|read| is_library(&read))
}

/// Everything that is known of a pack without running it.
#[must_use]
pub fn check(files: &Files) -> Checked {
    let sources = Sources::new(files);
    let nothing = |findings| Checked {
        findings: ordered(findings),
        compiled: None,
        cases: 0,
    };
    let mut read = match read_pack(&sources, true) {
        Ok(read) => read,
        Err(findings) => return nothing(findings),
    };
    if is_library(&read) {
        // Who keeps which promise, and what is in the catalogue, is known where it is used.
        (read.findings)
            .retain(|finding| !["never-applies", "not-in-catalogue"].contains(&finding.code));
        rule_without_id::on(&sources, &read.rules, &mut read.findings);
        moving_time::on(&sources, &read.rules, &mut read.findings);
        return Checked {
            findings: ordered(read.findings.clone()),
            compiled: read.compiled().ok(),
            cases: 0,
        };
    }
    if is_wrong(&read.findings) {
        return nothing(read.findings);
    }
    let compiled = Compiled {
        manifest: read.manifest.clone(),
        promises: read.promises.clone(),
        texts: read.catalogue.texts().clone(),
        signals: read.catalogue.signals(),
        theme: read.theme.clone(),
        warnings: Vec::new(),
        passed_over: None,
        program: read.program.clone(),
    };
    // A bundle that the engine refuses is said by whoever asks for it: no case can be held to it.
    let Ok(bundle) = Bundle::load(compiled.bundle(Target::Server)) else {
        return Checked {
            compiled: Some(compiled),
            ..nothing(read.findings)
        };
    };
    let cases = cases::check(files, &compiled, &bundle);
    let is_sound = cases.is_sound();
    let (cases, found) = (cases.cases, cases.findings);
    read.findings.extend(found);
    if !is_sound {
        return nothing(read.findings);
    }
    read.findings = run(&sources, &read, &cases);
    let findings = ordered(read.findings.clone());
    // What checks find does not stop a pack from compiling.
    read.findings
        .retain(|finding| finding.severity != Severity::Error);
    Checked {
        findings,
        compiled: read.compiled().ok(),
        cases: cases.len(),
    }
}

/// Whether it is there for other packs: it promises nothing, and nothing can be asked of it.
fn is_library(read: &Read) -> bool {
    read.promises.is_empty() && read.program.schema.actions.is_empty()
}

fn is_wrong(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// The findings of reading the pack, and those of all checks.
fn run(sources: &Sources<'_>, read: &Read, cases: &[cases::Case]) -> Vec<Finding> {
    let view = View::new(sources, read, cases);
    let mut findings = read.findings.clone();
    for check in CHECKS {
        if let Some(run) = check.run {
            run(&view, &mut findings);
        }
    }
    findings
}

#[cfg(test)]
mod tests;
