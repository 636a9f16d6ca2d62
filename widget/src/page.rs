//! What the widget borrows from the page: what only JavaScript has, or has in far fewer bytes. `js/start.js` lends it.

use alloc::string::String;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Element, Storage};

#[wasm_bindgen]
extern "C" {
    /// The page's side.
    pub type Page;

    /// `site` or `app`.
    #[wasm_bindgen(method, getter, structural)]
    pub fn surface(this: &Page) -> String;

    /// As the site names it; empty where it does not.
    #[wasm_bindgen(method, getter, structural)]
    pub fn jurisdiction(this: &Page) -> String;

    /// Whether the browser sends Global Privacy Control.
    #[wasm_bindgen(method, getter, structural)]
    pub fn gpc(this: &Page) -> bool;

    /// Whether the page came by HTTPS.
    #[wasm_bindgen(method, getter, structural)]
    pub fn secure(this: &Page) -> bool;

    /// The page's host name.
    #[wasm_bindgen(method, getter, structural)]
    pub fn host(this: &Page) -> String;

    /// Whether the page wants the floating control.
    #[wasm_bindgen(method, getter, structural)]
    pub fn reopen(this: &Page) -> bool;

    /// Milliseconds since 1970, UTC.
    #[wasm_bindgen(method, structural)]
    pub fn now(this: &Page) -> f64;

    /// 128 random bits, in hexadecimal.
    #[wasm_bindgen(method, structural)]
    pub fn draw(this: &Page) -> String;

    /// The widget's own word for `key` in the visitor's language, `{operator}` filled in.
    #[wasm_bindgen(method, structural)]
    pub fn word(this: &Page, key: &str, operator: &str) -> Option<String>;

    /// `count` of a `unit` such as `day`, in the visitor's language.
    #[wasm_bindgen(method, structural)]
    pub fn span(this: &Page, count: f64, unit: &str) -> String;

    /// `localStorage` or `sessionStorage`; none where the browser refuses it.
    #[wasm_bindgen(method, structural)]
    pub fn storage(this: &Page, name: &str) -> Option<Storage>;

    /// Has a live region say `text`, after the page has had time to notice the region.
    #[wasm_bindgen(method, structural)]
    pub fn say(this: &Page, region: &Element, text: &str);

    /// Calls `Widget::settled` once `script` has run or failed.
    #[wasm_bindgen(method, structural)]
    pub fn await_script(this: &Page, script: &Element);

    /// Tells the page that the choice changed.
    #[wasm_bindgen(method, structural)]
    pub fn changed(this: &Page);

    /// Posts a choice to the ledger, if the site has one: never waits, never fails.
    #[wasm_bindgen(method, structural)]
    pub fn post(this: &Page, choice: &str, bundle: &[u8]);

    /// Loads the page anew, unless the site does not want that.
    #[wasm_bindgen(method, structural)]
    pub fn reload(this: &Page);
}
