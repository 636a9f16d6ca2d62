//! Deletes what the visitor's choice does not let the page keep.
//!
//! Only what the catalogue describes, and of that only what a script can reach: HTTP-only cookies are expired by the host's
//! answers, a third party's only by itself.

use alloc::{string::String, vec::Vec};

use avow_engine::{Bundle, Question};

use crate::{
    record,
    visit::{Visit, essential},
};

/// Deletes cookies and storage of every purpose that is not allowed now.
pub(crate) fn sweep(visit: &Visit) {
    let denied = denied(visit);
    if denied.is_empty() {
        return;
    }
    let host = visit.page.host();
    let cookies = record::cookies(&visit.document);
    for (name, _) in record::each(&cookies) {
        if serves(&visit.bundle(), "cookie", name, &denied) {
            expire(visit, name, &host);
        }
    }
    for (kind, area) in [("local", "localStorage"), ("session", "sessionStorage")] {
        let Some(storage) = visit.page.storage(area) else {
            continue;
        };
        // From the last, because a removal moves those behind it.
        for at in (0..storage.length().unwrap_or(0)).rev() {
            if let Ok(Some(key)) = storage.key(at)
                && serves(&visit.bundle(), kind, &key, &denied)
            {
                let _ = storage.remove_item(&key);
            }
        }
    }
}

fn denied(visit: &Visit) -> Vec<String> {
    let slugs: Vec<String> = visit
        .bundle()
        .entities("Avow::Purpose")
        .filter(|purpose| !essential(purpose))
        .map(|purpose| String::from(purpose.id()))
        .collect();
    slugs
        .into_iter()
        .filter(|slug| !visit.allows(&Question::Process(slug)))
        .collect()
}

fn serves(bundle: &Bundle, kind: &str, name: &str, denied: &[String]) -> bool {
    let purpose = || {
        let id = bundle.storage(kind, name)?;
        bundle
            .entity("Avow::Storage", id)?
            .attr("purpose")?
            .as_entity_id()
    };
    purpose().is_some_and(|purpose| denied.iter().any(|slug| slug == purpose))
}

/// Whoever set a cookie may have set it for the host or for any domain above it, and only the same domain deletes it.
fn expire(visit: &Visit, name: &str, host: &str) {
    let expire_for = |domain: &str| {
        let mut cookie = String::from(name);
        cookie.push_str("=; Path=/; Max-Age=0");
        if visit.page.secure() {
            cookie.push_str("; Secure");
        }
        if !domain.is_empty() {
            cookie.push_str("; Domain=");
            cookie.push_str(domain);
        }
        record::set_cookie(&visit.document, &cookie);
    };
    expire_for("");
    let mut domain = Some(host);
    while let Some(here) = domain {
        expire_for(here);
        domain = here.split_once('.').map(|(_, above)| above);
    }
}
