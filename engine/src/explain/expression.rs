//! Code, read back into the expression that it was lowered from.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    Condition,
    value::{self, Seen, quoted},
};
use crate::{
    block::kind,
    bundle::{Bundle, layout},
    code::{Function, INSTRUCTION_BYTES, Instruction, Op, Right, Sides},
    store::{Span, Value},
    trace::READING,
};

/// An expression, and the instruction that leaves its value.
pub(super) struct Expression<'a> {
    at: u32,
    node: Node<'a>,
}

enum Node<'a> {
    /// A constant or a variable.
    Plain(String),
    And(Box<Expression<'a>>, Box<Expression<'a>>),
    Or(Box<Expression<'a>>, Box<Expression<'a>>),
    If(Box<[Expression<'a>; 3]>),
    Not(Box<Expression<'a>>),
    /// An infix operator.
    Infix(&'static str, Box<[Expression<'a>; 2]>),
    /// What is written after its operand: an attribute, `has`, `like`, `is`.
    Suffix(Box<Expression<'a>>, String),
    /// A method, its receiver first; or a constructor.
    Call(&'static str, Vec<Expression<'a>>),
    Negate(Box<Expression<'a>>),
    Set(Vec<Expression<'a>>),
    Record(Vec<(&'a str, Expression<'a>)>),
}

impl<'a> Expression<'a> {
    /// The expression of a rule's code; none for a rule without conditions.
    pub(super) fn read(bundle: &'a Bundle, code: Span) -> Option<Self> {
        let reader = Reader { bundle, code };
        reader.range(0, code.len)
    }

    fn value<'s>(&self, seen: &'s BTreeMap<u32, Seen>) -> Option<&'s Seen> {
        match &self.node {
            // Its value is that of the left side where that decides, else of the right.
            Node::And(left, right) | Node::Or(left, right) => {
                let decisive = matches!(self.node, Node::Or(..));
                let left = left.value(seen)?;
                match left.holds == Some(decisive) {
                    true => Some(left),
                    false => right.value(seen),
                }
            }
            Node::If(parts) => {
                let [_, then, other] = parts.as_ref();
                then.value(seen).or_else(|| other.value(seen))
            }
            _ => seen.get(&self.at),
        }
    }

    fn holds(&self, seen: &BTreeMap<u32, Seen>) -> Option<bool> {
        self.value(seen)?.holds
    }

    /// The conditions by which the expression came to its value.
    pub(super) fn reasons(&self, seen: &BTreeMap<u32, Seen>, out: &mut Vec<Condition>) {
        match &self.node {
            Node::And(left, right) | Node::Or(left, right) => {
                let decisive = matches!(self.node, Node::Or(..));
                let sides = [left, right];
                // One side that decides is the reason alone; where none does, both are.
                match sides.iter().find(|side| side.holds(seen) == Some(decisive)) {
                    Some(side) => side.reasons(seen, out),
                    None => sides.iter().for_each(|side| side.reasons(seen, out)),
                }
            }
            Node::If(parts) => {
                parts
                    .iter()
                    .filter(|part| part.value(seen).is_some())
                    .for_each(|part| part.reasons(seen, out));
            }
            Node::Not(inner) => inner.reasons(seen, out),
            _ => out.push(self.condition(seen)),
        }
    }

    /// The innermost expression whose value is missing although all of its parts have one: there it failed.
    pub(super) fn failure(&self, seen: &BTreeMap<u32, Seen>, out: &mut Vec<Condition>) {
        let parts = self.parts();
        let open = |part: &&&Expression<'a>| part.value(seen).is_none() && part.began(seen);
        let before = parts
            .iter()
            .take_while(|part| part.value(seen).is_some())
            .count();
        match parts.get(before..).unwrap_or_default().iter().find(open) {
            Some(part) => part.failure(seen, out),
            None => match parts.get(before) {
                // Nothing of the part has a value, so it failed in its very beginning.
                Some(part) if !matches!(part.node, Node::Plain(_)) && before < parts.len() => {
                    part.failure(seen, out);
                }
                _ => out.push(self.condition(seen)),
            },
        }
    }

    /// Whether any part of it was evaluated.
    fn began(&self, seen: &BTreeMap<u32, Seen>) -> bool {
        seen.contains_key(&self.at) || self.parts().iter().any(|part| part.began(seen))
    }

    fn condition(&self, seen: &BTreeMap<u32, Seen>) -> Condition {
        let mut saw = BTreeMap::new();
        for part in self.parts() {
            part.note(seen, &mut saw);
        }
        Condition {
            condition: self.text(),
            value: self.holds(seen),
            saw,
        }
    }

    /// What a part was, unless its text says it already.
    fn note(&self, seen: &BTreeMap<u32, Seen>, saw: &mut BTreeMap<String, String>) {
        let text = self.text();
        match self.value(seen) {
            Some(value) if value.text != text && text != "context" => {
                saw.insert(text, value.text.clone());
            }
            Some(_) => {}
            None => {
                for part in self.parts() {
                    part.note(seen, saw);
                }
            }
        }
    }

    fn parts(&self) -> Vec<&Expression<'a>> {
        match &self.node {
            Node::Plain(_) => Vec::new(),
            Node::And(a, b) | Node::Or(a, b) => Vec::from([a.as_ref(), b.as_ref()]),
            Node::If(parts) => parts.iter().collect(),
            Node::Infix(_, parts) => parts.iter().collect(),
            Node::Not(inner) | Node::Negate(inner) | Node::Suffix(inner, _) => {
                Vec::from([inner.as_ref()])
            }
            Node::Call(_, parts) | Node::Set(parts) => parts.iter().collect(),
            Node::Record(fields) => fields.iter().map(|(_, part)| part).collect(),
        }
    }

    /// In Cedar's notation.
    pub(super) fn text(&self) -> String {
        match &self.node {
            Node::Plain(text) => text.clone(),
            Node::And(a, b) => format!("{} && {}", a.inner(), b.inner()),
            Node::Or(a, b) => format!("{} || {}", a.inner(), b.inner()),
            Node::If(parts) => {
                let [test, then, other] = parts.as_ref().each_ref().map(Expression::text);
                format!("if {test} then {then} else {other}")
            }
            Node::Not(inner) => format!("!{}", inner.inner()),
            Node::Negate(inner) => format!("-{}", inner.inner()),
            Node::Infix(op, parts) => {
                let [a, b] = parts.as_ref().each_ref().map(Expression::inner);
                format!("{a} {op} {b}")
            }
            Node::Suffix(inner, suffix) => format!("{}{suffix}", inner.inner()),
            Node::Call(name, parts) => {
                let mut texts = parts.iter().map(Expression::inner);
                let constructs = matches!(*name, "decimal" | "datetime" | "duration" | "ip");
                let receiver = if constructs { None } else { texts.next() };
                let arguments = texts.collect::<Vec<_>>().join(", ");
                match receiver {
                    Some(receiver) => format!("{receiver}.{name}({arguments})"),
                    None => format!("{name}({arguments})"),
                }
            }
            Node::Set(items) => {
                let items: Vec<_> = items.iter().map(Expression::text).collect();
                format!("[{}]", items.join(", "))
            }
            Node::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| format!("{}: {}", quoted(name), value.text()))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    /// As an operand.
    fn inner(&self) -> String {
        let text = self.text();
        let is_has = matches!(&self.node, Node::Suffix(_, suffix) if suffix.starts_with(' '));
        match self.node {
            Node::And(..) | Node::Or(..) | Node::If(_) | Node::Infix(..) => format!("({text})"),
            _ if is_has => format!("({text})"),
            _ => text,
        }
    }
}

/// Stands for the instruction of an operand that has none of its own.
const NOWHERE: u32 = u32::MAX;

fn both<'a>(is_or: bool, left: Expression<'a>, right: Expression<'a>) -> Node<'a> {
    let (left, right) = (Box::new(left), Box::new(right));
    match is_or {
        true => Node::Or(left, right),
        false => Node::And(left, right),
    }
}

struct Reader<'a> {
    bundle: &'a Bundle,
    code: Span,
}

impl<'a> Reader<'a> {
    fn instruction(&self, at: u32) -> Option<Instruction> {
        let code = self.bundle.section(layout::CODE);
        Instruction::decode(code, (self.code.start + at) as usize * INSTRUCTION_BYTES)
    }

    /// The expression that instructions `at..end` leave.
    fn range(&self, mut at: u32, end: u32) -> Option<Expression<'a>> {
        let mut stack: Vec<Expression<'a>> = Vec::new();
        while at < end {
            let i = self.instruction(at)?;
            let mut next = at + 1;
            let node = match i.op() {
                Op::Const => Node::Plain(constant(self.bundle, self.bundle.store.cell(i.c()))),
                Op::Read => {
                    stack.push(self.reading(i.c())?);
                    at = next;
                    continue;
                }
                Op::And | Op::Or => {
                    let left = stack.pop()?;
                    let right = self.range(next, i.c())?;
                    next = i.c();
                    both(i.op() == Op::Or, left, right)
                }
                Op::If => {
                    let test = stack.pop()?;
                    let jump = i.c().checked_sub(1)?;
                    let after = self.instruction(jump)?.c();
                    let (then, other) = (self.range(next, jump)?, self.range(i.c(), after)?);
                    next = after;
                    Node::If(Box::new([test, then, other]))
                }
                // The value stays what it is.
                Op::Bool | Op::Still => {
                    at = next;
                    continue;
                }
                Op::HasStep => {
                    let base = Box::new(stack.pop()?);
                    let mut names = Vec::new();
                    let last = at + u32::from(i.b());
                    while next <= last {
                        names.push(self.bundle.string(self.instruction(next - 1)?.c()));
                        next += 1;
                    }
                    next = last;
                    Node::Suffix(base, format!(" has {}", names.join(".")))
                }
                op if op.compares() => {
                    let sides = Sides::of(i)?;
                    let node = self.comparison(i, sides, &mut stack)?;
                    if sides.ahead == 0 {
                        node
                    } else {
                        let left = Expression {
                            at: self.code.start + at,
                            node,
                        };
                        let target = at + sides.ahead;
                        let right = self.range(next, target)?;
                        next = target;
                        both(sides.is_or, left, right)
                    }
                }
                _ => self.operator(i, &mut stack)?,
            };
            // The one value of `has a.b` is left by the last instruction, or by the step that found nothing.
            let left_by = match i.op() {
                Op::HasStep => next - 1,
                _ => at,
            };
            stack.push(Expression {
                at: self.code.start + left_by,
                node,
            });
            at = next;
        }
        stack.pop()
    }

    /// The expression that a reading is of.
    fn reading(&self, number: u32) -> Option<Expression<'a>> {
        let node = match ["principal", "action", "resource", "context"].get(number as usize) {
            Some(variable) => Node::Plain((*variable).to_owned()),
            None => {
                let (from, name) = self.bundle.reading(number);
                let suffix = format!(".{}", self.bundle.string(name));
                Node::Suffix(Box::new(self.reading(from)?), suffix)
            }
        };
        Some(Expression {
            at: READING | number,
            node,
        })
    }

    fn comparison(
        &self,
        i: Instruction,
        sides: Sides,
        stack: &mut Vec<Expression<'a>>,
    ) -> Option<Node<'a>> {
        let right = match sides.right {
            Right::Stack => stack.pop()?,
            Right::Constant => Expression {
                at: NOWHERE,
                node: Node::Plain(constant(self.bundle, self.bundle.store.cell(i.c()))),
            },
            Right::Reading => self.reading(i.c())?,
        };
        let left = match sides.left {
            Some(reading) => self.reading(reading)?,
            None => stack.pop()?,
        };
        let op = match (i.op(), sides.negated) {
            (Op::Equal, true) => "!=",
            (Op::Less, true) => ">=",
            (Op::LessEqual, true) => ">",
            (op, _) => infix(op)?,
        };
        Some(Node::Infix(op, Box::new([left, right])))
    }

    fn operator(&self, i: Instruction, stack: &mut Vec<Expression<'a>>) -> Option<Node<'a>> {
        let name = || self.bundle.string(i.c());
        let count = match i.op() {
            Op::Set => i.c() as usize,
            Op::Record | Op::Call => usize::from(i.b()),
            _ => 1,
        };
        if let Some(op) = infix(i.op()) {
            let b = stack.pop()?;
            return Some(Node::Infix(op, Box::new([stack.pop()?, b])));
        }
        if let Some(method) = method(i.op()) {
            let b = stack.pop()?;
            return Some(Node::Call(method, Vec::from([stack.pop()?, b])));
        }
        let mut parts = stack.split_off(stack.len().checked_sub(count)?);
        Some(match i.op() {
            Op::Set => Node::Set(parts),
            Op::Record => {
                let cells = (i.c()..).map(|cell| self.bundle.store.cell(cell).key);
                let names = cells.map(|name| self.bundle.string(name));
                Node::Record(names.zip(parts).collect())
            }
            Op::Call => Node::Call(Function::ALL.get(usize::from(i.a()))?.name(), parts),
            op => {
                let part = Box::new(parts.pop()?);
                match op {
                    Op::Not => Node::Not(part),
                    Op::Negate => Node::Negate(part),
                    Op::IsEmpty => Node::Call("isEmpty", Vec::from([*part])),
                    Op::Attribute => Node::Suffix(part, format!(".{}", name())),
                    Op::Has => Node::Suffix(part, format!(" has {}", name())),
                    Op::Is => Node::Suffix(part, format!(" is {}", name())),
                    Op::Like => Node::Suffix(part, format!(" like {}", self.pattern(i))),
                    _ => return None,
                }
            }
        })
    }

    fn pattern(&self, i: Instruction) -> String {
        let store = &self.bundle.store;
        let parts = (i.c()..i.c() + u32::from(i.b())).map(|cell| {
            let text = core::str::from_utf8(store.text(store.cell(cell).payload));
            let text = quoted(text.unwrap_or_default());
            text.trim_start_matches('"')
                .strip_suffix('"')
                .unwrap_or_default()
                .replace('*', "\\*")
        });
        format!("\"{}\"", parts.collect::<Vec<_>>().join("*"))
    }
}

