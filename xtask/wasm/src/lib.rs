//! Builds a crate of this workspace for `wasm32-unknown-unknown` and shrinks the result.
//!
//! Build scripts and chores share it. It starts a `cargo` of its own with a target folder of its own, so a build script that
//! calls it never waits for the lock which the outer build holds; and with no flag or wrapper of the outer build, so a lint
//! run, a coverage run and a release build all embed the same module.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub mod script;

/// Binaryen's `wasm-opt` as npm installs it, relative to the workspace.
const OPTIMISER: &str = if cfg!(windows) {
    "node_modules/.bin/wasm-opt.cmd"
} else {
    "node_modules/.bin/wasm-opt"
};

/// Its `wasm2js`, from the same place.
const TRANSLATOR: &str = if cfg!(windows) {
    "node_modules/.bin/wasm2js.cmd"
} else {
    "node_modules/.bin/wasm2js"
};

/// Terser, from the same place.
const MINIFIER: &str = "node_modules/terser/bin/terser";

/// The target of every module.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What an outer cargo, clippy or coverage tool sets and an inner build must not see.
const INHERITED: &[&str] = &[
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "LLVM_PROFILE_FILE",
];

/// WebAssembly features which rustc emits for this target, each by its name in `wasm-opt`. Never `--all-features`: what that
/// turns on, browsers may reject.
const FEATURES: &[&str] = &[
    "--mvp-features",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-call-indirect-overlong",
];

/// The passes that gave the smallest module. That nothing lies in the first 1024 bytes holds because the stack is there, and no
/// address of Rust's is computed from beyond the end of memory.
const PASSES: &[&str] = &[
    "--low-memory-unused",
    "--simplify-locals",
    "--flatten",
    "--rereloop",
    "--rse",
    "-Oz",
    "-Oz",
    "-Oz",
    // A function that is called once is put into its caller only where it is this small; larger ones compress better apart.
    "-ocimfs",
    "20",
    "--converge",
];

/// What LLVM is told where a module is built for its size: nothing is inlined that grows the code, and no code is copied to
/// where its result might be at hand.
const SMALLEST: [&str; 2] = ["-C", "llvm-args=-inline-threshold=0 -enable-pre=false"];

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// Folder of the workspace's `Cargo.toml`.
    pub workspace: &'a Path,
    /// The package; its library is of type `cdylib`.
    pub package: &'a str,
    /// The Cargo profile, such as `wasm`.
    pub profile: &'a str,
    /// Where the inner build keeps what it makes. Not the outer build's target folder.
    pub target_dir: &'a Path,
    /// Further flags of rustc, one an item: `["-C", "link-arg=-zstack-size=65536"]`.
    pub rustflags: &'a [&'a str],
    /// Further arguments of cargo, such as `--features`.
    pub arguments: &'a [&'a str],
}

/// Builds `package` with `profile` into `out_dir` and returns the path of the module.
///
/// # Errors
/// One line that says what to do where the target is not installed; else that the build failed, and cargo has said why.
pub fn build(
    workspace: &Path,
    package: &str,
    out_dir: &Path,
    profile: &str,
) -> Result<PathBuf, String> {
    Build {
        workspace,
        package,
        profile,
        target_dir: &out_dir.join("wasm"),
        rustflags: &[],
        arguments: &[],
    }
    .run()
}

impl Build<'_> {
    /// Runs the build and returns the path of the module.
    ///
    /// # Errors
    /// As [`build`].
    pub fn run(&self) -> Result<PathBuf, String> {
        require_target(self.workspace)?;
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(self.workspace)
            .args(["build", "--quiet", "--lib", "--target", TARGET])
            .args(["--package", self.package, "--profile", self.profile])
            .arg("--target-dir")
            .arg(self.target_dir)
            .args(self.arguments)
            // The output of a build script is read by cargo; an inner build may write to standard error only.
            .stdout(Stdio::null());
        if self.workspace.join("Cargo.lock").is_file() {
            cargo.arg("--locked");
        }
        for name in INHERITED {
            cargo.env_remove(name);
        }
        let mut flags = self.rustflags.to_vec();
        if self.profile == "wasm" {
            flags.extend(SMALLEST);
        }
        // Set even where empty: it outranks whatever a user's cargo configuration would add.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        let status = cargo
            .status()
            .map_err(|error| format!("cannot start cargo: {error}"))?;
        if !status.success() {
            return Err(format!("`{}` does not build for {TARGET}", self.package));
        }
        let module = self.module();
        if module.is_file() {
            Ok(module)
        } else {
            Err(format!(
                "`{}` built, but left no `{}`",
                self.package,
                module.display()
            ))
        }
    }

    fn module(&self) -> PathBuf {
        let folder = match self.profile {
            "dev" | "test" => "debug",
            "bench" => "release",
            other => other,
        };
        let file = format!("{}.wasm", self.package.replace('-', "_"));
        self.target_dir.join(TARGET).join(folder).join(file)
    }
}

