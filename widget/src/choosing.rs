//! A choice: which purposes and services it grants.

use alloc::{string::String, vec::Vec};

use avow_engine::{Choice, Question};

use crate::{
    record,
    visit::{Visit, essential, purposes, serving},
};

/// Records what was chosen for every optional purpose that the bundle offers.
pub(crate) fn choose(visit: &Visit, method: &str, grants: &dyn Fn(&str) -> bool) {
    let bundle = visit.bundle();
    let (mut granted, mut refused, mut services) = (Vec::new(), Vec::new(), Vec::new());
    for purpose in purposes(&bundle).filter(|purpose| !essential(purpose)) {
        let slug = purpose.id();
        if grants(slug) {
            granted.push(String::from(slug));
            services.extend(serving(&bundle, "Avow::Service", slug).map(|s| String::from(s.id())));
        } else {
            refused.push(String::from(slug));
        }
    }
    let choice = Choice {
        at: visit.now(),
        offer: String::from(bundle.meta("offer").unwrap_or_default()),
        granted,
        refused,
        objected: Vec::new(),
        services,
        method: String::from(method),
        language: visit.language.clone(),
        // Drawn anew for each choice: it names the record, not the visitor.
        id: visit.page.draw(),
    };
    drop(bundle);
    record::write(visit, &choice);
    *visit.choice.borrow_mut() = Some(choice);
}

/// What the recorded choice grants, unless it is one that the rules ask for anew: nothing is ticked for the visitor.
pub(crate) fn granted(visit: &Visit) -> Vec<String> {
    if visit.allows(&Question::Ask) {
        return Vec::new();
    }
    let choice = visit.choice.borrow();
    choice
        .as_ref()
        .map(|choice| choice.granted.clone())
        .unwrap_or_default()
}
