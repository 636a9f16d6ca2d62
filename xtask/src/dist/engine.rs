//! `@avow/engine`: the engine for JavaScript programs, with an entry for each runtime.

use std::{env, fs, path::Path};

use anyhow::{Result, anyhow, bail};
use avow_wasm_build::{Build, optimise};
use wasm_bindgen_cli_support::Bindgen;

use super::{Package, licences};
use crate::run::{root, target};

/// The crate that is the package's module.
pub(super) const CRATE: &str = "avow-engine-js";

const SOURCES: &str = "engine/js/package";

const SCRIPTS: [&str; 4] = ["core.js", "browser.js", "node.js", "edge.js"];

const TYPES: [&str; 3] = ["index.d.ts", "edge.d.ts", "engine.wasm.d.ts"];

pub(super) fn write(package: &Package) -> Result<()> {
    let work = target().join("dist-build");
    fs::create_dir_all(&work)?;
    eprintln!("building the engine");
    let bindings = module(&work, &package.path("engine.wasm"))?;
    eprintln!("shrinking scripts");
    package.script(&bindings, "bindings.js")?;
    for name in SCRIPTS {
        let text = fs::read_to_string(root().join(SOURCES).join(name))?;
        package.script(&text, name)?;
    }
    for name in TYPES.iter().chain(&["README.md"]) {
        package.copy(&format!("{SOURCES}/{name}"), name)?;
    }
    package.manifest(&format!("{SOURCES}/package.json"))?;
    eprintln!("gathering licences");
    fs::write(package.path("THIRD-PARTY.md"), licences::of(CRATE)?)?;
    Ok(())
}

/// Writes the module and returns the script that binds it. Neither says where it was built.
fn module(work: &Path, to: &Path) -> Result<String> {
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(
        || env::home_dir().unwrap_or_default().join(".cargo"),
        Into::into,
    );
    let elsewhere = format!("--remap-path-prefix={}=/cargo", cargo_home.display());
    let built = Build {
        workspace: &root(),
        package: CRATE,
        profile: "wasm",
        target_dir: &work.join("wasm"),
        rustflags: &[&elsewhere],
        arguments: &[],
    }
    .run()
    .map_err(|error| anyhow!(error))?;
    let bound = work.join("bound");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(built)
        .out_name("engine")
        .typescript(false)
        .omit_default_module_path(true)
        .web(true)?
        .generate(&bound)?;
    let shrunk = optimise(&root(), &bound.join("engine_bg.wasm"), to);
    if !shrunk.map_err(|error| anyhow!(error))? {
        bail!("binaryen is not installed, so the WebAssembly would be larger than it need be");
    }
    Ok(fs::read_to_string(bound.join("engine.js"))?)
}
