//! `--coverage` and `--mutate`: what a pack's cases show of it, and what they would notice.

use avow_compiler::{Finding, report::coverage_html};
use serde::Serialize;

use super::{Args, Suite, coverage, mutate};
use crate::{
    build,
    output::{self, Exit},
    pack::print_findings,
    report,
};

/// What was measured of a pack.
#[derive(Serialize)]
pub(super) struct Measured {
    /// The pack's folder.
    pack: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<coverage::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<mutate::Report>,
    /// One line for the whole pack.
    summary: String,
}

/// Measures what was asked for; none where nothing was.
pub(super) fn measure(args: &Args, suite: &Suite) -> Result<Option<Measured>, Exit> {
    if !args.coverage && !args.mutate && args.html.is_none() {
        return Ok(None);
    }
    let (files, compiled) = (&suite.pack.files, &suite.pack.compiled);
    let wrong = |findings: Vec<Finding>| {
        print_findings(&findings, files);
        let count = output::count(findings.len(), "finding");
        output::fail(Exit::Wrong, format!("the pack cannot be measured: {count}"))
    };
    let (mut covered, mut mutated) = (None, None);
    if args.coverage || args.html.is_some() {
        let measured = avow_compiler::coverage::measure(files, compiled, &suite.cases);
        let measured = measured.map_err(wrong)?;
        if let Some(file) = &args.html {
            let ran: Vec<_> = suite.ran.iter().map(|(_, ran)| ran.clone()).collect();
            let model =
                report::gather(&suite.pack, &suite.cases, &ran, &measured, &report::today());
            build::write(file, coverage_html(&model).as_bytes())?;
        }
        covered = Some(coverage::Report::new(measured));
    }
    if args.mutate {
        let mut progress = |done, all| {
            if !args.json && !output::quiet() {
                mutate::progress(done, all);
            }
        };
        let mutants = avow_compiler::mutate::mutate(files, compiled, &suite.cases, &mut progress);
        mutated = Some(mutate::Report::new(mutants.map_err(wrong)?));
    }
    let parts = [
        covered.as_ref().map(coverage::Report::summary),
        mutated.as_ref().map(mutate::Report::summary),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let summary = format!(
        "{}: promises {}, rules {}, cases {}, {}",
        compiled.manifest.pack.name,
        compiled.promises.len(),
        suite.pack.bundle()?.rule_count(),
        suite.cases.len(),
        parts.join(", ")
    );
    Ok(Some(Measured {
        pack: suite.folder.display().to_string(),
        coverage: covered,
        mutation: mutated,
        summary,
    }))
}

impl Measured {
    /// Whether it has no gap.
    pub(super) fn is_whole(&self) -> bool {
        let covered = self.coverage.as_ref().is_none_or(coverage::Report::whole);
        covered && self.mutation.as_ref().is_none_or(mutate::Report::whole)
    }

    pub(super) fn print(&self) {
        if let Some(coverage) = &self.coverage {
            coverage.print();
        }
        if let Some(mutation) = &self.mutation {
            mutation.print();
        }
        println!("{}", self.summary);
    }
}
