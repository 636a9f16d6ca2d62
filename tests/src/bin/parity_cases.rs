//! Writes the parity cases as JSON, for shells that are no Rust. `avow_tests::cases_file` says what is in it.
//!
//! Usage: `parity_cases FILE`

fn main() {
    let file = std::env::args().nth(1).expect("usage: parity_cases FILE");
    let out = avow_tests::cases_file::parity();
    std::fs::write(file, serde_json::to_string(&out).unwrap()).unwrap();
}
