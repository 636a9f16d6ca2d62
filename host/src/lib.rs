//! Runs bundles for backends: a sandbox, tenants, HTTP, the ledger of consent.
//!
//! The only library that touches a socket, a disk, the clock or a key. [`Host`] decides, [`http::App`] serves it,
//! [`CookieGate`] enforces consent on the responses of any other service.

pub mod clock;
mod cookie;
pub mod gate;
pub mod host;
pub mod http;
pub mod ledger;
pub mod metrics;
pub mod pack;
mod place;
pub mod sandbox;
pub mod tokens;
pub mod trust;
pub mod visit;

pub use avow_engine;

pub use self::{
    clock::Clock,
    gate::{CookieGate, StrippedCookies},
    host::{DecideError, Host, HostError, InForce, Patch, PatchError},
    ledger::{Ledger, LedgerError},
    tokens::Tokens,
    trust::{Trust, TrustError},
    visit::{Visit, Visits},
};

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
