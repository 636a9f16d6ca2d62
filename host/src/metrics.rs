//! Counters, and their form for Prometheus. No label names a tenant or a person.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use avow_engine::Outcome;

/// What a host counts.
#[derive(Debug, Default)]
pub struct Metrics {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    pub(crate) guests_replaced: Arc<AtomicU64>,
    pub(crate) choices_recorded: AtomicU64,
    pub(crate) cookies_stripped: AtomicU64,
    pub(crate) unauthorized: AtomicU64,
}

impl Metrics {
    /// Counts a decision by its outcome.
    pub(crate) fn count(&self, outcome: &str) {
        let known = Outcome::ALL.iter().zip(&self.outcomes);
        for (_, counter) in known.filter(|(known, _)| known.as_str() == outcome) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All counters as text of Prometheus' exposition format 0.0.4.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut out = String::new();
        head(&mut out, "avow_decisions_total", "Decisions by outcome.");
        for (outcome, counter) in Outcome::ALL.iter().zip(&self.outcomes) {
            let value = counter.load(Ordering::Relaxed);
            let name = outcome.as_str();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "avow_decisions_total{{outcome=\"{name}\"}} {value}");
        }
        for (name, help, counter) in [
            (
                "avow_guests_replaced_total",
                "Guests that were stopped or stopped by themselves.",
                &*self.guests_replaced,
            ),
            (
                "avow_choices_recorded_total",
                "Choices of visitors that went into the ledger.",
                &self.choices_recorded,
            ),
            (
                "avow_cookies_stripped_total",
                "Cookies that were taken out of responses.",
                &self.cookies_stripped,
            ),
            (
                "avow_unauthorized_total",
                "Requests without an accepted credential.",
                &self.unauthorized,
            ),
        ] {
            head(&mut out, name, help);
            let _ = writeln!(out, "{name} {}", counter.load(Ordering::Relaxed));
        }
        out
    }
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
}
