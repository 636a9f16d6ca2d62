//! Keys that sign bundles, and tokens for `serve`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use avow_engine::bundle::layout;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::output::{Exit, fail};

#[derive(clap::Subcommand)]
pub(crate) enum New {
    /// Make an Ed25519 key: the secret goes to a file, the public part is printed
    #[command(after_help = "Example:\n  avow new key signing.key")]
    Key {
        /// File to write the secret to; it must not exist
        file: PathBuf,
    },
    /// Make a token: it is printed once, with the line for the token file, which holds only its hash
    #[command(after_help = "Example:\n  avow new token")]
    Token,
}

pub(crate) fn run(new: &New) -> Exit {
    let made = match new {
        New::Key { file } => new_key(file),
        New::Token => new_token(),
    };
    match made {
        Ok(()) => Exit::Fine,
        Err(exit) => exit,
    }
}

fn new_key(file: &Path) -> Result<(), Exit> {
    let mut secret = [0u8; 32];
    getrandom::fill(&mut secret).map_err(|error| fail(Exit::System, error))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(|error| {
        fail(
            Exit::System,
            format!("cannot write `{}`: {error}", file.display()),
        )
    })?;
    writeln!(out, "{}", hex(&secret)).map_err(|error| {
        fail(
            Exit::System,
            format!("cannot write `{}`: {error}", file.display()),
        )
    })?;
    let public = SigningKey::from_bytes(&secret).verifying_key();
    println!("wrote the secret key to {}", file.display());
    println!("public key: {}", hex(public.as_bytes()));
    Ok(())
}

fn new_token() -> Result<(), Exit> {
    let token = avow_host::tokens::generate().map_err(|error| fail(Exit::System, error))?;
    println!("token: {}", token.token);
    println!("in the token file, with the tenant that it is for:");
    println!(
        "[[token]]\nname = \"…\"\nhash = \"{}\"\ntenant = \"…\"",
        token.hash
    );
    Ok(())
}

/// Reads a secret key: 64 hexadecimal digits.
pub(crate) fn read(file: &Path) -> Result<SigningKey, Exit> {
    let text = fs::read_to_string(file).map_err(|error| {
        fail(
            Exit::System,
            format!("cannot read `{}`: {error}", file.display()),
        )
    })?;
    let bytes: Option<Vec<u8>> = text
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let secret: [u8; 32] = bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            let message = format!(
                "`{}` is no key: it should be 64 hexadecimal digits, as `avow new key` writes them",
                file.display()
            );
            fail(Exit::Usage, message)
        })?;
    Ok(SigningKey::from_bytes(&secret))
}

/// Puts a signature behind a bundle.
pub(crate) fn sign(key: &SigningKey, bundle: &mut Vec<u8>) -> Result<(), Exit> {
    let digest = bundle
        .get(layout::DIGEST_AT..layout::PARENT_AT)
        .ok_or_else(|| fail(Exit::Wrong, "the bundle has no digest"))?;
    let signature = key.sign(&[layout::SIGNATURE_CONTEXT, digest].concat());
    bundle.extend(layout::SIGNATURE_MAGIC);
    bundle.extend(key.verifying_key().as_bytes());
    bundle.extend(signature.to_bytes());
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
