//! Which bundles a host believes.
//!
//! A bundle is believed when its digest is what its bytes say, and an Ed25519 key that the host was told to trust has signed
//! the digest. The engine's own checks come on top: they are about soundness, not about origin.

use avow_engine::{
    Bundle, BundleError,
    bundle::{Signature, digest_image, split_signature},
    format::SIGNATURE_CONTEXT,
};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

/// Whose bundles are accepted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<VerifyingKey>,
    unsigned: bool,
}

/// Why a bundle is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It does not hold together, or is of another format.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its digest is not that of its bytes.
    #[error("bundle is damaged: its digest does not fit")]
    Digest,
    /// Nobody signed it.
    #[error("bundle is not signed")]
    Unsigned,
    /// The signer is not trusted.
    #[error("bundle is signed by `{0}`, which is not a trusted key")]
    UnknownKey(String),
    /// The signature is not the signer's.
    #[error("bundle's signature is not that of `{0}`")]
    Signature(String),
    /// A trusted key is not one.
    #[error("`{0}` is not an Ed25519 public key in 64 hexadecimal digits")]
    Key(String),
}

impl Trust {
    /// Accepts what one of `keys` signed; each key as 64 hexadecimal digits.
    ///
    /// # Errors
    /// Where a key is none.
    pub fn signed_by<'k>(keys: impl IntoIterator<Item = &'k str>) -> Result<Self, TrustError> {
        let keys = keys
            .into_iter()
            .map(|text| {
                let bytes = from_hex(text);
                let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
                key.ok_or_else(|| TrustError::Key(text.to_owned()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            keys,
            unsigned: false,
        })
    }

    /// Accepts unsigned bundles as well. A signature that is there must still be a trusted key's.
    #[must_use]
    pub fn allow_unsigned(mut self) -> Self {
        self.unsigned = true;
        self
    }

    /// Whether unsigned bundles are accepted.
    #[must_use]
    pub fn allows_unsigned(&self) -> bool {
        self.unsigned
    }

    /// Checks a bundle's origin and soundness.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn verify(&self, bytes: &[u8]) -> Result<Bundle, TrustError> {
        let bundle = Bundle::load(bytes.to_vec())?;
        let (body, signature) = split_signature(bytes).ok_or(TrustError::Digest)?;
        let image = digest_image(body).ok_or(TrustError::Digest)?;
        if Sha256::digest(image).as_slice() != bundle.digest() {
            return Err(TrustError::Digest);
        }
        match signature {
            Some(signature) => self.check(&signature, bundle.digest())?,
            None if self.unsigned => {}
            None => return Err(TrustError::Unsigned),
        }
        Ok(bundle)
    }

    fn check(&self, signature: &Signature, digest: &[u8; 32]) -> Result<(), TrustError> {
        let name = || hex(&signature.key);
        let key = self
            .keys
            .iter()
            .find(|key| key.as_bytes() == &signature.key)
            .ok_or_else(|| TrustError::UnknownKey(name()))?;
        let message = [SIGNATURE_CONTEXT, digest].concat();
        let bytes = ed25519_dalek::Signature::from_bytes(&signature.bytes);
        // Strict: refuses the weak keys and the second forms of a signature that the plain check lets pass.
        key.verify_strict(&message, &bytes)
            .map_err(|_| TrustError::Signature(name()))
    }
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 32 bytes from 64 hexadecimal digits of either case.
#[must_use]
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<Vec<u8>>>()?;
    rest.is_empty().then_some(())?;
    bytes.try_into().ok()
}
