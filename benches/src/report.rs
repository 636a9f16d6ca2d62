//! What a run found, as JSON, as a table for a terminal and as one for `docs/performance.md`.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::json;

use crate::{
    CEDAR, GUEST,
    costs::{LOAD, LOAD_GUEST, PARSE, Sizes, TENANT},
    measure::Figure,
    ours::BEFORE,
};

/// One peer's figure for one set.
#[derive(Serialize)]
pub struct Row {
    pub peer: &'static str,
    #[serde(flatten)]
    pub figure: Figure,
    /// Its median over that of the guest.
    pub ratio: f64,
}

/// All figures for one set.
#[derive(Serialize)]
pub struct Decided {
    /// `mixed`, `adversarial`, or a pack's name.
    pub set: String,
    pub rules: usize,
    /// Rules whose scope a request is in, on average; not known of packs.
    pub rules_in_scope: Option<f64>,
    pub rows: Vec<Row>,
    /// Peers that were not measured, and why.
    pub skipped: BTreeMap<&'static str, String>,
}

/// One figure of what is paid once.
#[derive(Serialize)]
pub struct Cost {
    pub what: &'static str,
    #[serde(flatten)]
    pub figure: Figure,
}

#[derive(Serialize)]
pub struct Report {
    pub quick: bool,
    pub cores: usize,
    pub decided: Vec<Decided>,
    pub costs: Vec<Cost>,
    pub sizes: Sizes,
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 9_950.0 => format!("{ns:.0} ns"),
        ns if ns < 995_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}

fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 0.1 => format!("{ratio:.3}"),
        ratio if ratio < 10.0 => format!("{ratio:.2}"),
        ratio if ratio < 100.0 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.0}"),
    }
}

