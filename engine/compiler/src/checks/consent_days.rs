//! `consent-days`: the cookie lives for another time than the choice in it counts.

use avow_engine::ext::parse_duration;

use super::view::View;
use crate::{finding::Finding, fix::Fix, manifest::MANIFEST, toml_place::entry};

/// The setting that says for how long a choice counts.
const SETTING: &str = "choice_lasts";
const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) fn run(view: &View<'_>, findings: &mut Vec<Finding>) {
    let manifest = &view.read.manifest;
    let lasts = manifest.settings.get(SETTING).and_then(toml::Value::as_str);
    let (Some(consent), Some(lasts)) = (&manifest.consent, lasts) else {
        return;
    };
    let Some(millis) = parse_duration(lasts.as_bytes()) else {
        return;
    };
    if i64::from(consent.days).checked_mul(DAY) == Some(millis) {
        return;
    }
    let text = view.sources.get(MANIFEST).unwrap_or_default();
    let span = entry(text, "consent", "days").map(|(_, value)| value);
    let message = format!(
        "the cookie lives for {} days, and a choice counts for {lasts} (`settings.{SETTING}`)",
        consent.days
    );
    let finding = view
        .sources
        .error("consent-days", MANIFEST, span.clone(), message)
        .warning()
        .with_help("say the same twice: `consent.days` is how long the browser keeps the choice");
    let fix = span
        .filter(|_| millis > 0 && millis % DAY == 0)
        .map(|span| Fix {
            title: format!("let the cookie live for {} days", millis / DAY),
            file: MANIFEST.to_owned(),
            span,
            replacement: (millis / DAY).to_string(),
        });
    findings.push(Finding { fix, ..finding });
}
