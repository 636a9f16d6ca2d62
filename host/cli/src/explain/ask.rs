//! Which request is meant: flags, a file, or a case by its name.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use avow_compiler::{ask::Question, cases::Case};
use avow_engine::{ext::parse_datetime, intake::Json};

use crate::{
    output::{Exit, fail},
    pack::Pack,
};

/// How like another a name has to be for a suggestion.
const ALIKE: f64 = 0.7;

#[derive(clap::Args)]
pub(super) struct Asked {
    /// Explain the case of this name, or the only one whose name contains it
    #[arg(long, value_name = "NAME", group = "what")]
    case: Option<String>,
    /// Explain the request in this file, JSON or YAML; `-` is standard input
    #[arg(long, value_name = "FILE", group = "what")]
    request: Option<PathBuf>,
    /// Who asks: `User::"ada"`, or `User::ada`
    #[arg(
        long,
        value_name = "UID",
        group = "what",
        requires_all = ["action", "resource"]
    )]
    principal: Option<String>,
    /// For what: `view`, or `OpSyn::Action::"view"`
    #[arg(long, value_name = "ACTION", requires = "principal")]
    action: Option<String>,
    /// On what: `Record::"r1"`
    #[arg(long, value_name = "UID", requires = "principal")]
    resource: Option<String>,
    /// The circumstances, as JSON: `{"surface": "site"}`
    #[arg(long, value_name = "JSON", requires = "principal")]
    context: Option<String>,
    /// Entities beside those of the request: a list in a file, JSON or YAML, as `avow serve` takes it
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// The instant at which it is asked
    #[arg(long, value_name = "DATETIME")]
    at: Option<String>,
    /// The tenant for which it is asked
    #[arg(long)]
    tenant: Option<String>,
}

impl Asked {
    /// The question, and the name of the case that it is.
    pub(super) fn question(&self, pack: &Pack) -> Result<(Option<String>, Question), Exit> {
        let (name, mut question) = match (&self.case, &self.request) {
            (Some(name), _) => {
                let case = find(pack.cases()?, name)?;
                let question = Question {
                    request: case.request,
                    now: case.now,
                    tenant: case.tenant,
                };
                (Some(case.name), question)
            }
            (None, Some(file)) => (None, written(read(file)?)?),
            (None, None) => (None, self.flags()?),
        };
        if let Some(at) = &self.at {
            question.now = Some(instant(at)?);
            without(&mut question.request, "now");
        }
        if self.tenant.is_some() {
            question.tenant.clone_from(&self.tenant);
            without(&mut question.request, "tenant");
        }
        if let Some(file) = &self.entities {
            add(&mut question.request, read(file)?, file)?;
        }
        Ok((name, question))
    }

    fn flags(&self) -> Result<Question, Exit> {
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let context = match &self.context {
            None => Json::Map(Vec::new()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                let message = format!("`--context` is no JSON: {error}");
                fail(Exit::Usage, message)
            })?,
        };
        let fields = [
            ("principal", uid(&given(&self.principal))),
            ("action", uid(&given(&self.action))),
            ("resource", uid(&given(&self.resource))),
            ("context", context),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Ok(Question {
            request: Json::Map(fields.to_vec()),
            now: None,
            tenant: None,
        })
    }
}

/// A uid as people type it: a shell eats quotes, so the id may lack them.
fn uid(text: &str) -> Json {
    match text.rsplit_once("::") {
        Some((type_name, id)) if !text.contains('"') => Json::Str(format!("{type_name}::\"{id}\"")),
        _ => Json::Str(text.to_owned()),
    }
}

/// The case of that name; or the only one whose name contains it, its first row where it has several.
fn find(cases: Vec<Case>, name: &str) -> Result<Case, Exit> {
    let exact = cases.iter().position(|case| case.name == name);
    let base = |case: &Case| {
        let (base, _) = case.name.rsplit_once(" [").unwrap_or((&case.name, ""));
        (case.file.clone(), base.to_owned())
    };
    let whole = |case: &&Case| base(case).1 == name;
    let mut fitting: Vec<&Case> = cases.iter().filter(whole).collect();
    if fitting.is_empty() {
        let contains = |case: &&Case| case.name.contains(name);
        fitting = cases.iter().filter(contains).collect();
    }
    if let Some(case) = exact.and_then(|at| cases.get(at)) {
        return Ok(case.clone());
    }
    let Some(first) = fitting.first() else {
        return Err(unknown(&cases, name));
    };
    if fitting.iter().all(|case| base(case) == base(first)) {
        if fitting.len() > 1 {
            eprintln!(
                "note: `{}` has {} rows; this is `{}`",
                base(first).1,
                fitting.len(),
                first.name
            );
        }
        return Ok((*first).clone());
    }
    let mut message = format!("the names of several cases contain `{name}`:");
    let mut last = None;
    for case in &fitting {
        let own = base(case);
        if last.as_ref() != Some(&own) {
            message.push_str(&format!("\n  {}:{} {}", case.file, case.line, own.1));
        }
        last = Some(own);
    }
    Err(fail(Exit::Usage, message))
}

