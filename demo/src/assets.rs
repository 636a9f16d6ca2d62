//! Files that both surfaces serve: style, the mark, the script of the page of decisions, and the engine that it asks.

use axum::{
    Router,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};
use http::header;

const STYLE: &str = include_str!("../pages/style.css");
const MARK: &str = include_str!("../pages/mark.svg");
const DECISIONS: &str = include_str!("../pages/decisions.js");
const GALLERY: &str = include_str!("../pages/gallery.js");
const ENGINE: &str = include_str!(concat!(env!("OUT_DIR"), "/engine/avow_engine.js"));
const ENGINE_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/engine/avow_engine.wasm"));

pub(crate) fn router() -> Router {
    let script = "text/javascript; charset=utf-8";
    Router::new()
        .route("/style.css", text("text/css; charset=utf-8", STYLE))
        .route("/mark.svg", text("image/svg+xml", MARK))
        .route("/decisions.js", text(script, DECISIONS))
        .route("/gallery.js", text(script, GALLERY))
        .route("/engine/avow_engine.js", text(script, ENGINE))
        .route(
            "/engine/avow_engine_bg.wasm",
            get(|| async { file("application/wasm", ENGINE_WASM) }),
        )
}

pub(crate) fn text<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    bytes: &'static str,
) -> MethodRouter<S> {
    get(move || async move { file(kind, bytes.as_bytes()) })
}

fn file(kind: &'static str, bytes: &'static [u8]) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        bytes,
    )
        .into_response()
}
