//! `cargo xtask fuzz`: more of what the tests do a little of.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use crate::run::command;

/// Cases of the differential test, unless it is said how many.
const CASES: u64 = 200_000;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((target, rest)) if target == "differential" => differential(rest),
        _ => bail!("say what: `cargo xtask fuzz differential [--cases N] [--seed N]`"),
    }
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
