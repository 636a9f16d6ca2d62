//! `shadowed`: a rule that adds nothing, because another one of the same effect applies wherever it does.

use super::{
    same_rule::{are_same, implies, notes},
    view::View,
};
use crate::{finding::Finding, policies::Found};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, rule) in view.rules() {
        // A chapter is not written for one pack.
        if rule.chapter.is_some() {
            continue;
        }
        let wider = view.rules().find(|(other, wide)| {
            *other != number
                && says_no_more(rule, wide)
                && implies(view, number, *other)
                && !are_same(view, number, *other)
        });
        if let Some((_, wide)) = wider {
            let message = format!(
                "rule `{}` adds nothing: `{}`, in {}, applies wherever it does",
                rule.lowered.id, wide.lowered.id, wide.file
            );
            let finding = view.at_rule("shadowed", rule, message);
            findings.push(finding.with_help("take it out, or make the other one narrower"));
        }
    }
}

/// Whether an answer that names the other rule has every clause, obligation and mark that this one brings.
fn says_no_more(rule: &Found, other: &Found) -> bool {
    let others = notes(other);
    notes(rule).iter().all(|(key, words)| {
        others
            .iter()
            .any(|(other, more)| other == key && words.iter().all(|word| more.contains(word)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack, pack_of};

    #[test]
    fn a_longer_condition_is_shadowed_by_a_shorter_one() {
        for (narrow, wide) in [
            (
                "when { context.urgent && context.level > 3 }",
                "when { context.urgent }",
            ),
            ("when { context.level > 5 }", "when { context.level > 3 }"),
            (
                "when { context.reason == \"a\" }",
                "when { [\"a\", \"b\"].contains(context.reason) }",
            ),
        ] {
            assert_eq!(codes(&pack(&[narrow, wide])), ["shadowed"], "{narrow}");
        }
    }

    #[test]
    fn a_window_is_not_shadowed_by_one_whose_end_may_overflow() {
        let window =
            |days| format!("when {{ context.now < resource.made.offset(duration(\"{days}d\")) }}");
        assert!(codes(&pack(&[&window(1), &window(30)])).is_empty());
    }

    #[test]
    fn a_rule_with_an_obligation_of_its_own_is_not_shadowed() {
        let rules = "@id(\"a\") @clause(\"small-read\") @obligation(\"audit\")
            permit (principal, action == Small::Action::\"read\", resource) when { context.urgent && context.level > 3 };
            @id(\"b\") @clause(\"small-read\")
            permit (principal, action == Small::Action::\"read\", resource) when { context.urgent };";
        assert!(codes(&pack_of(rules)).is_empty());
    }
}
