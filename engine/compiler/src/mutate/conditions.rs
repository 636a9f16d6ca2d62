//! Changes of how a condition is put together.

use cedar_policy_core::parser::cst::{AddOp, RelOp};

use crate::{
    instrument::Written,
    tree::{Condition, Expr, Kind, Span, Step},
};

use super::change::{Change, token};

/// The changes of a condition that concern more than a literal.
pub(super) fn changes(rule: &Written<'_>, condition: &Condition) -> Vec<Change> {
    let mut changes = vec![
        Change::new(
            "drop-condition",
            &condition.span,
            vec![(condition.span.clone(), String::new())],
        ),
        Change::new(
            "negate-condition",
            &condition.span,
            vec![(
                condition.word.clone(),
                match condition.unless {
                    true => "when".to_owned(),
                    false => "unless".to_owned(),
                },
            )],
        ),
    ];
    condition
        .expr
        .visit(&mut |expr| changes.extend(of(expr, rule.text)));
    changes
}

fn of(expr: &Expr, text: &str) -> Vec<Change> {
    match &expr.kind {
        Kind::And(operands) => chain(operands, text, "&&", "||"),
        Kind::Or(operands) => chain(operands, text, "||", "&&"),
        Kind::If(parts) => {
            let [_, yes, no] = &**parts;
            let of = |expr: &Expr| text.get(expr.span.clone()).unwrap_or_default().to_owned();
            let edits = vec![(yes.span.clone(), of(no)), (no.span.clone(), of(yes))];
            vec![Change::new("swap-branches", &expr.span, edits)]
        }
        Kind::Not(..) => {
            let bang = expr.span.start..expr.span.start + 1;
            vec![Change::new(
                "drop-not",
                &expr.span,
                vec![(bang, String::new())],
            )]
        }
        Kind::Relation(op, sides) => {
            let [left, right] = &**sides;
            let (word, others) = comparison(*op);
            let others = others.iter();
            others
                .filter_map(|other| {
                    replaced(
                        "flip-comparison",
                        &expr.span,
                        text,
                        left.span.end..right.span.start,
                        (word, other),
                    )
                })
                .collect()
        }
        Kind::Has(_) => {
            let edits = vec![(expr.span.clone(), "true".to_owned())];
            vec![Change::new("drop-has", &expr.span, edits)]
        }
        Kind::Is(_, of, Some(within)) => {
            let edits = vec![(of.end..within.span.end, String::new())];
            vec![Change::new("drop-in", &expr.span, edits)]
        }
        Kind::Sum(operands, ops) => {
            let pairs = operands.iter().zip(operands.iter().skip(1)).zip(ops);
            pairs
                .filter_map(|((left, right), op)| {
                    replaced(
                        "swap-arithmetic",
                        &(left.span.start..right.span.end),
                        text,
                        left.span.end..right.span.start,
                        match op {
                            AddOp::Plus => ("+", "-"),
                            AddOp::Minus => ("-", "+"),
                        },
                    )
                })
                .collect()
        }
        Kind::Member(_, steps) => {
            let fields = steps.iter().filter_map(|step| match step {
                Step::Field(name, span) if name == "containsAll" => Some((span, "containsAny")),
                Step::Field(name, span) if name == "containsAny" => Some((span, "containsAll")),
                _ => None,
            });
            fields
                .map(|(span, other)| {
                    let edits = vec![(span.clone(), other.to_owned())];
                    Change::new("swap-contains", &expr.span, edits)
                })
                .collect()
        }
        Kind::Set(items) => dropped(items, &expr.span, "drop-element"),
        Kind::Bool(value) => {
            let edits = vec![(expr.span.clone(), (!value).to_string())];
            vec![Change::new("flip-literal", &expr.span, edits)]
        }
        _ => Vec::new(),
    }
}

/// How an operator is written, and those that are put in its place.
fn comparison(op: RelOp) -> (&'static str, &'static [&'static str]) {
    match op {
        RelOp::Less => ("<", &["<=", ">"]),
        RelOp::LessEq => ("<=", &["<", ">="]),
        RelOp::Greater => (">", &[">=", "<"]),
        RelOp::GreaterEq => (">=", &[">", "<="]),
        RelOp::Eq => ("==", &["!="]),
        RelOp::NotEq => ("!=", &["=="]),
        RelOp::In => ("in", &[]),
        RelOp::InvalidSingleEq => ("=", &[]),
    }
}

fn replaced(
    kind: &'static str,
    frame: &Span,
    text: &str,
    between: Span,
    (word, other): (&str, &str),
) -> Option<Change> {
    let at = token(text, between, word)?;
    Some(Change::new(kind, frame, vec![(at, other.to_owned())]))
}

/// Changes of a chain of operands: each one left out, each operator swapped.
fn chain(operands: &[Expr], text: &str, word: &'static str, other: &'static str) -> Vec<Change> {
    let mut changes = Vec::new();
    for (left, right) in operands.iter().zip(operands.iter().skip(1)) {
        let frame = left.span.start..right.span.end;
        if changes.is_empty() {
            let first = (left.span.start..right.span.start, String::new());
            changes.push(Change::new("drop-operand", &frame, vec![first]));
        }
        let second = (left.span.end..right.span.end, String::new());
        changes.push(Change::new("drop-operand", &frame, vec![second]));
        let between = left.span.end..right.span.start;
        changes.extend(replaced(
            "swap-operator",
            &frame,
            text,
            between,
            (word, other),
        ));
    }
    changes
}

/// Changes of a list: each item left out.
pub(super) fn dropped(items: &[Expr], frame: &Span, kind: &'static str) -> Vec<Change> {
    let next = |at: usize| items.get(at + 1).map(|item| item.span.start);
    let before = |at: usize| at.checked_sub(1).and_then(|at| items.get(at));
    let spans = items.iter().enumerate().map(|(at, item)| match before(at) {
        Some(before) => before.span.end..item.span.end,
        None => item.span.start..next(at).unwrap_or(item.span.end),
    });
    spans
        .map(|span| Change::new(kind, frame, vec![(span, String::new())]))
        .collect()
}
