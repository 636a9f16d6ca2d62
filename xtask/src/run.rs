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

/// Runs cargo. Variables of the `cargo run` around this program must not leak into it: they would rebuild what they name.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    run("cargo", arguments)
}

/// Builds the two programs of the demo, and writes the bundles and the site's files.
pub(crate) fn build_site() -> Result<()> {
    cargo(&["build", "--package", "avow", "--package", "avow-demo"])?;
    let out = target().join("demo");
    std::fs::create_dir_all(&out)?;
    let path = |name: &str| out.join(name).to_string_lossy().into_owned();
    let avow = built("avow");
    run(
        &avow,
        &["build", "policies/opsyn", "--out", &path("opsyn.avow")],
    )?;
    run(
        &avow,
        &[
            "build",
            "policies/opsyn",
            "--target",
            "browser",
            "--out",
            &path("avow"),
        ],
    )
}
