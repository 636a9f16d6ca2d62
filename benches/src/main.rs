//! Decisions of Avow and of its peers, measured in one run; `cargo xtask bench decide` starts it.

mod costs;
mod measure;
mod ours;
mod packs;
mod peers;
mod report;
mod rules;
mod world;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use avow_host::sandbox::{Limits, Sandbox};

use crate::{
    measure::{Effort, Timed, interleaved},
    peers::{Turns, casbin::Casbin, cedar::Cedar, node, rego::Rego},
    report::{Cost, Decided, Report, Row},
    rules::Set,
};

/// The row that all others are compared with.
pub const GUEST: &str = "avow, guest in wasmtime";

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// Lines of `docs/performance.md` between which the figures stand.
const BEGIN: &str = "<!-- figures: `cargo xtask bench decide --write` -->";
const END: &str = "<!-- end of figures -->";

struct Options {
    quick: bool,
    json: bool,
    out: PathBuf,
    write: Option<PathBuf>,
}

fn options() -> Result<Options> {
    let mut options = Options {
        quick: false,
        json: false,
        out: PathBuf::from("decide.json"),
        write: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut path = || {
            arguments
                .next()
                .map(PathBuf::from)
                .context("a path is missing")
        };
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--out" => options.out = path()?,
            "--write" => options.write = Some(path()?),
            other => bail!("unknown argument `{other}`"),
        }
    }
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let scratch = options.out.parent().unwrap_or(Path::new(".")).to_owned();
    fs::create_dir_all(&scratch)?;
    let effort = if options.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let sandbox = Sandbox::new(Limits::default())?;

    let mut decided = Vec::new();
    for generate in [rules::mixed, rules::adversarial] {
        for size in SIZES {
            decided.push(generated(
                &sandbox,
                &generate(size),
                &root,
                &scratch,
                effort,
            )?);
        }
    }
    for pack in packs::found(&root.join("policies"))? {
        decided.push(packs::decided(&sandbox, &pack, effort)?);
    }
    eprintln!("loading, tenants, memory");
    let opsyn = costs::bundle_of(&root.join("policies/opsyn"))?;
    let costs = costs::times(&sandbox, &opsyn, effort)?;
    let report = Report {
        quick: options.quick,
        cores: std::thread::available_parallelism()?.get(),
        decided,
        costs: costs
            .into_iter()
            .map(|(what, figure)| Cost { what, figure })
            .collect(),
        sizes: costs::sizes(&sandbox, &opsyn)?,
    };

    let json = report.json()?;
    fs::write(&options.out, &json)?;
    if let Some(document) = &options.write {
        write(document, &report.markdown())?;
    }
    if options.json {
        println!("{json}");
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

fn generated(
    sandbox: &Sandbox,
    set: &Set,
    root: &Path,
    scratch: &Path,
    effort: Effort,
) -> Result<Decided> {
    eprintln!("{}, {} rules", set.name, set.rules.len());
    let entities = world::entities();
    let mut turns = ours::all(sandbox, set, &entities)?;
    turns.push(Turns::peer(CEDAR, Cedar::new(set, &entities)?));
    let mut skipped = BTreeMap::new();
    let mut peer = |name: &'static str, made: Result<Turns>| match made {
        Ok(made) => turns.push(made),
        Err(error) => drop(skipped.insert(name, format!("{error:#}"))),
    };
    let rego = Rego::new(set, &entities);
    peer("regorus", rego.map(|rego| Turns::peer(rego.name(), rego)));
    peer(
        "casbin",
        Casbin::new(set, &entities).map(|casbin| Turns::peer("casbin", casbin)),
    );
    let setup = node::setup(set, &entities);
    for (name, script) in node::PEERS {
        peer(
            name,
            node::start(name, &root.join("benches/peers"), script, &setup, scratch),
        );
    }
    let scope = set.in_scope();
    let (name, rules) = (set.name.to_owned(), set.rules.len());
    measured(name, rules, Some(scope), turns, skipped, effort)
}

/// The peer whose decisions all others have to share.
pub const CEDAR: &str = "cedar-policy";

/// Lets those who decide as Cedar does take turns.
fn measured(
    set: String,
    rules: usize,
    rules_in_scope: Option<f64>,
    turns: Vec<Turns>,
    mut skipped: BTreeMap<&'static str, String>,
    effort: Effort,
) -> Result<Decided> {
    let cedar = turns.iter().find(|one| one.name == CEDAR);
    let oracle = cedar
        .and_then(|one| one.decisions.clone())
        .context("Cedar is always asked")?;
    let mut taken = Vec::new();
    for one in turns {
        match one.agrees(&oracle) {
            Ok(()) => taken.push(one),
            // Ours may not differ at all.
            Err(error) if one.name.starts_with("avow") => bail!("{set}, {}: {error}", one.name),
            Err(error) => drop(skipped.insert(one.name, error.to_string())),
        }
    }
    for (name, why) in &skipped {
        eprintln!("{name} is not measured: {why}");
    }
    let mut timed: Vec<&mut dyn Timed> = Vec::new();
    for one in &mut taken {
        timed.push(one.timed.as_mut());
    }
    let figures = interleaved(&mut timed, effort);
    let names: Vec<&'static str> = taken.iter().map(|one| one.name).collect();
    let guest = names
        .iter()
        .position(|name| *name == GUEST)
        .context("the guest is measured")?;
    let base = figures[guest].median_ns;
    let rows = names.into_iter().zip(figures).map(|(peer, figure)| Row {
        peer,
        ratio: figure.median_ns / base,
        figure,
    });
    Ok(Decided {
        set,
        rules,
        rules_in_scope,
        rows: rows.collect(),
        skipped,
    })
}

/// Puts the figures where the document has room for them.
fn write(document: &Path, figures: &str) -> Result<()> {
    let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
    });
    let text =
        parts.with_context(|| format!("{} has no `{BEGIN}` and `{END}`", document.display()))?;
    Ok(fs::write(document, text)?)
}
