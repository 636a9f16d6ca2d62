//! `limbo`: a record that may neither stay nor go at some time, whatever its dates are.

use avow_engine::format::Cell;

use super::{
    facts::{RECORD_CLASS, Supposed},
    formula::{Atom, Formula},
    outvoted::is_outvoted,
    solve::refuted,
    view::View,
};
use crate::finding::Finding;

/// The clock, as formulas write it.
const NOW: &str = "context[\"now\"]";

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut types: Vec<&str> = view
        .asked
        .iter()
        .filter(|asked| view.is_in(&asked.action, &["retain"]))
        .map(|asked| asked.resource.as_str())
        .collect();
    types.sort_unstable();
    types.dedup();
    for of in types.iter().copied() {
        let purged = |asked: &&super::view::Asked| {
            asked.resource == of && view.is_in(&asked.action, &["purge"])
        };
        // A pack that never asks whether something may go has no limbo.
        if !view.asked.iter().any(|asked| purged(&asked)) {
            continue;
        }
        let unheld: Vec<(String, Cell)> = match view.requires(of, "holds") {
            true => vec![("holds".to_owned(), Cell::Set(Vec::new()))],
            false => Vec::new(),
        };
        if let Some(why) = limbo(view, of, &unheld) {
            let name = of.rsplit("::").next().unwrap_or(of);
            let message = format!("a `{name}` gets into limbo: {why}");
            findings.push(help(view.at_declaration("limbo", "entity", name, message)));
            continue;
        }
        let Some(attr) = view.class_attribute(of) else {
            continue;
        };
        for (file, _, slug, span) in
            (view.read.catalogue.entries()).filter(|(_, type_name, ..)| *type_name == RECORD_CLASS)
        {
            let class = Cell::Entity(RECORD_CLASS.to_owned(), slug.to_owned());
            let mut supposed = unheld.clone();
            supposed.push((attr.to_owned(), class));
            // A class that rules know of another type is that type's: nobody has a record of both.
            let known = |of: &str| {
                ["retain", "purge"]
                    .iter()
                    .any(|group| !permits(view, of, group, &supposed).is_empty())
            };
            let others = types.iter().filter(|other| **other != of);
            if !known(of) && others.copied().any(known) {
                continue;
            }
            if let Some(why) = limbo(view, of, &supposed) {
                let message = format!("a record of class `{slug}` gets into limbo: {why}");
                let finding = view
                    .sources
                    .error("limbo", file, Some(span), message)
                    .warning();
                findings.push(help(finding));
            }
        }
    }
}

fn help(finding: Finding) -> Finding {
    finding.with_help("let the permits of `purge` begin where those of `retain` end")
}

