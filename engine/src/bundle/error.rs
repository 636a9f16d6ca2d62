//! Why a bundle is refused, in words and in the bytes that a guest answers.

use core::fmt;

use super::layout;
use crate::bytes::words;

/// Why a bundle is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// It does not begin like one.
    NotABundle,
    /// It is of a format that this engine does not know.
    Format(u16),
    /// It is shorter or longer than it says.
    Length {
        /// Bytes that it should have.
        expected: u32,
        /// Bytes that are there.
        found: u32,
    },
    /// Its checksum does not fit.
    Checksum,
    /// A required section is one that this engine does not know, or there twice, or outside the file.
    Section(u16),
    /// A section does not hold together.
    Corrupt {
        /// The section.
        section: u16,
        /// Number of the row or instruction in it.
        at: u32,
    },
    /// It is larger than the limits allow.
    TooLarge,
    /// It uses what this build of the engine has not: the widget's lean module, where the rules need the whole one.
    Lacks {
        /// Number of the instruction.
        at: u32,
    },
}

impl BundleError {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        Self::word(match self {
            Self::NotABundle => 0,
            Self::Format(_) => FORMAT,
            Self::Length { .. } => LENGTH,
            Self::Checksum => 3,
            Self::Section(_) => SECTION,
            Self::Corrupt { .. } => CORRUPT,
            Self::TooLarge => 6,
            Self::Lacks { .. } => LACKS,
        })
    }

    /// The word for the first of the numbers in which [`super::Bundle::open`] speaks.
    #[must_use]
    pub fn word(what: u32) -> &'static str {
        match what {
            FORMAT => "unknown-format",
            LENGTH => "wrong-length",
            3 => "damaged",
            SECTION => "unknown-section",
            CORRUPT => "corrupt",
            6 => "too-large",
            LACKS => "needs-whole-engine",
            _ => "not-a-bundle",
        }
    }
}

// The engine itself speaks in words, what it is and two numbers, and a guest hands them on: it carries no conversion.
pub(super) const NOT_A_BUNDLE: [u32; 3] = [0; 3];
pub(super) const FORMAT: u32 = 1;
pub(super) const LENGTH: u32 = 2;
pub(super) const CHECKSUM: [u32; 3] = [3, 0, 0];
pub(super) const SECTION: u32 = 4;
pub(super) const CORRUPT: u32 = 5;
pub(super) const TOO_LARGE: [u32; 3] = [6, 0, 0];
pub(super) const LACKS: u32 = 7;

impl From<[u32; 3]> for BundleError {
    fn from([what, a, b]: [u32; 3]) -> Self {
        match what {
            FORMAT => Self::Format(u16::try_from(a).unwrap_or(u16::MAX)),
            LENGTH => Self::Length {
                expected: a,
                found: b,
            },
            3 => Self::Checksum,
            SECTION => Self::Section(a as u16),
            CORRUPT => Self::Corrupt {
                section: a as u16,
                at: b,
            },
            6 => Self::TooLarge,
            LACKS => Self::Lacks { at: b },
            _ => Self::NotABundle,
        }
    }
}

impl BundleError {
    /// The error in what a guest answered, little-endian words; none for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let found: [u32; 3] = words(bytes, 0)?;
        let known = found[0] <= LACKS && bytes.len() == 12;
        known.then(|| found.into())
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle => f.write_str("not a bundle: it does not begin with `AVOW`"),
            Self::Format(format) => write!(
                f,
                "bundle of format {format}, this engine reads format {}: build it with a matching version",
                layout::FORMAT
            ),
            Self::Length { expected, found } => {
                write!(f, "bundle of {found} bytes says that it has {expected}")
            }
            Self::Checksum => f.write_str("bundle is damaged: its checksum does not fit"),
            Self::Section(id) => write!(f, "bundle has no usable section {id}"),
            Self::Corrupt { section, at } => {
                write!(f, "bundle is corrupt in section {section} at {at}")
            }
            Self::TooLarge => f.write_str("bundle is larger than the limits allow"),
            Self::Lacks { at } => write!(
                f,
                "bundle uses what this build of the engine has not, at instruction {at}: it needs the whole one"
            ),
        }
    }
}

impl core::error::Error for BundleError {}
