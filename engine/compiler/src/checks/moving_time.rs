//! `moving-time`: a use of the clock that `until` cannot follow, so that an answer is good for no time at all.

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Var};

use super::view::{View, span};
use crate::{
    finding::{Finding, Sources},
    policies::{Found, head},
};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    on(view.sources, &view.read.rules, findings);
}

pub(super) fn on(sources: &Sources<'_>, rules: &[Found], findings: &mut Vec<Finding>) {
    for rule in rules {
        let Some(condition) = rule.policy.non_scope_constraints() else {
            continue;
        };
        let mut lost = Vec::new();
        moves(condition, &mut lost);
        for (expr, why) in lost {
            let message = format!(
                "rule `{}` uses the clock in a way that `until` cannot follow",
                rule.lowered.id
            );
            let span = span(expr).unwrap_or_else(|| head(&rule.span));
            let finding = sources
                .error("moving-time", &rule.file, Some(span), message)
                .warning();
            findings.push(finding.with_label(why).with_help(
                "compare `context.now`, or what `offset` and `durationSince` make of it, with something that does not move",
            ));
        }
    }
}

type Lost<'a> = Vec<(&'a Expr, &'static str)>;

/// Whether a value moves with the clock. What `until` cannot follow is noted, and taken to stand still from there.
fn moves<'a>(expr: &'a Expr, lost: &mut Lost<'a>) -> bool {
    match expr.expr_kind() {
        ExprKind::Var(Var::Context) => {
            lost.push((expr, "has the clock in it"));
            false
        }
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => false,
        ExprKind::GetAttr { expr: of, attr } => match of.expr_kind() {
            ExprKind::Var(Var::Context) => attr == "now",
            _ => {
                moves(of, lost);
                false
            }
        },
        // Whether something is there does not move.
        ExprKind::HasAttr { expr: of, .. } | ExprKind::ExtHasAttr { expr: of, .. } => {
            if !matches!(of.expr_kind(), ExprKind::Var(Var::Context)) {
                moves(of, lost);
            }
            false
        }
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let moving: Vec<bool> = args.iter().map(|arg| moves(arg, lost)).collect();
            let name = fn_name.to_string();
            match (name.as_str(), moving.as_slice()) {
                ("offset", [true, false])
                | ("durationSince", [true, false] | [false, true])
                | ("toTime" | "toMilliseconds", [true]) => true,
                // They stand still until their next step, and the engine knows when that is.
                ("toDate" | "toSeconds" | "toMinutes" | "toHours" | "toDays", [true]) => false,
                (_, moving) => {
                    if moving.contains(&true) {
                        lost.push((expr, "computed from the clock"));
                    }
                    false
                }
            }
        }
        ExprKind::BinaryApp { op, arg1, arg2 } => {
            let both = (moves(arg1, lost), moves(arg2, lost));
            let compares = matches!(op, BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq);
            match both {
                (true, true) => lost.push((expr, "both sides move")),
                (false, false) => {}
                _ if compares => {}
                _ => lost.push((expr, "computed from the clock")),
            }
            false
        }
        ExprKind::UnaryApp { arg, .. } => {
            if moves(arg, lost) {
                lost.push((expr, "computed from the clock"));
            }
            false
        }
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            moves(left, lost);
            moves(right, lost);
            false
        }
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            moves(test_expr, lost);
            for branch in [then_expr, else_expr] {
                if moves(branch, lost) {
                    lost.push((branch, "the clock, as the result of an `if`"));
                }
            }
            false
        }
        ExprKind::Like { expr, .. } | ExprKind::Is { expr, .. } => {
            moves(expr, lost);
            false
        }
        ExprKind::Set(items) => {
            for item in items.iter() {
                if moves(item, lost) {
                    lost.push((item, "the clock, in a set"));
                }
            }
            false
        }
        ExprKind::Record(fields) => {
            for value in fields.values() {
                if moves(value, lost) {
                    lost.push((value, "the clock, in a record"));
                }
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack};

    #[test]
    fn what_time_can_follow_is_not_reported() {
        for condition in [
            "context.now < resource.made.offset(duration(\"1d\"))",
            "context.now.offset(duration(\"1d\")) >= resource.made",
            "context.now.durationSince(resource.made) > duration(\"1d\")",
            "resource.made.durationSince(context.now) > duration(\"1d\")",
            "context.now.durationSince(resource.made).toMilliseconds() > 5",
            "context.now.toTime() < duration(\"8h\")",
            "context.now.durationSince(resource.made).toDays() + 1 > 5",
            "[datetime(\"2026-01-01\")].contains(context.now.toDate())",
            "context has tenant && context.tenant == resource.tenant",
        ] {
            let pack = pack(&[&format!("when {{ {condition} }}")]);
            assert!(codes(&pack).is_empty(), "{condition}");
        }
    }

    #[test]
    fn what_time_cannot_follow_is() {
        for condition in [
            "context.now < context.now.offset(duration(\"1d\"))",
            "[resource.made].contains(context.now)",
            "(if context.urgent then context.now else resource.made) < resource.made",
            "context.now.durationSince(resource.made).toMilliseconds() + 1 > 5",
            "{ at: context.now } == { at: resource.made }",
            "resource.made.offset(context.now.durationSince(resource.made)) > resource.made",
        ] {
            let pack = pack(&[&format!("when {{ {condition} }}")]);
            assert_eq!(codes(&pack), ["moving-time"], "{condition}");
        }
    }
}
