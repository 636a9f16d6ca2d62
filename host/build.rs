//! Lists the files of the pack `base`, which the library carries along. Builds the guest for wasm32, twice: small, to be handed out, and quick, to be compiled ahead of time for this host, so that the
//! library needs no code generator. The tests hold both to the same answers.

#[path = "src/sandbox/config.rs"]
mod config;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avow_wasm_build::{Build, optimise, script};
use wasmtime::Engine;

/// Stack of the guest, bytes. Rust's default of 1 MiB would be set up anew with each instance.
const STACK: &str = "link-arg=-zstack-size=131072";

fn main() -> ExitCode {
    script::main(run)
}

fn run() -> Result<(), String> {
    let manifest = script::variable("CARGO_MANIFEST_DIR")?;
    let workspace = Path::new(&manifest)
        .parent()
        .ok_or("the crate has no workspace around it")?;
    let out = PathBuf::from(script::variable("OUT_DIR")?);
    script::watch(
        workspace,
        &[
            "build.rs",
            "src/sandbox/config.rs",
            "../Cargo.lock",
            "../engine/Cargo.toml",
            "../engine/src",
            "../engine/guest/Cargo.toml",
            "../engine/guest/src",
            "../engine/heap",
            "../Cargo.toml",
            "../policies/base",
        ],
    );
    let base = embedded(&workspace.join("policies/base"))?;
    fs::write(out.join("base.rs"), base).map_err(|error| error.to_string())?;

    let guest = |profile| {
        Build {
            workspace,
            package: "avow-guest",
            profile,
            target_dir: &out.join("wasm"),
            rustflags: &["-C", STACK],
            arguments: &[],
        }
        .run()
    };
    // One source, two modules: a small one for other hosts, and a quick one that this host compiles for itself.
    optimise(workspace, &guest("wasm")?, &out.join("guest.wasm"))?;
    let quick = guest("wasm-host")?;

    // Naming the target, even where it is this machine, keeps the compiler from using what this very processor can do.
    let target = script::variable("TARGET")?;
    let mut config = config::engine_config();
    let fails = |error: wasmtime::Error| format!("cannot compile the guest for {target}: {error}");
    config.target(&target).map_err(fails)?;
    let engine = Engine::new(&config).map_err(fails)?;
    let wasm = fs::read(&quick).map_err(|error| error.to_string())?;
    let code = engine.precompile_module(&wasm).map_err(fails)?;
    fs::write(out.join("guest.code"), code).map_err(|error| error.to_string())
}

/// A Rust expression: path and text of each file that packs share, in order.
fn embedded(folder: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    shared(folder, "", &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for (name, path) in files {
        list.push_str(&format!("    ({name:?}, include_str!({path:?})),\n"));
    }
    list.push_str("]\n");
    Ok(list)
}

fn shared(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let failed = |error| format!("cannot read `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let shares = [".cedar", ".cedarschema", "catalogue.toml"];
        if path.is_dir() {
            shared(&path, &format!("{prefix}{name}/"), files)?;
        } else if shares.iter().any(|ending| name.ends_with(ending)) {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}
