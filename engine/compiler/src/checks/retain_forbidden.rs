//! `retain-forbidden`: a forbid on `retain`, which would outvote a hold.

use super::{
    formula::{Atom, Formula},
    view::View,
};
use crate::finding::{Finding, Severity};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, rule) in view.rules() {
        if !rule.lowered.forbids || rule.chapter.is_some() {
            continue;
        }
        let forbids = view
            .asked
            .iter()
            .filter(|asked| view.is_in(&asked.action, &["retain"]))
            .filter_map(|asked| asked.rules.get(&number))
            .any(|formula| !is_about_others(formula));
        if forbids {
            let id = &rule.lowered.id;
            let message = format!("rule `{id}` forbids `retain`, so it outvotes a hold");
            let finding = view.at_rule("retain-forbidden", rule, message);
            findings.push(Finding {
                severity: Severity::Error,
                ..finding.with_help(
                    "narrow the permits of `retain` instead: what nothing permits does not stay",
                )
            });
        }
    }
}

/// Whether it only holds for the data of another tenant: keeping tenants apart denies the asker, not the record.
fn is_about_others(formula: &Formula) -> bool {
    match formula {
        Formula::All(parts) => parts.iter().any(is_about_others),
        Formula::Any(parts) => parts.iter().all(is_about_others),
        Formula::Fact(fact) => {
            let is_tenant = |base: &str| base.ends_with("[\"tenant\"]");
            !fact.holds
                && matches!(&fact.atom, Atom::Equal(a, b) if is_tenant(&a.base) && is_tenant(&b.base))
        }
    }
}
