//! Cedar's extension types: decimal, ipaddr, datetime, duration.
//!
//! What each constructor accepts and each method answers follows cedar-policy 4.14 to the letter, odd corners included.

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// An address or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ip {
    v6: bool,
    /// The address as written, an IPv4 one in the first four bytes; bits behind the prefix stay, and count for equality.
    addr: [u8; 16],
    /// Length of the prefix, bits.
    prefix: u8,
}

/// Bytes of an address in a block: 1 for IPv6, else 0 | length of the prefix | 16 bytes of the address.
pub const IP_BYTES: usize = 18;

impl Ip {
    /// The address as blocks hold it. Two are equal where these bytes are.
    #[must_use]
    pub fn to_bytes(self) -> [u8; IP_BYTES] {
        let mut bytes = [0; IP_BYTES];
        let head = [u8::from(self.v6), self.prefix];
        for (slot, byte) in bytes.iter_mut().zip(head.iter().chain(&self.addr)) {
            *slot = *byte;
        }
        bytes
    }

    /// What [`Ip::to_bytes`] wrote; none for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [v6, prefix, addr @ ..] = bytes.first_chunk::<IP_BYTES>()?;
        let ip = Self {
            v6: *v6 == 1,
            addr: *addr,
            prefix: *prefix,
        };
        let (max, unused) = if ip.v6 { (128, 16) } else { (32, 4) };
        let sound = bytes.len() == IP_BYTES
            && *v6 <= 1
            && ip.prefix <= max
            && addr.iter().skip(unused).all(|byte| *byte == 0);
        sound.then_some(ip)
    }

    pub(crate) fn is_v4(self) -> bool {
        !self.v6
    }

    pub(crate) fn is_loopback(self) -> bool {
        if self.v6 {
            self.addr == 1u128.to_be_bytes() && self.prefix == 128
        } else {
            self.addr.first() == Some(&127) && self.prefix >= 8
        }
    }

    pub(crate) fn is_multicast(self) -> bool {
        let first = self.addr.first().copied().unwrap_or_default();
        if self.v6 {
            first == 0xff && self.prefix >= 8
        } else {
            first >> 4 == 0xe && self.prefix >= 4
        }
    }

    /// Whether every address of `self` is one of `range`.
    pub(crate) fn is_in_range(self, range: Self) -> bool {
        // A range lies in another one exactly where its prefix is no shorter and its address agrees on the other's prefix.
        self.v6 == range.v6
            && self.prefix >= range.prefix
            && same_prefix(&self.addr, &range.addr, range.prefix)
    }
}

fn same_prefix(a: &[u8], b: &[u8], mut bits: u8) -> bool {
    for (a, b) in a.iter().zip(b) {
        let mask = match bits {
            0 => return true,
            1..8 => !(0xff_u8 >> bits),
            _ => 0xff,
        };
        if (a ^ b) & mask != 0 {
            return false;
        }
        bits = bits.saturating_sub(8);
    }
    true
}

