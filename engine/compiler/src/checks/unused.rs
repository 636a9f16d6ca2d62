//! `type-unused`, `action-without-rule`: what a schema declares and nothing uses.

use std::collections::BTreeSet;

use avow_engine::intake::Json;
use cedar_policy_core::ast::{Expr, ExprKind};

use super::view::View;
use crate::{
    finding::Finding,
    policies::named,
    program::{ActionScope, Attr, EntityType, Scope, Type},
};

pub(super) fn types(view: &View<'_>, findings: &mut Vec<Finding>) {
    let schema = &view.read.program.schema;
    let mut used = BTreeSet::new();
    for action in schema.actions.values() {
        for of in action.principals.iter().chain(&action.resources) {
            add(view, of, &mut used);
        }
        of_attributes(view, action.context.values(), &mut used);
    }
    for (_, rule) in view.rules() {
        for ((of, _), _) in named(rule) {
            add(view, &of, &mut used);
        }
        for scope in [&rule.lowered.principal, &rule.lowered.resource] {
            if let Scope::Is(of) | Scope::IsIn(of, _) = scope {
                add(view, of, &mut used);
            }
        }
        let condition = rule.policy.non_scope_constraints();
        for expr in condition.into_iter().flat_map(Expr::subexpressions) {
            if let ExprKind::Is { entity_type, .. } = expr.expr_kind() {
                add(view, &entity_type.to_string(), &mut used);
            }
        }
    }
    // What is set in the manifest is an entity of the pack's.
    add(
        view,
        &format!("{}::Settings", view.read.manifest.pack.namespace),
        &mut used,
    );
    for of in schema.entity_types.keys() {
        if of.starts_with("Avow::") || used.contains(of) || is_group(view, of, &used) {
            continue;
        }
        let name = of.rsplit("::").next().unwrap_or(of);
        let message = format!("nothing is about a `{of}`: no action, no attribute, no rule");
        let finding = view.at_declaration("type-unused", "entity", name, message);
        findings.push(finding.with_help("take it out of the schema, or write what it is for"));
    }
}

/// Whether something that is used may be in it.
fn is_group(view: &View<'_>, of: &str, used: &BTreeSet<String>) -> bool {
    let types = &view.read.program.schema.entity_types;
    types
        .iter()
        .any(|(name, row)| used.contains(name) && row.parents.iter().any(|parent| parent == of))
}

fn add(view: &View<'_>, of: &str, used: &mut BTreeSet<String>) {
    if !used.insert(of.to_owned()) {
        return;
    }
    if let Some(EntityType { attrs, tags, .. }) = view.read.program.schema.entity_types.get(of) {
        of_attributes(view, attrs.values(), used);
        if let Some(tags) = tags {
            of_type(view, tags, used);
        }
    }
}

fn of_attributes<'a>(
    view: &View<'_>,
    attrs: impl IntoIterator<Item = &'a Attr>,
    used: &mut BTreeSet<String>,
) {
    for attr in attrs {
        of_type(view, &attr.of, used);
    }
}

fn of_type(view: &View<'_>, of: &Type, used: &mut BTreeSet<String>) {
    match of {
        Type::Entity(name) => add(view, name, used),
        Type::Set(element) => of_type(view, element, used),
        Type::Record(fields) => of_attributes(view, fields.values(), used),
        _ => {}
    }
}

pub(super) fn actions(view: &View<'_>, findings: &mut Vec<Finding>) {
    for action in view.read.program.schema.actions.keys() {
        let is_ruled = view
            .asked
            .iter()
            .filter(|asked| asked.action == *action)
            .flat_map(|asked| asked.rules.keys())
            .filter_map(|number| view.rule(*number))
            .any(|rule| {
                let by_name = match &rule.lowered.actions {
                    ActionScope::Any => false,
                    ActionScope::Eq(uid) => uid == action,
                    ActionScope::In(uids) => uids.contains(action),
                };
                !rule.lowered.forbids || by_name
            });
        // A case that asks says that it is denied on purpose.
        let is_asked = view.cases.iter().any(|case| asks(&case.request, &action.1));
        if is_ruled || is_asked {
            continue;
        }
        let message = format!(
            "no rule permits `{}`, and none forbids it by name",
            action.1
        );
        let finding = view.at_declaration("action-without-rule", "action", &action.1, message);
        findings.push(finding.with_help(
            "write its permit, a forbid that names it or a case that shows it denied, or take it out",
        ));
    }
}

/// Whether a request may be about the action of this id.
fn asks(request: &Json, id: &str) -> bool {
    match request.get("action") {
        Some(Json::Str(text)) => text == id || text.ends_with(&format!("::\"{id}\"")),
        Some(other) => other.get("id") == Some(&Json::Str(id.to_owned())),
        None => false,
    }
}
