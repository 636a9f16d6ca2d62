//! `tenant-missing`, `tenant-guarded`, `not-isolated`: data of a tenant that is not kept apart.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::{
    formula::{Formula, Known},
    solve::follows,
    view::{Asked, View, span},
};
use crate::{
    finding::{Finding, Severity},
    program::Type,
};

/// The families whose resources are data of tenants.
const FAMILIES: [&str; 4] = ["access", "rights", "retention", "notice"];

/// What is asked about data that some tenant has; nothing in a pack that knows no tenants.
fn about_data<'v>(view: &'v View<'_>) -> Vec<&'v Asked> {
    let types = &view.read.program.schema.entity_types;
    // A tenant is nobody's data but its own.
    let tenants: BTreeSet<&Type> = types
        .values()
        .filter_map(|of| of.attrs.get("tenant"))
        .map(|attr| &attr.of)
        .collect();
    let contexts = view.read.program.schema.actions.values();
    if tenants.is_empty()
        && !contexts
            .into_iter()
            .any(|action| action.context.contains_key("tenant"))
    {
        return Vec::new();
    }
    view.asked
        .iter()
        .filter(|asked| view.is_in(&asked.action, &FAMILIES))
        .filter(|asked| !asked.resource.starts_with("Avow::"))
        .filter(|asked| !asked.resource.ends_with("::Settings"))
        .filter(|asked| !tenants.contains(&Type::Entity(asked.resource.clone())))
        .collect()
}

pub(super) fn missing(view: &View<'_>, findings: &mut Vec<Finding>) {
    let types: BTreeSet<&str> = about_data(view)
        .iter()
        .map(|asked| asked.resource.as_str())
        .filter(|of| !view.requires(of, "tenant"))
        .collect();
    for of in types {
        let name = of.rsplit("::").next().unwrap_or(of);
        let message = format!("a `{name}` may be without a tenant");
        let finding = view.at_declaration("tenant-missing", "entity", name, message);
        findings.push(Finding {
            severity: Severity::Error,
            ..finding.with_help(
                "declare `@authoritative tenant: …`, without `?`: what has no tenant cannot be kept apart",
            )
        });
    }
}

pub(super) fn not_isolated(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for asked in about_data(view) {
        if !view.requires(&asked.resource, "tenant") || is_isolated(view, asked) {
            continue;
        }
        let (action, of) = (&asked.action.1, &asked.resource);
        if seen.insert((action, of)) {
            let message =
                format!("no forbid keeps tenants apart where `{action}` asks about `{of}`");
            let finding = view.at_declaration("not-isolated", "action", action, message);
            findings.push(finding.with_help(
                "take the chapter `isolation` of ../base, or forbid it where `resource.tenant != context.tenant`",
            ));
        }
    }
}

/// Whether some forbid applies, or fails, wherever the resource is another tenant's than the host's or the principal's.
fn is_isolated(view: &View<'_>, asked: &Asked) -> bool {
    let tenant = |variable| Expr::get_attr(Expr::var(variable), "tenant".into());
    let foreign = |variable| {
        let same = Expr::is_eq(tenant(variable), tenant(Var::Resource));
        asked.known(None).formula(&same, false)
    };
    let of_host = view
        .action(&asked.action)
        .is_some_and(|action| action.context.contains_key("tenant"));
    let mut suppositions = Vec::new();
    if of_host {
        suppositions.push(foreign(Var::Context));
    }
    if view.requires(&asked.principal, "tenant") {
        suppositions.push(foreign(Var::Principal));
    }
    let forbids: Vec<&Formula> = asked
        .rules
        .iter()
        .filter(|(number, _)| view.rule(**number).is_some_and(|rule| rule.lowered.forbids))
        .map(|(_, formula)| formula)
        .collect();
    suppositions
        .iter()
        .any(|foreign| forbids.iter().any(|forbid| follows(foreign, forbid)))
}

pub(super) fn guarded(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (_, rule) in view.rules() {
        let Some(condition) = rule.policy.non_scope_constraints() else {
            continue;
        };
        if !rule.lowered.forbids || !asks_for_tenant(&Known::default().formula(condition, true)) {
            continue;
        }
        let guard = condition.subexpressions().find(
            |expr| matches!(expr.expr_kind(), ExprKind::HasAttr { attr, .. } if attr == "tenant"),
        );
        let id = &rule.lowered.id;
        let message = format!("rule `{id}` does not apply to what has no tenant");
        let at = guard
            .filter(|guard| span(guard).is_some())
            .unwrap_or(condition);
        findings.push(view.at("tenant-guarded", rule, at, message).with_help(
            "read the tenant without asking for it first: a forbid that fails is a refusal, one that does not apply is none",
        ));
    }
}

/// Whether a `has tenant` has to hold somewhere for a forbid to apply.
fn asks_for_tenant(formula: &Formula) -> bool {
    match formula {
        Formula::All(parts) => parts.iter().any(asks_for_tenant),
        // Where one of the ways does not ask, what has no tenant is caught by that one.
        Formula::Any(parts) => !parts.is_empty() && parts.iter().all(asks_for_tenant),
        Formula::Fact(fact) => {
            fact.holds
                && matches!(&fact.atom, super::formula::Atom::Whole(key)
                    if key.starts_with("has(") && key.ends_with("\"tenant\")"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack_of};

    #[test]
    fn a_guard_counts_where_every_way_to_apply_asks_for_the_tenant() {
        let found = |condition: &str| {
            let rules = format!(
                "@id(\"not\") @clause(\"small-isolation\") forbid (principal, action == Small::Action::\"read\", resource) when {{ {condition} }};
                 @id(\"read\") @clause(\"small-read\") permit (principal, action == Small::Action::\"read\", resource);"
            );
            codes(&pack_of(&rules)).contains(&"tenant-guarded")
        };
        let guarded = "resource has tenant && resource.tenant != principal.tenant";
        assert!(found(guarded));
        assert!(found(&format!(
            "({guarded}) || (resource has tenant && context.urgent)"
        )));
        // What has no tenant is caught by the other way.
        assert!(!found(&format!("({guarded}) || !(resource has tenant)")));
        assert!(!found(&format!("({guarded}) || context.urgent")));
    }
}
