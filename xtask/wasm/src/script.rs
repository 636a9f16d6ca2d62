//! What the build scripts that embed a module have in common.

use std::{env, path::Path, process::ExitCode};

/// A build script's `main`: a failure is one line, shown as cargo shows its own errors.
#[must_use]
pub fn main(run: impl FnOnce() -> Result<(), String>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

/// A variable that cargo sets for build scripts.
///
/// # Errors
/// Where it is not set: this is no build script.
pub fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo has not set {name}"))
}

/// Has cargo run the script again when one of `sources`, relative to its package, changes, or the optimiser.
pub fn watch(workspace: &Path, sources: &[&str]) {
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    // Where the optimiser is not there, cargo finds this path changed each time: so it is used as soon as it is installed.
    let optimiser = workspace.join(crate::OPTIMISER);
    println!("cargo::rerun-if-changed={}", optimiser.display());
}
