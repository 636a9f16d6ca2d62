//! `same-rule`: two rules that apply to the same requests, with the same effect.

use super::{solve::follows_surely, view::View};
use crate::{finding::Finding, fix::Fix, policies::Found};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, rule) in view.rules() {
        let first = view
            .rules()
            .take(number)
            .find(|(other, of)| same_but_clauses(rule, of) && are_same(view, *other, number));
        let Some((_, other)) = first else {
            continue;
        };
        // What is shared stays; the pack's own is the one to look at.
        let (rule, other) = match (&rule.chapter, &other.chapter) {
            (Some(_), None) => (other, rule),
            _ => (rule, other),
        };
        let message = format!(
            "rule `{}` says the same as `{}`, in {}",
            rule.lowered.id, other.lowered.id, other.file
        );
        let help = match notes(rule) == notes(other) {
            true => "take one of them out",
            false => "let one rule cite the clauses of both, separated by blanks",
        };
        let mut finding = view.at_rule("same-rule", rule, message).with_help(help);
        finding.fix = fix(view, rule, other);
        findings.push(finding);
    }
}

/// Whether two rules say the same beside their names and clauses. One that obliges to something else says more.
fn same_but_clauses(a: &Found, b: &Found) -> bool {
    let others = |rule| {
        let mut notes = notes(rule);
        notes.retain(|(key, _)| *key != "clause");
        notes
    };
    others(a) == others(b)
}

/// Whether one is enough: same effect, and each applies wherever the other does.
pub(super) fn are_same(view: &View<'_>, a: usize, b: usize) -> bool {
    implies(view, a, b) && implies(view, b, a)
}

/// Whether the second, of the same effect, applies wherever the first does.
pub(super) fn implies(view: &View<'_>, a: usize, b: usize) -> bool {
    let forbids = |number| view.rule(number).map(|rule| rule.lowered.forbids);
    let lives = view.lives.get(a).copied().unwrap_or_default();
    lives
        && forbids(a) == forbids(b)
        && view.asked.iter().all(|asked| match asked.rules.get(&a) {
            None => true,
            Some(narrow) => (asked.rules.get(&b)).is_some_and(|wide| follows_surely(narrow, wide)),
        })
}

/// What a rule says beside its name: clauses, obligations, everything.
pub(super) fn notes(rule: &Found) -> Vec<(&str, Vec<&str>)> {
    rule.lowered
        .notes
        .iter()
        .filter(|(key, _)| *key != "id")
        .map(|(key, value)| {
            let mut words: Vec<&str> = value.split_ascii_whitespace().collect();
            words.sort_unstable();
            (key.as_str(), words)
        })
        .collect()
}

/// Taking it out is safe only where both are the same to the letter: then they also fail on the same requests.
fn fix(view: &View<'_>, rule: &Found, other: &Found) -> Option<Fix> {
    let (a, b) = (&rule.policy, &other.policy);
    let to_the_letter = a.principal_constraint() == b.principal_constraint()
        && a.action_constraint() == b.action_constraint()
        && a.resource_constraint() == b.resource_constraint()
        && match (a.non_scope_constraints(), b.non_scope_constraints()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.eq_shape(b),
            _ => false,
        };
    let safe = to_the_letter && a.is_static() && b.is_static() && notes(rule) == notes(other);
    if !safe {
        return None;
    }
    let text = view.sources.get(&rule.file)?;
    // With it go the comment above it and the blank line that parts it from the next rule.
    let before = text.get(..rule.span.start)?;
    let mut start = before.len();
    for line in before.split_inclusive('\n').rev() {
        if !line.trim_start().starts_with("//") {
            break;
        }
        start -= line.len();
    }
    let after = text.get(rule.span.end..)?;
    let blank = after.len() - after.trim_start_matches(['\n', '\r']).len();
    Some(Fix {
        title: format!("take out `{}`", rule.lowered.id),
        file: rule.file.clone(),
        span: start..rule.span.end + blank,
        replacement: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack, pack_of};

    #[test]
    fn order_unless_and_sets_do_not_hide_that_two_rules_are_the_same() {
        for (one, other) in [
            (
                "when { principal.tenant == resource.tenant && context.urgent }",
                "when { context.urgent } when { resource.tenant == principal.tenant }",
            ),
            ("unless { context.urgent }", "when { !context.urgent }"),
            (
                "when { [\"a\", \"b\"].contains(context.reason) }",
                "when { [\"b\", \"a\", \"a\"].contains(context.reason) }",
            ),
            ("when { context.level > 3 }", "when { 3 < context.level }"),
            (
                "unless { context.level < 4 }",
                "when { context.level >= 4 }",
            ),
            (
                "when { context.urgent || context.level > 3 }",
                "when { context.level > 3 || context.urgent }",
            ),
        ] {
            assert_eq!(
                codes(&pack(&[one, other])),
                ["same-rule"],
                "{one} / {other}"
            );
        }
    }

    #[test]
    fn what_may_be_missing_makes_two_rules_differ() {
        // The second fails where the resource is not described, even if the request is urgent.
        let rules = [
            "when { context.urgent || resource.tenant == principal.tenant }",
            "when { resource.tenant == principal.tenant || context.urgent }",
        ];
        assert!(codes(&pack(&rules)).is_empty());
    }

    #[test]
    fn a_rule_that_obliges_to_something_else_says_more() {
        let rule = |id: &str, note: &str| {
            format!(
                "@id(\"{id}\") @clause(\"small-read\") {note} permit (principal, action == Small::Action::\"read\", resource) when {{ context.urgent }};\n"
            )
        };
        let rules = |note: &str| rule("one", "@obligation(\"audit\")") + &rule("other", note);
        assert!(codes(&pack_of(&rules(""))).is_empty());
        assert_eq!(
            codes(&pack_of(&rules("@obligation(\"audit\")"))),
            ["same-rule"]
        );
    }
}
