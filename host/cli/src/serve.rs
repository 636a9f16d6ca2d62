//! `avow serve`: decisions, consent and the widget over HTTP.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::http::HeaderName;
use avow_compiler::Target;
use avow_engine::intake::Json;
use avow_host::{
    Host, HostError, Ledger, Tokens, Trust, Visit, Visits,
    http::{self, Access, App, BindError, Site},
    visit::host_name,
};

use crate::{
    output::{Exit, fail},
    pack::{self, ValidationArg},
};

/// Decide requests, take down choices and serve the widget.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow serve policies/opsyn --entities acme=acme.json --tenant acme
  avow serve opsyn.avow --key 8f3c… --entities acme=acme.json --tokens tokens.toml --listen 0.0.0.0:7870
  avow serve moving --no-validate --entities acme=acme.json --tenant acme
  avow serve opsyn.avow --allow-unsigned --ledger consent.db --site site/avow --app-host app.example.com

A decision, in the shape of AuthZEN's Authorization API 1.0:
  curl http://localhost:7870/access/v1/evaluation -H 'content-type: application/json' \\
    -d '{\"subject\": {\"type\": \"User\", \"id\": \"ada\"}, \"action\": {\"name\": \"view\"}, \"resource\": {\"type\": \"Record\", \"id\": \"order-1\"}}'

The credential says for which tenant a request is decided, never the body. Where a token is bound to the
operator's backend, the header `Avow-Tenant` says it. Without a token file only this machine is answered,
and only about the tenant that --tenant names.

SIGHUP reads the bundle again; where the new one is bad, the one in force stays.")]
pub(crate) struct Args {
    /// A bundle, or the folder of a pack, which is compiled first
    #[arg(value_name = "BUNDLE|PACK")]
    source: PathBuf,
    /// Address to listen on; beyond this machine it needs --tokens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7870")]
    listen: SocketAddr,
    /// Entities of a tenant, a JSON array; the file's name is the tenant's where none is given
    #[arg(long, value_name = "[TENANT=]FILE")]
    entities: Vec<String>,
    /// Tokens that are accepted; `avow new token` makes one
    #[arg(long, value_name = "FILE", conflicts_with = "tenant")]
    tokens: Option<PathBuf>,
    /// The tenant about which requests without a token are decided, from this machine only
    #[arg(long)]
    tenant: Option<String>,
    /// Accept bundles that this Ed25519 key has signed
    #[arg(long, value_name = "PUBLIC-KEY")]
    key: Vec<String>,
    /// Accept bundles that nobody has signed
    #[arg(long)]
    allow_unsigned: bool,
    /// Take down visitors' choices in this SQLite file; without it, `POST /consent` is off
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Serve this folder under /avow/: what `avow build --target browser` wrote
    #[arg(long, value_name = "FOLDER")]
    site: Option<PathBuf>,
    /// Host name of the signed-in application; all others are the public site
    #[arg(long, value_name = "NAME")]
    app_host: Vec<String>,
    /// Where visitors are taken to be, such as `GB`
    #[arg(long, value_name = "CODE", default_value = "")]
    jurisdiction: String,
    /// Headers in which a proxy says where visitors are: the country, and the region where it has its own, such as
    /// `cf-ipcountry,cf-region-code`; the proxy must set them on every request or take them out
    #[arg(
        long,
        value_name = "HEADER[,HEADER]",
        value_delimiter = ',',
        conflicts_with = "jurisdiction"
    )]
    place_header: Vec<HeaderName>,
    /// Take choices from pages of this origin too, where a proxy changes the host name
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// This is a developer's machine: cookies need not be `Secure`
    #[arg(long)]
    development: bool,
    #[command(flatten)]
    validation: ValidationArg,
}

pub(crate) fn run(args: &Args) -> Exit {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| fail(Exit::System, error))
        .and_then(|runtime| runtime.block_on(serve(args)));
    match served {
        Ok(()) => Exit::Fine,
        Err(exit) => exit,
    }
}

