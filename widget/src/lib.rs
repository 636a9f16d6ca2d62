//! The engine of the consent banner: whether the rules allow what the page asks about.
//!
//! What acts on the page is in `js/`, because a visitor who has chosen must get it without this; all that decides is here, and the
//! sweep of cookies that carries it out. It holds no global state: a [`Widget`] is a value that the page's side keeps. It never
//! reads the clock either: the page says what time it is.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod sweep;

use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use avow_engine::{Bundle, BundleError, Engine, Until, consent};
use wasm_bindgen::{prelude::wasm_bindgen, throw_str};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: avow_heap::Heap = avow_heap::Heap::new();

/// Nothing here is meant to panic. Without a message, the text of none is linked.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The engine of one page. It lives as long as that, so nothing ever takes it apart.
#[wasm_bindgen]
pub struct Widget(ManuallyDrop<Engine>);

#[wasm_bindgen]
impl Widget {
    /// Checks the bundle. Where it does not hold together, throws a word for what is wrong with it.
    #[must_use]
    pub fn start(bundle: Vec<u8>) -> Self {
        match Bundle::open(bundle) {
            Ok(bundle) => Self(ManuallyDrop::new(Engine::new(bundle))),
            Err([what, ..]) => throw_str(BundleError::word(what)),
        }
    }

    /// The engine's answer to a consent question at an instant, milliseconds since 1970 in UTC: the instant up to which it
    /// holds, infinite where that is for ever; below zero where it is a no. What fails is a no of this very instant.
    ///
    /// The situation is lines: the pack's namespace, surface, jurisdiction, the choice's cookie or nothing, action, and the id of
    /// what it is about, in which anything may stand. Of a cookie or a storage key that is to be set (`store`) the id is its kind,
    /// `1` where it is secure or `0`, its same-site mode, its lifetime in milliseconds, `1` on the real site or `0`, and its name,
    /// with blanks in between; `-` where it has no such mode or ends with the browser's session.
    pub fn decide(&mut self, situation: &str, now: f64, gpc: bool) -> f64 {
        let Some(instant) = instant(now) else {
            return -now;
        };
        let (allows, until) = consent::decide(&mut self.0, situation, instant, gpc);
        let until = match until {
            Until::Now => now,
            Until::At(at) => at as f64,
            Until::Forever => f64::INFINITY,
        };
        if allows { until } else { -until }
    }

    /// Whether a key of the browser's storage, `local` or `session`, may not stay, or a cookie. The situation is the lines of
    /// `decide` up to the choice's cookie.
    pub fn denies(&mut self, situation: &str, kind: &str, name: &str, now: f64, gpc: bool) -> bool {
        let instant = instant(now);
        instant.is_some_and(|now| consent::denies(&mut self.0, situation, (kind, name), now, gpc))
    }
}

/// An instant of JavaScript's; none where it is none. A cast that saturates would not do: as JavaScript the module casts
/// otherwise what does not fit.
fn instant(now: f64) -> Option<i64> {
    const LAST: f64 = 8.64e15;
    (now.abs() <= LAST).then_some(now as i64)
}
