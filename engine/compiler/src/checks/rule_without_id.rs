//! `rule-without-id`: a rule whose name is its place in the file, so that it changes when a rule before it goes.

use std::collections::BTreeSet;

use super::view::View;
use crate::{
    finding::{Finding, Sources},
    fix::Fix,
    policies::{Found, head},
};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    on(view.sources, &view.read.rules, findings);
}

pub(super) fn on(sources: &Sources<'_>, rules: &[Found], findings: &mut Vec<Finding>) {
    let mut taken: BTreeSet<String> = rules.iter().map(|rule| rule.lowered.id.clone()).collect();
    for rule in rules {
        if rule.lowered.notes.contains_key("id") || !rule.policy.is_static() {
            continue;
        }
        let stem = rule.file.rsplit('/').next().unwrap_or(&rule.file);
        let stem = stem.trim_end_matches(".cedar");
        let free = (1..).map(|number| format!("{stem}-{number}"));
        let Some(id) = free.into_iter().find(|id| !taken.contains(id)) else {
            continue;
        };
        let message = format!("rule `{}` has no `@id`", rule.lowered.id);
        let span = Some(head(&rule.span));
        let finding = sources
            .error("rule-without-id", &rule.file, span, message)
            .warning();
        findings.push(Finding {
            fix: Some(Fix {
                title: format!("call it `{id}`"),
                file: rule.file.clone(),
                span: rule.span.start..rule.span.start,
                replacement: format!("@id(\"{id}\")\n"),
            }),
            ..finding.with_help(
                "give it one that says what it does: answers, cases and explanations name it",
            )
        });
        taken.insert(id);
    }
}
