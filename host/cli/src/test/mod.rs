//! `avow test`: the cases of packs.

mod choose;
mod coverage;
mod failure;
mod junit;
mod measure;
mod mutate;
mod report;
mod run;

use std::{
    io::IsTerminal as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Instant,
};

use avow_compiler::{
    Severity, Target,
    cases::{Case, Ran, gaps},
};
use avow_engine::Bundle;

use crate::{
    output::{self, Exit},
    pack::{Pack, ValidationArg, files, open, print_findings},
    watch,
};
use choose::Choice;
use failure::Failure;
use report::{PackGap, Report};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow test policies/opsyn
  avow test policies/* --quiet
  avow test policies/opsyn --filter cookies --filter analytics
  avow test policies/opsyn --rule analytics-load --list
  avow test policies/opsyn --coverage --mutate
  avow test policies/opsyn --html coverage.html
  avow test policies/opsyn --watch
  avow test policies/opsyn --junit cases.xml
  avow test policies/opsyn --json | jq '.failures[].name'
  avow test moving --no-validate")]
pub(crate) struct Args {
    /// Folders of packs: those with avow.toml
    #[arg(default_value = ".", value_name = "PACK")]
    packs: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Say which clauses, rules and branches of conditions the cases show
    #[arg(long, conflicts_with_all = ["filter", "rule", "clause", "list"])]
    coverage: bool,
    /// Change the rules by small steps, and say which changes no case notices
    #[arg(long, conflicts_with_all = ["filter", "rule", "clause", "list"])]
    mutate: bool,
    /// Write one page of it: promises, rules and cases, and the rules coloured by coverage
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filter", "rule", "clause", "list"])]
    html: Option<PathBuf>,
    /// Run again whenever a file of the packs changes, until interrupted
    #[arg(long, conflicts_with = "list")]
    watch: bool,
    /// Print the names of the cases that would be reported, with their places
    #[arg(long, conflicts_with_all = ["json", "junit"])]
    list: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Write the result as JUnit XML to this file, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How many threads run cases; as many as there are cores, if not said
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    validation: ValidationArg,
}

/// A pack whose cases were run.
struct Suite {
    folder: PathBuf,
    pack: Pack,
    /// The bundle's bytes.
    bundle: Vec<u8>,
    /// All of its cases, whatever was chosen.
    cases: Vec<Case>,
    /// Those that were chosen, by their number, with what came out.
    ran: Vec<(usize, Ran)>,
}

impl Suite {
    /// The chosen cases.
    fn chosen(&self) -> impl Iterator<Item = (&Case, &Ran)> {
        let case = |number: &usize| self.cases.get(*number);
        let ran = self.ran.iter();
        ran.filter_map(move |(number, ran)| Some((case(number)?, ran)))
    }

    /// A file of the pack as somebody finds it from where the command was given.
    fn path(&self, file: &str) -> String {
        path(&self.folder, file)
    }
}

fn path(folder: &Path, file: &str) -> String {
    match folder == Path::new(".") {
        true => file.to_owned(),
        false => folder.join(file).display().to_string(),
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    if args.watch {
        watch::watch(&args.packs, || once(args))
    } else {
        once(args)
    }
}

fn once(args: &Args) -> Exit {
    let start = Instant::now();
    match test(args, start) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn test(args: &Args, start: Instant) -> Result<Exit, Exit> {
    if args.html.is_some() && args.packs.len() > 1 {
        let message = "`--html` writes the page of one pack: name one";
        return Err(output::fail(Exit::Usage, message));
    }
    let mut report = Report::default();
    let mut suites = Vec::new();
    for folder in &args.packs {
        // `policies/*` names what packs share, too.
        if args.packs.len() > 1 && avow_compiler::checks::is_for_others(&files(folder)?) {
            if !args.json {
                output::say(format!("{} has no cases of its own", folder.display()));
            }
            continue;
        }
        suites.extend(suite(args, folder, start, &mut report)?);
    }
    if args.list {
        report::list(&suites);
    }
    for suite in &suites {
        report_on(args, suite, &mut report)?;
        report.measured.extend(measure::measure(args, suite)?);
    }
    report.failed = report.failures.len();
    if let Some(file) = &args.junit {
        junit::write(file, &suites, &report, start.elapsed())?;
    }
    if args.json {
        output::json(&report);
    } else if !args.list {
        report.print(output::quiet(), start.elapsed());
    }
    let count = suites.iter().map(|suite| suite.ran.len()).sum::<usize>();
    if count == 0 && report.findings.is_empty() {
        let message = "no case was run: none fits, or the pack has none";
        return Err(output::fail(Exit::Usage, message));
    }
    let fine = match args.list {
        true => report.is_read(),
        false => report.is_fine(),
    };
    Ok(if fine { Exit::Fine } else { Exit::Wrong })
}

/// Compiles a pack, reads its cases and runs those that are chosen. None where a case is wrong: then none is run, because what
/// is left would say less than it seems to.
fn suite(
    args: &Args,
    folder: &Path,
    start: Instant,
    report: &mut Report,
) -> Result<Option<Suite>, Exit> {
    let pack = open(folder, args.validation)?;
    report.validate(pack.validation());
    let bundle = pack.compiled.bundle(Target::Server);
    let loaded = Bundle::load(bundle.clone()).map_err(|error| output::fail(Exit::Wrong, error))?;
    let checked = run::read(&pack, &loaded, args.jobs());
    let (errors, warnings): (Vec<_>, Vec<_>) = checked
        .findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    if !args.json {
        print_findings(&errors, &pack.files);
        if !output::quiet() {
            print_findings(&warnings, &pack.files);
        }
    }
    if !errors.is_empty() {
        let count = output::count(errors.len(), "error");
        let folder = folder.display();
        output::fail(
            Exit::Wrong,
            format!("the cases of `{folder}` are not run: {count} in them"),
        );
    }
    let sound = errors.is_empty();
    report.findings.extend(errors.into_iter().chain(warnings));
    if !sound {
        report.unread += 1;
        return Ok(None);
    }
    let cases = checked.cases;
    let chosen: Vec<usize> = (0..cases.len())
        .filter(|number| {
            cases
                .get(*number)
                .is_some_and(|case| args.choice.wants(case))
        })
        .collect();
    let progress = run::Progress {
        start,
        shown: !args.json && !output::quiet() && std::io::stderr().is_terminal(),
    };
    let mut ran = run::all(&bundle, &cases, &chosen, args.jobs(), &progress)?;
    ran.retain(|(number, ran)| {
        let case = cases.get(*number);
        case.is_some_and(|case| args.choice.wants_rule(case, ran))
    });
    Ok(Some(Suite {
        folder: folder.to_owned(),
        pack,
        bundle,
        cases,
        ran,
    }))
}

fn report_on(args: &Args, suite: &Suite, report: &mut Report) -> Result<(), Exit> {
    let failing = |(_, ran): &(&Case, &Ran)| !ran.differences.is_empty();
    report.passed += suite.chosen().filter(|ran| !failing(ran)).count();
    if suite.chosen().any(|ran| failing(&ran)) {
        let mut runner = run::runner(&suite.bundle)?;
        for (case, ran) in suite.chosen().filter(failing) {
            let failure = Failure::new(suite, case, ran, &mut runner);
            report.failures.push(failure);
        }
    }
    let promises = &suite.pack.compiled.promises;
    if args.choice.is_everything() {
        let gaps = gaps(promises, &suite.cases).into_iter();
        report.gaps.extend(gaps.map(|gap| PackGap {
            pack: suite.folder.display().to_string(),
            gap,
        }));
    }
    let pending = promises
        .iter()
        .filter(|promise| promise.pending)
        .map(|promise| {
            let by = promise.mechanism.as_deref().unwrap_or_default();
            format!("{}: {by}", promise.id)
        });
    report.pending.extend(pending);
    Ok(())
}

impl Args {
    fn jobs(&self) -> NonZeroUsize {
        self.jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN)
    }
}
