//! `outvoted`: a permit that never leads to an allow, because forbids apply wherever it does.

use super::{
    formula::{Formula, Value},
    solve::{contrary, follows, refuted},
    view::{Asked, View},
};
use crate::finding::Finding;

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for (number, rule) in view.rules() {
        let lives = view.lives.get(number).copied().unwrap_or_default();
        if rule.lowered.forbids || !lives || rule.chapter.is_some() {
            continue;
        }
        let outvoted = view
            .asked
            .iter()
            .filter_map(|asked| Some((asked, asked.rules.get(&number)?)))
            .all(|(asked, permit)| is_outvoted(view, asked, permit, None));
        if !outvoted {
            continue;
        }
        let id = &rule.lowered.id;
        let message = format!("permit `{id}` never leads to an allow: forbids always outvote it");
        let one = view.rules().find(|(other, forbid)| {
            forbid.lowered.forbids
                && view.asked.iter().all(|asked| {
                    match (asked.rules.get(&number), asked.rules.get(other)) {
                        (None, _) => true,
                        (Some(permit), Some(forbid)) => follows(permit, forbid),
                        (Some(_), None) => false,
                    }
                })
        });
        let help = match one {
            Some((_, forbid)) => format!(
                "`{}`, in {}, applies to the same requests",
                forbid.lowered.id, forbid.file
            ),
            None => "several forbids together apply to the same requests".to_owned(),
        };
        findings.push(view.at_rule("outvoted", rule, message).with_help(help));
    }
}

/// Whether a forbid applies, or fails, wherever the formula is true; of some expressions the value may be known.
pub(super) fn is_outvoted(
    view: &View<'_>,
    asked: &Asked,
    permit: &Formula,
    value: Option<&Value<'_>>,
) -> bool {
    let others: Vec<Formula> = asked
        .rules
        .keys()
        .filter_map(|number| view.rule(*number))
        .filter(|rule| rule.lowered.forbids)
        .map(|rule| contrary(&view.formula(rule, asked, value)))
        .collect();
    let mut all: Vec<&Formula> = others.iter().collect();
    all.push(permit);
    refuted(&all)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack_of};

    fn rules(permit: &str, forbids: &[&str]) -> String {
        let scope = "(principal, action == Small::Action::\"read\", resource)";
        let mut out =
            format!("@id(\"p\") @clause(\"small-read\") permit {scope} when {{ {permit} }};");
        for (number, forbid) in forbids.iter().enumerate() {
            out.push_str(&format!(
                "@id(\"f{number}\") @clause(\"small-isolation\") forbid {scope} when {{ {forbid} }};"
            ));
        }
        out
    }

    #[test]
    fn one_forbid_or_several_outvote_a_permit() {
        for (permit, forbids) in [
            (
                "context.urgent && context.level > 3",
                &["context.urgent"] as &[&str],
            ),
            (
                "context.urgent",
                &["context.level > 3", "context.level <= 3"],
            ),
            ("context.reason == \"a\"", &["context.reason != \"b\""]),
        ] {
            assert_eq!(
                codes(&pack_of(&rules(permit, forbids))),
                ["outvoted"],
                "{permit}"
            );
        }
    }

    #[test]
    fn a_gap_between_forbids_is_left_to_the_permit() {
        let rules = rules(
            "context.urgent",
            &["context.level > 3", "context.level < 3"],
        );
        assert!(codes(&pack_of(&rules)).is_empty());
    }
}
