//! What the visitor's choice does not let the page keep.
//!
//! Only what the catalogue describes, and of that only what a script can reach: HTTP-only cookies are expired by the host's
//! answers, a third party's only by itself.

use alloc::string::String;

use avow_engine::Question;

use crate::visit::{Visit, essential};

/// Whether a cookie or storage key may stay: nobody knows it, it is essential, or its purpose is allowed now.
pub(crate) fn keeps(visit: &Visit, kind: &str, name: &str) -> bool {
    optional_purpose(visit, kind, name)
        .is_none_or(|purpose| visit.allows(&Question::Process(&purpose)))
}

/// Owned, because the engine answers nothing while its bundle is borrowed.
fn optional_purpose(visit: &Visit, kind: &str, name: &str) -> Option<String> {
    let bundle = visit.bundle();
    let storage = bundle.entity("Avow::Storage", bundle.storage(kind, name)?)?;
    let slug = storage.attr("purpose")?.as_entity_id()?;
    let purpose = bundle.entity("Avow::Purpose", slug)?;
    (!essential(&purpose)).then(|| String::from(slug))
}
