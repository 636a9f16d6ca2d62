//! Conditions as formulas: `and` and `or` over facts that hold or do not.
//!
//! What is told of a formula concerns the requests for which the condition is *true*. `a && b` is true exactly where both
//! are, whatever their order; `a || b` is true only where one of them is. A fact that does not hold is one that was
//! evaluated and came out false, so every fact of a true conjunction has been read without an error.

use std::collections::BTreeSet;

use avow_engine::format::Cell;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, UnaryOp, Var};

use crate::{
    expression::{constant, uid},
    program::Uid,
};

/// A condition, with `!` moved to the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Fact(Box<Fact>),
}

impl Formula {
    pub(crate) const TRUE: Self = Self::All(Vec::new());
    pub(crate) const FALSE: Self = Self::Any(Vec::new());

    fn known(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }
}

/// Something that is so, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) atom: Atom,
    pub(crate) holds: bool,
    /// What was read for it that might not be there.
    pub(crate) reads: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Atom {
    Equal(Term, Term),
    /// Of numbers, instants and spans of time.
    Less(Term, Term),
    OneOf(Term, BTreeSet<Cell>),
    Is(Term, String),
    /// Any other expression, as a text that is the same where the expression is.
    Whole(String),
}

/// A value: what an expression gives, and a whole number more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term {
    pub(crate) base: String,
    pub(crate) more: i128,
    pub(crate) constant: Option<Cell>,
}

/// The value that an expression is known to have.
pub(crate) type Value<'a> = dyn Fn(&Expr) -> Option<Cell> + 'a;

/// What is known before a request is there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// Action, principal type and resource type that are asked about.
    pub(crate) asked: Option<(&'a Uid, &'a str, &'a str)>,
    /// The groups that the action is in.
    pub(crate) groups: Option<&'a BTreeSet<Uid>>,
    /// The value of an expression, where more is known.
    pub(crate) value: Option<&'a Value<'a>>,
}

