//! The demo: OpSyn's marketing site and signed-in application, which run under the pack `policies/opsyn`, and a site for each of
//! the other four packs.
//!
//! Everything that could hurt a visitor or a customer is asked of Avow first: which cookies leave the server, which scripts run
//! in the browser, who reaches which record. The words are ours; OpSyn's own pages look otherwise.

mod app;
mod args;
mod assets;
mod both;
mod decisions;
mod front;
mod gallery;
mod html;
mod neighbours;
mod promises;
mod provider;
mod sessions;
mod show;
mod site;
mod tenants;
mod themes;
mod tries;

use std::{fs, io::Write as _, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result};
use avow_host::{
    Host, Ledger, Trust,
    http::{self as service, App, Site},
};
use http::HeaderValue;
use tokio::net::TcpListener;

use crate::{args::Args, decisions::Desk, promises::Promises, sessions::Sessions, tenants::Tenant};

/// Where the demo's visitors are taken to be.
const JURISDICTION: &str = "gb";

/// What all pages share.
struct Demo {
    host: Arc<Host>,
    desk: Desk,
    tenants: Vec<Tenant>,
    sessions: Sessions,
    promises: Promises,
    /// Addresses, without a slash at the end.
    site: String,
    app: String,
    provider: String,
    production: bool,
    security_policy: HeaderValue,
}

impl Demo {
    fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_max_level(tracing::Level::WARN)
        .init();
    let done = match args::read(std::env::args().skip(1)) {
        Ok(Some(args)) => run(&args),
        Ok(None) => {
            print!("{}", args::USAGE);
            Ok(())
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(args: &Args) -> Result<()> {
    let socket = async |port: u16| {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.with_context(|| format!("cannot listen on port {port}"))?;
        let port = listener.local_addr()?.port();
        anyhow::Ok((listener, port))
    };
    let (listener, port) = socket(args.port).await?;
    let (provider_listener, provider_port) = socket(args.provider_port).await?;
    let demo = Arc::new(demo(args, port, provider_port)?);

    let ledger = Ledger::open(&args.ledger)?;
    // A chain that is broken is evidence: nothing is added to it.
    ledger.verify()?;
    let avow = App::new(Arc::clone(&demo.host))
        .ledger(ledger)
        .site(Site::load(&args.site)?)
        .visits(front::visits(args.production))
        .router();
    let site = site::router(&demo)
        .merge(assets::router())
        .merge(avow.clone());
    let app = app::router(&demo).merge(assets::router()).merge(avow);
    let others = neighbours::routers(&args.packs, &demo.provider, args.production)?;
    let frames = gallery::router(&demo, &args.packs)?;
    let front = front::router(&demo, site, app, others, frames);

    // Whoever started this reads where to find it from the first line.
    let mut out = std::io::stdout();
    let Demo {
        site,
        app,
        provider,
        ..
    } = demo.as_ref();
    write!(out, "listening site={site} app={app} provider={provider}")?;
    for (host, name) in neighbours::names() {
        write!(out, " {}=http://{host}:{port}", name.to_lowercase())?;
    }
    writeln!(out)?;
    out.flush()?;
    tokio::try_join!(
        service::serve(listener, front),
        service::serve(provider_listener, provider::router()),
    )?;
    Ok(())
}

fn demo(args: &Args, port: u16, provider_port: u16) -> Result<Demo> {
    let tenants = tenants::read()?;
    let bundle = fs::read(&args.bundle)
        .with_context(|| format!("cannot read `{}`", args.bundle.display()))?;
    // It was compiled a moment ago on this machine, and comes from nobody else.
    let trust = Trust::default().allow_unsigned();
    let host = tenants
        .iter()
        .fold(Host::builder().trust(trust), |builder, tenant| {
            builder.tenant(tenant.id.clone(), tenant.residents.clone())
        })
        .build(&bundle)?;
    let host = Arc::new(host);
    // An address and not a name: another origin than the pages all the same, and one that every resolver knows.
    let provider = format!("http://127.0.0.1:{provider_port}");
    let security_policy = HeaderValue::from_str(&front::security_policy(&provider))?;
    Ok(Demo {
        desk: Desk::new(Arc::clone(&host)),
        host,
        tenants,
        sessions: Sessions::default(),
        promises: Promises::read(promises::OPSYN)?,
        site: format!("http://{}:{port}", front::SITE_HOST),
        app: format!("http://{}:{port}", front::APP_HOST),
        provider,
        production: args.production,
        security_policy,
    })
}
