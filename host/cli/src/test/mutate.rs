//! `avow test --mutate`: changes of the rules that no case notices.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
};

use avow_compiler::mutate::{Fate, Mutant};
use serde::Serialize;

use crate::output::coloured;

/// What is said of mutation as JSON.
#[derive(Serialize)]
pub(super) struct Report {
    totals: Totals,
    /// Those that no case notices.
    survivors: Vec<Mutant>,
    /// Those that no case can notice, with the reason.
    equivalent: Vec<Mutant>,
    rules: BTreeMap<String, Totals>,
}

/// How the mutants ended.
#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    killed: usize,
    survived: usize,
    equivalent: usize,
    invalid: usize,
}

impl Totals {
    fn count(&mut self, fate: &Fate) {
        *match fate {
            Fate::Killed { .. } => &mut self.killed,
            Fate::Invalid => &mut self.invalid,
            Fate::Survived => &mut self.survived,
            Fate::Equivalent { .. } => &mut self.equivalent,
        } += 1;
    }

    /// Those that a case should notice.
    fn counted(self) -> usize {
        self.killed + self.survived
    }
}

impl Report {
    pub(super) fn new(mutants: Vec<Mutant>) -> Self {
        let mut totals = Totals::default();
        let mut rules: BTreeMap<String, Totals> = BTreeMap::new();
        for mutant in &mutants {
            totals.count(&mutant.fate);
            rules
                .entry(mutant.rule.clone())
                .or_default()
                .count(&mutant.fate);
        }
        let of = |fits: fn(&Fate) -> bool| {
            let some = mutants.iter().filter(|mutant| fits(&mutant.fate));
            some.cloned().collect()
        };
        Self {
            totals,
            survivors: of(|fate| *fate == Fate::Survived),
            equivalent: of(|fate| matches!(fate, Fate::Equivalent { .. })),
            rules,
        }
    }

    pub(super) fn whole(&self) -> bool {
        self.survivors.is_empty()
    }

    /// The part of the line that sums a pack up.
    pub(super) fn summary(&self) -> String {
        let Totals {
            killed,
            equivalent,
            invalid,
            ..
        } = self.totals;
        let all = self.totals.counted();
        format!("mutants {killed}/{all} ({equivalent} equivalent, {invalid} invalid)")
    }

    pub(super) fn print(&self) {
        let width = self.rules.keys().map(String::len).max().unwrap_or_default();
        println!("{:width$}  killed", "rule");
        for (rule, totals) in &self.rules {
            let killed = format!("{}/{}", totals.killed, totals.counted());
            let more = match totals.equivalent {
                0 => String::new(),
                equivalent => format!("  and {equivalent} equivalent"),
            };
            println!("{rule:width$}  {killed:>6}{more}");
        }
        println!();
        for mutant in &self.survivors {
            let Mutant {
                rule,
                file,
                line,
                column,
                kind,
                before,
                after,
                ..
            } = mutant;
            let word = coloured("survived", false);
            println!("{file}:{line}:{column}: {word} `{rule}`: {kind}");
            println!("  before  {before}");
            match after.as_str() {
                "" => println!("  after   (nothing)"),
                after => println!("  after   {after}"),
            }
        }
        if !self.survivors.is_empty() {
            println!(
                "help: write a case that tells before from after, or a simpler rule; what no case can tell apart goes into mutants.toml, with the reason\n"
            );
        }
    }
}

/// Says on a terminal how far it is, and takes that back at the end.
pub(super) fn progress(done: usize, all: usize) {
    let mut to = std::io::stderr();
    if !to.is_terminal() {
        return;
    }
    // A terminal that cannot be written to is no reason to stop.
    let _ = match done == all {
        true => write!(to, "\r\x1b[K"),
        false => write!(to, "\rmutants {done}/{all}"),
    };
    let _ = to.flush();
}
