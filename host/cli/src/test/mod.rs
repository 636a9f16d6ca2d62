//! `avow test`: the cases of a pack.

mod coverage;
mod mutate;

use std::time::Instant;

use avow_compiler::{
    Kept,
    cases::{Case, Gap, gaps},
};
use avow_engine::{Engine, Verdict};
use serde::Serialize;

use crate::{
    output::{self, Exit, coloured},
    pack::{Pack, PackArg, Validation, ValidationArg, decide, open, print_findings},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow test policies/opsyn
  avow test policies/opsyn --filter cookies
  avow test policies/opsyn --coverage --mutate
  avow test policies/opsyn --json | jq '.failures[].name'
  avow test moving --no-validate")]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Run only the cases whose name, file or clause contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Say which clauses, rules and branches of conditions the cases show
    #[arg(long, conflicts_with = "filter")]
    coverage: bool,
    /// Change the rules by small steps, and say which changes no case notices
    #[arg(long, conflicts_with = "filter")]
    mutate: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    validation: ValidationArg,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    validation: Validation,
    passed: usize,
    failed: usize,
    failures: Vec<Failure>,
    /// Promises kept by rules whose cases do not show what they should; empty with a filter.
    gaps: Vec<Gap>,
    /// Promises whose mechanism is still to come.
    pending: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<coverage::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<mutate::Report>,
    /// One line for the whole pack, where coverage or mutation was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

#[derive(Serialize)]
struct Failure {
    name: String,
    file: String,
    line: usize,
    request: avow_engine::intake::Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<i64>,
    expected: avow_compiler::cases::Expectation,
    answer: Verdict,
    /// The determining rules, with their places.
    rules: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let start = Instant::now();
    let opened = open(&args.pack.pack, args.validation).and_then(|pack| {
        let cases = pack.cases()?;
        let engine = Engine::new(pack.bundle()?);
        Ok((pack, cases, engine))
    });
    let (pack, cases, mut engine) = match opened {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let wanted = |case: &Case| {
        args.filter.as_ref().is_none_or(|filter| {
            case.name.contains(filter)
                || case.file.contains(filter)
                || case.clauses.iter().any(|clause| clause.contains(filter))
        })
    };
    let chosen: Vec<_> = cases.iter().filter(|case| wanted(case)).collect();
    let mut report = report(&pack, &cases, args.filter.is_some());
    for case in &chosen {
        let answer = decide(&mut engine, &case.request, case.now, case.tenant.as_deref());
        if fits(case, &answer) {
            report.passed += 1;
        } else {
            report.failures.push(failure(case, answer, &engine));
        }
    }
    report.failed = report.failures.len();
    if let Err(exit) = examine(args, &pack, &cases, &mut report) {
        return exit;
    }
    if args.json {
        output::json(&report);
    } else {
        print(&report, start);
    }
    if chosen.is_empty() {
        return output::fail(
            Exit::Usage,
            "no case was run: none fits, or the pack has none",
        );
    }
    if report.failed == 0 && report.gaps.is_empty() && report.whole() {
        Exit::Fine
    } else {
        Exit::Wrong
    }
}

fn report(pack: &Pack, cases: &[Case], filtered: bool) -> Report {
    let promises = &pack.compiled.promises;
    Report {
        validation: pack.validation(),
        passed: 0,
        failed: 0,
        failures: Vec::new(),
        gaps: if filtered {
            Vec::new()
        } else {
            gaps(promises, cases)
        },
        pending: promises
            .iter()
            .filter(|promise| promise.kept_by == Kept::Mechanism && promise.pending)
            .map(|promise| {
                let by = promise.mechanism.as_deref().unwrap_or_default();
                format!("{}: {by}", promise.id)
            })
            .collect(),
        coverage: None,
        mutation: None,
        summary: None,
    }
}

/// Measures what the cases show, as far as that was asked for.
fn examine(args: &Args, pack: &Pack, cases: &[Case], report: &mut Report) -> Result<(), Exit> {
    let wrong = |findings: Vec<avow_compiler::Finding>| {
        print_findings(&findings, &pack.files);
        let count = output::count(findings.len(), "finding");
        output::fail(Exit::Wrong, format!("the pack cannot be measured: {count}"))
    };
    let (files, compiled) = (&pack.files, &pack.compiled);
    if args.coverage {
        let measured = avow_compiler::coverage::measure(files, compiled, cases);
        report.coverage = Some(coverage::Report::new(measured.map_err(wrong)?));
    }
    if args.mutate {
        let mutants = avow_compiler::mutate::mutate(files, compiled, cases, &mut mutate::progress);
        report.mutation = Some(mutate::Report::new(mutants.map_err(wrong)?));
    }
    let parts = [
        report.coverage.as_ref().map(coverage::Report::summary),
        report.mutation.as_ref().map(mutate::Report::summary),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        report.summary = Some(format!(
            "{}: promises {}, rules {}, cases {}, {}",
            compiled.manifest.pack.name,
            compiled.promises.len(),
            pack.bundle()?.rule_count(),
            cases.len(),
            parts.join(", ")
        ));
    }
    Ok(())
}

impl Report {
    /// Whether what was measured has no gap.
    fn whole(&self) -> bool {
        let covered = self.coverage.as_ref().is_none_or(coverage::Report::whole);
        covered && self.mutation.as_ref().is_none_or(mutate::Report::whole)
    }
}

fn fits(case: &Case, answer: &Verdict) -> bool {
    let same = |expected: &Option<Vec<String>>, found: &[String]| {
        expected.as_ref().is_none_or(|expected| expected == found)
    };
    case.expect.outcome == answer.outcome
        && same(&case.expect.rules, &answer.rules)
        && same(&case.expect.clauses, &answer.clauses)
        && same(&case.expect.obligations, &answer.obligations)
}

fn failure(case: &Case, answer: Verdict, engine: &Engine) -> Failure {
    let rules = answer
        .rules
        .iter()
        .map(|id| {
            let rule = engine.bundle().rules().find(|rule| rule.id() == id);
            match rule.and_then(|rule| rule.source()) {
                Some(source) => format!("{id} at {}:{}", source.file, source.line),
                None => id.clone(),
            }
        })
        .collect();
    Failure {
        name: case.name.clone(),
        file: case.file.clone(),
        line: case.line,
        request: case.request.clone(),
        tenant: case.tenant.clone(),
        now: case.now,
        expected: case.expect.clone(),
        answer,
        rules,
    }
}

fn print(report: &Report, start: Instant) {
    let line = |value: &dyn Fn() -> serde_json::Result<String>| value().unwrap_or_default();
    for failure in &report.failures {
        println!("{} {}", coloured("failed", false), failure.name);
        println!("  at        {}:{}", failure.file, failure.line);
        println!(
            "  request   {}",
            line(&|| serde_json::to_string(&failure.request))
        );
        if let Some(tenant) = &failure.tenant {
            println!("  tenant    {tenant}");
        }
        println!(
            "  expected  {}",
            line(&|| serde_json::to_string(&failure.expected))
        );
        println!(
            "  answer    {}",
            line(&|| serde_json::to_string(&failure.answer))
        );
        for rule in &failure.rules {
            println!("  rule      {rule}");
        }
        println!();
    }
    for gap in &report.gaps {
        println!(
            "{} promise `{}` {}",
            coloured("gap", false),
            gap.clause,
            gap.message
        );
    }
    for pending in &report.pending {
        println!("pending {pending}");
    }
    if let Some(coverage) = &report.coverage {
        coverage.print();
    }
    if let Some(mutation) = &report.mutation {
        mutation.print();
    }
    if let Some(summary) = &report.summary {
        println!("{summary}");
    }
    println!(
        "{} passed, {} failed, {} in {} ms",
        report.passed,
        report.failed,
        output::count(report.gaps.len(), "gap"),
        start.elapsed().as_millis()
    );
}
