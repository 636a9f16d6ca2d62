//! `cargo xtask bench decide`: Avow beside its peers, in one run.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::run::{cargo, command, root, run as start, target, wasm_target};

pub(crate) const HELP: &str = "\
Measures decisions of Avow and of its peers in one run, and prints a table with ratios.

Usage: cargo xtask bench decide [--quick] [--json] [--write]

Options:
  --quick   fewer and shorter batches: for a look, not for quoting
  --json    print JSON instead of the table; it is written to target/bench/decide.json in any case
  --write   put the table into docs/performance.md

The first run compiles the peers, which takes minutes. Peers from npm need Node and are left out without it.
";

/// Where npm's peers are.
const PEERS: &str = "benches/peers";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((what, options)) = arguments.split_first() else {
        bail!("say what: `cargo xtask bench decide`");
    };
    if what != "decide" {
        bail!("unknown benchmark `{what}`; there is `decide`");
    }
    let mut passed = Vec::new();
    for option in options {
        match option.as_str() {
            "--quick" | "--json" => passed.push(option.clone()),
            "--write" => {
                let document = root().join("docs/performance.md");
                passed.extend([option.clone(), document.to_string_lossy().into_owned()]);
            }
            other => bail!("unknown option `{other}`; see `cargo xtask bench --help`"),
        }
    }
    install()?;
    wasm_target()?;
    let folder = target().join("benches");
    cargo(&[
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "benches/Cargo.toml",
        "--target-dir",
        &folder.to_string_lossy(),
    ])?;
    let out = target().join("bench");
    fs::create_dir_all(&out)?;
    passed.push("--out".to_owned());
    passed.push(out.join("decide.json").to_string_lossy().into_owned());
    let passed: Vec<&str> = passed.iter().map(String::as_str).collect();
    start(folder.join("release/decide"), &passed)
}

/// Installs the peers from npm, or says that there will be none.
fn install() -> Result<()> {
    let npm = Command::new("npm")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !npm.is_ok_and(|status| status.success()) {
        eprintln!("no Node here: cedar-wasm and cedarling_wasm are not measured");
        return Ok(());
    }
    let folder = root().join(PEERS);
    let modified = |path: &str| {
        folder
            .join(path)
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
    };
    // npm leaves a copy of the lock file behind; a newer one of ours means that something else is wanted.
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    let status = command("npm", &["ci", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        // Standard output is for figures.
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("`npm ci` in {PEERS} failed");
    }
    Ok(())
}
