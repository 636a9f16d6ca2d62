//! The result as JUnit XML, which build servers read: a suite for each file of cases, a case for each run.
//!
//! A file whose cases are wrong is a suite with an error, so that no reader takes what was not run for what has passed.

use std::{collections::BTreeMap, path::Path, time::Duration};

use avow_compiler::{
    Finding, Severity,
    cases::{Case, Ran},
};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{Suite, report::Report};
use crate::{
    build,
    output::{Exit, fail},
};

type Result<T> = std::io::Result<T>;
type Xml = Writer<Vec<u8>>;

pub(crate) fn write(
    file: &Path,
    suites: &[Suite],
    report: &Report,
    took: Duration,
) -> std::result::Result<(), Exit> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut xml, suites, report, took).map_err(|error| fail(Exit::System, error))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    build::write(file, &bytes)
}

fn document(xml: &mut Xml, suites: &[Suite], report: &Report, took: Duration) -> Result<()> {
    let errors: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    let (failed, passed) = (report.failed, report.passed);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites")
        .with_attributes([
            ("name", "avow"),
            (
                "tests",
                &(passed + failed + report.gaps.len() + errors.len()).to_string(),
            ),
            ("failures", &(failed + report.gaps.len()).to_string()),
            ("errors", &errors.len().to_string()),
            ("time", &format!("{:.3}", took.as_secs_f64())),
        ])
        .write_inner_content(|xml| {
            for suite in suites {
                let mut files: BTreeMap<&str, Vec<(&Case, &Ran)>> = BTreeMap::new();
                for (case, ran) in suite.chosen() {
                    files.entry(&case.file).or_default().push((case, ran));
                }
                for (file, ran) in files {
                    cases(xml, &suite.path(file), &ran, report)?;
                }
            }
            gaps(xml, report)?;
            findings(xml, &errors)
        })?;
    Ok(())
}

fn cases(xml: &mut Xml, file: &str, ran: &[(&Case, &Ran)], report: &Report) -> Result<()> {
    let failed = ran
        .iter()
        .filter(|(_, ran)| !ran.differences.is_empty())
        .count();
    suite(xml, file, ran.len(), failed, 0, |xml| {
        for (case, ran) in ran {
            let attributes = [
                ("name", sayable(&case.name)),
                ("classname", sayable(file)),
                ("file", sayable(file)),
                ("line", case.line.to_string()),
            ];
            let element = xml.create_element("testcase");
            let element = element.with_attributes(attributes.iter().map(|(k, v)| (*k, v.as_str())));
            if ran.differences.is_empty() {
                element.write_empty()?;
                continue;
            }
            let failure = report
                .failures
                .iter()
                .find(|failure| failure.is(file, case.line, &case.name));
            let text = failure.map(ToString::to_string).unwrap_or_default();
            let message: Vec<_> = ran
                .differences
                .iter()
                .map(|d| format!("{}: expected {}, found {}", d.field, d.expected, d.found))
                .collect();
            let message = message.join("; ");
            element
                .write_inner_content(|xml| fault(xml, "failure", "difference", &message, &text))?;
        }
        Ok(())
    })
}

fn gaps(xml: &mut Xml, report: &Report) -> Result<()> {
    let count = report.gaps.len();
    if count == 0 {
        return Ok(());
    }
    suite(xml, "promises", count, count, 0, |xml| {
        for gap in &report.gaps {
            let message = format!("promise `{}` {}", gap.gap.clause, gap.gap.message);
            testcase(xml, &gap.gap.clause, &gap.pack, |xml| {
                fault(xml, "failure", "gap", &message, "")
            })?;
        }
        Ok(())
    })
}

fn findings(xml: &mut Xml, errors: &[&Finding]) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    suite(
        xml,
        "cases that are wrong",
        errors.len(),
        0,
        errors.len(),
        |xml| {
            for finding in errors {
                let line = finding
                    .line
                    .map(|line| format!(":{line}"))
                    .unwrap_or_default();
                let name = format!("{}{line}", finding.file);
                testcase(xml, &name, &finding.file, |xml| {
                    let help = finding.help.as_deref().unwrap_or_default();
                    fault(xml, "error", finding.code, &finding.message, help)
                })?;
            }
            Ok(())
        },
    )
}

fn suite(
    xml: &mut Xml,
    name: &str,
    tests: usize,
    failures: usize,
    errors: usize,
    inner: impl FnOnce(&mut Xml) -> Result<()>,
) -> Result<()> {
    xml.create_element("testsuite")
        .with_attributes([
            ("name", sayable(name).as_str()),
            ("tests", &tests.to_string()),
            ("failures", &failures.to_string()),
            ("errors", &errors.to_string()),
        ])
        .write_inner_content(inner)?;
    Ok(())
}

fn testcase(
    xml: &mut Xml,
    name: &str,
    class: &str,
    inner: impl FnOnce(&mut Xml) -> Result<()>,
) -> Result<()> {
    xml.create_element("testcase")
        .with_attributes([
            ("name", sayable(name).as_str()),
            ("classname", sayable(class).as_str()),
        ])
        .write_inner_content(inner)?;
    Ok(())
}

fn fault(xml: &mut Xml, element: &str, kind: &str, message: &str, text: &str) -> Result<()> {
    xml.create_element(element)
        .with_attributes([("type", kind), ("message", sayable(message).as_str())])
        .write_text_content(BytesText::new(&sayable(text)))?;
    Ok(())
}

/// XML has no way to say most control characters: a box stands for each.
fn sayable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' => c,
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => '\u{FFFD}',
            c => c,
        })
        .collect()
}
