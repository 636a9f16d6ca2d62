//! `avow`: check, test, build, explain and serve privacy policies.

mod build;
mod check;
mod explain;
mod guest;
mod key;
mod output;
mod pack;
mod serve;
mod test;
mod widget_files;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use output::Exit;

/// Run a privacy policy: check, test, build, explain and serve it.
///
/// A pack is a folder with avow.toml, a Cedar schema, Cedar rules, a catalogue, promises and cases.
#[derive(Parser)]
#[command(
    name = "avow",
    version,
    after_help = "Examples:
  avow check policies/opsyn
  avow test policies/opsyn
  avow build policies/opsyn --target browser --out site/avow
  avow serve policies/opsyn --entities acme=acme.json --tenant acme

Exit codes: 0 all is well, 1 the pack or a case is wrong, 2 the command is, 3 the machine refused something."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether a pack is sound, with everything that is wrong
    Check(check::Args),
    /// Run the cases of a pack
    Test(test::Args),
    /// Compile a pack into a bundle, and write what a site needs
    Build(build::Args),
    /// Say why one request is answered as it is
    Explain(explain::Args),
    /// Answer requests over HTTP
    Serve(Box<serve::Args>),
    /// Write the engine as a WebAssembly module, for a host of your own
    Guest(guest::Args),
    /// Make a key to sign bundles with, or a token for `serve`
    #[command(subcommand)]
    New(key::New),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  avow completion bash > /etc/bash_completion.d/avow")]
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Guest(args) => guest::run(&args),
        Command::New(new) => key::run(&new),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "avow", &mut std::io::stdout());
            Exit::Fine
        }
    };
    ExitCode::from(exit as u8)
}
