//! What a decision is, and the bytes in which it travels.
//!
//! Bytes, little-endian: magic `AVA1` | outcome `u8` | decision `u8` | refusal `u16` | counts `u32` of determining and of
//! failed rules | until `i64` | determining rules, a number `u32` each, ascending | failed rules: number, cause and number of
//! the instruction, counted over the bundle's code, `u32` each | where it was asked for, the trace (see `trace`).

use alloc::vec::Vec;

use crate::{
    bytes::{len32, put_u32, u16_at, u32_at, u64_at},
    time::{FOREVER, NO_PROMISE},
};

/// First bytes of an answer.
pub const MAGIC: [u8; 4] = *b"AVA1";
const HEAD: usize = 24;
const FAILURE_BYTES: usize = 12;

/// Cedar's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A permit applies and no forbid does.
    Allow,
    /// Anything else.
    Deny,
}

impl Decision {
    /// The word that interfaces use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// What a shell enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Permitted, and nothing forbids it.
    Allow,
    /// A forbid applies.
    Forbidden,
    /// Nothing permits it.
    NotPermitted,
    /// The request does not fit the schema, or could not be read.
    Refused,
    /// A forbid could not be evaluated, or a limit was met.
    Failed,
}

impl Outcome {
    /// All outcomes, by their code.
    pub const ALL: [Self; 5] = [
        Self::Allow,
        Self::Forbidden,
        Self::NotPermitted,
        Self::Refused,
        Self::Failed,
    ];

    /// The word that interfaces use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Forbidden => "forbidden",
            Self::NotPermitted => "not_permitted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Why a rule could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalError {
    /// A value was of another type than the operator takes.
    Type,
    /// An attribute or tag was read of an entity that nobody described.
    MissingEntity,
    /// The attribute is not there.
    MissingAttribute,
    /// The tag is not there.
    MissingTag,
    /// Integer arithmetic left the 64-bit range.
    Overflow,
    /// An extension function refused its argument.
    Extension,
    /// A limit of [`crate::limits`] was met.
    Limit,
    /// The bundle's code misled the machine; loading it should have refused it.
    Internal,
}

impl EvalError {
    /// All causes, by their code.
    pub const ALL: [Self; 8] = [
        Self::Type,
        Self::MissingEntity,
        Self::MissingAttribute,
        Self::MissingTag,
        Self::Overflow,
        Self::Extension,
        Self::Limit,
        Self::Internal,
    ];

    /// A sentence for people, without capital and final dot.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Type => "a value has another type than the operator takes",
            Self::MissingEntity => "the entity is not described",
            Self::MissingAttribute => "the attribute is missing",
            Self::MissingTag => "the tag is missing",
            Self::Overflow => "arithmetic left the 64-bit range",
            Self::Extension => "an extension function refused its argument",
            Self::Limit => "a limit of the engine was met",
            Self::Internal => "the bundle's code is not sound",
        }
    }
}

/// A rule that could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Number of the rule in its bundle.
    pub rule: u32,
    /// The cause.
    pub error: EvalError,
    /// Number of the instruction at which it stopped.
    pub instruction: u32,
}

/// Why a request was refused by the engine itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// It was not.
    #[default]
    None,
    /// The bytes are no request.
    Malformed,
    /// It describes an entity that the bundle or the residents describe.
    Redefines,
    /// The schema knows no such action, or not for this principal and resource.
    NotInSchema,
    /// It is larger than [`crate::limits`] allow.
    TooLarge,
    /// It was made for another bundle, or for another version of the residents.
    Stale,
}

impl Refusal {
    /// All refusals, by their code.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Malformed,
        Self::Redefines,
        Self::NotInSchema,
        Self::TooLarge,
        Self::Stale,
    ];

    /// A sentence for people, without capital and final dot.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::None => "not refused",
            Self::Malformed => "the bytes are no request",
            Self::Redefines => "the request describes an entity that is described already",
            Self::NotInSchema => {
                "the schema does not know this action for such a principal and resource"
            }
            Self::TooLarge => "the request is larger than the limits allow",
            Self::Stale => {
                "the request was made for another bundle or another version of the residents"
            }
        }
    }
}

/// What is written first of an answer.
pub(crate) struct Head {
    pub(crate) outcome: Outcome,
    pub(crate) decision: Decision,
    pub(crate) refusal: Refusal,
    pub(crate) until: i64,
}

