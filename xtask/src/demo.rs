//! `cargo xtask demo`: everything from sources to a running site.

use std::{net::TcpListener, os::unix::process::CommandExt as _};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{
    node,
    run::{build_site, built, command, target, wasm_target},
};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let port = match arguments {
        [] => 7878,
        [flag, port] if flag == "--port" => port
            .parse::<u16>()
            .with_context(|| format!("`{port}` is no port"))?,
        _ => bail!("usage: cargo xtask demo [--port N]"),
    };
    if !node::install()? {
        eprintln!(
            "note: there is no Node here, so the WebAssembly is not shrunk; all else is the same"
        );
    }
    wasm_target()?;
    build_site(&[])?;
    let provider = port.checked_add(1).ok_or_else(|| {
        anyhow!("port {port} has no next one, which the analytics provider needs")
    })?;
    for port in [port, provider] {
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken: name another one with --port"))?;
    }
    println!(
        "
The site          http://www.opsyn.localhost:{port}/
The application   http://app.opsyn.localhost:{port}/
Opsmatiq          http://www.opsmatiq.localhost:{port}/  (asks nobody)
AIOPSOS           http://www.aiopsos.localhost:{port}/
OpsOS             http://www.opsos.localhost:{port}/
Opsient           http://www.opsient.localhost:{port}/  (asks nobody)
The provider      http://127.0.0.1:{provider}/log  (counts what reaches it)

Three things to try:
  1. On the site, reject, look at /decisions, then accept: the provider is reached only now, and `_ga` is there.
     Withdraw through `Privacy choices` in the footer: it is gone, and reloading does not bring it back.
  2. Open /newsletter with and without consent: the server's own `Set-Cookie` is stripped exactly while it is not allowed.
  3. Sign in to the application as Ada and ask for a record of the other customer by its id: a refusal with its clause.

Ctrl-C stops everything.
"
    );
    let path = |name: &str| {
        target()
            .join("demo")
            .join(name)
            .to_string_lossy()
            .into_owned()
    };
    // The demo takes this program's place: one process, and Ctrl-C reaches it.
    let error = command(
        built("avow-demo"),
        &[
            "--port",
            &port.to_string(),
            "--provider-port",
            &provider.to_string(),
            "--bundle",
            &path("opsyn.avow"),
            "--site",
            &path("avow"),
            "--packs",
            &path("packs"),
            "--ledger",
            &path("consent.db"),
        ],
    )
    .exec();
    Err(anyhow!("cannot start the demo: {error}"))
}
