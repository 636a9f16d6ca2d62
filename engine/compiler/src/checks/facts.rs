//! What the catalogue knows of a thing before anything is asked about it.

use avow_engine::format::Cell;
use cedar_policy_core::ast::{Expr, ExprKind, Var};

use super::{formula::literal_uid, view::View};
use crate::program::{Type, Uid};

/// The type of entities that stand for classes of records.
pub(super) const RECORD_CLASS: &str = "Avow::RecordClass";

/// Types of the entities that the catalogue describes whole.
const DESCRIBED: [&str; 4] = [
    "Avow::Purpose",
    "Avow::Processor",
    "Avow::Service",
    "Avow::Storage",
];

/// What is supposed of the resource that is asked about.
#[derive(Clone, Copy)]
pub(super) enum Supposed<'a> {
    /// It is this entry of the catalogue.
    Is(&'a Uid),
    /// Its attributes, by name, have these values.
    Has(&'a [(String, Cell)]),
}

impl View<'_> {
    /// The value of an expression, by what is supposed and by the catalogue.
    pub(super) fn value(&self, supposed: Supposed<'_>, expr: &Expr) -> Option<Cell> {
        let entity = |uid: &Uid| Cell::Entity(uid.0.clone(), uid.1.clone());
        match expr.expr_kind() {
            ExprKind::Lit(_) => literal_uid(expr).as_ref().map(entity),
            ExprKind::Var(Var::Resource) => match supposed {
                Supposed::Is(uid) => Some(entity(uid)),
                Supposed::Has(_) => None,
            },
            ExprKind::GetAttr { expr: of, attr } => {
                if let (Supposed::Has(attrs), ExprKind::Var(Var::Resource)) =
                    (supposed, of.expr_kind())
                {
                    let found = attrs
                        .iter()
                        .find(|(name, _)| name.as_str() == attr.as_str());
                    return found.map(|(_, cell)| cell.clone());
                }
                let row = self.described(&self.value(supposed, of)?)?;
                row.attrs.get(attr.as_str()).cloned()
            }
            ExprKind::HasAttr { expr: of, attr } => {
                let row = self.described(&self.value(supposed, of)?)?;
                Some(Cell::Bool(row.attrs.contains_key(attr.as_str())))
            }
            _ => None,
        }
    }

    fn described(&self, cell: &Cell) -> Option<&avow_engine::format::EntityRow> {
        match cell {
            Cell::Entity(of, id) if DESCRIBED.contains(&of.as_str()) => {
                self.read.program.entities.get(&(of.clone(), id.clone()))
            }
            _ => None,
        }
    }

    /// The attribute of a type that says of which class a record is.
    pub(super) fn class_attribute(&self, type_name: &str) -> Option<&str> {
        let of = self.read.program.schema.entity_types.get(type_name)?;
        of.attrs
            .iter()
            .find(|(_, attr)| attr.required && attr.of == Type::Entity(RECORD_CLASS.to_owned()))
            .map(|(name, _)| name.as_str())
    }

    /// Whether a type has this attribute in any case.
    pub(super) fn requires(&self, type_name: &str, attr: &str) -> bool {
        let of = self.read.program.schema.entity_types.get(type_name);
        of.is_some_and(|of| of.attrs.get(attr).is_some_and(|attr| attr.required))
    }
}
