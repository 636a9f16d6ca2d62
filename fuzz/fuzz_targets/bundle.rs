#![no_main]
//! Any bytes as a bundle.

#[path = "../../tests/tests/steps/mod.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    avow_tests::targets::bundle(bytes);
    steps::bundle(bytes);
});
