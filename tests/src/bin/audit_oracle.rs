//! Answers what a site may keep and load in a browser, a line of JSON for each line of JSON. `avow_tests::audit` says what is
//! in them; `pack` names the pack.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, Write as _},
};

use avow_tests::audit::Audited;
use serde_json::Value;

fn main() {
    let mut packs = BTreeMap::new();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let name = asked["pack"].as_str().unwrap().to_owned();
        let pack = packs
            .entry(name)
            .or_insert_with_key(|name| Audited::open(name));
        writeln!(out, "{}", pack.answer(&asked)).unwrap();
        out.flush().unwrap();
    }
}
