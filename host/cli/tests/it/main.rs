//! The real binary, command by command, in temporary folders: exit code, standard output and standard error.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod check;
mod cli;
mod coverage;
mod diff;
mod explain;
mod fmt;
mod init;
mod languages;
mod report;
mod schemas;
mod test;
mod unvalidated;

use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs it in a folder.
fn avow(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_avow"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
