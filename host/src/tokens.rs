//! Who calls: tokens, and what each one may speak for.
//!
//! The file holds no token, only the SHA-256 hash of each. Tokens are long and random, so a plain hash is enough: there is
//! nothing to guess.
//!
//! ```toml
//! [[token]]
//! name = "acme's gateway"
//! hash = "sha256:…"
//! tenant = "acme"
//!
//! [[token]]
//! name = "our own backend"
//! hash = "sha256:…"
//! backend = true
//! ```

use std::{collections::BTreeSet, fmt};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::trust::{from_hex, hex};

/// What a token begins with, so that scanners for leaked secrets can know one.
const PREFIX: &str = "avow_";
const HASH_PREFIX: &str = "sha256:";

/// Whom a credential speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// One tenant.
    Tenant(String),
    /// The operator's own backend, which names the tenant in a header.
    Backend,
}

#[derive(Clone, Debug)]
struct Token {
    name: String,
    hash: [u8; 32],
    bearer: Bearer,
}

/// The tokens that are accepted.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Token>);

/// Why a token file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// It is no TOML, or of another shape.
    #[error("token file: {0}")]
    Syntax(String),
    /// It has no token.
    #[error("token file has no `[[token]]`")]
    Empty,
    /// A hash is not one.
    #[error("hash of token `{0}` is not `sha256:` and 64 hexadecimal digits")]
    Hash(String),
    /// A token is bound to a tenant and to the backend, or to neither.
    #[error("token `{0}` needs either `tenant = \"…\"` or `backend = true`")]
    Binding(String),
    /// Two entries have one name or one hash.
    #[error("token `{0}` is there twice")]
    Twice(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    hash: String,
    tenant: Option<String>,
    #[serde(default)]
    backend: bool,
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    /// Says which entry is wrong.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let file: File = toml::from_str(text)
            .map_err(|error| TokensError::Syntax(error.message().to_owned()))?;
        if file.token.is_empty() {
            return Err(TokensError::Empty);
        }
        let mut names = BTreeSet::new();
        let mut hashes = BTreeSet::new();
        let mut tokens = Vec::new();
        for Entry {
            name,
            hash,
            tenant,
            backend,
        } in file.token
        {
            let digest = hash
                .strip_prefix(HASH_PREFIX)
                .and_then(from_hex)
                .ok_or_else(|| TokensError::Hash(name.clone()))?;
            let bearer = match (tenant, backend) {
                (Some(tenant), false) if !tenant.is_empty() => Bearer::Tenant(tenant),
                (None, true) => Bearer::Backend,
                _ => return Err(TokensError::Binding(name)),
            };
            if !names.insert(name.clone()) || !hashes.insert(digest) {
                return Err(TokensError::Twice(name));
            }
            tokens.push(Token {
                name,
                hash: digest,
                bearer,
            });
        }
        Ok(Self(tokens))
    }

    /// Whom a token speaks for; none where it is not in the file.
    ///
    /// Takes the same time whichever token is presented.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<&Bearer> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = u32::MAX;
        for (number, known) in (0u32..).zip(&self.0) {
            let same = known.hash.as_slice().ct_eq(hash.as_slice());
            found.conditional_assign(&number, same);
        }
        self.0.get(found as usize).map(|token| &token.bearer)
    }

    /// The tenants that tokens are bound to.
    pub fn tenants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|token| match &token.bearer {
            Bearer::Tenant(tenant) => Some((token.name.as_str(), tenant.as_str())),
            Bearer::Backend => None,
        })
    }
}

/// A new token, and the line that the token file needs for it.
pub struct NewToken {
    /// The secret: 256 random bits. Shown once, kept nowhere.
    pub token: String,
    /// `sha256:…`
    pub hash: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// Makes a token.
///
/// # Errors
/// Where the operating system gives no random numbers.
pub fn generate() -> Result<NewToken, String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| format!("no random numbers: {error}"))?;
    let token = format!("{PREFIX}{}", hex(&secret));
    let hash = hash(&token);
    Ok(NewToken { token, hash })
}

/// The hash of a token as the file has it.
#[must_use]
pub fn hash(token: &str) -> String {
    format!("{HASH_PREFIX}{}", hex(&Sha256::digest(token.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{Bearer, Tokens, TokensError, generate, hash};

    fn entry(name: &str, token: &str, binding: &str) -> String {
        format!(
            "[[token]]\nname = \"{name}\"\nhash = \"{}\"\n{binding}\n",
            hash(token)
        )
    }

    #[test]
    fn a_token_speaks_for_whom_the_file_says() {
        let made = generate().unwrap();
        let text =
            entry("a", &made.token, "tenant = \"acme\"") + &entry("b", "x", "backend = true");
        let tokens = Tokens::parse(&text).unwrap();
        assert_eq!(
            tokens.bearer(&made.token),
            Some(&Bearer::Tenant("acme".into()))
        );
        assert_eq!(tokens.bearer("x"), Some(&Bearer::Backend));
        for wrong in [
            "",
            "X",
            &made.hash,
            made.token.trim_start_matches('a'),
            &format!("{} ", made.token),
        ] {
            assert_eq!(tokens.bearer(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_differ_and_their_debug_form_keeps_the_secret() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.token, two.token);
        assert_eq!(one.hash, hash(&one.token));
        assert!(!format!("{one:?}").contains(&one.token));
    }

    #[test]
    fn a_wrong_file_is_refused() {
        let good = entry("a", "x", "tenant = \"acme\"");
        for (text, expected) in [
            (String::new(), TokensError::Empty),
            (entry("a", "x", ""), TokensError::Binding("a".into())),
            (
                entry("a", "x", "tenant = \"\""),
                TokensError::Binding("a".into()),
            ),
            (
                entry("a", "x", "tenant = \"t\"\nbackend = true"),
                TokensError::Binding("a".into()),
            ),
            (
                good.replace("sha256:", "md5:"),
                TokensError::Hash("a".into()),
            ),
            (good.clone() + &good, TokensError::Twice("a".into())),
            (
                good.clone() + &good.replace("\"a\"", "\"b\""),
                TokensError::Twice("b".into()),
            ),
        ] {
            assert_eq!(Tokens::parse(&text).err(), Some(expected), "{text}");
        }
        assert!(matches!(
            Tokens::parse(&(good + "role = 1")),
            Err(TokensError::Syntax(_))
        ));
    }
}
