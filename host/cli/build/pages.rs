//! Scripts and style sheets that a page loads: several rooms to a file, and as short as they can be written.

use std::path::Path;

use avow_wasm_build::{Script, minify};

use crate::{glue, read, trim, write as put};

/// What is put together, in this order: rooms see the names of those before them.
const ROOMS: [(&str, &str, &[&str]); 2] = [
    ("avow-widget.js", "widget", &["record", "layers", "start"]),
    ("avow-more.js", "more", &["settings", "places", "start"]),
];

/// What stands alone: its source, its file, what it is, and the name, free in it, for which `avow build` puts in what it knows
/// of the site.
const ALONE: [(&str, &str, Script, Option<&str>); 3] = [
    ("avow.js", "avow.js", Script::Classic, Some("AVOW_SITE")),
    (
        "guard.js",
        "avow-guard.js",
        Script::Classic,
        Some("AVOW_GUARD"),
    ),
    ("avow.mjs", "avow.mjs", Script::Module, None),
];

/// The same in the rooms of the widget.
const OFFER: &str = "AVOW_OFFER";

const SHEETS: [&str; 2] = ["avow.css", "avow-more.css"];

/// Writes them to the folder `files`. The loader has to say `languages`.
pub(crate) fn write(
    workspace: &Path,
    source: &Path,
    files: &Path,
    languages: &str,
) -> Result<(), String> {
    let script = |text: &str, of| minify(workspace, &trim::script(text), of);
    for (file, folder, rooms) in ROOMS {
        if !rooms
            .iter()
            .all(|room| source.join(format!("js/{folder}/{room}.js")).is_file())
        {
            continue;
        }
        let mut text = match folder {
            "widget" => glue::BINDINGS.to_owned(),
            _ => String::new(),
        };
        for room in rooms {
            text.push_str(&read(&source.join(format!("js/{folder}/{room}.js")))?);
        }
        let short = script(&text, Script::Module)?;
        if folder == "widget" && short.matches(OFFER).count() != 1 {
            return Err(format!("widget/js/widget must use `{OFFER}` exactly once"));
        }
        put(&files.join(file), short.as_bytes())?;
    }
    for (from, file, of, site) in ALONE {
        if !source.join("js").join(from).is_file() {
            continue;
        }
        let text = read(&source.join("js").join(from))?;
        if from == "avow.js" && !text.contains(languages) {
            return Err(format!("widget/js/avow.js must say `{languages}`"));
        }
        let short = script(&text, of)?;
        if let Some(name) = site
            && text.contains(name)
            && short.matches(name).count() != 1
        {
            return Err(format!("widget/js/{from} must use `{name}` exactly once"));
        }
        put(&files.join(file), short.as_bytes())?;
    }
    if let Ok(types) = read(&source.join("js/avow.d.ts")) {
        put(&files.join("avow.d.ts"), types.as_bytes())?;
    }
    for file in SHEETS {
        if !source.join("css").join(file).is_file() {
            continue;
        }
        let sheet = read(&source.join("css").join(file))?;
        put(&files.join(file), trim::sheet(&sheet).as_bytes())?;
    }
    Ok(())
}
