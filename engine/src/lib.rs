//! Decides requests by a compiled privacy policy.
//!
//! A [`Bundle`] is a compiled pack: rules, schema and catalogue in one file that is read in place and checked whole before
//! the first decision. An [`Engine`] answers canonical request bytes with answer bytes, and every shell (native program,
//! wasmtime guest, browser) exchanges exactly these bytes.
//!
//! This crate does no I/O, reads no clock and draws no random numbers: time is `context.now`. It knows bundles, not Cedar
//! text; its answers are Cedar's all the same, and the differential tests are what that claim rests on.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod answer;
mod block;
pub mod bundle;
mod bytes;
#[cfg(feature = "consent")]
pub mod choice;
pub mod code;
#[cfg(feature = "consent")]
pub mod consent;
mod engine;
mod eval;
#[cfg(feature = "serde")]
pub mod explain;
pub mod ext;
mod form;
#[cfg(feature = "intake")]
pub mod intake;
pub mod limits;
mod next;
pub mod request;
#[cfg(feature = "words")]
pub mod schema;
mod sort;
mod store;
mod time;
mod trace;
#[cfg(feature = "serde")]
pub mod verdict;

pub use answer::{Answer, Decision, EvalError, Failure, Outcome, Refusal, Until};
#[cfg(feature = "words")]
pub use bundle::{Attr, Effect, Entity, Rule, Source};
pub use bundle::{Bundle, BundleError};
#[cfg(feature = "words")]
pub use choice::Choice;
#[cfg(feature = "words")]
pub use consent::{Question, Situation, StoreFacts, consent_request};
pub use engine::Engine;
#[cfg(feature = "serde")]
pub use explain::Explanation;
pub use form::{Field, Form, Party};
pub use next::{NextChange, next_change};
pub use request::{PatchBuilder, RequestBuilder};
#[cfg(feature = "serde")]
pub use verdict::{FailedRule, Problem, Verdict};

/// The layout of bundles, blocks and code, for those who write them.
pub mod format {
    pub use crate::block::{Block, BlockWriter, Cell, EntityRow, NONE, OWN, PATCH_MAGIC};
    pub use crate::bundle::{index::OPEN, layout::*};
}
