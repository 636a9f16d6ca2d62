//! What comes from npm and from the system: binaryen, Playwright, Chromium.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::run::{command, root, run};

fn works(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs what the workspace's package-lock.json names, unless it is there; false where there is no Node to do it with.
pub(crate) fn install() -> Result<bool> {
    install_in(&root())
}

/// The same in another folder.
pub(crate) fn install_in(folder: &Path) -> Result<bool> {
    if !works("npm", "--version") {
        return Ok(false);
    }
    // npm leaves a copy of the lock file behind; a newer one of ours means that something else is wanted.
    let installed = folder.join("node_modules/.package-lock.json");
    let changed = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let wanted = changed(&folder.join("package-lock.json"));
    if installed.is_file() && changed(&installed) >= wanted {
        return Ok(true);
    }
    let folder = folder.to_string_lossy();
    // Standard output is for figures.
    let quiet = ["ci", "--no-audit", "--no-fund", "--silent"];
    run("npm", &[quiet.as_slice(), &["--prefix", &folder]].concat())?;
    Ok(true)
}

/// The Chromium to test in: `CHROMIUM`, or one of the usual names, or Debian's, which is installed where that can be.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    let usual = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let found = || usual.iter().map(PathBuf::from).find(|path| path.is_file());
    if let Some(path) = found() {
        return Ok(path);
    }
    let root_user = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|out| out.stdout.starts_with(b"0\n"));
    if root_user && works("apt-get", "--version") {
        eprintln!("installing chromium");
        run("apt-get", &["update", "-qq"])?;
        let status = command(
            "apt-get",
            &[
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                "chromium",
            ],
        )
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()?;
        if let Some(path) = found().filter(|_| status.success()) {
            return Ok(path);
        }
    }
    bail!(
        "no Chromium found: install it (Debian: `apt-get install chromium`) or name one in `CHROMIUM`"
    )
}
