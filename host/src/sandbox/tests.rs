//! Guests that do what no guest should, and what the sandbox makes of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Guest, GuestError, Limits, Sandbox, Slot};

/// A guest that counts its decisions, and does something of the test's on the request `!`.
///
/// The answer is one byte: how many decisions it has made.
pub(crate) fn misbehaving(on_bang: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 2)
            (global $count (mut i32) (i32.const 0))
            (func (export "avow_version") (result i32) (i32.const 1))
            (func (export "avow_alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "avow_load") (param i32 i32) (result i64) (i64.const 0))
            (func (export "avow_patch") (param i32 i32) (result i64) (i64.const 0x200000000c))
            (func (export "avow_explain") (param i32 i32) (result i64) (i64.const 0))
            (func $bang (result i64) {on_bang})
            (func (export "avow_decide") (param $at i32) (param $length i32) (result i64)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 33))
                    (then (return (call $bang))))
                (i32.store8 (i32.const 16) (global.get $count))
                (i64.const 0x1000000001)))"#
    )
}

pub(crate) const LOOPS: &str = "(loop $again (br $again)) (unreachable)";
pub(crate) const GROWS: &str = "(loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) (i64.const 0)";
pub(crate) const TRAPS: &str = "(unreachable)";

fn limits() -> Limits {
    Limits {
        decision: Duration::from_millis(30),
        guests: 2,
        ..Limits::default()
    }
}

#[track_caller]
fn check(on_bang: &str, expected: &GuestError) {
    let sandbox = Sandbox::with_wat(limits(), &misbehaving(on_bang)).unwrap();
    let replaced = Arc::new(AtomicU64::new(0));
    let slot = Slot::new(Arc::new(sandbox), b"bundle", b"", Arc::clone(&replaced)).unwrap();
    let decide = |request: &[u8]| slot.ask(|guest| guest.decide(request).map(<[u8]>::to_vec));
    assert_eq!(decide(b"?"), Ok(vec![1]));
    assert_eq!(decide(b"?"), Ok(vec![2]));
    let start = Instant::now();
    assert_eq!(decide(b"!").as_ref(), Err(expected));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(
        decide(b"?"),
        Ok(vec![1]),
        "a fresh guest starts from nothing"
    );
    assert_eq!(replaced.load(Ordering::Relaxed), 1);
}

#[test]
fn a_guest_that_loops_is_stopped_and_replaced() {
    check(LOOPS, &GuestError::TimedOut);
}

#[test]
fn a_guest_that_grows_too_far_is_stopped_and_replaced() {
    check(GROWS, &GuestError::Outgrew(16 << 20));
}

#[test]
fn a_guest_that_traps_is_replaced() {
    check(
        TRAPS,
        &GuestError::Trapped("wasm trap: wasm `unreachable` instruction executed".into()),
    );
}

#[test]
fn a_guest_that_recurses_without_end_is_replaced() {
    check(
        "(call $bang)",
        &GuestError::Trapped("wasm trap: call stack exhausted".into()),
    );
}

#[test]
fn an_answer_outside_the_guests_memory_is_an_error() {
    check(
        "(i64.const 0x7fffffffffffffff)",
        &GuestError::Interface("the output lies outside its memory"),
    );
}

#[test]
fn a_guest_that_imports_anything_cannot_be_made() {
    let wat = r#"(module (import "env" "now" (func)))"#;
    assert!(Sandbox::with_wat(limits(), wat).is_err());
}

#[test]
fn a_guest_of_another_version_is_refused() {
    let wat = misbehaving(TRAPS).replace(
        "\"avow_version\") (result i32) (i32.const 1)",
        "\"avow_version\") (result i32) (i32.const 7)",
    );
    let sandbox = Sandbox::with_wat(limits(), &wat).unwrap();
    assert_eq!(
        sandbox.guest(b"bundle", b"").err(),
        Some(GuestError::Interface("it is of another version"))
    );
}

