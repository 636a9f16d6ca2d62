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
}

impl BundleError {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABundle => "not-a-bundle",
            Self::Format(_) => "unknown-format",
            Self::Length { .. } => "wrong-length",
            Self::Checksum => "damaged",
            Self::Section(_) => "unknown-section",
            Self::Corrupt { .. } => "corrupt",
            Self::TooLarge => "too-large",
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
            _ => Self::NotABundle,
        }
    }
}

impl BundleError {
    /// The error in what a guest answered, little-endian words; none for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let found: [u32; 3] = words(bytes, 0)?;
        let known = found[0] <= 6 && bytes.len() == 12;
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
        }
    }
}

impl core::error::Error for BundleError {}
