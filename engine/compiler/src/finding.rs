//! What is wrong with a pack, and how it is shown: file, line, the source and a caret.

use std::{collections::BTreeMap, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use miette::Diagnostic;
use serde::Serialize;

use crate::{Files, fix::Fix};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack does not compile.
    Error,
    /// The pack compiles, and somebody should look.
    Warning,
    /// Worth knowing; nothing has to be done.
    Note,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable word for its kind.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file, as a path relative to the pack.
    pub file: String,
    /// From 1; none where it concerns the file as a whole.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// What is wrong: one line.
    pub message: String,
    /// What the caret points at, in a few words.
    pub label: Option<String>,
    /// A way out.
    pub help: Option<String>,
    /// Bytes of the file.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
    /// An edit that mends it and cannot change what the pack answers otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// The files of a pack, by kind.
pub(crate) struct Sources<'a> {
    files: &'a Files,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(files: &'a Files) -> Self {
        Self { files }
    }

    pub(crate) fn get(&self, file: &str) -> Option<&'a str> {
        self.files.get(file).map(String::as_str)
    }

    pub(crate) fn ending(&self, ending: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn error(
        &self,
        code: &'static str,
        file: &str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> Finding {
        let at = (span.as_ref()).and_then(|span| place(self.get(file)?, span.start));
        Finding {
            code,
            severity: Severity::Error,
            file: file.to_owned(),
            line: at.map(|at| at.0),
            column: at.map(|at| at.1),
            message: message.into(),
            label: None,
            help: None,
            span,
            fix: None,
        }
    }

    /// A finding from one of Cedar's diagnostics, and from those that it carries.
    pub(crate) fn cedar(
        &self,
        code: &'static str,
        file: &str,
        diagnostic: &dyn Diagnostic,
        findings: &mut Vec<Finding>,
    ) {
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        let span = label.as_ref().map(|label| {
            let start = label.offset();
            start..start + label.len()
        });
        let finding = self.error(code, file, span, one_line(&diagnostic.to_string()));
        findings.push(Finding {
            label: label.and_then(|label| label.label().map(ToOwned::to_owned)),
            help: diagnostic.help().map(|help| one_line(&help.to_string())),
            ..finding
        });
        for related in diagnostic.related().into_iter().flatten() {
            self.cedar(code, file, related, findings);
        }
    }
}

impl Finding {
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    pub(crate) fn with_label(self, label: impl Into<String>) -> Self {
        Self {
            label: Some(label.into()),
            ..self
        }
    }

    pub(crate) fn warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }
}

/// Line and column of an offset into a text, from 1; columns are counted in characters.
#[must_use]
pub fn place(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    Some((line, before.get(start..)?.chars().count() + 1))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// By file and place; the same thing once.
pub(crate) fn ordered(findings: Vec<Finding>) -> Vec<Finding> {
    let mut by_place = BTreeMap::new();
    for finding in findings {
        let start = finding.span.as_ref().map(|span| span.start);
        by_place
            .entry((finding.file.clone(), start, finding.message.clone()))
            .or_insert(finding);
    }
    by_place.into_values().collect()
}

/// A finding as people read it, with the source and a caret where the file is known.
#[must_use]
pub fn render(finding: &Finding, files: &Files, colours: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(finding.code)
        .elements(Vec::<Snippet<'_, annotate_snippets::Annotation<'_>>>::new());
    let source = files.get(&finding.file);
    match (&finding.span, source) {
        (Some(span), Some(text)) if span.end <= text.len() => {
            let annotation = AnnotationKind::Primary
                .span(span.clone())
                .label(finding.label.as_deref());
            group = group.element(
                Snippet::source(text.as_str())
                    .path(finding.file.as_str())
                    .annotation(annotation),
            );
        }
        _ => group = group.element(annotate_snippets::Origin::path(finding.file.as_str())),
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}
