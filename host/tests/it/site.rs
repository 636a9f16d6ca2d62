//! The widget's files.

use std::fs;

use avow_host::http::{App, Site};
use axum::Router;

use crate::support::{call, get, host};

fn router() -> Router {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("locales")).unwrap();
    for (name, text) in [
        ("avow.js", "script"),
        ("avow.js.br", "small"),
        ("avow.js.gz", "medium"),
        ("avow.mjs", "module"),
        ("avow.d.ts", "types"),
        ("first-layer.html", "page"),
        ("avow.css", "style"),
        ("engine.wasm", "code"),
        ("opsyn.avow", "bundle"),
        ("locales/de.json", "{}"),
        (".secret", "no"),
    ] {
        fs::write(root.join(name), text).unwrap();
    }
    let site = Site::load(root).unwrap();
    App::new(host()).site(site).router()
}

#[tokio::test]
async fn files_have_their_types_and_tags() {
    let router = router();
    for (name, kind, text) in [
        ("avow.js", "text/javascript; charset=utf-8", "script"),
        ("avow.mjs", "text/javascript; charset=utf-8", "module"),
        ("avow.d.ts", "text/plain; charset=utf-8", "types"),
        ("first-layer.html", "text/html; charset=utf-8", "page"),
        ("avow.css", "text/css; charset=utf-8", "style"),
        ("engine.wasm", "application/wasm", "code"),
        ("opsyn.avow", "application/octet-stream", "bundle"),
        ("locales/de.json", "application/json", "{}"),
    ] {
        let reply = get(&router, &format!("/avow/{name}"), &[]).await;
        assert_eq!(reply.status, 200, "{name}");
        assert_eq!(reply.header("content-type"), kind);
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-cache");
        assert_eq!(reply.body, text.as_bytes());
        let tag = reply.header("etag").to_owned();
        assert_eq!(tag.len(), 66);
        let again = get(
            &router,
            &format!("/avow/{name}"),
            &[("if-none-match", &tag)],
        )
        .await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), tag);
    }
}

#[tokio::test]
async fn a_browser_gets_the_smallest_form_that_it_takes() {
    let router = router();
    for (accepts, encoding, text) in [
        ("gzip, deflate, br, zstd", "br", "small"),
        ("gzip", "gzip", "medium"),
        ("br;q=0, gzip;q=0.5", "gzip", "medium"),
        ("identity", "", "script"),
    ] {
        let reply = get(&router, "/avow/avow.js", &[("accept-encoding", accepts)]).await;
        assert_eq!(reply.header("content-encoding"), encoding, "{accepts}");
        assert_eq!(
            reply.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(reply.header("vary"), "accept-encoding");
        assert_eq!(reply.body, text.as_bytes());
    }
}

#[tokio::test]
async fn a_name_with_its_own_digest_may_be_kept_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    // SHA-256 of "x" begins with 2d711642.
    fs::write(folder.path().join("widget.2d711642.js"), "x").unwrap();
    fs::write(folder.path().join("widget.12345678.js"), "x").unwrap();
    let router = App::new(host())
        .site(Site::load(folder.path()).unwrap())
        .router();
    let kept = get(&router, "/avow/widget.2d711642.js", &[]).await;
    assert_eq!(
        kept.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let other = get(&router, "/avow/widget.12345678.js", &[]).await;
    assert_eq!(other.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn nothing_else_can_be_reached() {
    let router = router();
    for path in [
        "/avow/.secret",
        "/avow/missing.js",
        "/avow/locales",
        "/avow/../Cargo.toml",
        "/avow/%2e%2e/Cargo.toml",
        "/avow/%2Fetc%2Fpasswd",
        "/avow//etc/passwd",
    ] {
        assert_eq!(get(&router, path, &[]).await.status, 404, "{path}");
    }
    let delete = http::Request::delete("/avow/avow.js")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(call(&router, delete).await.status, 405);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(Site::load(std::path::Path::new("/no/such/folder")).is_err());
}
