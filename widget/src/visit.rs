//! One visit: the engine, what stays the same while the page is open, and the choice on record.

use alloc::{string::String, vec::Vec};
use core::cell::{Cell, Ref, RefCell};

use avow_engine::{
    Answer, Bundle, Choice, Engine, Entity, Outcome, Question, Situation, consent_request,
};
use web_sys::Document;

use crate::{page::Page, record};

/// What every room of the widget is handed.
pub(crate) struct Visit {
    engine: RefCell<Engine>,
    pub(crate) page: Page,
    pub(crate) document: Document,
    /// Of the widget's own words.
    pub(crate) language: String,
    surface: String,
    jurisdiction: String,
    pub(crate) choice: RefCell<Option<Choice>>,
    /// What has been let run on this page: the attribute that named it, and its slug.
    pub(crate) ran: RefCell<Vec<(&'static str, String)>>,
    /// Scripts that run in order and have not yet.
    pub(crate) pending: Cell<u32>,
}

impl Visit {
    pub(crate) fn new(bundle: Bundle, page: Page, document: Document, language: String) -> Self {
        let choice = record::read(&bundle, &page);
        Self {
            surface: page.surface(),
            jurisdiction: page.jurisdiction(),
            engine: RefCell::new(Engine::new(bundle)),
            page,
            document,
            language,
            choice: RefCell::new(choice),
            ran: RefCell::default(),
            pending: Cell::new(0),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.page.now() as i64
    }

    /// The engine's answer, now and by the recorded choice. Whatever is not an allow is a no.
    pub(crate) fn allows(&self, question: &Question<'_>) -> bool {
        // A borrow that is not to be had means a call from inside a decision: there is none, and it would be denied.
        let Ok(mut engine) = self.engine.try_borrow_mut() else {
            return false;
        };
        let choice = self.choice.borrow();
        let situation = Situation {
            now: self.now(),
            surface: &self.surface,
            jurisdiction: &self.jurisdiction,
            gpc: self.page.gpc(),
            choice: choice.as_ref(),
        };
        let request = consent_request(engine.bundle(), &situation, question);
        Answer::read(engine.decide(&request)).is_ok_and(|answer| answer.outcome() == Outcome::Allow)
    }

    pub(crate) fn bundle(&self) -> Ref<'_, Bundle> {
        Ref::map(self.engine.borrow(), Engine::bundle)
    }
}

/// The purposes of the catalogue, the essential ones first, else by slug.
pub(crate) fn purposes(bundle: &Bundle) -> impl Iterator<Item = Entity<'_>> {
    let of = |wanted: bool| {
        bundle
            .entities("Avow::Purpose")
            .filter(move |purpose| essential(purpose) == wanted)
    };
    of(true).chain(of(false))
}

/// Whether a purpose needs no consent.
pub(crate) fn essential(purpose: &Entity<'_>) -> bool {
    purpose.attr("essential").and_then(|attr| attr.as_bool()) == Some(true)
}

/// The entities of a type that serve a purpose: services, or storage.
pub(crate) fn serving<'a>(
    bundle: &'a Bundle,
    type_name: &str,
    purpose: &'a str,
) -> impl Iterator<Item = Entity<'a>> {
    bundle.entities(type_name).filter(move |entity| {
        entity.attr("purpose").and_then(|attr| attr.as_entity_id()) == Some(purpose)
    })
}
