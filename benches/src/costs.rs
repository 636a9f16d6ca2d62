//! What is paid once: loading, a fresh tenant, memory, the module's size.

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    io::Write as _,
    path::Path,
};

use anyhow::{Result, anyhow};
use avow_compiler::Target;
use avow_engine::{
    Bundle, PatchBuilder,
    format::{Cell, EntityRow},
};
use avow_host::sandbox::{GUEST_WASM, Sandbox};
use cedar_policy::PolicySet;
use serde::Serialize;

use crate::{
    measure::{Effort, Figure, Timed, Work, interleaved},
    ours, rules, world,
};

/// A pack's bundle, for a server.
pub fn bundle_of(pack: &Path) -> Result<Vec<u8>> {
    let files = avow_host::pack::read(pack)?;
    let compiled = avow_compiler::compile(&files)
        .map_err(|findings| anyhow!("{}: {} findings", pack.display(), findings.len()))?;
    Ok(compiled.bundle(Target::Server))
}

/// Times of work that is done once a bundle or once a tenant.
pub fn times(
    sandbox: &Sandbox,
    opsyn: &[u8],
    effort: Effort,
) -> Result<Vec<(&'static str, Figure)>> {
    let set = rules::mixed(10_000);
    let text = set.cedar();
    let bundle = ours::compile(&world::schema(), &text)?;
    let patch = residents(opsyn)?;
    // Once for real, so that nothing that fails is timed.
    drop(sandbox.guest(&bundle, &[])?);
    let image = sandbox.image(opsyn, &[])?;
    let full = sandbox.image(opsyn, &patch)?;
    drop(sandbox.copy(&full)?);
    let mut native = Work(|| Bundle::load(black_box(bundle.clone())).is_ok());
    let mut guest = Work(|| sandbox.guest(&bundle, &[]).ok());
    let mut cedar = Work(|| text.parse::<PolicySet>().is_ok());
    let mut copied = Work(|| sandbox.copy(&image).ok());
    let mut with_entities = Work(|| sandbox.copy(&full).ok());
    let mut loaded = Work(|| sandbox.guest(opsyn, &[]).ok());
    let mut all: [&mut dyn Timed; 6] = [
        &mut native,
        &mut guest,
        &mut cedar,
        &mut copied,
        &mut with_entities,
        &mut loaded,
    ];
    let figures = interleaved(&mut all, effort);
    let names = [LOAD, LOAD_GUEST, PARSE, TENANT, TENANT_FULL, TENANT_LOADED];
    Ok(names.into_iter().zip(figures).collect())
}

pub const LOAD: &str = "load and check a bundle of 10,000 rules, native";
pub const LOAD_GUEST: &str = "a fresh guest loads and checks it";
pub const PARSE: &str = "cedar-policy parses the same 10,000 rules";
pub const TENANT: &str = "a fresh tenant from a warm host, OpSyn bundle";
pub const TENANT_FULL: &str = "the same with 1,000 resident entities";
pub const TENANT_LOADED: &str = "the same without an image: OpSyn bundle loaded and checked";

/// Sizes, bytes.
#[derive(Debug, Serialize)]
pub struct Sizes {
    /// The guest as WebAssembly.
    pub guest_raw: usize,
    /// The same, brotli at quality 11.
    pub guest_brotli: usize,
    /// The OpSyn bundle.
    pub opsyn_bundle: usize,
    /// Linear memory of an idle tenant with the OpSyn bundle and no entities: what it has grown to, used or not.
    pub tenant_bare_memory: usize,
    /// The same with 1,000 resident entities.
    pub tenant_full_memory: usize,
    /// Of that, what differs from a guest that has loaded nothing: what a tenant takes beyond what all tenants share.
    pub tenant_full_own: usize,
}

pub fn sizes(sandbox: &Sandbox, opsyn: &[u8]) -> Result<Sizes> {
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
    brotli.write_all(GUEST_WASM)?;
    let patch = residents(opsyn)?;
    Ok(Sizes {
        guest_raw: GUEST_WASM.len(),
        guest_brotli: brotli.into_inner().len(),
        opsyn_bundle: opsyn.len(),
        tenant_bare_memory: sandbox.guest(opsyn, &[])?.memory_bytes(),
        tenant_full_memory: sandbox.guest(opsyn, &patch)?.memory_bytes(),
        tenant_full_own: sandbox.image(opsyn, &patch)?.bytes(),
    })
}

/// A customer of OpSyn's with 1,000 entities: itself, 99 users, 900 records.
fn residents(opsyn: &[u8]) -> Result<Vec<u8>> {
    let bundle = Bundle::load(opsyn.to_vec()).map_err(|error| anyhow!("{error}"))?;
    let mut patch = PatchBuilder::new(&bundle);
    let entity = |type_name: &str, id: &str| Cell::Entity(type_name.to_owned(), id.to_owned());
    let text = |text: &str| Cell::Str(text.to_owned());
    let mut put = |type_name: &str, id: &str, attrs: Vec<(&str, Cell)>| {
        let row = EntityRow {
            attrs: attrs
                .into_iter()
                .map(|(name, cell)| (name.to_owned(), cell))
                .collect(),
            tags: BTreeMap::new(),
            parents: BTreeSet::new(),
        };
        patch.put(type_name, id, row);
    };
    let contract = BTreeMap::from([
        ("region".to_owned(), text("uk-south")),
        ("addendum".to_owned(), Cell::Bool(true)),
    ]);
    let instructed = Cell::Set(vec![entity("Avow::Use", "service")]);
    let tenant = || ("tenant", entity("OpSyn::Tenant", "acme"));
    let customer = vec![
        ("instructed", instructed),
        ("contract", Cell::Record(contract)),
    ];
    put("OpSyn::Tenant", "acme", customer);
    for number in 0..99 {
        let role = if number % 9 == 0 { "admin" } else { "member" };
        put(
            "OpSyn::User",
            &format!("person-{number}"),
            vec![tenant(), ("role", text(role))],
        );
    }
    for number in 0..900 {
        let subject = entity("OpSyn::User", &format!("person-{}", number % 99));
        let attrs = vec![
            tenant(),
            ("class", entity("Avow::RecordClass", "profile")),
            ("subject", subject),
            ("holds", Cell::Set(Vec::new())),
            ("erasure_requested", Cell::Bool(number % 50 == 0)),
        ];
        put("OpSyn::Record", &format!("record-{number}"), attrs);
    }
    Ok(patch.finish(0))
}
