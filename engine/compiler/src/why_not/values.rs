//! What expressions of a condition are worth, and which other values they might have.

use std::collections::BTreeSet;

use avow_engine::{code::Function, ext, format::Cell};
use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::{
    edits::Proposer,
    world::{Owner, Place},
};
use crate::{
    expression,
    program::{Type, Uid},
};

/// How many other values are tried where a condition only says what a value must not be.
pub(super) const ALTERNATIVES: usize = 6;
/// Stands for any text where rules name none.
const SOME_TEXT: &str = "some text";

impl Proposer<'_> {
    /// Where the attributes of an expression's value lie.
    pub(super) fn place_of_value(&self, expr: &Expr) -> Option<Place> {
        if let ExprKind::Var(Var::Context) = expr.expr_kind() {
            return Some(Place {
                owner: Owner::Context,
                path: Vec::new(),
            });
        }
        if let Some(Cell::Entity(of, id)) = self.value(expr) {
            return Some(Place::entity((of, id)));
        }
        match expr.expr_kind() {
            ExprKind::GetAttr { expr: base, attr } => {
                Some(self.place_of_value(base)?.then(attr.as_str()))
            }
            _ => None,
        }
    }

    pub(super) fn items(&self, expr: &Expr) -> Option<Vec<Cell>> {
        match self.value(expr) {
            Some(Cell::Set(items)) => Some(items),
            _ => None,
        }
    }

    /// The value of an expression, where it is a constant, a path, or something that the engine saw.
    pub(super) fn value(&self, expr: &Expr) -> Option<Cell> {
        if let Some(constant) = expression::constant(expr) {
            return Some(constant);
        }
        if let Some(seen) = self.saw.get(&expr.to_string()) {
            return Some(seen.clone());
        }
        let entity = |(of, id): &Uid| Some(Cell::Entity(of.clone(), id.clone()));
        match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => entity(&self.world.principal),
            ExprKind::Var(Var::Resource) => entity(&self.world.resource),
            ExprKind::Var(Var::Action) => entity(&self.world.action),
            ExprKind::GetAttr { expr: base, attr } => {
                let place = self.place_of_value(base)?.then(attr.as_str());
                self.world.get(&place).or_else(|| self.described(&place))
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                match (Function::from_name(&fn_name.to_string())?, args.as_slice()) {
                    (Function::Offset, [at, by]) => match (self.value(at)?, self.value(by)?) {
                        (at, Cell::Duration(by)) => shifted(&at, by),
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// An attribute of an entity that the bundle describes.
    fn described(&self, place: &Place) -> Option<Cell> {
        let (Owner::Entity(uid), [name]) = (&place.owner, place.path.as_slice()) else {
            return None;
        };
        self.program.entities.get(uid)?.attrs.get(name).cloned()
    }

    /// A value to begin with: what conditions still want of it, further edits say.
    pub(super) fn first_value(&self, name: &str, of: &Type) -> Cell {
        let known = |test: &dyn Fn(&Cell) -> bool| {
            let known = self.domain.get(name)?;
            known.iter().find(|cell| test(cell)).cloned()
        };
        let now = match self.world.context.get("now") {
            Some(Cell::Datetime(now)) => *now,
            _ => 0,
        };
        match of {
            Type::Bool => Cell::Bool(false),
            Type::Long => Cell::Long(0),
            Type::Str => known(&|cell| matches!(cell, Cell::Str(text) if !text.is_empty()))
                .unwrap_or_else(|| Cell::Str(SOME_TEXT.to_owned())),
            Type::Entity(of) => {
                let described: Vec<Cell> = self.entities_of(of).collect();
                let named = |cell: &Cell| matches!(cell, Cell::Entity(its, _) if its == of);
                known(&|cell| described.contains(cell))
                    .or_else(|| described.first().cloned())
                    .or_else(|| known(&named))
                    .unwrap_or_else(|| Cell::Entity(of.clone(), "some".to_owned()))
            }
            Type::Set(_) => Cell::Set(Vec::new()),
            Type::Record(attrs) => Cell::Record(
                attrs
                    .iter()
                    .filter(|(_, attr)| attr.required)
                    .map(|(name, attr)| (name.clone(), self.first_value(name, &attr.of)))
                    .collect(),
            ),
            Type::Decimal => Cell::Decimal(0),
            Type::Datetime => Cell::Datetime(now),
            Type::Duration => Cell::Duration(0),
            Type::Ip => ext::parse_ip(b"192.0.2.1").map_or(Cell::Long(0), Cell::Ip),
        }
    }

    /// The entities of a type that are described: the request's first, then the catalogue's.
    fn entities_of(&self, of: &str) -> impl Iterator<Item = Cell> {
        let ours = self.world.entities.keys();
        ours.chain(self.program.entities.keys())
            .filter(move |(its, _)| its == of)
            .map(|(of, id)| Cell::Entity(of.clone(), id.clone()))
    }

    pub(super) fn alternatives(&self, expr: &Expr) -> Vec<Cell> {
        let ExprKind::GetAttr { attr, .. } = expr.expr_kind() else {
            return Vec::new();
        };
        let current = self.value(expr);
        let mut out: Vec<Cell> = match &current {
            Some(Cell::Bool(value)) => vec![Cell::Bool(!value)],
            Some(
                value @ (Cell::Long(_) | Cell::Decimal(_) | Cell::Datetime(_) | Cell::Duration(_)),
            ) => [1, -1]
                .into_iter()
                .filter_map(|by| shifted(value, by))
                .collect(),
            _ => Vec::new(),
        };
        out.extend(
            self.domain
                .get(attr.as_str())
                .into_iter()
                .flatten()
                .cloned(),
        );
        match &current {
            Some(Cell::Entity(of, _)) => {
                out.extend(self.wanted_entities(of));
                out.extend(self.entities_of(of));
            }
            Some(Cell::Str(_)) | None => out.push(Cell::Str(SOME_TEXT.to_owned())),
            Some(Cell::Set(_)) => out.push(Cell::Str(SOME_TEXT.to_owned())),
            _ => {}
        }
        let mut known = BTreeSet::new();
        out.retain(|value| Some(value) != current.as_ref() && known.insert(value.clone()));
        out.truncate(ALTERNATIVES);
        out
    }

    /// Entities that stand in sets of the request: a condition may ask whether one is there.
    fn wanted_entities(&self, of: &str) -> Vec<Cell> {
        let rows = self
            .world
            .entities
            .values()
            .flat_map(|row| row.attrs.values());
        let sets = rows.filter_map(|value| match value {
            Cell::Set(items) => Some(items),
            _ => None,
        });
        let fits = |item: &&Cell| matches!(item, Cell::Entity(its, _) if its == of);
        sets.flatten().filter(fits).cloned().collect()
    }
}

pub(super) fn with(set: &[Cell], more: &[Cell]) -> Vec<Cell> {
    let mut out = set.to_vec();
    for item in more {
        if !out.contains(item) {
            out.push(item.clone());
        }
    }
    out
}

pub(super) fn without(set: &[Cell], less: &[Cell]) -> Vec<Cell> {
    let stays = |item: &&Cell| !less.contains(item);
    set.iter().filter(stays).cloned().collect()
}

/// A number, an instant or a period, moved; none where it cannot be.
pub(super) fn shifted(cell: &Cell, by: i64) -> Option<Cell> {
    Some(match cell {
        Cell::Long(value) => Cell::Long(value.checked_add(by)?),
        Cell::Decimal(value) => Cell::Decimal(value.checked_add(by)?),
        Cell::Datetime(value) => Cell::Datetime(value.checked_add(by)?),
        Cell::Duration(value) => Cell::Duration(value.checked_add(by)?),
        _ => return None,
    })
}
