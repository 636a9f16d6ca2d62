//! How long an answer holds: the first later millisecond at which something that the evaluation met may turn out otherwise.
//!
//! A value *moves* where it is the clock's instant plus or minus a constant. Whatever else is done with such a value than
//! what is followed here ends the promise at once: the answer then holds for no time at all.

use crate::{code::Op, ext::DAY_MS};

/// A value does not move. What follows are the ways in which one does, as [`crate::store::Value::key`] holds them.
pub(crate) const FIXED: u32 = 0;
/// It grows with the clock.
pub(crate) const GROWS: u32 = 1;
/// It shrinks as the clock goes on.
pub(crate) const SHRINKS: u32 = 2;
/// It is the whole context, the clock within.
pub(crate) const WHOLE: u32 = 3;

/// The answer holds for ever.
pub(crate) const FOREVER: i64 = i64::MAX;
/// No instant is known up to which the answer holds.
pub(crate) const NO_PROMISE: i64 = i64::MIN;

/// The clock of a decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now: i64,
    pub(crate) until: i64,
}

impl Clock {
    /// The promise ends here.
    pub(crate) fn give_up(&mut self) {
        self.until = NO_PROMISE;
    }

    /// Something turns after so many milliseconds.
    fn turns_after(&mut self, millis: u64) {
        if let Some(at) = self.now.checked_add_unsigned(millis) {
            self.until = self.until.min(at);
        }
    }

    /// `==`, `<` or `<=` of a moving and a fixed value; `left` says that the moving one stands left.
    pub(crate) fn compares(
        &mut self,
        op: Op,
        motion: u32,
        (moving, fixed): (i64, i64),
        left: bool,
    ) {
        let Some(gap) = gap(motion, moving, fixed) else {
            return;
        };
        // The result differs once the two meet, or once the one has passed the other; `==`, once they have met, at once.
        let passes = match op {
            Op::Equal => gap == 0,
            _ => (left == (op == Op::LessEqual)) == (motion == GROWS),
        };
        let turn = gap.saturating_add(u64::from(passes));
        if turn > 0 {
            self.turns_after(turn);
        }
    }

    /// An operation gave a value that moves on and would leave the 64-bit range at some time.
    pub(crate) fn overflows(&mut self, motion: u32, value: i64) {
        let end = if motion == GROWS { i64::MAX } else { i64::MIN };
        if let Some(gap) = gap(motion, value, end) {
            self.turns_after(gap.saturating_add(1));
        }
    }

    /// `toDate` or `toTime` of an instant that grows.
    pub(crate) fn turns_at_midnight(&mut self, instant: i64) {
        self.turns_after((DAY_MS - instant.rem_euclid(DAY_MS)).unsigned_abs());
    }

    /// A moving duration in whole units, truncated towards zero: it stays until its next step.
    pub(crate) fn steps(&mut self, (motion, millis): (u32, i64), unit: i64) {
        let rest = millis % unit;
        // Seen from the direction in which it moves.
        let (ahead, rest) = match motion {
            GROWS => (millis >= 0, rest),
            _ => (millis <= 0, -rest),
        };
        let same = millis == rest || millis == -rest;
        let step = if ahead || same { unit } else { 1 };
        self.turns_after((step - rest).unsigned_abs());
    }
}

/// How far a moving value is from one that it will meet; none where it has passed it.
fn gap(motion: u32, moving: i64, fixed: i64) -> Option<u64> {
    let (from, to) = match motion {
        GROWS => (moving, fixed),
        _ => (fixed, moving),
    };
    (to >= from).then(|| to.abs_diff(from))
}
