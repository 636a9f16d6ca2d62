//! The machine that runs a condition's code.
//!
//! A stack of values over the store; one loop, one `match`. Every candidate rule is run to its end, because rules that fail
//! are part of the answer. Semantics are Cedar's: `==` across types is false, `has` and `in` on an entity that nobody
//! described are false, reading from one is an error, integers overflow into errors.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    answer::EvalError,
    bundle::{Bundle, layout},
    bytes::{len32, u32_at},
    code::{Function, Instruction, Op},
    ext,
    store::{Fuel, Span, Store, Texts, Value},
};

/// The four variables of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variables {
    pub(crate) principal: u32,
    pub(crate) action: u32,
    pub(crate) resource: u32,
    pub(crate) context: Value,
}

/// One decision's evaluation.
pub(crate) struct Machine<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) store: &'a mut Store,
    pub(crate) texts: Texts<'a>,
    pub(crate) variables: Variables,
    pub(crate) fuel: Fuel,
    pub(crate) stack: &'a mut Vec<Value>,
}

type Result<T> = core::result::Result<T, EvalError>;

impl Machine<'_> {
    /// Whether a rule's scope fits. A scope cannot fail but by a limit.
    pub(crate) fn in_scope(&mut self, row: &crate::bundle::RuleRow) -> Result<bool> {
        let Variables {
            principal,
            action,
            resource,
            ..
        } = self.variables;
        if !match row.action_kind {
            layout::ANY => true,
            layout::EQ => self.bundle.list(row.actions).any(|uid| uid == action),
            _ => {
                let bundle = self.bundle;
                self.store.reaches(action, &mut self.fuel, |_, uid| {
                    bundle.list(row.actions).any(|wanted| wanted == uid)
                })?
            }
        } {
            return Ok(false);
        }
        Ok(self.entity_in_scope(principal, row.principal)?
            && self.entity_in_scope(resource, row.resource)?)
    }

    fn entity_in_scope(&mut self, uid: u32, scope: crate::bundle::Scope) -> Result<bool> {
        let typed = |store: &Store| store.uid(uid).is_some_and(|uid| uid.0 == scope.type_name);
        Ok(match scope.kind {
            layout::ANY => true,
            layout::EQ => uid == scope.uid,
            layout::IN => self.is_in(uid, scope.uid)?,
            layout::IS => typed(self.store),
            _ => typed(self.store) && self.is_in(uid, scope.uid)?,
        })
    }

    fn is_in(&mut self, uid: u32, ancestor: u32) -> Result<bool> {
        self.store
            .reaches(uid, &mut self.fuel, |_, at| at == ancestor)
    }

    /// Runs instructions `code.start..code.start + code.len`; whether the condition holds, or where and why it failed.
    pub(crate) fn run(&mut self, code: Span) -> core::result::Result<bool, (u32, EvalError)> {
        if code.len == 0 {
            return Ok(true);
        }
        self.stack.clear();
        let bytes = self.bundle;
        let bytes = bytes.section(layout::CODE);
        let mut at = 0;
        while at < code.len {
            let here = code.start + at;
            let Some(i) = Instruction::decode(bytes, here as usize) else {
                return Err((here, EvalError::Internal));
            };
            at += 1;
            if let Some(target) = self.step(i, at).map_err(|error| (here, error))? {
                at = target;
            }
        }
        let end = (code.start + code.len.saturating_sub(1), EvalError::Type);
        match self.stack.pop() {
            Some(Value::Bool(holds)) => Ok(holds),
            _ => Err(end),
        }
    }

    fn step(&mut self, i: Instruction, next: u32) -> Result<Option<u32>> {
        self.fuel.spend(1)?;
        let value = match i.op {
            Op::Const => self.store.cell(i.c).ok_or(EvalError::Internal)?,
            Op::Var => match i.a {
                0 => Value::Entity(self.variables.principal),
                1 => Value::Entity(self.variables.action),
                2 => Value::Entity(self.variables.resource),
                _ => self.variables.context,
            },
            Op::And | Op::Or => {
                let holds = self.pop_bool()?;
                if holds == (i.op == Op::And) {
                    return Ok(None);
                }
                self.stack.push(Value::Bool(holds));
                return Ok(Some(i.c));
            }
            Op::If => return Ok((!self.pop_bool()?).then_some(i.c)),
            Op::Jump => return Ok(Some(i.c)),
            Op::Bool => Value::Bool(self.pop_bool()?),
            Op::Not => Value::Bool(!self.pop_bool()?),
            Op::Negate => Value::Long(self.pop_long()?.checked_neg().ok_or(EvalError::Overflow)?),
            Op::IsEmpty => Value::Bool(self.pop_set()?.len == 0),
            Op::Equal => {
                let (a, b) = self.pop_two()?;
                Value::Bool(self.store.compare(a, b, &mut self.fuel, 0)? == Ordering::Equal)
            }
            Op::Less | Op::LessEqual => {
                let order = match self.pop_two()? {
                    (Value::Long(a), Value::Long(b))
                    | (Value::Datetime(a), Value::Datetime(b))
                    | (Value::Duration(a), Value::Duration(b)) => a.cmp(&b),
                    _ => return Err(EvalError::Type),
                };
                let equal = i.op == Op::LessEqual && order == Ordering::Equal;
                Value::Bool(order == Ordering::Less || equal)
            }
            Op::Add | Op::Subtract | Op::Multiply => {
                let (Value::Long(a), Value::Long(b)) = self.pop_two()? else {
                    return Err(EvalError::Type);
                };
                let result = match i.op {
                    Op::Add => a.checked_add(b),
                    Op::Subtract => a.checked_sub(b),
                    _ => a.checked_mul(b),
                };
                Value::Long(result.ok_or(EvalError::Overflow)?)
            }
            Op::In => self.in_any()?,
            Op::Contains => {
                let value = self.pop()?;
                let set = self.pop_set()?;
                Value::Bool(self.store.contains(set, value, &mut self.fuel)?)
            }
            Op::ContainsAll | Op::ContainsAny => {
                let (b, a) = (self.pop_set()?, self.pop_set()?);
                let any = i.op == Op::ContainsAny;
                let mut result = !any;
                for value in self.store.items(b) {
                    if self.store.contains(a, *value, &mut self.fuel)? == any {
                        result = any;
                        break;
                    }
                }
                Value::Bool(result)
            }
            Op::GetTag | Op::HasTag => {
                let tag = match self.pop()? {
                    Value::Str(tag) => tag,
                    _ => return Err(EvalError::Type),
                };
                let Value::Entity(uid) = self.pop()? else {
                    return Err(EvalError::Type);
                };
                let entity = self.store.entity(uid);
                let found = entity.and_then(|entity| self.store.field(entity.tags, tag));
                match (i.op, entity, found) {
                    (Op::HasTag, _, found) => Value::Bool(found.is_some()),
                    (_, None, _) => return Err(EvalError::MissingEntity),
                    (_, _, found) => found.ok_or(EvalError::MissingTag)?,
                }
            }
            Op::Attribute => {
                let value = self.pop()?;
                match self.attribute(value, i.c)? {
                    Some(value) => value,
                    None => {
                        let described = match value {
                            Value::Entity(uid) => self.store.entity(uid).is_some(),
                            _ => true,
                        };
                        return Err(if described {
                            EvalError::MissingAttribute
                        } else {
                            EvalError::MissingEntity
                        });
                    }
                }
            }
            Op::Has => {
                let value = self.pop()?;
                Value::Bool(self.attribute(value, i.c)?.is_some())
            }
            Op::HasStep => {
                let value = self.pop()?;
                match self.attribute(value, i.c)? {
                    Some(value) => value,
                    None => {
                        self.stack.push(Value::Bool(false));
                        // `next` counts from the instruction behind this one.
                        return Ok(Some(next - 1 + u32::from(i.b)));
                    }
                }
            }
            Op::Like => {
                let Value::Str(text) = self.pop()? else {
                    return Err(EvalError::Type);
                };
                Value::Bool(self.like(text, i.c, u32::from(i.b))?)
            }
            Op::Is => match self.pop()? {
                Value::Entity(uid) => {
                    Value::Bool(self.store.uid(uid).is_some_and(|uid| uid.0 == i.c))
                }
                _ => return Err(EvalError::Type),
            },
            Op::Set => {
                let at = self.floor(i.c)?;
                let items = self.stack.get(at..).unwrap_or_default();
                let set = self.store.new_set(items, &mut self.fuel)?;
                self.fuel.spend(i.c)?;
                self.stack.truncate(at);
                set
            }
            Op::Record => {
                let at = self.floor(u32::from(i.b))?;
                let mut pairs = Vec::with_capacity(usize::from(i.b) * 2);
                let keys = Span {
                    start: i.c,
                    len: u32::from(i.b),
                };
                for (key, value) in self.bundle.list(keys).zip(self.stack.drain(at..)) {
                    pairs.push(Value::Str(key));
                    pairs.push(value);
                }
                self.fuel.spend(u32::from(i.b))?;
                self.store.new_record(&pairs)?
            }
            Op::Call => self.call(i.a)?,
        };
        self.stack.push(value);
        Ok(None)
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or(EvalError::Internal)
    }

    fn pop_two(&mut self) -> Result<(Value, Value)> {
        let b = self.pop()?;
        Ok((self.pop()?, b))
    }

    fn pop_bool(&mut self) -> Result<bool> {
        match self.pop()? {
            Value::Bool(value) => Ok(value),
            _ => Err(EvalError::Type),
        }
    }

    fn pop_long(&mut self) -> Result<i64> {
        match self.pop()? {
            Value::Long(value) => Ok(value),
            _ => Err(EvalError::Type),
        }
    }

    fn pop_set(&mut self) -> Result<Span> {
        match self.pop()? {
            Value::Set(span) => Ok(span),
            _ => Err(EvalError::Type),
        }
    }

    /// Where the topmost `count` values begin.
    fn floor(&self, count: u32) -> Result<usize> {
        self.stack
            .len()
            .checked_sub(count as usize)
            .ok_or(EvalError::Internal)
    }

    fn attribute(&self, value: Value, name: u32) -> Result<Option<Value>> {
        match value {
            Value::Record(record) => Ok(self.store.field(record, name)),
            Value::Entity(uid) => Ok(self
                .store
                .entity(uid)
                .and_then(|entity| self.store.field(entity.attrs, name))),
            _ => Err(EvalError::Type),
        }
    }

    fn in_any(&mut self) -> Result<Value> {
        let (a, b) = self.pop_two()?;
        let Value::Entity(uid) = a else {
            return Err(EvalError::Type);
        };
        let found = match b {
            Value::Entity(ancestor) => self.is_in(uid, ancestor)?,
            Value::Set(set) => {
                // Any element that is no entity is an error, even where another one would match.
                let items = self.store.items(set);
                if !items.iter().all(|item| matches!(item, Value::Entity(_))) {
                    return Err(EvalError::Type);
                }
                self.fuel.spend(set.len)?;
                self.store.reaches(uid, &mut self.fuel, |store, at| {
                    // A set of entities ascends by number.
                    store
                        .items(set)
                        .binary_search_by(|item| match item {
                            Value::Entity(item) => item.cmp(&at),
                            _ => Ordering::Less,
                        })
                        .is_ok()
                })?
            }
            _ => return Err(EvalError::Type),
        };
        Ok(Value::Bool(found))
    }

    /// Whether a string fits a pattern: the texts between its wildcards, found from left to right.
    ///
    /// Comparing bytes is comparing characters, because each text of a pattern is whole UTF-8.
    fn like(&mut self, string: u32, start: u32, len: u32) -> Result<bool> {
        let text = self
            .store
            .text(&self.texts, string)
            .ok_or(EvalError::Internal)?;
        let lists = self.bundle.section(layout::LISTS);
        let part = |i: u32| {
            let number = u32_at(lists, (start + i) as usize * 4)?;
            self.store.text(&self.texts, number)
        };
        let first = part(0).ok_or(EvalError::Internal)?;
        let Some(mut rest) = text.strip_prefix(first) else {
            return Ok(false);
        };
        if len == 1 {
            return Ok(rest.is_empty());
        }
        for i in 1..len - 1 {
            let middle = part(i).ok_or(EvalError::Internal)?;
            loop {
                self.fuel.spend(1 + len32(middle.len()))?;
                if let Some(after) = rest.strip_prefix(middle) {
                    rest = after;
                    break;
                }
                let Some((_, after)) = rest.split_first() else {
                    return Ok(false);
                };
                rest = after;
            }
        }
        let last = part(len - 1).ok_or(EvalError::Internal)?;
        Ok(rest.ends_with(last))
    }

    fn call(&mut self, function: u8) -> Result<Value> {
        let function = *Function::ALL
            .get(usize::from(function))
            .ok_or(EvalError::Internal)?;
        if function.arity() == 1 {
            let value = self.pop()?;
            return self.call_one(function, value);
        }
        let (a, b) = self.pop_two()?;
        Ok(match (function, a, b) {
            (Function::LessThan, Value::Decimal(a), Value::Decimal(b)) => Value::Bool(a < b),
            (Function::LessThanOrEqual, Value::Decimal(a), Value::Decimal(b)) => {
                Value::Bool(a <= b)
            }
            (Function::GreaterThan, Value::Decimal(a), Value::Decimal(b)) => Value::Bool(a > b),
            (Function::GreaterThanOrEqual, Value::Decimal(a), Value::Decimal(b)) => {
                Value::Bool(a >= b)
            }
            (Function::IsInRange, Value::Ip(a), Value::Ip(b)) => {
                match (self.store.ip(a), self.store.ip(b)) {
                    (Some(a), Some(b)) => Value::Bool(a.is_in_range(*b)),
                    _ => return Err(EvalError::Internal),
                }
            }
            (Function::Offset, Value::Datetime(a), Value::Duration(b)) => {
                Value::Datetime(a.checked_add(b).ok_or(EvalError::Extension)?)
            }
            (Function::DurationSince, Value::Datetime(a), Value::Datetime(b)) => {
                Value::Duration(a.checked_sub(b).ok_or(EvalError::Extension)?)
            }
            _ => return Err(EvalError::Type),
        })
    }

    fn call_one(&mut self, function: Function, value: Value) -> Result<Value> {
        let made = |value: Option<Value>| value.ok_or(EvalError::Extension);
        Ok(match (function, value) {
            (
                Function::Decimal | Function::Datetime | Function::Duration | Function::Ip,
                Value::Str(string),
            ) => {
                let text = self
                    .store
                    .text(&self.texts, string)
                    .ok_or(EvalError::Internal)?;
                self.fuel.spend(len32(text.len()))?;
                match function {
                    Function::Decimal => made(ext::parse_decimal(text).map(Value::Decimal))?,
                    Function::Datetime => made(ext::parse_datetime(text).map(Value::Datetime))?,
                    Function::Duration => made(ext::parse_duration(text).map(Value::Duration))?,
                    _ => {
                        let ip = ext::parse_ip(text).ok_or(EvalError::Extension)?;
                        self.store.new_ip(ip)
                    }
                }
            }
            (function, Value::Ip(ip)) => {
                let ip = *self.store.ip(ip).ok_or(EvalError::Internal)?;
                Value::Bool(match function {
                    Function::IsIpv4 => ip.is_v4(),
                    Function::IsIpv6 => !ip.is_v4(),
                    Function::IsLoopback => ip.is_loopback(),
                    Function::IsMulticast => ip.is_multicast(),
                    _ => return Err(EvalError::Type),
                })
            }
            (Function::ToDate, Value::Datetime(ms)) => made(ext::to_date(ms).map(Value::Datetime))?,
            (Function::ToTime, Value::Datetime(ms)) => Value::Duration(ext::to_time(ms)),
            (function, Value::Duration(ms)) => Value::Long(match function {
                Function::ToMilliseconds => ms,
                Function::ToSeconds => ms / 1000,
                Function::ToMinutes => ms / 60_000,
                Function::ToHours => ms / 3_600_000,
                Function::ToDays => ms / ext::DAY_MS,
                _ => return Err(EvalError::Type),
            }),
            _ => return Err(EvalError::Type),
        })
    }
}
