//! An explanation for people.

use avow_compiler::why_not::{By, MOST_CHANGES, WhyNot};
use avow_engine::{
    Until,
    explain::{Considered, datetime},
};

use super::{Determining, Explanation, turn::Turn};
use crate::output::coloured;

pub(super) fn print(explanation: &Explanation, asked_why_not: bool) {
    let verdict = &explanation.verdict;
    println!("{}", coloured(verdict.outcome, verdict.is_allow()));
    for rule in &explanation.determining {
        determining(rule);
    }
    if verdict.outcome == "not_permitted" {
        println!("  {}", explanation.summary);
    }
    for obligation in &verdict.obligations {
        println!("  obligation: {obligation}");
    }
    for failed in &verdict.failed {
        let clauses = failed.clauses.join(", ");
        println!(
            "  {} could not be evaluated: {} ({clauses})",
            failed.rule, failed.error
        );
    }
    if let Some(problem) = &verdict.problem {
        println!("  {problem}");
    }
    match (&explanation.next, verdict.until) {
        (Some(next), _) => turn(next),
        (None, Until::At(at)) => println!("  the same until {}", datetime(at)),
        (None, _) => {}
    }
    for rule in &explanation.considered {
        considered(rule);
    }
    if asked_why_not {
        match &explanation.why_not {
            Some(found) => why_not(found),
            None => println!("\n  it is allowed: nothing has to change"),
        }
    }
}

fn determining(rule: &Determining) {
    println!(
        "  {} {} ({}:{})",
        rule.rule, rule.effect, rule.file, rule.line
    );
    for (clause, promise) in rule.clauses.iter().zip(&rule.promises) {
        println!("    {clause}: {promise}");
    }
    for line in rule.text.lines() {
        println!("    | {line}");
    }
}

fn turn(next: &Turn) {
    let at = next.at.map(datetime).unwrap_or_default();
    match (next.when, &next.verdict) {
        (_, Some(verdict)) => {
            let rules = match verdict.rules.as_slice() {
                [] => String::new(),
                rules => format!(", by {}", rules.join(", ")),
            };
            let outcome = coloured(verdict.outcome, verdict.is_allow());
            println!("  next: {outcome} from {at} on{rules}");
            for obligation in &verdict.obligations {
                println!("    obligation: {obligation}");
            }
        }
        ("later", _) => println!("  next: the same until {at} at least"),
        ("unknown", _) => println!("  next: not known, since at {at} the answer promises nothing"),
        ("no_clock", _) => println!("  next: not known without a clock; say it with --at"),
        _ => println!("  next: the same for ever"),
    }
}

fn considered(rule: &Considered) {
    if rule.conditions.is_empty() {
        return;
    }
    let how = match rule.result {
        "holds" => "holds",
        "failed" => "failed",
        _ if rule.effect == "permit" => "does not permit",
        _ => "does not forbid",
    };
    let place = rule.source.as_deref().unwrap_or_default();
    println!("\n  {} {how} ({place})", rule.rule);
    for condition in &rule.conditions {
        let value = match condition.value {
            Some(value) => format!("is {value}"),
            None => "failed".to_owned(),
        };
        println!("    {} {value}", condition.condition);
        for (expression, value) in &condition.saw {
            println!("      {expression} is {value}");
        }
    }
}

fn why_not(found: &WhyNot) {
    if found.ways.is_empty() {
        println!("\n  nothing within {MOST_CHANGES} changes would allow it");
    } else {
        println!("\n  what would allow it, each way tried on the engine:");
    }
    for (number, way) in found.ways.iter().enumerate() {
        let by = match way.rules.as_slice() {
            [] => String::new(),
            rules => format!(" (by {})", rules.join(", ")),
        };
        println!("\n  {}.{by}", number + 1);
        for change in &way.changes {
            let hand = match change.by {
                By::Caller => "the caller says so",
                By::Clock => "time does it",
                By::System => "a fact of the system",
            };
            println!("     {}  [{hand}]", change.words);
        }
        for obligation in &way.obligations {
            println!("     obligation: {obligation}");
        }
    }
    if !found.notes.is_empty() {
        println!();
    }
    for note in &found.notes {
        println!("  note: {note}");
    }
}
