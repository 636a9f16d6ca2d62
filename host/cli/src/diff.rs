//! `avow diff`: what differs between two packs or bundles, and which answers change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use avow_compiler::{
    Files, Promise,
    diff::{CaseChange, Change, Diff, Entry, Field, Party, diff},
};
use avow_engine::Bundle;

use crate::{
    output::{self, Exit, coloured, fail},
    pack::{ValidationArg, open, print_findings},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow diff old/opsyn policies/opsyn
  avow diff released.avow policies/opsyn        # what a release would change
  avow diff a.avow b.avow --json | jq '.entries[].id'

Exit codes: 0 nothing differs, 1 something does, 2 a side is no sound pack or bundle or the command is wrong, 3 the machine
refused something.")]
pub(crate) struct Args {
    /// Folder of a pack, or a bundle
    old: PathBuf,
    /// Folder of a pack, or a bundle
    new: PathBuf,
    /// Print the difference as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    validation: ValidationArg,
}

/// A side as it was read.
struct Read {
    bundle: Bundle,
    pack: Option<(Files, Vec<Promise>)>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let [old, new] = match [&args.old, &args.new].map(|path| read(path, args.validation)) {
        [Ok(old), Ok(new)] => [old, new],
        // 1 would say that the sides differ.
        [Err(Exit::Wrong), _] | [_, Err(Exit::Wrong)] => return Exit::Usage,
        [Err(exit), _] | [_, Err(exit)] => return exit,
    };
    let found = diff(old.party(), new.party());
    let Ok(found) = found else {
        return fail(Exit::Usage, "the cases cannot be read");
    };
    if args.json {
        output::json(&found);
    } else {
        print(&found);
    }
    if found.same { Exit::Fine } else { Exit::Wrong }
}

impl Read {
    fn party(&self) -> Party<'_> {
        let pack = self.pack.as_ref();
        Party {
            bundle: &self.bundle,
            pack: pack.map(|(files, promises)| (files, promises.as_slice())),
        }
    }
}

fn read(path: &Path, validation: ValidationArg) -> Result<Read, Exit> {
    if path.is_file() {
        let bytes = fs::read(path).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.display());
            fail(Exit::System, message)
        })?;
        let bundle = Bundle::load(bytes).map_err(|error| {
            let message = format!("`{}` is no bundle: {error}", path.display());
            fail(Exit::Usage, message)
        })?;
        return Ok(Read { bundle, pack: None });
    }
    let pack = open(path, validation)?;
    let bundle = pack.bundle()?;
    // Only their form: what they expect is not compared, so they may name what the other side has.
    let offer = bundle.meta("offer").unwrap_or_default();
    if let Err(findings) = avow_compiler::cases::read(&pack.files, offer) {
        print_findings(&findings, &pack.files);
        return Err(fail(Exit::Wrong, "the cases cannot be read"));
    }
    Ok(Read {
        bundle,
        pack: Some((pack.files, pack.compiled.promises)),
    })
}

fn print(found: &Diff) {
    let mut kind = "";
    for entry in &found.entries {
        if entry.kind != kind {
            kind = entry.kind;
            println!("{}", heading(kind));
        }
        print_entry(entry);
    }
    if !found.cases.is_empty() {
        println!("Answers");
    }
    for case in &found.cases {
        print_case(case);
    }
    for note in &found.notes {
        println!("note: {note}");
    }
    let changes = output::count(found.entries.len(), "change");
    let asked = output::count(found.asked, "case");
    println!(
        "{changes}; {} of {asked} answered otherwise",
        found.cases.len()
    );
}

fn heading(kind: &str) -> &'static str {
    match kind {
        "rule" => "Rules",
        "clause" => "Clauses and the rules that keep them",
        "promise" => "Promises",
        "setting" => "Settings",
        "catalogue" => "Catalogue",
        _ => "Manifest",
    }
}

fn print_entry(entry: &Entry) {
    let sign = match entry.change {
        Change::Added => coloured("+", true),
        Change::Removed => coloured("-", false),
        Change::Changed => "~".to_owned(),
    };
    let place = match (&entry.old_place, &entry.new_place) {
        (Some(old), Some(new)) if old != new => format!(" ({old} -> {new})"),
        (Some(place), _) | (None, Some(place)) => format!(" ({place})"),
        (None, None) => String::new(),
    };
    println!("  {sign} {}{place}", entry.id);
    if entry.change == Change::Changed {
        print_fields(&entry.fields);
    }
}

fn print_fields(fields: &[Field]) {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    for field in fields {
        println!("      {}", field.name);
        println!("        - {}", shown(&field.old));
        println!("        + {}", shown(&field.new));
    }
}

fn print_case(case: &CaseChange) {
    let only = if case.only_old {
        ", of the old pack"
    } else {
        ""
    };
    println!("  ~ {} ({}:{}{only})", case.name, case.file, case.line);
    print_fields(&case.fields);
}
