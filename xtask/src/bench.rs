//! `cargo xtask bench`: Avow beside its peers, in one run.

mod decide;
mod widget;

use anyhow::{Result, bail};

pub(crate) const HELP: &str = "\
Measures Avow and its peers in one run, and prints tables with ratios. No test asserts a time.

Usage: cargo xtask bench decide [--quick] [--json] [--write]
       cargo xtask bench widget [--quick] [--only NAME]… [--silktide FOLDER] [--json FILE] [--markdown]

decide: decisions. The first run compiles the peers, which takes minutes. Peers from npm need Node and are left out without it.
  --quick      fewer and shorter batches: for a look, not for quoting
  --json       print JSON instead of the table; it is written to target/bench/decide.json in any case
  --write      put the table into docs/performance.md

widget: banners, in Chromium. It needs Node, takes a quarter of an hour, and fails if a banner never appears.
  --quick      3 rounds instead of 9: for a look, not for quoting
  --only NAME  measure this one alone; may be repeated. Ratios are to `avow`, so name it too
  --json FILE  write every single measurement there
  --markdown   print the tables as docs/performance.md has them

Examples:
  cargo xtask bench decide --quick
  cargo xtask bench widget --quick --only avow --only klaro
  cargo xtask bench widget --markdown --json target/bench/widget.json
";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((what, options)) = arguments.split_first() else {
        bail!("say what: `cargo xtask bench decide` or `cargo xtask bench widget`");
    };
    match what.as_str() {
        "decide" => decide::run(options),
        "widget" => widget::run(options),
        other => bail!("unknown benchmark `{other}`; there are `decide` and `widget`"),
    }
}
