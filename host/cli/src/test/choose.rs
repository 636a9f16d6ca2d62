//! Which cases are run.

use avow_compiler::cases::{Case, Ran};

/// Where several are given, one of each kind has to fit.
#[derive(clap::Args)]
pub(crate) struct Choice {
    /// Only cases whose name, file or clause contains this; may be given several times
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Only cases that expect a rule whose name contains this, or are decided by one; may be given several times
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Only cases about a clause whose id contains this; may be given several times
    #[arg(long, value_name = "CLAUSE")]
    clause: Vec<String>,
}

impl Choice {
    pub(crate) fn is_everything(&self) -> bool {
        let Self {
            filter,
            rule,
            clause,
        } = self;
        filter.is_empty() && rule.is_empty() && clause.is_empty()
    }

    /// Whether a case is worth running.
    pub(crate) fn wants(&self, case: &Case) -> bool {
        let text = one_of(&self.filter, |text| {
            case.name.contains(text)
                || case.file.contains(text)
                || case.clauses.iter().any(|clause| clause.contains(text))
        });
        text && one_of(&self.clause, |id| {
            case.clauses.iter().any(|clause| clause.contains(id))
        })
    }

    /// Whether a case that was run has to do with a chosen rule.
    pub(crate) fn wants_rule(&self, case: &Case, ran: &Ran) -> bool {
        let expected = case.expect.rules.iter().flatten();
        let failed = ran.verdict.failed.iter().map(|failed| &failed.rule);
        let rules: Vec<_> = expected.chain(&ran.verdict.rules).chain(failed).collect();
        one_of(&self.rule, |id| rules.iter().any(|rule| rule.contains(id)))
    }
}

/// Whether one of them fits, or there are none.
fn one_of(texts: &[String], fits: impl Fn(&str) -> bool) -> bool {
    texts.is_empty() || texts.iter().any(|text| fits(text))
}
