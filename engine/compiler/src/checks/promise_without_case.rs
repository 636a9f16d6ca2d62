//! `promise-without-case`: a promise that a rule keeps, and cases do not show it from both sides.

use super::view::View;
use crate::{cases, finding::Finding, policies::promise_span};

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    for gap in cases::gaps(&view.read.promises, view.cases) {
        let message = format!("promise `{}` {}", gap.clause, gap.message);
        let span = promise_span(view.sources, &gap.clause);
        let finding = view
            .sources
            .error("promise-without-case", "promises.toml", span, message)
            .warning();
        findings.push(finding.with_help(
            "write cases under `tests/` that name it in `clauses`; `sides` says which outcomes it can have",
        ));
    }
}