#[test]
fn more_guests_than_the_pool_holds_are_an_error() {
    let sandbox = Sandbox::with_wat(limits(), &misbehaving(TRAPS)).unwrap();
    let held = [sandbox.guest(b"b", b""), sandbox.guest(b"b", b"")];
    assert!(held.iter().all(Result::is_ok));
    assert!(matches!(
        sandbox.guest(b"b", b"").err(),
        Some(GuestError::NoRoom(_))
    ));
    drop(held);
    assert!(sandbox.guest(b"b", b"").is_ok());
}

#[test]
fn two_guests_share_no_memory() {
    let sandbox = Sandbox::with_wat(limits(), &misbehaving(TRAPS)).unwrap();
    let mut first = sandbox.guest(b"b", b"").unwrap();
    let mut second = sandbox.guest(b"b", b"").unwrap();
    assert_eq!(first.decide(b"?"), Ok(&[1][..]));
    assert_eq!(first.decide(b"?"), Ok(&[2][..]));
    assert_eq!(second.decide(b"?"), Ok(&[1][..]));
}

/// A slot whose guests count their decisions, `guests` places of which `spare` may be lent.
fn shared(guests: u32, spare: u32) -> (Arc<Sandbox>, Slot) {
    let limits = Limits { guests, ..limits() };
    let sandbox = Arc::new(Sandbox::with_wat(limits, &misbehaving(TRAPS)).unwrap());
    sandbox.spare().give(spare);
    let replaced = Arc::new(AtomicU64::new(0));
    let slot = Slot::new(Arc::clone(&sandbox), b"b", b"", replaced).unwrap();
    (sandbox, slot)
}

fn count(guest: &mut Guest) -> Result<u8, GuestError> {
    guest.decide(b"?").map(|answer| answer[0])
}

#[test]
fn questions_that_come_together_get_guests_of_their_own_and_leave_the_kept_places_free() {
    let (sandbox, slot) = shared(4, 2);
    let deep = slot.ask(|first| {
        let inner = slot.ask(|second| {
            let innermost = slot.ask(count)?;
            assert_eq!(innermost, 1);
            // Both spare places are lent; the one that is kept is still there for a bundle that is replaced.
            assert!(sandbox.guest(b"b", b"").is_ok());
            count(second)
        })?;
        assert_eq!(inner, 1);
        count(first)
    });
    assert_eq!(deep, Ok(1));
    // They stay for the next time.
    assert_eq!(slot.ask(count), Ok(2));
    drop(slot);
    // Their places are given back with the slot.
    let again = Slot::new(Arc::clone(&sandbox), b"b", b"", Arc::default()).unwrap();
    let both = again.ask(|_| again.ask(|_| again.ask(count)));
    assert_eq!(both, Ok(1));
}

#[test]
fn without_a_spare_place_a_question_waits_for_its_turn() {
    let (sandbox, slot) = shared(2, 0);
    std::thread::scope(|scope| {
        let answered = slot.ask(|guest| {
            let waiting = scope.spawn(|| slot.ask(count));
            std::thread::sleep(Duration::from_millis(100));
            assert!(!waiting.is_finished());
            assert!(sandbox.guest(b"b", b"").is_ok());
            count(guest)?;
            Ok(waiting)
        });
        assert_eq!(answered.unwrap().join().unwrap(), Ok(2));
    });
}

