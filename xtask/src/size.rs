//! `cargo xtask size`: what a browser gets, in bytes.

use std::{fs, io::Write as _};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{
    node,
    run::{build_site, built, root, run as start, target, wasm_target},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    guest: usize,
    first_visit: usize,
    loader: usize,
}

/// What somebody who comes back runs.
const LOADER: &str = "avow.js";

/// What the second layer needs beside it, for whom opens it.
const SETTINGS: [&str; 4] = [
    "avow-more.js",
    "avow-more.css",
    "en.more.json",
    "catalogue.json",
];

/// What a first visit gets: loader, widget, engine, style, one language, the site's bundle.
const FIRST_VISIT: [&str; 6] = [
    "avow.js",
    "avow-widget.js",
    "avow-widget.wasm",
    "avow.css",
    "en.json",
    "site.avow",
];

#[derive(Clone, Copy, Default)]
pub(crate) struct Sizes {
    pub(crate) raw: usize,
    pub(crate) gzip: usize,
    pub(crate) brotli: usize,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask size");
    }
    if !node::install()? {
        bail!("sizes are of shrunk WebAssembly: install Node, which brings binaryen");
    }
    wasm_target()?;
    build_site(&[])?;
    let budget = fs::read_to_string(root().join("xtask/budget.toml"))?;
    let budget: Budget = toml::from_str(&budget).context("xtask/budget.toml")?;
    let out = target().join("demo");
    let guest = out.join("avow-guest.wasm");
    start(built("avow"), &["guest", "--out", &guest.to_string_lossy()])?;
    println!("{:<18} {:>8} {:>8} {:>8}", "bytes", "raw", "gzip", "brotli");
    let print = |name: &str, sizes: Sizes| {
        let Sizes { raw, gzip, brotli } = sizes;
        println!("{name:<18} {raw:>8} {gzip:>8} {brotli:>8}");
    };
    let guest = sizes(&fs::read(guest)?)?;
    print("guest", guest);
    let measure = |name: &str| {
        let file = out.join("avow").join(name);
        let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
        sizes(&bytes)
    };
    let sum = |files: &[&str]| {
        let mut sum = Sizes::default();
        for name in files {
            let one = measure(name)?;
            print(name, one);
            sum.raw += one.raw;
            sum.gzip += one.gzip;
            sum.brotli += one.brotli;
        }
        Ok::<_, anyhow::Error>(sum)
    };
    let first = sum(&FIRST_VISIT)?;
    print("first visit", first);
    print("returning visit", measure(LOADER)?);
    print("second layer", sum(&SETTINGS)?);
    let mut over = Vec::new();
    for (name, found, most) in [
        ("guest", guest.brotli, budget.guest),
        ("first visit", first.brotli, budget.first_visit),
        ("returning visit", measure(LOADER)?.brotli, budget.loader),
    ] {
        if found > most {
            over.push(format!("{name} is {found} bytes brotli, its budget {most}"));
        }
    }
    if over.is_empty() {
        Ok(())
    } else {
        bail!("over budget: {}", over.join("; "))
    }
}

pub(crate) fn sizes(bytes: &[u8]) -> Result<Sizes> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes)?;
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
    brotli.write_all(bytes)?;
    Ok(Sizes {
        raw: bytes.len(),
        gzip: gzip.finish()?.len(),
        brotli: brotli.into_inner().len(),
    })
}
