//! The choice in its cookie, and on its way to the ledger.

use avow_engine::{Bundle, Choice};

use crate::{page::Page, visit::Visit};

/// The recorded choice; none where there is none, it cannot be read, or it makes no sense.
pub(crate) fn read(bundle: &Bundle, page: &Page) -> Option<Choice> {
    Choice::parse(&page.cookie(bundle.meta("consent.cookie")?)?)
}

/// Keeps a choice. Where cookies are refused it lasts as long as the page, and the next one asks again.
pub(crate) fn write(visit: &Visit, choice: &Choice) {
    let bundle = visit.bundle();
    if let (Some(name), Some(days)) = (bundle.meta("consent.cookie"), bundle.meta("consent.days")) {
        visit
            .page
            .keep(name, &choice.to_cookie(), days, bundle.digest());
    }
}
