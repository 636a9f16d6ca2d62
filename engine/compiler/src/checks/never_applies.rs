//! `never-applies`: a rule that no request can meet.

use super::{
    formula::Formula,
    solve::refuted,
    view::{View, conjuncts},
};
use crate::finding::Finding;

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, rule) in view.rules() {
        let lives = view.lives.get(number).copied().unwrap_or_default();
        // Of a chapter, a pack may use a part.
        if lives || rule.chapter.is_some() {
            continue;
        }
        let id = &rule.lowered.id;
        let candidates: Vec<_> = view
            .read
            .program
            .index
            .iter()
            .filter(|(_, candidates)| candidates.all().any(|candidate| candidate == number))
            .filter_map(|((action, principal, resource), _)| {
                view.asked.iter().find(|asked| {
                    Some(&asked.action) == action.as_ref()
                        && Some(&asked.principal) == principal.as_ref()
                        && Some(&asked.resource) == resource.as_ref()
                })
            })
            .collect();
        let finding = match rule.policy.non_scope_constraints() {
            Some(condition) if !candidates.is_empty() => {
                // The first part of the condition with which it cannot hold any more.
                let parts = conjuncts(condition);
                let broken = (1..=parts.len()).find(|count| {
                    candidates.iter().all(|asked| {
                        let known = asked.known(None);
                        let parts = parts.iter().take(*count);
                        let mut formulas = vec![view.scope(rule)];
                        formulas.extend(parts.map(|part| known.formula(part, true)));
                        refuted(&formulas.iter().collect::<Vec<&Formula>>())
                    })
                });
                let part = broken.and_then(|count| parts.get(count - 1).copied());
                let at = part.unwrap_or(condition);
                view.at(
                    "never-applies",
                    rule,
                    at,
                    format!("rule `{id}` can never apply"),
                )
                .with_label("cannot hold here")
                .with_help("it contradicts the scope, or what is demanded before it")
            }
            _ => view
                .at_rule(
                    "never-applies",
                    rule,
                    format!("rule `{id}` can never apply"),
                )
                .with_help("no action of the schema takes what its scope names together"),
        };
        // Cedar's validator may have found the same, with a wider caret.
        findings.retain(|other| {
            other.code != "never-applies"
                || other.file != rule.file
                || other
                    .span
                    .as_ref()
                    .is_none_or(|span| span.start != rule.span.start)
        });
        findings.push(finding);
    }
}
