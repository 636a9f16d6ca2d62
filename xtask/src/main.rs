//! The project's chores, in Rust: `cargo xtask demo`, `test`, `size`, `bench`, `dist`, `fuzz`, `faults`.

mod bench;
mod demo;
mod dist;
mod faults;
mod fuzz;
mod node;
mod run;
mod size;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask COMMAND

Commands:
  demo [--port N]   build everything and serve the OpSyn demo (default port 7878) until Ctrl-C
  test [STEP…]      run every check, or the steps that are named
  size              print what a browser gets, in bytes; fail over the budget in xtask/budget.toml
  dist [--out DIR]  write the packages for npm, `@avow/engine` and `@avow/widget`
  bench decide      measure decisions beside the peers; `cargo xtask bench --help` says more
  bench widget      measure the banner beside others, in Chromium
  fuzz [TARGET…] --seconds N
                    look for bytes that break engine or guest; `cargo xtask fuzz --help` says more
  fuzz differential [--cases N] [--seed N]
                    compare the engine with Cedar on generated rules and requests
  faults [NAME…]    seed faults and see that the tests notice; `cargo xtask faults --help` says more

Steps of test, in order:
  format lint types unit fuzz packs size dist browser smoke

Examples:
  cargo xtask demo
  cargo xtask test
  cargo xtask test unit packs
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    if rest
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        let help = match command {
            "dist" => dist::HELP,
            "bench" => bench::HELP,
            "fuzz" => fuzz::HELP,
            "faults" => faults::HELP,
            _ => HELP,
        };
        print!("{help}");
        return ExitCode::SUCCESS;
    }
    let done = match command {
        "demo" => demo::run(rest),
        "test" => test::run(rest),
        "size" => size::run(rest),
        "dist" => dist::run(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "faults" => faults::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!(
            "unknown command `{other}`; see `cargo xtask help`"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
