//! The machine that runs a rule's code.
//!
//! A stack of values over the store; one loop, one `match`. Every candidate rule is run to its end, because rules that fail
//! are part of the answer. Semantics are Cedar's: `==` across types is false, `has` and `in` on an entity that nobody
//! described are false, reading from one is an error, integers overflow into errors.
//!
//! What goes wrong is noted in the machine and looked at after each instruction, so that the code in between stays small and
//! straight: after a fault it computes with zeros, which nobody sees.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::{
    answer::EvalError,
    block::kind,
    bundle::{self, layout::VARIABLES},
    bytes::len32,
    code::{FULL, Function, INSTRUCTION_BYTES, Instruction, Op, Right},
    ext::{self, Ip},
    store::{Fuel, Span, Store, Value},
    time::{Clock, FIXED, GROWS, SHRINKS, WHOLE},
    trace,
};

/// One decision's evaluation.
pub(crate) struct Machine<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) stack: Vec<Value>,
    /// Where the code begins among the store's bytes.
    pub(crate) code: usize,
    /// Where the readings begin.
    pub(crate) readings: usize,
    /// Of each reading its value, once it was read: it is the same for all rules. The first are principal, action, resource and
    /// context.
    pub(crate) read: Vec<Value>,
    /// The name `now`.
    pub(crate) now: u32,
    pub(crate) fuel: Fuel,
    pub(crate) clock: Clock,
    /// The first thing that went wrong in the rule.
    pub(crate) error: Option<EvalError>,
    /// What explains: called with each instruction that was run and the machine after it.
    pub(crate) trace: Option<&'a mut Vec<u8>>,
}

