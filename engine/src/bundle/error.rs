//! Why a bundle is refused, in words and in the bytes that a guest answers.

use core::fmt;

use super::layout;
use crate::bytes::u32_at;

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

impl BundleError {
    /// What it is, and two numbers. A guest answers so, and its host words it.
    #[must_use]
    pub fn to_words(self) -> [u32; 3] {
        match self {
            Self::NotABundle => [0, 0, 0],
            Self::Format(format) => [1, u32::from(format), 0],
            Self::Length { expected, found } => [2, expected, found],
            Self::Checksum => [3, 0, 0],
            Self::Section(section) => [4, u32::from(section), 0],
            Self::Corrupt { section, at } => [5, u32::from(section), at],
            Self::TooLarge => [6, 0, 0],
        }
    }

    /// The words of [`BundleError::to_words`] as little-endian bytes; none for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != 12 {
            return None;
        }
        let (a, b) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
        Some(match u32_at(bytes, 0)? {
            0 => Self::NotABundle,
            1 => Self::Format(a as u16),
            2 => Self::Length {
                expected: a,
                found: b,
            },
            3 => Self::Checksum,
            4 => Self::Section(a as u16),
            5 => Self::Corrupt {
                section: a as u16,
                at: b,
            },
            6 => Self::TooLarge,
            _ => return None,
        })
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
