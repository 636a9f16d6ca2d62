//! The traceability report of a pack: each promise, what keeps it, the rules that cite it, the cases about it and how they
//! came out, and what of the rules no case has seen.
//!
//! [`gather`] makes one model of all that, which can be serialised as it is; [`html`] and [`markdown`] write it down. Pure:
//! the date and the tool's version are the caller's. Promises are counted by who keeps them and never added up: a rule that
//! decides and a company's word are not the same sort of thing.

mod catalogue;
mod code;
mod escape;
mod html;
mod markdown;
mod model;
mod request;
mod words;

use std::collections::BTreeMap;

use crate::{
    Compiled, Files, Kept, Target,
    cases::{self, Case, Ran},
    coverage::Coverage,
    emit,
};

pub use catalogue::Table;
pub use html::{coverage_html, html};
pub use markdown::markdown;
pub use model::{BranchEntry, CaseEntry, KeptRow, PromiseEntry, Report, RuleEntry, Seen, Source};

/// What a report is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The pack's files.
    pub files: &'a Files,
    /// The pack.
    pub compiled: &'a Compiled,
    /// Its cases.
    pub cases: &'a [Case],
    /// What came out of each, in the same order.
    pub ran: &'a [Ran],
    /// What they have seen of the rules.
    pub coverage: &'a Coverage,
    /// Version of the tool.
    pub tool: &'a str,
    /// The day of the report, as it should be printed.
    pub date: &'a str,
}

/// Gathers a report.
#[must_use]
pub fn gather(input: &Input<'_>) -> Report {
    let manifest = &input.compiled.manifest;
    let meta = &input.compiled.program.meta;
    let digest = emit::digest_of(&input.compiled.bundle(Target::Server));
    let cases = case_entries(input);
    let rules = rule_entries(input);
    let promises = promise_entries(input, &rules);
    let kept = [
        Kept::Rule,
        Kept::Attested,
        Kept::Mechanism,
        Kept::Organisation,
    ]
    .map(|kept_by| kept_row(kept_by, &promises, &cases));
    Report {
        pack: manifest.pack.name.clone(),
        title: manifest.pack.title.clone(),
        operator: manifest.pack.operator.clone(),
        version: manifest.pack.version.clone(),
        language: manifest.pack.language.clone(),
        tool: input.tool.to_owned(),
        date: input.date.to_owned(),
        policy_date: manifest.policy.date.clone(),
        policy_sha256: manifest.policy.sha256.clone(),
        bundle: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        validated: input.compiled.passed_over.is_none(),
        kept: kept.into(),
        seen: seen(&rules, &cases),
        catalogue: catalogue::tables(&input.compiled.program),
        settings: catalogue::settings(manifest, meta.get("offer")),
        sources: sources(input.files, &rules),
        promises,
        rules,
        cases,
    }
}

fn case_entries(input: &Input<'_>) -> Vec<CaseEntry> {
    let pairs = input.cases.iter().zip(input.ran).enumerate();
    pairs
        .map(|(i, (case, ran))| CaseEntry {
            number: i + 1,
            name: case.name.clone(),
            file: case.file.clone(),
            line: case.line,
            clauses: case.clauses.clone(),
            request: request::asked(case),
            circumstances: request::circumstances(case),
            expected: request::expected(&case.expect),
            outcome: ran.verdict.outcome.to_owned(),
            rules: ran.verdict.rules.clone(),
            obligations: ran.verdict.obligations.clone(),
            passed: ran.differences.is_empty(),
            differences: ran
                .differences
                .iter()
                .map(|different| {
                    format!(
                        "{}: expected {}, found {}",
                        different.field,
                        words::or_none(&different.expected),
                        words::or_none(&different.found)
                    )
                })
                .collect(),
        })
        .collect()
}

