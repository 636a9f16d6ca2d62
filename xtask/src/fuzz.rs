//! `cargo xtask fuzz`: more of what the tests do a little of.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};

use crate::run::{cargo, command, root, target, wasm_target};

pub(crate) const HELP: &str = "\
Gives engine and guest whatever bytes lead somewhere new, and looks whether what must hold of any bytes holds.

Usage: cargo xtask fuzz [TARGET…] --seconds N
       cargo xtask fuzz TARGET FILE…
       cargo xtask fuzz differential [--cases N] [--seed N]

Targets; without one, all:
  bundle         bytes as a bundle
  request        bytes as a request
  patch          bytes as a patch of the residents
  differential   bytes as choices of the generator of rules, whose answers are compared with Cedar's

Options:
  --seconds N    run libFuzzer on each target for so long; needs cargo-fuzz
  --cases N      compare so many requests that proptest makes (default 200000); needs nothing
  --seed N       which requests those are

A target begins with tests/seeds and with what earlier runs found, which is kept in target/fuzz. FILE is an input that broke
something: the target is run on it alone. The first run compiles everything with libFuzzer's counters, which takes minutes.
";

/// The fuzz targets.
const TARGETS: [&str; 4] = ["bundle", "request", "patch", "differential"];
/// Cases of the differential test, unless it is said how many.
const CASES: u64 = 200_000;
/// Bytes of an input, at most.
const MAX_BYTES: u32 = 8192;
/// After so many seconds an input counts as one that does not end.
const TIMEOUT: u32 = 30;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let has_seconds = arguments.iter().any(|argument| argument == "--seconds");
    let names = arguments
        .iter()
        .take_while(|argument| TARGETS.contains(&argument.as_str()))
        .count();
    let (names, rest) = arguments.split_at(names);
    match (names, rest) {
        ([name], rest) if name == "differential" && is_generated(rest) => differential(rest),
        (names, [option, seconds]) if option == "--seconds" => {
            let seconds = seconds
                .parse()
                .with_context(|| format!("`{seconds}` is no number"))?;
            require()?;
            targets(names, seconds)
        }
        ([name], [_, ..]) if !has_seconds => {
            require()?;
            replay(name, rest)
        }
        ([], [name, ..]) if !name.starts_with('-') => {
            bail!(
                "no target is called `{name}`; there are {}",
                TARGETS.join(", ")
            )
        }
        _ => bail!("say what and how long: `cargo xtask fuzz --seconds N`; see `--help`"),
    }
}

fn is_generated(arguments: &[String]) -> bool {
    let options = ["--cases", "--seed"];
    arguments
        .first()
        .is_none_or(|argument| options.contains(&argument.as_str()))
}

/// Whether `cargo fuzz` is there.
pub(crate) fn is_installed() -> bool {
    let version = command("cargo", &["fuzz", "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}

fn require() -> Result<()> {
    if !is_installed() {
        bail!("there is no `cargo fuzz`: install it by `cargo install cargo-fuzz --locked`");
    }
    wasm_target()
}

/// Runs libFuzzer for so many seconds on each of the targets that are named, or on all.
pub(crate) fn targets(names: &[String], seconds: u32) -> Result<()> {
    let all = TARGETS.map(str::to_owned);
    let names = if names.is_empty() { &all } else { names };
    for name in names {
        eprintln!("-- {name}, {seconds} s");
        let corpus = folder("corpus", name)?;
        let artifacts = folder("artifacts", name)?;
        let before = files(&artifacts)?;
        let seeds = root().join("tests/seeds").join(name);
        let done = start(
            name,
            // What is found is written to the first one only.
            &[&corpus, &seeds],
            &[
                format!("-max_total_time={seconds}"),
                format!("-artifact_prefix={}/", artifacts.display()),
                "-print_final_stats=1".to_owned(),
                "-verbosity=0".to_owned(),
            ],
        );
        if let Err(error) = done {
            let found = files(&artifacts)?;
            let Some(found) = found.iter().find(|file| !before.contains(file)) else {
                return Err(error);
            };
            let found = found.display();
            bail!(
                "`{found}` breaks what must hold; once more: `cargo xtask fuzz {name} {found}`; to keep it, copy it into \
                 tests/seeds/{name}"
            );
        }
    }
    Ok(())
}

/// Runs a target on files alone.
fn replay(name: &str, inputs: &[String]) -> Result<()> {
    let inputs: Vec<&Path> = inputs.iter().map(Path::new).collect();
    match inputs.iter().find(|input| !input.is_file()) {
        Some(missing) => bail!("there is no file `{}`", missing.display()),
        None => start(name, &inputs, &[]),
    }
}

/// Only the counters of libFuzzer: the sanitizers need a nightly compiler, and would look for what code without `unsafe` does
/// not do.
fn start(name: &str, inputs: &[&Path], options: &[String]) -> Result<()> {
    let build = target().join("fuzz/build");
    let paths = [&build]
        .into_iter()
        .map(PathBuf::as_path)
        .chain(inputs.iter().copied())
        .map(|path| path.to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    let (build, inputs) = paths.split_at(1);
    let mut arguments = vec!["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none"];
    // More of them build sooner, which the short run of the tests needs more than speed.
    arguments.extend(["--codegen-units", "16", "--target-dir"]);
    arguments.extend(build.iter().map(String::as_str));
    arguments.push(name);
    arguments.extend(inputs.iter().map(String::as_str));
    let (longest, timeout) = (
        format!("-max_len={MAX_BYTES}"),
        format!("-timeout={TIMEOUT}"),
    );
    arguments.extend(["--", &longest, &timeout]);
    arguments.extend(options.iter().map(String::as_str));
    cargo(&arguments)
}

/// A folder for what is found.
fn folder(kind: &str, name: &str) -> Result<PathBuf> {
    let folder = target().join("fuzz").join(kind).join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?;
    Ok(files
        .map(|file| Ok(file?.path()))
        .collect::<std::io::Result<_>>()?)
}

/// The engine and Cedar with generated rules, optimised, from another seed each time.
fn differential(arguments: &[String]) -> Result<()> {
    let (mut cases, mut seed) = (CASES, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u64> {
            let text = rest
                .next()
                .with_context(|| format!("{argument} needs a number"))?;
            text.parse()
                .with_context(|| format!("`{text}` is no number"))
        };
        match argument.as_str() {
            "--cases" => cases = number()?,
            "--seed" => seed = Some(number()?),
            other => bail!("unknown argument `{other}`"),
        }
    }
    let seed = match seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    eprintln!("{cases} cases, seed {seed}");
    let status = command(
        "cargo",
        &[
            "test",
            "--release",
            "--locked",
            "--package",
            "avow-tests",
            "--test",
            "differential",
            "--",
            "--nocapture",
        ],
    )
    .env("AVOW_CASES", cases.to_string())
    .env("AVOW_SEED", seed.to_string())
    .status()
    .context("cannot start `cargo`")?;
    if !status.success() {
        bail!("the engine and Cedar differ; `--seed {seed}` runs the same cases again");
    }
    Ok(())
}