/// Checks that rustc can build for [`TARGET`].
///
/// # Errors
/// One line that says what to do where it cannot.
pub fn require_target(workspace: &Path) -> Result<(), String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(workspace)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("cannot start rustc: {error}"))?;
    is_installed(String::from_utf8_lossy(&output.stdout).trim())
}

/// Whether the target's own library lies where rustc looks for it.
fn is_installed(folder: &str) -> Result<(), String> {
    if Path::new(folder).is_dir() {
        return Ok(());
    }
    Err(format!(
        "rust's target {TARGET} is not installed: run `rustup target add {TARGET}`"
    ))
}

/// Binaryen's `wasm-opt`, where npm has installed it for this workspace.
#[must_use]
pub fn wasm_opt(workspace: &Path) -> Option<PathBuf> {
    let path = workspace.join(OPTIMISER);
    path.exists().then_some(path)
}

/// Writes a smaller module to `output`; where binaryen is not installed, a copy. Returns whether it was shrunk.
///
/// # Errors
/// Where `wasm-opt` fails or a file cannot be written.
pub fn optimise(workspace: &Path, input: &Path, output: &Path) -> Result<bool, String> {
    let Some(program) = wasm_opt(workspace) else {
        std::fs::copy(input, output)
            .map_err(|error| format!("cannot write `{}`: {error}", output.display()))?;
        return Ok(false);
    };
    let result = Command::new(&program)
        .args(FEATURES)
        .args(PASSES)
        .arg("--strip-debug")
        .arg("--strip-producers")
        .arg("--strip-target-features")
        .arg(input)
        .arg("-o")
        .arg(output)
        .output()
        .map_err(|error| format!("cannot start `{}`: {error}", program.display()))?;
    if result.status.success() {
        return Ok(true);
    }
    let message = String::from_utf8_lossy(&result.stderr);
    Err(format!("wasm-opt failed: {}", message.trim()))
}

/// What JavaScript has no instruction for, in terms of what it has.
const LOWERINGS: &[&str] = &[
    "--llvm-memory-copy-fill-lowering",
    "--llvm-nontrapping-fptoint-lowering",
    "--signext-lowering",
    "--strip-target-features",
];

/// The lines between which Binaryen's script does what the module does; before them it imports, after them it exports.
const TRANSLATED: [&str; 2] = ["import * as a from 'a';", "var retasmFunc = asmFunc({"];

/// A module as a script, for pages that refuse WebAssembly: an ES module whose default export takes the imports and gives the
/// exports. None where binaryen is not installed. The module imports from `a` only, and has neither references nor functions
/// of several values; `scratch` is a file for what is in between.
///
/// # Errors
/// Where a program of Binaryen fails, or writes what is not known of it.
pub fn translate(
    workspace: &Path,
    module: &Path,
    scratch: &Path,
) -> Result<Option<String>, String> {
    let (Some(lower), script) = (wasm_opt(workspace), workspace.join(TRANSLATOR)) else {
        return Ok(None);
    };
    let run = |program: &Path, options: &[&[&str]], from: &Path, to: &Path| {
        let output = Command::new(program)
            .args(options.iter().copied().flatten())
            .arg(from)
            .arg("-o")
            .arg(to)
            .output()
            .map_err(|error| format!("cannot start `{}`: {error}", program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "`{}` failed: {}",
            program.display(),
            message.trim()
        ))
    };
    run(&lower, &[FEATURES, LOWERINGS], module, scratch)?;
    let written = scratch.with_extension("js");
    let options = ["-O2", "--mvp-features", "--enable-mutable-globals"];
    run(&script, &[&options], scratch, &written)?;
    let text = std::fs::read_to_string(&written)
        .map_err(|error| format!("cannot read `{}`: {error}", written.display()))?;
    let [imports, exports] = TRANSLATED;
    let inside = text
        .split_once(imports)
        .and_then(|(_, rest)| rest.split_once(exports))
        .ok_or("wasm2js wrote a script of another form")?;
    Ok(Some(format!(
        "{}\nexport default (imports) => asmFunc(imports);\n",
        inside.0
    )))
}