fn unknown(cases: &[Case], name: &str) -> Exit {
    let lower = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let wanted = lower(name);
    // Word by word, since a few words out of a long name are meant as well.
    let likeness = |case: &Case| {
        let own = lower(&case.name);
        let best = |word: &String| {
            let like = own
                .iter()
                .map(|other| strsim::normalized_damerau_levenshtein(word, other));
            like.fold(0.0, f64::max)
        };
        wanted.iter().map(best).sum::<f64>() / wanted.len().max(1) as f64
    };
    let mut nearest: Option<(f64, &Case)> = None;
    for case in cases {
        let like = likeness(case);
        if like >= ALIKE && nearest.is_none_or(|(best, _)| like > best) {
            nearest = Some((like, case));
        }
    }
    let help = match nearest {
        Some((_, case)) => format!(
            "; did you mean `{}`, {}:{}?",
            case.name, case.file, case.line
        ),
        None => "; the cases are in the pack's folder `tests`".to_owned(),
    };
    fail(Exit::Usage, format!("no case is called `{name}`{help}"))
}

fn instant(text: &str) -> Result<i64, Exit> {
    parse_datetime(text.as_bytes()).ok_or_else(|| {
        fail(
            Exit::Usage,
            format!("`{text}` is no datetime; one looks like `2026-03-01T00:00:00Z`"),
        )
    })
}

/// A request of a file, which may say the clock and the tenant as a case does.
fn written(json: Json) -> Result<Question, Exit> {
    let mut question = Question {
        request: json,
        now: None,
        tenant: None,
    };
    if let Json::Map(fields) = &mut question.request {
        let mut take = |key: &str| {
            let at = fields.iter().position(|(name, _)| name == key)?;
            match fields.remove(at) {
                (_, Json::Str(text)) => Some(text),
                _ => None,
            }
        };
        let now = take("now");
        question.tenant = take("tenant");
        question.now = now.map(|now| instant(&now)).transpose()?;
    }
    Ok(question)
}

/// Takes something out of a request's context.
fn without(request: &mut Json, name: &str) {
    if let Json::Map(fields) = request
        && let Some((_, Json::Map(context))) = fields.iter_mut().find(|(key, _)| key == "context")
    {
        context.retain(|(key, _)| key != name);
    }
}

/// Adds the entities of a file to a request.
fn add(request: &mut Json, more: Json, file: &Path) -> Result<(), Exit> {
    let more = match more {
        Json::List(more) => more,
        Json::Map(named) => named.into_iter().map(|(_, entity)| entity).collect(),
        _ => {
            let message = format!("`{}` is no list of entities", file.display());
            return Err(fail(Exit::Usage, message));
        }
    };
    let Json::Map(fields) = request else {
        return Ok(());
    };
    match fields.iter_mut().find(|(key, _)| key == "entities") {
        Some((_, Json::List(entities))) => entities.extend(more),
        Some(_) => {}
        None => fields.push(("entities".to_owned(), Json::List(more))),
    }
    Ok(())
}

/// JSON or YAML: of the latter, JSON is a part.
fn read(file: &Path) -> Result<Json, Exit> {
    let text = match file.to_str() {
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map(|_| text)
        }
        _ => fs::read_to_string(file),
    };
    let text = text.map_err(|error| {
        let message = format!("cannot read `{}`: {error}", file.display());
        fail(Exit::System, message)
    })?;
    // Most are JSON, which its own parser reads to the letter.
    let parsed = serde_json::from_str(&text).or_else(|json| {
        avow_compiler::cases::yaml(&text).map_err(|(line, yaml)| {
            match text.trim_start().starts_with(['{', '[']) {
                true => json.to_string(),
                false => format!("line {line}: {yaml}, nor JSON: {json}"),
            }
        })
    });
    parsed.map_err(|error| {
        let message = format!("`{}` is neither JSON nor YAML: {error}", file.display());
        fail(Exit::Usage, message)
    })
}
