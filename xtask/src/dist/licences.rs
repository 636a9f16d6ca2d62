//! `THIRD-PARTY.md`: what others have written of a module, under which licence, and the text of that licence.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::run::{command, environment};

/// The project's own licence. Who offers it is taken at it, and its text is in `LICENSE`.
const OURS: &str = "Apache-2.0";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
}

#[derive(Clone, Deserialize)]
struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    /// None for what is of this workspace.
    source: Option<String>,
}

/// The page for the module of the crate `root`.
pub(super) fn of(root: &str) -> Result<String> {
    let mut page = String::from(
        "# Third-party software

`engine.wasm` and the script that binds it contain parts of these crates and of Rust's standard library. Where Apache-2.0 is
offered it is taken: its text is in `LICENSE`. The texts of the other licences follow.

| crate | version | licence |
| --- | --- | --- |
",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for of in linked(root)? {
        let licence = of.license.clone().unwrap_or_default();
        writeln!(page, "| {} | {} | {licence} |", of.name, of.version)?;
        for text in wanted(&of, &licence)? {
            texts.entry(text).or_default().push(of.name.clone());
        }
    }
    let rust = output("rustc", &["--version"])?;
    let rust = rust.split_ascii_whitespace().nth(1);
    let rust = rust.context("`rustc --version` names no version")?;
    writeln!(
        page,
        "| Rust's standard library | {rust} | MIT OR Apache-2.0 |"
    )?;
    let mut texts: Vec<_> = texts
        .into_iter()
        .map(|(text, names)| (names, text))
        .collect();
    texts.sort();
    for (names, text) in texts {
        write!(page, "\n## {}\n\n```text\n{text}\n```\n", names.join(", "))?;
    }
    Ok(page)
}

/// What cargo links into a crate for wasm32, with the features that it has there; macros are not linked. In order.
fn linked(root: &str) -> Result<Vec<Crate>> {
    let tree = output(
        "cargo",
        &[
            "tree",
            "--locked",
            "--package",
            root,
            "--target",
            avow_wasm_build::TARGET,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    )?;
    // `serde v1.0.200 (*)`
    let mut names = BTreeSet::new();
    for line in tree.lines() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            names.insert((name, version.trim_start_matches('v')));
        }
    }
    let metadata = output("cargo", &["metadata", "--locked", "--format-version", "1"])?;
    let metadata: Metadata = serde_json::from_str(&metadata)?;
    let of = |(name, version): (&str, &str)| {
        let mut known = metadata.packages.iter();
        let found = known.find(|of| of.name == name && of.version == version);
        found
            .cloned()
            .with_context(|| format!("cargo does not say where `{name}` is"))
    };
    let mut crates = names.into_iter().map(of).collect::<Result<Vec<_>>>()?;
    crates.retain(|of| of.source.is_some());
    Ok(crates)
}

/// The texts that have to go with a crate: of each part of its licence that is not ours.
fn wanted(of: &Crate, licence: &str) -> Result<Vec<String>> {
    let folder = of.manifest_path.parent().unwrap_or(Path::new(""));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        if upper.starts_with("LICEN") || upper.starts_with("NOTICE") {
            names.push((upper, name));
        }
    }
    names.sort();
    let ours = licence.contains(OURS);
    let untaken = |upper: &str| upper.contains("APACHE") || ours && upper.contains("MIT");
    names.retain(|(upper, _)| !untaken(upper));
    // One that offers ours, and nothing else beside it, may have its licences in one file, or in none.
    let alternatives = ours && !licence.contains(" AND ");
    if alternatives {
        names.retain(|(upper, _)| upper.starts_with("NOTICE"));
    } else if names.is_empty() {
        bail!("`{}` is {licence}, and has no text of it", of.name);
    }
    let text = |(_, name): (String, String)| -> Result<String> {
        let text = fs::read_to_string(folder.join(name))?;
        Ok(text.trim().replace("\r\n", "\n"))
    };
    names.into_iter().map(text).collect()
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = command(program, arguments);
    environment(&mut command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{program}`"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?)
}
