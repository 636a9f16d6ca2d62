//! Reads a pack's folder, and the folders that it uses, into the map of path to text that the compiler takes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use std::collections::BTreeMap;

/// Files of a pack that the compiler reads.
const ENDINGS: [&str; 5] = [".toml", ".cedar", ".cedarschema", ".links.json", ".yaml"];

/// What a manifest writes in `uses` for the pack `base` that this library carries along.
const EMBEDDED: &str = "avow:base";
/// Where the compiler sees its files: as those of a folder of that name beside the pack.
const EMBEDDED_AT: &str = "../base";
/// Name and text of its files.
const BASE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/base.rs"));

/// A pack's folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", path.display())]
pub struct PackError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// All files of the pack in `folder`, by their path relative to it, with the style sheet that its theme names; of the packs that
/// its manifest uses, the schemas, rules and catalogues too, under `../name/…`. `avow:base` is the one that comes with this
/// library.
///
/// # Errors
/// Where a folder or a file cannot be read, or is no UTF-8.
pub fn read(folder: &Path) -> Result<BTreeMap<String, String>, PackError> {
    let mut files = BTreeMap::new();
    walk(folder, "", &mut files)?;
    // A manifest that does not parse is the compiler's to report; then nothing is used.
    let manifest = files
        .get("avow.toml")
        .and_then(|text| text.parse::<toml::Table>().ok());
    let uses = manifest
        .as_ref()
        .and_then(|table| table.get("pack")?.get("uses")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str);
    let sheet = manifest
        .as_ref()
        .and_then(|table| table.get("theme")?.get("css")?.as_str());
    if let Some(sheet) = sheet.filter(|sheet| is_sheet(sheet)) {
        let path = folder.join(sheet);
        // One that is not there is the compiler's to report, too.
        if path.is_file() {
            let text = fs::read_to_string(&path).map_err(|source| PackError { path, source })?;
            files.insert(sheet.to_owned(), text);
        }
    }
    for used in uses {
        if used == EMBEDDED {
            for (name, text) in BASE {
                files.insert(format!("{EMBEDDED_AT}/{name}"), (*text).to_owned());
            }
            continue;
        }
        let mut theirs = BTreeMap::new();
        walk(&folder.join(used), "", &mut theirs)?;
        for (path, text) in theirs {
            let shared = [".cedar", ".cedarschema", "catalogue.toml"];
            if shared.iter().any(|ending| path.ends_with(ending)) {
                files.insert(format!("{}/{path}", used.trim_end_matches('/')), text);
            }
        }
    }
    Ok(files)
}

/// Whether a file is a part of the pack, or means to be one: the compiler says of the latter how it should be called.
fn is_part(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ends = ENDINGS.iter().any(|ending| lower.ends_with(ending));
    ends || lower.ends_with(".yml") || lower == "links.json"
}

/// Whether it names a style sheet below the pack's folder.
fn is_sheet(path: &str) -> bool {
    let inside = |part| matches!(part, std::path::Component::Normal(_));
    path.ends_with(".css") && Path::new(path).components().all(inside)
}

fn walk(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, String>,
) -> Result<(), PackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PackError { path, source }
    };
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, &format!("{prefix}{name}/"), files)?;
        } else if is_part(&name) {
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            files.insert(format!("{prefix}{name}"), text);
        }
    }
    Ok(())
}
