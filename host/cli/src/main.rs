//! `avow`: check, test, build, explain and serve privacy policies.

// First, because its `print!` and `println!` are those of all others.
#[macro_use]
mod output;

mod build;
mod check;
mod diff;
mod explain;
mod fmt;
mod guest;
mod init;
mod key;
mod man;
mod pack;
mod report;
mod schema;
mod serve;
mod site;
mod test;
mod watch;
mod widget_files;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use output::Exit;

/// Run a privacy policy: write, check, test, build, explain and serve it.
///
/// A pack is a folder with avow.toml, a Cedar schema, Cedar rules, a catalogue, promises and cases. Where a command takes a
/// pack and is given none, it takes the folder that it runs in.
#[derive(Parser)]
#[command(
    name = "avow",
    version,
    after_help = "Examples:
  avow init shop --title 'Shop' --operator 'Shop Ltd'      # a pack of your own to begin with
  avow check shop && avow test shop                        # sound? does it answer as it should?
  avow explain shop --case 'analytics waits for a yes'     # by which rule, for which promise
  avow build shop --target browser --out site/avow         # what a site serves
  avow serve shop --entities acme=acme.json --tenant acme  # answers over HTTP

`avow help COMMAND` has examples of each command; `avow man` writes manual pages.

Exit codes: 0 all is well, 1 the pack or a case is wrong, 2 the command is, 3 the machine refused something."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    manners: output::Manners,
}

#[derive(Subcommand)]
enum Command {
    /// Write a pack of your own to begin with
    Init(init::Args),
    /// Say whether a pack is sound, with everything that is wrong
    Check(check::Args),
    /// Run the cases of a pack
    Test(test::Args),
    /// Put the rules of packs into Cedar's own layout
    Fmt(fmt::Args),
    /// Say why one request is answered as it is, and what would change the answer
    Explain(Box<explain::Args>),
    /// Say what differs between two packs or bundles, and which answers change
    Diff(diff::Args),
    /// Compile a pack into a bundle, and write what a site needs
    Build(build::Args),
    /// Write which promise is kept by what, and shown by which cases: for an auditor
    Report(report::Args),
    /// Print the JSON schemas of a pack's files, for editors
    Schema(schema::Args),
    /// Answer requests over HTTP
    Serve(Box<serve::Args>),
    /// Write the engine as a WebAssembly module, for a host of your own
    Guest(guest::Args),
    /// Make a key to sign bundles with, or a token for `serve`
    #[command(subcommand)]
    New(key::New),
    /// Print completions for a shell
    #[command(after_help = "Examples:
  avow completion bash > /etc/bash_completion.d/avow
  avow completion zsh > \"${fpath[1]}/_avow\"
  avow completion fish > ~/.config/fish/completions/avow.fish")]
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages
    Man(man::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.manners.keep();
    // Who reads no further (`avow explain … | head`) ends this program as any other in a pipe; a server outlives its readers.
    if !matches!(cli.command, Command::Serve(_)) {
        sigpipe::reset();
    }
    let exit = match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Guest(args) => guest::run(&args),
        Command::New(new) => key::run(&new),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "avow", &mut std::io::stdout());
            Exit::Fine
        }
        Command::Man(args) => man::run(&args),
    };
    ExitCode::from(exit as u8)
}
