//! `integrity.json`: the SHA-384 digest of each other file, in the form that browsers want (W3C, Subresource Integrity).

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Result;
use sha2::{Digest as _, Sha384};

use super::files;

pub(super) const FILE: &str = "integrity.json";

pub(super) fn write(folder: &Path) -> Result<()> {
    let mut digests = BTreeMap::new();
    for name in files(folder)? {
        if name != FILE {
            let digest = of(&fs::read(folder.join(&name))?);
            digests.insert(name, digest);
        }
    }
    let mut text = serde_json::to_string_pretty(&digests)?;
    text.push('\n');
    fs::write(folder.join(FILE), text)?;
    Ok(())
}

fn of(bytes: &[u8]) -> String {
    format!("sha384-{}", base64(&Sha384::digest(bytes)))
}

/// RFC 4648, section 4, of whole groups of three bytes: a digest of 48 has no rest.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (groups, rest) = bytes.as_chunks::<3>();
    assert!(rest.is_empty(), "{} bytes are no whole groups", bytes.len());
    let mut out = String::new();
    for [a, b, c] in groups {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        for shift in [18, 12, 6, 0] {
            out.push(char::from(DIGITS[(bits >> shift & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_digest_is_as_the_specification_of_subresource_integrity_has_it() {
        assert_eq!(
            of(b"alert('Hello, world.');"),
            "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO"
        );
    }
}
