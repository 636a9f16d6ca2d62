//! `setting-unread`: a setting that no rule reads, so that changing it changes nothing.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::view::View;
use crate::{finding::Finding, manifest::MANIFEST, toml_place::entry};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut read = BTreeSet::new();
    let conditions = view
        .rules()
        .filter_map(|(_, rule)| rule.policy.non_scope_constraints());
    for expr in conditions.flat_map(Expr::subexpressions) {
        let (of, attrs) = match expr.expr_kind() {
            ExprKind::GetAttr { expr: of, attr } | ExprKind::HasAttr { expr: of, attr } => {
                (of, vec![attr])
            }
            ExprKind::ExtHasAttr { expr: of, attrs } => (of, attrs.iter().collect()),
            _ => continue,
        };
        // An attribute of the context is none of the settings; of what else one is read, is left open.
        let of_context = matches!(of.expr_kind(), ExprKind::Var(Var::Context));
        let skipped = usize::from(of_context);
        read.extend(attrs.into_iter().skip(skipped).map(ToString::to_string));
    }
    let text = view.sources.get(MANIFEST).unwrap_or_default();
    for key in view.read.manifest.settings.keys() {
        if read.contains(key) {
            continue;
        }
        let span = entry(text, "settings", key).map(|(key, _)| key);
        let message = format!("no rule reads the setting `{key}`");
        let finding = view
            .sources
            .error("setting-unread", MANIFEST, span, message)
            .warning();
        findings.push(finding.with_help(
            "take it out of avow.toml and of the schema, or let the rule that means it read it",
        ));
    }
}
