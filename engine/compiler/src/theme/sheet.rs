//! A style sheet of the pack's own: what may stand in it, so that accept and reject keep their equal weight, neither of them
//! goes out of sight, and what was measured of the colours stays true.
//!
//! It says what is allowed, not what is forbidden: whatever it does not know it refuses. That is sound, and far from complete;
//! who wants more writes rules into a style sheet of the site's own, and answers for them.

use std::ops::Range;

use super::selector::{self, Reach};

/// What is wrong with a sheet.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// Declarations that leave both buttons what they are, wherever they stand.
const ANYWHERE: &str = "border-radius border-start-start-radius border-start-end-radius border-end-start-radius \
    border-end-end-radius border-top-left-radius border-top-right-radius border-bottom-left-radius border-bottom-right-radius \
    border-width border-style cursor font-family font-style font-weight font-feature-settings font-variant-numeric \
    letter-spacing padding padding-block padding-inline text-decoration-style text-decoration-thickness \
    text-underline-offset text-transform transition transition-duration word-spacing";

/// Those that do so on what is around the buttons, as well.
const AROUND: &str = "border border-block border-inline border-color box-shadow column-gap gap row-gap hyphens margin \
    margin-block margin-block-end margin-block-start margin-inline";

/// And those that do so where neither the buttons nor anything around them is meant.
const ELSEWHERE: &str =
    "font-size line-height list-style-type text-align text-decoration text-wrap";

/// In `@font-face`.
const FONT: &str = "font-family src font-weight font-style font-display font-stretch unicode-range";

/// Functions that a value may have: of no other is known how large, or of whom, its result is.
const FUNCTIONS: [&str; 7] = [
    "url",
    "rgb",
    "hsl",
    "local",
    "format",
    "cubic-bezier",
    "steps",
];

/// The most that a length may be, by unit: a button is not pushed out of sight by that.
const UNITS: [(&str, f64); 7] = [
    ("px", 64.0),
    ("em", 4.0),
    ("rem", 4.0),
    ("%", 300.0),
    ("deg", 360.0),
    ("ms", 1000.0),
    ("s", 1.0),
];

/// A comment, so that its bytes keep their places.
const COMMENT: char = '\u{1}';

pub(super) fn check(text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    match masked(text) {
        Ok(masked) => {
            let mut reader = Reader {
                text: &masked,
                at: 0,
                problems: &mut problems,
            };
            reader.rules(false);
        }
        Err(problem) => problems.push(problem),
    }
    problems
}

