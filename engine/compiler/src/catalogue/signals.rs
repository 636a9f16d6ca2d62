//! `[signals.google]` and `[signals.microsoft]`: which purposes stand behind what these tags ask for. Neither the rules nor the
//! bundle know of it, and it is no part of the offer: what a visitor is asked about are the purposes.

use std::{collections::BTreeMap, ops::Range};

use toml::de::DeValue;

use super::{Catalogue, entries};
use crate::{
    finding::{Finding, Sources},
    suggest::way_out,
};

/// The table.
pub(super) const SIGNALS: &str = "signals";

/// The types of Google's Consent Mode, version 2.
pub const GOOGLE_TYPES: [&str; 7] = [
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
];

/// Receivers, and the types of consent that each knows: Google's Consent Mode and Microsoft's UET.
const KNOWN: [(&str, &[&str]); 2] = [("google", &GOOGLE_TYPES), ("microsoft", &["ad_storage"])];

/// By receiver and by type of consent, the purposes that must all be allowed for it to be granted: one at least.
pub type Signals = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// One type of consent, as a file has it.
#[derive(Debug)]
pub(super) struct Signal {
    file: String,
    receiver: &'static str,
    of: &'static str,
    span: Range<usize>,
    purposes: Vec<(String, Range<usize>)>,
}

impl Catalogue {
    pub(super) fn signals_of(
        &mut self,
        file: &str,
        value: &toml::Spanned<DeValue<'_>>,
        wrong: &mut impl FnMut(Range<usize>, String, Option<String>),
    ) {
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            wrong(value.span(), format!("`{SIGNALS}` is not a table"), None);
        }
        for (name, types) in entries(value.get_ref()) {
            let written: &str = name.get_ref();
            let Some((receiver, known)) = KNOWN.iter().find(|(known, _)| *known == written) else {
                let message = format!("nobody called `{written}` takes signals");
                let all = KNOWN.iter().map(|(known, _)| *known);
                wrong(name.span(), message, Some(way_out(written, all)));
                continue;
            };
            if !matches!(types.get_ref(), DeValue::Table(_)) {
                let message = format!("`{SIGNALS}.{receiver}` is not a table");
                wrong(types.span(), message, None);
            }
            for (name, purposes) in entries(types.get_ref()) {
                let written: &str = name.get_ref();
                let Some(of) = known.iter().find(|known| **known == written) else {
                    let message = format!("`{receiver}` has no type of consent `{written}`");
                    let all = known.iter().copied();
                    wrong(name.span(), message, Some(way_out(written, all)));
                    continue;
                };
                if let Some(purposes) = slugs(purposes, written, wrong) {
                    self.signals.push(Signal {
                        file: file.to_owned(),
                        receiver,
                        of,
                        span: name.span(),
                        purposes,
                    });
                }
            }
        }
    }

    /// What does not fit the rest of the catalogue: purposes that it has not, and types that two files give.
    pub(super) fn check_signals(&self, sources: &Sources<'_>, findings: &mut Vec<Finding>) {
        let known: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.type_name == "Avow::Purpose")
            .map(|row| row.slug.as_str())
            .collect();
        let mut seen = BTreeMap::new();
        for signal in &self.signals {
            let Signal {
                file,
                receiver,
                of,
                span,
                purposes,
            } = signal;
            if let Some(other) = seen.insert((receiver, of), file) {
                let message = format!("`{SIGNALS}.{receiver}.{of}` is in {other} too");
                findings.push(sources.error("catalogue-twice", file, Some(span.clone()), message));
            }
            for (purpose, span) in purposes {
                if known.contains(&purpose.as_str()) {
                    continue;
                }
                let message = format!(
                    "`{SIGNALS}.{receiver}.{of}` names purpose `{purpose}`, which the catalogue does not have"
                );
                let finding =
                    sources.error("catalogue-reference", file, Some(span.clone()), message);
                findings.push(finding.with_help(way_out(purpose, known.iter().copied())));
            }
        }
    }

    /// What the tags of a page are told.
    pub(crate) fn signals(&self) -> Signals {
        let mut out = Signals::new();
        for signal in &self.signals {
            let purposes = signal.purposes.iter().map(|(slug, _)| slug.clone());
            out.entry(signal.receiver.to_owned())
                .or_default()
                .insert(signal.of.to_owned(), purposes.collect());
        }
        out
    }
}

/// Slugs of purposes. An empty list would be granted to everybody: nothing is missing from it.
fn slugs(
    value: &toml::Spanned<DeValue<'_>>,
    of: &str,
    wrong: &mut impl FnMut(Range<usize>, String, Option<String>),
) -> Option<Vec<(String, Range<usize>)>> {
    let help = || Some("write the slugs of purposes, such as `[\"analytics\"]`".to_owned());
    let DeValue::Array(items) = value.get_ref() else {
        let message = format!("`{of}` is no list of purposes");
        wrong(value.span(), message, help());
        return None;
    };
    if items.is_empty() {
        let message = format!("`{of}` names no purpose");
        let help = "take the line out: what is not named is denied to everybody";
        wrong(value.span(), message, Some(help.to_owned()));
        return None;
    }
    let mut out: Vec<(String, Range<usize>)> = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::String(slug) if out.iter().any(|(other, _)| other == slug) => {
                wrong(item.span(), format!("`{slug}` is there twice"), None);
            }
            DeValue::String(slug) => out.push((slug.to_string(), item.span())),
            _ => wrong(
                item.span(),
                format!("`{of}` is no list of purposes"),
                help(),
            ),
        }
    }
    Some(out)
}
