use cedar_policy_core::{
    ast,
    parser::{cst::RelOp, parse_policyset},
};

use super::{Expr, Kind, Policy, Slot, Span, Step, parse};

const CORNERS: &[&str] = &[
    "permit(principal, action, resource);",
    "@id(\"a\")@flag\nforbid ( principal == User::\"ada\" , action in [Action::\"a\", Action::\"b\"], resource is N::T in A::\"x\\\"y\", );",
    "// before\npermit(principal is User, action == Action::\"a\", resource) // between\nwhen { true } unless { false }; // after",
    "permit(principal, action, resource) when { context.a && context.b && context.c || context.d && !context.e || !!context.f };",
    "permit(principal, action, resource) when { (principal.a || resource.b) && (if context.c then true else false) };",
    "permit(principal, action, resource) when { if principal.a && principal.b then principal.c else if principal.d then 1 == 2 else context.e };",
    "permit(principal, action, resource) when { principal has a.b.c && principal has \"odd key\" && context.x like \"a*//\\*\\\"b\" };",
    "permit(principal, action, resource) when { principal is N::User && resource is File in Folder::\"f\" && principal in [A::\"a\", resource.b] };",
    "permit(principal, action, resource) when { 1 + 2 * -3 - (4 - context.n) < -9223372036854775808 * 1 };",
    "permit(principal, action, resource) when { context[\"a b\"].c.contains({k: 1, \"l m\": [1, 2,], \"if\": [],}) };",
    "permit(principal, action, resource) when { duration(\"1d\") <= datetime(\"2026-01-01\").durationSince(context.at) && ip(\"::1\").isLoopback() };",
    "permit(principal, action, resource) when { [\"a\", \"b\"].containsAny(context.s) && /* */ context.t };",
    "permit(principal, action, resource) when { \"é // no comment\" == context.s // a && comment\n && context.u\r\n };",
    include_str!("../../../../policies/opsyn/support.cedar"),
    include_str!("../../../../policies/opsyn/residency.cedar"),
    include_str!("../../../../policies/base/isolation.cedar"),
];

fn at<'a>(text: &'a str, span: &Span) -> &'a str {
    text.get(span.clone()).unwrap()
}

/// A text that Cedar parses: the meaning of its policies, in its order.
fn meaning(text: &str) -> Option<Vec<ast::Expr>> {
    let set = parse_policyset(text).ok()?;
    let mut policies: Vec<_> = set.all_templates().collect();
    policies.sort_by_key(|policy| policy.loc().unwrap().start());
    Some(policies.into_iter().map(ast::Template::condition).collect())
}

/// The expressions that may stand in parentheses.
fn expressions(policy: &Policy) -> Vec<&Expr> {
    fn collect<'a>(expr: &'a Expr, out: &mut Vec<&'a Expr>) {
        // A minus before a number belongs to it.
        if !matches!(expr.kind, Kind::Name(_) | Kind::Number(_)) {
            out.push(expr);
        }
        match &expr.kind {
            // A function's argument and an index have to be literals as they stand.
            Kind::Member(of, steps) => {
                collect(of, out);
                for step in steps {
                    if let Step::Call(args) = step {
                        args.iter().for_each(|arg| collect(arg, out));
                    }
                }
            }
            _ => {
                for child in expr.children() {
                    collect(child, out);
                }
            }
        }
    }
    let mut out = Vec::new();
    for condition in &policy.conditions {
        collect(&condition.expr, &mut out);
    }
    out
}

#[test]
fn any_expression_may_be_put_in_parentheses_where_it_is_said_to_stand() {
    let mut tried = 0;
    for text in CORNERS {
        let Some(before) = meaning(text) else {
            // The one with a comment that Cedar has not.
            assert!(text.contains("/*"), "Cedar refuses {text}");
            assert!(parse(text).is_none());
            continue;
        };
        let policies = parse(text).unwrap();
        assert_eq!(policies.len(), before.len(), "{text}");
        for expr in policies.iter().flat_map(expressions) {
            let Span { start, end } = expr.span;
            let inner = at(text, &expr.span);
            let (first, last) = (at(text, &(0..start)), at(text, &(end..text.len())));
            let wrapped = format!("{first}({inner}){last}");
            let after = meaning(&wrapped).unwrap_or_else(|| panic!("`{inner}` in\n{wrapped}"));
            let same = before.iter().zip(&after).all(|(a, b)| a.eq_shape(b));
            assert!(same, "`{inner}` in\n{wrapped}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn the_parts_of_a_policy_are_where_they_are() {
    let text = CORNERS[1];
    let policies = parse(text).unwrap();
    let [policy] = policies.as_slice() else {
        panic!("one policy")
    };
    let at = |span: &Span| at(text, span);
    assert_eq!(at(&policy.span), text);
    assert_eq!(at(&policy.effect), "forbid");
    assert!(policy.forbids);
    let annotations: Vec<_> = policy
        .annotations
        .iter()
        .map(|of| (of.key.as_str(), at(&of.span)))
        .collect();
    assert_eq!(annotations, [("id", "@id(\"a\")"), ("flag", "@flag")]);
    let scope: Vec<_> = policy.scope.iter().map(|part| at(&part.span)).collect();
    assert_eq!(
        scope,
        [
            "principal == User::\"ada\"",
            "action in [Action::\"a\", Action::\"b\"]",
            "resource is N::T in A::\"x\\\"y\"",
        ]
    );
    assert_eq!(policy.scope[2].of.as_ref().map(at), Some("N::T"));
    assert_eq!(at(&policy.scope[2].variable), "resource");
    let Some(Kind::Set(items)) = policy.scope[1].entity.as_ref().map(|of| &of.kind) else {
        panic!("a set of actions")
    };
    assert_eq!(at(&items[1].span), "Action::\"b\"");
}

#[test]
fn conditions_are_told_apart_and_keep_their_order() {
    let text = CORNERS[2];
    let policies = parse(text).unwrap();
    let found: Vec<_> = policies[0]
        .conditions
        .iter()
        .map(|of| (at(text, &of.span), at(text, &of.word), of.unless))
        .collect();
    assert_eq!(
        found,
        [
            ("when { true }", "when", false),
            ("unless { false }", "unless", true),
        ]
    );
}

#[test]
fn chains_have_their_operands_side_by_side() {
    let text = CORNERS[3];
    let policies = parse(text).unwrap();
    let Kind::Or(operands) = &policies[0].conditions[0].expr.kind else {
        panic!("an `||`")
    };
    let found: Vec<_> = operands.iter().map(|of| at(text, &of.span)).collect();
    assert_eq!(
        found,
        [
            "context.a && context.b && context.c",
            "context.d && !context.e",
            "!!context.f"
        ]
    );
    let Kind::And(operands) = &operands[0].kind else {
        panic!("an `&&`")
    };
    assert_eq!(operands.len(), 3);
}

#[test]
fn relations_and_slots_are_known() {
    let text =
        "permit(principal == ?principal, action, resource in ?resource) when { context.a >= 1 };";
    let policies = parse(text).unwrap();
    let slot = |at: usize| match &policies[0].scope[at].entity.as_ref().unwrap().kind {
        Kind::Slot(slot) => *slot,
        other => panic!("{other:?}"),
    };
    assert_eq!((slot(0), slot(2)), (Slot::Principal, Slot::Resource));
    let Kind::Relation(op, sides) = &policies[0].conditions[0].expr.kind else {
        panic!("a comparison")
    };
    assert_eq!(*op, RelOp::GreaterEq);
    assert_eq!(at(text, &sides[0].span), "context.a");
}