/// The sheet with its comments marked. What is in quotes must be plain, so that a brace or a semicolon is always one.
fn masked(text: &str) -> Result<String, Problem> {
    let problem = |at: usize, message: &str, help| Problem {
        span: at..text.len().min(at + 1),
        message: message.to_owned(),
        help,
    };
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        let ahead = text.get(at..).unwrap_or_default();
        match (quote, c) {
            (None, '/') if ahead.starts_with("/*") => {
                let Some(end) = ahead.get(2..).and_then(|ahead| ahead.find("*/")) else {
                    return Err(problem(at, "the comment does not end", "end it with `*/`"));
                };
                let bytes = end + 4;
                out.extend(std::iter::repeat_n(COMMENT, bytes));
                let after = at + bytes;
                while rest.offset() < after && rest.next().is_some() {}
                continue;
            }
            (_, '\\') => {
                return Err(problem(
                    at,
                    "the sheet has a `\\`",
                    "write it without escapes",
                ));
            }
            (_, c) if c == COMMENT || ahead.starts_with("<!") => {
                return Err(problem(
                    at,
                    "that is no style sheet",
                    "take the character out",
                ));
            }
            (Some(_), '{' | '}' | ';' | '\n') => {
                return Err(problem(
                    at,
                    "quotes have more in them than a name",
                    "end them on their line, without `{`, `}` and `;`",
                ));
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        out.push(c);
    }
    match quote {
        Some(_) => Err(problem(text.len(), "the quotes do not end", "end them")),
        None => Ok(out),
    }
}

struct Reader<'a> {
    /// Masked.
    text: &'a str,
    at: usize,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, help: &'static str) {
        self.problems.push(Problem {
            span,
            message: message.into(),
            help,
        });
    }

    /// Up to one of some characters, or to the end; without blanks and comments around it.
    fn until(&mut self, ends: [char; 3]) -> (&'a str, Range<usize>, Option<char>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(ends).unwrap_or(rest.len());
        let (taken, after) = rest.split_at_checked(end).unwrap_or_default();
        let blank = |c: char| c.is_whitespace() || c == COMMENT;
        let start = self.at + taken.len() - taken.trim_start_matches(blank).len();
        let taken = taken.trim_matches(blank);
        let found = after.chars().next();
        self.at += end + found.map_or(0, char::len_utf8);
        (taken, start..start + taken.len(), found)
    }

    /// Rules up to the end, or to the end of the block that they are in.
    fn rules(&mut self, inside: bool) {
        loop {
            let (head, span, end) = self.until(['{', '}', ';']);
            match end {
                None if head.is_empty() && !inside => return,
                Some('}') if head.is_empty() && inside => return,
                Some('{') if head.starts_with('@') => self.block(head, span),
                Some('{') => {
                    let reach = self.selectors(head, &span);
                    self.declarations(reach);
                }
                Some(';') if head.starts_with('@') => {
                    let message = format!("`{head}` is not allowed in it");
                    self.wrong(
                        span,
                        message,
                        "take it out: the site has it in a sheet of its own",
                    );
                }
                _ => {
                    let help = "write `selector { property: value; }`";
                    self.wrong(span, "the sheet does not hold together here", help);
                    return;
                }
            }
        }
    }

    /// A block that begins with `@`.
    fn block(&mut self, head: &str, span: Range<usize>) {
        match head.split([' ', '(', COMMENT]).next().unwrap_or_default() {
            "@media" | "@supports" => self.rules(true),
            "@font-face" => self.declarations(None),
            other => {
                let message = format!("`{other}` is not allowed in it");
                self.wrong(
                    span,
                    message,
                    "there are `@media`, `@supports` and `@font-face`",
                );
                // What is in it follows other rules.
                self.at = self.text.len();
            }
        }
    }

    fn selectors(&mut self, head: &str, span: &Range<usize>) -> Option<Reach> {
        let reach = selector::reach(head);
        match reach {
            Ok(reach) => Some(reach),
            Err((message, help)) => {
                self.wrong(span.clone(), message, help);
                // The strictest: what it says is looked at all the same.
                Some(Reach::Buttons)
            }
        }
    }

    /// Declarations up to the end of their block; none for a reach are those of a font.
    fn declarations(&mut self, reach: Option<Reach>) {
        let allowed = match reach {
            None => vec![FONT],
            Some(Reach::Buttons) => vec![ANYWHERE],
            Some(Reach::Around) => vec![ANYWHERE, AROUND],
            Some(Reach::Elsewhere) => vec![ANYWHERE, AROUND, ELSEWHERE],
        };
        loop {
            let (declaration, span, end) = self.until(['{', '}', ';']);
            match end {
                Some('{') => {
                    let message = "a rule stands in another one";
                    self.wrong(span, message, "write each rule by itself");
                    self.at = self.text.len();
                    return;
                }
                None => {
                    self.wrong(span, "the block does not end", "end it with `}`");
                    return;
                }
                Some(_) => {}
            }
            if !declaration.is_empty() {
                self.declaration(declaration, &span, &allowed, reach);
            }
            if end == Some('}') {
                return;
            }
        }
    }

    fn declaration(
        &mut self,
        declaration: &str,
        span: &Range<usize>,
        allowed: &[&str],
        reach: Option<Reach>,
    ) {
        let (name, value) = declaration.split_once(':').unwrap_or((declaration, ""));
        let name = name
            .trim_matches(|c: char| c.is_whitespace() || c == COMMENT)
            .to_ascii_lowercase();
        let listed = |lists: &[&str]| {
            lists
                .iter()
                .any(|list| list.split(' ').any(|one| one == name))
        };
        if !listed(allowed) {
            let elsewhere = listed(&[ANYWHERE, AROUND, ELSEWHERE]);
            let (message, help) = match reach {
                None => (
                    format!("a font has no `{name}`"),
                    "take it out: what a font has is listed in docs/packs.md",
                ),
                Some(Reach::Buttons) if elsewhere => (
                    format!("`{name}` could tell one answer from the other, or hide it"),
                    "name something in the selector that is no button of the first layer",
                ),
                Some(_) if elsewhere => (
                    format!("`{name}` could move the answers out of sight"),
                    "name something in the selector that has no buttons in it",
                ),
                Some(_) => (
                    format!("`{name}` is not allowed in it"),
                    "colours are said in [theme], where they are measured, and what is hidden or moved is no theme; docs/packs.md lists the properties",
                ),
            };
            self.wrong(span.clone(), message, help);
            return;
        }
        let signed = name == "box-shadow";
        let is_font = reach.is_none();
        if let Err((message, help)) = self::value(value, signed, is_font, name == "font-size") {
            self.wrong(span.clone(), message, help);
        }
    }
}

