//! `Cookie` and `Set-Cookie` as RFC 6265 tells browsers to read them, so that a cookie means here what it will mean there.

/// What a `Set-Cookie` header asks a browser to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetCookie<'a> {
    pub(crate) name: &'a str,
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    /// `lax`, `strict`, `none`, or empty.
    pub(crate) same_site: &'static str,
    pub(crate) lifetime: Lifetime,
}

/// How long a cookie is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// To the end of the browser's session.
    Session,
    /// Milliseconds from now; not positive where it is being deleted.
    Millis(i64),
    /// It has a date that this reader cannot read, and a browser perhaps can.
    Unknown,
}

impl<'a> SetCookie<'a> {
    /// Reads a header's value. `now` is in milliseconds, and turns `Expires` into a lifetime.
    pub(crate) fn parse(header: &'a str, now: i64) -> Self {
        let mut parts = header.split(';');
        let pair = parts.next().unwrap_or_default();
        // Without `=` browsers take the whole as the value of a cookie without a name.
        let name = pair.split_once('=').map_or("", |(name, _)| trim(name));
        let mut cookie = Self {
            name,
            http_only: false,
            secure: false,
            same_site: "",
            lifetime: Lifetime::Session,
        };
        let mut max_age = None;
        let mut expires = None;
        // Of an attribute that is there twice, the last one counts.
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = trim(value);
            match trim(key).to_ascii_lowercase().as_str() {
                "httponly" => cookie.http_only = true,
                "secure" => cookie.secure = true,
                "samesite" => cookie.same_site = same_site(value),
                "max-age" => max_age = seconds(value).or(max_age),
                "expires" => expires = Some(value),
                _ => {}
            }
        }
        cookie.lifetime = match (max_age, expires) {
            (Some(seconds), _) => Lifetime::Millis(seconds.saturating_mul(1000)),
            (None, Some(date)) => date_millis(date).map_or(Lifetime::Unknown, |at| {
                Lifetime::Millis(at.saturating_sub(now))
            }),
            (None, None) => Lifetime::Session,
        };
        cookie
    }

    /// Whether it removes a cookie rather than setting one.
    pub(crate) fn deletes(&self) -> bool {
        matches!(self.lifetime, Lifetime::Millis(left) if left <= 0)
    }
}

/// Names and values of the cookies in the `Cookie` headers of a request.
pub(crate) fn pairs<'a>(
    headers: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    headers
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (trim(name), trim(value)))
}

/// The value of a cookie in the `Cookie` headers of a request. Where two with one name differ, none: one of them was slipped
/// in from another path or host, and there is no telling which.
pub(crate) fn value<'a>(headers: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let mut values = pairs(headers)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn same_site(value: &str) -> &'static str {
    ["lax", "strict", "none"]
        .into_iter()
        .find(|known| value.eq_ignore_ascii_case(known))
        .unwrap_or("")
}

