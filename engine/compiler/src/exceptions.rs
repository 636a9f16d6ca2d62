//! `mutants.toml`: what no case can show, each with the reason.
//!
//! `[[equivalent]]` is a change of a rule that changes no answer: `rule`, `before`, `after` and, where two changes look alike,
//! `change`, its kind. `[[unreachable]]` is a side of a branch that nothing can lead to: `rule`, `branch` and `side`. Every
//! entry has a `reason`, and has to be needed.

use std::cell::Cell;

use serde::Deserialize;

use crate::{
    finding::{Finding, Sources},
    manifest::parse,
};

const FILE: &str = "mutants.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    equivalent: Vec<toml::Spanned<Equivalent>>,
    #[serde(default)]
    unreachable: Vec<toml::Spanned<Unreachable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Equivalent {
    rule: String,
    change: Option<String>,
    before: String,
    after: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unreachable {
    rule: String,
    branch: String,
    side: bool,
    reason: String,
}

/// The entries of one kind, and which of them something has asked for.
pub(crate) struct Exceptions<T> {
    entries: Vec<(toml::Spanned<T>, Cell<bool>)>,
}

/// Reads the file, where the pack has one.
pub(crate) fn read(
    sources: &Sources<'_>,
) -> Result<(Exceptions<Equivalent>, Exceptions<Unreachable>), Vec<Finding>> {
    let mut findings = Vec::new();
    let listed = match sources.get(FILE) {
        None => None,
        Some(_) => parse::<Listed>(sources, FILE, "mutants", &mut findings),
    };
    if !findings.is_empty() {
        return Err(findings);
    }
    let (equivalent, unreachable) = listed
        .map(|listed| (listed.equivalent, listed.unreachable))
        .unwrap_or_default();
    let read = (Exceptions::new(equivalent), Exceptions::new(unreachable));
    read.0
        .reasons(sources, &mut findings, |entry| &entry.reason);
    read.1
        .reasons(sources, &mut findings, |entry| &entry.reason);
    match findings.is_empty() {
        true => Ok(read),
        false => Err(findings),
    }
}

impl<T> Exceptions<T> {
    fn new(entries: Vec<toml::Spanned<T>>) -> Self {
        let unused = |entry| (entry, Cell::new(false));
        Self {
            entries: entries.into_iter().map(unused).collect(),
        }
    }

    fn reasons(
        &self,
        sources: &Sources<'_>,
        findings: &mut Vec<Finding>,
        reason: impl Fn(&T) -> &str,
    ) {
        for (entry, _) in &self.entries {
            if reason(entry.get_ref()).trim().is_empty() {
                let span = Some(entry.span());
                let message = "the entry gives no reason";
                findings.push(sources.error("mutants", FILE, span, message));
            }
        }
    }

    fn find(&self, fits: impl Fn(&T) -> bool) -> Option<&T> {
        // Only the first: one that says the same again is not needed.
        let (entry, used) = (self.entries.iter()).find(|(entry, _)| fits(entry.get_ref()))?;
        used.set(true);
        Some(entry.get_ref())
    }

    /// Entries that nothing has asked for: what they name is not there, or a case shows it after all.
    pub(crate) fn unused(&self, sources: &Sources<'_>, what: &str) -> Vec<Finding> {
        let unused = self.entries.iter().filter(|(_, used)| !used.get());
        unused
            .map(|(entry, _)| {
                let message = format!("the entry names no {what}");
                sources
                    .error("mutants", FILE, Some(entry.span()), message)
                    .with_help("take it out, or write it as the report does")
            })
            .collect()
    }
}

impl Exceptions<Equivalent> {
    /// The reason why a change that no case notices changes nothing.
    pub(crate) fn reason(
        &self,
        rule: &str,
        change: &str,
        before: &str,
        after: &str,
    ) -> Option<&str> {
        let fits = |entry: &Equivalent| {
            entry.rule == rule
                && entry.change.as_deref().is_none_or(|kind| kind == change)
                && squeezed(&entry.before) == before
                && squeezed(&entry.after) == after
        };
        self.find(fits).map(|entry| entry.reason.as_str())
    }
}

impl Exceptions<Unreachable> {
    /// The reason why a side of a branch is never seen.
    pub(crate) fn reason(&self, rule: &str, branch: &str, side: bool) -> Option<&str> {
        let fits = |entry: &Unreachable| {
            entry.rule == rule && squeezed(&entry.branch) == branch && entry.side == side
        };
        self.find(fits).map(|entry| entry.reason.as_str())
    }
}

/// A text of Cedar on one line: without comments, and with one blank where there were several.
pub(crate) fn squeezed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            if c == '\\' {
                out.extend(rest.next());
            }
            in_string = c != '"';
        } else if c == '/' && rest.peek() == Some(&'/') {
            while rest.next_if(|c| *c != '\n').is_some() {}
        } else if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            in_string = c == '"';
            out.push(c);
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::squeezed;

    #[test]
    fn strings_keep_their_blanks_and_comments_go() {
        let text = "a  ==\n  \"x  // y\\\"  z\" // why\n  && b";
        assert_eq!(squeezed(text), "a == \"x  // y\\\"  z\" && b");
    }
}
