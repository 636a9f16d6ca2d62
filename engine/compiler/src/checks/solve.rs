//! What follows from formulas, as far as it is found: "refuted" is so, "not refuted" says nothing.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::format::Cell;

use super::formula::{Atom, Fact, Formula};

/// How many ways of making a formula true are looked at before nothing is said of it.
const WAYS: usize = 4096;
/// Beyond so many values that are compared with each other, nothing is concluded from their order.
const VALUES: usize = 32;

/// Whether no request makes all of these true.
pub(crate) fn refuted(formulas: &[&Formula]) -> bool {
    let mut ways = WAYS;
    search(formulas.to_vec(), Vec::new(), &mut Vec::new(), &mut ways)
}

/// The same, with choices that are open and facts that are taken as given.
fn search<'a>(
    mut left: Vec<&'a Formula>,
    mut choices: Vec<&'a [Formula]>,
    facts: &mut Vec<&'a Fact>,
    ways: &mut usize,
) -> bool {
    let before = facts.len();
    while let Some(formula) = left.pop() {
        match formula {
            Formula::Fact(fact) => facts.push(fact),
            Formula::All(parts) => left.extend(parts),
            Formula::Any(parts) => choices.push(parts),
        }
    }
    // The choice with the fewest ways first: it is the one that is refuted soonest.
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.len()));
    let refuted = contradictory(facts)
        || choices.pop().is_some_and(|choice| {
            choice.iter().all(|part| {
                *ways = ways.saturating_sub(1);
                *ways > 0 && search(vec![part], choices.clone(), facts, ways)
            })
        });
    facts.truncate(before);
    refuted
}

/// The contrary of a formula, for requests that it does not fail on.
pub(crate) fn contrary(formula: &Formula) -> Formula {
    match formula {
        Formula::All(parts) => Formula::Any(parts.iter().map(contrary).collect()),
        Formula::Any(parts) => Formula::All(parts.iter().map(contrary).collect()),
        Formula::Fact(fact) => Formula::Fact(Box::new(Fact {
            holds: !fact.holds,
            ..Fact::clone(fact)
        })),
    }
}

/// Whether the second is true or fails wherever the first is true.
pub(crate) fn follows(from: &Formula, what: &Formula) -> bool {
    refuted(&[from, &contrary(what)])
}

/// Whether the second is true wherever the first is: nothing that it reads can be missing there.
pub(crate) fn follows_surely(from: &Formula, what: &Formula) -> bool {
    let mut needed = BTreeSet::new();
    reads(what, &mut needed);
    let certain = certain(from);
    needed.iter().all(|read| certain.contains(*read)) && follows(from, what)
}

fn reads<'a>(formula: &'a Formula, out: &mut BTreeSet<&'a str>) {
    match formula {
        Formula::All(parts) | Formula::Any(parts) => {
            parts.iter().for_each(|part| reads(part, out));
        }
        Formula::Fact(fact) => out.extend(fact.reads.iter().map(String::as_str)),
    }
}

/// What has been read wherever the formula is true.
fn certain(formula: &Formula) -> BTreeSet<&str> {
    match formula {
        Formula::Fact(fact) => fact.reads.iter().map(String::as_str).collect(),
        Formula::All(parts) => parts.iter().flat_map(certain).collect(),
        Formula::Any(parts) => {
            let mut parts = parts.iter().map(certain);
            let first = parts.next().unwrap_or_default();
            parts.fold(first, |common, part| {
                common.intersection(&part).copied().collect()
            })
        }
    }
}

/// Whether facts cannot all be so.
fn contradictory(facts: &[&Fact]) -> bool {
    let mut so: BTreeMap<&Atom, bool> = BTreeMap::new();
    for fact in facts {
        if *so.entry(&fact.atom).or_insert(fact.holds) != fact.holds {
            return true;
        }
    }
    values_run_out(facts) || order_is_circular(facts)
}

