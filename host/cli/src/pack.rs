//! From a folder to a compiled pack, with whatever is wrong printed.

use std::path::{Path, PathBuf};

use avow_compiler::{Compiled, Files, Finding, cases::Case};
use avow_engine::{
    Answer, Bundle, Engine, Explanation, Verdict,
    intake::{self, Json, Stamp},
    verdict::Problem,
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
    let bytes = match encode(engine, request, now, tenant) {
        Ok(bytes) => bytes,
        Err(problem) => return Verdict::refused(problem),
    };
    let answer = engine.decide(&bytes).to_vec();
    Answer::read(&answer).map_or_else(
        |_| Verdict::failed(),
        |answer| Verdict::new(engine.bundle(), &answer),
    )
}

/// The same, with reasons; none where the request does not even reach the engine.
pub(crate) fn explain(
    engine: &mut Engine,
    request: &Json,
    now: Option<i64>,
    tenant: Option<&str>,
) -> Result<Explanation, Box<Verdict>> {
    let bytes = encode(engine, request, now, tenant)
        .map_err(|problem| Box::new(Verdict::refused(problem)))?;
    let answer = engine.explain(&bytes).to_vec();
    let answer = Answer::read(&answer).map_err(|_| Box::new(Verdict::failed()))?;
    Ok(Explanation::new(engine.bundle(), &answer))
}

fn encode(
    engine: &Engine,
    request: &Json,
    now: Option<i64>,
    tenant: Option<&str>,
) -> Result<Vec<u8>, Problem> {
    let stamp = Stamp {
        now,
        tenant,
        trusted: true,
    };
    intake::request(engine.bundle(), request, &stamp)
}