async fn serve(args: &Args) -> Result<(), Exit> {
    let visits = visits(args)?;
    let host = host(args)?;
    let access = access(args, &host)?;
    let listener = http::bind(args.listen, &access).await.map_err(|error| {
        let exit = match error {
            BindError::Exposed(_) => Exit::Usage,
            BindError::Io { .. } => Exit::System,
        };
        fail(exit, error)
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| fail(Exit::System, error))?;
    if matches!(access, Access::Closed) {
        tracing::warn!(
            "neither --tokens nor --tenant: requests for decisions are answered with 401"
        );
    }
    let mut app = App::new(Arc::clone(&host)).access(access).visits(visits);
    for origin in &args.origin {
        app = app.origin(origin);
    }
    if let Some(path) = &args.ledger {
        app = app.ledger(ledger(path)?);
    }
    if let Some(folder) = &args.site {
        let site = Site::load(folder).map_err(|error| fail(Exit::System, error))?;
        app = app.site(site);
    }
    let digest = host.in_force().digest();
    tracing::info!(%address, bundle = digest, tenants = host.tenants().count(), "serving");
    reload_on_hangup(args.source.clone(), args.validation, host);
    http::serve(listener, app.router())
        .await
        .map_err(|error| fail(Exit::System, error))
}

fn host(args: &Args) -> Result<Arc<Host>, Exit> {
    let mut trust = Trust::signed_by(args.key.iter().map(String::as_str))
        .map_err(|error| fail(Exit::Usage, error))?;
    // A pack that was compiled right here has no signature yet, and comes from nobody else.
    if args.allow_unsigned || args.source.is_dir() {
        trust = trust.allow_unsigned();
    }
    let mut builder = Host::builder().trust(trust);
    for (tenant, file) in tenants(args)? {
        builder = builder.tenant(tenant, entities(&file)?);
    }
    let host = builder
        .build(&bundle(&args.source, args.validation)?)
        .map_err(|error| {
            let exit = match error {
                HostError::Sandbox(_) => Exit::System,
                _ => Exit::Wrong,
            };
            fail(exit, error)
        })?;
    warn_unvalidated(&host);
    Ok(Arc::new(host))
}

/// A bundle that was not validated is served, and never in silence.
fn warn_unvalidated(host: &Host) {
    if host.in_force().bundle().meta("validated") == Some("no") {
        tracing::warn!(
            "the bundle in force was not validated: {}",
            pack::UNVALIDATED
        );
    }
}

/// The bundle's bytes, compiled first where `source` is a pack.
fn bundle(source: &Path, validation: ValidationArg) -> Result<Vec<u8>, Exit> {
    if source.is_dir() {
        let pack = pack::open(source, validation)?;
        return Ok(pack.compiled.bundle(Target::Server));
    }
    if validation.no_validate {
        let message = "a bundle is compiled already: `--no-validate` is for the folder of a pack";
        return Err(fail(Exit::Usage, message));
    }
    fs::read(source).map_err(|error| unreadable(source, error))
}

fn tenants(args: &Args) -> Result<BTreeMap<String, PathBuf>, Exit> {
    let mut tenants = BTreeMap::new();
    for given in &args.entities {
        let (tenant, file) = match given.split_once('=') {
            Some((tenant, file)) => (tenant.to_owned(), PathBuf::from(file)),
            None => {
                let file = PathBuf::from(given);
                let stem = file.file_stem().unwrap_or_default();
                (stem.to_string_lossy().into_owned(), file)
            }
        };
        if tenant.is_empty() {
            return Err(fail(Exit::Usage, format!("`{given}` names no tenant")));
        }
        if tenants.insert(tenant.clone(), file).is_some() {
            let message = format!("tenant `{tenant}` has two files of entities");
            return Err(fail(Exit::Usage, message));
        }
    }
    // Without the tenant's own entity, hardly any rule could permit anything; and a misspelt name would look like a policy.
    if let Some(tenant) = &args.tenant
        && !tenants.contains_key(tenant)
    {
        let message = format!("tenant `{tenant}` has no entities: add `--entities {tenant}=FILE`");
        return Err(fail(Exit::Usage, message));
    }
    Ok(tenants)
}

fn entities(file: &Path) -> Result<Json, Exit> {
    let text = fs::read(file).map_err(|error| unreadable(file, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| fail(Exit::Wrong, format!("`{}`: {error}", file.display())))
}

fn access(args: &Args, host: &Host) -> Result<Access, Exit> {
    let Some(file) = &args.tokens else {
        return Ok(args.tenant.clone().map_or(Access::Closed, Access::Loopback));
    };
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
    let tokens = Tokens::parse(&text).map_err(|error| fail(Exit::Wrong, error))?;
    for (name, tenant) in tokens.tenants() {
        if !host.has_tenant(tenant) {
            tracing::warn!(
                token = name,
                tenant,
                "a token is bound to a tenant without entities: it is answered with 403"
            );
        }
    }
    Ok(Access::Tokens(tokens))
}

fn ledger(path: &Path) -> Result<Ledger, Exit> {
    let ledger = Ledger::open(path).map_err(|error| fail(Exit::System, error))?;
    // A chain that is broken is evidence: nothing is added to it.
    let head = ledger.verify().map_err(|error| fail(Exit::Wrong, error))?;
    tracing::info!(%head, "the ledger of consent is whole");
    Ok(ledger)
}

fn visits(args: &Args) -> Result<Visits, Exit> {
    let apps: BTreeSet<String> = args
        .app_host
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let jurisdiction = args.jurisdiction.clone();
    let production = !args.development;
    let visits = Visits::new(move |headers, uri| {
        let is_app = host_name(headers, uri).is_some_and(|name| apps.contains(&name));
        Visit {
            surface: if is_app { "app" } else { "site" }.into(),
            jurisdiction: jurisdiction.clone().into(),
            production,
            ..Visit::from_headers(headers)
        }
    });
    match args.place_header.as_slice() {
        [] => Ok(visits),
        [country] => Ok(visits.place(country.clone(), None)),
        [country, region] => Ok(visits.place(country.clone(), Some(region.clone()))),
        _ => {
            let message =
                "`--place-header` takes two headers at most: the country's and the region's";
            Err(fail(Exit::Usage, message))
        }
    }
}

#[cfg(unix)]
fn reload_on_hangup(source: PathBuf, validation: ValidationArg, host: Arc<Host>) {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        tracing::warn!("SIGHUP cannot be waited for: the bundle is read once");
        return;
    };
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            let (source, host) = (source.clone(), Arc::clone(&host));
            let reloaded = tokio::task::spawn_blocking(move || {
                let Ok(bytes) = bundle(&source, validation) else {
                    return;
                };
                match host.replace(&bytes) {
                    Ok(()) => {
                        let bundle = host.in_force().digest();
                        tracing::info!(bundle, "another bundle is in force");
                        warn_unvalidated(&host);
                    }
                    Err(error) => tracing::error!(%error, "the bundle stays as it was"),
                }
            });
            if let Err(error) = reloaded.await {
                tracing::error!(%error, "the bundle stays as it was");
            }
        }
    });
}

#[cfg(not(unix))]
fn reload_on_hangup(_: PathBuf, _: ValidationArg, _: Arc<Host>) {}

fn unreadable(path: &Path, error: std::io::Error) -> Exit {
    fail(
        Exit::System,
        format!("cannot read `{}`: {error}", path.display()),
    )
}
