#![no_main]
//! Any bytes as choices of the generator of rules, entities and requests.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avow_tests::targets::differential(bytes));
