//! The command line. `cargo xtask demo` writes it; there is a flag for each thing that it decides.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

pub(crate) const USAGE: &str = "\
Serves the OpSyn demo: a marketing site, an application, and a stand-in for an analytics provider.

Usage: avow-demo --bundle FILE --site FOLDER --packs FOLDER --ledger FILE [--port N] [--provider-port N] [--production]

  --bundle FILE        the pack's bundle for servers, from `avow build policies/opsyn --out FILE`
  --site FOLDER        the widget's files, from `avow build policies/opsyn --target browser --out FOLDER`
  --packs FOLDER       of each other pack, `<pack>.avow` and the folder `<pack>` of widget's files; and of `gallery`, the one
                       of the browser tests
  --ledger FILE        where choices are taken down; made where it is missing
  --port N             of site and application (default 7878; 0 takes a free one)
  --provider-port N    of the provider (default 7879; 0 takes a free one)
  --production         cookies are to be Secure, as behind TLS

Example:
  cargo xtask demo
";

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) bundle: PathBuf,
    pub(crate) site: PathBuf,
    pub(crate) packs: PathBuf,
    pub(crate) ledger: PathBuf,
    pub(crate) port: u16,
    pub(crate) provider_port: u16,
    pub(crate) production: bool,
}

/// Reads the command line; nothing where help is asked for.
pub(crate) fn read(mut given: impl Iterator<Item = String>) -> Result<Option<Args>> {
    let (mut bundle, mut site, mut packs, mut ledger) = (None, None, None, None);
    let (mut port, mut provider_port, mut production) = (7878, 7879, false);
    while let Some(flag) = given.next() {
        let mut value = || {
            given
                .next()
                .with_context(|| format!("`{flag}` needs a value"))
        };
        let number = |text: String| -> Result<u16> {
            text.parse().with_context(|| format!("`{text}` is no port"))
        };
        match flag.as_str() {
            "--bundle" => bundle = Some(value()?.into()),
            "--site" => site = Some(value()?.into()),
            "--packs" => packs = Some(value()?.into()),
            "--ledger" => ledger = Some(value()?.into()),
            "--port" => port = number(value()?)?,
            "--provider-port" => provider_port = number(value()?)?,
            "--production" => production = true,
            "--help" | "-h" => return Ok(None),
            _ => bail!("`{flag}` is no flag of this program; see --help"),
        }
    }
    Ok(Some(Args {
        bundle: bundle.context("`--bundle` is missing; `cargo xtask demo` gives it")?,
        site: site.context("`--site` is missing; `cargo xtask demo` gives it")?,
        packs: packs.context("`--packs` is missing; `cargo xtask demo` gives it")?,
        ledger: ledger.context("`--ledger` is missing; `cargo xtask demo` gives it")?,
        port,
        provider_port,
        production,
    }))
}
