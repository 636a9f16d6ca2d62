//! The questions of the consent family: what the widget asks, and the same as request bytes.
//!
//! The widget's never become bytes: they are put into the store as they are, because writing and reading them would be a tenth
//! of its module. `tests/tests/parity.rs` holds the one way to the other.

#[cfg(feature = "words")]
mod bytes;

#[cfg(feature = "words")]
pub use bytes::consent_request;

#[cfg(feature = "words")]
use crate::choice::Choice;
use crate::{
    answer::{Head, Outcome, Until},
    block::kind,
    bundle::Bundle,
    choice::{self, GRANTED, OBJECTED, REFUSED, cut},
    engine::{Engine, Question as Uids},
    store::{Fuel, NONE, Span, Store},
};

/// What is known of a visit.
#[cfg(feature = "words")]
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Milliseconds since 1970 in UTC.
    pub now: i64,
    /// `site` or `app`.
    pub surface: &'a str,
    /// Where the visitor is, as far as that is known, such as `gb`.
    pub jurisdiction: &'a str,
    /// Whether the browser sends Global Privacy Control.
    pub gpc: bool,
    /// What the visitor chose, if anything.
    pub choice: Option<&'a Choice>,
}

/// How a cookie or other storage is to be set.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreFacts<'a> {
    /// Hidden from scripts.
    pub http_only: bool,
    /// Sent over TLS only.
    pub secure: bool,
    /// `lax`, `strict`, `none`, or empty where it is not said.
    pub same_site: &'a str,
    /// How long it lives, milliseconds; none where it ends with the browser's session.
    pub lifetime: Option<i64>,
    /// Whether this is the real site, rather than one on a developer's machine.
    pub production: bool,
}

/// A question about consent.
#[cfg(feature = "words")]
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// May the banner be shown?
    Ask,
    /// Must the page carry the link by which a visitor opts out?
    OfferOptOut,
    /// May a purpose be pursued?
    Process(&'a str),
    /// May a service be loaded?
    Load(&'a str),
    /// May a cookie or other storage be set?
    Store(&'a str, StoreFacts<'a>),
}

/// Whether the engine allows what the widget asks, and up to when it says so. The situation is lines: the pack's namespace,
/// surface, jurisdiction, the choice's cookie or nothing, action, id; the last may contain anything. What fails is a no that
/// nothing is promised of.
///
/// What is asked of a cookie or a storage key (`store`) has in place of an id: its kind, `1` where it is secure, its same-site
/// mode, its lifetime, `1` on the real site, and its name, blank-separated; `-` stands for no mode, and for no lifetime. What the
/// catalogue does not have may not be stored.
pub fn decide(engine: &mut Engine, situation: &str, now: i64, gpc: bool) -> (bool, Until) {
    let mut id = situation;
    for _ in 0..SITUATION_LINES {
        cut(&mut id, b'\n');
    }
    let action = cut(&mut id, b'\n');
    let of = match action {
        "process" => "Avow::Purpose",
        "load" => "Avow::Service",
        "store" => {
            let Some((uid, facts)) = stored(engine.bundle(), id) else {
                return (false, Until::Now);
            };
            return ask(
                engine,
                situation,
                action,
                Resource::Known(uid),
                Some(facts),
                (now, gpc),
            );
        }
        _ => "",
    };
    ask(
        engine,
        situation,
        action,
        Resource::Named(of, id),
        None,
        (now, gpc),
    )
}

/// Lines of a situation before what is asked.
const SITUATION_LINES: usize = 4;

/// What a question is about.
enum Resource<'a> {
    /// The bundle's number of it.
    Known(u32),
    /// Its type, empty for the pack's settings, and its id.
    Named(&'a str, &'a str),
}

/// The number of what is to be stored, and how; none where the catalogue does not have it, or the lifetime is no number.
fn stored<'a>(bundle: &Bundle, text: &'a str) -> Option<(u32, StoreFacts<'a>)> {
    let mut name = text;
    let [kind, secure, same_site, lifetime, production] = [(); 5].map(|()| cut(&mut name, b' '));
    let facts = StoreFacts {
        // A script can set none that is.
        http_only: false,
        secure: secure == "1",
        same_site: match same_site {
            "-" => "",
            mode => mode,
        },
        lifetime: match lifetime {
            "-" => None,
            millis => Some(choice::number(millis)?),
        },
        production: production == "1",
    };
    Some((bundle.storage_entry(kind, name)?.uid, facts))
}