/// What a value may be, as far as facts say.
#[derive(Default)]
struct Values<'a> {
    one_of: Option<BTreeSet<&'a Cell>>,
    none_of: BTreeSet<&'a Cell>,
    is: BTreeSet<&'a str>,
    is_not: BTreeSet<&'a str>,
}

impl<'a> Values<'a> {
    fn only(&mut self, cells: BTreeSet<&'a Cell>) {
        self.one_of = Some(match self.one_of.take() {
            None => cells,
            Some(before) => before.intersection(&cells).copied().collect(),
        });
    }

    fn run_out(&self) -> bool {
        let fits = |cell: &&Cell| {
            let of = match cell {
                Cell::Entity(of, _) => Some(of.as_str()),
                _ => None,
            };
            !self.none_of.contains(*cell)
                && of.is_none_or(|of| {
                    self.is.iter().all(|is| *is == of) && !self.is_not.contains(of)
                })
        };
        self.is.len() > 1
            || self.is.iter().any(|is| self.is_not.contains(is))
            || (self.one_of.as_ref()).is_some_and(|cells| !cells.iter().any(fits))
    }
}

fn values_run_out(facts: &[&Fact]) -> bool {
    let mut by_value: BTreeMap<(&str, i128), Values<'_>> = BTreeMap::new();
    for fact in facts {
        match &fact.atom {
            Atom::Equal(left, right) => {
                let (value, cell) = match (&left.constant, &right.constant) {
                    (None, Some(cell)) => (left, cell),
                    (Some(cell), None) => (right, cell),
                    _ => continue,
                };
                let values = by_value.entry((&value.base, value.more)).or_default();
                if fact.holds {
                    values.only(BTreeSet::from([cell]));
                } else {
                    values.none_of.insert(cell);
                }
            }
            Atom::OneOf(value, cells) => {
                let values = by_value.entry((&value.base, value.more)).or_default();
                if fact.holds {
                    values.only(cells.iter().collect());
                } else {
                    values.none_of.extend(cells);
                }
            }
            Atom::Is(value, of) => {
                let values = by_value.entry((&value.base, value.more)).or_default();
                let set = if fact.holds {
                    &mut values.is
                } else {
                    &mut values.is_not
                };
                set.insert(of);
            }
            Atom::Less(..) | Atom::Whole(_) => {}
        }
    }
    by_value.values().any(Values::run_out)
}

