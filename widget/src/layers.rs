//! What is on the page: the first layer, the control that opens the second, and a region that tells what happened.

use alloc::{string::String, vec::Vec};

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlElement};

use crate::{
    choosing::granted,
    make::{Maker, set},
    second::Second,
    visit::Visit,
};

/// The elements of the widget, in the page or not yet.
pub(crate) struct Layers {
    /// Before all else in the body, so that the first Tab leads into it.
    start: Element,
    /// After all else: the control floats, the room that it needs is here.
    end: Option<Element>,
    banner: HtmlElement,
    opener: Option<HtmlElement>,
    status: Element,
    second: Option<Second>,
}

impl Layers {
    /// Draws the first layer; nothing of it is seen unless `asked`.
    pub(crate) fn new(visit: &Visit, asked: bool) -> Option<Self> {
        let bundle = visit.bundle();
        let maker = Maker {
            visit,
            bundle: &bundle,
        };
        let start = maker.root("avow")?;
        let status = maker.add(&start, "div", "avow-status");
        set(&status, "role", "status");

        // A region and no dialog: the page stays usable, so nothing is trapped and no focus is moved.
        let banner = maker.add(&start, "div", "avow-banner");
        set(&banner, "role", "region");
        set(&banner, "aria-labelledby", "avow-title");
        let words = maker.add(&banner, "div", "avow-words");
        maker
            .say(&words, "h2", "", "banner.title")
            .set_id("avow-title");
        maker.say(&words, "p", "avow-muted", "banner.text");
        maker.policy(&words);
        let actions = maker.add(&banner, "div", "avow-actions");
        maker.button(&actions, "avow-strong", "reject", "reject");
        maker.button(&actions, "avow-strong", "accept", "accept");
        maker.button(&actions, "avow-wide", "choose", "choose");

        let end = if visit.page.reopen() {
            let end = maker.root("avow avow-end")?;
            let region = maker.add(&end, "div", "");
            set(&region, "role", "region");
            maker.put(&region, "aria-label", "open");
            let opener = maker.button(&region, "avow-open", "open", "open");
            Some((end, opener.unchecked_into()))
        } else {
            None
        };
        let (end, opener) = end.unzip();
        let layers = Self {
            start,
            end,
            banner: banner.unchecked_into(),
            opener,
            status,
            second: None,
        };
        layers.asking(asked);
        Some(layers)
    }

    /// Puts into the page what is not in it, or no longer because the page replaced its body.
    pub(crate) fn attach(&self, visit: &Visit) {
        let Some(body) = visit.document.body() else {
            return;
        };
        if !self.start.is_connected() {
            let _ = body.insert_before(&self.start, body.first_child().as_ref());
        }
        // While the parser is at work, the end of the body is not where it will be.
        if let Some(end) = self.end.as_ref().filter(|end| !end.is_connected())
            && visit.document.ready_state() != "loading"
        {
            let _ = body.append_child(end);
        }
    }

    /// Takes the first layer away, because there is a choice now.
    pub(crate) fn chosen(&self, visit: &Visit) {
        self.asking(false);
        self.tell(visit, "saved");
    }

    /// Has the first layer told, if it is there.
    pub(crate) fn announce(&self, visit: &Visit) {
        if !self.banner.hidden() {
            self.tell(visit, "banner.title");
        }
    }

    fn tell(&self, visit: &Visit, key: &str) {
        let bundle = visit.bundle();
        let maker = Maker {
            visit,
            bundle: &bundle,
        };
        maker.put(&self.status, "", key);
    }

    /// The second layer, with what is granted switched on.
    pub(crate) fn second(&mut self, visit: &Visit) -> Option<HtmlDialogElement> {
        // Asked before the bundle is borrowed: the engine answers nothing meanwhile.
        let granted = granted(visit);
        if self.second.is_none() {
            let bundle = visit.bundle();
            let maker = Maker {
                visit,
                bundle: &bundle,
            };
            self.second = Some(Second::new(&maker, &self.start));
        }
        let second = self.second.as_ref()?;
        second.tick(&granted);
        Some(second.dialog.clone())
    }

    pub(crate) fn dialog(&self) -> Option<HtmlDialogElement> {
        self.second.as_ref().map(|second| second.dialog.clone())
    }

    pub(crate) fn ticked(&self) -> Option<Vec<String>> {
        self.second.as_ref().map(Second::ticked)
    }

    fn asking(&self, asked: bool) {
        self.banner.set_hidden(!asked);
        if let Some(opener) = &self.opener {
            opener.set_hidden(asked);
        }
    }
}
