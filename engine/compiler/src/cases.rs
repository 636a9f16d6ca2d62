//! The cases of a pack: `tests/*.yaml`.
//!
//! A file has `defaults` (merged into each case; contexts are merged key by key), named `entities`, `use` (entities that
//! every case is given) and `cases`. A case with a table `vary` is run once for each row; a row's keys are paths into the
//! case, and `null` takes something out. The text `$offer` stands for the pack's current offer.

use std::collections::BTreeMap;

use avow_engine::{ext::parse_datetime, intake::Json};
use serde::Serialize;

use crate::{
    Files,
    finding::{Finding, Sources},
};

/// One run of a case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file that it stands in.
    pub file: String,
    /// Line of its name.
    pub line: usize,
    /// Its name; with the number of the row where it varies.
    pub name: String,
    /// The clauses that it is about.
    pub clauses: Vec<String>,
    /// The request, as intake reads it.
    pub request: Json,
    /// `context.now`, milliseconds since 1970 in UTC.
    pub now: Option<i64>,
    /// `context.tenant`.
    pub tenant: Option<String>,
    /// What should come out.
    pub expect: Expectation,
}

/// What a case expects; what is not said is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// `allow`, `forbidden`, `not_permitted`, `refused` or `failed`.
    pub outcome: String,
    /// The determining rules, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<String>>,
    /// Their clauses, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clauses: Option<Vec<String>>,
    /// The obligations, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obligations: Option<Vec<String>>,
}

/// All cases among a pack's files.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(files: &Files, offer: &str) -> Result<Vec<Case>, Vec<Finding>> {
    let sources = Sources::new(files);
    let mut cases = Vec::new();
    let mut findings = Vec::new();
    for (file, text) in sources.ending(".yaml") {
        if !file.starts_with("tests/") {
            continue;
        }
        match serde_saphyr::from_str::<Json>(text) {
            Ok(json) => {
                let reader = Reader {
                    sources: &sources,
                    file,
                    lines: case_lines(text),
                    offer,
                };
                reader.file(&json, &mut cases, &mut findings);
            }
            Err(error) => {
                let message = error.to_string();
                let message = message.lines().next().unwrap_or_default().to_owned();
                findings.push(sources.error("case", file, None, message));
            }
        }
    }
    if findings.is_empty() {
        Ok(cases)
    } else {
        Err(crate::finding::ordered(findings))
    }
}

/// Byte offset and line of each case, in order.
fn case_lines(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut inside = false;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        inside |= line.starts_with("cases:");
        if inside && line.trim_start().starts_with("- name:") {
            out.push((at, number + 1));
        }
        at += line.len();
    }
    out
}

type Fields = BTreeMap<String, Json>;

struct Reader<'a> {
    sources: &'a Sources<'a>,
    file: &'a str,
    lines: Vec<(usize, usize)>,
    offer: &'a str,
}

