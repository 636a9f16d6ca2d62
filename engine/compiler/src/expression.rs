//! From Cedar's expressions to the engine's instructions.

use avow_engine::{
    code::{Function, Op},
    ext,
    format::Cell,
};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, PatternElem, UnaryOp, Var};

use crate::program::{Instruction, Path, Uid};

/// What of the language has no lowering, and where it stands.
pub(crate) struct Unlowered {
    pub(crate) what: String,
    pub(crate) span: Option<std::ops::Range<usize>>,
}

/// The instructions that leave an expression's value on the stack.
pub(crate) fn lower(expr: &Expr) -> Result<Vec<Instruction>, Unlowered> {
    let mut code = Vec::new();
    Lowering { code: &mut code }.expr(expr)?;
    Ok(code)
}

pub(crate) fn uid(euid: &cedar_policy_core::ast::EntityUID) -> Uid {
    let id: &str = euid.eid().as_ref();
    (euid.entity_type().to_string(), id.to_owned())
}

struct Lowering<'a> {
    code: &'a mut Vec<Instruction>,
}

type Result_ = Result<(), Unlowered>;

impl Lowering<'_> {
    fn expr(&mut self, expr: &Expr) -> Result_ {
        if let Some(constant) = constant(expr) {
            self.push(Instruction::Const(constant));
            return Ok(());
        }
        if let Some(path) = path(expr) {
            self.push(Instruction::Read(path));
            return Ok(());
        }
        match expr.expr_kind() {
            // What has a constant or a path is done.
            ExprKind::Lit(_) | ExprKind::Var(_) => {}
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => {
                self.expr(test_expr)?;
                let to_else = self.jump(Op::If);
                self.expr(then_expr)?;
                let to_end = self.jump(Op::Jump);
                self.land(to_else);
                self.expr(else_expr)?;
                self.land(to_end);
                if moves(expr) {
                    self.push(Instruction::Plain(Op::Still));
                }
            }
            ExprKind::And { left, right } => self.short_circuit(Op::And, left, right)?,
            ExprKind::Or { left, right } => self.short_circuit(Op::Or, left, right)?,
            ExprKind::UnaryApp { op, arg } => {
                self.expr(arg)?;
                self.push(Instruction::Plain(match op {
                    UnaryOp::Not => Op::Not,
                    UnaryOp::Neg => Op::Negate,
                    UnaryOp::IsEmpty => Op::IsEmpty,
                }));
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let op = binary(*op);
                match (constant(arg1), constant(arg2)) {
                    (_, Some(right)) if op.compares() => {
                        self.expr(arg1)?;
                        self.push(Instruction::With(op, right, true));
                    }
                    (Some(left), _) if op.compares() && op != Op::In => {
                        self.expr(arg2)?;
                        self.push(Instruction::With(op, left, false));
                    }
                    _ => {
                        self.expr(arg1)?;
                        self.expr(arg2)?;
                        self.push(Instruction::Plain(op));
                    }
                }
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let name = fn_name.to_string();
                let function = Function::from_name(&name)
                    .ok_or_else(|| unlowered(expr, format!("the function `{name}`")))?;
                for arg in args.iter() {
                    self.expr(arg)?;
                }
                // With another number of arguments than it takes, it fails where it is called.
                self.push(Instruction::Call(function, args.len()));
            }
            ExprKind::GetAttr { expr, attr } => {
                self.expr(expr)?;
                self.push(Instruction::Named(Op::Attribute, attr.to_string()));
            }
            ExprKind::HasAttr { expr, attr } => {
                self.expr(expr)?;
                self.push(Instruction::Named(Op::Has, attr.to_string()));
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                self.expr(expr)?;
                let mut steps = Vec::new();
                for (i, attr) in attrs.iter().enumerate() {
                    if i + 1 == attrs.len() {
                        self.push(Instruction::Named(Op::Has, attr.to_string()));
                    } else {
                        steps.push(self.code.len());
                        self.push(Instruction::HasStep(attr.to_string(), 0));
                    }
                }
                for step in steps {
                    self.land(step);
                }
            }
            ExprKind::Like { expr, pattern } => {
                self.expr(expr)?;
                self.push(Instruction::Like(parts(pattern.iter())));
            }
            ExprKind::Is { expr, entity_type } => {
                self.expr(expr)?;
                self.push(Instruction::Named(Op::Is, entity_type.to_string()));
            }
            ExprKind::Set(items) => {
                for item in items.iter() {
                    self.expr(item)?;
                }
                self.push(Instruction::Set(items.len()));
            }
            ExprKind::Record(fields) => {
                for value in fields.values() {
                    self.expr(value)?;
                }
                let keys = fields.keys().map(ToString::to_string).collect();
                self.push(Instruction::Record(keys));
            }
            ExprKind::Slot(slot) => {
                return Err(unlowered(expr, format!("the template slot `{slot}`")));
            }
            ExprKind::Unknown(_) => {
                return Err(unlowered(expr, "an unknown of partial evaluation"));
            }
        }
        Ok(())
    }

    fn short_circuit(&mut self, op: Op, left: &Expr, right: &Expr) -> Result_ {
        self.expr(left)?;
        let to_end = self.jump(op);
        self.expr(right)?;
        // The right side must be a bool too; most expressions can be nothing else.
        if !gives_bool(right) {
            self.push(Instruction::Plain(Op::Bool));
        }
        self.land(to_end);
        Ok(())
    }

    fn push(&mut self, instruction: Instruction) {
        self.code.push(instruction);
    }

    fn jump(&mut self, op: Op) -> usize {
        self.push(Instruction::Jump(op, 0));
        self.code.len() - 1
    }

    /// Lets a jump lead to the next instruction.
    fn land(&mut self, jump: usize) {
        let here = self.code.len();
        match self.code.get_mut(jump) {
            Some(Instruction::Jump(_, target)) => *target = here,
            Some(Instruction::HasStep(_, distance)) => *distance = here - jump,
            _ => {}
        }
    }
}

