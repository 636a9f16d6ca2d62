//! A case that came out otherwise than it expects: what it asked, where the answer differs, and what decided.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
};

use avow_compiler::cases::{Case, Difference, Expectation, Ran, Runner};
use avow_engine::{
    Verdict,
    explain::{Considered, datetime},
    intake::Json,
};
use serde::Serialize;

use super::Suite;
use crate::output::{coloured, visible};

/// Rules that came close and are shown, where nothing decided.
const CLOSE: usize = 3;

#[derive(Serialize)]
pub(crate) struct Failure {
    pack: String,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    request: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<i64>,
    expected: Expectation,
    answer: Verdict,
    pub(crate) differences: Vec<Difference>,
    /// The rules that decided, those that should have, or else those that came close: with the conditions by which they came
    /// out as they did.
    considered: Vec<Considered>,
    #[serde(skip)]
    path: String,
    /// Where the considered rules stand, from where the command was given.
    #[serde(skip)]
    places: Vec<String>,
}

impl Failure {
    pub(crate) fn new(suite: &Suite, case: &Case, ran: &Ran, runner: &mut Runner) -> Self {
        let explained = runner.explain(case);
        let considered = explained.map(|explained| explained.considered);
        let considered = telling(considered.unwrap_or_default(), case, &ran.verdict);
        Self {
            pack: suite.folder.display().to_string(),
            name: case.name.clone(),
            path: suite.path(&case.file),
            file: case.file.clone(),
            line: case.line,
            request: case.request.clone(),
            tenant: case.tenant.clone(),
            now: case.now,
            expected: case.expect.clone(),
            answer: ran.verdict.clone(),
            differences: ran.differences.clone(),
            places: considered
                .iter()
                .map(|rule| suite.path(rule.source.as_deref().unwrap_or_default()))
                .collect(),
            considered,
        }
    }
}

/// The rules that say why: those that decided, those that were expected to, and where nothing decided those that came close.
fn telling(considered: Vec<Considered>, case: &Case, verdict: &Verdict) -> Vec<Considered> {
    let expected: BTreeSet<&str> = case
        .expect
        .rules
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let tells = |rule: &Considered| {
        verdict.rules.contains(&rule.rule)
            || expected.contains(rule.rule.as_str())
            || rule.result == "failed"
    };
    if considered.iter().any(tells) {
        return considered.into_iter().filter(tells).collect();
    }
    let wanted = match case.expect.outcome.as_str() {
        "forbidden" => "forbid",
        _ => "permit",
    };
    let close = considered.into_iter().filter(|rule| rule.effect == wanted);
    close.take(CLOSE).collect()
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", coloured("failed", false), visible(&self.name))?;
        writeln!(f, "  {}:{}", self.path, self.line)?;
        self.request(f)?;
        writeln!(f)?;
        for difference in &self.differences {
            show_difference(f, difference)?;
        }
        if let Some(problem) = &self.answer.problem {
            writeln!(f, "  refused      {problem}")?;
        }
        for (rule, place) in self.considered.iter().zip(&self.places) {
            show_rule(f, rule, place)?;
        }
        Ok(())
    }
}

impl Failure {
    /// Whether it is of the case at this place.
    pub(crate) fn is(&self, path: &str, line: usize, name: &str) -> bool {
        self.path == path && self.line == line && self.name == name
    }

    /// What was asked: one line for each thing that is short, one for each attribute of what is not.
    fn request(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in ["principal", "action", "resource"] {
            let value = self.request.get(part).unwrap_or(&Json::Null);
            let text = match value {
                Json::Str(text) => text.clone(),
                other => inline(other),
            };
            writeln!(f, "  {part:<12} {text}")?;
            // Of all entities that a case brings, these two tell most.
            if let Some(Json::Map(fields)) = self.described(value) {
                for (name, value) in fields {
                    writeln!(f, "  {:<12}   {name}: {}", "", inline(value))?;
                }
            }
        }
        if let Some(Json::Map(fields)) = self.request.get("context") {
            for (number, (name, value)) in fields.iter().enumerate() {
                let title = if number == 0 { "context" } else { "" };
                writeln!(f, "  {title:<12} {name}: {}", inline(value))?;
            }
        }
        if let Some(tenant) = &self.tenant {
            writeln!(f, "  {:<12} {tenant}", "tenant")?;
        }
        if let Some(now) = self.now {
            writeln!(f, "  {:<12} {}", "now", datetime(now))?;
        }
        Ok(())
    }

    /// The attributes of an entity that the case itself describes.
    fn described(&self, uid: &Json) -> Option<&Json> {
        let Some(Json::List(entities)) = self.request.get("entities") else {
            return None;
        };
        let entity = entities
            .iter()
            .find(|entity| entity.get("uid") == Some(uid))?;
        entity.get("attrs")
    }
}

/// One thing that came out otherwise. Of names, those that are missing and those that are too many.
fn show_difference(f: &mut Formatter<'_>, difference: &Difference) -> fmt::Result {
    let Difference {
        field,
        expected,
        found,
    } = difference;
    if matches!(*field, "outcome" | "until") {
        let found = coloured(found, false);
        return writeln!(
            f,
            "  {field:<12} expected {}, found {found}",
            coloured(expected, true)
        );
    }
    let names = |text: &str| -> BTreeSet<String> {
        let names = text.split(", ").filter(|name| !name.is_empty());
        names.map(ToOwned::to_owned).collect()
    };
    let (expected, found) = (names(expected), names(found));
    let mut title = *field;
    for name in expected.union(&found) {
        let line = match (expected.contains(name), found.contains(name)) {
            (true, true) => format!("  {name}"),
            (true, false) => coloured(&format!("- {name}"), true),
            _ => coloured(&format!("+ {name}"), false),
        };
        let how = match (expected.contains(name), found.contains(name)) {
            (true, true) => "",
            (true, false) => "  (expected)",
            _ => "  (found)",
        };
        writeln!(f, "  {title:<12} {line}{how}")?;
        title = "";
    }
    Ok(())
}

/// A rule, where it stands, and the conditions by which it came out as it did, with the values that they saw.
fn show_rule(f: &mut Formatter<'_>, rule: &Considered, place: &str) -> fmt::Result {
    let how = match (rule.result, rule.effect) {
        ("failed", _) => "could not be evaluated",
        ("holds", "permit") => "permits",
        ("holds", _) => "forbids",
        (_, "permit") => "does not permit",
        _ => "does not forbid",
    };
    writeln!(f, "\n  {} {how} ({place})", rule.rule)?;
    if let Some(error) = &rule.error {
        writeln!(f, "    {error}")?;
    }
    for condition in &rule.conditions {
        let value = match condition.value {
            Some(value) => format!("is {value}"),
            None => "failed".to_owned(),
        };
        writeln!(f, "    {} {value}", condition.condition)?;
        for (expression, value) in &condition.saw {
            writeln!(f, "      {expression} is {value}")?;
        }
    }
    Ok(())
}

/// A value on one line, as a case writes it.
fn inline(json: &Json) -> String {
    match json {
        Json::Str(text) => text.clone(),
        Json::List(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Map(fields) if fields.is_empty() => "{}".to_owned(),
        Json::Map(fields) => {
            let field = |(name, value): &(String, Json)| format!("{name}: {}", inline(value));
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        plain => serde_json::to_string(plain).unwrap_or_default(),
    }
}
