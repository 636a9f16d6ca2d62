//! Binds the widget's module to JavaScript.
//!
//! The generator makes the module's side of it: what is imported and exported, and how values are passed. Its JavaScript is for
//! any module; `bindings.js` is for ours. The generator's version is pinned exactly, and the names are checked here: where the
//! two sides no longer fit, the build fails.

use std::{fs, path::Path};

use walrus::{ElementItems, Module};
use wasm_bindgen_cli_support::Bindgen;

/// JavaScript's side.
pub(crate) const BINDINGS: &str = include_str!("bindings.js");

/// What the module imports, by what its generated name begins with, and the letter by which `bindings.js` has it.
const IMPORTS: [(&str, &str); 4] = [
    ("__wbg___wbindgen_throw_", "t"),
    ("__wbg_cookie_", "c"),
    ("__wbg_set_cookie_", "s"),
    ("__wbindgen_object_drop_ref", "d"),
];

/// What it exports and `bindings.js` uses.
const EXPORTS: [(&str, &str); 7] = [
    ("memory", "b"),
    ("__wbindgen_malloc", "m"),
    ("__wbindgen_exn_store", "e"),
    ("widget_start", "s"),
    ("widget_decide", "d"),
    ("widget_denies", "n"),
    ("widget_sweep", "w"),
];

/// In the names of functions that JavaScript would call by the table.
const CLOSURES: [&str; 3] = [
    "wasm_bindgen7convert8closures",
    "js_sys7futures",
    "__wbindgen_skip_interpret_calls",
];

/// Of panics: what they say.
const MESSAGES: [&str; 13] = [
    "capacity overflow",
    "slice index starts at ",
    " but ends at ",
    "index out of bounds: the len is ",
    " but the index is ",
    "range start index ",
    "range end index ",
    " out of range for slice of length ",
    "dest is out of bounds",
    "closure invoked recursively or after being dropped",
    "null pointer passed to rust",
    "Tried to shrink to a larger capacity",
    "attempted to take ownership of Rust value while it was borrowed",
];

/// Of panics: what the path of a source file begins with.
const FOLDERS: [&str; 3] = ["/rustc/", "engine/src/", "/.cargo/registry/src/"];

/// Features that rustc turns on, as the module tells of them. Without them the generator passes objects as numbers, which
/// JavaScript made from the module can do too.
const FEATURES: [&[u8]; 2] = [b"+\x0freference-types", b"+\x0amultivalue"];

/// Flags of rustc for the same purpose: the generator's own crate asks for the feature.
pub(crate) const FLAGS: &[&str] = &["-C", "target-feature=-reference-types"];

/// The module, bound.
pub(crate) fn bind(module: &Path) -> Result<Vec<u8>, String> {
    let fails = |error| format!("cannot bind the widget to JavaScript: {error:#}");
    let mut bytes =
        fs::read(module).map_err(|error| format!("cannot read `{}`: {error}", module.display()))?;
    for feature in FEATURES {
        let mut places = bytes.windows(feature.len());
        let place = places.position(|window| window == feature);
        if let Some(sign) = place.and_then(|at| bytes.get_mut(at)) {
            *sign = b'-';
        }
    }
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes("avow-widget", bytes)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.web(true).map_err(fails)?;
    let mut output = bindgen.generate_output().map_err(fails)?;
    let module = output.wasm_mut();

    let mut found = Vec::new();
    for import in module.imports.iter_mut() {
        let known = IMPORTS
            .iter()
            .find(|(name, _)| import.name.starts_with(name));
        let (_, letter) = known.ok_or_else(|| unknown("imports", &import.name))?;
        import.module = "a".to_owned();
        import.name = (*letter).to_owned();
        found.push(*letter);
    }
    let missing = IMPORTS.iter().find(|(_, letter)| !found.contains(letter));
    if let Some((name, _)) = missing {
        return Err(unknown("does not import", name));
    }
    let mut unused = Vec::new();
    found.clear();
    for export in module.exports.iter_mut() {
        match EXPORTS.iter().find(|(name, _)| export.name == *name) {
            Some((_, letter)) => {
                export.name = (*letter).to_owned();
                found.push(*letter);
            }
            None if export.name.starts_with("widget_") => {
                return Err(unknown("exports", &export.name));
            }
            // A widget lives as long as its page: nothing ever frees it. What nobody calls, the optimiser takes out.
            None => unused.push(export.id()),
        }
    }
    let missing = EXPORTS.iter().find(|(_, letter)| !found.contains(letter));
    if let Some((name, _)) = missing {
        return Err(unknown("does not export", name));
    }
    for export in unused {
        module.exports.delete(export);
    }
    forget_closures(module);
    silence(module);
    Ok(module.emit_wasm())
}

/// Takes out of the table what JavaScript would call by it: closures and tasks of the generator's crates, of which the widget
/// has none. They stand last, so all others keep their numbers.
fn forget_closures(module: &mut Module) {
    for element in module.elements.iter_mut() {
        let ElementItems::Functions(functions) = &mut element.items else {
            continue;
        };
        while let Some(last) = functions.last() {
            let name = module.funcs.get(*last).name.as_deref();
            let name = name.unwrap_or_default();
            if !CLOSURES.iter().any(|part| name.contains(part)) {
                break;
            }
            functions.pop();
        }
    }
}

/// Puts zeros in place of what a panic would say and where, which nobody would ever read: the widget's panics say nothing. One
/// of the places is a folder of whoever builds this.
fn silence(module: &mut Module) {
    let all: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for id in all {
        let bytes = &mut module.data.get_mut(id).value;
        for text in MESSAGES {
            blank(bytes, text.as_bytes(), None);
        }
        for folder in FOLDERS {
            blank(bytes, folder.as_bytes(), Some(b".rs"));
        }
    }
}

/// Puts zeros where a text stands, each time; up to `end`, where it has one that is not far.
fn blank(bytes: &mut [u8], text: &[u8], end: Option<&[u8]>) {
    const FAR: usize = 128;
    let mut from = 0;
    while let Some(rest) = bytes.get_mut(from..)
        && let Some(at) = place(rest, text)
    {
        let found = rest.get_mut(at..).unwrap_or_default();
        let near = found.get(..FAR.min(found.len())).unwrap_or_default();
        let len = match end {
            None => text.len(),
            Some(end) => place(near, end).map_or(0, |at| at + end.len()),
        };
        found.iter_mut().take(len).for_each(|byte| *byte = 0);
        from += at + text.len();
    }
}

fn place(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

fn unknown(does: &str, name: &str) -> String {
    format!(
        "the widget's module {does} `{name}`, and host/cli/build/bindings.js does not know of it"
    )
}