fn unlowered(expr: &Expr, what: impl Into<String>) -> Unlowered {
    let span = expr.source_loc().map(|loc| loc.start()..loc.end());
    Unlowered {
        what: what.into(),
        span,
    }
}

/// The path of an expression that reads a variable, or an attribute of what a path reads.
fn path(expr: &Expr) -> Option<Path> {
    let variable = |number| {
        Some(Path {
            variable: number,
            names: Vec::new(),
        })
    };
    match expr.expr_kind() {
        ExprKind::Var(Var::Principal) => variable(0),
        ExprKind::Var(Var::Action) => variable(1),
        ExprKind::Var(Var::Resource) => variable(2),
        ExprKind::Var(Var::Context) => variable(3),
        ExprKind::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.names.push(attr.to_string());
            Some(path)
        }
        _ => None,
    }
}

fn binary(op: BinaryOp) -> Op {
    match op {
        BinaryOp::Eq => Op::Equal,
        BinaryOp::Less => Op::Less,
        BinaryOp::LessEq => Op::LessEqual,
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Subtract,
        BinaryOp::Mul => Op::Multiply,
        BinaryOp::In => Op::In,
        BinaryOp::Contains => Op::Contains,
        BinaryOp::ContainsAll => Op::ContainsAll,
        BinaryOp::ContainsAny => Op::ContainsAny,
        BinaryOp::GetTag => Op::GetTag,
        BinaryOp::HasTag => Op::HasTag,
    }
}

fn gives_bool(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::Bool(_))
        | ExprKind::And { .. }
        | ExprKind::Or { .. }
        | ExprKind::HasAttr { .. }
        | ExprKind::ExtHasAttr { .. }
        | ExprKind::Like { .. }
        | ExprKind::Is { .. } => true,
        ExprKind::UnaryApp { op, .. } => !matches!(op, UnaryOp::Neg),
        ExprKind::BinaryApp { op, .. } => !matches!(
            op,
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag
        ),
        _ => false,
    }
}

/// Whether an expression's value may be the clock's, or hold the clock.
fn moves(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Var(Var::Context) => true,
        ExprKind::GetAttr { expr, attr } => attr == "now" && moves(expr),
        ExprKind::If {
            then_expr,
            else_expr,
            ..
        } => moves(then_expr) || moves(else_expr),
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().any(moves),
        _ => false,
    }
}

/// The value of an expression that has one without a request and cannot fail.
pub(crate) fn constant(expr: &Expr) -> Option<Cell> {
    Some(match expr.expr_kind() {
        ExprKind::Lit(literal) => match literal {
            Literal::Bool(value) => Cell::Bool(*value),
            Literal::Long(value) => Cell::Long(*value),
            Literal::String(text) => Cell::Str(text.to_string()),
            Literal::EntityUID(euid) => {
                let (type_name, id) = uid(euid);
                Cell::Entity(type_name, id)
            }
        },
        ExprKind::Set(items) => Cell::Set(items.iter().map(constant).collect::<Option<_>>()?),
        ExprKind::Record(fields) => Cell::Record(
            fields
                .iter()
                .map(|(key, value)| Some((key.to_string(), constant(value)?)))
                .collect::<Option<_>>()?,
        ),
        // A constructor is folded only where its text is a value: a bad one is an error of the rule, at run time.
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            let [arg] = args.as_slice() else {
                return None;
            };
            let ExprKind::Lit(Literal::String(text)) = arg.expr_kind() else {
                return None;
            };
            match Function::from_name(&fn_name.to_string())? {
                Function::Decimal => Cell::Decimal(ext::parse_decimal(text.as_bytes())?),
                Function::Datetime => Cell::Datetime(ext::parse_datetime(text.as_bytes())?),
                Function::Duration => Cell::Duration(ext::parse_duration(text.as_bytes())?),
                Function::Ip => Cell::Ip(ext::parse_ip(text.as_bytes())?),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// The texts between a pattern's wildcards.
pub(crate) fn parts<'a>(pattern: impl Iterator<Item = &'a PatternElem>) -> Vec<String> {
    let mut parts = vec![String::new()];
    for element in pattern {
        match (element, parts.last_mut()) {
            (PatternElem::Char(c), Some(last)) => last.push(*c),
            _ => parts.push(String::new()),
        }
    }
    parts
}
