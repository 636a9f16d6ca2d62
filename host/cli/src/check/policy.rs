//! `--policy`: is the published text still the one that the pack was made from?

use std::{collections::BTreeMap, fs, path::Path};

use avow_compiler::{
    Promise, checks,
    published::{self, Comparison},
};
use serde::Serialize;

use super::{Args, wrong};
use crate::{
    build,
    output::{self, Exit, coloured, count, fail},
    pack::files,
};

#[derive(Serialize)]
struct Report<'a> {
    same: bool,
    recorded: &'a str,
    found: &'a str,
    date: &'a str,
    /// Headings of the text whose part changed, came or went. None: no digests of parts are recorded.
    sections: Option<&'a [published::Section]>,
    /// Promises that may have to be read again.
    promises: Vec<&'a str>,
}

pub(super) fn run(args: &Args, pack: &Path, file: &Path) -> Exit {
    let files = match files(pack) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) => {
            return fail(
                Exit::System,
                format!("cannot read `{}`: {error}", file.display()),
            );
        }
    };
    let checked = checks::check(&files);
    let Some(compiled) = &checked.compiled else {
        return wrong(&checked.findings, &files);
    };
    if args.record {
        let before = files
            .get("avow.toml")
            .map(String::as_str)
            .unwrap_or_default();
        let after = published::record(before, &text, args.date.as_deref());
        return match build::write(&pack.join("avow.toml"), after.as_bytes()) {
            Ok(()) => {
                println!("recorded the digests of {}", file.display());
                Exit::Fine
            }
            Err(exit) => exit,
        };
    }
    let recorded = &compiled.manifest.policy;
    let compared = published::compare(recorded, &text, &compiled.promises);
    if args.json {
        output::json(&Report {
            same: compared.same,
            recorded: &recorded.sha256,
            found: &compared.found,
            date: &recorded.date,
            sections: compared.sections.as_deref(),
            promises: compared
                .again
                .iter()
                .map(|promise| promise.id.as_str())
                .collect(),
        });
    } else {
        show(&compared, &recorded.sha256, &recorded.date, file);
    }
    match compared.same {
        true => Exit::Fine,
        false => Exit::Wrong,
    }
}

fn show(compared: &Comparison<'_>, recorded: &str, date: &str, file: &Path) {
    let name = file.display();
    let date = match date {
        "" | "undated" => String::new(),
        date => format!(", dated {date}"),
    };
    if compared.same {
        println!(
            "{} {name} is the text that the pack was made from{date}",
            coloured("same", true)
        );
        return;
    }
    if recorded.is_empty() {
        println!(
            "{} the pack does not say which text it was made from: `policy.sha256` is missing",
            coloured("unknown", false)
        );
    } else {
        println!(
            "{} {name} is not the text that the pack was made from{date}",
            coloured("changed", false)
        );
        println!("  recorded {recorded}");
    }
    println!("  found    {}", compared.found);
    match &compared.sections {
        None => println!("no digests of its parts are recorded, so any promise may have changed"),
        Some(sections) => {
            for section in sections {
                println!("  {} {}", section.change.as_str(), section.title);
            }
        }
    }
    println!(
        "to be read again: {}",
        count(compared.again.len(), "promise")
    );
    let mut by_section: BTreeMap<&str, Vec<&Promise>> = BTreeMap::new();
    for promise in &compared.again {
        by_section
            .entry(&promise.section)
            .or_default()
            .push(promise);
    }
    for (section, promises) in by_section {
        println!("  {section}");
        for promise in promises {
            println!("    {}: {}", promise.id, promise.promise);
        }
    }
}
