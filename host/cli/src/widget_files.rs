//! The widget as a site serves it, embedded by the build script.

/// Name, bytes and content type of each file; their folder is the site's choice, but they stay together.
#[must_use]
pub(crate) fn files() -> &'static [(&'static str, &'static [u8], &'static str)] {
    include!(concat!(env!("OUT_DIR"), "/widget_files.rs"))
}
