//! `avow guest`: the engine as a WebAssembly module, for hosts that are not ours.

use std::path::PathBuf;

use crate::{
    build::write,
    output::{Exit, say},
};

#[derive(clap::Args)]
#[command(after_help = "Example:
  avow guest --out avow-guest.wasm")]
pub(crate) struct Args {
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Exit {
    let module = avow_host::sandbox::GUEST_WASM;
    match write(&args.out, module) {
        Ok(()) => {
            say(format!(
                "wrote {}, {} bytes",
                args.out.display(),
                module.len()
            ));
            Exit::Fine
        }
        Err(exit) => exit,
    }
}
