//! Rules as their text has them: what stands where, in bytes of the file.
//!
//! Cedar's parser reads the text; of its many layers only what somebody can point at or change is kept. Lowered rules say what
//! a rule means and no longer how it is written, so whoever measures or changes a text starts here.

use std::ops::Range;

use cedar_policy_core::parser::{
    Node,
    cst::{self, AddOp, MemAccess, MultOp, NegOp, RelOp},
    text_to_cst,
};

/// Bytes of a file.
pub(crate) type Span = Range<usize>;

/// A policy or a template.
#[derive(Debug)]
pub(crate) struct Policy {
    /// With its annotations and the semicolon.
    pub(crate) span: Span,
    pub(crate) annotations: Vec<Annotation>,
    /// The word `permit` or `forbid`.
    pub(crate) effect: Span,
    pub(crate) forbids: bool,
    /// Principal, action, resource.
    pub(crate) scope: Vec<Part>,
    pub(crate) conditions: Vec<Condition>,
}

/// `@key("value")`
#[derive(Debug)]
pub(crate) struct Annotation {
    pub(crate) span: Span,
    pub(crate) key: String,
}

/// A variable of the scope, and what it is held to.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) variable: Span,
    /// The type that it is.
    pub(crate) of: Option<Span>,
    /// What it equals or is in; the operator's kind does not matter to anybody here.
    pub(crate) entity: Option<Expr>,
}

/// `when { … }` or `unless { … }`
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) span: Span,
    pub(crate) word: Span,
    pub(crate) unless: bool,
    pub(crate) expr: Expr,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Two operands at least, as in `And`.
    Or(Vec<Expr>),
    And(Vec<Expr>),
    /// Test, then, else.
    If(Box<[Expr; 3]>),
    /// One `!` or more.
    Not(Box<Expr>),
    Relation(RelOp, Box<[Expr; 2]>),
    Has(Box<Expr>),
    Like(Box<Expr>),
    /// With the bytes of the type.
    Is(Box<Expr>, Span, Option<Box<Expr>>),
    /// Operands of `+` and `-`; which one stands before each but the first.
    Sum(Vec<Expr>, Vec<AddOp>),
    /// Operands of `*`, and negated numbers.
    Product(Vec<Expr>),
    Member(Box<Expr>, Vec<Step>),
    Group(Box<Expr>),
    Set(Vec<Expr>),
    Record(Vec<Expr>),
    /// Type and id.
    Entity(String, String),
    Str,
    Number(u64),
    Bool(bool),
    /// A variable, the name of a function or a key.
    Name(String),
    Slot(Slot),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Principal,
    Resource,
}

/// What follows a value.
#[derive(Debug)]
pub(crate) enum Step {
    /// `.name`, with the bytes of the name.
    Field(String, Span),
    /// `(…)`
    Call(Vec<Expr>),
    /// `[…]`
    Index(Expr),
}

/// The policies of a text, in its order; none where Cedar does not parse it.
pub(crate) fn parse(text: &str) -> Option<Vec<Policy>> {
    let policies = text_to_cst::parse_policies(text).ok()?;
    policies.as_inner()?.0.iter().map(policy).collect()
}

impl Expr {
    /// What is evaluated to get its value, in that order.
    pub(crate) fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Or(all)
            | Kind::And(all)
            | Kind::Sum(all, _)
            | Kind::Product(all)
            | Kind::Set(all)
            | Kind::Record(all) => all.iter().collect(),
            Kind::If(parts) => parts.iter().collect(),
            Kind::Relation(_, sides) => sides.iter().collect(),
            Kind::Not(of) | Kind::Has(of) | Kind::Like(of) | Kind::Group(of) => vec![of],
            Kind::Is(of, _, within) => {
                let within = within.as_deref();
                [&**of].into_iter().chain(within).collect()
            }
            Kind::Member(of, steps) => {
                let steps = steps.iter().flat_map(|step| match step {
                    Step::Field(..) => [].iter(),
                    Step::Call(args) => args.iter(),
                    Step::Index(key) => std::slice::from_ref(key).iter(),
                });
                [&**of].into_iter().chain(steps).collect()
            }
            Kind::Entity(..)
            | Kind::Str
            | Kind::Number(_)
            | Kind::Bool(_)
            | Kind::Name(_)
            | Kind::Slot(_) => Vec::new(),
        }
    }

    /// Visits it and what it is made of, outermost first.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.visit(visit);
        }
    }

    /// Without the parentheses around it.
    pub(crate) fn bare(&self) -> &Expr {
        match &self.kind {
            Kind::Group(inner) => inner.bare(),
            _ => self,
        }
    }
}

