//! What a selector may select, as far as the first layer's answers are concerned. Each doubt counts for them.

/// Nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Perhaps accept and reject.
    Buttons,
    /// Perhaps what these are in.
    Around,
    /// Neither.
    Elsewhere,
}

type Wrong = (String, &'static str);

/// Classes of accept and reject.
const BUTTONS: [&str; 1] = ["avow-strong"];

/// Classes of what they are in.
const AROUND: [&str; 3] = ["avow", "avow-banner", "avow-actions"];

/// States that come to both of them alike, and to neither by its place.
const STATES: [&str; 7] = [
    "hover",
    "focus",
    "focus-visible",
    "focus-within",
    "active",
    "disabled",
    "enabled",
];

/// The attribute that says what a button does.
const ACTION: &str = "data-avow";

/// What a list of selectors reaches: the nearest that any of them does.
pub(super) fn reach(list: &str) -> Result<Reach, Wrong> {
    let list = list.to_ascii_lowercase();
    if list.contains(['\u{1}', '&', '|']) {
        let message = format!("`{}` is more than a selector", list.replace('\u{1}', "…"));
        return Err((message, "write it without comments, `&` and `|`"));
    }
    let selectors: Vec<_> = parts(&list, |c| c == ',')
        .into_iter()
        .map(|(_, one)| one.trim())
        .collect();
    let plain: Vec<_> = selectors.iter().map(|one| unquoted(one)).collect();
    for one in &plain {
        if one.contains(ACTION) && one.contains("accept") | one.contains("reject") {
            let other = one
                .replace("accept", "\u{2}")
                .replace("reject", "accept")
                .replace('\u{2}', "reject");
            if !plain.contains(&other) {
                let message = format!("`{one}` is about one answer and not about the other");
                return Err((message, "write the same for both, in one list of selectors"));
            }
        }
    }
    let mut nearest = Reach::Elsewhere;
    for one in selectors {
        nearest = nearest.min(of_one(one)?);
    }
    Ok(nearest)
}

fn of_one(selector: &str) -> Result<Reach, Wrong> {
    let compounds = parts(selector, |c| c.is_whitespace() || ">+~".contains(c));
    let compounds: Vec<_> = compounds
        .into_iter()
        .scan(String::new(), |before, (mark, text)| {
            // Of blanks and a combinator together, the combinator counts.
            before.extend(mark);
            Some(match text.is_empty() {
                true => None,
                false => Some((std::mem::take(before), text)),
            })
        })
        .flatten()
        .collect();
    let names_widget = |(_, text): &(String, &str)| {
        simple(text).is_ok_and(|all| {
            let mut all = all.into_iter();
            all.any(|one| matches!(one, Simple::Class(name) if name.starts_with("avow")))
        })
    };
    if !compounds.iter().any(names_widget) {
        let message = format!("`{selector}` is about more than the widget");
        return Err((message, "begin it with `.avow`"));
    }
    let Some((combinator, subject)) = compounds.last() else {
        return Err((format!("`{selector}` is no selector"), "write one"));
    };
    let subject = simple(subject)?;
    let may_be = |type_name: &str, classes: &[&str], has_id: bool| {
        subject.iter().all(|one| match one {
            Simple::Type(name) => *name == "*" || *name == type_name,
            Simple::Class(name) => classes.contains(name),
            Simple::Id => has_id,
            Simple::Attribute(ACTION, Some(value)) => {
                type_name != "button" || ["accept", "reject"].contains(value)
            }
            _ => true,
        })
    };
    if may_be("button", &BUTTONS, false) {
        let by_place = combinator.contains(['+', '~']);
        let apart = subject.iter().find(|one| match one {
            Simple::State(name) => !STATES.contains(name),
            Simple::Attribute(name, value) => *name != ACTION || value.is_none(),
            _ => false,
        });
        if by_place || apart.is_some() {
            let message = format!("`{selector}` can tell one answer from the other");
            return Err((message, "select both buttons alike: `.avow-strong`"));
        }
        return Ok(Reach::Buttons);
    }
    Ok(match may_be("div", &AROUND, true) {
        true => Reach::Around,
        false => Reach::Elsewhere,
    })
}

/// A part of a compound selector.
#[derive(Clone, Copy)]
enum Simple<'a> {
    Type(&'a str),
    Class(&'a str),
    Id,
    /// Name, and the value that it must be equal to, where that is a plain one.
    Attribute(&'a str, Option<&'a str>),
    /// A pseudo-class or pseudo-element; with what stands in its parentheses.
    State(&'a str),
}

fn simple(compound: &str) -> Result<Vec<Simple<'_>>, Wrong> {
    let mut out = Vec::new();
    let mut rest = compound;
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let name_end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        let name = after.get(..name_end).unwrap_or_default();
        let (one, used) = match first {
            '.' if !name.is_empty() => (Simple::Class(name), 1 + name_end),
            '#' if !name.is_empty() => (Simple::Id, 1 + name_end),
            '*' if out.is_empty() => (Simple::Type("*"), 1),
            '[' => {
                let end = after.find(']').unwrap_or(after.len());
                let inside = after.get(..end).unwrap_or_default();
                (attribute(inside), end + 2)
            }
            ':' => {
                let name = after.trim_start_matches(':');
                let start = rest.len() - name.len();
                let end = match name.find(|c| !is_name(c)) {
                    Some(at) if name.get(at..).is_some_and(|rest| rest.starts_with('(')) => {
                        at + closing(name.get(at..).unwrap_or_default())
                    }
                    Some(at) => at,
                    None => name.len(),
                };
                (
                    Simple::State(name.get(..end).unwrap_or_default()),
                    start + end,
                )
            }
            c if is_name(c) && out.is_empty() => {
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                (Simple::Type(rest.get(..end).unwrap_or_default()), end)
            }
            _ => {
                let message = format!("`{compound}` is no selector that is known here");
                return Err((message, "use types, classes, attributes and states"));
            }
        };
        out.push(one);
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(out)
}

fn attribute(inside: &str) -> Simple<'_> {
    let (name, value) = inside.split_once('=').unwrap_or((inside, ""));
    let value = value.trim().trim_matches(['"', '\'']);
    let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    // An operator before the sign stays with the name, which is then no name.
    Simple::Attribute(name.trim(), Some(value).filter(|_| plain))
}

/// Bytes up to, and with, the parenthesis that closes the first one.
fn closing(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// What stands between marks that are in no brackets and no quotes, each with the mark before it.
fn parts(text: &str, is_mark: impl Fn(char) -> bool) -> Vec<(Option<char>, &str)> {
    let mut out = Vec::new();
    let (mut depth, mut quote, mut start, mut mark) = (0usize, None, 0, None);
    for (at, c) in text.char_indices() {
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            c if depth == 0 && is_mark(c) => {
                out.push((mark, text.get(start..at).unwrap_or_default()));
                mark = Some(c);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    out.push((mark, text.get(start..).unwrap_or_default()));
    out
}

/// Without quotes and blanks that say nothing.
fn unquoted(selector: &str) -> String {
    let words: Vec<_> = selector.split_whitespace().collect();
    words.join(" ").replace(['"', '\''], "")
}
