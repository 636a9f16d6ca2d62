//! When an answer changes with the clock.

use alloc::vec::Vec;

use crate::{
    answer::{Answer, AnswerError, Until},
    bundle::Bundle,
    request::set_now,
};

/// When the answer to a question differs from what it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextChange {
    /// At this instant, and not before: milliseconds since 1970 in UTC.
    At(i64),
    /// Not before the horizon.
    Later,
    /// Never, whatever the clock says.
    Never,
    /// Nobody knows: at this instant the answer comes without a promise.
    Unknown(i64),
}

/// Goes from turn to turn until the answer differs: the decision, the rules that determine it, or those that fail.
///
/// `request` is asked at `now` and later instants by `ask`, an engine or a guest; its own instant is overwritten. A turn may
/// change nothing, so this is not the same as the first answer's `until`. At most as many questions as there are turns before
/// `horizon`.
///
/// # Errors
/// Where `ask` gives no answer of this version.
pub fn next_change(
    bundle: &Bundle,
    request: &mut [u8],
    now: i64,
    horizon: i64,
    mut ask: impl FnMut(&[u8]) -> Vec<u8>,
) -> Result<NextChange, AnswerError> {
    let mut at = now;
    let mut first: Option<Vec<u8>> = None;
    loop {
        // A request without a clock has the same answer at any time; the answer says so itself.
        set_now(request, bundle, at);
        let bytes = ask(request);
        let answer = Answer::read(&bytes)?;
        let said = answer.without_until();
        match &first {
            Some(first) if *first != said => return Ok(NextChange::At(at)),
            Some(_) => {}
            None => first = Some(said),
        }
        match answer.until() {
            Until::Forever => return Ok(NextChange::Never),
            Until::Now => return Ok(NextChange::Unknown(at)),
            Until::At(turn) if turn >= horizon => return Ok(NextChange::Later),
            Until::At(turn) => at = turn,
        }
    }
}
