//! From a condition to the edits that may turn it: proposals only, the engine has the last word.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{code::Function, format::Cell};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

use super::{
    values::{ALTERNATIVES, shifted, with, without},
    world::{Owner, Place, World, declared},
};
use crate::{
    expression,
    program::{Program, Type},
};

/// Something put where it was not, or taken out.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) place: Place,
    pub(super) value: Option<Cell>,
}

/// By an attribute's name, the constants that rules compare it with.
pub(super) type Domain = BTreeMap<String, BTreeSet<Cell>>;

/// What proposals are made from.
pub(super) struct Proposer<'a> {
    pub(super) program: &'a Program,
    pub(super) world: &'a World,
    pub(super) domain: &'a Domain,
    /// What the engine saw: expression, as Cedar writes it, and value.
    pub(super) saw: &'a BTreeMap<String, Cell>,
    pub(super) out: Vec<Edit>,
}

/// Adds the constants of a rule's condition to the domain.
pub(super) fn learn(condition: &Expr, domain: &mut Domain) {
    for expr in condition.subexpressions() {
        let ExprKind::BinaryApp { arg1, arg2, .. } = expr.expr_kind() else {
            continue;
        };
        for (path, other) in [(arg1, arg2), (arg2, arg1)] {
            let (ExprKind::GetAttr { attr, .. }, Some(constant)) =
                (path.expr_kind(), expression::constant(other))
            else {
                continue;
            };
            let known = domain.entry(attr.to_string()).or_default();
            match constant {
                Cell::Set(items) => known.extend(items),
                other => _ = known.insert(other),
            }
        }
    }
}

