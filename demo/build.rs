//! Builds the engine for JavaScript, which the page of decisions asks in the browser, and leaves it in `OUT_DIR/engine`.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avow_wasm_build::{build, optimise, wasm_opt};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let manifest = variable("CARGO_MANIFEST_DIR")?;
    let workspace = Path::new(&manifest)
        .parent()
        .ok_or("the crate has no workspace around it")?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    watch(workspace);

    let built = build(workspace, "avow-engine-js", &out, "wasm")?;
    let engine = out.join("engine");
    let fails = |error| format!("cannot bind the engine to JavaScript: {error:#}");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(built)
        .out_name("avow_engine")
        .typescript(false)
        .web(true)
        .map_err(fails)?
        .generate(&engine)
        .map_err(fails)?;
    let bound = engine.join("avow_engine_bg.wasm");
    optimise(workspace, &bound, &engine.join("avow_engine.wasm")).map(|_| ())
}

fn watch(workspace: &Path) {
    let sources = [
        "build.rs",
        "../Cargo.lock",
        "../engine/Cargo.toml",
        "../engine/src",
        "../engine/js/Cargo.toml",
        "../engine/js/src",
    ];
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    if let Some(program) = wasm_opt(workspace) {
        println!("cargo::rerun-if-changed={}", program.display());
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo has not set {name}"))
}
