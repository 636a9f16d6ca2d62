//! Makes elements. By `createElement` and `textContent` only: no markup, so neither injection nor Trusted Types are a matter.
//!
//! What it says is of two kinds: the catalogue's texts, and the widget's own words, whose keys are those of
//! `locales/en.json`. Where a pack says any of these otherwise, the build has put that into the language's file; `policy.url`,
//! which has no word of ours, is a text of its settings.

use alloc::string::String;

use avow_engine::{Bundle, Entity};
use web_sys::{Document, Element};

use crate::visit::Visit;

/// A maker of elements with the words of one visit.
pub(crate) struct Maker<'a> {
    pub(crate) visit: &'a Visit,
    pub(crate) bundle: &'a Bundle,
}

impl<'a> Maker<'a> {
    /// A root: it says language and direction of all that is in it.
    pub(crate) fn root(&self, class: &str) -> Option<Element> {
        let root = self.visit.document.create_element("div").ok()?;
        root.set_class_name(class);
        set(&root, "lang", &self.visit.language);
        self.put(&root, "dir", "dir");
        // Search engines are not to quote a banner as the page's content.
        set(&root, "data-nosnippet", "");
        Some(root)
    }

    /// A new last child of `parent`.
    pub(crate) fn add(&self, parent: &Element, tag: &str, class: &str) -> Element {
        add(&self.visit.document, parent, tag, class)
    }

    /// Says one of the widget's own words: as an attribute, or with an empty name as the text.
    pub(crate) fn put(&self, element: &Element, attribute: &str, key: &str) {
        let operator = self.bundle.meta("operator").unwrap_or_default();
        self.visit.page.say(element, attribute, key, operator);
    }

    /// A new last child that says a word.
    pub(crate) fn say(&self, parent: &Element, tag: &str, class: &str, key: &str) -> Element {
        let element = self.add(parent, tag, class);
        self.put(&element, "", key);
        element
    }

    /// A new last child that says what the pack says of one of its entities; none where that is nothing.
    pub(crate) fn tell(
        &self,
        parent: &Element,
        tag: &str,
        class: &str,
        entity: &Entity<'_>,
        key: &str,
    ) -> Option<Element> {
        let text = entity.text(key)?;
        let element = self.add(parent, tag, class);
        element.set_text_content(Some(text));
        self.mark_pack(&element);
        Some(element)
    }

    /// A link to the policy itself, where the pack says where it is.
    pub(crate) fn policy(&self, parent: &Element) {
        if let Some(address) = self.address() {
            let place = self.add(parent, "p", "avow-muted");
            let link = self.say(&place, "a", "", "policy");
            set(&link, "href", address);
        }
    }

    /// A button that does `action`.
    pub(crate) fn button(&self, parent: &Element, class: &str, action: &str, key: &str) -> Element {
        let button = self.say(parent, "button", class, key);
        set(&button, "type", "button");
        set(&button, "data-avow", action);
        button
    }

    /// Where the policy is: the one in the visitor's language, else the one for all.
    fn address(&self) -> Option<&'a str> {
        let mut settings = String::from(self.bundle.meta("namespace")?);
        settings.push_str("::Settings");
        let settings = self.bundle.entity(&settings, "pack")?;
        let mut key = String::from("policy.url@");
        key.push_str(&self.visit.language);
        settings.text(&key).or_else(|| settings.text("policy.url"))
    }

    /// The pack's words may be of another language than the widget's, and run the other way.
    fn mark_pack(&self, element: &Element) {
        if let Some(language) = self
            .bundle
            .meta("language")
            .filter(|l| *l != self.visit.language)
        {
            set(element, "lang", language);
            set(element, "dir", "auto");
        }
    }
}

/// A new last child of `parent`.
pub(crate) fn add(document: &Document, parent: &Element, tag: &str, class: &str) -> Element {
    // Creating fails for names that are none; ours are. Appending fails for an ancestor only.
    let Ok(element) = document.create_element(tag) else {
        return parent.clone();
    };
    if !class.is_empty() {
        element.set_class_name(class);
    }
    let _ = parent.append_child(&element);
    element
}

/// Sets an attribute; names that are valid cannot fail.
pub(crate) fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}
