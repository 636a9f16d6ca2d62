//! The choice in its cookie, and its way to the ledger.

use alloc::string::String;

use avow_engine::{Bundle, Choice};
use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlDocument};

use crate::visit::Visit;

/// The recorded choice; none where there is none, it cannot be read, or it makes no sense.
pub(crate) fn read(bundle: &Bundle, document: &Document) -> Option<Choice> {
    let name = bundle.meta("consent.cookie")?;
    let cookies = cookies(document);
    each(&cookies).find_map(|(found, value)| {
        (found == name).then(|| Choice::parse(value))?
    })
}

/// Keeps a choice. Where cookies are refused it lasts as long as the page, and the next one asks again.
pub(crate) fn write(visit: &Visit, choice: &Choice) {
    let value = choice.to_cookie();
    let bundle = visit.bundle();
    let digest = *bundle.digest();
    if let (Some(name), Some(days)) = (bundle.meta("consent.cookie"), bundle.meta("consent.days")) {
        let days = days.parse::<u32>().unwrap_or(0);
        let mut cookie = String::from(name);
        cookie.push('=');
        cookie.push_str(&value);
        cookie.push_str("; Path=/; SameSite=Lax; Max-Age=");
        push_number(&mut cookie, u64::from(days) * 86_400);
        if visit.page.secure() {
            cookie.push_str("; Secure");
        }
        set_cookie(&visit.document, &cookie);
    }
    // Let go of before the page's side runs.
    drop(bundle);
    visit.page.post(&value, &digest);
}

/// The page's cookies as the browser tells them; empty where it refuses to.
pub(crate) fn cookies(document: &Document) -> String {
    document
        .unchecked_ref::<HtmlDocument>()
        .cookie()
        .unwrap_or_default()
}

/// Name and value of each cookie.
pub(crate) fn each(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    cookies.split(';').map(|cookie| {
        let cookie = cookie.trim_ascii_start();
        cookie.split_once('=').unwrap_or((cookie, ""))
    })
}

pub(crate) fn set_cookie(document: &Document, cookie: &str) {
    // Fails where cookies are refused altogether, and then nothing else would help either.
    let _ = document.unchecked_ref::<HtmlDocument>().set_cookie(cookie);
}

/// `core::fmt` would do it in a kilobyte.
fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}
