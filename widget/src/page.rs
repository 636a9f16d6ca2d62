//! What the widget borrows from the page: what only JavaScript has, or has in far fewer bytes. `js/start.js` lends it.
//!
//! INVARIANT: nothing of it decides. It sets what it is told to set, and deletes what `Widget::keeps` does not keep.

use alloc::string::String;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

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

    /// Whether the page wants the floating control.
    #[wasm_bindgen(method, getter, structural)]
    pub fn reopen(this: &Page) -> bool;

    /// Milliseconds since 1970, UTC.
    #[wasm_bindgen(method, structural)]
    pub fn now(this: &Page) -> f64;

    /// 128 random bits, in hexadecimal.
    #[wasm_bindgen(method, structural)]
    pub fn draw(this: &Page) -> String;

    /// The value of a cookie.
    #[wasm_bindgen(method, structural)]
    pub fn cookie(this: &Page, name: &str) -> Option<String>;

    /// Sets the consent cookie for a number of days, and posts the choice to the ledger if the site has one: it neither waits
    /// nor fails.
    #[wasm_bindgen(method, structural)]
    pub fn keep(this: &Page, name: &str, choice: &str, days: &str, bundle: &[u8]);

    /// Deletes the cookies and the storage that `Widget::keeps` does not keep.
    #[wasm_bindgen(method, structural)]
    pub fn sweep(this: &Page);

    /// Says the widget's own word for `key`, in the visitor's language and with `{operator}` filled in: as an attribute, or
    /// with an empty name as the element's text.
    #[wasm_bindgen(method, structural)]
    pub fn say(this: &Page, element: &Element, attribute: &str, key: &str, operator: &str);

    /// Says `count` of a `unit` such as `day`, in the visitor's language.
    #[wasm_bindgen(method, structural)]
    pub fn span(this: &Page, element: &Element, count: f64, unit: &str);

    /// Calls `Widget::settled` once `script` has run or failed.
    #[wasm_bindgen(method, structural)]
    pub fn await_script(this: &Page, script: &Element);

    /// Tells the page that the choice changed.
    #[wasm_bindgen(method, structural)]
    pub fn changed(this: &Page);

    /// Says that nothing here needs consent.
    #[wasm_bindgen(method, structural)]
    pub fn nothing(this: &Page);

    /// Loads the page anew, unless the site does not want that.
    #[wasm_bindgen(method, structural)]
    pub fn reload(this: &Page);
}
