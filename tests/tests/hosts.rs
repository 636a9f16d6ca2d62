//! Hosts that are none of ours, each under a hundred lines and written from `docs/abi.md`: they load the guest and answer
//! the parity cases in the same bytes.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use avow_host::sandbox::GUEST_WASM;
use avow_tests::{cases_file, root};

/// The release of the `wasmtime` package that is installed where there is none.
const WASMTIME: &str = "wasmtime==48.0.0";

/// Writes the guest and the cases; a folder for each test, because they run side by side.
fn files(of: &str) -> [PathBuf; 2] {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(of);
    fs::create_dir_all(&folder).unwrap();
    let files = ["guest.wasm", "cases.json"].map(|name| folder.join(name));
    let cases = serde_json::to_vec(&cases_file::parity()).unwrap();
    fs::write(&files[0], GUEST_WASM).unwrap();
    fs::write(&files[1], cases).unwrap();
    files
}

#[track_caller]
fn check(program: impl AsRef<OsStr>, host: &str) {
    let host = root().join("tests/hosts").join(host);
    let lines = fs::read_to_string(&host).unwrap().lines().count();
    assert!(lines < 100, "{} has {lines} lines", host.display());
    let files = files(&host.file_name().unwrap().to_string_lossy());
    let out = Command::new(program).arg(&host).args(&files).output();
    let out = out.unwrap_or_else(|error| panic!("cannot run {}: {error}", host.display()));
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(said.contains("cases twice"), "{said}");
}

#[test]
fn a_host_in_node_gets_the_same_answers() {
    check("node", "node.mjs");
}

#[test]
fn a_host_in_python_gets_the_same_answers() {
    match python() {
        Some(python) => check(python, "python.py"),
        None => eprintln!(
            "the Python host is not tested: install Python 3 with venv, and its package: pip install {WASMTIME}"
        ),
    }
}

/// A Python that has the package: the system's, or one in an environment of its own under the target folder.
fn python() -> Option<PathBuf> {
    let system = PathBuf::from("python3");
    if has_wasmtime(&system) {
        return Some(system);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let own = ["bin/python3", "Scripts/python.exe"].map(|path| folder.join(path));
    let found = || own.iter().find(|python| has_wasmtime(python)).cloned();
    found().or_else(|| {
        runs(Command::new(&system).args(["-m", "venv"]).arg(&folder))
            .then(|| own.iter().find(|python| python.is_file()))
            .flatten()
            .filter(|python| {
                runs(Command::new(python).args(["-m", "pip", "install", "--quiet", WASMTIME]))
            })?;
        found()
    })
}

fn has_wasmtime(python: &Path) -> bool {
    runs(Command::new(python).args(["-c", "import wasmtime"]))
}

fn runs(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
