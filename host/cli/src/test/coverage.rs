//! `avow test --coverage`: what the cases show of the pack, as a table.

use avow_compiler::coverage::{Branch, BranchKind, Coverage, RuleCoverage, Totals};
use serde::Serialize;

use crate::output::coloured;

/// What is said of coverage as JSON.
#[derive(Serialize)]
pub(super) struct Report {
    totals: Totals,
    #[serde(flatten)]
    coverage: Coverage,
    uncovered: Vec<Uncovered>,
}

/// Something that no case shows.
#[derive(Serialize)]
struct Uncovered {
    /// The clause or the rule.
    name: String,
    /// `file:line:column`, where it has a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    message: String,
}

impl Report {
    pub(super) fn new(coverage: Coverage) -> Self {
        Self {
            totals: coverage.totals(),
            uncovered: uncovered(&coverage),
            coverage,
        }
    }

    pub(super) fn whole(&self) -> bool {
        self.coverage.whole()
    }

    /// The part of the line that sums a pack up.
    pub(super) fn summary(&self) -> String {
        let of = |(covered, all): (usize, usize)| format!("{covered}/{all}");
        let Totals {
            clauses,
            rules,
            branches,
        } = self.totals;
        format!(
            "clauses {}, rules {}, branches {}",
            of(clauses),
            of(rules),
            of(branches)
        )
    }

    pub(super) fn print(&self) {
        let Coverage { clauses, rules } = &self.coverage;
        let ids = clauses.iter().map(|clause| &clause.id);
        let ids = ids.chain(rules.iter().map(|rule| &rule.id));
        let width = ids.map(String::len).max().unwrap_or_default();
        println!("{:width$}  cases", "clause");
        for clause in clauses {
            println!("{:width$}  {:>5}", clause.id, clause.cases.len());
        }
        println!("\n{:width$}  cases  branches", "rule");
        for rule in rules {
            println!(
                "{:width$}  {:>5}  {:>8}  {}:{}",
                rule.id,
                rule.cases.len(),
                sides(rule),
                rule.file,
                rule.line
            );
        }
        println!();
        for uncovered in &self.uncovered {
            let Uncovered {
                name,
                place,
                message,
            } = uncovered;
            let word = coloured("uncovered", false);
            match place {
                Some(place) => println!("{place}: {word} `{name}`: {message}"),
                None => println!("{word} `{name}`: {message}"),
            }
        }
        if !self.uncovered.is_empty() {
            println!();
        }
    }
}

fn sides(rule: &RuleCoverage) -> String {
    match rule.sides() {
        (_, 0) => "-".to_owned(),
        (covered, all) => format!("{covered}/{all}"),
    }
}

fn uncovered(coverage: &Coverage) -> Vec<Uncovered> {
    let mut out = Vec::new();
    for clause in &coverage.clauses {
        if clause.cases.is_empty() {
            out.push(Uncovered {
                name: clause.id.clone(),
                place: None,
                message: "no case's answer names the clause".to_owned(),
            });
        }
    }
    for rule in &coverage.rules {
        if rule.cases.is_empty() {
            out.push(Uncovered {
                name: rule.id.clone(),
                place: Some(format!("{}:{}:1", rule.file, rule.line)),
                message: "the rule determines no case's answer".to_owned(),
            });
        }
        for branch in &rule.branches {
            if let Some(message) = unseen(branch) {
                out.push(Uncovered {
                    name: rule.id.clone(),
                    place: Some(format!("{}:{}:{}", rule.file, branch.line, branch.column)),
                    message,
                });
            }
        }
    }
    out
}

fn unseen(branch: &Branch) -> Option<String> {
    let sides = match (branch.covers(true), branch.covers(false)) {
        (true, true) => return None,
        (false, true) => "true",
        (true, false) => "false",
        (false, false) => "true, and never false",
    };
    let what = match branch.kind {
        BranchKind::When => "the `when`",
        BranchKind::Unless => "the `unless`",
        BranchKind::And | BranchKind::Or => "the operand",
        BranchKind::Test => "the test of the `if`",
    };
    let text = &branch.text;
    Some(format!("{what} `{text}` was never seen {sides}"))
}
