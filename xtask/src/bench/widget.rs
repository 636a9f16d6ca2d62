//! `cargo xtask bench widget`: our banner beside others, in Chromium.
//!
//! Builds the OpSyn site's files and installs the peers; `benches/widgets/run.mjs` does the measuring.

use std::path::absolute;

use anyhow::{Context as _, Result, bail};

use crate::{
    node,
    run::{build_site, command, root, target, wasm_target},
};

/// Where the peers, their pages and the script are.
const WIDGETS: &str = "benches/widgets";

pub(super) fn run(options: &[String]) -> Result<()> {
    let mut passed = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        passed.push(option.clone());
        match option.as_str() {
            "--quick" | "--markdown" => {}
            "--only" => passed.push(options.next().context("name one after `--only`")?.clone()),
            "--json" | "--silktide" => {
                // The script runs in the workspace's folder; the path means the caller's.
                let path = options.next();
                let path = path.with_context(|| format!("name a path after `{option}`"))?;
                passed.push(absolute(path)?.to_string_lossy().into_owned());
            }
            other => bail!("unknown option `{other}`; see `cargo xtask bench --help`"),
        }
    }
    let widgets = root().join(WIDGETS);
    if !node::install()? || !node::install_in(&widgets)? {
        bail!("banners are measured by Playwright and come from npm: install Node");
    }
    let chromium = node::chromium()?;
    wasm_target()?;
    build_site(&[])?;
    let site = absolute(target().join("demo/avow"))?;
    let script = widgets.join("run.mjs");
    let status = command("node", &[])
        .arg(script)
        .arg("--site")
        .arg(site)
        .args(&passed)
        .env("CHROMIUM", chromium)
        .status()
        .context("cannot start `node`")?;
    if !status.success() {
        bail!("the banners were not measured");
    }
    Ok(())
}
