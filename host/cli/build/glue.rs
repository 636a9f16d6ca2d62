//! Binds the widget's module to JavaScript, and trims what the generator writes for every module and ours does not need.
//!
//! The generator's version is pinned exactly, so what is cut away is known to be there; where it is not, the build fails.

use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

/// From here on the generated text loads the module in ways that the loader does not use.
const LOADING: &str = "\nlet wasmModule, wasmInstance, wasm;";

/// What is taken out wherever it stands: a widget lives as long as its page, so nothing ever frees it; and texts are encoded
/// in one go, so none is ever resized.
const TRIMMED: &[&str] = &[
    "WidgetFinalization.register(obj, obj.__wbg_ptr, obj);\n",
    "if (Symbol.dispose) Widget.prototype[Symbol.dispose] = Widget.prototype.free;\n",
    ", wasm.__wbindgen_realloc",
    "if (realloc === undefined) ",
];

/// Parts that go, from one mark up to, and not including, the next.
const CUT: &[(&str, &str)] = &[
    ("__destroy_into_raw() {", "free() {"),
    ("free() {", "/**"),
    (
        "const WidgetFinalization =",
        "function addToExternrefTable0",
    ),
    // The quick path for ASCII: our texts are short.
    (
        "let len = arg.length;",
        "}\n\nfunction takeFromExternrefTable0",
    ),
    ("if (!('encodeInto' in", "let WASM_VECTOR_LEN"),
    // A workaround for programs that decode two gigabytes.
    ("const MAX_SAFARI_DECODE_BYTES", "function decodeText"),
    (
        "numBytesDecoded += bytes.length;",
        "return cachedTextDecoder.decode(bytes);",
    ),
];

/// The module with its imports renamed, and the JavaScript that starts it: the generated bindings, then `start`.
pub(crate) fn bind(module: &Path, start: &str) -> Result<(Vec<u8>, String), String> {
    let fails = |error| format!("cannot bind the widget to JavaScript: {error:#}");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("avow-widget")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.web(true).map_err(fails)?;
    let mut output = bindgen.generate_output().map_err(fails)?;
    let mut script = output.js().to_owned();

    let loading = script.find(LOADING).ok_or_else(|| missing(LOADING))?;
    script.truncate(loading);
    for text in TRIMMED {
        if !script.contains(text) {
            return Err(missing(text));
        }
        script = script.replace(text, "");
    }
    for (from, to) in CUT {
        let start = script.find(from).ok_or_else(|| missing(from))?;
        let (before, after) = script.split_at(start);
        let end = after.find(to).ok_or_else(|| missing(to))?;
        let rest = after.get(end..).unwrap_or_default();
        script = format!("{before}{rest}");
    }

    // Each name of an import stands in the module and in the text, and the generator's are long.
    let from = "\"./avow-widget_bg.js\": import0";
    if !script.contains(from) {
        return Err(missing(from));
    }
    script = script.replace(from, "a: import0");
    for (number, import) in output.wasm_mut().imports.iter_mut().enumerate() {
        let short = format!("i{number}");
        let written = format!("{}: function", import.name);
        if import.module != "./avow-widget_bg.js" || !script.contains(&written) {
            return Err(missing(&written));
        }
        script = script.replacen(&written, &format!("{short}: function"), 1);
        import.module = "a".to_owned();
        import.name = short;
    }
    // What the text does not call, the optimiser takes out of the module.
    let module = output.wasm_mut();
    let unused: Vec<_> = module
        .exports
        .iter()
        .filter(|export| {
            !script.contains(&format!("wasm.{}", export.name))
                && !start.contains(&format!("wasm.{}", export.name))
        })
        .map(|export| export.id())
        .collect();
    for export in unused {
        module.exports.delete(export);
    }
    script.push_str("\nlet wasm;\n");
    script.push_str(start);
    Ok((module.emit_wasm(), script))
}

fn missing(text: &str) -> String {
    format!("the generated bindings have no `{}`", text.trim())
}
