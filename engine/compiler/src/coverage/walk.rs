//! What evaluation reaches in a rule, and what it sees there.

use std::collections::BTreeMap;

use crate::{
    exceptions::{Exceptions, Unreachable, squeezed},
    finding::Sources,
    instrument::{Seen, Written},
    tree::{Expr, Kind, Span, Step},
};

use super::{Branch, BranchKind};

/// The probes of a rule.
pub(super) struct Plan {
    scope: usize,
    /// By the first and last byte of an expression: its value.
    values: Probes,
    /// Whether it has one at all; asked only where a branch is evaluated after it.
    exists: Probes,
}

type Probes = BTreeMap<(usize, usize), usize>;

fn key(expr: &Expr) -> (usize, usize) {
    (expr.span.start, expr.span.end)
}

impl Plan {
    /// Adds what it wants to know to the probes of all rules.
    pub(super) fn new(rule: &Written<'_>, probes: &mut Vec<String>) -> Self {
        let mut add = |text: String| {
            probes.push(text);
            probes.len() - 1
        };
        let mut plan = Self {
            scope: add(rule.scope_probe()),
            values: Probes::new(),
            exists: Probes::new(),
        };
        let text = |expr: &Expr| rule.text.get(expr.span.clone()).unwrap_or_default();
        for condition in &rule.policy.conditions {
            let mut whole = |expr: &Expr| {
                let number = add(rule.probe(text(expr)));
                plan.values.insert(key(expr), number);
            };
            whole(&condition.expr);
            condition.expr.visit(&mut |expr| match &expr.kind {
                Kind::And(operands) | Kind::Or(operands) => operands.iter().for_each(&mut whole),
                Kind::If(parts) => {
                    let [test, ..] = &**parts;
                    whole(test);
                }
                _ => {}
            });
            condition.expr.visit(&mut |expr| {
                let children = expr.children();
                if matches!(expr.kind, Kind::And(_) | Kind::Or(_) | Kind::If(_)) {
                    return;
                }
                for (at, child) in children.iter().enumerate() {
                    let Some(read) = read(expr, child) else {
                        continue;
                    };
                    if children.iter().skip(at + 1).any(|later| branches(later)) {
                        let text = rule.text.get(read).unwrap_or_default();
                        let number = add(rule.probe(&format!("({text}) == ({text})")));
                        plan.exists.insert(key(child), number);
                    }
                }
            });
        }
        plan
    }

    /// The rule's branches, with what the cases saw of them.
    pub(super) fn branches(
        &self,
        rule: &Written<'_>,
        seen: &[Vec<Seen>],
        cases: usize,
        sources: &Sources<'_>,
        unreachable: &Exceptions<Unreachable>,
    ) -> Vec<Branch> {
        let mut walk = Walk {
            plan: self,
            seen,
            case: 0,
            branches: Vec::new(),
        };
        walk.list(rule);
        for case in 0..cases {
            walk.case = case;
            walk.rule(rule);
        }
        let finish = |(expr, kind, counts): (&Expr, BranchKind, [usize; 2])| {
            let text = squeezed(rule.text.get(expr.span.clone()).unwrap_or_default());
            let at = sources.error("place", rule.file, Some(expr.span.clone()), "");
            let [seen_false, seen_true] = counts;
            // Asked for only where it is needed: an entry for a side that was seen is a wrong one.
            let never = |count: usize, side: bool| match count {
                0 => unreachable
                    .reason(&rule.rule.id, &text, side)
                    .map(ToOwned::to_owned),
                _ => None,
            };
            let (never_true, never_false) = (never(seen_true, true), never(seen_false, false));
            Branch {
                kind,
                span: expr.span.clone(),
                line: at.line.unwrap_or_default(),
                column: at.column.unwrap_or_default(),
                seen_true,
                seen_false,
                never_true,
                never_false,
                text,
            }
        };
        walk.branches.into_iter().map(finish).collect()
    }
}

