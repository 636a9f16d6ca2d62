//! How many things a second are taken.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Seconds whose share may be used up at once, after a time in which it was not.
const BURST_SECONDS: f64 = 5.0;

/// Takes so many things a second, of whomever: nothing is remembered of who asks.
pub(super) struct Pace {
    per_second: f64,
    level: Mutex<Level>,
}

struct Level {
    left: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        let level = Level {
            left: per_second * BURST_SECONDS,
            at: Instant::now(),
        };
        Self {
            per_second,
            level: Mutex::new(level),
        }
    }

    /// Whether one more is taken now; it is counted if so.
    pub(super) fn admits(&self) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let more = now.duration_since(level.at).as_secs_f64() * self.per_second;
        level.left = (level.left + more).min(self.per_second * BURST_SECONDS);
        level.at = now;
        let admits = level.left >= 1.0;
        if admits {
            level.left -= 1.0;
        }
        admits
    }
}
