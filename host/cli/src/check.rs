//! `avow check`: is this pack sound?

use avow_compiler::{Finding, cases};
use serde::Serialize;

use crate::{
    output::{self, Exit, coloured},
    pack::{PackArg, files, print_findings},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow check policies/opsyn
  avow check policies/opsyn --json | jq '.findings[] | .file'")]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    sound: bool,
    findings: &'a [Finding],
}

pub(crate) fn run(args: &Args) -> Exit {
    let files = match files(&args.pack.pack) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let (sound, findings, summary) = match avow_compiler::compile(&files) {
        Err(findings) => (false, findings, String::new()),
        Ok(compiled) => {
            let bundle = compiled.bundle(avow_compiler::Target::Server);
            let loaded = match avow_engine::Bundle::load(bundle) {
                Ok(loaded) => loaded,
                Err(error) => return output::fail(Exit::Wrong, error),
            };
            match cases::read(&files, loaded.meta("offer").unwrap_or_default()) {
                Err(findings) => (false, findings, String::new()),
                Ok(cases) => {
                    let summary = format!(
                        "{}, {}, {}",
                        output::count(loaded.rule_count() as usize, "rule"),
                        output::count(compiled.promises.len(), "promise"),
                        output::count(cases.len(), "case"),
                    );
                    (true, compiled.warnings, summary)
                }
            }
        }
    };
    if args.json {
        output::json(&Report {
            sound,
            findings: &findings,
        });
    } else {
        print_findings(&findings, &files);
        let name = args.pack.pack.display();
        if sound {
            println!("{} {name}: {summary}", coloured("sound", true));
        } else {
            let count = output::count(findings.len(), "finding");
            println!("{} {name}: {count}", coloured("not sound", false));
        }
    }
    if sound { Exit::Fine } else { Exit::Wrong }
}
