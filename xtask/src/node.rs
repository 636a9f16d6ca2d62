//! What comes from npm and from the system: binaryen, terser, Playwright, Chromium.

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
    program(
        "CHROMIUM",
        &[
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
        ],
        "chromium",
    )
}

/// The Firefox to test in, likewise.
pub(crate) fn firefox() -> Result<PathBuf> {
    let usual = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];
    program("FIREFOX", &usual, "firefox-esr")
}

/// WebKitGTK's driver, likewise, which brings the browser with it.
pub(crate) fn webkit_driver() -> Result<PathBuf> {
    let usual = ["/usr/bin/WebKitWebDriver"];
    program("WEBKIT_DRIVER", &usual, "webkit2gtk-driver")
}

/// The screen that WebKitGTK draws on, likewise: it has no mode without one.
pub(crate) fn screen() -> Result<PathBuf> {
    program("XVFB", &["/usr/bin/Xvfb"], "xvfb")
}

/// A program by its variable or one of the usual names; where there is none, Debian's package of it is installed, if it can be.
fn program(variable: &str, usual: &[&str], package: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let found = || usual.iter().map(PathBuf::from).find(|path| path.is_file());
    if let Some(path) = found() {
        return Ok(path);
    }
    let root_user = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|out| out.stdout.starts_with(b"0\n"));
    if root_user && works("apt-get", "--version") {
        eprintln!("installing {package}");
        run("apt-get", &["update", "-qq"])?;
        let install = ["install", "-y", "-qq", "--no-install-recommends", package];
        let status = command("apt-get", &install)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status()?;
        if let Some(path) = found().filter(|_| status.success()) {
            return Ok(path);
        }
    }
    bail!(
        "{package} is missing: install it (Debian: `apt-get install {package}`) or name its program in `{variable}`"
    )
}
