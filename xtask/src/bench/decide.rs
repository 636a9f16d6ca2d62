//! `cargo xtask bench decide`: Avow beside its peers, in one run.

use std::fs;

use anyhow::{Result, bail};

use crate::{
    node,
    run::{cargo, root, run as start, target, wasm_target},
};

/// Where npm's peers are.
const PEERS: &str = "benches/peers";

pub(super) fn run(options: &[String]) -> Result<()> {
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
    if !node::install_in(&root().join(PEERS))? {
        eprintln!("no Node here: cedar-wasm and cedarling_wasm are not measured");
    }
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
