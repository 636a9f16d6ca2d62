//! `avow fmt`: rules in Cedar's own layout.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::output::{Exit, fail, say};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow fmt                             # the pack in this folder
  avow fmt policies/*                  # several
  avow fmt --check policies/opsyn      # in a build: lists what is not formatted, and fails
  avow fmt - < rules.cedar             # from standard input to standard output

Comments stay. Schemas are left alone: Cedar's formatter for them would lose their comments.")]
pub(crate) struct Args {
    /// Folders of packs, or single files; `-` is standard input
    #[arg(default_value = ".", value_name = "PACK")]
    packs: Vec<PathBuf>,
    /// Change nothing; list the files that are not formatted, and exit with 1 where there are some
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Exit {
    if args.packs.iter().any(|pack| pack.as_os_str() == "-") {
        return match args.packs.len() {
            1 => from_input(args.check),
            _ => fail(Exit::Usage, "`-` stands alone"),
        };
    }
    let mut files = Vec::new();
    for pack in &args.packs {
        if let Err(exit) = collect(pack, &mut files) {
            return exit;
        }
    }
    let (mut worst, mut changed) = (Exit::Fine, 0);
    let count = files.len();
    for file in files {
        match format(&file, args.check) {
            Ok(true) => {
                changed += 1;
                match args.check {
                    true => println!("{}", file.display()),
                    false => say(format!("formatted {}", file.display())),
                }
            }
            Ok(false) => {}
            Err(exit) if exit as u8 > worst as u8 => worst = exit,
            Err(_) => {}
        }
    }
    if worst != Exit::Fine {
        return worst;
    }
    if args.check && changed > 0 {
        return fail(
            Exit::Wrong,
            format!("{changed} of {count} files are not formatted: `avow fmt` does it"),
        );
    }
    Exit::Fine
}

fn from_input(check: bool) -> Exit {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        return fail(Exit::System, format!("cannot read standard input: {error}"));
    }
    match avow_compiler::format(&text) {
        Err(error) => fail(Exit::Wrong, error),
        Ok(formatted) if check && formatted != text => fail(Exit::Wrong, "not formatted"),
        Ok(_) if check => Exit::Fine,
        Ok(formatted) => match std::io::stdout().write_all(formatted.as_bytes()) {
            Ok(()) => Exit::Fine,
            Err(error) => fail(Exit::System, error),
        },
    }
}

/// The rules of a folder, in order; what begins with a dot is passed over.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Exit> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot read `{}`: {error}", path.display());
        fail(Exit::System, message)
    };
    let data = fs::metadata(path).map_err(failed)?;
    if data.is_file() {
        let is_rules = path.extension().is_some_and(|ending| ending == "cedar");
        if !is_rules {
            let message = format!(
                "`{}` has no rules: name a folder or a `.cedar`",
                path.display()
            );
            return Err(fail(Exit::Usage, message));
        }
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut inside = Vec::new();
    for entry in entries {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    for path in inside {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_rules = name.ends_with(".cedar");
        if !name.starts_with('.') && (path.is_dir() || is_rules) {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// Whether the file was, or would be, changed.
fn format(file: &Path, check: bool) -> Result<bool, Exit> {
    let text = fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", file.display());
        fail(Exit::System, message)
    })?;
    let formatted = avow_compiler::format(&text)
        .map_err(|error| fail(Exit::Wrong, format!("{}: {error}", file.display())))?;
    if formatted == text {
        return Ok(false);
    }
    if !check {
        replace(file, &formatted).map_err(|error| {
            let message = format!("cannot write `{}`: {error}", file.display());
            fail(Exit::System, message)
        })?;
    }
    Ok(true)
}

/// Writes beside the file and renames: whoever reads it meets the old text or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = fs::metadata(file)
        .and_then(|data| {
            fs::write(&beside, text)?;
            fs::set_permissions(&beside, data.permissions())
        })
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // What could not be written whole is not left behind.
        let _ = fs::remove_file(&beside);
    }
    written
}
