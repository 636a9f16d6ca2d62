//! Deletes the cookies that the rules do not allow to stay.
//!
//! Only what the catalogue describes, and of that only what a script can reach: HTTP-only cookies are expired by the host's
//! answers, a third party's only by itself. In a sandboxed page cookies throw: then there are none, and nothing here fails.

use alloc::string::String;

use avow_engine::{choice::cut, consent};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlDocument;

use crate::{Widget, instant};

#[wasm_bindgen]
impl Widget {
    /// Deletes them. The situation is the lines of `decide` up to the choice's cookie. The place is the page's protocol, host
    /// and path, one upon the other: `https:www.example.com/prices`.
    pub fn sweep(
        &mut self,
        document: &HtmlDocument,
        situation: &str,
        place: &str,
        now: f64,
        gpc: bool,
    ) {
        let Some(now) = instant(now) else {
            return;
        };
        let cookies = document.cookie().unwrap_or_default();
        let mut rest = cookies.as_str();
        while !rest.is_empty() {
            // They are parted by a semicolon and a blank.
            let mut cookie = cut(&mut rest, b';');
            let name = cut(&mut cookie, b'=');
            let name = name.strip_prefix(' ').unwrap_or(name);
            if consent::denies(&mut self.0, situation, ("cookie", name), now, gpc) {
                expire(document, name, place);
            }
        }
    }
}

/// Whoever set a cookie may have set it for the host or any domain above it, and for any folder in which the page lies; only
/// the same domain and path delete it.
fn expire(document: &HtmlDocument, name: &str, place: &str) {
    let mut path = place;
    // A name may oblige its cookie to be secure, and a page that is not secure may set none that are.
    let secure = match cut(&mut path, b':') {
        "https" => "=; Max-Age=0; Secure; Path=/",
        _ => "=; Max-Age=0; Path=/",
    };
    let mut domain = cut(&mut path, b'/');
    loop {
        // Last without a domain: for the host alone.
        let attribute = match domain {
            "" => "",
            _ => "; Domain=",
        };
        for end in 0..=path.len() {
            // A folder may have been written with the slash that ends it, or without.
            let Some((folder, rest)) = path.split_at_checked(end) else {
                continue;
            };
            let slash = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == b'/');
            if slash(folder.as_bytes().last()) || slash(rest.as_bytes().first()) {
                let mut cookie = String::new();
                for part in [name, secure, folder, attribute, domain] {
                    cookie.push_str(part);
                }
                // What the browser refuses it does not keep either.
                let _ = document.set_cookie(&cookie);
            }
        }
        if domain.is_empty() {
            return;
        }
        cut(&mut domain, b'.');
    }
}
