//! The questions of the consent family, as request bytes: one wording for the widget and for the server.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::String,
    vec::Vec,
};

use crate::{
    block::Cell,
    bundle::Bundle,
    choice::Choice,
    request::{RequestBuilder, fields},
};

/// What is known of a visit.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Milliseconds since 1970 in UTC.
    pub now: i64,
    /// `site` or `app`.
    pub surface: &'a str,
    /// Where the visitor is, as far as that is known, such as `GB`.
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
pub fn consent_request(bundle: &Bundle, situation: &Situation<'_>, question: &Question<'_>) -> Vec<u8> {
    let namespace = bundle.meta("namespace").unwrap_or_default();
    let settings = format!("{namespace}::Settings");
    let mut context = situation.context();
    let (action, resource) = match question {
        Question::Ask => ("ask", (settings.as_str(), "pack")),
        Question::Process(purpose) => ("process", ("Avow::Purpose", *purpose)),
        Question::Load(service) => ("load", ("Avow::Service", *service)),
        Question::Store(id, facts) => {
            facts.add_to(&mut context);
            ("store", ("Avow::Storage", *id))
        }
    };
    RequestBuilder::new().finish(
        ("Avow::Visitor", "visitor"),
        (&format!("{namespace}::Action"), action),
        resource,
        context,
    )
}

impl Situation<'_> {
    fn context(&self) -> BTreeMap<String, Cell> {
        let mut context = fields([
            ("now", Cell::Datetime(self.now)),
            ("surface", Cell::Str(self.surface.to_owned())),
            ("jurisdiction", Cell::Str(self.jurisdiction.to_owned())),
            ("gpc", Cell::Bool(self.gpc)),
        ]);
        if let Some(choice) = self.choice {
            context.insert("choice".to_owned(), Cell::Record(choice_fields(choice)));
        }
        context
    }
}

fn choice_fields(choice: &Choice) -> BTreeMap<String, Cell> {
    let set = |type_name: &str, ids: &[String]| {
        Cell::Set(
            ids.iter()
                .map(|id| Cell::Entity(type_name.to_owned(), id.clone()))
                .collect(),
        )
    };
    fields([
        ("at", Cell::Datetime(choice.at)),
        ("offer", Cell::Str(choice.offer.clone())),
        ("granted", set("Avow::Purpose", &choice.granted)),
        ("refused", set("Avow::Purpose", &choice.refused)),
        ("objected", set("Avow::Purpose", &choice.objected)),
        ("services", set("Avow::Service", &choice.services)),
    ])
}

impl StoreFacts<'_> {
    fn add_to(&self, context: &mut BTreeMap<String, Cell>) {
        let Self {
            http_only,
            secure,
            same_site,
            lifetime,
            production,
        } = *self;
        context.extend(fields([
            ("http_only", Cell::Bool(http_only)),
            ("secure", Cell::Bool(secure)),
            ("same_site", Cell::Str(same_site.to_owned())),
            ("production", Cell::Bool(production)),
        ]));
        if let Some(lifetime) = lifetime {
            context.insert("lifetime".to_owned(), Cell::Duration(lifetime));
        }
    }
}
