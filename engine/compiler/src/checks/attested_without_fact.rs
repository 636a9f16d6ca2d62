//! `attested-without-fact`: a promise that somebody vouches for, and no rule asks that somebody.

use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::view::View;
use crate::{
    finding::Finding,
    manifest::Kept,
    policies::{Found, promise_span},
    program::Type,
};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for promise in &view.read.promises {
        if promise.kept_by != Kept::Attested {
            continue;
        }
        let reads = view.rules().any(|(number, rule)| {
            let clauses = rule.lowered.notes.get("clause").map(String::as_str);
            clauses
                .unwrap_or_default()
                .split_ascii_whitespace()
                .any(|clause| clause == promise.id)
                && reads_asserted(view, number, rule)
        });
        if reads {
            continue;
        }
        let message = format!(
            "promise `{}` is attested, and no rule that cites it reads what somebody asserts",
            promise.id
        );
        let span = promise_span(view.sources, &promise.id);
        let finding = view
            .sources
            .error("attested-without-fact", "promises.toml", span, message)
            .warning();
        findings.push(finding.with_help(
            "read the fact in a rule that cites it; if the system knows it itself, it is `kept_by = \"rule\"`",
        ));
    }
}

/// Whether a rule reads something that somebody may assert: a field of the context, or what a description of the principal or
/// the resource says of it. That one entity belongs to another one, a tenant or a class, is no assertion.
fn reads_asserted(view: &View<'_>, number: usize, rule: &Found) -> bool {
    let Some(condition) = rule.policy.non_scope_constraints() else {
        return false;
    };
    let types = &view.read.program.schema.entity_types;
    condition.subexpressions().any(|expr| {
        let (of, attr) = match expr.expr_kind() {
            ExprKind::GetAttr { expr: of, attr } | ExprKind::HasAttr { expr: of, attr } => {
                (of, attr.as_str())
            }
            ExprKind::ExtHasAttr { expr: of, attrs } => (of, attrs.first().as_str()),
            _ => return false,
        };
        let says = |type_name: &str| {
            let attr = types.get(type_name).and_then(|of| of.attrs.get(attr));
            attr.is_some_and(|attr| !matches!(attr.of, Type::Entity(_)))
        };
        let mut asked = view
            .asked
            .iter()
            .filter(|asked| asked.rules.contains_key(&number));
        match variable(of) {
            // The host sets the time and the tenant in any case.
            Some(Var::Context) => !["now", "tenant"].contains(&attr),
            Some(Var::Principal) => asked.any(|asked| says(&asked.principal)),
            Some(Var::Resource) => asked.any(|asked| says(&asked.resource)),
            _ => false,
        }
    })
}

fn variable(expr: &Expr) -> Option<Var> {
    match expr.expr_kind() {
        ExprKind::Var(variable) => Some(*variable),
        _ => None,
    }
}