impl Machine<'_> {
    /// Runs the instructions of a rule; whether its condition holds, or where and why it failed.
    pub(crate) fn run(&mut self, code: Span) -> Result<bool, (u32, EvalError)> {
        self.stack.clear();
        self.error = None;
        // Jumps lead forward only: no instruction is run twice.
        self.fuel.spend(code.len.saturating_add(1));
        if code.len == 0 {
            return Ok(true);
        }
        let mut at = code.start;
        let end = code.start + code.len;
        let result = loop {
            let here = self.code + at as usize * INSTRUCTION_BYTES;
            let Some(i) = Instruction::decode(&self.store.bytes, here) else {
                return Err((at, EvalError::Internal));
            };
            let mut next = at + 1;
            let mut holds = None;
            if i.op().compares() {
                let result = self.compare(i);
                if i.ahead() == 0 || result == i.is_or() {
                    next = at + i.ahead().max(1);
                    // Mostly the rule ends here, and what would be taken from the stack at once is not put there.
                    if next < end {
                        self.push(kind::BOOL, u64::from(result));
                    }
                }
                holds = Some(result);
            } else {
                next = self.step(i, next - code.start) + code.start;
            }
            if self.error.is_some() | self.traces() | self.fuel.is_out {
                if let Some(error) = self.error {
                    return Err((at, error));
                }
                let top = match holds {
                    Some(holds) => Some(Value::new(kind::BOOL, u64::from(holds))),
                    None => self.stack.last().copied(),
                };
                // What was read is noted already.
                if i.op() != Op::Read {
                    self.note(at, top.unwrap_or(Value::MISSING));
                }
                if self.fuel.is_out {
                    return Err((at, EvalError::Limit));
                }
            }
            at = next;
            if at >= end {
                break holds;
            }
        };
        let holds = result.unwrap_or_else(|| self.take(kind::BOOL) != 0);
        match self.error {
            Some(error) => Err((at, error)),
            None => Ok(holds),
        }
    }

    /// Compares two values.
    #[inline(always)]
    fn compare(&mut self, i: Instruction) -> bool {
        let right = i.right();
        let (a, b) = if right == Right::Stack {
            let right = self.pop();
            (self.pop(), right)
        } else {
            // The left side comes first: where both fail, its error counts.
            let left = match i.left() {
                None => self.pop(),
                Some(reading) => self.read(reading),
            };
            let right = if right == Right::Constant {
                Value {
                    key: FIXED,
                    ..self.store.cell(i.c())
                }
            } else if left.is_there() {
                self.read(i.c())
            } else {
                left
            };
            (left, right)
        };
        // What neither fails nor moves is nearly all that is compared.
        let plain = match i.op() {
            Op::Equal => a.is_there(),
            Op::In => false,
            _ => is_ordered(a),
        };
        if (!plain || a.kind != b.kind || a.key | b.key != FIXED)
            && let Some(holds) = self.compare_with_care(i.op(), a, b)
        {
            return holds != i.negated();
        }
        let order = self.store.compare(a, b, &mut self.fuel, 0);
        let holds = match i.op() {
            Op::Less => order == Ordering::Less,
            Op::LessEqual => order != Ordering::Greater,
            _ => order == Ordering::Equal,
        };
        holds != i.negated()
    }

    /// What may fail, or move with the clock; none where the values are still to be compared.
    #[inline(never)]
    fn compare_with_care(&mut self, op: Op, a: Value, b: Value) -> Option<bool> {
        if !a.is_there() || !b.is_there() {
            // Its error is noted already.
            return Some(false);
        }
        if op == Op::In {
            return Some(self.is_in(a, b));
        }
        if op != Op::Equal && !(a.kind == b.kind && is_ordered(a)) {
            if a.key | b.key != FIXED {
                self.clock.give_up();
            }
            self.fail(EvalError::Type);
        }
        self.follow(a, b, op);
        None
    }

    fn fail(&mut self, error: EvalError) {
        self.error = self.error.or(Some(error));
    }

    fn push(&mut self, kind: u32, payload: u64) {
        self.stack.push(Value::new(kind, payload));
    }

    /// The value of a reading, which is the same for all rules. Where it cannot be read, each rule that asks for it fails.
    #[cfg_attr(feature = "whole", inline(always))]
    fn read(&mut self, number: u32) -> Value {
        match self.read.get(number as usize) {
            Some(known) if known.is_there() && !self.traces() => *known,
            _ => self.read_and_note(number),
        }
    }

    #[inline(never)]
    fn read_and_note(&mut self, number: u32) -> Value {
        let value = self.read_anew(number);
        if value.is_there() {
            self.note(trace::READING | number, value);
        }
        value
    }

    fn read_anew(&mut self, number: u32) -> Value {
        let known = self.read.get(number as usize).copied();
        let known = known.unwrap_or(Value::MISSING);
        if known.is_there() || number < VARIABLES {
            return known;
        }
        let (from, name) = bundle::reading(&self.store.bytes, self.readings, number);
        let base = self.read_anew(from);
        if !base.is_there() {
            return base;
        }
        let (value, missing) = self.attribute(base, name);
        match self.read.get_mut(number as usize) {
            Some(slot) if value.is_there() => *slot = value,
            _ => {
                self.fail(missing);
                // Why there is nothing: of what it was read.
                self.note(trace::READING | from, base);
            }
        }
        value
    }

    /// The topmost value, still followed by the clock.
    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::MISSING)
    }

    /// The topmost value, for a use in which the clock does not follow it.
    fn pop_still(&mut self) -> Value {
        let value = self.pop();
        if value.key != FIXED {
            self.clock.give_up();
        }
        Value {
            key: FIXED,
            ..value
        }
    }

    /// The payload of the topmost value, which must be of a kind.
    fn take(&mut self, kind: u32) -> u64 {
        let value = self.pop_still();
        if value.kind != kind {
            self.fail(EvalError::Type);
            return 0;
        }
        value.payload
    }

    fn take_span(&mut self, kind: u32) -> Span {
        let payload = self.take(kind);
        Value::new(kind, payload).span()
    }

    /// Runs an instruction; the number of the next one, both counted from the rule's first. Apart from the loop, which is quick
    /// as long as it is small.
    #[inline(never)]
    fn step(&mut self, i: Instruction, next: u32) -> u32 {
        match i.op() {
            Op::Const => {
                let value = self.store.cell(i.c());
                self.push(value.kind, value.payload);
            }
            Op::Read => {
                let value = self.read_and_note(i.c());
                self.stack.push(value);
            }
            Op::And | Op::Or => {
                let holds = self.take(kind::BOOL);
                if (holds != 0) != (i.op() == Op::And) {
                    self.push(kind::BOOL, holds);
                    return i.c();
                }
            }
            Op::If => {
                if self.take(kind::BOOL) == 0 {
                    return i.c();
                }
            }
            Op::Jump => return i.c(),
            Op::Bool | Op::Not => {
                let value = self.take(kind::BOOL);
                self.push(kind::BOOL, value ^ u64::from(i.op() == Op::Not));
            }
            Op::Still => {
                let value = self.pop_still();
                self.stack.push(value);
            }
            Op::Negate if FULL => {
                let value = self.take(kind::LONG).cast_signed();
                self.number(kind::LONG, value.checked_neg(), EvalError::Overflow);
            }
            Op::IsEmpty => {
                let set = self.take_span(kind::SET);
                self.push(kind::BOOL, u64::from(set.len == 0));
            }
            Op::Add | Op::Subtract | Op::Multiply if FULL => {
                let b = self.take(kind::LONG).cast_signed();
                let a = self.take(kind::LONG).cast_signed();
                let result = match i.op() {
                    Op::Add => a.checked_add(b),
                    Op::Subtract => a.checked_sub(b),
                    _ => ext::times(a, b),
                };
                self.number(kind::LONG, result, EvalError::Overflow);
            }
            Op::Contains => {
                let value = self.pop_still();
                let set = self.take_span(kind::SET);
                let found = self.store.contains(set, value, &mut self.fuel);
                self.push(kind::BOOL, u64::from(found));
            }
            Op::ContainsAll | Op::ContainsAny if FULL => {
                let b = self.take_span(kind::SET);
                let a = self.take_span(kind::SET);
                let any = i.op() == Op::ContainsAny;
                let (store, fuel) = (&*self.store, &mut self.fuel);
                let decided = |value: &Value| store.contains(a, *value, fuel) == any;
                let early = store.items(b).iter().any(decided);
                self.push(kind::BOOL, u64::from(early == any));
            }
            Op::GetTag | Op::HasTag if FULL => {
                let tag = self.take(kind::STRING);
                let uid = self.take(kind::ENTITY) as u32;
                let tag = self.store.find(0, self.store.text(tag));
                let entity = self.store.entity(uid);
                let missing = match entity {
                    Some(_) => EvalError::MissingTag,
                    None => EvalError::MissingEntity,
                };
                let tags = entity.map_or(Span::default(), |entity| entity.tags);
                let value = self.store.field(tags, tag);
                self.found(value, i.op() == Op::HasTag, missing);
            }
            Op::Attribute | Op::Has | Op::HasStep => {
                let base = self.pop();
                let (value, missing) = self.attribute(base, i.c());
                if i.op() == Op::HasStep && !value.is_there() {
                    self.push(kind::BOOL, 0);
                    return next - 1 + u32::from(i.b());
                }
                self.found(value, i.op() == Op::Has, missing);
            }
            Op::Like if FULL => {
                let text = self.take(kind::STRING);
                let fits = self.like(text, i.c(), u32::from(i.b()));
                self.push(kind::BOOL, u64::from(fits));
            }
            Op::Is => {
                let uid = self.take(kind::ENTITY) as u32;
                let is = self.store.type_of(uid) == i.c();
                self.push(kind::BOOL, u64::from(is));
            }
            Op::Set | Op::Record if FULL => self.collect(i),
            Op::Call => self.call(i),
            // Compared already; or an operation that this build has not, which loading refuses.
            _ => self.fail(EvalError::Internal),
        }
        next
    }

    /// Pushes what an operation gave that may give nothing.
    fn number(&mut self, kind: u32, result: Option<i64>, error: EvalError) {
        match result {
            Some(value) => self.push(kind, value.cast_unsigned()),
            None => self.fail(error),
        }
    }

    /// Pushes an attribute or a tag, or whether it is there.
    fn found(&mut self, value: Value, asks: bool, missing: EvalError) {
        if asks {
            self.push(kind::BOOL, u64::from(value.is_there()));
        } else if value.is_there() {
            self.stack.push(value);
        } else {
            self.fail(missing);
        }
    }

    fn attribute(&mut self, base: Value, name: u32) -> (Value, EvalError) {
        let (record, missing) = match base.kind {
            kind::RECORD => (base.span(), EvalError::MissingAttribute),
            kind::ENTITY => match self.store.entity(base.payload as u32) {
                Some(entity) => (entity.attrs, EvalError::MissingAttribute),
                None => (Span::default(), EvalError::MissingEntity),
            },
            _ => {
                if base.key != FIXED {
                    self.clock.give_up();
                }
                self.fail(EvalError::Type);
                (Span::default(), EvalError::Type)
            }
        };
        let mut value = self.store.field(record, name);
        if base.key == WHOLE && name == self.now {
            value.key = GROWS;
        }
        (value, missing)
    }

    /// Follows a comparison of two values of which one may move.
    fn follow(&mut self, a: Value, b: Value, op: Op) {
        let (moving, fixed) = if a.key == FIXED { (b, a) } else { (a, b) };
        if moving.key == FIXED {
            return;
        }
        if fixed.key != FIXED || moving.key == WHOLE {
            self.clock.give_up();
        } else if a.kind == b.kind {
            let values = (moving.payload.cast_signed(), fixed.payload.cast_signed());
            self.clock.compares(op, moving.key, values, a.key != FIXED);
        }
    }

    fn is_in(&mut self, a: Value, b: Value) -> bool {
        if a.key | b.key != FIXED {
            self.clock.give_up();
        }
        if a.kind != kind::ENTITY {
            self.fail(EvalError::Type);
        }
        let uid = a.payload as u32;
        match b.kind {
            kind::ENTITY => {
                let ancestor = b.payload as u32;
                self.store
                    .reaches(uid, &mut self.fuel, &mut |_, at| at == ancestor)
            }
            kind::SET => {
                let set = b.span();
                // Any element that is no entity is an error, even where another one would match.
                let items = self.store.items(set);
                if items.iter().any(|item| item.kind != kind::ENTITY) {
                    self.fail(EvalError::Type);
                }
                self.fuel.spend(set.len);
                self.store.reaches(uid, &mut self.fuel, &mut |store, at| {
                    let uid = Value::new(kind::ENTITY, u64::from(at));
                    // The walk pays for this: a step for each it visits.
                    store.contains(set, uid, &mut Fuel::new(u32::MAX))
                })
            }
            _ => {
                self.fail(EvalError::Type);
                false
            }
        }
    }

    /// A set or a record of the topmost values.
    fn collect(&mut self, i: Instruction) {
        let is_set = i.op() == Op::Set;
        let count = if is_set { i.c() } else { u32::from(i.b()) };
        self.fuel.spend(count);
        let floor = self.stack.len().saturating_sub(count as usize);
        let items = self.stack.get_mut(floor..).unwrap_or_default();
        for (item, name) in items.iter_mut().zip(i.c()..) {
            if item.key != FIXED {
                self.clock.give_up();
            }
            item.key = match is_set {
                true => FIXED,
                false => self.store.cell(name).key,
            };
        }
        let span = self.store.new_cells(items, &mut self.fuel);
        self.stack.truncate(floor);
        if is_set {
            let set = self.store.order_set(span, &mut self.fuel);
            self.stack.push(set);
        } else if self.store.order_record(span).is_some() {
            self.push(kind::RECORD, span.payload());
        } else {
            self.fail(EvalError::Internal);
        }
    }

    /// Whether a string fits a pattern: the texts between its wildcards, found from left to right.
    ///
    /// Comparing bytes is comparing characters, because each text of a pattern is whole UTF-8.
    fn like(&mut self, text: u64, first: u32, len: u32) -> bool {
        let mut rest = self.store.text(text);
        for i in 0..len {
            let part = self.store.cell(first + i);
            if part.kind != kind::STRING {
                self.error = Some(EvalError::Internal);
            }
            let part = self.store.text(part.payload);
            let is_last = i + 1 == len;
            let found = match (i, is_last) {
                (0, true) => return rest == part,
                (_, true) => return rest.ends_with(part),
                (0, _) => rest.strip_prefix(part),
                _ => loop {
                    self.fuel.spend(1 + len32(part.len()));
                    if let Some(after) = rest.strip_prefix(part) {
                        break Some(after);
                    }
                    match rest.split_first() {
                        Some((_, after)) if !self.fuel.is_out => rest = after,
                        _ => break None,
                    }
                },
            };
            match found {
                Some(after) => rest = after,
                None => return false,
            }
        }
        false
    }

    fn call(&mut self, i: Instruction) {
        let Some(&function) = Function::ALL.get(usize::from(i.a())) else {
            return self.fail(EvalError::Internal);
        };
        if function.arity() != i.b() {
            for _ in 0..i.b() {
                self.pop_still();
            }
            return self.fail(EvalError::Type);
        }
        match function {
            Function::Decimal | Function::Datetime | Function::Duration | Function::Ip if FULL => {
                self.parse(function);
            }
            Function::LessThan
            | Function::LessThanOrEqual
            | Function::GreaterThan
            | Function::GreaterThanOrEqual
                if FULL =>
            {
                let b = self.take(kind::DECIMAL).cast_signed();
                let a = self.take(kind::DECIMAL).cast_signed();
                let wanted = match function {
                    Function::LessThan | Function::LessThanOrEqual => Ordering::Less,
                    _ => Ordering::Greater,
                };
                let strict = matches!(function, Function::LessThan | Function::GreaterThan);
                let order = a.cmp(&b);
                let holds = order == wanted || !strict && order == Ordering::Equal;
                self.push(kind::BOOL, u64::from(holds));
            }
            Function::IsInRange if FULL => {
                let (b, a) = (self.take_ip(), self.take_ip());
                let inside = a.zip(b).is_some_and(|(a, b)| a.is_in_range(b));
                self.push(kind::BOOL, u64::from(inside));
            }
            Function::IsIpv4 | Function::IsIpv6 | Function::IsLoopback | Function::IsMulticast
                if FULL =>
            {
                let ip = self.take_ip();
                let holds = ip.is_some_and(|ip| match function {
                    Function::IsIpv4 => ip.is_v4(),
                    Function::IsIpv6 => !ip.is_v4(),
                    Function::IsLoopback => ip.is_loopback(),
                    _ => ip.is_multicast(),
                });
                self.push(kind::BOOL, u64::from(holds));
            }
            Function::Offset => {
                let by = self.take(kind::DURATION).cast_signed();
                let (motion, at) = self.take_moving(kind::DATETIME);
                self.moved(kind::DATETIME, motion, at.checked_add(by));
            }
            Function::DurationSince if FULL => {
                let (of_b, b) = self.take_moving(kind::DATETIME);
                let (of_a, a) = self.take_moving(kind::DATETIME);
                let motion = match (of_a, of_b) {
                    (_, FIXED) => of_a,
                    (FIXED, _) => SHRINKS,
                    _ => {
                        self.clock.give_up();
                        FIXED
                    }
                };
                self.moved(kind::DURATION, motion, a.checked_sub(b));
            }
            Function::ToDate if FULL => {
                let (motion, at) = self.take_moving(kind::DATETIME);
                let date = ext::to_date(at);
                if motion != FIXED {
                    self.clock.turns_at_midnight(at);
                    // The step after the one that fails cannot be told from it.
                    if date.is_none() {
                        self.clock.give_up();
                    }
                }
                self.number(kind::DATETIME, date, EvalError::Extension);
            }
            Function::ToTime if FULL => {
                let (motion, at) = self.take_moving(kind::DATETIME);
                if motion != FIXED {
                    self.clock.turns_at_midnight(at);
                }
                self.stack.push(Value {
                    key: motion,
                    kind: kind::DURATION,
                    payload: ext::to_time(at).cast_unsigned(),
                });
            }
            Function::ToMilliseconds if FULL => {
                let (motion, millis) = self.take_moving(kind::DURATION);
                self.stack.push(Value {
                    key: motion,
                    kind: kind::LONG,
                    payload: millis.cast_unsigned(),
                });
            }
            Function::ToSeconds | Function::ToMinutes | Function::ToHours | Function::ToDays
                if FULL =>
            {
                let unit = match function {
                    Function::ToSeconds => 1000,
                    Function::ToMinutes => 60_000,
                    Function::ToHours => 3_600_000,
                    _ => ext::DAY_MS,
                };
                let (motion, millis) = self.take_moving(kind::DURATION);
                if motion != FIXED {
                    self.clock.steps((motion, millis), unit);
                }
                self.push(kind::LONG, (millis / unit).cast_unsigned());
            }
            _ => self.fail(EvalError::Internal),
        }
    }

    /// How the topmost value moves, and the value.
    fn take_moving(&mut self, kind: u32) -> (u32, i64) {
        let value = self.pop();
        if value.kind != kind || value.key == WHOLE {
            if value.key != FIXED {
                self.clock.give_up();
            }
            self.fail(EvalError::Type);
        }
        (value.key, value.payload.cast_signed())
    }

    /// Pushes a result that moves as its operand did, until it overflows.
    fn moved(&mut self, kind: u32, motion: u32, result: Option<i64>) {
        let Some(result) = result else {
            if motion != FIXED {
                self.clock.give_up();
            }
            return self.fail(EvalError::Extension);
        };
        if motion != FIXED {
            self.clock.overflows(motion, result);
        }
        self.stack.push(Value {
            key: motion,
            kind,
            payload: result.cast_unsigned(),
        });
    }

    fn take_ip(&mut self) -> Option<Ip> {
        let payload = self.take(kind::IP);
        Ip::from_bytes(self.store.text(payload))
    }

    /// Calls the constructor of an extension type.
    fn parse(&mut self, function: Function) {
        let payload = self.take(kind::STRING);
        let text = self.store.text(payload);
        self.fuel.spend(len32(text.len()));
        let (kind, value) = match function {
            Function::Decimal => (kind::DECIMAL, ext::parse_decimal(text)),
            Function::Datetime => (kind::DATETIME, ext::parse_datetime(text)),
            Function::Duration => (kind::DURATION, ext::parse_duration(text)),
            _ => {
                let ip = ext::parse_ip(text);
                let made = ip.map(|ip| self.store.new_text(&ip.to_bytes()).cast_signed());
                (kind::IP, made)
            }
        };
        self.number(kind, value, EvalError::Extension);
    }

    fn traces(&self) -> bool {
        FULL && self.trace.is_some()
    }

    /// Adds a value to the trace of an explanation.
    fn note(&mut self, at: u32, value: Value) {
        if let Some(trace) = self.trace.as_mut().filter(|_| FULL) {
            trace::note(self.store, trace, at, value);
        }
    }
}

/// Whether `<` takes a value.
fn is_ordered(value: Value) -> bool {
    matches!(value.kind, kind::LONG | kind::DATETIME | kind::DURATION)
}
