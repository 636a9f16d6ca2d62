//! How findings are shown: to people, as a report, and as lines for an editor's task (`docs/checks/README.md`).

use std::path::{Component, Path, PathBuf};

use avow_compiler::{Files, Finding, Severity};
use serde::Serialize;

use super::Report;
use crate::{
    output::{self, coloured},
    pack::print_findings,
};

/// Where the page of a code is, from the root of the repository.
const PAGES: &str = "docs/checks/";

/// A finding as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    event: &'static str,
    /// An absolute path.
    file: String,
    /// From 1. A finding about a file as a whole is at its beginning.
    line: usize,
    /// From 1, in characters.
    column: usize,
    end_line: usize,
    end_column: usize,
    severity: Severity,
    code: &'a str,
    message: &'a str,
    label: Option<&'a str>,
    help: Option<&'a str>,
    /// What `--fix` would do.
    fix: Option<&'a str>,
    /// The page of the code.
    url: String,
}

#[derive(Serialize)]
struct Whole<'a> {
    /// Whether all packs are.
    sound: bool,
    errors: usize,
    warnings: usize,
    packs: Vec<Pack>,
    findings: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Pack {
    pack: String,
    sound: bool,
    rules: usize,
    promises: usize,
    cases: usize,
}

#[derive(Serialize)]
struct Started {
    event: &'static str,
    packs: Vec<String>,
}

#[derive(Serialize)]
struct Finished {
    event: &'static str,
    errors: usize,
    warnings: usize,
}

pub(super) fn text(reports: &[Report], quiet: bool) {
    for report in reports {
        let checked = &report.checked;
        // Files are named relative to their pack.
        if reports.len() > 1 && !checked.findings.is_empty() {
            eprintln!("{}:\n", report.folder.display());
        }
        print_findings(&checked.findings, &report.files);
        if quiet {
            continue;
        }
        let name = report.folder.display();
        let pack = pack(report);
        let mut parts = Vec::new();
        if checked.compiled.is_some() {
            parts.push(output::count(pack.rules, "rule"));
            parts.push(output::count(pack.promises, "promise"));
            parts.push(output::count(pack.cases, "case"));
        }
        for (severity, one) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
            match checked.count(severity) {
                0 => {}
                count => parts.push(output::count(count, one)),
            }
        }
        let word = if report.sound { "sound" } else { "not sound" };
        println!(
            "{} {name}: {}",
            coloured(word, report.sound),
            parts.join(", ")
        );
    }
}

pub(super) fn json(reports: &[Report]) {
    output::json(&Whole {
        sound: reports.iter().all(|report| report.sound),
        errors: count(reports, Severity::Error),
        warnings: count(reports, Severity::Warning),
        packs: reports.iter().map(pack).collect(),
        findings: reports.iter().flat_map(shown).collect(),
    });
}

pub(super) fn lines(reports: &[Report]) {
    line(&Started {
        event: "started",
        packs: reports
            .iter()
            .map(|report| absolute(&report.folder))
            .collect(),
    });
    for finding in reports.iter().flat_map(shown) {
        line(&finding);
    }
    line(&Finished {
        event: "finished",
        errors: count(reports, Severity::Error),
        warnings: count(reports, Severity::Warning),
    });
}

fn line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("error: {error}"),
    }
}

fn count(reports: &[Report], severity: Severity) -> usize {
    reports
        .iter()
        .map(|report| report.checked.count(severity))
        .sum()
}

fn pack(report: &Report) -> Pack {
    let compiled = report.checked.compiled.as_ref();
    Pack {
        pack: absolute(&report.folder),
        sound: report.sound,
        rules: compiled.map_or(0, avow_compiler::Compiled::rule_count),
        promises: compiled.map_or(0, |compiled| compiled.promises.len()),
        cases: report.checked.cases,
    }
}

fn shown(report: &Report) -> impl Iterator<Item = Shown<'_>> {
    report
        .checked
        .findings
        .iter()
        .map(|finding| show(finding, &report.folder, &report.files))
}

fn show<'a>(finding: &'a Finding, folder: &Path, files: &Files) -> Shown<'a> {
    let start = (finding.line.unwrap_or(1), finding.column.unwrap_or(1));
    let end = finding
        .span
        .as_ref()
        .and_then(|span| avow_compiler::place(files.get(&finding.file)?, span.end));
    let (end_line, end_column) = end.unwrap_or(start);
    Shown {
        event: "finding",
        file: absolute(&folder.join(&finding.file)),
        line: start.0,
        column: start.1,
        end_line,
        end_column,
        severity: finding.severity,
        code: finding.code,
        message: &finding.message,
        label: finding.label.as_deref(),
        help: finding.help.as_deref(),
        fix: finding.fix.as_ref().map(|fix| fix.title.as_str()),
        url: format!("{PAGES}{}.md", finding.code),
    }
}

/// A path that does not depend on where the command runs, without `..`.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut out = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out.to_string_lossy().into_owned()
}
