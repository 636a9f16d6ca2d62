//! What a case expects, and the names in it.

use std::collections::BTreeSet;

use avow_engine::{Until, ext::parse_datetime};

use super::{
    Expectation,
    file::{Draft, FileReader},
    known::{Known, help},
    yaml::{Field, Node},
};

const KEYS: [&str; 5] = ["outcome", "rules", "clauses", "obligations", "until"];
const OUTCOMES: [&str; 5] = ["allow", "forbidden", "not_permitted", "refused", "failed"];

impl FileReader<'_> {
    /// The expectation of a case; none where it has none or a wrong one, which is said.
    pub(super) fn expectation(&mut self, draft: &Draft) -> Option<Expectation> {
        let Some(field) = draft.fields.iter().find(|field| &*field.key == "expect") else {
            let help = Some("add `expect: allow`, or what else should come out".to_owned());
            self.wrong("case", &draft.at, "the case expects nothing", help);
            return None;
        };
        if field.node.text().is_some() {
            return Some(Expectation {
                outcome: self.outcome(&field.node)?,
                ..Expectation::default()
            });
        }
        let Some(given) = field.node.fields() else {
            let message = format!(
                "`expect` is an outcome or a map with one, not {}",
                field.node.kind()
            );
            self.wrong("case", &field.node.span, message, None);
            return None;
        };
        for field in given.iter().filter(|field| !KEYS.contains(&&*field.key)) {
            let message = format!("`expect` has no key `{}`", field.key);
            self.wrong("case", &field.at, message, help(&field.key, KEYS));
        }
        let mut expect = Expectation {
            rules: self.names(&field.node, "rules"),
            clauses: self.names(&field.node, "clauses"),
            obligations: self.names(&field.node, "obligations"),
            ..Expectation::default()
        };
        expect.until = field.node.get("until").and_then(|field| self.until(field));
        let Some(outcome) = field.node.get("outcome") else {
            let help = Some(format!("there are `{}`", OUTCOMES.join("`, `")));
            self.wrong("case", &field.at, "`expect` names no `outcome`", help);
            return None;
        };
        expect.outcome = self.outcome(&outcome.node)?;
        Some(expect)
    }

    fn outcome(&mut self, node: &Node) -> Option<String> {
        let Some(word) = node.text() else {
            let message = format!("`outcome` is a string, not {}", node.kind());
            self.wrong("case", &node.span, message, None);
            return None;
        };
        if !OUTCOMES.contains(&word) {
            let message = format!("`{word}` is no outcome");
            self.wrong("case", &node.span, message, help(word, OUTCOMES));
            return None;
        }
        Some(word.to_owned())
    }

    fn names(&mut self, expect: &Node, key: &str) -> Option<Vec<String>> {
        let field = expect.get(key)?;
        let mut names = self.declared(field);
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    fn until(&mut self, field: &Field) -> Option<Until> {
        match field.node.text() {
            Some("never") => Some(Until::Forever),
            Some("none") => Some(Until::Now),
            _ => self.datetime(field).map(Until::At),
        }
    }

    /// An instant, milliseconds since 1970 in UTC.
    pub(super) fn datetime(&mut self, field: &Field) -> Option<i64> {
        let at = field
            .node
            .text()
            .and_then(|text| parse_datetime(text.as_bytes()));
        if at.is_none() {
            let message = match field.node.text() {
                Some(text) => format!("`{}`: `{text}` is no datetime", field.key),
                None => format!("`{}` is a datetime, not {}", field.key, field.node.kind()),
            };
            let words = match &*field.key {
                "until" => {
                    ", or `never` where the clock changes nothing, or `none` where nothing is promised"
                }
                _ => "",
            };
            let help = Some(format!("one looks like `2026-03-01T09:00:00Z`{words}"));
            self.wrong("case", &field.node.span, message, help);
        }
        at
    }

    /// The names of rules, clauses or obligations in a list; one that the pack has not is said.
    pub(super) fn declared(&mut self, field: &Field) -> Vec<String> {
        let texts = self.texts(field);
        if let Some(known) = self.known {
            let (what, declared): (&str, &BTreeSet<String>) = names_of(known, &field.key);
            for text in texts.iter().filter(|text| !declared.contains(&*text.key)) {
                let message = format!("the pack has no {what} `{}`", text.key);
                let help = help(&text.key, declared.iter().map(String::as_str));
                self.wrong("case-unknown", &text.at, message, help);
            }
        }
        texts.iter().map(|text| text.key.to_string()).collect()
    }
}

fn names_of<'k>(known: &'k Known<'_>, key: &str) -> (&'static str, &'k BTreeSet<String>) {
    match key {
        "rules" => ("rule", &known.rules),
        "clauses" => ("clause", &known.clauses),
        _ => ("obligation", &known.obligations),
    }
}
