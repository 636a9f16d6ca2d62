//! `cargo xtask faults`: puts one fault after the other into the engine and the compiler, and looks which suite notices.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::run::{command, environment, root, target};

pub(crate) const HELP: &str = "\
Seeds faults into the engine and the compiler, one at a time, and says which suite notices each.

Usage: cargo xtask faults [NAME…]

Without a name, all of tests/faults.toml are tried: about 10 seconds each with two cores, after a first build of some minutes.
The repository is not touched: the faults are seeded in a copy, target/faults. The guest there stays that of the sound sources,
and the differential suite does not ask it, so a fault is not noticed by its missing there.

Fails where a fault survives that is not marked, where a marked one is noticed, and where the list itself is wrong.
";

/// The list, in the repository.
const LIST: &str = "tests/faults.toml";
/// The suites that should notice; what is quick and notices much comes first.
const SUITES: [&str; 9] = [
    "operators",
    "mismatches",
    "causes",
    "bad_bundles",
    "residents",
    "differential",
    "time",
    "golden",
    "limits",
];
/// What the suites are told.
const VARIABLES: [(&str, &str); 2] = [("AVOW_CASES", "2000"), ("AVOW_GUEST", "0")];
/// A suite takes seconds. One that takes this long has met a fault that does not end.
const PATIENCE: Duration = Duration::from_secs(240);
/// Lines that the copy lacks: by these the host's build script would build the guest anew with each fault.
const WATCHED: [(&str, &str); 2] = [
    (GUEST_SCRIPT, "\"../engine/src\","),
    (
        "xtask/wasm/src/script.rs",
        "println!(\"cargo::rerun-if-changed={}\", optimiser.display());",
    ),
];
/// What builds the guest, and does so again whenever it is written.
const GUEST_SCRIPT: &str = "host/build.rs";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    name: String,
    file: String,
    /// Stands once in the file.
    find: String,
    replace: String,
    /// Why nothing notices it.
    survives: Option<String>,
}

impl Fault {
    /// The file's text with the fault in it.
    fn seed(&self, text: &str) -> Result<String> {
        let found = text.matches(&self.find).count();
        if found != 1 {
            bail!(
                "fault `{}`: `{}` stands {found} times in {}, not once",
                self.name,
                self.find,
                self.file
            );
        }
        if self.find == self.replace {
            bail!("fault `{}` changes nothing", self.name);
        }
        Ok(text.replacen(&self.find, &self.replace, 1))
    }
}

/// The list, each fault of which can be seeded.
fn read() -> Result<Vec<Fault>> {
    let text = fs::read_to_string(root().join(LIST)).with_context(|| format!("no {LIST}"))?;
    let List { fault: faults } = toml::from_str(&text).context(LIST)?;
    let mut names = BTreeSet::new();
    for fault in &faults {
        let name = &fault.name;
        if !names.insert(name) {
            bail!("two faults are called `{name}`");
        }
        let sources = ["engine/src/", "engine/compiler/src/"];
        if !sources.iter().any(|folder| fault.file.starts_with(folder)) {
            bail!("fault `{name}` is in neither engine nor compiler");
        }
        if fault.survives.as_ref().is_some_and(String::is_empty) {
            bail!("fault `{name}` survives without a reason");
        }
        let text = fs::read_to_string(root().join(&fault.file))
            .with_context(|| format!("fault `{name}`: no {}", fault.file))?;
        fault.seed(&text)?;
    }
    Ok(faults)
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let faults = read()?;
    if let Some(unknown) = arguments
        .iter()
        .find(|name| !faults.iter().any(|fault| fault.name == **name))
    {
        bail!("no fault in {LIST} is called `{unknown}`");
    }
    let faults: Vec<&Fault> = faults
        .iter()
        .filter(|fault| arguments.is_empty() || arguments.contains(&fault.name))
        .collect();
    let copy = Workspace::new()?;
    eprintln!("building and running the suites without a fault");
    if let Some(suite) = copy.first_to_fail()? {
        bail!("`{suite}` fails without any fault");
    }
    let begin = Instant::now();
    let mut noticed: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut survivors, mut wrong) = (0, Vec::new());
    for (number, fault) in faults.iter().enumerate() {
        let start = Instant::now();
        let said = match (copy.with(fault), &fault.survives) {
            // What does not build is no fault that a test could notice.
            (Err(error), _) => {
                wrong.push(&fault.name);
                format!("ERROR: {error:#}")
            }
            (Ok(Some(suite)), None) => {
                *noticed.entry(suite).or_default() += 1;
                format!("noticed by {suite}")
            }
            (Ok(Some(suite)), Some(_)) => {
                wrong.push(&fault.name);
                format!("noticed by {suite}, though it is marked as one that survives")
            }
            (Ok(None), Some(reason)) => {
                survivors += 1;
                format!("survives: {reason}")
            }
            (Ok(None), None) => {
                wrong.push(&fault.name);
                "SURVIVES".to_owned()
            }
        };
        println!(
            "{:>3}/{} {:>4} s  {}: {said}",
            number + 1,
            faults.len(),
            start.elapsed().as_secs(),
            fault.name
        );
    }
    println!(
        "\n{} faults in {} s, {survivors} survive with a reason",
        faults.len(),
        begin.elapsed().as_secs()
    );
    for (suite, count) in noticed {
        println!("{count:>4} noticed by {suite}");
    }
    if !wrong.is_empty() {
        for name in &wrong {
            println!("not as {LIST} says: {name}");
        }
        bail!(
            "{} of {} faults are not as {LIST} says",
            wrong.len(),
            faults.len()
        );
    }
    Ok(())
}