impl Known<'_> {
    /// The condition, or its contrary.
    pub(crate) fn formula(&self, expr: &Expr, holds: bool) -> Formula {
        if let Some(value) = self.truth(expr) {
            return Formula::known(value == holds);
        }
        let both = |left: &Expr, right: &Expr, all: bool| {
            let parts = vec![self.formula(left, holds), self.formula(right, holds)];
            if all {
                Formula::All(parts)
            } else {
                Formula::Any(parts)
            }
        };
        match expr.expr_kind() {
            ExprKind::And { left, right } => both(left, right, holds),
            ExprKind::Or { left, right } => both(left, right, !holds),
            ExprKind::UnaryApp {
                op: UnaryOp::Not,
                arg,
            } => self.formula(arg, !holds),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => Formula::Any(vec![
                Formula::All(vec![
                    self.formula(test_expr, true),
                    self.formula(then_expr, holds),
                ]),
                Formula::All(vec![
                    self.formula(test_expr, false),
                    self.formula(else_expr, holds),
                ]),
            ]),
            ExprKind::BinaryApp {
                op: BinaryOp::Eq,
                arg1,
                arg2,
            } => match (self.constant(arg1), self.constant(arg2)) {
                (Some(Cell::Bool(value)), _) => self.formula(arg2, holds == value),
                (_, Some(Cell::Bool(value))) => self.formula(arg1, holds == value),
                _ => self.fact(expr, holds),
            },
            _ => self.fact(expr, holds),
        }
    }

    fn fact(&self, expr: &Expr, holds: bool) -> Formula {
        let mut holds = holds;
        let atom = match expr.expr_kind() {
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let (left, right) = (self.term(arg1), self.term(arg2));
                match op {
                    BinaryOp::Eq => Atom::Equal(left.clone().min(right.clone()), left.max(right)),
                    BinaryOp::Less => Atom::Less(left, right),
                    // `a <= b` is `!(b < a)`.
                    BinaryOp::LessEq => {
                        holds = !holds;
                        Atom::Less(right, left)
                    }
                    BinaryOp::Contains => match left.constant {
                        Some(Cell::Set(items)) => Atom::OneOf(right, items.into_iter().collect()),
                        _ => Atom::Whole(self.key(expr)),
                    },
                    _ => Atom::Whole(self.key(expr)),
                }
            }
            ExprKind::Is { expr, entity_type } => {
                Atom::Is(self.term(expr), entity_type.to_string())
            }
            _ => Atom::Whole(self.key(expr)),
        };
        let mut reads = BTreeSet::new();
        self.reads(expr, &mut reads);
        Formula::Fact(Box::new(Fact { atom, holds, reads }))
    }

    /// Whether an expression is true or false for all that is asked about.
    fn truth(&self, expr: &Expr) -> Option<bool> {
        if let Some(Cell::Bool(value)) = self.constant(expr) {
            return Some(value);
        }
        if let Some(value) = self.contains(expr) {
            return Some(value);
        }
        let (action, principal, resource) = self.asked?;
        let type_of = |expr: &Expr| match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => Some(principal),
            ExprKind::Var(Var::Resource) => Some(resource),
            _ => None,
        };
        let in_group = |cell: &Cell| match cell {
            Cell::Entity(of, id) => {
                let group = (of.clone(), id.clone());
                group == *action || self.groups.is_some_and(|groups| groups.contains(&group))
            }
            _ => false,
        };
        match expr.expr_kind() {
            ExprKind::Is { expr, entity_type } => {
                type_of(expr).map(|of| of == entity_type.to_string())
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let is_action = matches!(arg1.expr_kind(), ExprKind::Var(Var::Action));
                match (op, self.constant(arg2)?) {
                    (BinaryOp::In, Cell::Set(groups)) if is_action => {
                        Some(groups.iter().any(in_group))
                    }
                    (BinaryOp::In, group) if is_action => Some(in_group(&group)),
                    (BinaryOp::Eq, Cell::Entity(of, id)) if is_action => Some(*action == (of, id)),
                    (BinaryOp::Eq, Cell::Entity(of, _))
                        if type_of(arg1).is_some_and(|is| is != of) =>
                    {
                        Some(false)
                    }
                    (BinaryOp::Eq, right) => self.constant(arg1).map(|left| left == right),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `contains` of a set that is known.
    fn contains(&self, expr: &Expr) -> Option<bool> {
        match expr.expr_kind() {
            ExprKind::BinaryApp {
                op: BinaryOp::Contains,
                arg1,
                arg2,
            } => match (self.constant(arg1)?, self.constant(arg2)) {
                (Cell::Set(items), _) if items.is_empty() => Some(false),
                (Cell::Set(items), Some(item)) => Some(items.contains(&item)),
                _ => None,
            },
            _ => None,
        }
    }

    fn constant(&self, expr: &Expr) -> Option<Cell> {
        let known = || self.value.and_then(|value| value(expr));
        let empty = || match expr.expr_kind() {
            ExprKind::UnaryApp {
                op: UnaryOp::IsEmpty,
                arg,
            } => match self.constant(arg)? {
                Cell::Set(items) => Some(Cell::Bool(items.is_empty())),
                _ => None,
            },
            _ => None,
        };
        constant(expr).or_else(known).or_else(empty).map(ordered)
    }

    fn term(&self, expr: &Expr) -> Term {
        let plain = |base: String| Term {
            base,
            more: 0,
            constant: None,
        };
        if let Some(cell) = self.constant(expr) {
            let (base, more) = match &cell {
                Cell::Long(value) => ("#number".to_owned(), i128::from(*value)),
                Cell::Datetime(value) => ("#instant".to_owned(), i128::from(*value)),
                Cell::Duration(value) => ("#span".to_owned(), i128::from(*value)),
                other => (format!("{other:?}"), 0),
            };
            return Term {
                base,
                more,
                constant: Some(cell),
            };
        }
        let shifted = |of: &Expr, by: i128| {
            let term = self.term(of);
            // What is shifted is not constant itself, or it would have been folded.
            (term.constant.is_none()).then(|| Term {
                more: term.more + by,
                ..term
            })
        };
        let shifted = match expr.expr_kind() {
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                match (fn_name.to_string().as_str(), args.as_slice()) {
                    ("offset", [of, by]) => match self.constant(by) {
                        Some(Cell::Duration(by)) => shifted(of, i128::from(by)),
                        _ => None,
                    },
                    _ => None,
                }
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => match (op, self.constant(arg2)) {
                (BinaryOp::Add, Some(Cell::Long(by))) => shifted(arg1, i128::from(by)),
                (BinaryOp::Sub, Some(Cell::Long(by))) => shifted(arg1, -i128::from(by)),
                _ => None,
            },
            _ => None,
        };
        shifted.unwrap_or_else(|| plain(self.key(expr)))
    }

    /// A text that two expressions share only if they give the same value.
    fn key(&self, expr: &Expr) -> String {
        if let Some(cell) = self.constant(expr) {
            return format!("{cell:?}");
        }
        let list = |items: &mut dyn Iterator<Item = &Expr>| {
            items
                .map(|item| self.key(item))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match expr.expr_kind() {
            ExprKind::Lit(_) => expr.to_string(),
            ExprKind::Var(variable) => variable.to_string(),
            ExprKind::Slot(slot) => slot.to_string(),
            ExprKind::Unknown(_) => expr.to_string(),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => format!(
                "(if {} then {} else {})",
                self.key(test_expr),
                self.key(then_expr),
                self.key(else_expr)
            ),
            ExprKind::And { left, right } => format!("({} && {})", self.key(left), self.key(right)),
            ExprKind::Or { left, right } => format!("({} || {})", self.key(left), self.key(right)),
            ExprKind::UnaryApp { op, arg } => format!("{op:?}({})", self.key(arg)),
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                format!("{op:?}({}, {})", self.key(arg1), self.key(arg2))
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                format!("{fn_name}({})", list(&mut args.iter()))
            }
            ExprKind::GetAttr { expr, attr } => format!("{}[{attr:?}]", self.key(expr)),
            ExprKind::HasAttr { expr, attr } => format!("has({}, {attr:?})", self.key(expr)),
            ExprKind::ExtHasAttr { expr, attrs } => {
                let attrs: Vec<&str> = attrs.iter().map(AsRef::as_ref).collect();
                format!("has({}, {attrs:?})", self.key(expr))
            }
            ExprKind::Like { expr, pattern } => format!("like({}, {pattern:?})", self.key(expr)),
            ExprKind::Is { expr, entity_type } => format!("is({}, {entity_type})", self.key(expr)),
            ExprKind::Set(items) => {
                let mut items: Vec<String> = items.iter().map(|item| self.key(item)).collect();
                items.sort_unstable();
                items.dedup();
                format!("[{}]", items.join(", "))
            }
            ExprKind::Record(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key:?}: {}", self.key(value)))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    /// What an expression certainly reads that might fail: an attribute of an entity that may not be described, arithmetic
    /// that may overflow. The fields of a context are there, for intake and Cedar's validator see to it.
    fn reads(&self, expr: &Expr, out: &mut BTreeSet<String>) {
        if self.constant(expr).is_some() {
            return;
        }
        match expr.expr_kind() {
            ExprKind::GetAttr { expr: of, .. } => {
                if !matches!(of.expr_kind(), ExprKind::Var(Var::Context)) {
                    out.insert(self.key(expr));
                }
                self.reads(of, out);
            }
            ExprKind::ExtensionFunctionApp { args, .. } => {
                out.insert(self.key(expr));
                args.iter().for_each(|arg| self.reads(arg, out));
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                if matches!(
                    op,
                    BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag
                ) {
                    out.insert(self.key(expr));
                }
                self.reads(arg1, out);
                self.reads(arg2, out);
            }
            ExprKind::UnaryApp { op, arg } => {
                if *op == UnaryOp::Neg {
                    out.insert(self.key(expr));
                }
                self.reads(arg, out);
            }
            ExprKind::HasAttr { expr, .. }
            | ExprKind::Like { expr, .. }
            | ExprKind::Is { expr, .. } => self.reads(expr, out),
            ExprKind::Set(items) => items.iter().for_each(|item| self.reads(item, out)),
            ExprKind::Record(fields) => fields.values().for_each(|value| self.reads(value, out)),
            // Only one side may be evaluated, so the whole stands for itself.
            ExprKind::If { .. }
            | ExprKind::And { .. }
            | ExprKind::Or { .. }
            | ExprKind::ExtHasAttr { .. } => {
                out.insert(self.key(expr));
            }
            ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {}
        }
    }
}

/// Elements of sets in order, once each.
fn ordered(cell: Cell) -> Cell {
    match cell {
        Cell::Set(items) => {
            let items: BTreeSet<Cell> = items.into_iter().map(ordered).collect();
            Cell::Set(items.into_iter().collect())
        }
        Cell::Record(fields) => Cell::Record(
            fields
                .into_iter()
                .map(|(key, value)| (key, ordered(value)))
                .collect(),
        ),
        other => other,
    }
}

/// The scope's demand on an entity that stands in for the principal or the resource.
pub(crate) fn scope_fact(variable: Var, in_group: bool, entity: &Uid) -> Formula {
    let constant = Cell::Entity(entity.0.clone(), entity.1.clone());
    let atom = if in_group {
        Atom::Whole(format!("In({variable}, {constant:?})"))
    } else {
        let variable = Term {
            base: variable.to_string(),
            more: 0,
            constant: None,
        };
        let entity = Term {
            base: format!("{constant:?}"),
            more: 0,
            constant: Some(constant),
        };
        Atom::Equal(variable.clone().min(entity.clone()), variable.max(entity))
    };
    Formula::Fact(Box::new(Fact {
        atom,
        holds: true,
        reads: BTreeSet::new(),
    }))
}

/// The uid that an expression is, where it is a literal.
pub(crate) fn literal_uid(expr: &Expr) -> Option<Uid> {
    match expr.expr_kind() {
        ExprKind::Lit(cedar_policy_core::ast::Literal::EntityUID(euid)) => Some(uid(euid)),
        _ => None,
    }
}