/// `Max-Age`: digits, perhaps after a minus. Anything else is as if it were not there; what is too large is very large.
fn seconds(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse().unwrap_or(i64::MAX);
    Some(if value.starts_with('-') { -size } else { size })
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A date by the rules of RFC 6265, section 5.1.1: tokens in any order, the first that fits each part.
fn date_millis(text: &str) -> Option<i64> {
    let is_delimiter = |byte: char| {
        !(byte.is_ascii_alphanumeric()
            || byte == ':'
            || !byte.is_ascii()
            || byte.is_ascii_control())
            || byte == '\t'
    };
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = clock_time(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_number(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let (day, month, time) = (day?, month?, time?);
    // A date that no calendar has: a browser ignores it, so it must not pass for one in the past.
    let days = days_since_1970(year, month, day);
    let next_month = if month == 12 {
        days_since_1970(year + 1, 1, 1)
    } else {
        days_since_1970(year, month + 1, 1)
    };
    (year >= 1601 && day >= 1 && days < next_month).then_some((days * 86_400 + time) * 1000)
}

/// The leading digits of a token, where there are as many as wanted and no digit follows them.
fn number(token: &str, least: usize, most: usize) -> Option<i64> {
    let end = token
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(token.len());
    let digits = token.get(..end)?;
    (least..=most)
        .contains(&digits.len())
        .then(|| digits.parse().ok())?
}

fn clock_time(token: &str) -> Option<i64> {
    let mut parts = token.splitn(3, ':');
    let (hours, minutes) = (parts.next()?, parts.next()?);
    let whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !whole(hours) || !whole(minutes) {
        return None;
    }
    let (hours, minutes, seconds) = (
        number(hours, 1, 2)?,
        number(minutes, 1, 2)?,
        number(parts.next()?, 1, 2)?,
    );
    (hours <= 23 && minutes <= 59 && seconds <= 59).then_some((hours * 60 + minutes) * 60 + seconds)
}

fn month_number(token: &str) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    (1..)
        .zip(MONTHS)
        .find_map(|(number, month)| (month == start).then_some(number))
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::{Lifetime, SetCookie, date_millis, value};

    const NOW: i64 = 1_767_225_600_000;

    #[test]
    fn attributes_are_read_as_a_browser_reads_them() {
        let cookie = SetCookie::parse(
            " _ga = a=b ; PATH=/; HttpOnly; secure=1; SameSite=LAX; Max-Age=60",
            NOW,
        );
        assert_eq!(
            cookie,
            SetCookie {
                name: "_ga",
                http_only: true,
                secure: true,
                same_site: "lax",
                lifetime: Lifetime::Millis(60_000),
            }
        );
    }

    #[track_caller]
    fn lives(header: &str, expected: Lifetime) {
        assert_eq!(SetCookie::parse(header, NOW).lifetime, expected, "{header}");
    }

    #[test]
    fn a_lifetime_is_what_a_browser_would_make_of_it() {
        let year = Lifetime::Millis(365 * 86_400_000);
        lives("a=b", Lifetime::Session);
        lives("a=b; max-age=0", Lifetime::Millis(0));
        lives("a=b; max-age=-1", Lifetime::Millis(-1000));
        lives("a=b; max-age=+5", Lifetime::Session);
        lives("a=b; max-age=5x; max-age=7", Lifetime::Millis(7000));
        lives("a=b; max-age=7; max-age=x", Lifetime::Millis(7000));
        lives(
            "a=b; max-age=99999999999999999999",
            Lifetime::Millis(i64::MAX),
        );
        lives("a=b; expires=Fri, 01 Jan 2027 00:00:00 GMT", year);
        lives("a=b; expires=Fri, 01-Jan-27 00:00:00 GMT", year);
        lives(
            "a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=60",
            Lifetime::Millis(60_000),
        );
        lives(
            "a=b; max-age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT",
            Lifetime::Millis(60_000),
        );
        lives("a=b; expires=next summer", Lifetime::Unknown);
    }

    #[test]
    fn dates_are_read_in_the_forms_that_servers_send() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ] {
            assert_eq!(date_millis(text), Some(seconds * 1000), "{text}");
        }
        for text in [
            "",
            "1 Jan 2026",
            "01 Jan 2026 24:00:00",
            "32 Jan 2026 00:00:00",
            "31 Feb 1999 00:00:00",
            "01 Jan 1600 00:00:00",
        ] {
            assert_eq!(date_millis(text), None, "{text}");
        }
    }

    #[test]
    fn a_cookie_without_a_name_has_none() {
        assert_eq!(SetCookie::parse("just text; Path=/", NOW).name, "");
        assert_eq!(SetCookie::parse("=x", NOW).name, "");
        assert_eq!(SetCookie::parse("", NOW).name, "");
    }

    #[test]
    fn two_cookies_of_one_name_must_agree() {
        let read = |headers: &[&'static str]| value(headers.iter().copied(), "c");
        assert_eq!(read(&["a=1; c=2", "d=3"]), Some("2"));
        assert_eq!(read(&["c=2; c=2"]), Some("2"));
        assert_eq!(read(&["c=2", "c=3"]), None);
        assert_eq!(read(&["cc=2; C=3"]), None);
    }
}
