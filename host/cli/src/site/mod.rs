//! What a site serves: the widget's files, with what the page needs to know of the pack written into them.
//!
//! It is done when a site is built, so that no browser has to look for anything in two places, and so that a returning visitor
//! needs neither the engine nor the bundle.

mod catalogue;
mod constants;
mod cookie;
mod embed;
mod first_layer;
mod quiet;

use std::borrow::Cow;

use avow_compiler::{Compiled, Target};
use avow_engine::Bundle;

use crate::{
    widget_files,
    words::{self, Words},
};
use catalogue::Catalogue;
use constants::{Guard, Offer, Site};
pub(crate) use embed::{Embed, inline, styled, tag};

const PURPOSE: &str = "Avow::Purpose";
const SERVICE: &str = "Avow::Service";
const STORAGE: &str = "Avow::Storage";

/// Free identifiers of the scripts, and what a build puts in place of them.
const SITE: &str = "AVOW_SITE";
const OFFER: &str = "AVOW_OFFER";
const GUARD: &str = "AVOW_GUARD";

/// Names and bytes.
pub(crate) type Files = Vec<(String, Cow<'static, [u8]>)>;

/// The widget's files for a pack and its bundle for browsers, with the whole engine or the lean one.
///
/// # Errors
/// What nobody would ever read, or what would not be what the pack says.
pub(crate) fn files(compiled: &Compiled, bundle: &[u8], whole: bool) -> Result<Files, String> {
    let load = |bytes| Bundle::load(bytes).map_err(|error| error.to_string());
    let bundle = load(bundle.to_vec())?;
    let whole_bundle = load(compiled.bundle(Target::Server))?;
    let words = Words::of(compiled)?;
    let site = Site::of(compiled, &whole_bundle, &bundle, &words)?;
    let catalogue = serde_json::to_vec(&Catalogue::of(compiled, &whole_bundle))
        .map_err(|error| error.to_string())?;
    let mut out = Files::from([("catalogue.json".to_owned(), Cow::Owned(catalogue))]);
    for (name, bytes) in widget_files::files(whole) {
        let bytes = if name == "avow.js" {
            Cow::Owned(filled(name, bytes, SITE, &site)?)
        } else if name == "avow-widget.js" {
            Cow::Owned(filled(
                name,
                bytes,
                OFFER,
                &Offer::of(compiled, &whole_bundle),
            )?)
        } else if name == "avow-guard.js" {
            Cow::Owned(filled(
                name,
                bytes,
                GUARD,
                &Guard::of(compiled, &whole_bundle),
            )?)
        } else if let Some(language) = name.strip_suffix(".json") {
            let [first, more] = words.files(language)?;
            out.push((format!("{language}.more.json"), Cow::Owned(more)));
            Cow::Owned(first)
        } else if name == "avow.css" {
            Cow::Owned([bytes, compiled.theme.sheet.as_bytes()].concat())
        } else {
            Cow::Borrowed(bytes)
        };
        out.push((name.to_owned(), bytes));
    }
    Ok(out)
}

/// The first layer as static HTML, in each language.
///
/// # Errors
/// As [`files`]; and for a pack that asks nobody anything.
pub(crate) fn first_layers(compiled: &Compiled) -> Result<Files, String> {
    if compiled.manifest.consent.is_none() {
        return Err("the pack has no [consent], so there is no first layer".to_owned());
    }
    let words = Words::of(compiled)?;
    words::languages()
        .map(|language| {
            let html = first_layer::html(language, &words.language(language)?)?;
            let name = format!("first-layer/{language}.html");
            Ok((name, Cow::Owned(html.into_bytes())))
        })
        .collect()
}

/// Whether all of them could be written, and what somebody should look at.
///
/// # Errors
/// As [`files`].
pub(crate) fn check(compiled: &Compiled) -> Result<Option<String>, String> {
    let bundle = compiled.bundle(Target::Browser);
    files(compiled, &bundle, false)?;
    warning(compiled, &bundle)
}

/// What somebody should look at before the site is served.
///
/// # Errors
/// A choice that could not be remembered.
pub(crate) fn warning(compiled: &Compiled, bundle: &[u8]) -> Result<Option<String>, String> {
    let bundle = Bundle::load(bundle.to_vec()).map_err(|error| error.to_string())?;
    cookie::check(compiled, &bundle)
}

/// A text in HTML, in an attribute or outside of one.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A script with a value in place of the one identifier that stands for it.
fn filled(
    name: &str,
    script: &[u8],
    mark: &str,
    value: &impl serde::Serialize,
) -> Result<Vec<u8>, String> {
    let script = String::from_utf8_lossy(script);
    let mut parts = script.split(mark);
    let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("the widget's {name} has not one `{mark}`"));
    };
    // It may stand in a page, too, where `<` could end the script.
    let value = serde_json::to_string(value)
        .map_err(|error| error.to_string())?
        .replace('<', "\\u003c");
    Ok(format!("{before}{value}{after}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::{SITE, filled};

    #[test]
    fn a_value_stands_where_its_mark_stood_and_cannot_end_a_script() {
        let value = serde_json::json!({ "policy": "</script><!--" });
        assert_eq!(
            filled("avow.js", b"const a=AVOW_SITE;b()", SITE, &value).as_deref(),
            Ok(br#"const a={"policy":"\u003c/script>\u003c!--"};b()"#.as_slice())
        );
    }

    #[test]
    fn a_script_with_no_mark_or_two_is_not_written() {
        for script in ["b()", "AVOW_SITE;AVOW_SITE"] {
            assert_eq!(
                filled("avow.js", script.as_bytes(), SITE, &1),
                Err("the widget's avow.js has not one `AVOW_SITE`".to_owned())
            );
        }
    }
}
