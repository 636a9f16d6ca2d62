//! From a folder to a compiled pack, with whatever is wrong printed.

use std::path::{Path, PathBuf};

use avow_compiler::{Compiled, Files, Finding, cases::Case};
use avow_engine::Bundle;

use crate::output::{self, Exit, fail};

/// The argument that names a pack.
#[derive(clap::Args)]
pub(crate) struct PackArg {
    /// Folder of the pack: the one with avow.toml
    #[arg(default_value = ".", value_name = "PACK")]
    pub(crate) pack: PathBuf,
}

/// The argument by which a pack is compiled whose rules would not pass.
#[derive(Clone, Copy, clap::Args)]
pub(crate) struct ValidationArg {
    /// Compile rules that Cedar's validator does not pass, too: to move from another evaluator, never for good
    #[arg(long)]
    pub(crate) no_validate: bool,
}

/// How a pack's rules, or those of several, were validated, in reports.
#[derive(Clone, Copy, serde::Serialize)]
pub(crate) struct Validation {
    /// Whether Cedar's validator has passed the rules.
    validated: bool,
    /// How many of its findings were passed over, where it has not been asked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<usize>,
}

impl Default for Validation {
    /// Of no pack at all.
    fn default() -> Self {
        Self {
            validated: true,
            passed_over: None,
        }
    }
}

impl Validation {
    /// Of both.
    pub(crate) fn and(self, other: Self) -> Self {
        let passed_over = [self.passed_over, other.passed_over];
        Self {
            validated: self.validated && other.validated,
            passed_over: passed_over
                .into_iter()
                .flatten()
                .reduce(|one, more| one + more),
        }
    }
}

/// A pack that compiles.
pub(crate) struct Pack {
    pub(crate) files: Files,
    pub(crate) compiled: Compiled,
}

/// The pack's files, or the exit after the reason was printed.
pub(crate) fn files(folder: &Path) -> Result<Files, Exit> {
    if !folder.join("avow.toml").is_file() {
        let message = format!(
            "`{}` is no pack: it has no avow.toml; name the folder of one, such as `policies/opsyn`",
            folder.display()
        );
        return Err(fail(Exit::Usage, message));
    }
    avow_host::pack::read(folder).map_err(|error| fail(Exit::System, error))
}

/// Compiles a pack; what is wrong is printed on standard error, and what is lost where nothing validates it.
pub(crate) fn open(folder: &Path, validation: ValidationArg) -> Result<Pack, Exit> {
    let files = files(folder)?;
    let compiled = match validation.no_validate {
        true => avow_compiler::compile_unvalidated(&files),
        false => avow_compiler::compile(&files),
    };
    match compiled {
        Ok(compiled) => {
            if let Some(passed_over) = &compiled.passed_over {
                let count = output::count(passed_over.len(), "finding");
                eprintln!(
                    "warning: not validated: {count} of Cedar's validator passed over, which `avow check` shows; {UNVALIDATED}"
                );
            }
            Ok(Pack { files, compiled })
        }
        Err(_) if avow_compiler::checks::is_for_others(&files) => {
            let message = format!(
                "`{}` has chapters for other packs, and answers nothing itself: name a pack that uses it; `avow check` takes it",
                folder.display()
            );
            Err(fail(Exit::Usage, message))
        }
        Err(findings) => {
            print_findings(&findings, &files);
            let count = output::count(findings.len(), "finding");
            Err(fail(
                Exit::Wrong,
                format!("the pack does not compile: {count}"),
            ))
        }
    }
}

/// What is lost without validation.
pub(crate) const UNVALIDATED: &str = "a wrong name or type is met only when something is decided: then a permit permits nothing and a forbid fails the decision; and each decision looks at more rules";

pub(crate) fn print_findings(findings: &[Finding], files: &Files) {
    for finding in findings {
        eprintln!(
            "{}\n",
            avow_compiler::render(finding, files, output::colours())
        );
    }
}

impl Pack {
    /// What reports say of its validation.
    pub(crate) fn validation(&self) -> Validation {
        let passed_over = self.compiled.passed_over.as_ref().map(Vec::len);
        Validation {
            validated: passed_over.is_none(),
            passed_over,
        }
    }

    /// The pack's cases, none of which is wrong.
    pub(crate) fn cases(&self) -> Result<Vec<Case>, Exit> {
        let bundle = self.bundle()?;
        let checked = avow_compiler::cases::check(&self.files, &self.compiled, &bundle);
        if checked.is_sound() {
            return Ok(checked.cases);
        }
        print_findings(&checked.findings, &self.files);
        let count = output::count(checked.findings.len(), "finding");
        Err(fail(
            Exit::Wrong,
            format!("the cases cannot be read: {count}"),
        ))
    }

    /// The whole bundle, loaded.
    pub(crate) fn bundle(&self) -> Result<Bundle, Exit> {
        let bytes = self.compiled.bundle(avow_compiler::Target::Server);
        Bundle::load(bytes).map_err(|error| fail(Exit::Wrong, error))
    }
}
