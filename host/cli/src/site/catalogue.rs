//! What the widget says of the catalogue, fetched with the second layer: nobody reads it before.

use avow_compiler::Compiled;
use avow_engine::{Bundle, Entity};
use serde::Serialize;

use super::{PURPOSE, SERVICE, STORAGE, constants::shown};

/// The file `catalogue.json`. Texts are of one language, the pack's.
#[derive(Serialize)]
pub(super) struct Catalogue<'a> {
    language: &'a str,
    /// In the order in which a visitor is shown them.
    purposes: Vec<Purpose<'a>>,
    services: Vec<Service<'a>>,
    storage: Vec<Storage<'a>>,
}

#[derive(Serialize)]
struct Purpose<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct Service<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct Storage<'a> {
    name: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Milliseconds; not there for what ends with the session, or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<i64>,
}

impl<'a> Catalogue<'a> {
    /// Of the whole bundle: its slice for browsers has no texts.
    pub(super) fn of(compiled: &'a Compiled, whole: &'a Bundle) -> Self {
        let storage = |one: Entity<'a>| Storage {
            name: said(&one, "name"),
            kind: said(&one, "kind"),
            purpose: purpose(&one),
            provider: one.text("provider"),
            text: one.text("text"),
            lifetime: one.attr("lifetime").and_then(|attr| attr.as_millis()),
        };
        Self {
            language: &compiled.manifest.pack.language,
            purposes: shown(whole, PURPOSE)
                .iter()
                .map(|one| Purpose {
                    id: one.id(),
                    title: one.text("title"),
                    text: one.text("text"),
                })
                .collect(),
            services: whole
                .entities(SERVICE)
                .map(|one| Service {
                    id: one.id(),
                    purpose: purpose(&one),
                    title: one.text("title"),
                    text: one.text("text"),
                })
                .collect(),
            storage: whole.entities(STORAGE).map(storage).collect(),
        }
    }
}

/// The purpose that a service or a storage is for.
pub(super) fn purpose<'a>(one: &Entity<'a>) -> Option<&'a str> {
    one.attr("purpose")?.as_entity_id()
}

fn said<'a>(one: &Entity<'a>, name: &str) -> &'a str {
    let attr = one.attr(name).and_then(|attr| attr.as_str());
    attr.unwrap_or_default()
}
