//! The questions of the consent family, as request bytes: one wording for the widget and for the server.

use alloc::{string::String, vec::Vec};

use crate::{
    block::{Emitter, Parts, View, ascending, kind},
    bundle::Bundle,
    choice::Choice,
    request::assemble,
};

/// What is known of a visit.
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
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// May the banner be shown?
    Ask,
    /// May a purpose be pursued?
    Process(&'a str),
    /// May a service be loaded?
    Load(&'a str),
    /// May a cookie or other storage be set?
    Store(&'a str, StoreFacts<'a>),
}

/// The question's request bytes, for a bundle's names.
#[must_use]
pub fn consent_request(
    bundle: &Bundle,
    situation: &Situation<'_>,
    question: &Question<'_>,
) -> Vec<u8> {
    let namespace = bundle.meta("namespace").unwrap_or_default();
    let settings = joined(namespace, "::Settings");
    let actions = joined(namespace, "::Action");
    let (action, resource) = match question {
        Question::Ask => ("ask", (settings.as_str(), "pack")),
        Question::Process(purpose) => ("process", ("Avow::Purpose", *purpose)),
        Question::Load(service) => ("load", ("Avow::Service", *service)),
        Question::Store(id, _) => ("store", ("Avow::Storage", *id)),
    };
    let uids = [
        ("Avow::Visitor", "visitor"),
        (actions.as_str(), action),
        resource,
    ];
    let context = context(situation, question);
    let mut block = Emitter::new(Some(bundle));
    uids.into_iter().for_each(|uid| block.mention(uid));
    let bytes = block.emit(&[], &context);
    assemble(bundle, uids.map(|uid| block.uid(uid)), &bytes)
}

fn joined(namespace: &str, name: &str) -> String {
    let mut text = String::from(namespace);
    text.push_str(name);
    text
}

/// The context, its names in ascending order as a record wants them.
fn context<'a>(situation: &Situation<'a>, question: &Question<'a>) -> Parts<'a> {
    let Situation {
        now,
        surface,
        jurisdiction,
        gpc,
        choice,
    } = *situation;
    let store = match question {
        Question::Store(_, facts) => Some(*facts),
        _ => None,
    };
    let mut fields = Vec::new();
    if let Some(choice) = choice {
        fields.push((Some("choice"), choice_view(choice)));
    }
    fields.push((Some("gpc"), flag(gpc)));
    if let Some(facts) = store {
        fields.push((Some("http_only"), flag(facts.http_only)));
    }
    fields.push((
        Some("jurisdiction"),
        View::Entity("Avow::Jurisdiction", jurisdiction),
    ));
    if let Some(lifetime) = store.and_then(|facts| facts.lifetime) {
        fields.push((
            Some("lifetime"),
            View::Plain(kind::DURATION, lifetime.cast_unsigned()),
        ));
    }
    fields.push((
        Some("now"),
        View::Plain(kind::DATETIME, now.cast_unsigned()),
    ));
    if let Some(facts) = store {
        fields.push((Some("production"), flag(facts.production)));
        fields.push((Some("same_site"), View::Text(facts.same_site)));
        fields.push((Some("secure"), flag(facts.secure)));
    }
    fields.push((Some("surface"), View::Text(surface)));
    fields
}

fn flag<'a>(value: bool) -> View<'a> {
    View::Plain(kind::BOOL, u64::from(value))
}

fn choice_view(choice: &Choice) -> View<'_> {
    View::record(Vec::from([
        (
            Some("at"),
            View::Plain(kind::DATETIME, choice.at.cast_unsigned()),
        ),
        (Some("granted"), ids("Avow::Purpose", &choice.granted)),
        (Some("objected"), ids("Avow::Purpose", &choice.objected)),
        (Some("offer"), View::Text(&choice.offer)),
        (Some("refused"), ids("Avow::Purpose", &choice.refused)),
        (Some("services"), ids("Avow::Service", &choice.services)),
    ]))
}

fn ids<'a>(type_name: &'a str, ids: &'a [String]) -> View<'a> {
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    ascending(&mut ids);
    let ids = ids
        .into_iter()
        .map(|id| (None, View::Entity(type_name, id)));
    View::Parts(kind::SET, ids.collect())
}
