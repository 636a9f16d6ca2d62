//! `avow report`: the traceability report of a pack.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use avow_compiler::{
    cases::{Case, Ran, Runner},
    coverage::{self, Coverage},
    report::{self, Input, Report, html, markdown},
};
use avow_engine::{explain::datetime, ext::parse_datetime};
use clap::ValueEnum;

use crate::{
    build,
    output::{self, Exit, fail},
    pack::{Pack, PackArg, ValidationArg, open, print_findings},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow report policies/opsyn --out opsyn.html
  avow report policies/opsyn --out opsyn.md
  avow report policies/opsyn --format json | jq '.promises[] | select(.pending) | .id'

The HTML page needs no other file, and prints on A4. The report is written where a case fails, too; then the exit code is 1.")]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Write it to this file, not to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to write it; by the file's ending where it is not said
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Day that the report carries; today in UTC where it is not said
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    date: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Markdown,
    Json,
}

pub(crate) fn run(args: &Args) -> Exit {
    let date = args.date.clone().unwrap_or_else(today);
    let report = match gathered(&args.pack.pack, &date) {
        Ok(report) => report,
        Err(exit) => return exit,
    };
    let text = match format(args) {
        Format::Html => html(&report),
        Format::Markdown => markdown(&report),
        Format::Json => match serde_json::to_string_pretty(&report) {
            Ok(text) => text + "\n",
            Err(error) => return fail(Exit::System, error),
        },
    };
    match &args.out {
        None => print!("{text}"),
        Some(file) => {
            if let Err(exit) = build::write(file, text.as_bytes()) {
                return exit;
            }
        }
    }
    match report.seen.failed {
        0 => Exit::Fine,
        failed => fail(
            Exit::Wrong,
            format!(
                "{} failed; the report says which",
                output::count(failed, "case")
            ),
        ),
    }
}

/// Compiles the pack, runs its cases, and measures what they see.
fn gathered(folder: &Path, date: &str) -> Result<Report, Exit> {
    let pack = open(folder, ValidationArg { no_validate: false })?;
    let cases = pack.cases()?;
    let mut runner = Runner::new(pack.bundle()?);
    let ran: Vec<_> = cases.iter().map(|case| runner.run(case)).collect();
    let measured = coverage::measure(&pack.files, &pack.compiled, &cases);
    let coverage = measured.map_err(|findings| {
        print_findings(&findings, &pack.files);
        fail(Exit::Wrong, "what the cases see cannot be measured")
    })?;
    Ok(gather(&pack, &cases, &ran, &coverage, date))
}

/// What is known of a pack, its cases and what they show, as pages are made of it.
pub(crate) fn gather(
    pack: &Pack,
    cases: &[Case],
    ran: &[Ran],
    coverage: &Coverage,
    date: &str,
) -> Report {
    report::gather(&Input {
        files: &pack.files,
        compiled: &pack.compiled,
        cases,
        ran,
        coverage,
        tool: env!("CARGO_PKG_VERSION"),
        date,
    })
}

fn format(args: &Args) -> Format {
    if args.json {
        return Format::Json;
    }
    let ending = args.out.as_ref().and_then(|file| file.extension());
    args.format
        .unwrap_or(match ending.and_then(|ending| ending.to_str()) {
            Some("md" | "markdown") => Format::Markdown,
            Some("json") => Format::Json,
            _ => Format::Html,
        })
}

/// The day, UTC.
pub(crate) fn today() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or_default();
    datetime(millis).chars().take("YYYY-MM-DD".len()).collect()
}

fn date(text: &str) -> Result<String, String> {
    let day = text.len() == "YYYY-MM-DD".len() && parse_datetime(text.as_bytes()).is_some();
    match day {
        true => Ok(text.to_owned()),
        false => Err("a day looks like `2026-03-01`".to_owned()),
    }
}
