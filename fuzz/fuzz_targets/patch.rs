#![no_main]
//! Any bytes as a patch of the residents.

#[path = "../../tests/tests/steps/mod.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    avow_tests::targets::patch(bytes);
    steps::patch(bytes);
});
