//! `@avow/widget`: the widget's object for programs that import it. What a site serves is written by `avow build`, because it
//! carries what the pack says.

use std::fs;

use anyhow::Result;

use super::Package;
use crate::run::root;

/// Each file and where it comes from.
const FILES: [(&str, &str); 4] = [
    ("widget/js/avow.d.ts", "avow.d.ts"),
    ("widget/css/avow.css", "avow.css"),
    ("widget/css/avow-more.css", "avow-more.css"),
    ("widget/package/README.md", "README.md"),
];

pub(super) fn write(package: &Package) -> Result<()> {
    let text = fs::read_to_string(root().join("widget/js/avow.mjs"))?;
    package.script(&text, "avow.mjs")?;
    for (from, name) in FILES {
        package.copy(from, name)?;
    }
    package.manifest("widget/package/package.json")
}