impl Head {
    /// An answer without rules, to a request that was refused.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            outcome: Outcome::Refused,
            decision: Decision::Deny,
            refusal,
            until: NO_PROMISE,
        }
    }

    /// A decision that was given up.
    pub(crate) fn limit() -> Self {
        Self {
            outcome: Outcome::Failed,
            ..Self::refused(Refusal::None)
        }
    }

    /// `failed` has three words for each rule that failed.
    pub(crate) fn write(&self, determining: &[u32], failed: &[u32], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&MAGIC);
        put_u32(
            out,
            self.outcome as u32 | (self.decision as u32) << 8 | (self.refusal as u32) << 16,
        );
        put_u32(out, len32(determining.len()));
        put_u32(out, len32(failed.len() / 3));
        out.extend_from_slice(&self.until.to_le_bytes());
        for word in determining.iter().chain(failed) {
            put_u32(out, *word);
        }
    }
}

/// Up to when an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// For no time at all: nothing is promised beyond this very instant.
    Now,
    /// For every instant before this one, milliseconds since 1970 in UTC.
    At(i64),
    /// Whatever the clock says.
    Forever,
}

impl Until {
    pub(crate) fn of(until: i64) -> Self {
        match until {
            FOREVER => Self::Forever,
            NO_PROMISE => Self::Now,
            at => Self::At(at),
        }
    }

    /// Whether nothing but another bundle or other entities will change the answer.
    #[must_use]
    pub fn is_forever(&self) -> bool {
        *self == Self::Forever
    }
}

/// Answer bytes, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    bytes: &'a [u8],
    outcome: Outcome,
    decision: Decision,
    refusal: Refusal,
    until: i64,
    determining: usize,
    failed: usize,
}

/// The bytes are not an answer of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerError;

impl core::fmt::Display for AnswerError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the bytes are no answer of this version")
    }
}

impl core::error::Error for AnswerError {}

impl<'a> Answer<'a> {
    /// Reads answer bytes.
    ///
    /// # Errors
    /// Where they are not an answer, whole and of this version.
    pub fn read(bytes: &'a [u8]) -> Result<Self, AnswerError> {
        Self::parse(bytes).ok_or(AnswerError)
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(&MAGIC)?;
        let determining = u32_at(bytes, 8)? as usize;
        let failed = u32_at(bytes, 12)? as usize;
        let size = determining
            .checked_mul(4)?
            .checked_add(failed.checked_mul(FAILURE_BYTES)?)?
            .checked_add(HEAD)?;
        let answer = Self {
            bytes,
            outcome: *Outcome::ALL.get(usize::from(*bytes.get(4)?))?,
            decision: match bytes.get(5)? {
                0 => Decision::Allow,
                1 => Decision::Deny,
                _ => return None,
            },
            refusal: *Refusal::ALL.get(usize::from(u16_at(bytes, 6)?))?,
            until: u64_at(bytes, 16)?.cast_signed(),
            determining,
            failed,
        };
        let sound = answer.failed().count() == failed;
        (bytes.len() >= size && sound).then_some(answer)
    }

    /// What to enforce.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Cedar's decision, exactly. Enforce [`Answer::outcome`]: it differs where a forbid failed.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The bytes of all that is said but for `until`.
    pub(crate) fn without_until(&self) -> Vec<u8> {
        let (head, rest) = self.bytes.split_at_checked(HEAD).unwrap_or_default();
        let head = head.get(..HEAD - 8).unwrap_or_default();
        [head, rest].concat()
    }

    /// Up to when the same question gets the same answer.
    #[must_use]
    pub fn until(&self) -> Until {
        Until::of(self.until)
    }

    /// The trace of an explanation: what follows the rules.
    #[cfg(feature = "serde")]
    pub(crate) fn trace(&self) -> &'a [u8] {
        let size = HEAD + self.determining * 4 + self.failed * FAILURE_BYTES;
        self.bytes.get(size..).unwrap_or_default()
    }

    /// Why the engine refused the request.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// Numbers of the rules that determined the decision, ascending.
    pub fn determining(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.determining).filter_map(|i| u32_at(self.bytes, HEAD + i * 4))
    }

    /// The rules that could not be evaluated, ascending.
    pub fn failed(&self) -> impl Iterator<Item = Failure> + '_ {
        let start = HEAD + self.determining * 4;
        (0..self.failed).filter_map(move |i| {
            let at = start + i * FAILURE_BYTES;
            Some(Failure {
                rule: u32_at(self.bytes, at)?,
                error: *EvalError::ALL.get(u32_at(self.bytes, at + 4)? as usize)?,
                instruction: u32_at(self.bytes, at + 8)?,
            })
        })
    }
}