impl Proposer<'_> {
    /// Edits that may make a condition true, or false.
    pub(super) fn turn(&mut self, expr: &Expr, want: bool) {
        if self.value(expr) == Some(Cell::Bool(want)) {
            return;
        }
        match expr.expr_kind() {
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.turn(left, want);
                self.turn(right, want);
            }
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => {
                self.turn(then_expr, want);
                self.turn(else_expr, want);
                self.turn(test_expr, true);
                self.turn(test_expr, false);
            }
            ExprKind::UnaryApp { op, arg } => match op {
                UnaryOp::Not => self.turn(arg, !want),
                UnaryOp::IsEmpty if want => self.make(arg, Cell::Set(Vec::new())),
                UnaryOp::IsEmpty => {
                    for item in self.alternatives(arg) {
                        self.make(arg, Cell::Set(vec![item]));
                    }
                }
                UnaryOp::Neg => {}
            },
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(*op, arg1, arg2, want),
            ExprKind::HasAttr { expr, attr } => self.presence(expr, &[attr.as_str()], want),
            ExprKind::ExtHasAttr { expr, attrs } => {
                let attrs: Vec<&str> = attrs.iter().map(|attr| attr.as_str()).collect();
                self.presence(expr, &attrs, want);
            }
            ExprKind::Like { expr, pattern } if want => {
                let text = expression::parts(pattern.iter()).concat();
                self.make(expr, Cell::Str(text));
            }
            ExprKind::Like { expr, .. } => self.vary(expr),
            ExprKind::GetAttr { .. } => self.make(expr, Cell::Bool(want)),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let function = Function::from_name(&fn_name.to_string());
                if let (Some(function), [left, right]) = (function, args.as_slice()) {
                    self.function(function, left, right, want);
                }
            }
            _ => {}
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, want: bool) {
        match (op, want) {
            (BinaryOp::Eq, true) => self.equalise(left, right),
            (BinaryOp::Eq, false) => {
                self.vary(left);
                self.vary(right);
            }
            (BinaryOp::Less, true) => self.order(left, right, 1),
            (BinaryOp::Less, false) => self.order(right, left, 0),
            (BinaryOp::LessEq, true) => self.order(left, right, 0),
            (BinaryOp::LessEq, false) => self.order(right, left, 1),
            (BinaryOp::In, _) => self.membership(left, right, want),
            (BinaryOp::Contains, _) => {
                let (set, item) = (self.items(left), self.value(right));
                if let (Some(set), Some(item)) = (set.clone(), item) {
                    let changed = match want {
                        true => with(&set, &[item]),
                        false => without(&set, &[item]),
                    };
                    self.make(left, Cell::Set(changed));
                }
                match want {
                    true => {
                        for item in set.unwrap_or_default().into_iter().take(ALTERNATIVES) {
                            self.make(right, item);
                        }
                    }
                    false => self.vary(right),
                }
            }
            (BinaryOp::ContainsAll, _) => {
                let (Some(a), Some(b)) = (self.items(left), self.items(right)) else {
                    return;
                };
                if want {
                    self.make(left, Cell::Set(with(&a, &b)));
                    let both = b.iter().filter(|item| a.contains(item)).cloned();
                    self.make(right, Cell::Set(both.collect()));
                } else {
                    for item in b.iter().take(ALTERNATIVES) {
                        let one = std::slice::from_ref(item);
                        self.make(left, Cell::Set(without(&a, one)));
                    }
                }
            }
            (BinaryOp::ContainsAny, _) => {
                let (Some(a), Some(b)) = (self.items(left), self.items(right)) else {
                    return;
                };
                for (side, own, other) in [(left, &a, &b), (right, &b, &a)] {
                    if !want {
                        self.make(side, Cell::Set(without(own, other)));
                        continue;
                    }
                    for item in other.iter().take(ALTERNATIVES) {
                        let one = std::slice::from_ref(item);
                        self.make(side, Cell::Set(with(own, one)));
                    }
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, function: Function, left: &Expr, right: &Expr, want: bool) {
        match (function, want) {
            (Function::LessThan, true) | (Function::GreaterThanOrEqual, false) => {
                self.order(left, right, 1);
            }
            (Function::LessThanOrEqual, true) | (Function::GreaterThan, false) => {
                self.order(left, right, 0);
            }
            (Function::GreaterThan, true) | (Function::LessThanOrEqual, false) => {
                self.order(right, left, 1);
            }
            (Function::GreaterThanOrEqual, true) | (Function::LessThan, false) => {
                self.order(right, left, 0);
            }
            (Function::IsInRange, true) => self.equalise(left, right),
            (Function::IsInRange, false) => self.vary(left),
            _ => {}
        }
    }

    fn equalise(&mut self, left: &Expr, right: &Expr) {
        for (side, other) in [(left, right), (right, left)] {
            if let Some(value) = self.value(other) {
                self.make(side, value);
            }
        }
    }

    /// `low` at least `gap` units below `high`: the boundary, not more.
    fn order(&mut self, low: &Expr, high: &Expr, gap: i64) {
        if let Some(target) = self.value(high).and_then(|value| shifted(&value, -gap)) {
            self.make(low, target);
        }
        if let Some(target) = self.value(low).and_then(|value| shifted(&value, gap)) {
            self.make(high, target);
        }
    }

    fn membership(&mut self, left: &Expr, right: &Expr, want: bool) {
        let groups = match self.value(right) {
            Some(Cell::Set(groups)) => groups,
            Some(group) => vec![group],
            None => return,
        };
        let Some(Cell::Entity(of, id)) = self.value(left) else {
            return;
        };
        let place = Place {
            owner: Owner::Parents((of, id)),
            path: Vec::new(),
        };
        let parents = match self.world.get(&place) {
            Some(Cell::Set(parents)) => parents,
            _ => Vec::new(),
        };
        if !want {
            self.vary(left);
            self.propose(place, Some(Cell::Set(without(&parents, &groups))));
            return;
        }
        for group in groups.iter().take(ALTERNATIVES) {
            self.make(left, group.clone());
            let one = std::slice::from_ref(group);
            self.propose(place.clone(), Some(Cell::Set(with(&parents, one))));
        }
    }

    fn presence(&mut self, base: &Expr, attrs: &[&str], want: bool) {
        let Some(mut place) = self.place_of_value(base) else {
            return;
        };
        for attr in attrs {
            place = place.then(attr);
            let is_there = self.world.get(&place).is_some();
            if want && !is_there {
                self.add(place);
                return;
            }
            if !want && is_there {
                self.propose(place.clone(), None);
            }
        }
    }

    /// Edits for a condition that could not be evaluated: what is missing is put there.
    pub(super) fn repair(&mut self, expr: &Expr) {
        for part in expr.subexpressions() {
            if let ExprKind::GetAttr { expr: base, attr } = part.expr_kind()
                && let Some(place) = self.place_of_value(base)
            {
                let place = place.then(attr.as_str());
                if self.world.get(&place).is_none() {
                    self.add(place);
                }
            }
        }
    }

    /// Puts something where there is nothing: the entity first, where it is not described at all.
    fn add(&mut self, place: Place) {
        if let Owner::Entity(uid) = &place.owner
            && !self.world.entities.contains_key(uid)
        {
            let Some(of) = self.program.schema.entity_types.get(&uid.0) else {
                return;
            };
            let derived = |name: &String| {
                let mut derived = self.program.schema.derived.iter();
                derived.any(|derived| derived.type_name == uid.0 && derived.attr == *name)
            };
            let mut attrs = of.attrs.clone();
            attrs.retain(|name, _| !derived(name));
            let whole = Type::Record(attrs);
            let value = self.first_value("", &whole);
            self.propose(Place::entity(uid.clone()), Some(value));
            return;
        }
        let of = declared(self.program, &self.world.action, &place)
            .and_then(|way| way.last().map(|attr| attr.of.clone()));
        if let (Some(of), Some(name)) = (of, place.path.last().cloned()) {
            let value = self.first_value(&name, &of);
            self.propose(place, Some(value));
        }
    }

    /// Edits that may give an expression another value than it has.
    fn vary(&mut self, expr: &Expr) {
        for value in self.alternatives(expr) {
            self.make(expr, value);
        }
    }

    /// Edits that may give an expression this value.
    fn make(&mut self, expr: &Expr, target: Cell) {
        match expr.expr_kind() {
            ExprKind::GetAttr { expr: base, attr } => {
                let Some(place) = self.place_of_value(base) else {
                    return;
                };
                let place = place.then(attr.as_str());
                if let Some((from, target)) = self.source_of(&place, &target) {
                    self.propose(from, Some(target));
                } else if self.is_described(&place) {
                    self.propose(place, Some(target));
                } else {
                    self.add(place);
                }
            }
            ExprKind::If {
                then_expr,
                else_expr,
                ..
            } => {
                self.make(then_expr, target.clone());
                self.make(else_expr, target);
            }
            ExprKind::BinaryApp {
                op: op @ (BinaryOp::Add | BinaryOp::Sub),
                arg1,
                arg2,
            } => self.shift(expr, &target, arg1, arg2, *op == BinaryOp::Sub),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                match (Function::from_name(&fn_name.to_string()), args.as_slice()) {
                    (Some(Function::Offset), [left, right]) => {
                        self.shift(expr, &target, left, right, false);
                    }
                    (Some(Function::DurationSince), [left, right]) => {
                        self.shift(expr, &target, left, right, true);
                    }
                    (Some(Function::ToDate), [only]) => self.make(only, target),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Of a sum or a difference: either part moves by as much as the whole has to.
    fn shift(&mut self, whole: &Expr, target: &Cell, left: &Expr, right: &Expr, minus: bool) {
        let number = |cell: &Cell| match cell {
            Cell::Long(value)
            | Cell::Datetime(value)
            | Cell::Duration(value)
            | Cell::Decimal(value) => Some(*value),
            _ => None,
        };
        let delta = self
            .value(whole)
            .and_then(|value| number(target)?.checked_sub(number(&value)?));
        let Some(delta) = delta else {
            return;
        };
        if let Some(value) = self.value(left).and_then(|value| shifted(&value, delta)) {
            self.make(left, value);
        }
        let delta = if minus {
            delta.checked_neg()
        } else {
            Some(delta)
        };
        if let Some(value) = self.value(right).and_then(|value| shifted(&value, delta?)) {
            self.make(right, value);
        }
    }

    /// For an attribute that is computed: what it is computed from, moved by as much.
    fn source_of(&self, place: &Place, target: &Cell) -> Option<(Place, Cell)> {
        let (Owner::Entity((of, _)), [name]) = (&place.owner, place.path.as_slice()) else {
            return None;
        };
        let mut derived = self.program.schema.derived.iter();
        let derived = derived.find(|derived| derived.type_name == *of && derived.attr == *name)?;
        let from = Place {
            owner: place.owner.clone(),
            path: vec![derived.from.clone()],
        };
        let current = self.saw.iter().find(|(path, _)| {
            path.ends_with(&format!(".{name}")) || path.ends_with(&format!("[\"{name}\"]"))
        });
        match (current, target, self.world.get(&from)) {
            (Some((_, Cell::Datetime(is))), Cell::Datetime(wanted), Some(start)) => {
                Some((from, shifted(&start, wanted.checked_sub(*is)?)?))
            }
            _ => Some((from.clone(), self.world.get(&from)?)),
        }
    }

    fn is_described(&self, place: &Place) -> bool {
        match &place.owner {
            Owner::Entity(uid) => self.world.entities.contains_key(uid),
            _ => true,
        }
    }

    fn propose(&mut self, place: Place, value: Option<Cell>) {
        // What the bundle describes is the same for every request.
        if let Owner::Entity(uid) | Owner::Parents(uid) = &place.owner
            && self.program.entities.contains_key(uid)
        {
            return;
        }
        if self.world.get(&place) != value {
            self.out.push(Edit { place, value });
        }
    }
}