/// Whether a cookie or a storage key may not stay: the catalogue knows it, and its purpose is neither essential nor one that
/// the engine allows to be pursued. The situation is the lines of [`decide`] up to the choice's cookie.
pub fn denies(
    engine: &mut Engine,
    situation: &str,
    (kind, name): (&str, &str),
    now: i64,
    gpc: bool,
) -> bool {
    let bundle = engine.bundle();
    let entry = bundle.storage_entry(kind, name);
    let Some(purpose) = entry.and_then(|entry| bundle.optional_purpose(entry)) else {
        return false;
    };
    !ask(
        engine,
        situation,
        "process",
        Resource::Known(purpose),
        None,
        (now, gpc),
    )
    .0
}

fn ask(
    engine: &mut Engine,
    situation: &str,
    action: &str,
    resource: Resource<'_>,
    facts: Option<StoreFacts<'_>>,
    visit: (i64, bool),
) -> (bool, Until) {
    let Head { outcome, until, .. } =
        engine.ask(&mut |store, fuel| put(store, fuel, situation, action, &resource, facts, visit));
    let until = match outcome {
        Outcome::Refused | Outcome::Failed => Until::Now,
        _ => Until::of(until),
    };
    (outcome == Outcome::Allow, until)
}

/// Puts a question on top of the bundle.
fn put(
    store: &mut Store,
    fuel: &mut Fuel,
    situation: &str,
    action: &str,
    resource: &Resource<'_>,
    facts: Option<StoreFacts<'_>>,
    (now, gpc): (i64, bool),
) -> Uids {
    let mut rest = situation;
    let [namespace, surface, jurisdiction, cookie] =
        [(); SITUATION_LINES].map(|()| cut(&mut rest, b'\n'));
    // The cells of a set, and then those of a record, have to follow each other.
    let choice = choice::read(cookie).map(|choice| {
        let sets = [
            ("granted", "Avow::Purpose", &choice.purposes, GRANTED),
            ("refused", "Avow::Purpose", &choice.purposes, REFUSED),
            ("objected", "Avow::Purpose", &choice.purposes, OBJECTED),
            ("services", "Avow::Service", &choice.services, GRANTED),
        ]
        .map(|(name, of, items, sign)| {
            let start = store.cells();
            for item in items.iter().filter(|item| item.0 == sign) {
                let uid = uid(store, "", of, item.1);
                store.put(NONE, kind::ENTITY, u64::from(uid));
            }
            let len = store.cells() - start;
            (name, store.order_set(Span { start, len }, fuel).payload)
        });
        let start = store.cells();
        for (name, set) in sets {
            field(store, name, kind::SET, set);
        }
        field(store, "at", kind::DATETIME, choice.at.cast_unsigned());
        string(store, "offer", choice.offer);
        record(store, start)
    });
    let start = store.cells();
    if let Some(choice) = choice {
        field(store, "choice", kind::RECORD, choice.payload());
    }
    let place = uid(store, "", "Avow::Jurisdiction", jurisdiction);
    field(store, "jurisdiction", kind::ENTITY, u64::from(place));
    field(store, "now", kind::DATETIME, now.cast_unsigned());
    field(store, "gpc", kind::BOOL, u64::from(gpc));
    string(store, "surface", surface);
    if let Some(facts) = facts {
        field(store, "http_only", kind::BOOL, u64::from(facts.http_only));
        field(store, "production", kind::BOOL, u64::from(facts.production));
        field(store, "secure", kind::BOOL, u64::from(facts.secure));
        string(store, "same_site", facts.same_site);
        if let Some(lifetime) = facts.lifetime {
            field(store, "lifetime", kind::DURATION, lifetime.cast_unsigned());
        }
    }
    let context = record(store, start);
    Uids {
        uids: [
            uid(store, "", "Avow::Visitor", "visitor"),
            uid(store, namespace, "::Action", action),
            match *resource {
                Resource::Known(uid) => uid,
                Resource::Named("", id) => uid(store, namespace, "::Settings", id),
                Resource::Named(of, id) => uid(store, "", of, id),
            },
        ],
        context,
    }
}

fn uid(store: &mut Store, namespace: &str, of: &str, id: &str) -> u32 {
    let of = store.number(0, namespace, of);
    store.number(of + 1, "", id)
}

fn field(store: &mut Store, name: &str, kind: u32, payload: u64) {
    let name = store.number(0, "", name);
    store.put(name, kind, payload);
}

fn string(store: &mut Store, name: &str, text: &str) {
    let text = store.new_text(text.as_bytes());
    field(store, name, kind::STRING, text);
}

/// The cells from `start` on as a record.
fn record(store: &mut Store, start: u32) -> Span {
    let len = store.cells() - start;
    let span = Span { start, len };
    // INVARIANT: the names differ.
    store.order_record(span);
    span
}
