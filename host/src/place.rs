//! Where a visitor is, by headers of a trusted proxy and by what a catalogue declares.
//!
//! Whatever is not clear is no place: rules take a place that they do not know for the strictest.

use avow_engine::Bundle;
use http::{HeaderMap, HeaderName};

/// The type of the catalogue's places.
const JURISDICTION: &str = "Avow::Jurisdiction";

/// The headers in which a proxy says where a visitor is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `DE`, or a whole code: `US-CA`.
    pub(crate) country: HeaderName,
    /// `CA`, or a whole code.
    pub(crate) region: Option<HeaderName>,
}

impl Place {
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        [Some(&self.country), self.region.as_ref()]
            .into_iter()
            .flatten()
    }

    /// The code of ISO 3166 that the headers say, in lower case; none where they are not clear.
    pub(crate) fn read(&self, bundle: &Bundle, headers: &HeaderMap) -> Option<String> {
        let country = word(headers, &self.country)?;
        if !is_code(&country) {
            return None;
        }
        let Some(header) = &self.region else {
            return Some(country);
        };
        let region = word(headers, header)?;
        if region.is_empty() {
            // A part of that country may have rules of its own, and this could be the part.
            let known = country.contains('-') || !has_parts(bundle, &country);
            return known.then_some(country);
        }
        let whole = if region.contains('-') {
            region
        } else {
            let country = country.split('-').next().unwrap_or_default();
            format!("{country}-{region}")
        };
        let agrees = whole
            .strip_prefix(&country)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        (agrees && is_code(&whole)).then_some(whole)
    }
}

/// The code in lower case where the catalogue declares it, else its country where that is declared, else nothing.
pub(crate) fn declared(bundle: &Bundle, code: &str) -> String {
    let code = code.to_ascii_lowercase();
    let country = code.split('-').next().unwrap_or_default();
    [code.as_str(), country]
        .into_iter()
        .find(|code| bundle.entity(JURISDICTION, code).is_some())
        .unwrap_or_default()
        .to_owned()
}

/// O(jurisdictions of the catalogue); only where a region is missing.
fn has_parts(bundle: &Bundle, country: &str) -> bool {
    bundle.entities(JURISDICTION).any(|entity| {
        let rest = entity.id().strip_prefix(country);
        rest.is_some_and(|rest| rest.starts_with('-'))
    })
}

/// What a header says, in lower case, and empty where it is not there. None where it is there twice, or is no text: one of two
/// was not written by who wrote the other.
fn word(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Some(String::new());
    };
    if values.next().is_some() {
        return None;
    }
    Some(first.to_str().ok()?.trim().to_ascii_lowercase())
}

/// Whether a text looks like a code of ISO 3166-1 alpha-2 or 3166-2, in lower case.
fn is_code(text: &str) -> bool {
    let (country, region) = match text.split_once('-') {
        Some((country, region)) => (country, Some(region)),
        None => (text, None),
    };
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_lowercase())
        && region.is_none_or(|region| {
            (1..=3).contains(&region.len())
                && region.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}
