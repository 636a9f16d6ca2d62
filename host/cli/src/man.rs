//! `avow man`: manual pages, from the same words as `--help`.

use std::{fs, path::PathBuf};

use clap::CommandFactory as _;

use crate::output::{Exit, fail, say};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  avow man | man -l -                        # the page of avow itself
  avow man /usr/local/share/man/man1         # one page a command: avow-check(1), avow-test(1), …")]
pub(crate) struct Args {
    /// Write the pages of all commands here, instead of the first one to standard output
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let command = crate::Cli::command();
    let Some(folder) = &args.folder else {
        let page = clap_mangen::Man::new(command);
        return match page.render(&mut std::io::stdout()) {
            Ok(()) => Exit::Fine,
            Err(error) => fail(Exit::System, error),
        };
    };
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    match written {
        Ok(()) => {
            say(format!("wrote the manual to {}", folder.display()));
            Exit::Fine
        }
        Err(error) => {
            let message = format!("cannot write to `{}`: {error}", folder.display());
            fail(Exit::System, message)
        }
    }
}
