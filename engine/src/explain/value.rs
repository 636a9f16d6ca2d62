//! Values of a trace, in Cedar's notation.

use alloc::{format, string::String, vec::Vec};

use crate::{
    block::kind,
    bytes::{slice, u32_at, u64_at},
    ext::{DAY_MS, IP_BYTES},
};

/// A value that an instruction left.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// In Cedar's notation.
    pub(super) text: String,
    /// Where it is a bool.
    pub(super) holds: Option<bool>,
}

impl Seen {
    /// The first value of some bytes, and what follows it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let kind = u32_at(bytes, 0)?;
        let rest = bytes.get(4..)?;
        let number = u64_at(rest, 0).map(u64::cast_signed);
        let after = rest.get(8..);
        let mut holds = None;
        let (text, rest) = match kind {
            kind::BOOL => {
                holds = Some(number? != 0);
                (format!("{}", number? != 0), after?)
            }
            kind::LONG => (format!("{}", number?), after?),
            kind::DECIMAL => (format!("decimal(\"{}\")", decimal(number?)), after?),
            kind::DATETIME => (format!("datetime(\"{}\")", datetime(number?)), after?),
            kind::DURATION => (format!("duration(\"{}ms\")", number?), after?),
            kind::STRING => {
                let (text, rest) = text(rest)?;
                (quoted(text), rest)
            }
            kind::IP => {
                let (bytes, rest) = counted(rest)?;
                (format!("ip(\"{}\")", ip(bytes)?), rest)
            }
            kind::ENTITY => {
                let (type_name, rest) = text(rest)?;
                let (id, rest) = text(rest)?;
                (format!("{type_name}::{}", quoted(id)), rest)
            }
            kind::SET | kind::RECORD => return Self::parts(kind, rest),
            _ => (String::from("nothing"), after?),
        };
        Some((Self { text, holds }, rest))
    }

    fn parts(kind: u32, bytes: &[u8]) -> Option<(Self, &[u8])> {
        let count = u32_at(bytes, 0)?;
        let mut rest = bytes.get(4..)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            let mut part = String::new();
            if kind == kind::RECORD {
                let (name, after) = text(rest)?;
                part = format!("{}: ", quoted(name));
                rest = after;
            }
            let (value, after) = Self::read(rest)?;
            part.push_str(&value.text);
            parts.push(part);
            rest = after;
        }
        let text = match kind {
            kind::RECORD => format!("{{{}}}", parts.join(", ")),
            _ => format!("[{}]", parts.join(", ")),
        };
        Some((Self { text, holds: None }, rest))
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = u32_at(bytes, 0)? as usize;
    Some((slice(bytes, 4, len)?, bytes.get(4 + len..)?))
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (text, rest) = counted(bytes)?;
    Some((core::str::from_utf8(text).ok()?, rest))
}

/// A string literal.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Ten-thousandths as Cedar writes them.
#[must_use]
pub fn decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:04}", value / 10_000, value % 10_000)
}

/// An instant, milliseconds since 1970 in UTC, as Cedar writes it. Years outside 0 to 9999, which Cedar has no literal for, are written all the same.
#[must_use]
pub fn datetime(ms: i64) -> String {
    let (days, clock) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    // Days are counted from the first of March of a year that begins a cycle of 400, so that leap days come last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (clock / 1000, clock % 1000);
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match (clock, millis) {
        (0, _) => format!("{year:04}-{month:02}-{day:02}"),
        (_, 0) => format!("{year:04}-{month:02}-{day:02}T{time}Z"),
        _ => format!("{year:04}-{month:02}-{day:02}T{time}.{millis:03}Z"),
    }
}

/// An address with its prefix, from what [`crate::ext::Ip::to_bytes`] wrote.
#[must_use]
pub fn ip(bytes: &[u8]) -> Option<String> {
    let [v6, prefix, addr @ ..] = bytes.first_chunk::<IP_BYTES>()?;
    let addr = match v6 {
        0 => core::net::IpAddr::from(*addr.first_chunk::<4>()?),
        _ => core::net::IpAddr::from(*addr),
    };
    Some(format!("{addr}/{prefix}"))
}
