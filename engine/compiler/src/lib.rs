//! Compiles a pack into a bundle.
//!
//! Cedar's own parser, schema and strict validator read the rules; what has passed them is lowered to the engine's code.
//! Everything that is wrong is found at once. The same sources give the same bytes: whatever is written is ordered.
//!
//! Pure: a pack is a map of path to text, and the digest of a bundle its only identity. This is the only crate that names
//! `cedar_policy`.

pub mod ask;
pub mod cases;
mod catalogue;
mod chapters;
pub mod checks;
pub mod coverage;
pub mod diff;
mod emit;
mod exceptions;
mod expression;
mod finding;
mod fix;
mod format;
mod fuse;
mod instrument;
mod links;
mod manifest;
pub mod mutate;
mod notation;
mod policies;
mod program;
pub mod published;
pub mod report;
mod schema;
mod slice;
mod source;
mod suggest;
mod theme;
mod toml_place;
mod tree;
mod unread;
pub mod why_not;

use std::collections::BTreeMap;

pub use catalogue::{GOOGLE_TYPES, Signals, Texts, overlap};
pub use finding::{Finding, Severity, place, render};
pub use fix::{Fix, difference, fixed};
pub use format::format;
pub use manifest::{Kept, Manifest, Promise, Sides};

pub use source::rule_text;
pub use theme::{Table as ThemeTable, Theme};

use catalogue::Catalogue;
use chapters::Chapters;
use finding::Sources;
use program::Program;

/// A pack's files: path, relative to the pack's folder, to text. What it uses lies beside it: `../base/base.cedarschema`.
pub type Files = BTreeMap<String, String>;

/// Whom a bundle is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Everything.
    #[default]
    Server,
    /// The consent rules and what they and the banner use.
    Browser,
    /// The rules of the actions that the schema marks `@client`: for the pages of an application, to show and hide by. What is
    /// decided there is advice; the server decides again.
    App,
}

impl Target {
    /// Its name in a bundle and on a command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Browser => "browser",
            Self::App => "app",
        }
    }
}

/// A compiled pack.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The manifest.
    pub manifest: Manifest,
    /// What the operator promises.
    pub promises: Vec<Promise>,
    /// What it says in place of the banner's words.
    pub texts: Texts,
    /// What the tags of a page are told.
    pub signals: Signals,
    /// How the widget looks.
    pub theme: Theme,
    /// Things that are no errors.
    pub warnings: Vec<Finding>,
    /// What Cedar's validator has against the rules, where they were compiled all the same; none where it has passed them.
    pub passed_over: Option<Vec<Finding>>,
    program: Program,
}

/// Compiles a pack.
///
/// # Errors
/// Everything that is wrong with it; nothing is compiled then.
pub fn compile(files: &Files) -> Result<Compiled, Vec<Finding>> {
    compile_pack(files, true)
}

/// Compiles a pack whose rules Cedar's validator need not pass: for those who come from another evaluator, and for tests.
///
/// Its findings are in [`Compiled::passed_over`], and the bundle says of itself that it was not validated. The schema then
/// vouches for nothing that rules read, so decisions look at more rules; they stay Cedar's. Requests are read by it all the
/// same.
///
/// # Errors
/// Everything else that is wrong with it; nothing is compiled then.
pub fn compile_unvalidated(files: &Files) -> Result<Compiled, Vec<Finding>> {
    compile_pack(files, false)
}

fn compile_pack(files: &Files, validate: bool) -> Result<Compiled, Vec<Finding>> {
    read_pack(&Sources::new(files), validate).and_then(|read| read.compiled())
}

/// A pack that was read: all that is known of it before it is a bundle.
pub(crate) struct Read {
    manifest: Manifest,
    promises: Vec<Promise>,
    catalogue: Catalogue,
    theme: Theme,
    rules: Vec<policies::Found>,
    program: Program,
    passed_over: Option<Vec<Finding>>,
    findings: Vec<Finding>,
}

