//! What a visitor chose, and the cookie that remembers it.
//!
//! `1.<at>.<offer>.<purposes>.<services>.<method>.<language>.<id>`: the instant in milliseconds; the digest of the offer that
//! was shown; purposes as `+granted`, `!refused`, `~objected`; granted services as `+service`; how it was chosen; the
//! language of the texts; a random id. All characters may stand in a cookie as they are. It holds choices, not decisions.

use alloc::{string::String, vec::Vec};

/// The version that a cookie begins with.
const VERSION: &str = "1";
/// Bytes of the longest cookie that is read. Beyond it something else wrote it.
const MAX_BYTES: usize = 2048;

/// A visitor's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// When, milliseconds since 1970 in UTC.
    pub at: i64,
    /// Digest of the purposes, services and cookies that were offered.
    pub offer: String,
    /// Purposes agreed to.
    pub granted: Vec<String>,
    /// Purposes refused.
    pub refused: Vec<String>,
    /// Purposes objected to, where the rules allow them without consent.
    pub objected: Vec<String>,
    /// Services agreed to.
    pub services: Vec<String>,
    /// How: `accept`, `reject`, `save`, `withdraw`.
    pub method: String,
    /// Language of the texts that were shown.
    pub language: String,
    /// Random id, by which the ledger knows the record.
    pub id: String,
}

impl Choice {
    /// Reads a cookie's value; none where it is not one of ours, which counts as no choice.
    #[must_use]
    pub fn parse(cookie: &str) -> Option<Self> {
        if cookie.len() > MAX_BYTES {
            return None;
        }
        let mut parts = cookie.split('.');
        if parts.next()? != VERSION {
            return None;
        }
        let mut choice = Self {
            at: parts.next()?.parse().ok()?,
            offer: word(parts.next()?)?,
            ..Self::default()
        };
        for (sign, slug) in items(parts.next()?)? {
            match sign {
                '+' => choice.granted.push(slug),
                '!' => choice.refused.push(slug),
                _ => choice.objected.push(slug),
            }
        }
        for (sign, slug) in items(parts.next()?)? {
            if sign != '+' {
                return None;
            }
            choice.services.push(slug);
        }
        choice.method = word(parts.next()?)?;
        choice.language = word(parts.next()?)?;
        choice.id = word(parts.next()?)?;
        parts.next().is_none().then_some(choice)
    }

    /// The cookie's value.
    #[must_use]
    pub fn to_cookie(&self) -> String {
        let mut out = String::from(VERSION);
        out.push('.');
        push_number(&mut out, self.at);
        out.push('.');
        out.push_str(&self.offer);
        out.push('.');
        for (sign, slugs) in [
            ('+', &self.granted),
            ('!', &self.refused),
            ('~', &self.objected),
        ] {
            push_items(&mut out, sign, slugs);
        }
        out.push('.');
        push_items(&mut out, '+', &self.services);
        for part in [&self.method, &self.language, &self.id] {
            out.push('.');
            out.push_str(part);
        }
        out
    }
}

/// A number in decimal digits. Formatting would bring its whole machinery into the browser.
fn push_number(out: &mut String, number: i64) {
    if number < 0 {
        out.push('-');
    }
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(b'0' + (rest % 10) as u8));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits.iter().rev());
}

fn push_items(out: &mut String, sign: char, slugs: &[String]) {
    for slug in slugs {
        out.push(sign);
        out.push_str(slug);
    }
}

fn word(text: &str) -> Option<String> {
    let fine = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (fine && !text.is_empty()).then(|| String::from(text))
}

fn items(text: &str) -> Option<Vec<(char, String)>> {
    let mut items: Vec<(char, String)> = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        if !matches!(sign, '+' | '!' | '~') {
            return None;
        }
        let after = rest.get(1..)?;
        let end = after.find(['+', '!', '~']).unwrap_or(after.len());
        let (slug, next) = after.split_at_checked(end)?;
        let slug = word(slug)?;
        // A purpose that is granted and refused at once was not chosen by anybody.
        if items.iter().any(|(_, known)| *known == slug) {
            return None;
        }
        items.push((sign, slug));
        rest = next;
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::Choice;
    use alloc::vec;

    fn choice() -> Choice {
        Choice {
            at: 1_767_225_600_000,
            offer: "9f86d081".into(),
            granted: vec!["analytics".into(), "maps-and-video".into()],
            refused: vec!["advertising".into()],
            objected: vec!["statistics".into()],
            services: vec!["tag-manager".into()],
            method: "save".into(),
            language: "en-GB".into(),
            id: "Zk3_x-0".into(),
        }
    }

    #[test]
    fn a_cookie_reads_back_as_the_choice_that_wrote_it() {
        let cookie = choice().to_cookie();
        assert_eq!(
            cookie,
            "1.1767225600000.9f86d081.+analytics+maps-and-video!advertising~statistics.+tag-manager.save.en-GB.Zk3_x-0"
        );
        assert_eq!(Choice::parse(&cookie), Some(choice()));
    }

    #[test]
    fn anything_else_counts_as_no_choice() {
        for cookie in [
            "",
            "1",
            "2.1.a.+x.+y.save.en.id",
            "1.soon.a.+x.+y.save.en.id",
            "1.1.a.x.+y.save.en.id",
            "1.1.a.+x!x.+y.save.en.id",
            "1.1.a.+x.!y.save.en.id",
            "1.1.a.+x.+y.save.en.id.more",
            "1.1.a.+x.+y.save.en.",
            "1.1.a.+x;.+y.save.en.id",
        ] {
            assert_eq!(Choice::parse(cookie), None, "{cookie}");
        }
    }
}