impl Reader<'_> {
    fn file(&self, json: &Json, cases: &mut Vec<Case>, findings: &mut Vec<Finding>) {
        let mut wrong = |case: Option<usize>, message: String| {
            let span = case
                .and_then(|case| self.lines.get(case))
                .map(|(at, _)| *at..*at + 1);
            findings.push(self.sources.error("case", self.file, span, message));
        };
        let known = ["defaults", "entities", "use", "cases"];
        let Some(top) = fields(json) else {
            wrong(None, "a case file is a map with `cases`".to_owned());
            return;
        };
        if let Some(key) = top.keys().find(|key| !known.contains(&key.as_str())) {
            wrong(
                None,
                format!("unknown key `{key}`; there are `{}`", known.join("`, `")),
            );
        }
        let shared = top.get("entities").and_then(fields).unwrap_or_default();
        let defaults = top.get("defaults").and_then(fields).unwrap_or_default();
        let Some(Json::List(list)) = top.get("cases") else {
            wrong(None, "the file has no list `cases`".to_owned());
            return;
        };
        for (number, case) in list.iter().enumerate() {
            let mut take = || -> Result<(), String> {
                let own = fields(case).ok_or("a case is a map")?;
                let mut base = defaults.clone();
                for (key, value) in own {
                    merge(&mut base, key, value);
                }
                let rows = match base.remove("vary") {
                    None => vec![(None, base)],
                    Some(Json::List(rows)) => rows
                        .iter()
                        .enumerate()
                        .map(|(i, row)| {
                            let mut varied = base.clone();
                            for (path, value) in fields(row).ok_or("a row of `vary` is a map")? {
                                set(&mut varied, &path, value)?;
                            }
                            Ok((Some(i + 1), varied))
                        })
                        .collect::<Result<_, String>>()?,
                    Some(_) => return Err("`vary` is a list of rows".to_owned()),
                };
                for (row, fields) in rows {
                    let row_name = row.map(|row| format!(" [row {row}]")).unwrap_or_default();
                    let case = self
                        .case(number, &row_name, fields, &shared, top.get("use"))
                        .map_err(|message| format!("{message}{row_name}"))?;
                    cases.push(case);
                }
                Ok(())
            };
            if let Err(message) = take() {
                wrong(Some(number), message);
            }
        }
    }

    fn case(
        &self,
        number: usize,
        row_name: &str,
        mut fields: Fields,
        shared: &Fields,
        used: Option<&Json>,
    ) -> Result<Case, String> {
        let name = text(fields.remove("name"), "name")?;
        let clauses = texts(fields.remove("clauses").as_ref(), "clauses")?.unwrap_or_default();
        let now = match fields.remove("now") {
            None => None,
            Some(Json::Str(at)) => Some(
                parse_datetime(at.as_bytes())
                    .ok_or_else(|| format!("`now` is no datetime: `{at}`"))?,
            ),
            Some(_) => return Err("`now` is no datetime".to_owned()),
        };
        let tenant = match fields.remove("tenant") {
            None => None,
            tenant => Some(text(tenant, "tenant")?),
        };
        let expect = expectation(fields.remove("expect").as_ref())?;
        let mut entities = Vec::new();
        let mut given = texts(used, "use")?.unwrap_or_default();
        given.extend(texts(fields.remove("use").as_ref(), "use")?.unwrap_or_default());
        for name in given {
            let entity = shared.get(&name).ok_or_else(|| {
                format!("`use` names `{name}`, which is not among the file's entities")
            })?;
            if !entities.contains(entity) {
                entities.push(entity.clone());
            }
        }
        match fields.remove("entities") {
            None => {}
            Some(Json::List(own)) => entities.extend(own),
            Some(Json::Map(own)) => entities.extend(own.into_iter().map(|(_, entity)| entity)),
            Some(_) => return Err("`entities` is a list or a map of entities".to_owned()),
        }
        let mut request = Vec::new();
        for key in ["principal", "action", "resource"] {
            let value = fields
                .remove(key)
                .ok_or_else(|| format!("the case has no `{key}`"))?;
            request.push((key.to_owned(), value));
        }
        let context = fields.remove("context").unwrap_or(Json::Map(Vec::new()));
        request.push(("context".to_owned(), context));
        request.push(("entities".to_owned(), Json::List(entities)));
        if let Some((key, _)) = fields.into_iter().next() {
            return Err(format!("unknown key `{key}`"));
        }
        let mut request = Json::Map(request);
        substitute(&mut request, self.offer);
        Ok(Case {
            file: self.file.to_owned(),
            line: self.lines.get(number).map_or(1, |(_, line)| *line),
            name: format!("{name}{row_name}"),
            clauses,
            request,
            now,
            tenant,
            expect,
        })
    }
}

fn fields(json: &Json) -> Option<Fields> {
    match json {
        Json::Map(fields) => Some(fields.iter().cloned().collect()),
        _ => None,
    }
}

/// A case's value in place of the default; of contexts, key by key.
fn merge(base: &mut Fields, key: String, value: Json) {
    if key == "context"
        && let (Some(Json::Map(old)), Json::Map(new)) = (base.get_mut(&key), &value)
    {
        for (name, value) in new {
            old.retain(|(known, _)| known != name);
            if *value != Json::Null {
                old.push((name.clone(), value.clone()));
            }
        }
        return;
    }
    base.insert(key, value);
}

