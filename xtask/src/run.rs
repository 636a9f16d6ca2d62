//! Starts programs, from the workspace's folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where builds go.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program of the workspace, as the dev profile built it.
pub(crate) fn built(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a program; its failing is an error.
pub(crate) fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Result<()> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let status = command(program, arguments)
        .status()
        .with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name} {}` failed", arguments.join(" "));
    }
    Ok(())
}

/// What the `cargo run` around this program says of this very package must not leak into another cargo: build scripts of
/// dependencies that look at such a variable would run anew each time.
pub(crate) fn environment(cargo: &mut Command) {
    let ours = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
}

/// Runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    let mut cargo = command("cargo", arguments);
    environment(&mut cargo);
    let status = cargo.status().context("cannot start `cargo`")?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}

/// Adds the WebAssembly target where rustup can; where it cannot, the error says what to do.
pub(crate) fn wasm_target() -> Result<()> {
    let missing = match avow_wasm_build::require_target(&root()) {
        Ok(()) => return Ok(()),
        Err(missing) => missing,
    };
    eprintln!("adding rust's target {}", avow_wasm_build::TARGET);
    let added = command("rustup", &["target", "add", avow_wasm_build::TARGET]).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    bail!(missing)
}

/// Builds the programs that the steps start. Always both together: apart, they would have other features and be built twice.
pub(crate) fn build(also: &[&str]) -> Result<()> {
    let both = [
        "build",
        "--locked",
        "--package",
        "avow",
        "--package",
        "avow-demo",
    ];
    cargo(&[both.as_slice(), also].concat())
}

/// Builds, and writes the bundles and the site's files.
pub(crate) fn build_site(also: &[&str]) -> Result<()> {
    build(also)?;
    let out = target().join("demo");
    std::fs::create_dir_all(&out)?;
    let path = |name: &str| out.join(name).to_string_lossy().into_owned();
    let avow = |arguments: &[&str]| {
        run(
            built("avow"),
            &[["build", "policies/opsyn"].as_slice(), arguments].concat(),
        )
    };
    avow(&["--out", &path("opsyn.avow")])?;
    avow(&[
        "--target",
        "browser",
        "--first-layer",
        "--out",
        &path("avow"),
    ])?;
    avow(&["--target", "app", "--out", &path("app.avow")])?;
    let packs = out.join("packs");
    std::fs::create_dir_all(&packs)?;
    for name in pack_names()? {
        let pack = format!("policies/{name}");
        let out = |name: &str| packs.join(name).to_string_lossy().into_owned();
        let avow = |arguments: &[&str]| {
            run(
                built("avow"),
                &[["build", pack.as_str()].as_slice(), arguments].concat(),
            )
        };
        avow(&["--out", &out(&format!("{name}.avow"))])?;
        avow(&["--target", "browser", "--out", &out(&name)])?;
    }
    // The gallery's: no operator of the demo has every kind of purpose.
    let gallery = |arguments: &[&str]| {
        run(
            built("avow"),
            &[["build", "tests/browser/pack"].as_slice(), arguments].concat(),
        )
    };
    gallery(&["--out", &packs.join("gallery.avow").to_string_lossy()])?;
    let out = packs.join("gallery");
    gallery(&[
        "--target",
        "browser",
        "--first-layer",
        "--out",
        &out.to_string_lossy(),
    ])
}

/// The packs of the repository, sorted: the folders that promise something.
pub(crate) fn pack_names() -> Result<Vec<String>> {
    names_in("policies")
}

/// The folders of all packs that have cases, sorted: those above, and beside the tests those that take the chapters of `base`
/// which no operator's pack takes.
pub(crate) fn tested_packs() -> Result<Vec<String>> {
    let mut packs = Vec::new();
    for folder in ["policies", "tests/packs"] {
        let names = names_in(folder)?;
        packs.extend(names.iter().map(|name| format!("{folder}/{name}")));
    }
    Ok(packs)
}

fn names_in(packs: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join(packs))? {
        let folder = entry?.path();
        if let (true, Some(name)) = (
            folder.join("promises.toml").is_file(),
            folder.file_name().and_then(|name| name.to_str()),
        ) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
