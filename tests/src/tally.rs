//! What a run of generated cases met: a comparison in which an operator never ran shows nothing about it.

use std::{collections::BTreeMap, fmt};

use avow_engine::{
    EvalError,
    code::{Function, INSTRUCTION_BYTES, Op},
    format,
};

use crate::plain::Found;

const OPERATIONS: [Op; 31] = [
    Op::Const,
    Op::Read,
    Op::And,
    Op::Or,
    Op::Bool,
    Op::If,
    Op::Jump,
    Op::Not,
    Op::Negate,
    Op::IsEmpty,
    Op::Equal,
    Op::Less,
    Op::LessEqual,
    Op::Add,
    Op::Subtract,
    Op::Multiply,
    Op::In,
    Op::Contains,
    Op::ContainsAll,
    Op::ContainsAny,
    Op::GetTag,
    Op::HasTag,
    Op::Attribute,
    Op::Has,
    Op::HasStep,
    Op::Like,
    Op::Is,
    Op::Set,
    Op::Record,
    Op::Call,
    Op::Still,
];

/// Stands in a trace where a rule has no more steps.
const END: usize = u32::MAX as usize;

/// Marks a step that is a reading's.
const READING: usize = 1 << 31;

/// Where a comparison may find its sides, and how it may go on.
const FORMS: [&str; 8] = [
    "stack, stack",
    "stack, constant",
    "stack, reading",
    "reading, constant",
    "reading, reading",
    "left on the stack",
    "jumps as &&",
    "jumps as ||",
];

/// Causes that a rule of Cedar's can fail with.
const CAUSES: [EvalError; 6] = [
    EvalError::Type,
    EvalError::MissingEntity,
    EvalError::MissingAttribute,
    EvalError::MissingTag,
    EvalError::Overflow,
    EvalError::Extension,
];

/// Counts.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests.
    pub requests: usize,
    /// Requests that were asked of a validated bundle too.
    pub validated: usize,
    /// Requests that were asked of a guest too.
    pub in_guest: usize,
    /// Answers that allow, and that do not.
    pub allowed: usize,
    /// The others.
    pub denied: usize,
    /// Answers with rules that failed.
    pub with_errors: usize,
    /// Answers that a forbid determined.
    pub forbidden: usize,
    operators: BTreeMap<String, usize>,
    causes: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// Counts an answer.
    pub fn answer(&mut self, found: &Found) {
        self.requests += 1;
        let allows = found.answer.allows;
        self.allowed += usize::from(allows);
        self.denied += usize::from(!allows);
        self.forbidden += usize::from(!allows && !found.answer.reasons.is_empty());
        self.with_errors += usize::from(!found.causes.is_empty());
        for cause in &found.causes {
            *self.causes.entry(cause.message()).or_default() += 1;
        }
    }

    /// Counts the operators that an explanation's trace shows.
    ///
    /// # Panics
    /// Where the trace is none.
    pub fn trace(&mut self, bundle: &[u8], trace: &[u8]) {
        let code = section(bundle, format::CODE);
        let mut rest = trace;
        while !rest.is_empty() {
            let at = word(&mut rest);
            if at == END {
                let _rule_and_result = [(); 2].map(|()| word(&mut rest));
                continue;
            }
            skip_value(&mut rest);
            if at & READING != 0 {
                *self.operators.entry(format!("{:?}", Op::Read)).or_default() += 1;
                continue;
            }
            let at = at * INSTRUCTION_BYTES;
            let instruction = &code[at..at + INSTRUCTION_BYTES];
            for name in names(instruction) {
                *self.operators.entry(name).or_default() += 1;
            }
        }
    }

    /// Operators and causes that were not met.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let operators = OPERATIONS
            .iter()
            .filter(|op| **op != Op::Call)
            .map(|op| format!("{op:?}"));
        let functions = Function::ALL
            .iter()
            .map(|function| format!("{function:?}()"));
        let causes = CAUSES
            .iter()
            .filter(|cause| !self.causes.contains_key(cause.message()));
        let comparisons = OPERATIONS.iter().filter(|op| op.compares());
        let forms = comparisons.flat_map(|op| FORMS.map(|form| format!("{op:?}: {form}")));
        let negated = OPERATIONS
            .iter()
            .filter(|op| op.compares() && **op != Op::In)
            .map(|op| format!("{op:?}: negated"));
        operators
            .chain(functions)
            .chain(forms)
            .chain(negated)
            .filter(|name| !self.operators.contains_key(name))
            .chain(causes.map(|cause| cause.message().to_owned()))
            .collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "requests: {}, of a validated bundle too: {}, of a guest too: {}",
            self.requests, self.validated, self.in_guest
        )?;
        writeln!(
            f,
            "allow: {}, deny: {} ({} by a forbid), with errors: {}",
            self.allowed, self.denied, self.forbidden, self.with_errors
        )?;
        for (cause, count) in &self.causes {
            writeln!(f, "{count:>9}  {cause}")?;
        }
        for (operator, count) in &self.operators {
            writeln!(f, "{count:>9}  {operator}")?;
        }
        Ok(())
    }
}

/// What an instruction is counted as: its operation or function; of a comparison its form too.
fn names(instruction: &[u8]) -> Vec<String> {
    let (code, a) = (instruction[0], instruction[1]);
    let b = u16::from_le_bytes([instruction[2], instruction[3]]);
    if code == Op::Call as u8 {
        return vec![format!("{:?}()", Function::ALL[usize::from(a)])];
    }
    let Some(op) = OPERATIONS.iter().find(|known| **known as u8 == code) else {
        return vec![format!("operation {code}")];
    };
    let mut names = vec![format!("{op:?}")];
    if op.compares() {
        let left = if a == 0 { "stack" } else { "reading" };
        let right = ["stack", "constant", "reading", ""][usize::from(b & 3)];
        let sides = format!("{op:?}: {left}, {right}");
        let ahead = match (b >> 4, b & 8) {
            (0, _) => "left on the stack",
            (_, 0) => "jumps as &&",
            _ => "jumps as ||",
        };
        names.push(sides);
        names.push(format!("{op:?}: {ahead}"));
        if b & 4 != 0 {
            names.push(format!("{op:?}: negated"));
        }
    }
    names
}

fn word(bytes: &mut &[u8]) -> usize {
    let (word, rest) = bytes.split_first_chunk::<4>().unwrap();
    *bytes = rest;
    u32::from_le_bytes(*word) as usize
}

fn skip_value(bytes: &mut &[u8]) {
    let text = |bytes: &mut &[u8]| {
        let len = word(bytes);
        *bytes = &bytes[len..];
    };
    match word(bytes) {
        2 | 9 => text(bytes),
        3 => {
            text(bytes);
            text(bytes);
        }
        kind @ (4 | 5) => {
            for _ in 0..word(bytes) {
                if kind == 5 {
                    text(bytes);
                }
                skip_value(bytes);
            }
        }
        _ => *bytes = &bytes[8..],
    }
}

fn section(bundle: &[u8], id: u16) -> &[u8] {
    let number = |at: usize| u32::from_le_bytes(bundle[at..at + 4].try_into().unwrap()) as usize;
    (0..number(format::SECTIONS_AT))
        .map(|row| format::HEADER_BYTES + row * format::SECTION_BYTES)
        .find(|at| bundle[*at..*at + 2] == id.to_le_bytes())
        .map(|at| &bundle[number(at + 4)..][..number(at + 8)])
        .unwrap_or_default()
}