/// Whether a value is as small as it says, and fetches nothing from anybody else.
fn value(
    value: &str,
    signed: bool,
    is_font: bool,
    is_size: bool,
) -> Result<(), (String, &'static str)> {
    let value = value.replace(COMMENT, " ").to_ascii_lowercase();
    for (at, _) in value.match_indices('(') {
        let before = value.get(..at).unwrap_or_default();
        let name = before
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .next()
            .unwrap_or_default();
        if !FUNCTIONS.contains(&name) {
            let message = format!("of `{name}()` is not known what comes of it");
            return Err((message, "write the value itself"));
        }
        let inside = value.get(at + 1..).unwrap_or_default();
        let address = inside.trim_start_matches(|c: char| c.is_whitespace() || "\"'".contains(c));
        let address = address.split([')', '"', '\'']).next().unwrap_or_default();
        if name == "url" && (address.contains(':') || address.starts_with("//")) {
            let message =
                format!("`{address}` is fetched from somebody else, before anybody agreed to it");
            return Err((message, "serve the file from the site, and write its path"));
        }
    }
    if is_font {
        return Ok(());
    }
    // Numbers: in quotes and in names there are none.
    let mut outside = value.split(['"', '\'']).step_by(2);
    outside.try_for_each(|part| {
        part.split(|c: char| c.is_whitespace() || "(),/!".contains(c))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)))
            .try_for_each(|word| number(word, signed, is_size))
    })
}

fn number(word: &str, signed: bool, is_size: bool) -> Result<(), (String, &'static str)> {
    let help = "a length is at most `64px`, `4em` or `4rem`, and not below 0; text at least `12px`, `0.75em` or `75%`";
    let wrong = || {
        Err((
            format!("`{word}` is too large, too small, or no length"),
            help,
        ))
    };
    let end = word
        .find(|c: char| c.is_ascii_alphabetic() || c == '%')
        .unwrap_or(word.len());
    let (digits, unit) = word.split_at_checked(end).unwrap_or_default();
    let Ok(value) = digits.parse::<f64>() else {
        return wrong();
    };
    let least = match (is_size, unit) {
        (false, _) if signed => f64::NEG_INFINITY,
        (false, _) => 0.0,
        (true, "px") => 12.0,
        (true, "em" | "rem") => 0.75,
        (true, "%") => 75.0,
        (true, _) => return wrong(),
    };
    // A number without unit is a weight, a factor or nothing.
    let most = match unit {
        "" => 1000.0,
        unit => match UNITS.iter().find(|(known, _)| *known == unit) {
            Some((_, most)) => *most,
            None => return wrong(),
        },
    };
    match value >= least && value.abs() <= most {
        true => Ok(()),
        false => wrong(),
    }
}
