//! What a run of cases comes to, for people and for programs.

use std::time::Duration;

use avow_compiler::{Finding, cases::Gap};
use serde::Serialize;

use super::{Suite, failure::Failure, measure::Measured};
use crate::{
    output::{self, coloured},
    pack::Validation,
};

#[derive(Default, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    validation: Validation,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) failures: Vec<Failure>,
    /// Promises kept by rules whose cases do not show what they should; empty where only some cases were run.
    pub(crate) gaps: Vec<PackGap>,
    /// Promises whose mechanism is still to come.
    pub(crate) pending: Vec<String>,
    /// What is wrong with the cases themselves; with an error among them, the cases of their pack are not run.
    pub(crate) findings: Vec<Finding>,
    /// Packs whose cases could not be run.
    pub(crate) unread: usize,
    /// What the cases show of each pack, where that was asked for.
    pub(crate) measured: Vec<Measured>,
}

#[derive(Serialize)]
pub(crate) struct PackGap {
    pub(crate) pack: String,
    #[serde(flatten)]
    pub(crate) gap: Gap,
}

impl Report {
    pub(crate) fn validate(&mut self, validation: Validation) {
        self.validation = self.validation.and(validation);
    }

    /// Whether every pack's cases could be read.
    pub(crate) fn is_read(&self) -> bool {
        self.unread == 0
    }

    pub(crate) fn is_fine(&self) -> bool {
        let whole = self.measured.iter().all(Measured::is_whole);
        self.is_read() && self.failed == 0 && self.gaps.is_empty() && whole
    }

    pub(crate) fn print(&self, quiet: bool, took: Duration) {
        for failure in &self.failures {
            println!("{failure}");
        }
        for PackGap { gap, .. } in &self.gaps {
            println!(
                "{} promise `{}` {}",
                coloured("gap", false),
                gap.clause,
                gap.message
            );
        }
        if !quiet {
            for pending in &self.pending {
                println!("pending {pending}");
            }
        }
        for measured in &self.measured {
            measured.print();
        }
        let failed = match self.failed {
            0 => "0 failed".to_owned(),
            failed => coloured(&format!("{} failed", thousands(failed)), false),
        };
        let passed = format!("{} passed", thousands(self.passed));
        let mut counts = vec![coloured(&passed, true), failed];
        if !self.gaps.is_empty() {
            counts.push(output::count(self.gaps.len(), "gap"));
        }
        if self.unread > 0 {
            counts.push(format!("{} not run", output::count(self.unread, "pack")));
        }
        let all = self.passed + self.failed;
        println!(
            "{} in {} ms ({} cases a second, start-up included)",
            counts.join(", "),
            thousands(took.as_millis().try_into().unwrap_or(usize::MAX)),
            thousands(a_second(all, took))
        );
    }
}

/// The names of the chosen cases, with their places.
pub(crate) fn list(suites: &[Suite]) {
    for suite in suites {
        for (case, _) in suite.chosen() {
            let name = output::visible(&case.name);
            println!("{}:{}: {name}", suite.path(&case.file), case.line);
        }
    }
}

fn a_second(cases: usize, took: Duration) -> usize {
    let micros = usize::try_from(took.as_micros()).unwrap_or(usize::MAX);
    cases.saturating_mul(1_000_000) / micros.max(1)
}

/// `8561` as `8,561`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{a_second, thousands};
    use std::time::Duration;

    #[test]
    fn figures_are_read_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (8561, "8,561"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(a_second(351, Duration::from_millis(41)), 8560);
        assert_eq!(a_second(7, Duration::ZERO), 7_000_000);
    }
}