type Cst<T> = Node<Option<T>>;

fn span<T>(node: &Cst<T>) -> Option<Span> {
    node.loc().map(|loc| loc.start()..loc.end())
}

fn policy(node: &Cst<cst::Policy>) -> Option<Policy> {
    let cst::Policy::Policy(of) = node.as_inner()?;
    Some(Policy {
        span: span(node)?,
        annotations: of
            .annotations
            .iter()
            .map(|node| {
                Some(Annotation {
                    span: span(node)?,
                    key: node.as_inner()?.key.as_inner()?.to_string(),
                })
            })
            .collect::<Option<_>>()?,
        effect: span(&of.effect)?,
        forbids: *of.effect.as_inner()? == cst::Ident::Forbid,
        scope: of.variables.iter().map(part).collect::<Option<_>>()?,
        conditions: of.conds.iter().map(condition).collect::<Option<_>>()?,
    })
}

fn part(node: &Cst<cst::VariableDef>) -> Option<Part> {
    let def = node.as_inner()?;
    Some(Part {
        span: span(node)?,
        variable: span(&def.variable)?,
        of: def.entity_type.as_ref().and_then(span),
        entity: match &def.ineq {
            Some((_, entity)) => Some(expr(entity)?),
            None => None,
        },
    })
}

fn condition(node: &Cst<cst::Cond>) -> Option<Condition> {
    let cond = node.as_inner()?;
    Some(Condition {
        span: span(node)?,
        word: span(&cond.cond)?,
        unless: *cond.cond.as_inner()? == cst::Ident::Unless,
        expr: expr(cond.expr.as_ref()?)?,
    })
}

fn expr(node: &Cst<cst::Expr>) -> Option<Expr> {
    let cst::Expr::Expr(of) = node.as_inner()?;
    match &*of.expr {
        cst::ExprData::Or(or) => chain(or, or_of),
        cst::ExprData::If(test, yes, no) => Some(Expr {
            span: span(node)?,
            kind: Kind::If(Box::new([expr(test)?, expr(yes)?, expr(no)?])),
        }),
    }
}

fn or_of(or: &cst::Or) -> Option<Result<Kind, Expr>> {
    let and = |node| chain(node, and_of);
    let first = and(&or.initial)?;
    many(first, or.extended.iter().map(and), Kind::Or)
}

fn and_of(of: &cst::And) -> Option<Result<Kind, Expr>> {
    let relation = |node| chain(node, relation_of);
    let first = relation(&of.initial)?;
    many(first, of.extended.iter().map(relation), Kind::And)
}

fn relation_of(of: &cst::Relation) -> Option<Result<Kind, Expr>> {
    let add = |node| chain(node, sum_of);
    let boxed = |node| add(node).map(Box::new);
    Some(Ok(match of {
        cst::Relation::Common { initial, extended } => match extended.as_slice() {
            [] => return Some(Err(add(initial)?)),
            [(op, right)] => Kind::Relation(*op, Box::new([add(initial)?, add(right)?])),
            // Cedar has no chains of comparisons.
            _ => return None,
        },
        cst::Relation::Has { target, .. } => Kind::Has(boxed(target)?),
        cst::Relation::Like { target, .. } => Kind::Like(boxed(target)?),
        cst::Relation::IsIn {
            target,
            entity_type,
            in_entity,
        } => {
            let within = match in_entity {
                Some(entity) => Some(boxed(entity)?),
                None => None,
            };
            Kind::Is(boxed(target)?, span(entity_type)?, within)
        }
    }))
}

fn sum_of(of: &cst::Add) -> Option<Result<Kind, Expr>> {
    let mult = |node| chain(node, product_of);
    let first = mult(&of.initial)?;
    let ops = of.extended.iter().map(|(op, _)| *op).collect();
    let rest = of.extended.iter().map(|(_, node)| mult(node));
    many(first, rest, |all| Kind::Sum(all, ops))
}