fn infix(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::Equal => "==",
        Op::Less => "<",
        Op::LessEqual => "<=",
        Op::Add => "+",
        Op::Subtract => "-",
        Op::Multiply => "*",
        Op::In => "in",
        _ => return None,
    })
}

fn method(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::Contains => "contains",
        Op::ContainsAll => "containsAll",
        Op::ContainsAny => "containsAny",
        Op::GetTag => "getTag",
        Op::HasTag => "hasTag",
        _ => return None,
    })
}

fn constant(bundle: &Bundle, value: Value) -> String {
    let store = &bundle.store;
    let parts = |of: fn(&Bundle, &Value) -> String| {
        let items: Vec<_> = store
            .items(value.span())
            .iter()
            .map(|v| of(bundle, v))
            .collect();
        items.join(", ")
    };
    let number = value.payload.cast_signed();
    match value.kind {
        kind::BOOL => (number != 0).to_string(),
        kind::LONG => number.to_string(),
        kind::STRING => quoted(core::str::from_utf8(store.text(value.payload)).unwrap_or_default()),
        kind::ENTITY => {
            let (type_name, id) = bundle.uid(value.payload as u32);
            format!("{type_name}::{}", quoted(id))
        }
        kind::DECIMAL => format!("decimal(\"{}\")", value::decimal(number)),
        kind::DATETIME => format!("datetime(\"{}\")", value::datetime(number)),
        kind::DURATION => format!("duration(\"{number}ms\")"),
        kind::IP => {
            let text = value::ip(store.text(value.payload)).unwrap_or_default();
            format!("ip(\"{text}\")")
        }
        kind::SET => format!("[{}]", parts(|bundle, item| constant(bundle, *item))),
        kind::RECORD => format!(
            "{{{}}}",
            parts(|bundle, item| {
                let name = quoted(bundle.string(item.key));
                format!("{name}: {}", constant(bundle, *item))
            })
        ),
        _ => String::new(),
    }
}
