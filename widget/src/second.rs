//! The second layer: each purpose with its switch, its services, and what they store.

use alloc::{string::String, vec::Vec};

use avow_engine::Entity;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlInputElement};

use crate::{
    make::{Maker, set},
    visit::{essential, purposes, serving},
};

const DAY: i64 = 86_400_000;

/// The dialog and its switches.
pub(crate) struct Second {
    pub(crate) dialog: HtmlDialogElement,
    switches: Vec<(String, HtmlInputElement)>,
}

impl Second {
    pub(crate) fn new(maker: &Maker<'_>, parent: &Element) -> Self {
        let dialog = maker.add(parent, "dialog", "avow-dialog");
        set(&dialog, "aria-labelledby", "avow-heading");
        let head = maker.add(&dialog, "div", "avow-head");
        maker
            .say(&head, "h2", "", "dialog.title")
            .set_id("avow-heading");
        let close = maker.add(&head, "button", "avow-close");
        set(&close, "type", "button");
        set(&close, "data-avow", "close");
        maker.put(&close, "aria-label", "close");

        let body = maker.add(&dialog, "div", "avow-body");
        maker.say(&body, "p", "avow-muted", "dialog.text");
        maker.policy(&body);
        let switches = purposes(maker.bundle)
            .filter_map(|entity| purpose(maker, &body, &entity))
            .collect();

        let foot = maker.add(&dialog, "div", "avow-foot");
        maker.button(&foot, "", "reject", "reject");
        maker.button(&foot, "", "accept", "accept");
        maker.button(&foot, "avow-strong avow-wide", "save", "save");
        Self {
            dialog: dialog.unchecked_into(),
            switches,
        }
    }

    /// Sets the switches. Nothing but this and the visitor ever moves them.
    pub(crate) fn tick(&self, granted: &[String]) {
        for (slug, switch) in &self.switches {
            switch.set_checked(granted.contains(slug));
        }
    }

    /// The purposes that are switched on.
    pub(crate) fn ticked(&self) -> Vec<String> {
        let on = self.switches.iter().filter(|(_, switch)| switch.checked());
        on.map(|(slug, _)| slug.clone()).collect()
    }
}

/// A purpose; and its switch, if it has one.
fn purpose(
    maker: &Maker<'_>,
    body: &Element,
    purpose: &Entity<'_>,
) -> Option<(String, HtmlInputElement)> {
    let slug = purpose.id();
    let card = maker.add(body, "div", "avow-purpose");
    let heading = maker.add(&card, "h3", "");
    let switch = if essential(purpose) {
        maker.tell(&heading, "span", "", purpose, "title");
        maker.say(&heading, "span", "avow-always", "always");
        None
    } else {
        // The label holds its switch, so that all of the line can be pressed.
        let label = maker.add(&heading, "label", "");
        maker.tell(&label, "span", "", purpose, "title");
        let switch = maker.add(&label, "input", "avow-switch");
        set(&switch, "type", "checkbox");
        set(&switch, "role", "switch");
        Some(switch)
    };
    if let Some(text) = maker.tell(&card, "p", "avow-muted", purpose, "text")
        && let Some(switch) = &switch
    {
        let mut id = String::from("avow-");
        id.push_str(slug);
        text.set_id(&id);
        set(switch, "aria-describedby", &id);
    }
    details(maker, &card, slug);
    switch.map(|switch| (String::from(slug), switch.unchecked_into()))
}

fn details(maker: &Maker<'_>, card: &Element, slug: &str) {
    let mut services = serving(maker.bundle, "Avow::Service", slug).peekable();
    let mut stored = serving(maker.bundle, "Avow::Storage", slug).peekable();
    if services.peek().is_none() && stored.peek().is_none() {
        return;
    }
    let details = maker.add(card, "details", "");
    maker.say(&details, "summary", "", "details");
    for service in services {
        let place = maker.add(&details, "p", "avow-service");
        maker.tell(&place, "strong", "", &service, "title");
        maker.tell(&place, "span", "", &service, "text");
    }
    if stored.peek().is_none() {
        return;
    }
    let table = part(maker, &details, "table", "table");
    let row = part(
        maker,
        &part(maker, &table, "thead", "rowgroup"),
        "tr",
        "row",
    );
    for column in ["name", "provider", "purpose", "lifetime"] {
        let cell = maker.say(&row, "th", "", column);
        set(&cell, "role", "columnheader");
    }
    let rows = part(maker, &table, "tbody", "rowgroup");
    for storage in stored {
        let row = part(maker, &rows, "tr", "row");
        let place = part(maker, &row, "th", "rowheader");
        // Isolated, because among right-to-left words a leading `_` would move to the other end.
        let name = maker.add(&place, "bdi", "");
        name.set_text_content(storage.attr("name").and_then(|name| name.as_str()));
        for (column, text) in [("provider", "provider"), ("purpose", "text")] {
            let cell = cell(maker, &row, column);
            maker.tell(&cell, "span", "", &storage, text);
        }
        lifetime(maker, &cell(maker, &row, "lifetime"), &storage);
    }
}

/// A part of a table. Shown as blocks on a narrow screen it stays a table to those who listen, because it says so.
fn part(maker: &Maker<'_>, parent: &Element, tag: &str, role: &str) -> Element {
    let part = maker.add(parent, tag, "");
    set(&part, "role", role);
    part
}

fn cell(maker: &Maker<'_>, row: &Element, column: &str) -> Element {
    let cell = part(maker, row, "td", "cell");
    maker.put(&cell, "data-label", column);
    cell
}

/// How long something stays, in the largest unit that says it exactly.
fn lifetime(maker: &Maker<'_>, cell: &Element, storage: &Entity<'_>) {
    let attr = |name| storage.attr(name);
    let Some(millis) = attr("lifetime").and_then(|span| span.as_millis()) else {
        let local = attr("kind").and_then(|kind| kind.as_str()) == Some("local");
        let key = if local {
            "lifetime.kept"
        } else {
            "lifetime.session"
        };
        return maker.put(cell, "", key);
    };
    let units = [
        (365 * DAY, "year"),
        (DAY, "day"),
        (DAY / 24, "hour"),
        (DAY / 1440, "minute"),
    ];
    let whole = units.into_iter().find(|(unit, _)| millis % unit == 0);
    let (unit, name) = whole.unwrap_or((1000, "second"));
    maker.visit.page.span(cell, (millis / unit) as f64, name);
}