fn product_of(of: &cst::Mult) -> Option<Result<Kind, Expr>> {
    let unary = |node| chain(node, unary_of);
    let first = unary(&of.initial)?;
    let rest = of
        .extended
        .iter()
        .map(|(op, node)| unary(node).filter(|_| *op == MultOp::Times));
    many(first, rest, Kind::Product)
}

fn unary_of(of: &cst::Unary) -> Option<Result<Kind, Expr>> {
    let item = chain(&of.item, member_of)?;
    Some(match of.op {
        None => Err(item),
        Some(NegOp::Bang(_)) => Ok(Kind::Not(Box::new(item))),
        Some(NegOp::Dash(_)) => Ok(Kind::Product(vec![item])),
        Some(NegOp::OverBang | NegOp::OverDash) => return None,
    })
}

fn member_of(of: &cst::Member) -> Option<Result<Kind, Expr>> {
    let item = chain(&of.item, primary_of)?;
    if of.access.is_empty() {
        return Some(Err(item));
    }
    let step = |node: &Cst<MemAccess>| {
        Some(match node.as_inner()? {
            MemAccess::Field(name) => Step::Field(name.as_inner()?.to_string(), span(name)?),
            MemAccess::Call(args) => Step::Call(args.iter().map(expr).collect::<Option<_>>()?),
            MemAccess::Index(key) => Step::Index(expr(key)?),
        })
    };
    let steps = of.access.iter().map(step).collect::<Option<_>>()?;
    Some(Ok(Kind::Member(Box::new(item), steps)))
}

fn primary_of(of: &cst::Primary) -> Option<Result<Kind, Expr>> {
    let all = |nodes: &[Cst<cst::Expr>]| nodes.iter().map(expr).collect::<Option<Vec<_>>>();
    Some(Ok(match of {
        cst::Primary::Literal(literal) => match literal.as_inner()? {
            cst::Literal::True => Kind::Bool(true),
            cst::Literal::False => Kind::Bool(false),
            cst::Literal::Num(number) => Kind::Number(*number),
            cst::Literal::Str(_) => Kind::Str,
        },
        cst::Primary::Ref(entity) => match entity.as_inner()? {
            cst::Ref::Uid { path, eid } => {
                let id = match eid.as_inner()? {
                    cst::Str::String(id) | cst::Str::Invalid(id) => id.to_string(),
                };
                Kind::Entity(path.as_inner()?.to_string(), id)
            }
            cst::Ref::Ref { .. } => return None,
        },
        cst::Primary::Name(name) => Kind::Name(name.as_inner()?.to_string()),
        cst::Primary::Slot(slot) => match slot.as_inner()? {
            cst::Slot::Principal => Kind::Slot(Slot::Principal),
            cst::Slot::Resource => Kind::Slot(Slot::Resource),
            cst::Slot::Other(_) => return None,
        },
        cst::Primary::Expr(inner) => Kind::Group(Box::new(expr(inner)?)),
        cst::Primary::EList(items) => Kind::Set(all(items)?),
        cst::Primary::RInits(fields) => {
            let value = |node: &Cst<cst::RecInit>| expr(&node.as_inner()?.1);
            Kind::Record(fields.iter().map(value).collect::<Option<_>>()?)
        }
    }))
}

/// An expression of a layer; what is only handed through keeps the place of what it is.
fn chain<T>(node: &Cst<T>, of: impl Fn(&T) -> Option<Result<Kind, Expr>>) -> Option<Expr> {
    Some(match of(node.as_inner()?)? {
        Ok(kind) => Expr {
            span: span(node)?,
            kind,
        },
        Err(inner) => inner,
    })
}

/// One operand is itself, several are what `kind` makes of them.
fn many(
    first: Expr,
    rest: impl Iterator<Item = Option<Expr>>,
    kind: impl FnOnce(Vec<Expr>) -> Kind,
) -> Option<Result<Kind, Expr>> {
    let mut all = vec![first];
    for operand in rest {
        all.push(operand?);
    }
    Some(match all.len() {
        1 => Err(all.pop()?),
        _ => Ok(kind(all)),
    })
}

#[cfg(test)]
mod tests;