/// What is read for a part of an expression before the next part is: itself, or of what a method is called on, all of it. None
/// where that is the name of a function.
fn read(expr: &Expr, part: &Expr) -> Option<Span> {
    let Kind::Member(of, steps) = &expr.kind else {
        return Some(part.span.clone());
    };
    if !std::ptr::eq(&**of, part) {
        return Some(part.span.clone());
    }
    let mut before = part.span.end;
    let mut field: Option<&Span> = None;
    for step in steps {
        match step {
            Step::Field(_, span) => {
                before = field.map_or(part.span.end, |span| span.end);
                field = Some(span);
            }
            Step::Call(_) => {
                field?;
                break;
            }
            // An index is read before its key is known to be a literal.
            Step::Index(_) => break,
        }
    }
    Some(part.span.start..before)
}

/// Whether there is a branch in an expression.
fn branches(expr: &Expr) -> bool {
    let mut found = false;
    expr.visit(&mut |expr| {
        found |= matches!(expr.kind, Kind::And(_) | Kind::Or(_) | Kind::If(_));
    });
    found
}

/// One rule's evaluation, case by case.
struct Walk<'a> {
    plan: &'a Plan,
    seen: &'a [Vec<Seen>],
    case: usize,
    /// With how often it was false and true.
    branches: Vec<(&'a Expr, BranchKind, [usize; 2])>,
}

impl<'a> Walk<'a> {
    /// Lists the branches in the order of the text.
    fn list(&mut self, rule: &Written<'a>) {
        for condition in &rule.policy.conditions {
            let kind = match condition.unless {
                true => BranchKind::Unless,
                false => BranchKind::When,
            };
            self.branches.push((&condition.expr, kind, [0, 0]));
            condition.expr.visit(&mut |expr| {
                let (kind, of) = match &expr.kind {
                    Kind::And(operands) => (BranchKind::And, operands.as_slice()),
                    Kind::Or(operands) => (BranchKind::Or, operands.as_slice()),
                    Kind::If(parts) => {
                        let [test, ..] = &**parts;
                        (BranchKind::Test, std::slice::from_ref(test))
                    }
                    _ => return,
                };
                let new = of.iter().map(|operand| (operand, kind, [0, 0]));
                self.branches.extend(new);
            });
        }
    }

    fn of(&self, probe: Option<&usize>) -> Seen {
        let row = probe.and_then(|probe| self.seen.get(*probe));
        row.and_then(|row| row.get(self.case))
            .copied()
            .unwrap_or_default()
    }

    fn rule(&mut self, rule: &Written<'a>) {
        if self.of(Some(&self.plan.scope)) != Seen::True {
            return;
        }
        for condition in &rule.policy.conditions {
            self.within(&condition.expr);
            match (self.note(&condition.expr), condition.unless) {
                (Some(value), unless) if value != unless => {}
                _ => return,
            }
        }
    }

    /// Counts the value of a branch that is reached; none where it fails. No two branches have the same bytes.
    fn note(&mut self, expr: &Expr) -> Option<bool> {
        let value = match self.of(self.plan.values.get(&key(expr))) {
            Seen::True => true,
            Seen::False => false,
            Seen::Failed => return None,
        };
        let at = key(expr);
        if let Some((_, _, counts)) = self.branches.iter_mut().find(|(of, ..)| key(of) == at) {
            let [seen_false, seen_true] = counts;
            match value {
                true => *seen_true += 1,
                false => *seen_false += 1,
            }
        }
        Some(value)
    }

    /// What evaluation reaches within an expression that it reaches.
    fn within(&mut self, expr: &'a Expr) {
        match &expr.kind {
            Kind::And(operands) | Kind::Or(operands) => {
                let goes_on = matches!(expr.kind, Kind::And(_));
                for operand in operands {
                    self.within(operand);
                    if self.note(operand) != Some(goes_on) {
                        return;
                    }
                }
            }
            Kind::If(parts) => {
                let [test, yes, no] = &**parts;
                self.within(test);
                match self.note(test) {
                    Some(true) => self.within(yes),
                    Some(false) => self.within(no),
                    None => {}
                }
            }
            _ => {
                for child in expr.children() {
                    self.within(child);
                    let exists = self.plan.exists.get(&key(child));
                    if exists.is_some() && self.of(exists) != Seen::True {
                        return;
                    }
                }
            }
        }
    }
}
