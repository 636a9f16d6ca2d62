//! The host as a whole: bundles, tenants, HTTP, consent. No sockets but where a socket is what is tested.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod bundles;
mod consent;
mod context;
mod evaluation;
mod expiry;
mod gate;
mod isolation;
mod ledger;
mod residents;
mod site;
mod support;
