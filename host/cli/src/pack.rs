//! From a folder to a compiled pack, with whatever is wrong printed.

use std::path::{Path, PathBuf};

use avow_compiler::{Compiled, Files, Finding, cases::Case};
use avow_engine::{
    Answer, Bundle, Engine, Verdict,
    intake::{self, Json, Stamp},
};

use crate::output::{self, Exit, fail};

/// The argument that names a pack.
#[derive(clap::Args)]
pub(crate) struct PackArg {
    /// Folder of the pack: the one with avow.toml
    #[arg(default_value = ".", value_name = "PACK")]
    pub(crate) pack: PathBuf,
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

/// Compiles a pack; what is wrong is printed on standard error.
pub(crate) fn open(folder: &Path) -> Result<Pack, Exit> {
    let files = files(folder)?;
    match avow_compiler::compile(&files) {
        Ok(compiled) => Ok(Pack { files, compiled }),
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

pub(crate) fn print_findings(findings: &[Finding], files: &Files) {
    for finding in findings {
        eprintln!(
            "{}\n",
            avow_compiler::render(finding, files, output::colours())
        );
    }
}

impl Pack {
    /// The pack's cases.
    pub(crate) fn cases(&self) -> Result<Vec<Case>, Exit> {
        let bundle = self.bundle()?;
        let offer = bundle.meta("offer").unwrap_or_default();
        avow_compiler::cases::read(&self.files, offer).map_err(|findings| {
            print_findings(&findings, &self.files);
            let count = output::count(findings.len(), "finding");
            fail(Exit::Wrong, format!("the cases cannot be read: {count}"))
        })
    }

    /// The whole bundle, loaded.
    pub(crate) fn bundle(&self) -> Result<Bundle, Exit> {
        let bytes = self.compiled.bundle(avow_compiler::Target::Server);
        Bundle::load(bytes).map_err(|error| fail(Exit::Wrong, error))
    }
}

/// Asks the engine as an author's tool does: trusted, with the clock of the question.
pub(crate) fn decide(
    engine: &mut Engine,
    request: &Json,
    now: Option<i64>,
    tenant: Option<&str>,
) -> Verdict {
    let stamp = Stamp {
        now,
        tenant,
        trusted: true,
    };
    let bytes = match intake::request(engine.bundle(), request, &stamp) {
        Ok(bytes) => bytes,
        Err(problem) => return Verdict::refused(problem),
    };
    let answer = engine.decide(&bytes);
    match Answer::read(&answer) {
        Ok(answer) => Verdict::new(engine.bundle(), &answer),
        Err(error) => Verdict::refused(avow_engine::verdict::Problem {
            path: String::new(),
            message: error.to_string(),
        }),
    }
}