fn rule_entries(input: &Input<'_>) -> Vec<RuleEntry> {
    let mut rules: Vec<_> = input
        .coverage
        .rules
        .iter()
        .map(|rule| RuleEntry {
            id: rule.id.clone(),
            effect: if rule.forbids { "forbid" } else { "permit" },
            clauses: rule.clauses.clone(),
            file: rule.file.clone(),
            line: rule.line,
            base: is_base(&rule.file),
            text: input
                .files
                .get(&rule.file)
                .and_then(|text| text.get(rule.span.clone()))
                .unwrap_or_default()
                .to_owned(),
            span: rule.span.clone(),
            cases: rule.cases.iter().map(|case| case + 1).collect(),
            branches: rule
                .branches
                .iter()
                .map(|branch| BranchEntry {
                    text: branch.text.clone(),
                    line: branch.line,
                    column: branch.column,
                    span: branch.span.clone(),
                    seen_true: branch.seen_true,
                    seen_false: branch.seen_false,
                    never_true: branch.never_true.clone(),
                    never_false: branch.never_false.clone(),
                })
                .collect(),
        })
        .collect();
    rules.sort_by(|a, b| {
        let key = |rule: &RuleEntry| (rule.base, rule.file.clone(), rule.span.start);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    rules
}

fn promise_entries(input: &Input<'_>, rules: &[RuleEntry]) -> Vec<PromiseEntry> {
    let mut cited: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in rules {
        for clause in &rule.clauses {
            cited.entry(clause).or_default().push(rule.id.clone());
        }
    }
    let mut about: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, case) in input.cases.iter().enumerate() {
        for clause in &case.clauses {
            let numbers = about.entry(clause).or_default();
            if numbers.last() != Some(&(i + 1)) {
                numbers.push(i + 1);
            }
        }
    }
    let mut gaps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for gap in cases::gaps(&input.compiled.promises, input.cases) {
        gaps.entry(gap.clause).or_default().push(gap.message);
    }
    let answered: BTreeMap<&str, usize> = input
        .coverage
        .clauses
        .iter()
        .map(|clause| (clause.id.as_str(), clause.cases.len()))
        .collect();
    let promises = input.compiled.promises.iter();
    promises
        .map(|promise| PromiseEntry {
            rules: cited.remove(promise.id.as_str()).unwrap_or_default(),
            cases: about.remove(promise.id.as_str()).unwrap_or_default(),
            answered: answered
                .get(promise.id.as_str())
                .copied()
                .unwrap_or_default(),
            gaps: gaps.remove(&promise.id).unwrap_or_default(),
            promise: promise.clone(),
        })
        .collect()
}

fn kept_row(kept_by: Kept, promises: &[PromiseEntry], cases: &[CaseEntry]) -> KeptRow {
    let of = |wanted: &dyn Fn(&PromiseEntry) -> bool| {
        promises
            .iter()
            .filter(|entry| entry.promise.kept_by == kept_by && wanted(entry))
            .count()
    };
    KeptRow {
        kept_by,
        promises: of(&|_| true),
        cited: of(&|entry| !entry.rules.is_empty()),
        shown: of(&|entry| !entry.cases.is_empty()),
        failing: of(&|entry| entry.failing(cases) > 0),
        pending: of(&|entry| entry.promise.pending),
    }
}

fn seen(rules: &[RuleEntry], cases: &[CaseEntry]) -> Seen {
    let passed = cases.iter().filter(|case| case.passed).count();
    Seen {
        passed,
        failed: cases.len() - passed,
        rules: rules.iter().filter(|rule| !rule.cases.is_empty()).count(),
        rules_all: rules.len(),
        sides: rules.iter().map(|rule| rule.sides().0).sum(),
        sides_all: rules.iter().map(|rule| rule.sides().1).sum(),
    }
}

/// The pack's own files, and the chapters that it takes.
fn sources(files: &Files, rules: &[RuleEntry]) -> Vec<Source> {
    let mut sources: Vec<_> = files
        .iter()
        .filter(|(file, _)| {
            file.ends_with(".cedar")
                && (!is_base(file) || rules.iter().any(|rule| rule.file == **file))
        })
        .map(|(file, text)| Source {
            file: file.clone(),
            base: is_base(file),
            text: text.clone(),
        })
        .collect();
    sources.sort_by_key(|source| source.base);
    sources
}

fn is_base(file: &str) -> bool {
    file.starts_with("../")
}

#[cfg(test)]
mod tests;