/// What a script is to a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Names at its top are its own, and get short ones.
    Module,
    /// Names at its top are every script's, and stay.
    Classic,
}

/// How scripts are shrunk.
const SHORT: [&str; 5] = [
    "--mangle",
    "--compress",
    "passes=3,inline=1",
    "--ecma",
    "2022",
];

/// A script with short names and without white space; where terser is not installed, as it is.
///
/// # Errors
/// Where terser cannot be run or fails.
pub fn minify(workspace: &Path, text: &str, script: Script) -> Result<String, String> {
    let program = workspace.join(MINIFIER);
    if !program.exists() {
        return Ok(text.to_owned());
    }
    let fails = |error| format!("cannot run `{}`: {error}", program.display());
    let mut child = Command::new("node")
        .arg(&program)
        .args((script == Script::Module).then_some("--module"))
        .args(SHORT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(fails)?;
    // It answers only once it has read everything.
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).map_err(fails)?;
    }
    let output = child.wait_with_output().map_err(fails)?;
    if !output.status.success() {
        return Err("terser failed, and has said why".to_owned());
    }
    // Without the line feed at its end: compressed, that costs the loader 15 bytes.
    match String::from_utf8(output.stdout) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => Err(format!("terser wrote no text: {error}")),
    }
}

/// Shrinks the module `src/NAME` of `folder` to `NAME`, with `NAME.map` beside it, which leads back to that source.
///
/// # Errors
/// Where terser is not installed, cannot be run or fails.
pub fn minify_mapped(workspace: &Path, folder: &Path, name: &str) -> Result<(), String> {
    let program = workspace.join(MINIFIER);
    let fails = |error| format!("cannot run `{}`: {error}", program.display());
    let status = Command::new("node")
        // The map names sources as they are named here.
        .current_dir(folder)
        .arg(&program)
        .arg(format!("src/{name}"))
        .arg("--module")
        .args(SHORT)
        .arg("--source-map")
        .arg(format!("includeSources,url='{name}.map'"))
        .args(["--output", name])
        .status()
        .map_err(fails)?;
    if !status.success() {
        return Err(format!("terser failed on `{name}`, and has said why"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Build, is_installed, optimise};

    #[test]
    fn a_missing_target_is_one_line_with_the_command_that_adds_it() {
        let message = is_installed("/no/such/toolchain/lib").unwrap_err();
        assert!(message.ends_with("`rustup target add wasm32-unknown-unknown`"));
        assert!(!message.contains('\n'));
        assert_eq!(is_installed(env!("CARGO_MANIFEST_DIR")), Ok(()));
    }

    #[test]
    fn the_module_lies_where_cargo_puts_it() {
        let module = |profile| {
            Build {
                workspace: Path::new("."),
                package: "a-b",
                profile,
                target_dir: Path::new("t"),
                rustflags: &[],
                arguments: &[],
            }
            .module()
        };
        let folder = Path::new("t/wasm32-unknown-unknown");
        assert_eq!(module("wasm"), folder.join("wasm/a_b.wasm"));
        assert_eq!(module("dev"), folder.join("debug/a_b.wasm"));
    }

    #[test]
    fn without_binaryen_the_module_is_copied_and_the_caller_told() {
        let folder = std::env::temp_dir().join(format!("avow-wasm-build-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (input, output) = (folder.join("in.wasm"), folder.join("out.wasm"));
        fs::write(&input, b"\0asm").unwrap();
        assert_eq!(optimise(&folder, &input, &output), Ok(false));
        assert_eq!(fs::read(&output).unwrap(), b"\0asm");
        fs::remove_dir_all(&folder).unwrap();
    }
}
