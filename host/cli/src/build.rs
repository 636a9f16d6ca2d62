//! `avow build`: a pack into a bundle, and into everything that a site serves.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use avow_compiler::{Compiled, Target};
use clap::ValueEnum;
use serde::Serialize;

use crate::{
    key,
    output::{self, Exit, fail, say},
    pack::{PackArg, ValidationArg, open},
    site, widget_files,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TargetArg {
    /// Everything, for `avow serve` and for the host library
    Server,
    /// The consent rules and the catalogue, and the widget's files
    Browser,
    /// The rules of the actions that the schema marks `@client`, for the pages of an application to show and hide by
    App,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow build policies/opsyn --out opsyn.avow
  avow build policies/opsyn --out opsyn.avow --sign signing.key
  avow build policies/opsyn --target browser --out site/avow
  avow build policies/opsyn --target browser --out site/avow --first-layer
  avow build policies/opsyn --target browser --out site/avow --inline
  avow build policies/opsyn --target browser --out site/avow --json | jq -r .embed.html
  avow build policies/opsyn --target app --out public/app.avow
  avow build moving --no-validate --out moving.avow

A bundle that was built with --no-validate says so of itself, and `avow serve` warns of it.")]
pub(crate) struct Args {
    #[command(flatten)]
    pack: PackArg,
    /// Whom the bundle is for
    #[arg(long, value_enum, default_value = "server")]
    target: TargetArg,
    /// Where to write: a folder for a browser, else a file
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Sign with the key in this file; `avow new key` makes one
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// Path under which the site serves the folder
    #[arg(long, value_name = "PATH", default_value = "/avow")]
    base: String,
    /// For a browser: print the loader itself for the page, with its digest for script-src, instead of a tag that names its file
    #[arg(long)]
    inline: bool,
    /// For a browser: write the first layer of each language as HTML, too, to be put first in the body
    #[arg(long)]
    first_layer: bool,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    validation: ValidationArg,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    target: &'static str,
    out: PathBuf,
    files: Vec<File>,
    /// Whether the widget's module has the whole engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embed: Option<site::Embed>,
}

#[derive(Serialize)]
struct File {
    path: PathBuf,
    bytes: usize,
}

pub(crate) fn run(args: &Args) -> Exit {
    match build(args) {
        Ok(written) => {
            match args.json {
                true => output::json(&written),
                false => written.print(args),
            }
            Exit::Fine
        }
        Err(exit) => exit,
    }
}

fn build(args: &Args) -> Result<Written, Exit> {
    if args.target != TargetArg::Browser && (args.inline || args.first_layer) {
        let message = "--inline and --first-layer are for `--target browser`";
        return Err(fail(Exit::Usage, message));
    }
    // Everything that can be wrong is found before the first file is written.
    let key = match &args.sign {
        Some(file) => Some(key::read(file)?),
        None => None,
    };
    let pack = open(&args.pack.pack, args.validation)?;
    let target = match args.target {
        TargetArg::Server => Target::Server,
        TargetArg::Browser => Target::Browser,
        TargetArg::App => Target::App,
    };
    if target == Target::App && pack.compiled.client_actions() == 0 {
        let message =
            "no action of the pack may be asked by pages: its schema marks none with `@client`";
        return Err(fail(Exit::Wrong, message));
    }
    let mut bundle = pack.compiled.bundle(target);
    if let Some(key) = key {
        key::sign(&key, &mut bundle)?;
    }
    match args.target {
        TargetArg::Server | TargetArg::App => {
            write(&args.out, &bundle)?;
            Ok(Written {
                target: target.as_str(),
                out: args.out.clone(),
                files: vec![File {
                    path: args.out.clone(),
                    bytes: bundle.len(),
                }],
                whole: None,
                embed: None,
            })
        }
        TargetArg::Browser => browser(args, &pack.compiled, &bundle),
    }
}

fn browser(args: &Args, compiled: &Compiled, bundle: &[u8]) -> Result<Written, Exit> {
    let wrong = |error| fail(Exit::Wrong, error);
    let whole = widget_files::needs_whole(bundle);
    let base = args.base.trim_end_matches('/');
    let mut files = site::files(compiled, bundle, whole).map_err(wrong)?;
    if let Some(warning) = site::warning(compiled, bundle).map_err(wrong)? {
        eprintln!("warning: {warning}");
    }
    let mut embed = match args.inline {
        false => site::tag(base),
        true => {
            let loader = files.iter().find(|(name, _)| name == "avow.js");
            let loader = loader.map(|(_, bytes)| bytes.as_ref()).unwrap_or_default();
            site::inline(base, loader).map_err(wrong)?
        }
    };
    if args.first_layer {
        files.extend(site::first_layers(compiled).map_err(wrong)?);
        embed = site::styled(base, embed);
    }
    files.push(("site.avow".to_owned(), bundle.to_vec().into()));
    let mut out = Vec::new();
    for (name, bytes) in &files {
        let path = args.out.join(name);
        let folder = path.parent().unwrap_or(&args.out);
        fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
        write(&path, bytes)?;
        out.push(File {
            path: name.into(),
            bytes: bytes.len(),
        });
    }
    Ok(Written {
        target: Target::Browser.as_str(),
        out: args.out.clone(),
        files: out,
        whole: Some(whole),
        embed: Some(embed),
    })
}

impl Written {
    fn print(&self, args: &Args) {
        let out = self.out.display();
        let Some(embed) = &self.embed else {
            let bytes: usize = self.files.iter().map(|file| file.bytes).sum();
            return say(format!("wrote {out}, {bytes} bytes"));
        };
        say(format!("wrote {} files to {out}", self.files.len()));
        if self.whole == Some(true) {
            say(
                "the rules use more than the lean engine has: the widget's module is the whole one",
            );
        }
        println!("embed, first in the head of each page:");
        for line in embed.html.lines() {
            println!("  {line}");
        }
        if args.inline {
            println!("and in the page's policy (CSP), anew after each build:");
            println!("  script-src {}", embed.csp);
        }
        if args.first_layer {
            println!("and first in its body, the page's language of:");
            println!("  {}", self.out.join("first-layer").display());
        }
    }
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