fn bytes(bytes: usize) -> String {
    let digits = bytes.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn spread(figure: &Figure) -> String {
    format!("{} to {}", time(figure.min_ns), time(figure.max_ns))
}

const MET: &str = "met";

enum Wanted {
    MostTime(f64),
    MostBytes(f64),
    Most(f64),
    Least(f64),
}

struct Aim {
    what: String,
    found: f64,
    wanted: Wanted,
}

impl Aim {
    /// What was found, what is wanted, and whether it is met.
    fn words(&self) -> [String; 3] {
        let (found, wanted, is_met) = match self.wanted {
            Wanted::MostTime(most) => (
                time(self.found),
                format!("≤ {}", time(most)),
                self.found <= most,
            ),
            Wanted::MostBytes(most) => {
                let found = bytes(self.found as usize);
                (
                    found,
                    format!("≤ {}", bytes(most as usize)),
                    self.found <= most,
                )
            }
            Wanted::Most(most) => (
                ratio(self.found),
                format!("≤ {}", ratio(most)),
                self.found <= most,
            ),
            Wanted::Least(least) => (
                ratio(self.found),
                format!("≥ {}", ratio(least)),
                self.found >= least,
            ),
        };
        [
            found,
            wanted,
            if is_met { MET } else { "missed" }.to_owned(),
        ]
    }
}

impl Decided {
    fn title(&self) -> String {
        let mut out = format!("{}, {} rules", self.set, bytes(self.rules));
        if let Some(scope) = self.rules_in_scope {
            let _ = write!(out, ", a request in the scope of {scope:.1}");
        }
        out
    }
}

impl Report {
    fn cost(&self, what: &str) -> Option<f64> {
        let cost = self.costs.iter().find(|cost| cost.what == what);
        cost.map(|cost| cost.figure.median_ns)
    }

    fn median(&self, set: &str, rules: usize, peer: &str) -> Option<f64> {
        let decided = self
            .decided
            .iter()
            .find(|one| one.set == set && one.rules == rules)?;
        let row = decided.rows.iter().find(|row| row.peer == peer)?;
        Some(row.figure.median_ns)
    }

    /// What we want of ourselves beside what was found. Nothing fails by it: a shared machine is no judge.
    fn aims(&self) -> Vec<Aim> {
        let mut out = Vec::new();
        let mut aim = |what: String, found: Option<f64>, wanted: Wanted| {
            if let Some(found) = found {
                out.push(Aim {
                    what,
                    found,
                    wanted,
                });
            }
        };
        let over = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
        let guest = |set: &str, rules: usize| self.median(set, rules, GUEST);
        let faster =
            |set: &str, rules: usize| over(self.median(set, rules, CEDAR), guest(set, rules));
        for (rules, times) in [(10, 8.0), (100, 50.0), (1_000, 500.0), (10_000, 5_000.0)] {
            let name = bytes(rules);
            aim(
                format!("guest, mixed, {name} rules"),
                guest("mixed", rules),
                Wanted::MostTime(1_200.0),
            );
            let what = format!("cedar-policy over guest, mixed, {name} rules");
            aim(what, faster("mixed", rules), Wanted::Least(times));
        }
        let grown = over(guest("mixed", 10_000), guest("mixed", 10));
        aim(
            "guest, mixed, 10,000 rules over 10".into(),
            grown,
            Wanted::Most(1.5),
        );
        let prepared = self.median("mixed", 10, BEFORE);
        aim(
            "guest, encoded before, mixed, 10 rules".into(),
            prepared,
            Wanted::MostTime(179.0),
        );
        let what = "cedar-policy over guest, adversarial, 1,000 rules".into();
        aim(what, faster("adversarial", 1_000), Wanted::Least(40.0));
        for (load, name) in [(LOAD, "natively"), (LOAD_GUEST, "in a guest")] {
            let what = format!("cedar-policy parsing over loading {name}, 10,000 rules");
            aim(
                what,
                over(self.cost(PARSE), self.cost(load)),
                Wanted::Least(100.0),
            );
        }
        aim(
            TENANT.into(),
            self.cost(TENANT),
            Wanted::MostTime(100_000.0),
        );
        let Sizes {
            guest_brotli,
            tenant_full_memory,
            ..
        } = self.sizes;
        aim(
            "guest module, brotli".into(),
            Some(guest_brotli as f64),
            Wanted::MostBytes(14_000.0),
        );
        let what = "memory of an idle tenant with 1,000 entities".into();
        aim(
            what,
            Some(tenant_full_memory as f64),
            Wanted::MostBytes(2_000_000.0),
        );
        out
    }

    fn size_lines(&self) -> [(&'static str, usize); 6] {
        let Sizes {
            guest_raw,
            guest_brotli,
            opsyn_bundle,
            tenant_bare_memory,
            tenant_full_memory,
            tenant_full_own,
        } = self.sizes;
        [
            ("guest module", guest_raw),
            ("guest module, brotli", guest_brotli),
            ("OpSyn bundle", opsyn_bundle),
            ("memory of an idle tenant, OpSyn bundle", tenant_bare_memory),
            ("the same with 1,000 resident entities", tenant_full_memory),
            ("of that, beyond what all tenants share", tenant_full_own),
        ]
    }

    /// All of it, aims included.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut json = serde_json::to_value(self)?;
        let aims = self.aims().into_iter().map(|aim| {
            let [found, wanted, met] = aim.words();
            json!({ "what": aim.what, "value": aim.found, "found": found, "wanted": wanted, "met": met == MET })
        });
        json["aims"] = aims.collect();
        serde_json::to_string_pretty(&json)
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for decided in &self.decided {
            let _ = writeln!(out, "\n{}", decided.title());
            let _ = writeln!(
                out,
                "  {:<30} {:>10}  {:>24} {:>10}",
                "", "median", "spread", "ratio"
            );
            for row in &decided.rows {
                let (median, spread) = (time(row.figure.median_ns), spread(&row.figure));
                let ratio = ratio(row.ratio);
                let _ = writeln!(
                    out,
                    "  {:<30} {median:>10}  {spread:>24} {ratio:>10}",
                    row.peer
                );
            }
            for (peer, why) in &decided.skipped {
                let _ = writeln!(out, "  {peer:<30} not measured: {why}");
            }
        }
        let _ = writeln!(out, "\nonce a bundle, once a tenant");
        for cost in &self.costs {
            let (median, spread) = (time(cost.figure.median_ns), spread(&cost.figure));
            let _ = writeln!(out, "  {:<60} {median:>10}  {spread:>24}", cost.what);
        }
        let _ = writeln!(out, "\naims");
        for aim in self.aims() {
            let [found, wanted, met] = aim.words();
            let _ = writeln!(out, "  {:<60} {found:>10} {wanted:>12}  {met}", aim.what);
        }
        let _ = writeln!(out, "\nbytes");
        for (what, size) in self.size_lines() {
            let _ = writeln!(out, "  {what:<60} {:>10}", bytes(size));
        }
        out
    }

    /// For `docs/performance.md`.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        if self.quick {
            out.push_str("From a run with `--quick`: not for quoting.\n\n");
        }
        for decided in &self.decided {
            let _ = writeln!(out, "**{}**\n", decided.title());
            out.push_str("| | median | spread | ratio |\n| --- | ---: | ---: | ---: |\n");
            for row in &decided.rows {
                let (median, spread) = (time(row.figure.median_ns), spread(&row.figure));
                let _ = writeln!(
                    out,
                    "| {} | {median} | {spread} | {} |",
                    row.peer,
                    ratio(row.ratio)
                );
            }
            for (peer, why) in &decided.skipped {
                let _ = writeln!(out, "| {peer} | not measured: {why} | | |");
            }
            out.push('\n');
        }
        out.push_str("| once a bundle, once a tenant | median | spread |\n| --- | ---: | ---: |\n");
        for cost in &self.costs {
            let (median, spread) = (time(cost.figure.median_ns), spread(&cost.figure));
            let _ = writeln!(out, "| {} | {median} | {spread} |", cost.what);
        }
        out.push_str("\n| aim | found | wanted | |\n| --- | ---: | ---: | --- |\n");
        for aim in self.aims() {
            let [found, wanted, met] = aim.words();
            let _ = writeln!(out, "| {} | {found} | {wanted} | {met} |", aim.what);
        }
        out.push_str("\n| bytes | |\n| --- | ---: |\n");
        for (what, size) in self.size_lines() {
            let _ = writeln!(out, "| {what} | {} |", bytes(size));
        }
        out
    }
}
