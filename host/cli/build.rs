//! Builds the widget for wasm32, binds it to JavaScript, and leaves the files that a site serves in `OUT_DIR/widget`.

#[path = "build/glue.rs"]
mod glue;
#[path = "build/pages.rs"]
mod pages;
#[path = "build/trim.rs"]
mod trim;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avow_wasm_build::{Build, Script, minify, optimise, script, translate};

fn main() -> ExitCode {
    script::main(run)
}

fn run() -> Result<(), String> {
    let manifest = PathBuf::from(script::variable("CARGO_MANIFEST_DIR")?);
    let workspace = manifest
        .ancestors()
        .nth(2)
        .ok_or("the crate has no workspace around it")?;
    let source = workspace.join("widget");
    let out = PathBuf::from(script::variable("OUT_DIR")?);
    let files = out.join("widget");
    script::watch(
        workspace,
        &[
            "build.rs",
            "build",
            "../../Cargo.lock",
            "../../engine/Cargo.toml",
            "../../engine/src",
            "../../engine/heap",
            "../../Cargo.toml",
            "../../widget",
        ],
    );
    fs::create_dir_all(&files).map_err(|error| format!("cannot make a folder: {error}"))?;

    let module = |folder: &str, features: &[&str], to: &Path| {
        let built = Build {
            workspace,
            package: "avow-widget",
            profile: "wasm",
            target_dir: &out.join(folder),
            rustflags: glue::FLAGS,
            arguments: features,
        }
        .run()?;
        let bound = out.join(format!("{folder}.bound.wasm"));
        write(&bound, &glue::bind(&built)?)?;
        optimise(workspace, &bound, to)?;
        // Where a page refuses WebAssembly.
        let lowered = out.join(format!("{folder}.lowered.wasm"));
        let script = translate(workspace, to, &lowered)?;
        script.map_or_else(
            || Ok(String::new()),
            |script| minify(workspace, &script, Script::Module),
        )
    };
    let fallback = module("wasm", &[], &files.join("avow-widget.wasm"))?;
    write(&files.join("avow-fallback.js"), fallback.as_bytes())?;
    // For a site whose rules use more of Cedar than consent rules do.
    let whole = ["--features", "whole"];
    let fallback = module("wasm-whole", &whole, &out.join("avow-widget-whole.wasm"))?;
    write(&out.join("avow-fallback-whole.js"), fallback.as_bytes())?;

    let languages = locales(&source.join("locales"), &files)?;
    // Backwards: of two alternatives that begin alike the longer has to be tried first.
    let listed: Vec<_> = languages.iter().rev().map(String::as_str).collect();
    let listed = format!(r"const LANGUAGES = /^({})\b/;", listed.join("|"));
    pages::write(workspace, &source, &files, &listed)?;
    write(&out.join("widget_files.rs"), embedded(&files)?.as_bytes())
}

/// Copies the languages and returns their tags, in order. Each says the same things as the first.
fn locales(from: &Path, to: &Path) -> Result<Vec<String>, String> {
    let mut tags = Vec::new();
    let mut complete: Option<Vec<String>> = None;
    for file in names(from)? {
        let text = read(&from.join(&file))?;
        let keys = trim::keys(&text);
        if *complete.get_or_insert_with(|| keys.clone()) != keys {
            return Err(format!(
                "widget/locales/{file} has other keys, or in another order, than the rest"
            ));
        }
        write(&to.join(&file), trim::words(&text).as_bytes())?;
        tags.extend(file.strip_suffix(".json").map(String::from));
    }
    tags.sort();
    Ok(tags)
}

/// A Rust expression: name, bytes and type of each file.
fn embedded(folder: &Path) -> Result<String, String> {
    let mut list = String::from("&[\n");
    for name in names(folder)? {
        let kind = match name.rsplit('.').next() {
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("ts") => "text/plain; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("json") => "application/json",
            Some("wasm") => "application/wasm",
            _ => return Err(format!("`{name}` is no file of the widget")),
        };
        let path = folder.join(&name);
        list.push_str(&format!(
            "    ({name:?}, include_bytes!({path:?}), {kind:?}),\n"
        ));
    }
    list.push_str("]\n");
    Ok(list)
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("cannot read `{}`: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(
            entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}
