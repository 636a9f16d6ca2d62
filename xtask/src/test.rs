//! `cargo xtask test`: everything that the project claims of itself.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    dist, fuzz, node,
    run::{
        build, build_site, built, cargo, command, run as start, target, tested_packs, wasm_target,
    },
    size,
};

/// Crates that exist for wasm32 only.
const WASM: [&str; 4] = ["avow-heap", "avow-guest", "avow-engine-js", "avow-widget"];

/// How long each fuzz target runs.
const FUZZ_SECONDS: u32 = 10;

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 10] = [
    ("format", format),
    ("lint", lint),
    ("types", types),
    ("unit", unit),
    ("fuzz", fuzzing),
    ("packs", packs),
    ("size", sizes),
    ("dist", packages),
    ("browser", browser),
    ("smoke", smoke),
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
    wasm_target()?;
    let begin = Instant::now();
    let mut report = Vec::new();
    let mut failed = 0;
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = step();
        let seconds = start.elapsed().as_secs();
        let word = match result {
            Ok(()) => "passed",
            Err(error) => {
                eprintln!("error: {error:#}");
                failed += 1;
                "FAILED"
            }
        };
        eprintln!("== {name}: {word} in {seconds} s");
        report.push(format!("{name:<8} {word} {seconds:>5} s"));
    }
    // Steps after one that failed have run too: one run says everything that is wrong.
    eprintln!("\n{}", report.join("\n"));
    eprintln!("in all {} s", begin.elapsed().as_secs());
    if failed > 0 {
        bail!("{failed} of {} steps failed", report.len());
    }
    Ok(())
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    // Workspaces of their own. Their lints need the peers and libFuzzer, so they are no part of this.
    cargo(&["fmt", "--check", "--manifest-path", "benches/Cargo.toml"])?;
    cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"])
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

/// The declarations of types of widget and engine are written by hand: a program that uses each of them is taken, and each misuse
/// refused.
fn types() -> Result<()> {
    start(
        "node",
        &[
            "node_modules/typescript/bin/tsc",
            "--project",
            "tests/types",
        ],
    )
}

fn unit() -> Result<()> {
    cargo(&["test", "--quiet", "--locked"])
}

/// The seed corpus is part of `unit`; here the fuzzer looks a little further.
fn fuzzing() -> Result<()> {
    if !fuzz::is_installed() {
        eprintln!(
            "`cargo fuzz` is not installed: the seed corpus was run, by `unit`, and nothing beyond it"
        );
        return Ok(());
    }
    fuzz::targets(&[], FUZZ_SECONDS)
}

/// Each pack is sound, each case answers as it expects, the cases show every clause, rule and branch, and notice every change of
/// a rule. The report of each is left in `target/reports`.
fn packs() -> Result<()> {
    build(&[])?;
    let reports = target().join("reports");
    fs::create_dir_all(&reports)?;
    let mut summaries = Vec::new();
    let mut broken = Vec::new();
    for pack in tested_packs()? {
        let name = pack.rsplit('/').next().unwrap_or(&pack).to_owned();
        start(built("avow"), &["check", &pack])?;
        let tested = command(built("avow"), &["test", &pack, "--coverage", "--mutate"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start `avow`")?;
        let printed = String::from_utf8_lossy(&tested.stdout).into_owned();
        if !tested.status.success() {
            eprintln!("{printed}");
            broken.push(name.clone());
        }
        let summary = printed
            .lines()
            .find(|line| line.starts_with(&format!("{name}: promises")));
        summaries.push(summary.unwrap_or("no summary").to_owned());
        let report = reports.join(format!("{name}.html"));
        start(
            built("avow"),
            &["report", &pack, "--out", &report.to_string_lossy()],
        )?;
    }
    eprintln!("{}", summaries.join("\n"));
    if !broken.is_empty() {
        bail!("{} is not whole", broken.join(", "));
    }
    Ok(())
}

fn sizes() -> Result<()> {
    size::run(&[])
}

/// The packages for npm are what they say, and programs that import them by name get the pack's answers.
fn packages() -> Result<()> {
    build_site(&[])?;
    dist::check(&fresh("dist-test")?)
}

fn browser() -> Result<()> {
    let chromium = node::chromium()?;
    build_site(&["--package", "avow-tests"])?;
    let out = fresh("browser")?;
    let cases = out.join("parity.json");
    start(built("parity_cases"), &[&cases.to_string_lossy()])?;
    let demo = Demo::start(&out)?;
    let mut tests = demo.tests("tests/browser/run.mjs");
    tests
        .env("AVOW_PARITY", &cases)
        .env("AVOW", built("avow"))
        .env("AVOW_AUDIT", built("audit_oracle"))
        .env("AVOW_LAB", target().join("demo/packs/gallery"))
        .env("CHROMIUM", chromium);
    passes(tests)
}

/// The same site in the two other engines, as far as a banner has to do there what it does in Chromium.
fn smoke() -> Result<()> {
    let (firefox, webkit_driver) = (node::firefox()?, node::webkit_driver()?);
    let screen = node::screen()?;
    // With the package that `browser` builds too: without it, features would differ and everything be built twice.
    build_site(&["--package", "avow-tests"])?;
    let demo = Demo::start(&fresh("smoke")?)?;
    let mut tests = demo.tests("tests/browser/smoke.mjs");
    tests
        .env("FIREFOX", firefox)
        .env("WEBKIT_DRIVER", webkit_driver)
        .env("XVFB", screen);
    passes(tests)
}

/// An empty folder of that name.
fn fresh(name: &str) -> Result<PathBuf> {
    let out = target().join(name);
    if out.is_dir() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    Ok(out)
}

fn passes(mut tests: Command) -> Result<()> {
    let status = tests.status().context("cannot start `node`")?;
    if !status.success() {
        bail!("the browser tests failed");
    }
    Ok(())
}

/// The demo on ports of its own; it is stopped when this is dropped.
struct Demo {
    child: Child,
    site: String,
    app: String,
    provider: String,
    /// Sites of the other packs, `name=address`.
    neighbours: Vec<String>,
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
                "--packs",
                &path("packs"),
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
            neighbours: Vec::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next().context("the demo did not start")??;
        for part in line.split_ascii_whitespace() {
            match part.split_once('=') {
                Some(("site", url)) => url.clone_into(&mut demo.site),
                Some(("app", url)) => url.clone_into(&mut demo.app),
                Some(("provider", url)) => url.clone_into(&mut demo.provider),
                Some(_) => demo.neighbours.push(part.to_owned()),
                None => {}
            }
        }
        // Whatever else it says must not fill the pipe and stop it.
        std::thread::spawn(move || lines.for_each(drop));
        if demo.site.is_empty() || demo.app.is_empty() || demo.provider.is_empty() {
            bail!("the demo said `{line}` instead of its addresses");
        }
        Ok(demo)
    }

    /// Tests of this demo, which learn from the environment where it is.
    fn tests(&self, script: &str) -> Command {
        let mut tests = command("node", &[script]);
        tests
            .env("AVOW_SITE", &self.site)
            .env("AVOW_APP", &self.app)
            .env("AVOW_PROVIDER", &self.provider)
            .env("AVOW_NEIGHBOURS", self.neighbours.join(" "));
        tests
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
