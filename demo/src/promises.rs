//! What OpSyn promises, by clause, so that a decision can be shown with the words that it keeps.

use serde::Deserialize;

const PROMISES: &str = include_str!("../../policies/opsyn/promises.toml");

/// A promise of the published policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Promise {
    /// The clause.
    pub(crate) id: String,
    pub(crate) section: String,
    pub(crate) kept_by: String,
    pub(crate) promise: String,
}

/// All promises, in the order of the policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Promises {
    #[serde(rename = "promise")]
    pub(crate) all: Vec<Promise>,
}

impl Promises {
    /// The promises of the pack.
    ///
    /// # Errors
    /// Where the pack's file is not what it should be.
    pub(crate) fn read() -> Result<Self, toml::de::Error> {
        toml::from_str(PROMISES)
    }

    pub(crate) fn find(&self, clause: &str) -> Option<&Promise> {
        self.all.iter().find(|promise| promise.id == clause)
    }
}
