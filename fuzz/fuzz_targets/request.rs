#![no_main]
//! Any bytes as a request.

#[path = "../../tests/tests/steps/mod.rs"]
mod steps;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    avow_tests::targets::request(bytes);
    steps::request(bytes);
});