/// Why a record of which so much is known is in limbo at some time; none where that is not certain.
fn limbo(view: &View<'_>, of: &str, supposed: &[(String, Cell)]) -> Option<&'static str> {
    let stay = permits(view, of, "retain", supposed);
    let go = permits(view, of, "purge", supposed);
    match (stay.is_empty(), go.is_empty()) {
        (true, true) => Some("no permit lets it stay, and none lets it go"),
        (false, true) if stay.iter().all(ends) => {
            Some("every permit to stay ends, and none lets it go")
        }
        (true, false) if go.iter().all(begins) => {
            Some("no permit lets it stay, and those to go begin later")
        }
        _ => None,
    }
}

/// What has to hold for each permit of an action of the group that is not always outvoted.
fn permits(view: &View<'_>, of: &str, group: &str, supposed: &[(String, Cell)]) -> Vec<Formula> {
    let value = |expr: &_| view.value(Supposed::Has(supposed), expr);
    let asked = view
        .asked
        .iter()
        .filter(|asked| asked.resource == of && view.is_in(&asked.action, &[group]));
    asked
        .flat_map(|asked| {
            let rules = asked.rules.keys().filter_map(|number| view.rule(*number));
            rules
                .filter(|rule| !rule.lowered.forbids)
                .map(|rule| view.formula(rule, asked, Some(&value)))
                .filter(|permit| {
                    !refuted(&[permit]) && !is_outvoted(view, asked, permit, Some(&value))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Whether it is false from some instant on, whatever the dates are.
fn ends(formula: &Formula) -> bool {
    is_bound(formula, &|atom, holds| {
        matches!(atom, Atom::Less(a, b) if (holds && a.base == NOW && is_fixed(&b.base))
            || (!holds && b.base == NOW && is_fixed(&a.base)))
    })
}

/// Whether it is false up to some instant, whatever the dates are.
fn begins(formula: &Formula) -> bool {
    is_bound(formula, &|atom, holds| {
        matches!(atom, Atom::Less(a, b) if (!holds && a.base == NOW && is_fixed(&b.base))
            || (holds && b.base == NOW && is_fixed(&a.base)))
    })
}

/// Whether a value is none that the clock moves, or that whoever asks may choose.
fn is_fixed(base: &str) -> bool {
    !base.contains("context") && !base.contains("principal")
}

fn is_bound(formula: &Formula, bounds: &dyn Fn(&Atom, bool) -> bool) -> bool {
    match formula {
        Formula::All(parts) => parts.iter().any(|part| is_bound(part, bounds)),
        Formula::Any(parts) => parts.iter().all(|part| is_bound(part, bounds)),
        Formula::Fact(fact) => bounds(&fact.atom, fact.holds),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, pack};

    const SCHEMA: &str = "namespace Small {
        entity Job { @authoritative tenant: Tenant, @authoritative until: datetime };
        entity Copy {
          @authoritative tenant: Tenant,
          @authoritative class: Avow::RecordClass,
          @authoritative holds: Set<String>,
          @authoritative expires: datetime,
        };
        action retain in [Avow::Action::\"retain\"] appliesTo {
          principal: [Job], resource: [Copy],
          context: { @authoritative now: datetime, @authoritative tenant: Tenant, until: datetime },
        };
        action purge in [Avow::Action::\"purge\"] appliesTo {
          principal: [Job], resource: [Copy],
          context: { @authoritative now: datetime, @authoritative tenant: Tenant, until: datetime },
        };
      }";

    /// What is found where copies stay and go by these conditions.
    fn found(retain: &str, purge: &str, forbid: &str) -> Vec<&'static str> {
        let mut files = pack(&[]);
        let rule = |id: &str, effect: &str, action: &str, condition: &str| {
            format!(
                "@id(\"{id}\") @clause(\"small-read small-isolation\") {effect} (principal, action == Small::Action::\"{action}\", resource) when {{ {condition} }};"
            )
        };
        let rules = [
            rule(
                "read",
                "permit",
                "read",
                "principal.tenant == resource.tenant",
            ),
            rule("stay", "permit", "retain", retain),
            rule("held", "permit", "retain", "!resource.holds.isEmpty()"),
            rule("go", "permit", "purge", purge),
            rule("not", "forbid", "purge", forbid),
        ];
        files.insert("rules.cedar".to_owned(), rules.concat());
        files.insert("copies.cedarschema".to_owned(), SCHEMA.to_owned());
        if let Some(catalogue) = files.get_mut("catalogue.toml") {
            catalogue
                .push_str("\n[record.log]\ntitle = \"Log\"\n[record.bill]\ntitle = \"Bill\"\n");
        }
        codes(&files)
    }

    const STAYS: &str = "context.now < resource.expires";
    const GOES: &str = "context.now >= resource.expires";
    const HELD: &str = "!resource.holds.isEmpty()";

    #[test]
    fn a_class_that_may_never_go_is_in_limbo_once_it_may_not_stay() {
        let no_log = format!("{GOES} && resource.class == Avow::RecordClass::\"bill\"");
        assert_eq!(found(STAYS, &no_log, HELD), ["limbo"]);
        // The same by a forbid that always outvotes the permit.
        let log = "resource.class == Avow::RecordClass::\"log\"";
        assert_eq!(
            found(
                STAYS,
                GOES,
                &format!("{log} && context.now >= resource.expires")
            ),
            ["limbo"]
        );
    }

    #[test]
    fn a_class_that_may_never_stay_is_in_limbo_until_it_may_go() {
        let only_bills = format!("{STAYS} && resource.class == Avow::RecordClass::\"bill\"");
        assert_eq!(found(&only_bills, GOES, HELD), ["limbo"]);
    }

    #[test]
    fn what_may_not_be_in_limbo_is_not_reported() {
        assert!(found(STAYS, GOES, HELD).is_empty());
        // It stays for ever, so it need not go.
        let no_log = format!("{GOES} && resource.class == Avow::RecordClass::\"bill\"");
        assert!(found("principal.tenant == resource.tenant", &no_log, HELD).is_empty());
        // Whoever asks says until when, and may always say later.
        assert!(found("context.now < context.until", &no_log, HELD).is_empty());
        // Another job may have a later one.
        assert!(found("context.now < principal.until", &no_log, HELD).is_empty());
    }

    #[test]
    fn a_class_of_one_type_is_not_looked_for_among_records_of_another() {
        let mut files = pack(&[]);
        let second = SCHEMA
            .replacen("entity Job", "entity Clerk", 1)
            .replacen("entity Copy", "entity Note", 1)
            .replace("[Job], resource: [Copy]", "[Clerk], resource: [Note]")
            .replace("action retain", "action retain_note")
            .replace("action purge", "action purge_note");
        files.insert("copies.cedarschema".to_owned(), SCHEMA.to_owned());
        files.insert("notes.cedarschema".to_owned(), second);
        let rule = |id: &str, action: &str, condition: &str| {
            format!(
                "@id(\"{id}\") @clause(\"small-read small-isolation\") permit (principal, action == Small::Action::\"{action}\", resource) when {{ {condition} }};"
            )
        };
        let of = |class: &str, condition: &str| {
            format!("resource.class == Avow::RecordClass::\"{class}\" && {condition}")
        };
        let rules = [
            rule("read", "read", "principal.tenant == resource.tenant"),
            rule("stay", "retain", &of("log", STAYS)),
            rule("go", "purge", &of("log", GOES)),
            rule("note-stays", "retain_note", &of("bill", STAYS)),
            rule("note-goes", "purge_note", &of("bill", GOES)),
        ];
        files.insert("rules.cedar".to_owned(), rules.concat());
        if let Some(catalogue) = files.get_mut("catalogue.toml") {
            catalogue
                .push_str("\n[record.log]\ntitle = \"Log\"\n[record.bill]\ntitle = \"Bill\"\n");
        }
        assert!(!codes(&files).contains(&"limbo"), "{:?}", codes(&files));
    }
}