/// Numbers, instants and spans are whole numbers: `a < b` is `a - b <= -1`. Such facts contradict each other where a circle
/// of them adds up to less than nothing.
fn order_is_circular(facts: &[&Fact]) -> bool {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut bounds: Vec<(usize, usize, i128)> = Vec::new();
    let mut differ = Vec::new();
    for fact in facts {
        if let Atom::Less(a, b) | Atom::Equal(a, b) = &fact.atom {
            for term in [a, b] {
                let next = names.len();
                names.entry(&term.base).or_insert(next);
            }
        }
    }
    for fact in facts {
        let (Atom::Less(a, b) | Atom::Equal(a, b)) = &fact.atom else {
            continue;
        };
        let (Some(x), Some(y)) = (names.get(a.base.as_str()), names.get(b.base.as_str())) else {
            continue;
        };
        let (x, y) = (*x, *y);
        let apart = b.more - a.more;
        match (&fact.atom, fact.holds) {
            (Atom::Less(..), true) => bounds.push((x, y, apart - 1)),
            (Atom::Less(..), false) => bounds.push((y, x, -apart)),
            (_, true) => bounds.extend([(x, y, apart), (y, x, -apart)]),
            (_, false) => differ.push((x, y, apart)),
        }
    }
    let count = names.len();
    if bounds.is_empty() || count > VALUES {
        return false;
    }
    // least[x][y]: x - y is at most this.
    let mut least: BTreeMap<(usize, usize), i128> = (0..count).map(|x| ((x, x), 0)).collect();
    for (x, y, bound) in bounds {
        let known = least.entry((x, y)).or_insert(bound);
        *known = (*known).min(bound);
    }
    for middle in 0..count {
        for x in 0..count {
            let Some(first) = least.get(&(x, middle)).copied() else {
                continue;
            };
            for y in 0..count {
                let Some(second) = least.get(&(middle, y)).copied() else {
                    continue;
                };
                let sum = first.saturating_add(second);
                let known = least.entry((x, y)).or_insert(sum);
                *known = (*known).min(sum);
            }
        }
    }
    (0..count).any(|x| least.get(&(x, x)).is_some_and(|least| *least < 0))
        || differ.iter().any(|(x, y, apart)| {
            least.get(&(*x, *y)) == Some(apart) && least.get(&(*y, *x)) == Some(&-apart)
        })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::unreachable,
        reason = "a test fails by panicking"
    )]

    use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp};

    use super::{follows, follows_surely, refuted};
    use crate::checks::formula::Known;

    /// What the naive model tries.
    #[derive(Clone, Copy)]
    struct Request {
        urgent: bool,
        level: i64,
        other: i64,
        reason: &'static str,
    }

    /// Every small request.
    fn requests() -> Vec<Request> {
        let mut out = Vec::new();
        for urgent in [false, true] {
            for level in -1..7 {
                for other in -1..7 {
                    for reason in ["a", "b", "c"] {
                        out.push(Request {
                            urgent,
                            level,
                            other,
                            reason,
                        });
                    }
                }
            }
        }
        out
    }

    #[derive(PartialEq)]
    enum Value {
        Bool(bool),
        Long(i64),
        Text(String),
    }

    fn value(expr: &Expr, request: Request) -> Value {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(value)) => Value::Bool(*value),
            ExprKind::Lit(Literal::Long(value)) => Value::Long(*value),
            ExprKind::Lit(Literal::String(text)) => Value::Text(text.to_string()),
            ExprKind::GetAttr { attr, .. } => match attr.as_str() {
                "urgent" => Value::Bool(request.urgent),
                "level" => Value::Long(request.level),
                "other" => Value::Long(request.other),
                _ => Value::Text(request.reason.to_owned()),
            },
            ExprKind::BinaryApp {
                op: BinaryOp::Add,
                arg1,
                arg2,
            } => match (value(arg1, request), value(arg2, request)) {
                (Value::Long(a), Value::Long(b)) => Value::Long(a + b),
                _ => unreachable!("only numbers are added"),
            },
            _ => Value::Bool(truth(expr, request)),
        }
    }

    fn truth(expr: &Expr, request: Request) -> bool {
        match expr.expr_kind() {
            ExprKind::And { left, right } => truth(left, request) && truth(right, request),
            ExprKind::Or { left, right } => truth(left, request) || truth(right, request),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => match truth(test_expr, request) {
                true => truth(then_expr, request),
                false => truth(else_expr, request),
            },
            ExprKind::UnaryApp {
                op: UnaryOp::Not,
                arg,
            } => !truth(arg, request),
            ExprKind::BinaryApp { op, arg1, arg2 } => match op {
                BinaryOp::Eq => value(arg1, request) == value(arg2, request),
                BinaryOp::Contains => match arg1.expr_kind() {
                    ExprKind::Set(items) => {
                        let item = value(arg2, request);
                        items.iter().any(|one| value(one, request) == item)
                    }
                    _ => unreachable!("sets are literals"),
                },
                _ => match (value(arg1, request), value(arg2, request)) {
                    (Value::Long(a), Value::Long(b)) if *op == BinaryOp::Less => a < b,
                    (Value::Long(a), Value::Long(b)) => a <= b,
                    _ => unreachable!("only numbers are ordered"),
                },
            },
            _ => value(expr, request) == Value::Bool(true),
        }
    }

    /// Numbers that look random and are the same in each run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % sides
        }

        fn condition(&mut self, depth: u32) -> String {
            if depth == 0 {
                let number = self.roll(6);
                let text = match self.roll(3) {
                    0 => "a",
                    1 => "b",
                    _ => "c",
                };
                return match self.roll(11) {
                    0 => "context.urgent".to_owned(),
                    1 => format!("context.level < {number}"),
                    2 => format!("context.level >= {number}"),
                    3 => format!("context.level == {number}"),
                    4 => format!("context.reason == \"{text}\""),
                    5 => format!("context.reason != \"{text}\""),
                    6 => format!("[\"a\", \"{text}\"].contains(context.reason)"),
                    7 => "context.level < context.other".to_owned(),
                    8 => format!("context.other + {number} <= context.level"),
                    9 => format!("context.urgent == {}", number < 3),
                    _ => format!("[1, {number}].contains(context.level)"),
                };
            }
            let (a, b) = (self.condition(depth - 1), self.condition(depth - 1));
            match self.roll(6) {
                0 => format!("!({a})"),
                1 => format!("(({a}) || ({b}))"),
                2 => format!("(if ({a}) then ({b}) else ({}))", self.condition(0)),
                _ => format!("(({a}) && ({b}))"),
            }
        }
    }

    #[test]
    fn what_is_concluded_is_so_for_every_request_that_a_model_tries() {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        let (mut refutations, mut consequences, mut sure) = (0, 0, 0);
        for _ in 0..4000 {
            let (a, b) = (dice.condition(2), dice.condition(1));
            let (a, b): (Expr, Expr) = (a.parse().unwrap(), b.parse().unwrap());
            let known = Known::default();
            let (from, what) = (known.formula(&a, true), known.formula(&b, true));
            let met: Vec<Request> = requests()
                .into_iter()
                .filter(|request| truth(&a, *request))
                .collect();
            if refuted(&[&from]) {
                refutations += 1;
                assert!(met.is_empty(), "{a} can be met");
                continue;
            }
            if follows(&from, &what) {
                consequences += 1;
                assert!(
                    met.iter().all(|request| truth(&b, *request)),
                    "{a} and not {b}"
                );
            }
            if follows_surely(&from, &what) {
                sure += 1;
                assert!(follows(&from, &what));
            }
        }
        // The test would show nothing if nothing were ever concluded.
        assert!(
            refutations > 100 && consequences > 100 && sure > 50,
            "{refutations} {consequences} {sure}"
        );
    }

    #[track_caller]
    fn check(condition: &str, contradicts: bool) {
        let expr: Expr = condition.parse().unwrap();
        let formula = Known::default().formula(&expr, true);
        assert_eq!(refuted(&[&formula]), contradicts, "{condition}");
    }

    #[test]
    fn contradictions_are_found() {
        for condition in [
            "context.urgent && !context.urgent",
            "context.reason == \"a\" && context.reason == \"b\"",
            "context.reason == \"a\" && !([\"a\", \"b\"].contains(context.reason))",
            "context.level < 3 && context.level >= 3",
            "context.level > 3 && context.level < 4",
            "context.level < context.other && context.other < context.level + 1",
            "context.now < resource.end && context.now >= resource.end",
            "context.now >= resource.end.offset(duration(\"30d\")) && context.now < resource.end.offset(duration(\"1d\"))",
            "(context.urgent || context.level < 3) && !context.urgent && context.level == 3",
            "(if context.urgent then context.level < 0 else false) && context.level > 0",
            "principal is A && principal is B",
            "principal is A && principal == B::\"b\"",
            "context.a == context.b && context.b == context.c && context.a != context.c && context.a < 5",
        ] {
            check(condition, true);
        }
    }

    #[test]
    fn what_can_be_met_is_not_taken_for_a_contradiction() {
        for condition in [
            "context.a == [1, 2] && context.a == [2, 1, 1]",
            "context.a == { x: [1, 2] } && context.a == { x: [2, 1] }",
            "context.level <= 3 && context.level >= 3",
            "context.now >= resource.end.offset(duration(\"1d\")) && context.now < resource.end.offset(duration(\"30d\"))",
            "context.a in A::\"x\" && context.a in A::\"y\"",
            "context.reason like \"a*\" && context.reason like \"*b\"",
        ] {
            check(condition, false);
        }
    }
}
