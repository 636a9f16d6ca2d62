//! `cargo xtask dist`: the packages for npm, as they would be published.

mod check;
mod engine;
mod integrity;
mod licences;
mod widget;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};

pub(crate) use check::check;

use crate::{
    node,
    run::{root, target, wasm_target},
    size,
};

pub(crate) const HELP: &str = "\
Writes the packages for npm, @avow/engine and @avow/widget, as they would be published: scripts with source maps and sources,
types, licences, and the digest of each file. Nothing is published.

Usage: cargo xtask dist [--out DIR]

  --out DIR   write the folders `engine` and `widget` there instead of target/dist

It needs Node with npm, which brings what shrinks scripts and WebAssembly.

Examples:
  cargo xtask dist
  cargo xtask dist --out release && (cd release/engine && npm publish --dry-run)
";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let out = match arguments {
        [] => target().join("dist"),
        [flag, folder] if flag == "--out" => std::path::absolute(folder)?,
        _ => bail!("usage: cargo xtask dist [--out DIR]"),
    };
    write(&out)
}

/// Writes both packages into folders of `out`, and prints what is in them.
fn write(out: &Path) -> Result<()> {
    if !node::install()? {
        bail!(
            "packages are of shrunk scripts and WebAssembly: install Node, which brings what shrinks them"
        );
    }
    wasm_target()?;
    let engine = Package::begin(out, "engine")?;
    let widget = Package::begin(out, "widget")?;
    eprintln!("== @avow/engine");
    engine::write(&engine)?;
    engine.finish()?;
    eprintln!("== @avow/widget");
    widget::write(&widget)?;
    widget.finish()?;
    for package in [&engine, &widget] {
        package.print()?;
    }
    Ok(())
}

/// A package while it is written.
struct Package {
    folder: PathBuf,
}

impl Package {
    /// An empty folder for it. Only what this program has written before is replaced.
    fn begin(out: &Path, name: &str) -> Result<Self> {
        let folder = out.join(name);
        if folder.exists() {
            if !folder.join(integrity::FILE).is_file() {
                bail!(
                    "`{}` is there and was not written by this command: name another folder with --out",
                    folder.display()
                );
            }
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("src"))
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        // So that what was left unfinished can be replaced, too.
        fs::write(folder.join(integrity::FILE), "{}\n")?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts in a file of the workspace, as it is.
    fn copy(&self, from: &str, name: &str) -> Result<()> {
        let from = root().join(from);
        fs::copy(&from, self.path(name)).with_context(|| from.display().to_string())?;
        Ok(())
    }

    /// Puts in a module: its source, the same shrunk, and the map from one to the other.
    fn script(&self, text: &str, name: &str) -> Result<()> {
        fs::write(self.path("src").join(name), text)?;
        avow_wasm_build::minify_mapped(&root(), &self.folder, name).map_err(|error| anyhow!(error))
    }

    /// Puts in what npm reads, with the workspace's version.
    fn manifest(&self, from: &str) -> Result<()> {
        const UNSAID: &str = r#""version": "0.0.0""#;
        let text = fs::read_to_string(root().join(from)).with_context(|| from.to_owned())?;
        if text.matches(UNSAID).count() != 1 {
            bail!("`{from}` must say `{UNSAID}` once, for the version to be put in");
        }
        let version = format!(r#""version": "{}""#, env!("CARGO_PKG_VERSION"));
        fs::write(self.path("package.json"), text.replace(UNSAID, &version))?;
        Ok(())
    }

    /// Puts in the licence, and, when all else is there, the digests.
    fn finish(&self) -> Result<()> {
        self.copy("LICENSE", "LICENSE")?;
        integrity::write(&self.folder)
    }

    fn print(&self) -> Result<()> {
        println!("{}", self.folder.display());
        println!(
            "  {:<22} {:>8} {:>8} {:>8}",
            "bytes", "raw", "gzip", "brotli"
        );
        let mut sum = size::Sizes::default();
        for name in files(&self.folder)? {
            let one = size::sizes(&fs::read(self.path(&name))?)?;
            print(&name, one);
            sum.raw += one.raw;
            sum.gzip += one.gzip;
            sum.brotli += one.brotli;
        }
        print("in all", sum);
        Ok(())
    }
}

fn print(name: &str, sizes: size::Sizes) {
    let size::Sizes { raw, gzip, brotli } = sizes;
    println!("  {name:<22} {raw:>8} {gzip:>8} {brotli:>8}");
}

/// The files of a folder and of the folders in it, sorted, with `/` between names.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut open = vec![String::new()];
    while let Some(prefix) = open.pop() {
        for entry in fs::read_dir(folder.join(&prefix))? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push(name + "/");
            } else {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}
