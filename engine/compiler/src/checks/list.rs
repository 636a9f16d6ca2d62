//! Every code there is.

use super::{
    Check, attested_without_fact, chapter_unjoined, consent_days, limbo, moving_time,
    never_applies, outvoted, policy_digest, promise_without_case, retain_forbidden,
    rule_without_id, same_rule, setting_unread, shadowed, tenant, ungoverned, unused,
};
use crate::finding::Severity::{Error, Warning};

macro_rules! check {
    // Found while the pack is compiled.
    ($code:literal, $title:literal) => {
        check!($code, Error, $title, None, false)
    };
    ($code:literal, $severity:expr, $title:literal) => {
        check!($code, $severity, $title, None, false)
    };
    ($code:literal, $severity:expr, $title:literal, $run:path) => {
        check!($code, $severity, $title, Some($run), false)
    };
    ($code:literal, $severity:expr, $title:literal, $run:path, fixes) => {
        check!($code, $severity, $title, Some($run), true)
    };
    ($code:literal, $severity:expr, $title:literal, $run:expr, $fixes:literal) => {
        Check {
            code: $code,
            title: $title,
            severity: $severity,
            fixes: $fixes,
            page: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../docs/checks/",
                $code,
                ".md"
            )),
            run: $run,
        }
    };
}

/// All checks: first what stops a pack from compiling, then what is looked for in one that compiles.
pub const CHECKS: &[Check] = &[
    check!("manifest", "`avow.toml` is missing or cannot be read"),
    check!("theme", "a theme cannot be read, or favours one answer"),
    check!("schema", "the schema is missing or wrong"),
    check!("policy-syntax", "a rule is not Cedar"),
    check!("link", "a link of a template is wrong"),
    check!("duplicate-id", "two rules have one name"),
    check!(
        "chapter",
        "a chapter that is taken does not exist, or keeps no promise"
    ),
    check!("not-lowered", "the engine has no code for an expression"),
    check!(
        "validation",
        "Cedar's validator refuses a rule, or warns of it"
    ),
    check!(
        "promises",
        "`promises.toml` cannot be read, or a promise is incomplete"
    ),
    check!(
        "catalogue",
        "`catalogue.toml` cannot be read, or does not fit the schema"
    ),
    check!("catalogue-twice", "an entry stands in two catalogues"),
    check!("catalogue-overlap", "two entries are about one cookie"),
    check!(
        "catalogue-reference",
        "an entry names another one that is not there"
    ),
    check!("catalogue-derived", "a derived date is wrong"),
    check!("settings", "the settings do not fit the schema"),
    check!(
        "not-in-catalogue",
        "a rule is about something that the catalogue does not have"
    ),
    check!("rule-without-clause", "a rule keeps no promise"),
    check!(
        "unknown-clause",
        "a rule cites a promise that does not exist"
    ),
    check!(
        "promise-without-rule",
        "a promise is kept by a rule, and none cites it"
    ),
    check!("case", "a case cannot be read"),
    check!("case-duplicate", "two cases of a file have one name"),
    check!("case-refused", "a case asks what the schema does not admit"),
    check!(
        "case-unknown",
        "a case names a rule, promise or obligation that the pack has not"
    ),
    check!(
        "case-unused",
        Warning,
        "no case uses an entity or a context that is there for all"
    ),
    check!("unread", "a file has a name by which nothing reads it"),
    check!("mutants", "`mutants.toml` is wrong"),
    check!("measure", "coverage or mutants cannot be measured"),
    check!(
        "retain-forbidden",
        Error,
        "a forbid on `retain` outvotes a hold",
        retain_forbidden::run
    ),
    check!(
        "tenant-missing",
        Error,
        "data of a tenant may be without one",
        tenant::missing
    ),
    check!(
        "never-applies",
        Warning,
        "no request meets a rule",
        never_applies::run
    ),
    check!(
        "same-rule",
        Warning,
        "two rules say the same",
        same_rule::run,
        fixes
    ),
    check!(
        "shadowed",
        Warning,
        "a rule adds nothing to another one",
        shadowed::run
    ),
    check!(
        "outvoted",
        Warning,
        "a permit never leads to an allow",
        outvoted::run
    ),
    check!(
        "rule-without-id",
        Warning,
        "a rule has no name of its own",
        rule_without_id::run,
        fixes
    ),
    check!(
        "promise-without-case",
        Warning,
        "no cases show that a promise is kept",
        promise_without_case::run
    ),
    check!(
        "attested-without-fact",
        Warning,
        "a promise is attested, and nobody is asked",
        attested_without_fact::run
    ),
    check!(
        "ungoverned",
        Warning,
        "no rule is about an entry of the catalogue",
        ungoverned::run
    ),
    check!(
        "limbo",
        Warning,
        "a record may neither stay nor go",
        limbo::run
    ),
    check!(
        "tenant-guarded",
        Warning,
        "a forbid does not apply to what has no tenant",
        tenant::guarded
    ),
    check!(
        "not-isolated",
        Warning,
        "no forbid keeps tenants apart",
        tenant::not_isolated
    ),
    check!(
        "moving-time",
        Warning,
        "`until` cannot follow a use of the clock",
        moving_time::run
    ),
    check!(
        "consent-days",
        Warning,
        "the cookie and the choice in it last for different times",
        consent_days::run,
        fixes
    ),
    check!(
        "chapter-unjoined",
        Warning,
        "a chapter is taken, and no action is in its groups",
        chapter_unjoined::run
    ),
    check!(
        "setting-unread",
        Warning,
        "no rule reads a setting",
        setting_unread::run
    ),
    check!(
        "type-unused",
        Warning,
        "nothing is about a type of the schema",
        unused::types
    ),
    check!(
        "action-without-rule",
        Warning,
        "no rule permits an action, and no case shows it denied",
        unused::actions
    ),
    check!(
        "policy-digest",
        Warning,
        "the digest of the published text is none",
        policy_digest::run
    ),
];
