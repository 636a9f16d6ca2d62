//! Builds the engine for JavaScript, which the page of decisions asks in the browser, and leaves it in `OUT_DIR/engine`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use avow_wasm_build::{build, optimise, script};
use wasm_bindgen_cli_support::Bindgen;

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
            "../Cargo.lock",
            "../engine/Cargo.toml",
            "../engine/src",
            "../engine/js/Cargo.toml",
            "../engine/js/src",
        ],
    );

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
