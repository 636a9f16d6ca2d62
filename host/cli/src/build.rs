//! `avow build`: a pack into a bundle, and into everything that a site serves.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use avow_compiler::Target;
use clap::ValueEnum;

use crate::{
    key,
    output::{Exit, fail, say},
    pack::{PackArg, ValidationArg, open},
    words,
};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TargetArg {
    /// Everything, for `avow serve` and for the host library
    Server,
    /// The consent rules and the catalogue, and the widget's files
    Browser,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow build policies/opsyn --out opsyn.avow
  avow build policies/opsyn --out opsyn.avow --sign signing.key
  avow build policies/opsyn --target browser --out site/avow
  avow build moving --no-validate --out moving.avow

A bundle that was built with --no-validate says so of itself, and `avow serve` warns of it.")]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Whom the bundle is for
    #[arg(long, value_enum, default_value = "server")]
    target: TargetArg,
    /// Where to write: a file for a server, a folder for a browser
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Sign with the key in this file; `avow new key` makes one
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// Path under which the site serves the folder
    #[arg(long, value_name = "PATH", default_value = "/avow")]
    base: String,
    #[command(flatten)]
    validation: ValidationArg,
}

pub(crate) fn run(args: &Args) -> Exit {
    match build(args) {
        Ok(()) => Exit::Fine,
        Err(exit) => exit,
    }
}

fn build(args: &Args) -> Result<(), Exit> {
    // Everything that can be wrong is found before the first file is written.
    let key = match &args.sign {
        Some(file) => Some(key::read(file)?),
        None => None,
    };
    let pack = open(&args.pack.pack, args.validation)?;
    let target = match args.target {
        TargetArg::Server => Target::Server,
        TargetArg::Browser => Target::Browser,
    };
    let mut bundle = pack.compiled.bundle(target);
    if let Some(key) = key {
        key::sign(&key, &mut bundle)?;
    }
    match args.target {
        TargetArg::Server => {
            write(&args.out, &bundle)?;
            say(format!(
                "wrote {}, {} bytes",
                args.out.display(),
                bundle.len()
            ));
        }
        TargetArg::Browser => {
            let files = words::files(&pack.compiled).map_err(|error| fail(Exit::Wrong, error))?;
            fs::create_dir_all(&args.out).map_err(|error| not_written(&args.out, &error))?;
            for (name, bytes) in &files {
                write(&args.out.join(name), bytes)?;
            }
            write(&args.out.join("site.avow"), &bundle)?;
            let base = args.base.trim_end_matches('/');
            say(format!(
                "wrote {} files to {}",
                files.len() + 1,
                args.out.display()
            ));
            println!("embed, first in the head of each page:");
            println!(
                "  <script src=\"{base}/avow.js\" data-site=\"{base}/site.avow\" data-surface=\"site\"></script>"
            );
        }
    }
    Ok(())
}

/// Writes a file whole or not at all: a reader never sees half of one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Exit> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // What could not be renamed is of no use; that it cannot be removed either would say nothing more.
        let _ = fs::remove_file(&beside);
        not_written(path, &error)
    })
}

fn not_written(path: &Path, error: &io::Error) -> Exit {
    fail(
        Exit::System,
        format!("cannot write `{}`: {error}", path.display()),
    )
}