#[test]
fn a_lost_guest_gives_its_spare_place_back_and_a_panic_loses_it() {
    let (_sandbox, slot) = shared(3, 1);
    for _ in 0..3 {
        let lost = slot.ask(|_| slot.ask(|guest| guest.decide(b"!").map(<[u8]>::to_vec)));
        assert!(matches!(lost, Err(GuestError::Trapped(_))));
    }
    assert_eq!(slot.ask(|_| slot.ask(count)), Ok(1));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        slot.ask(|guest| -> Result<(), GuestError> {
            count(guest)?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert!(matches!(slot.ask(count), Ok(1 | 2)));
}

/// Guests that count the patches that they took, refuse the patch `#` and trap over `!`; `guests` places, all but two to lend.
fn patched(guests: u32) -> (Slot, Arc<AtomicU64>) {
    let count = r#"(func (export "avow_patch") (param $at i32) (param i32) (result i64)
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 33)) (then (unreachable)))
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 35))
            (then (i32.store (i32.const 48) (i32.const 1)) (return (i64.const 0x300000000c))))
        (i32.store8 (i32.const 17) (i32.add (i32.load8_u (i32.const 17)) (i32.const 1)))
        (i64.const 0x200000000c))"#;
    let plain =
        r#"(func (export "avow_patch") (param i32 i32) (result i64) (i64.const 0x200000000c))"#;
    let wat = misbehaving(TRAPS)
        .replace(plain, count)
        .replace("0x1000000001", "0x1000000002");
    assert!(wat.contains(count) && wat.contains("0x1000000002"));
    let limits = Limits { guests, ..limits() };
    let sandbox = Arc::new(Sandbox::with_wat(limits, &wat).unwrap());
    sandbox.spare().give(guests - 2);
    let replaced = Arc::new(AtomicU64::new(0));
    let slot = Slot::new(sandbox, b"b", b"", Arc::clone(&replaced)).unwrap();
    (slot, replaced)
}

/// How many patches a guest has taken.
fn patches(guest: &mut Guest) -> Result<u8, GuestError> {
    guest.decide(b"?").map(|answer| answer[1])
}

#[test]
fn a_guest_that_is_lent_during_a_patch_takes_it_before_it_answers_again() {
    let (slot, replaced) = patched(4);
    let under_way = slot.ask(|first| {
        slot.patch(b"one")?;
        slot.patch(b"two")?;
        assert_eq!(slot.ask(patches), Ok(2));
        patches(first)
    });
    assert_eq!(under_way, Ok(0), "it ends by what it began with");
    let all = slot.ask(|first| {
        let others = slot.ask(|second| Ok((patches(second)?, slot.ask(patches)?)))?;
        Ok((patches(first)?, others))
    });
    assert_eq!(all, Ok((2, (2, 2))));
    assert_eq!(slot.version(), 2);
    assert_eq!(replaced.load(Ordering::Relaxed), 0);
}

#[test]
fn a_patch_that_is_refused_or_traps_changes_no_guest() {
    let (slot, replaced) = patched(3);
    slot.patch(b"one").unwrap();
    assert!(matches!(slot.patch(b"#"), Err(GuestError::Refused(_))));
    assert_eq!(replaced.load(Ordering::Relaxed), 0);
    assert!(matches!(slot.patch(b"!"), Err(GuestError::Trapped(_))));
    assert_eq!(replaced.load(Ordering::Relaxed), 1);
    assert_eq!(slot.version(), 1);
    let both = slot.ask(|first| Ok((patches(first)?, slot.ask(patches)?)));
    assert_eq!(both, Ok((1, 1)));
}

#[test]
fn guests_of_an_earlier_image_end_what_they_do_and_are_not_asked_again() {
    let (slot, _replaced) = patched(4);
    slot.patch(b"one").unwrap();
    let under_way = slot.ask(|first| {
        assert_eq!(slot.ask(patches), Ok(1));
        // Its residents are one more patch.
        slot.renew(b"b", b"residents")?;
        assert_eq!((slot.version(), slot.ask(patches)), (1, Ok(1)));
        slot.patch(b"two")?;
        patches(first)
    });
    assert_eq!(under_way, Ok(1));
    // All places are there again.
    for _ in 0..3 {
        let all = slot.ask(|first| {
            let others = slot.ask(|second| Ok((patches(second)?, slot.ask(patches)?)))?;
            Ok((patches(first)?, others))
        });
        assert_eq!(all, Ok((2, (2, 2))));
        slot.renew(b"b", b"residents").unwrap();
        slot.patch(b"two").unwrap();
    }
}
