//! What the loader knows of a site before anything is fetched.

use std::{cmp::Reverse, collections::BTreeMap};

use avow_compiler::{Compiled, GOOGLE_TYPES};
use avow_engine::{Bundle, Entity};
use serde::Serialize;

use super::{PURPOSE, SERVICE, catalogue::purpose, quiet::quiet};
use crate::words::Words;

/// Digits of the bundle's digest by which a remembered decision is known to be of this bundle.
const DIGEST_DIGITS: usize = 12;

/// Signal types and the purposes that each of them needs.
type Signals<'a> = BTreeMap<&'a str, &'a [String]>;

/// In place of `AVOW_SITE`: what the loader knows before anything is fetched.
#[derive(Serialize)]
pub(super) struct Site<'a> {
    /// Digest of the bundle that the site serves, in hexadecimal, cut short: a decision that was kept is of this bundle or none.
    bundle: String,
    /// Not there for a pack that keeps no choices: then nothing is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<&'a str>,
    /// Of the widget's languages, the one that speaks where neither page nor browser names any.
    language: &'static str,
    quiet: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    google: Option<Signals<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft: Option<Signals<'a>>,
}

impl<'a> Site<'a> {
    pub(super) fn of(
        compiled: &'a Compiled,
        whole: &Bundle,
        bundle: &Bundle,
        words: &Words<'a>,
    ) -> Result<Self, String> {
        let digest = bundle.digest().iter();
        let digest: String = digest.map(|byte| format!("{byte:02x}")).collect();
        let signals = |of: &str| {
            let signals = compiled.signals.get(of)?;
            Some(
                signals
                    .iter()
                    .map(|(name, ids)| (name.as_str(), ids.as_slice())),
            )
        };
        // Each type is refused first, also one that the catalogue grants to nobody.
        let google = signals("google").map(|signals| {
            let all = GOOGLE_TYPES.into_iter().map(|name| (name, [].as_slice()));
            all.chain(signals).collect()
        });
        Ok(Self {
            bundle: digest.chars().take(DIGEST_DIGITS).collect(),
            cookie: cookie(compiled),
            language: words.last(),
            quiet: quiet(whole, bundle)?,
            google,
            microsoft: signals("microsoft").map(Iterator::collect),
        })
    }
}

/// In place of `AVOW_OFFER`: what is offered, and how a choice is kept.
#[derive(Serialize)]
pub(super) struct Offer<'a> {
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    offer: &'a str,
    /// In the order in which a visitor is shown them.
    purposes: Vec<&'a str>,
    /// Each with its purpose.
    services: BTreeMap<&'a str, &'a str>,
    /// Purposes that a visitor who rejects has refused.
    asked: Vec<&'a str>,
}

impl<'a> Offer<'a> {
    pub(super) fn of(compiled: &'a Compiled, whole: &'a Bundle) -> Self {
        let consent = compiled.manifest.consent.as_ref();
        let purposes = shown(whole, PURPOSE);
        Self {
            namespace: &compiled.manifest.pack.namespace,
            cookie: cookie(compiled),
            days: consent.map(|consent| consent.days),
            domain: consent.and_then(|consent| consent.domain.as_deref()),
            offer: whole.meta("offer").unwrap_or_default(),
            purposes: purposes.iter().map(Entity::id).collect(),
            services: whole
                .entities(SERVICE)
                .filter_map(|service| Some((service.id(), purpose(&service)?)))
                .collect(),
            asked: purposes
                .iter()
                .filter(|one| !essential(one))
                .map(Entity::id)
                .collect(),
        }
    }
}

/// In place of `AVOW_GUARD`: the cookie that it never stops, and the addresses of each service.
#[derive(Serialize)]
pub(super) struct Guard<'a> {
    cookie: &'a str,
    loads: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Guard<'a> {
    pub(super) fn of(compiled: &'a Compiled, whole: &'a Bundle) -> Self {
        let loads = |service: &Entity<'_>| {
            let attr = whole.entity(SERVICE, service.id())?.attr("loads")?;
            Some(attr.items().filter_map(|item| item.as_str()).collect())
        };
        Self {
            cookie: cookie(compiled).unwrap_or_default(),
            loads: whole
                .entities(SERVICE)
                .map(|service| (service.id(), loads(&service).unwrap_or_default()))
                .collect(),
        }
    }
}

fn cookie(compiled: &Compiled) -> Option<&str> {
    let consent = compiled.manifest.consent.as_ref()?;
    Some(&consent.cookie)
}

/// The entities of a type as a visitor is shown them: by `order`, those without one after the others; then what is essential
/// first, and else by slug.
pub(super) fn shown<'a>(bundle: &'a Bundle, of: &str) -> Vec<Entity<'a>> {
    let mut all: Vec<_> = bundle.entities(of).collect();
    all.sort_by_key(|one| {
        let order = one.text("order").and_then(|text| text.parse().ok());
        (order.unwrap_or(i64::MAX), Reverse(essential(one)), one.id())
    });
    all
}

/// Whether a visitor is asked about a purpose, or about the one that a service is for.
pub(super) fn is_asked(bundle: &Bundle, one: &Entity<'_>) -> bool {
    let purpose = one.attr("purpose").and_then(|attr| attr.as_entity_id());
    match purpose {
        Some(purpose) => bundle
            .entity(PURPOSE, purpose)
            .is_some_and(|purpose| !essential(&purpose)),
        None => !essential(one),
    }
}

fn essential(purpose: &Entity<'_>) -> bool {
    let essential = purpose.attr("essential");
    essential
        .and_then(|attr| attr.as_bool())
        .unwrap_or_default()
}
