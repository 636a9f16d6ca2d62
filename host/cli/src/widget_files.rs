//! The widget as a site serves it, embedded by the build script.

use avow_engine::Bundle;

type File = (&'static str, &'static [u8], &'static str);

/// The engine, and the same as a script for pages that refuse WebAssembly.
const MODULE: &str = "avow-widget.wasm";
const FALLBACK: &str = "avow-fallback.js";

/// Whether a site's bundle needs the widget's whole engine: its rules use more of Cedar than the lean one has, which would
/// refuse the bundle.
#[must_use]
pub(crate) fn needs_whole(bundle: &[u8]) -> bool {
    !Bundle::load(bundle.to_vec()).is_ok_and(|bundle| bundle.is_lean())
}

/// Name and bytes of each file; their folder is the site's choice, but they stay together. Built without Binaryen there is no
/// fallback.
pub(crate) fn files(whole: bool) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let files: &'static [File] = include!(concat!(env!("OUT_DIR"), "/widget_files.rs"));
    let chosen = files.iter().map(move |(name, bytes, _)| match *name {
        MODULE if whole => (*name, WHOLE),
        FALLBACK if whole => (*name, WHOLE_FALLBACK),
        _ => (*name, *bytes),
    });
    chosen.filter(|(_, bytes)| !bytes.is_empty())
}

const WHOLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/avow-widget-whole.wasm"));
const WHOLE_FALLBACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/avow-fallback-whole.js"));
