//! What a visitor chose, and the cookie that remembers it.
//!
//! `1.<at>.<offer>.<purposes>.<services>.<method>.<language>.<id>`: the instant in milliseconds; the digest of the offer that
//! was shown; purposes as `+granted`, `!refused`, `~objected`; granted services as `+service`; how it was chosen; the
//! language of the texts; a random id. All characters may stand in a cookie as they are. It holds choices, not decisions.

#[cfg(feature = "words")]
use alloc::string::String;
use alloc::vec::Vec;

use crate::ext::digits_of;

/// The version that a cookie begins with.
const VERSION: &str = "1";
/// Bytes of the longest cookie that is read. Beyond it something else wrote it.
const MAX_BYTES: usize = 2048;

/// A visitor's choice.
#[cfg(feature = "words")]
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
    /// How: `accept`, `reject`, `save`, `withdraw`, `gpc`, `api`, `placeholder`.
    pub method: String,
    /// Language of the texts that were shown.
    pub language: String,
    /// Random id, by which the ledger knows the record.
    pub id: String,
}

#[cfg(feature = "words")]
impl Choice {
    /// Reads a cookie's value; none where it is not one of ours, which counts as no choice.
    #[must_use]
    pub fn parse(cookie: &str) -> Option<Self> {
        let read = read(cookie)?;
        let signed = |sign: u8| {
            let items = read.purposes.iter().filter(move |item| item.0 == sign);
            items.map(|item| String::from(item.1)).collect()
        };
        Some(Self {
            at: read.at,
            offer: read.offer.into(),
            granted: signed(GRANTED),
            refused: signed(REFUSED),
            objected: signed(OBJECTED),
            services: read.services.iter().map(|item| item.1.into()).collect(),
            method: read.method.into(),
            language: read.language.into(),
            id: read.id.into(),
        })
    }

    /// The same, not copied.
    pub(crate) fn recorded(&self) -> Recorded<'_> {
        let mut purposes = Vec::new();
        for (sign, slugs) in [
            (GRANTED, &self.granted),
            (REFUSED, &self.refused),
            (OBJECTED, &self.objected),
        ] {
            purposes.extend(slugs.iter().map(|slug| (sign, slug.as_str())));
        }
        let services = self.services.iter().map(|slug| (GRANTED, slug.as_str()));
        Recorded {
            at: self.at,
            offer: &self.offer,
            purposes,
            services: services.collect(),
            method: &self.method,
            language: &self.language,
            id: &self.id,
        }
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

/// A number in decimal digits.
#[cfg(feature = "words")]
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

#[cfg(feature = "words")]
fn push_items(out: &mut String, sign: char, slugs: &[String]) {
    for slug in slugs {
        out.push(sign);
        out.push_str(slug);
    }
}

/// A slug with its sign.
pub(crate) type Item<'a> = (u8, &'a str);

pub(crate) const GRANTED: u8 = b'+';
pub(crate) const REFUSED: u8 = b'!';
pub(crate) const OBJECTED: u8 = b'~';

/// A choice as its cookie has it.
#[cfg_attr(
    not(feature = "words"),
    expect(dead_code, reason = "rules do not ask how it was chosen")
)]
pub(crate) struct Recorded<'a> {
    pub(crate) at: i64,
    pub(crate) offer: &'a str,
    pub(crate) purposes: Vec<Item<'a>>,
    pub(crate) services: Vec<Item<'a>>,
    pub(crate) method: &'a str,
    pub(crate) language: &'a str,
    pub(crate) id: &'a str,
}

/// Reads a cookie's value, copying nothing.
pub(crate) fn read(cookie: &str) -> Option<Recorded<'_>> {
    if cookie.len() > MAX_BYTES {
        return None;
    }
    let mut rest = cookie;
    if cut(&mut rest, b'.') != VERSION {
        return None;
    }
    let at = number(cut(&mut rest, b'.'))?;
    let offer = word(cut(&mut rest, b'.'))?;
    let purposes = items(cut(&mut rest, b'.'))?;
    let services = items(cut(&mut rest, b'.'))?;
    if services.iter().any(|item| item.0 != GRANTED) {
        return None;
    }
    Some(Recorded {
        at,
        offer,
        purposes,
        services,
        method: word(cut(&mut rest, b'.'))?,
        language: word(cut(&mut rest, b'.'))?,
        id: word(rest)?,
    })
}

/// Takes what stands before the first `mark` from a text, and the mark; where there is none, all of it.
pub fn cut<'a>(text: &mut &'a str, mark: u8) -> &'a str {
    let at = text.bytes().take_while(|byte| *byte != mark).count();
    let (before, after) = text.split_at_checked(at).unwrap_or_default();
    *text = after.get(1..).unwrap_or_default();
    before
}

/// A number in decimal digits, perhaps below zero.
pub(crate) fn number(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(digits) => 0i64.checked_sub_unsigned(digits_of(digits.as_bytes())?),
        None => 0i64.checked_add_unsigned(digits_of(text.as_bytes())?),
    }
}

fn word(text: &str) -> Option<&str> {
    let fine = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (fine && !text.is_empty()).then_some(text)
}

fn items(text: &str) -> Option<Vec<Item<'_>>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    let signs = [GRANTED, REFUSED, OBJECTED];
    let mut rest = text;
    while let Some(sign) = rest.bytes().next() {
        let after = rest.get(1..).filter(|_| signs.contains(&sign))?;
        let end = after.bytes().take_while(|byte| !signs.contains(byte));
        let (slug, next) = after.split_at_checked(end.count())?;
        let slug = word(slug)?;
        // A purpose that is granted and refused at once was not chosen by anybody.
        if items.iter().any(|item| item.1 == slug) {
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
