//! The cases of a pack: `tests/*.yaml`.
//!
//! A file has `defaults` (merged into each case; contexts are merged key by key), named `entities` and `contexts`, `use`
//! (entities that every case is given) and `cases`. A case with a table `vary` is run once for each row; a row's keys are
//! paths into the case, and `null` takes something out. The text `$offer` stands for the pack's current offer.
//!
//! `yaml` knows where everything stands, `file` and `shared` make cases of it, `place` finds where a request is wrong, `run` asks the
//! engine. A case that the schema does not take is an error, unless it expects just that: it never counts as passed.

mod expect;
mod file;
mod gaps;
mod known;
mod paths;
mod place;
mod request;
mod run;
mod shared;
mod yaml;

use avow_engine::{Bundle, Until, explain::datetime, intake::Json};
use serde::{Serialize, Serializer};

pub use gaps::{Gap, gaps};
pub use run::{Difference, Ran, Runner};

use crate::{
    Compiled, Files, Severity,
    finding::{Finding, Sources, ordered},
};
use file::FileReader;
use known::Known;

/// One run of a case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file that it stands in.
    pub file: String,
    /// Line of its name; of its row where it varies.
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
    encoded: Option<Encoded>,
}

/// The request's bytes, for the bundle by which the case was checked.
#[derive(Clone, Debug)]
struct Encoded {
    digest: [u8; 32],
    bytes: Vec<u8>,
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
    /// Up to when the same question gets the same answer.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "until")]
    pub until: Option<Until>,
}

/// As cases write it: a datetime, `never` where the clock changes nothing, `none` where nothing is promised.
#[must_use]
pub fn until_text(until: Until) -> String {
    match until {
        Until::At(at) => datetime(at),
        Until::Forever => "never".to_owned(),
        Until::Now => "none".to_owned(),
    }
}

fn until<S: Serializer>(until: &Option<Until>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&until.map(until_text).unwrap_or_default())
}

/// The cases of a pack, and what is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Those that are well-formed, in the order of files and lines.
    pub cases: Vec<Case>,
    /// Errors and warnings, by place.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether nothing is an error: only then do the cases say something of the pack.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity != Severity::Error)
    }
}

/// All cases among a pack's files, held to what the pack declares: types, actions, attributes, rules, clauses and
/// obligations. `bundle` is the compiled pack's whole one.
#[must_use]
pub fn check(files: &Files, compiled: &Compiled, bundle: &Bundle) -> Checked {
    let known = Known::new(compiled, bundle);
    let offer = bundle.meta("offer").unwrap_or_default();
    collect(files, offer, Some(&known))
}

/// All cases among a pack's files, of which only the form is looked at.
///
/// # Errors
/// Everything that is wrong with their form.
pub fn read(files: &Files, offer: &str) -> Result<Vec<Case>, Vec<Finding>> {
    let mut checked = collect(files, offer, None);
    if checked.is_sound() {
        return Ok(checked.cases);
    }
    checked
        .findings
        .retain(|finding| finding.severity == Severity::Error);
    Err(checked.findings)
}

/// YAML, as case files have it, as a value; of YAML, JSON is a part.
///
/// # Errors
/// What is wrong with it and the line, from 1.
pub fn yaml(text: &str) -> Result<Json, (usize, String)> {
    match yaml::parse(text) {
        // There is no pack whose offer it could mean.
        Ok(root) => Ok(root.to_json("$offer")),
        Err(wrong) => {
            let before = text.get(..wrong.span.start).unwrap_or_default();
            Err((before.matches('\n').count() + 1, wrong.message))
        }
    }
}

fn collect(files: &Files, offer: &str, known: Option<&Known<'_>>) -> Checked {
    let sources = Sources::new(files);
    let mut checked = Checked::default();
    for (file, text) in sources.ending(".yaml") {
        if !file.starts_with("tests/") {
            continue;
        }
        match yaml::parse(text) {
            Ok(root) => {
                FileReader::new(&sources, file, text, offer, known).read(&root, &mut checked)
            }
            Err(wrong) => {
                let span = Some(wrong.span);
                let finding = sources.error("case", file, span, wrong.message);
                checked.findings.push(finding);
            }
        }
    }
    checked.findings = ordered(checked.findings);
    checked
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
