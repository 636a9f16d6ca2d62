//! `avow check`: is this pack sound?

mod mend;
mod policy;
mod show;

use std::path::{Path, PathBuf};

use avow_compiler::{
    Files, Finding, Severity,
    checks::{self, Checked},
};

use crate::{
    output::{self, Exit, fail},
    pack::files,
    site, watch,
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow check policies/opsyn
  avow check policies/base policies/opsyn --deny warnings
  avow check policies/opsyn --fix --dry-run
  avow check --explain never-applies
  avow check policies/opsyn --policy privacy-policy.md
  avow check policies/opsyn --json | jq '.findings[] | .file'
  avow check policies/opsyn --watch --json

Every code has a page: docs/checks/README.md lists them, --explain prints one.")]
pub(crate) struct Args {
    /// Folders of packs: each the one with avow.toml
    #[arg(default_value = ".", value_name = "PACK")]
    packs: Vec<PathBuf>,
    /// Print the findings as JSON; with --watch, one object a line
    #[arg(long)]
    json: bool,
    /// Print findings only, and nothing where there are none
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Fail on warnings, too
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// Leave out the findings of a code; not those that stop a pack from compiling
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
    /// Mend what can be mended safely
    #[arg(long, conflicts_with_all = ["watch", "json"])]
    fix: bool,
    /// With --fix: print what would be changed, and change nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Check again whenever a file changes
    #[arg(long)]
    watch: bool,
    /// Print the page of a code
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
    /// Compare the published policy in a file with the one that the pack was made from
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "watch"])]
    policy: Option<PathBuf>,
    /// With --policy: write its digests to avow.toml, once everything has been read again
    #[arg(long, requires = "policy", conflicts_with = "json")]
    record: bool,
    /// With --record: the date that the text carries
    #[arg(long, requires = "record", value_name = "DATE")]
    date: Option<String>,
}

/// A pack that was checked.
struct Report {
    folder: PathBuf,
    files: Files,
    checked: Checked,
    sound: bool,
}

pub(crate) fn run(args: &Args) -> Exit {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    for code in &args.allow {
        if checks::explain(code).is_none() {
            return unknown(code);
        }
    }
    if let Some(file) = &args.policy {
        return match args.packs.as_slice() {
            [pack] => policy::run(args, pack, file),
            _ => fail(Exit::Usage, "a policy is compared with one pack: name one"),
        };
    }
    if !args.watch {
        return once(args);
    }
    watch::watch(&args.packs, || once(args))
}

/// Every pack, once.
fn once(args: &Args) -> Exit {
    let mut reports = Vec::new();
    for folder in &args.packs {
        match report(args, folder) {
            Ok(report) => reports.push(report),
            Err(exit) => return exit,
        }
    }
    match (args.json, args.watch) {
        (true, true) => show::lines(&reports),
        (true, false) => show::json(&reports),
        _ => show::text(&reports, args.quiet),
    }
    match reports.iter().all(|report| report.sound) {
        true => Exit::Fine,
        false => Exit::Wrong,
    }
}

fn report(args: &Args, folder: &Path) -> Result<Report, Exit> {
    let mut files = files(folder)?;
    let mut checked = checks::check(&files);
    if args.fix {
        (files, checked) = mend::mend(folder, files, checked, args.dry_run)?;
    }
    let mut warned = false;
    if let Some(compiled) = &checked.compiled {
        let bundle = compiled.bundle(avow_compiler::Target::Server);
        if let Err(error) = avow_engine::Bundle::load(bundle) {
            return Err(output::fail(Exit::Wrong, error));
        }
        match site::check(compiled) {
            Ok(None) => {}
            Ok(Some(warning)) => {
                eprintln!("warning: {warning}");
                warned = true;
            }
            Err(error) => return Err(output::fail(Exit::Wrong, error)),
        }
    }
    let compiles = checked.compiled.is_some();
    // Without the errors that stop it a pack would be called sound that is none.
    checked.findings.retain(|finding| {
        !args.allow.iter().any(|code| code == finding.code)
            || (finding.severity == Severity::Error && !compiles)
    });
    let worst = match args.deny {
        Some(_) => Severity::Warning,
        None => Severity::Error,
    };
    let sound = compiles
        && !(warned && worst == Severity::Warning)
        && !checked.findings.iter().any(|f| f.severity <= worst);
    Ok(Report {
        folder: folder.to_owned(),
        files,
        checked,
        sound,
    })
}

fn explain(code: &str) -> Exit {
    match checks::explain(code) {
        Some(check) => {
            print!("{}", check.page);
            Exit::Fine
        }
        None => unknown(code),
    }
}

fn unknown(code: &str) -> Exit {
    let hint = match checks::suggest(code) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "docs/checks/README.md lists them".to_owned(),
    };
    fail(Exit::Usage, format!("there is no code `{code}`; {hint}"))
}

/// How a command ends that prints findings of its own.
fn wrong(findings: &[Finding], files: &Files) -> Exit {
    crate::pack::print_findings(findings, files);
    let count = output::count(findings.len(), "finding");
    fail(Exit::Wrong, format!("the pack does not compile: {count}"))
}