/// Reads an address with or without a prefix, at most 43 bytes; IPv4 inside IPv6 is refused.
///
/// Addresses are read as the standard library reads them, which a test compares; its reader is several times the code.
#[must_use]
pub fn parse_ip(text: &[u8]) -> Option<Ip> {
    if text.len() > 43 {
        return None;
    }
    let slash = text.iter().position(|byte| *byte == b'/');
    let (addr, prefix) = match slash {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let v6 = addr.contains(&b':');
    let addr = if v6 { parse_v6(addr)? } else { parse_v4(addr)? };
    let max = if v6 { 128 } else { 32 };
    let prefix = match prefix {
        None => max,
        Some(digits) => {
            let number = short_number(digits)?;
            (number <= u16::from(max)).then_some(number as u8)?
        }
    };
    Some(Ip { v6, addr, prefix })
}

/// One to three digits without a leading zero.
fn short_number(digits: &[u8]) -> Option<u16> {
    if digits.len() > 3 || digits.len() > 1 && digits.first() == Some(&b'0') {
        return None;
    }
    digits_of(digits).map(|number| number as u16)
}

fn parse_v4(text: &[u8]) -> Option<[u8; 16]> {
    let mut addr = [0; 16];
    let mut rest = text;
    for (i, slot) in addr.iter_mut().take(4).enumerate() {
        if i > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at_checked(digits)?;
        *slot = u8::try_from(short_number(number)?).ok()?;
        rest = after;
    }
    rest.is_empty().then_some(addr)
}

/// Eight groups of one to four hexadecimal digits; `::` once stands for one group of zeros or more.
fn parse_v6(text: &[u8]) -> Option<[u8; 16]> {
    let mut groups = [0u16; 8];
    let (mut count, mut gap) = (0, None);
    let mut rest = text;
    loop {
        let (mut digits, mut number) = (0, 0);
        while let Some(digit) = rest.first().and_then(|c| char::from(*c).to_digit(16)) {
            number = number << 4 | digit as u16;
            digits += 1;
            rest = rest.get(1..)?;
        }
        let doubled = rest.starts_with(b"::") && gap.is_none();
        if digits > 0 {
            *groups.get_mut(count)? = number;
            count += 1;
        }
        // Only a gap may have nothing on one side of it.
        let after_gap = gap == Some(count) && rest.is_empty();
        if digits > 4 || digits == 0 && !doubled && !after_gap {
            return None;
        }
        match rest {
            [] => break,
            [b':', b':', after @ ..] if doubled => {
                gap = Some(count);
                rest = after;
            }
            [b':', after @ ..] => rest = after,
            _ => return None,
        }
    }
    let zeros = match gap {
        Some(_) => 8usize.checked_sub(count).filter(|zeros| *zeros > 0)?,
        None => (count == 8).then_some(0)?,
    };
    let mut addr = [0; 16];
    let (slots, _) = addr.as_chunks_mut::<2>();
    for (i, group) in groups.iter().enumerate().take(count) {
        // What stands behind the gap moves to the end.
        let moved = if gap.is_some_and(|gap| i >= gap) {
            zeros
        } else {
            0
        };
        *slots.get_mut(i + moved)? = group.to_be_bytes();
    }
    Some(addr)
}

/// `checked_mul`, without the multiplication of 128 bits that it takes in WebAssembly.
pub(crate) fn times(a: i64, b: i64) -> Option<i64> {
    match b {
        0 => Some(0),
        -1 => a.checked_neg(),
        _ => {
            let ends = (i64::MIN / b, i64::MAX / b);
            let (low, high) = (ends.0.min(ends.1), ends.0.max(ends.1));
            (low <= a && a <= high).then_some(a.wrapping_mul(b))
        }
    }
}

/// A non-empty run of decimal digits that fits 64 bits.
pub(crate) fn digits_of(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        let tens = (number <= u64::MAX / 10).then_some(number.wrapping_mul(10))?;
        number = tens.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// Reads a decimal into ten-thousandths: digits, a dot, one to four digits.
#[must_use]
pub fn parse_decimal(text: &[u8]) -> Option<i64> {
    let dot = text.iter().position(|&byte| byte == b'.')?;
    let (whole, fraction) = (text.get(..dot)?, text.get(dot + 1..)?);
    let negative = whole.first() == Some(&b'-');
    let whole = whole.get(usize::from(negative)..)?;
    let scale = match fraction.len() {
        1 => 1000,
        2 => 100,
        3 => 10,
        4 => 1,
        _ => return None,
    };
    let fraction = i64::try_from(digits_of(fraction)?).ok()? * scale;
    let whole = digits_of(whole)?;
    if negative {
        // The sign belongs to the whole, so that `-0.5` is below zero and the smallest decimal can be written.
        times(0i64.checked_sub_unsigned(whole)?, 10_000)?.checked_sub(fraction)
    } else {
        times(i64::try_from(whole).ok()?, 10_000)?.checked_add(fraction)
    }
}

/// Reads a duration into milliseconds: an optional minus, then days, hours, minutes, seconds, milliseconds, each at most once
/// and in this order.
#[must_use]
pub fn parse_duration(text: &[u8]) -> Option<i64> {
    const UNITS: [(&[u8], i64); 5] = [
        (b"d", DAY_MS),
        (b"h", 3_600_000),
        (b"m", 60_000),
        (b"s", 1000),
        (b"ms", 1),
    ];
    let negative = text.first() == Some(&b'-');
    let mut rest = text.get(usize::from(negative)..)?;
    let mut total = (!rest.is_empty()).then_some(0i64)?;
    for (unit, factor) in &UNITS {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let Some(after) = after.strip_prefix(*unit) else {
            continue;
        };
        if *factor == 60_000 && after.first() == Some(&b's') {
            continue;
        }
        let number = digits_of(number)?;
        // Negative from the start, because the range has one value more below zero.
        let number = match negative {
            true => 0i64.checked_sub_unsigned(number)?,
            false => i64::try_from(number).ok()?,
        };
        total = total.checked_add(times(number, *factor)?)?;
        rest = after;
    }
    rest.is_empty().then_some(total)
}

/// Reads a datetime into milliseconds since 1970 in UTC: `YYYY-MM-DD`, optionally `Thh:mm:ss`, `.SSS`, and `Z` or `±hhmm`.
#[must_use]
pub fn parse_datetime(text: &[u8]) -> Option<i64> {
    let number = |at: usize, len: usize| digits_of(text.get(at..at + len)?);
    let mark = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    if !mark(4, b'-') || !mark(7, b'-') || day == 0 || day > days_of_month(year, month)? {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * DAY_MS;
    if text.len() == 10 {
        return Some(midnight);
    }
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !mark(10, b'T')
        || !mark(13, b':')
        || !mark(16, b':')
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let (millis, zone) = if mark(19, b'.') {
        (number(20, 3)?, 23)
    } else {
        (0, 19)
    };
    let clock = (hour * 3600 + minute * 60 + second) * 1000 + millis;
    let offset = match text.get(zone..)? {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, _, _] => {
            let (hours, minutes) = (number(zone + 1, 2)?, number(zone + 3, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ms = ((hours * 60 + minutes) * 60_000).cast_signed();
            if *sign == b'+' { -ms } else { ms }
        }
        _ => return None,
    };
    Some(midnight + clock.cast_signed() + offset)
}

fn days_of_month(year: u64, month: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    Some(match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; years 0 to 9999.
fn days_since_epoch(year: u64, month: u64, day: u64) -> i64 {
    // Counted from a first of March, so that a leap day is the last of its year; from year -400, so that nothing is negative.
    let early = month < 3;
    let year = year + 400 - u64::from(early);
    let month = if early { month + 9 } else { month - 3 };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    days.cast_signed() - 719_469 - 146_097
}

/// The instant's midnight; none where that is before the first instant.
pub(crate) fn to_date(ms: i64) -> Option<i64> {
    ms.checked_sub(ms.rem_euclid(DAY_MS))
}

/// Milliseconds since the instant's midnight.
pub(crate) fn to_time(ms: i64) -> i64 {
    ms.rem_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::{parse_datetime, parse_decimal, parse_duration, parse_ip};

    #[test]
    fn datetimes_at_the_edges_of_the_calendar() {
        let cases: &[(&str, Option<i64>)] = &[
            ("1970-01-01", Some(0)),
            ("0000-01-01", Some(-62_167_219_200_000)),
            ("2000-02-29", Some(951_782_400_000)),
            ("1900-02-29", None),
            ("2024-02-29T23:59:59.999Z", Some(1_709_251_199_999)),
            ("2024-01-01T00:00:60Z", None),
            ("2024-01-01T00:00:00+0100", Some(1_704_063_600_000)),
            ("2024-01-01T00:00:00-2400", None),
            ("2024-01-01T00:00:00", None),
            ("9999-12-31T23:59:59.999-2359", Some(253_402_387_139_999)),
            ("2024-1-01", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_datetime(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn durations_at_the_edges_of_their_range() {
        let cases: &[(&str, Option<i64>)] = &[
            ("1d2h3m4s5ms", Some(93_784_005)),
            ("5ms", Some(5)),
            ("1s1m", None),
            ("-", None),
            ("", None),
            ("-9223372036854775808ms", Some(i64::MIN)),
            ("9223372036854775808ms", None),
            ("-1s9223372036854774808ms", Some(i64::MIN)),
            ("1d1d", None),
            ("1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn decimals_keep_their_sign_and_their_range() {
        let cases: &[(&str, Option<i64>)] = &[
            ("-0.5", Some(-5000)),
            ("922337203685477.5807", Some(i64::MAX)),
            ("-922337203685477.5808", Some(i64::MIN)),
            ("922337203685477.5808", None),
            ("1.23456", None),
            ("1.", None),
            (".1", None),
            ("+1.0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_decimal(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn addresses_that_cedar_refuses() {
        for text in [
            "::ffff:1.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/032",
            "1.2.3.4/",
            "1.2.3.04",
            "::1/129",
            "1.2.3.4/+8",
        ] {
            assert_eq!(parse_ip(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        let pieces = [
            "", ":", "::", ".", "0", "1", "00", "ff", "FFFF", "12345", "255", "256", "01", "g",
            "1.2.3.4", ":0",
        ];
        let mut seed = 3u32;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        let mut valid = 0;
        for _ in 0..200_000 {
            let mut text = alloc::string::String::new();
            let separator = [":", ".", "", ":"][random(4)];
            for i in 0..=random(9) {
                if i > 0 {
                    text.push_str(separator);
                }
                text.push_str(pieces[random(pieces.len())]);
            }
            let several = |c: char| text.matches(c).count() >= 2;
            let expected = text
                .parse::<core::net::IpAddr>()
                .ok()
                .filter(|_| text.len() <= 43 && !(several(':') && several('.')))
                .map(|addr| match addr {
                    core::net::IpAddr::V4(addr) => {
                        let mut bytes = [0; 16];
                        bytes[..4].copy_from_slice(&addr.octets());
                        (false, bytes)
                    }
                    core::net::IpAddr::V6(addr) => (true, addr.octets()),
                });
            let found = parse_ip(text.as_bytes()).map(|ip| (ip.v6, ip.addr));
            assert_eq!(found, expected, "{text}");
            valid += u32::from(found.is_some());
        }
        assert!(valid > 1000, "{valid}");
    }

    #[test]
    fn ranges_contain_by_prefix() {
        let ip = |text: &str| parse_ip(text.as_bytes()).unwrap();
        assert!(ip("10.1.2.3").is_in_range(ip("10.0.0.0/8")));
        assert!(!ip("10.0.0.0/7").is_in_range(ip("10.0.0.0/8")));
        assert!(ip("10.1.2.3").is_in_range(ip("200.0.0.0/0")));
        assert!(!ip("10.1.2.3").is_in_range(ip("::/0")));
        assert!(!ip("127.0.0.0/7").is_loopback());
    }
}