/// The copy of the workspace in which the faults are seeded, with a target folder of its own.
struct Workspace {
    tree: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Brings the copy up to date. What did not change is not written, so that it is not built again.
    fn new() -> Result<Self> {
        let folder = target().join("faults");
        let copy = Self {
            tree: folder.join("tree"),
            target: folder.join("target"),
        };
        let tracked = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root())
            .output()
            .context("cannot start `git`")?;
        if !tracked.status.success() {
            bail!("`git ls-files` failed: the faults are seeded in a copy of what git knows");
        }
        let tracked = String::from_utf8(tracked.stdout).context("a path is not UTF-8")?;
        let mut kept = BTreeSet::new();
        let mut rebuilds_guest = false;
        for path in tracked.split_terminator('\0') {
            // Git knows files that were deleted a moment ago.
            let Ok(mut bytes) = fs::read(root().join(path)) else {
                continue;
            };
            for (_, line) in WATCHED.iter().filter(|(script, _)| *script == path) {
                let text = String::from_utf8(bytes)?;
                if text.matches(line).count() != 1 {
                    bail!("{path} does not say `{line}` once");
                }
                bytes = text.replacen(line, "", 1).into_bytes();
            }
            rebuilds_guest |= write(&copy.tree.join(path), &bytes)? && path.starts_with("engine/");
            kept.insert(copy.tree.join(path));
        }
        remove_others(&copy.tree, &kept)?;
        if rebuilds_guest {
            let script = copy.tree.join(GUEST_SCRIPT);
            fs::write(&script, fs::read(&script)?)?;
        }
        Ok(copy)
    }

    /// The first suite that fails with a fault.
    fn with(&self, fault: &Fault) -> Result<Option<&'static str>> {
        let path = self.tree.join(&fault.file);
        let sound = fs::read_to_string(&path)?;
        fs::write(&path, fault.seed(&sound)?)?;
        let found = self.first_to_fail();
        fs::write(&path, sound)?;
        found
    }

    fn first_to_fail(&self) -> Result<Option<&'static str>> {
        for suite in SUITES {
            let program = self.build(suite)?;
            if !self.passes(&program)? {
                return Ok(Some(suite));
            }
        }
        Ok(None)
    }

    /// Builds a suite; its program.
    fn build(&self, suite: &str) -> Result<PathBuf> {
        let mut cargo = command(
            "cargo",
            &[
                "test",
                "--locked",
                "--package",
                "avow-tests",
                "--test",
                suite,
                "--no-run",
            ],
        );
        environment(&mut cargo);
        let output = cargo
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never")
            .output()
            .context("cannot start `cargo`")?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("`{suite}` does not build\n{said}");
        }
        // `  Executable tests/time.rs (/…/deps/time-0123456789abcdef)`
        let program = said
            .lines()
            .filter(|line| line.trim_start().starts_with("Executable"))
            .find_map(|line| line.split_once('(')?.1.strip_suffix(')'));
        let program = program.with_context(|| format!("cargo names no program:\n{said}"))?;
        Ok(self.tree.join(program))
    }

    /// Whether a suite passes; one that does not end does not.
    fn passes(&self, program: &Path) -> Result<bool> {
        let mut child = Command::new(program)
            .current_dir(self.tree.join("tests"))
            .envs(VARIABLES)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let begin = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            if begin.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Writes a file unless it says that already; whether it did.
fn write(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(true)
}

/// Removes the files of the copy that the repository has no longer.
fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fault_can_be_seeded() {
        let faults = super::read().unwrap();
        assert!(faults.len() >= 40, "{}", faults.len());
    }
}