/// Reads a pack. What is wrong with it is among its findings, but where there is so little that nothing can be read by it.
fn read_pack(sources: &Sources<'_>, validate: bool) -> Result<Read, Vec<Finding>> {
    let mut findings = Vec::new();
    unread::check(sources, &mut findings);
    let manifest = manifest::read(sources, &mut findings);
    let promises = manifest::read_promises(sources, &mut findings);
    let catalogue = Catalogue::read(sources, &mut findings);
    let cedar = schema::read(sources, &mut findings);
    let (Some(manifest), Some(cedar)) = (manifest, cedar) else {
        return Err(finding::ordered(findings));
    };
    let theme = theme::read(&manifest, sources, &mut findings);
    let mut program = started(validate);
    program.meta.extend(manifest.meta());
    program.schema = cedar.lower(sources, &catalogue, &mut findings);
    cedar.add_actions(&mut program);
    catalogue.add_entities(&manifest, sources, &mut program, &mut findings);
    let (rules, misfits) = policies::read(
        sources,
        &Chapters::of(&manifest),
        Some(&cedar),
        !validate,
        &mut findings,
    );
    let passed_over = match validate {
        true => {
            findings.extend(misfits);
            None
        }
        false => Some(finding::ordered(misfits)),
    };
    policies::check(sources, &rules, &promises, &program, &mut findings);
    program.rules = rules.iter().map(|rule| rule.lowered.clone()).collect();
    program.index();
    Ok(Read {
        manifest,
        promises,
        catalogue,
        theme,
        rules,
        program,
        passed_over,
        findings,
    })
}

impl Read {
    fn compiled(self) -> Result<Compiled, Vec<Finding>> {
        let (errors, others): (Vec<_>, Vec<_>) = finding::ordered(self.findings)
            .into_iter()
            .partition(|finding| finding.severity == Severity::Error);
        if errors.is_empty() {
            Ok(Compiled {
                manifest: self.manifest,
                promises: self.promises,
                texts: self.catalogue.texts().clone(),
                signals: self.catalogue.signals(),
                theme: self.theme,
                warnings: others,
                passed_over: self.passed_over,
                program: self.program,
            })
        } else {
            Err(errors.into_iter().chain(others).collect())
        }
    }
}

/// A program without rules yet. One that is not validated says so to whoever reads the bundle.
fn started(validate: bool) -> Program {
    let mut program = Program {
        open: !validate,
        ..Program::default()
    };
    if program.open {
        program.meta.insert("validated".to_owned(), "no".to_owned());
    }
    program
}

/// Cedar text without manifest and catalogue: for tests of the engine, and for those who come from another evaluator.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// A Cedar schema. Needed where the rules are validated.
    pub schema: Option<&'a str>,
    /// The rules, and templates.
    pub policies: &'a str,
    /// Links of the templates, as `*.links.json` has them; may be empty.
    pub links: &'a str,
    /// Whether Cedar's strict validator has to pass the rules. The bundle says it where it did not, and is slower: of a
    /// request that no schema vouches for, the index knows less.
    pub validate: bool,
}

impl Plain<'_> {
    /// The bundle's bytes.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(&self) -> Result<Vec<u8>, Vec<Finding>> {
        let mut files = Files::from([("policies.cedar".to_owned(), self.policies.to_owned())]);
        if let Some(schema) = self.schema {
            files.insert("schema.cedarschema".to_owned(), schema.to_owned());
        }
        if !self.links.is_empty() {
            files.insert("policies.links.json".to_owned(), self.links.to_owned());
        }
        let sources = Sources::new(&files);
        let mut findings = Vec::new();
        let mut program = started(self.validate);
        let cedar = match self.schema.is_some() || self.validate {
            true => schema::read(&sources, &mut findings),
            false => None,
        };
        if let Some(cedar) = &cedar {
            program.schema = cedar.lower(&sources, &Catalogue::default(), &mut findings);
            cedar.add_actions(&mut program);
        }
        let validator = cedar.as_ref().filter(|_| self.validate);
        let (rules, misfits) = policies::read(
            &sources,
            &Chapters::none(),
            validator,
            !self.validate,
            &mut findings,
        );
        findings.extend(misfits);
        program.rules = rules.into_iter().map(|rule| rule.lowered).collect();
        program.index();
        if findings.iter().any(|f| f.severity == Severity::Error) {
            return Err(finding::ordered(findings));
        }
        Ok(emit::emit(&program, None))
    }
}

impl Compiled {
    /// How many rules it has.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.program.rules.len()
    }

    /// The bundle for a target, without signature. A slice carries the digest of the whole bundle as its parent's.
    #[must_use]
    pub fn bundle(&self, target: Target) -> Vec<u8> {
        let whole = emit::emit(&self.program, None);
        let cut = match target {
            Target::Server => return whole,
            Target::Browser => slice::browser(&self.program),
            Target::App => slice::app(&self.program),
        };
        emit::emit(&cut, Some(emit::digest_of(&whole)))
    }

    /// How many actions the schema marks `@client`: what [`Target::App`] can be asked.
    #[must_use]
    pub fn client_actions(&self) -> usize {
        let actions = self.program.schema.actions.values();
        actions.filter(|action| action.client).count()
    }
}
