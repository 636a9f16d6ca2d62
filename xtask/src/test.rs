//! `cargo xtask test`: everything that the project claims of itself.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{
    node,
    run::{build_site, built, cargo, command, root, run as start, target},
    size,
};

/// Crates that exist for wasm32 only.
const WASM: [&str; 3] = ["avow-guest", "avow-engine-js", "avow-widget"];

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 6] = [
    ("format", format),
    ("lint", lint),
    ("unit", unit),
    ("packs", packs),
    ("size", sizes),
    ("browser", browser),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments
        .iter()
        .find(|name| !STEPS.iter().any(|(step, _)| step == name))
    {
        let all: Vec<_> = STEPS.iter().map(|(step, _)| *step).collect();
        bail!(
            "no step is called `{unknown}`; there are {}",
            all.join(", ")
        );
    }
    let wanted = |step: &str| arguments.is_empty() || arguments.iter().any(|name| name == step);
    // What comes from npm changes what the build scripts make, so it is there before anything is built.
    if !node::install()? {
        bail!("the tests need Node 20 or later with npm: install it and run this again");
    }
    let begin = Instant::now();
    let mut passed = 0;
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("== {name}");
        let start = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        passed += 1;
        eprintln!("== {name}: passed in {} s", start.elapsed().as_secs());
    }
    eprintln!(
        "== all {passed} steps passed in {} s",
        begin.elapsed().as_secs()
    );
    Ok(())
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn lint() -> Result<()> {
    cargo(&[
        "clippy",
        "--quiet",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ])?;
    // One at a time: together their features are united, and a module without std would get it.
    for package in WASM {
        cargo(&[
            "clippy",
            "--quiet",
            "--locked",
            "--target",
            avow_wasm_build::TARGET,
            "--package",
            package,
            "--",
            "--deny",
            "warnings",
        ])?;
    }
    Ok(())
}

fn unit() -> Result<()> {
    cargo(&["test", "--quiet", "--locked"])
}

fn packs() -> Result<()> {
    cargo(&["build", "--quiet", "--package", "avow"])?;
    for entry in fs::read_dir(root().join("policies"))? {
        let folder = entry?.path();
        let pack = folder.to_string_lossy().into_owned();
        if folder.join("promises.toml").is_file() {
            start(built("avow"), &["check", &pack])?;
            start(built("avow"), &["test", &pack])?;
        }
    }
    Ok(())
}

fn sizes() -> Result<()> {
    size::run(&[])
}

fn browser() -> Result<()> {
    let chromium = node::chromium()?;
    build_site()?;
    let out = target().join("browser");
    if out.is_dir() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    let cases = out.join("parity.json");
    cargo(&[
        "run",
        "--quiet",
        "--package",
        "avow-tests",
        "--bin",
        "parity_cases",
        "--",
        &cases.to_string_lossy(),
    ])?;
    engine_js(&out.join("engine"))?;
    let demo = Demo::start(&out)?;
    let status = command("node", &["tests/browser/run.mjs"])
        .env("AVOW_SITE", &demo.site)
        .env("AVOW_APP", &demo.app)
        .env("AVOW_PROVIDER", &demo.provider)
        .env("AVOW_LEDGER", out.join("consent.db"))
        .env("AVOW_PARITY", &cases)
        .env("AVOW_ENGINE", out.join("engine"))
        .env("CHROMIUM", chromium)
        .status()
        .context("cannot start `node`")?;
    drop(demo);
    if !status.success() {
        bail!("the browser tests failed");
    }
    Ok(())
}

/// The engine for JavaScript, bound as a module that a page imports.
fn engine_js(out: &Path) -> Result<()> {
    let module = avow_wasm_build::build(&root(), "avow-engine-js", &target().join("xtask"), "wasm")
        .map_err(|message| anyhow!(message))?;
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("avow-engine")
        .web(true)?;
    bindgen.generate(out)
}

/// The demo on ports of its own; it is stopped when this is dropped.
struct Demo {
    child: Child,
    site: String,
    app: String,
    provider: String,
}

impl Demo {
    fn start(out: &Path) -> Result<Self> {
        let path = |name: &str| {
            target()
                .join("demo")
                .join(name)
                .to_string_lossy()
                .into_owned()
        };
        let mut child = command(
            built("avow-demo"),
            &[
                "--port",
                "0",
                "--provider-port",
                "0",
                "--bundle",
                &path("opsyn.avow"),
                "--site",
                &path("avow"),
                "--ledger",
                &out.join("consent.db").to_string_lossy(),
            ],
        )
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the demo")?;
        let stdout = child.stdout.take().context("the demo has no output")?;
        let mut demo = Self {
            child,
            site: String::new(),
            app: String::new(),
            provider: String::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next().context("the demo did not start")??;
        for part in line.split_ascii_whitespace() {
            match part.split_once('=') {
                Some(("site", url)) => url.clone_into(&mut demo.site),
                Some(("app", url)) => url.clone_into(&mut demo.app),
                Some(("provider", url)) => url.clone_into(&mut demo.provider),
                _ => {}
            }
        }
        // Whatever else it says must not fill the pipe and stop it.
        std::thread::spawn(move || lines.for_each(drop));
        if demo.site.is_empty() || demo.app.is_empty() || demo.provider.is_empty() {
            bail!("the demo said `{line}` instead of its addresses");
        }
        Ok(demo)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