/// Puts a value where a path leads; `null` takes out what is there.
fn set(fields: &mut Fields, path: &str, value: Json) -> Result<(), String> {
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let Some((last, way)) = rest.split_last() else {
        if value == Json::Null {
            fields.remove(first);
        } else {
            fields.insert(first.to_owned(), value);
        }
        return Ok(());
    };
    let mut at = fields
        .entry(first.to_owned())
        .or_insert(Json::Map(Vec::new()));
    for part in way {
        let Json::Map(inner) = at else {
            return Err(format!("`{path}` leads through something that is no map"));
        };
        if !inner.iter().any(|(key, _)| key == part) {
            inner.push(((*part).to_owned(), Json::Map(Vec::new())));
        }
        at = inner
            .iter_mut()
            .find(|(key, _)| key == part)
            .map(|(_, value)| value)
            .ok_or_else(|| format!("`{path}` leads nowhere"))?;
    }
    let Json::Map(inner) = at else {
        return Err(format!("`{path}` leads into something that is no map"));
    };
    inner.retain(|(key, _)| key != last);
    if value != Json::Null {
        inner.push(((*last).to_owned(), value));
    }
    Ok(())
}

fn substitute(json: &mut Json, offer: &str) {
    match json {
        Json::Str(text) if text == "$offer" => offer.clone_into(text),
        Json::List(items) => items.iter_mut().for_each(|item| substitute(item, offer)),
        Json::Map(fields) => fields
            .iter_mut()
            .for_each(|(_, value)| substitute(value, offer)),
        _ => {}
    }
}

fn text(json: Option<Json>, key: &str) -> Result<String, String> {
    match json {
        Some(Json::Str(text)) => Ok(text),
        _ => Err(format!("`{key}` is no string")),
    }
}

fn texts(json: Option<&Json>, key: &str) -> Result<Option<Vec<String>>, String> {
    match json {
        None => Ok(None),
        Some(Json::List(items)) => items
            .iter()
            .map(|item| text(Some(item.clone()), key))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(format!("`{key}` is no list")),
    }
}

fn expectation(json: Option<&Json>) -> Result<Expectation, String> {
    let outcomes = ["allow", "forbidden", "not_permitted", "refused", "failed"];
    let sorted = |key: &str| {
        let mut names = texts(json.and_then(|json| json.get(key)), key)?;
        if let Some(names) = &mut names {
            names.sort_unstable();
        }
        Ok::<_, String>(names)
    };
    let expect = match json {
        Some(Json::Str(outcome)) => Expectation {
            outcome: outcome.clone(),
            ..Expectation::default()
        },
        Some(Json::Map(given)) => {
            let known = ["outcome", "rules", "clauses", "obligations"];
            if let Some((key, _)) = given.iter().find(|(key, _)| !known.contains(&key.as_str())) {
                return Err(format!("`expect` has an unknown key `{key}`"));
            }
            Expectation {
                outcome: text(
                    json.and_then(|json| json.get("outcome")).cloned(),
                    "outcome",
                )?,
                rules: sorted("rules")?,
                clauses: sorted("clauses")?,
                obligations: sorted("obligations")?,
            }
        }
        _ => return Err("the case expects nothing: add `expect`".to_owned()),
    };
    if outcomes.contains(&expect.outcome.as_str()) {
        Ok(expect)
    } else {
        Err(format!(
            "`{}` is no outcome; there are `{}`",
            expect.outcome,
            outcomes.join("`, `")
        ))
    }
}

/// A promise whose cases do not show what they should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The clause.
    pub clause: String,
    /// What is missing.
    pub message: String,
}

/// Promises kept by rules that lack cases: two each at least, and one on each side where the promise has two.
#[must_use]
pub fn gaps(promises: &[crate::Promise], cases: &[Case]) -> Vec<Gap> {
    use crate::{Kept, Sides};
    let mut gaps = Vec::new();
    for promise in promises {
        if !matches!(promise.kept_by, Kept::Rule | Kept::Attested) {
            continue;
        }
        let about = || {
            cases
                .iter()
                .filter(|case| case.clauses.contains(&promise.id))
        };
        let allowed = about()
            .filter(|case| case.expect.outcome == "allow")
            .count();
        let denied = about().count() - allowed;
        let mut missing = |message: String| {
            gaps.push(Gap {
                clause: promise.id.clone(),
                message,
            });
        };
        if allowed + denied < 2 {
            missing(format!("has {} cases, and needs two", allowed + denied));
        }
        if allowed == 0 && promise.sides != Sides::Deny {
            missing("has no case that is allowed".to_owned());
        }
        if denied == 0 && promise.sides != Sides::Allow {
            missing("has no case that is denied".to_owned());
        }
    }
    gaps
}
