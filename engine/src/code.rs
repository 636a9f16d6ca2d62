//! Expression code: what the compiler lowers a condition to.
//!
//! An instruction is 8 bytes: operation `u8`, `a` `u8`, `b` `u16`, `c` `u32`. Jumps only lead forward, so code terminates by
//! construction; [`Verifier`] checks once that every operand exists and that the stack has one height wherever ways meet.

use alloc::vec::Vec;

use crate::{bytes::u64_at, limits, store::Store};

/// Bytes of an instruction.
pub const INSTRUCTION_BYTES: usize = 8;

/// Whether this build has every operator and function of Cedar. One for a widget has those that consent rules use, and refuses
/// a bundle that uses another when it is loaded.
pub(crate) const FULL: bool = cfg!(feature = "whole");

macro_rules! operations {
    ($(#[doc = $doc:literal] $name:ident = $code:literal,)*) => {
        /// What an instruction does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Op { $(#[doc = $doc] $name = $code,)* }

        impl Op {
            fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    /// Push constant `c`.
    Const = 0,
    /// Push reading `c`.
    Read = 1,
    /// `&&`: the top must be a bool; where it is false, jump to `c` and leave it, else drop it.
    And = 2,
    /// `||`: the top must be a bool; where it is true, jump to `c` and leave it, else drop it.
    Or = 3,
    /// The top must be a bool.
    Bool = 4,
    /// `if`: take a bool; where it is false, jump to `c`.
    If = 5,
    /// Jump to `c`.
    Jump = 6,
    /// `!`
    Not = 7,
    /// `-`
    Negate = 8,
    /// `isEmpty`
    IsEmpty = 9,
    /// `==`. This and the next two and `in` take their sides from where [`Sides`] says, and may jump as `&&` and `||` do.
    Equal = 10,
    /// `<`
    Less = 11,
    /// `<=`
    LessEqual = 12,
    /// `+`
    Add = 13,
    /// Binary `-`
    Subtract = 14,
    /// `*`
    Multiply = 15,
    /// `in`
    In = 16,
    /// `contains`
    Contains = 17,
    /// `containsAll`
    ContainsAll = 18,
    /// `containsAny`
    ContainsAny = 19,
    /// `getTag`
    GetTag = 20,
    /// `hasTag`
    HasTag = 21,
    /// Replace the top by its attribute, name `c`.
    Attribute = 22,
    /// Replace the top by whether it has attribute `c`.
    Has = 23,
    /// A step of `has x.y`: replace the top by its attribute `c`; where it is missing, by false, and go `b` instructions ahead.
    HasStep = 24,
    /// `like`: the pattern is the `b` constants from `c` on, the texts between its wildcards.
    Like = 25,
    /// `is` type `c`, a name.
    Is = 26,
    /// Make a set of the `c` topmost values.
    Set = 27,
    /// Make a record: `b` values, whose names are those of the `b` constants from `c` on, ascending.
    Record = 28,
    /// Call function `a` with `b` values; with another number than it takes, an error.
    Call = 29,
    /// The result of an `if` that may be the clock's: it is no longer followed.
    Still = 30,
}

impl Op {
    /// Whether it compares two values that [`Sides`] tells where to find.
    #[must_use]
    pub fn compares(self) -> bool {
        matches!(self, Self::Equal | Self::Less | Self::LessEqual | Self::In)
    }
}

/// Where an instruction that compares finds its sides, and where it goes on: what its `a` and `b` say.
///
/// `a` is zero where the left side is on the stack, else the number of a reading plus one. Of `b`, from the lowest bit: two bits
/// of the right side (0 on the stack, and then the left one too; 1 constant `c`; 2 reading `c`) | whether the result is negated |
/// whether a jump is that of `||` | 12 bits of how many instructions ahead it leads. Where that is zero, the result is left on
/// the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The reading that is the left side; none where the stack has it.
    pub left: Option<u32>,
    /// What the right side is.
    pub right: Right,
    /// Whether the result is negated.
    pub negated: bool,
    /// Whether it jumps where the result is true, not where it is false.
    pub is_or: bool,
    /// Instructions from this one to the jump's target.
    pub ahead: u32,
}

/// What the right side of a comparison is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Right {
    /// The topmost value.
    #[default]
    Stack,
    /// Constant `c`.
    Constant,
    /// Reading `c`.
    Reading,
}

impl Sides {
    /// How far ahead a jump may lead.
    pub const FARTHEST: u32 = (1 << 12) - 1;

    /// What an instruction that compares says; none of any other.
    #[cfg(feature = "serde")]
    pub(crate) fn of(i: Instruction) -> Option<Self> {
        i.op().compares().then(|| Self {
            left: i.left(),
            right: i.right(),
            negated: i.negated(),
            is_or: i.is_or(),
            ahead: i.ahead(),
        })
    }

    /// `a` and `b`; what does not fit is cut off, and refused where the bundle is loaded.
    #[must_use]
    pub fn encode(self) -> (u8, u16) {
        let left = self.left.map_or(0, |reading| reading as u8 + 1);
        let b = self.right as u16
            | u16::from(self.negated) << 2
            | u16::from(self.is_or) << 3
            | (self.ahead as u16) << 4;
        (left, b)
    }
}

impl Instruction {
    /// Whether the build without feature `whole` has it.
    pub(crate) fn is_lean(self) -> bool {
        match self.op() {
            Op::Negate | Op::Add | Op::Subtract | Op::Multiply => false,
            Op::ContainsAll | Op::ContainsAny | Op::GetTag | Op::HasTag => false,
            Op::Like | Op::Set | Op::Record => false,
            Op::Call => self.a() == Function::Offset as u8,
            _ => true,
        }
    }
}

macro_rules! functions {
    ($($name:ident = $code:literal, $text:literal, $arity:literal;)*) => {
        /// An extension function or method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is Cedar's function of that name")]
        pub enum Function { $($name = $code,)* }

        impl Function {
            /// All functions, by their code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The function of a Cedar name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its Cedar name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Values that it takes, the receiver included.
            #[must_use]
            pub fn arity(self) -> u16 {
                // One bit a function instead of a table: there are one and two.
                const TWO: u32 = 0 $(| ($arity - 1) << $code)*;
                1 + (TWO >> self as u32 & 1) as u16
            }
        }
    };
}

functions! {
    Decimal = 0, "decimal", 1;
    LessThan = 1, "lessThan", 2;
    LessThanOrEqual = 2, "lessThanOrEqual", 2;
    GreaterThan = 3, "greaterThan", 2;
    GreaterThanOrEqual = 4, "greaterThanOrEqual", 2;
    Ip = 5, "ip", 1;
    IsIpv4 = 6, "isIpv4", 1;
    IsIpv6 = 7, "isIpv6", 1;
    IsLoopback = 8, "isLoopback", 1;
    IsMulticast = 9, "isMulticast", 1;
    IsInRange = 10, "isInRange", 2;
    Datetime = 11, "datetime", 1;
    Duration = 12, "duration", 1;
    Offset = 13, "offset", 2;
    DurationSince = 14, "durationSince", 2;
    ToDate = 15, "toDate", 1;
    ToTime = 16, "toTime", 1;
    ToMilliseconds = 17, "toMilliseconds", 1;
    ToSeconds = 18, "toSeconds", 1;
    ToMinutes = 19, "toMinutes", 1;
    ToHours = 20, "toHours", 1;
    ToDays = 21, "toDays", 1;
}

/// An instruction, as its bytes are: what it does, and three operands.
#[derive(Clone, Copy, Debug)]
pub struct Instruction(u64);

impl Instruction {
    /// An instruction of its parts.
    #[must_use]
    pub fn new(op: Op, a: u8, b: u16, c: u32) -> Self {
        Self(u64::from(op as u8) | u64::from(a) << 8 | u64::from(b) << 16 | u64::from(c) << 32)
    }

    /// The instruction's bytes.
    #[must_use]
    pub fn encode(self) -> [u8; INSTRUCTION_BYTES] {
        self.0.to_le_bytes()
    }

    /// The instruction that begins at a byte of `code`.
    pub(crate) fn decode(code: &[u8], at: usize) -> Option<Self> {
        let word = u64_at(code, at)?;
        Op::from_code(word as u8).map(|_| Self(word))
    }

    /// What it does.
    pub(crate) fn op(self) -> Op {
        // INVARIANT: it was made of one, or decoded.
        Op::from_code(self.0 as u8).unwrap_or(Op::Jump)
    }

    pub(crate) fn a(self) -> u8 {
        (self.0 >> 8) as u8
    }

    pub(crate) fn b(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub(crate) fn c(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Of an instruction that compares: what [`Sides`] says.
impl Instruction {
    pub(crate) fn left(self) -> Option<u32> {
        u32::from(self.a()).checked_sub(1)
    }

    pub(crate) fn right(self) -> Right {
        match self.b() & 3 {
            0 => Right::Stack,
            1 => Right::Constant,
            _ => Right::Reading,
        }
    }

    pub(crate) fn negated(self) -> bool {
        self.b() & 4 != 0
    }

    pub(crate) fn is_or(self) -> bool {
        self.b() & 8 != 0
    }

    pub(crate) fn ahead(self) -> u32 {
        u32::from(self.b() >> 4)
    }
}

/// Checks the code of rules, one after the other, in time linear in it.
pub(crate) struct Verifier<'a> {
    code: &'a [u8],
    store: &'a Store,
    /// Readings that there are.
    readings: u32,
    next: u32,
    /// Whether it met an instruction that this build has not.
    pub(crate) lacks: bool,
    /// Height of the stack before each instruction of a rule, and at its end.
    heights: Vec<u32>,
}

const UNREACHED: u32 = u32::MAX;

impl<'a> Verifier<'a> {
    pub(crate) fn new(code: &'a [u8], store: &'a Store, readings: u32) -> Self {
        Self {
            code,
            store,
            readings,
            next: 0,
            lacks: false,
            heights: Vec::new(),
        }
    }

    /// Number of the first instruction that is not checked yet.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Checks the next `len` instructions as the code of a rule; the number of the first one that is wrong.
    pub(crate) fn rule(&mut self, len: u32) -> Result<(), u32> {
        let start = self.next;
        let end = start.saturating_add(len);
        if len == 0 {
            return Ok(());
        }
        if end as usize > self.code.len() / INSTRUCTION_BYTES {
            return Err(start);
        }
        self.heights.clear();
        self.heights.resize(len as usize + 1, UNREACHED);
        self.meet(0, 0);
        for number in 0..len {
            if self.instruction(number).is_none() {
                return Err(start + number);
            }
        }
        self.next = end;
        match self.heights.last() {
            Some(&1) => Ok(()),
            _ => Err(end),
        }
    }

    /// Notes the height before an instruction; false where another way there has another one.
    fn meet(&mut self, number: u32, height: u32) -> bool {
        let Some(slot) = self.heights.get_mut(number as usize) else {
            return false;
        };
        if *slot == UNREACHED {
            *slot = height;
        }
        *slot == height
    }

    fn instruction(&mut self, number: u32) -> Option<()> {
        let i = Instruction::decode(self.code, (self.next + number) as usize * INSTRUCTION_BYTES)?;
        if !FULL && !i.is_lean() {
            self.lacks = true;
            return None;
        }
        let before = *self.heights.get(number as usize)?;
        if before == UNREACHED {
            return None;
        }
        let (b, c) = (u32::from(i.b()), i.c());
        let constants = |len: u32| {
            let end = c.checked_add(len);
            end.is_some_and(|end| end <= self.store.cells())
        };
        let ahead = if i.op().compares() { i.ahead() } else { 0 };
        let target = match i.op() {
            Op::And | Op::Or | Op::If | Op::Jump => Some(c),
            Op::HasStep => Some(number + b),
            _ => (ahead > 0).then_some(number + ahead),
        };
        let (takes, gives, sound) = match i.op() {
            Op::Const => (0, 1, constants(1)),
            Op::Read => (0, 1, c < self.readings),
            Op::Equal | Op::Less | Op::LessEqual | Op::In => {
                let (left, right) = (i.left(), i.right());
                let sound = match right {
                    Right::Stack => left.is_none(),
                    Right::Constant => constants(1),
                    Right::Reading => c < self.readings,
                };
                let takes = u32::from(left.is_none()) + u32::from(right == Right::Stack);
                let gives = u32::from(ahead == 0);
                let known = i.b() & 3 < 3 && left < Some(self.readings);
                (takes, gives, sound && known)
            }
            Op::And | Op::Or | Op::If => (1, 0, true),
            Op::Jump => (0, 0, true),
            Op::Bool | Op::Still | Op::Not | Op::Negate | Op::IsEmpty => (1, 1, true),
            Op::Attribute | Op::Has | Op::HasStep | Op::Is => (1, 1, self.store.is_name(c)),
            Op::Like => (1, 1, b > 0 && constants(b)),
            Op::Set => (c, 1, true),
            Op::Record => (b, 1, constants(b)),
            Op::Call => (b, 1, usize::from(i.a()) < Function::ALL.len()),
            _ => (2, 1, true),
        };
        let after = before.checked_sub(takes)?.checked_add(gives)?;
        let mut sound = sound && after <= limits::STACK;
        if let Some(target) = target {
            // Forward only, so code ends. `&&` and `||` leave their value where they jump.
            let kept = u32::from(matches!(i.op(), Op::And | Op::Or) || ahead > 0);
            sound &= target > number && self.meet(target, after + kept);
        }
        if i.op() != Op::Jump {
            sound &= self.meet(number + 1, after);
        }
        sound.then_some(())
    }
}
