//! The consent banner: asks where the rules say to ask, records the choice, and lets run what the rules allow.
//!
//! The only crate that knows the DOM. It holds no global state: a [`Widget`] is a value that the page's side keeps, and
//! everything that happens on the page reaches it as a call. It never reads the clock or draws random numbers by itself
//! either; both are lent by [`page::Page`].
//!
//! INVARIANT: no borrow of a `RefCell` is held while the page's own code can run (inserting a script, dispatching an event,
//! moving focus), because that code may call back into the widget.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod choosing;
mod gate;
#[cfg(target_arch = "wasm32")]
mod layers;
mod make;
mod page;
mod record;
mod second;
mod visit;
mod withdraw;

use alloc::{string::String, vec::Vec};
use core::cell::RefCell;

use avow_engine::{Bundle, Choice, Question};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use web_sys::{Document, Element};

use crate::{layers::Layers, page::Page, visit::Visit};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: avow_heap::Heap = avow_heap::Heap::new();

/// Nothing here is meant to panic. Without a message, the text of none is linked.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The widget of one page.
#[wasm_bindgen]
pub struct Widget {
    visit: Visit,
    layers: RefCell<Option<Layers>>,
}

#[wasm_bindgen]
impl Widget {
    /// Checks the bundle and reads the recorded choice.
    ///
    /// # Errors
    /// A word for what is wrong with the bundle.
    pub fn start(
        bundle: Vec<u8>,
        page: Page,
        document: Document,
        language: String,
    ) -> Result<Widget, JsValue> {
        let bundle = Bundle::load(bundle).map_err(|error| JsValue::from_str(error.code()))?;
        let visit = Visit::new(bundle, page, document, language);
        Ok(Widget {
            visit,
            layers: RefCell::new(None),
        })
    }

    /// Draws the layers. The first one is shown if the rules say to ask. An operator that remembers no choice has none to
    /// offer: then nothing is drawn at all.
    pub fn show(&self) {
        if self.visit.bundle().meta("consent.cookie").is_some() {
            let asked = self.visit.allows(&Question::Ask);
            *self.layers.borrow_mut() = Layers::new(&self.visit, asked);
        }
        self.scan();
    }

    /// Puts the layers where the page let go of them, and lets run what is new and allowed.
    pub fn scan(&self) {
        self.with_layers(|layers| layers.attach(&self.visit));
        gate::run(&self.visit);
    }

    /// A script that others waited for has run or failed.
    pub fn settled(&self) {
        self.visit
            .pending
            .set(self.visit.pending.get().saturating_sub(1));
        gate::run(&self.visit);
    }

    /// A control was pressed: one with `data-avow`, whose value says what it does, or one that opens the second layer.
    pub fn press(&self, control: &Element) {
        match control.get_attribute("data-avow").as_deref() {
            Some("accept") => self.choose("accept", &|_| true),
            Some("reject") => self.choose("reject", &|_| false),
            Some("save") => {
                if let Some(ticked) = self.with_layers(Layers::ticked).flatten() {
                    self.choose("save", &|purpose| ticked.iter().any(|slug| slug == purpose));
                }
            }
            Some("close") => self.close(),
            _ => self.open(),
        }
    }

    /// Opens the second layer; where there is none, the page is told why.
    pub fn open(&self) {
        if self.visit.bundle().meta("consent.cookie").is_none() {
            return self.visit.page.nothing();
        }
        let dialog = {
            let mut layers = self.layers.borrow_mut();
            layers
                .as_mut()
                .and_then(|layers| layers.second(&self.visit))
        };
        if let Some(dialog) = dialog.filter(|dialog| !dialog.open()) {
            // Refused only where the page has just removed it.
            let _ = dialog.show_modal();
        }
    }

    /// Takes back every consent.
    pub fn withdraw(&self) {
        self.choose("withdraw", &|_| false);
    }

    /// Has a screen reader told of the first layer, if it is there.
    pub fn announce(&self) {
        self.with_layers(|layers| layers.announce(&self.visit));
    }

    /// Whether a cookie, or a key of `local` or `session` storage, may stay.
    pub fn keeps(&self, kind: &str, name: &str) -> bool {
        withdraw::keeps(&self.visit, kind, name)
    }

    /// Whether a service may be loaded now.
    pub fn may(&self, service: &str) -> bool {
        self.visit.allows(&Question::Load(service))
    }

    /// The recorded choice, as its cookie has it.
    pub fn consent(&self) -> Option<String> {
        self.visit.choice.borrow().as_ref().map(Choice::to_cookie)
    }

    fn choose(&self, method: &str, grants: &dyn Fn(&str) -> bool) {
        choosing::choose(&self.visit, method, grants);
        self.close();
        self.with_layers(|layers| layers.chosen(&self.visit));
        self.visit.page.sweep();
        self.visit.page.changed();
        if gate::outlived(&self.visit) {
            self.visit.page.reload();
        } else {
            gate::run(&self.visit);
        }
    }

    fn close(&self) {
        if let Some(dialog) = self.with_layers(Layers::dialog).flatten() {
            dialog.close();
        }
    }

    fn with_layers<T>(&self, use_them: impl FnOnce(&Layers) -> T) -> Option<T> {
        self.layers.borrow().as_ref().map(use_them)
    }
}
