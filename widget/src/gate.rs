//! Lets blocked scripts run, once and in order, when the engine allows their service or purpose.
//!
//! A blocked script is `<script type="text/plain" data-service="…">` (or `data-purpose`), `data-type` naming the type that it
//! really has. The same element is used, because a copy would lose its nonce, and under Trusted Types its text as well.

use alloc::string::String;

use avow_engine::Question;
use wasm_bindgen::JsCast;
use web_sys::HtmlScriptElement;

use crate::visit::Visit;

const BLOCKED: &str =
    r#"script[type="text/plain"][data-service],script[type="text/plain"][data-purpose]"#;
const NAMES: [&str; 2] = ["data-service", "data-purpose"];

/// Runs what is allowed, in the order of the document. Never fails: a script that throws takes none of the others with it.
pub(crate) fn run(visit: &Visit) {
    let Ok(blocked) = visit.document.query_selector_all(BLOCKED) else {
        return;
    };
    for at in 0..blocked.length() {
        let Some(script) = blocked.get(at) else {
            continue;
        };
        let script: HtmlScriptElement = script.unchecked_into();
        if !may_run(visit, &script) {
            continue;
        }
        let apart = script.has_attribute("async");
        let remote = script.has_attribute("src");
        // The browser keeps remote scripts in order among themselves; one with its text in the page would overtake them.
        if !remote && visit.pending.get() > 0 {
            return;
        }
        remember(visit, &script);
        if remote && !apart && !script.has_attribute("data-type") {
            visit.pending.set(visit.pending.get() + 1);
            visit.page.await_script(&script);
        }
        activate(&script, apart);
    }
}

/// Whether something has run on this page that may no longer.
pub(crate) fn outlived(visit: &Visit) -> bool {
    let ran = visit.ran.borrow();
    ran.iter().any(|(name, slug)| !allowed(visit, name, slug))
}

/// A script that names both its service and its purpose needs both.
fn may_run(visit: &Visit, script: &HtmlScriptElement) -> bool {
    NAMES.iter().all(|name| {
        script
            .get_attribute(name)
            .is_none_or(|slug| allowed(visit, name, &slug))
    })
}

fn allowed(visit: &Visit, name: &str, slug: &str) -> bool {
    visit.allows(&if name == "data-service" {
        Question::Load(slug)
    } else {
        Question::Process(slug)
    })
}

fn remember(visit: &Visit, script: &HtmlScriptElement) {
    for name in NAMES {
        if let Some(slug) = script.get_attribute(name) {
            let entry: (&'static str, String) = (name, slug);
            let mut ran = visit.ran.borrow_mut();
            if !ran.contains(&entry) {
                ran.push(entry);
            }
        }
    }
}

fn activate(script: &HtmlScriptElement, apart: bool) {
    let Some(parent) = script.parent_node() else {
        return;
    };
    let next = script.next_sibling();
    // An element that the parser has passed over counts as asynchronous until told otherwise.
    script.set_async(apart);
    let _ = match script.get_attribute("data-type") {
        Some(real) => script.set_attribute("type", &real),
        None => script.remove_attribute("type"),
    };
    let _ = parent.remove_child(script);
    let _ = parent.insert_before(script, next.as_ref());
}
