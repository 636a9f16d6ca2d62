//! What the tests that cross crates share: the packs, their cases, and Cedar itself as the oracle.

pub mod audit;
pub mod block;
pub mod cases_file;
pub mod compare;
pub mod corpus;
pub mod generate;
pub mod oracle;
pub mod plain;
pub mod seeds;
pub mod small;
pub mod tally;
pub mod targets;
pub mod time_model;

use std::path::{Path, PathBuf};

use avow_compiler::{Compiled, Files, Target, cases::Case};
use avow_engine::{Bundle, intake::Stamp};

/// The repository's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the repository's packs, sorted: the folders that promise something.
///
/// # Panics
/// Where there is no folder of packs.
#[must_use]
pub fn pack_names() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root().join("policies"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("promises.toml").is_file())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Those, and the packs beside the tests, which take the chapters of `base` that no operator's pack takes; as [`Pack::open`]
/// reads them.
///
/// # Panics
/// Where there is no folder of packs.
#[must_use]
pub fn tested_names() -> Vec<String> {
    let mut names = pack_names();
    for entry in std::fs::read_dir(root().join("tests/packs")).unwrap() {
        let name = entry.unwrap().file_name();
        names.push(format!("../tests/packs/{}", name.to_string_lossy()));
    }
    names.sort();
    names
}

/// A pack of the repository, compiled.
pub struct Pack {
    /// Its files.
    pub files: Files,
    /// What the compiler made of them.
    pub compiled: Compiled,
    /// Its cases.
    pub cases: Vec<Case>,
}

impl Pack {
    /// Reads and compiles a pack, with its cases.
    ///
    /// # Panics
    /// Where the pack is not sound.
    #[must_use]
    pub fn open(name: &str) -> Self {
        let files = avow_host::pack::read(&root().join("policies").join(name)).unwrap();
        let compiled = avow_compiler::compile(&files).unwrap_or_else(|findings| {
            panic!("{}", avow_compiler::render(&findings[0], &files, false));
        });
        let bundle = Bundle::load(compiled.bundle(Target::Server)).unwrap();
        let offer = bundle.meta("offer").unwrap();
        let cases = avow_compiler::cases::read(&files, offer).unwrap_or_else(|findings| {
            panic!("{}", avow_compiler::render(&findings[0], &files, false));
        });
        Self {
            files,
            compiled,
            cases,
        }
    }

    /// The bundle's bytes for a target.
    #[must_use]
    pub fn bundle(&self, target: Target) -> Vec<u8> {
        self.compiled.bundle(target)
    }
}

/// The bundle of rules without schema, not validated.
///
/// # Panics
/// Where they do not compile.
#[must_use]
pub fn unvalidated(policies: &str) -> Vec<u8> {
    let plain = avow_compiler::Plain {
        schema: None,
        policies,
        links: "",
        validate: false,
    };
    plain.compile().unwrap()
}

/// How a test stamps a case: trusted, with the case's own clock and tenant.
#[must_use]
pub fn stamp(case: &Case) -> Stamp<'_> {
    Stamp {
        now: case.now,
        tenant: case.tenant.as_deref(),
        trusted: true,
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
