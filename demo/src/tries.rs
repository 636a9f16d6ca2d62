//! What the other four sites try, so that somebody can look whether it happens: each has the scripts of its catalogue, and a page
//! whose server and scripts set everything that the catalogue knows, and one cookie that it does not.
//!
//! Nothing here asks anybody. The gate around the service and the widget in the page let through what the rules allow.

use avow_host::avow_engine::{Attr, Bundle, Entity};
use axum::{Router, routing::get};
use http::header;
use serde_json::json;

use crate::html::Html;

const PAGE: &str = include_str!("../pages/neighbour-tries.html");
const SCRIPT: &str = include_str!("../pages/tries.js");

/// How long the cookie lives that no catalogue has, seconds.
const TRACKED_SECONDS: i64 = 730 * 86_400;

/// A cookie that counts visitors, as a server sets it.
pub(crate) fn tracker(production: bool) -> String {
    let secure = secure(production);
    format!("_ga=GA1.server; Path=/; Max-Age={TRACKED_SECONDS}; SameSite=Lax{secure}")
}

/// The scripts of every page, inert until the widget lets them run: what is not essential, and one that no catalogue has.
pub(crate) fn scripts(bundle: &Bundle, provider: &str) -> Html {
    let optional = bundle
        .entities("Avow::Service")
        .filter(|service| !is_essential(bundle, service));
    let known = optional.map(|service| service_script(provider, &service));
    Html::join(known.chain([stand_in(provider, "visitor-counter")]))
}

/// The page that tries everything, and the cookies that its server sets.
pub(crate) fn everything(bundle: &Bundle, provider: &str, production: bool) -> (Vec<String>, Html) {
    let purposes = bundle
        .entities("Avow::Purpose")
        .filter(|purpose| !essential(purpose));
    let purposes = purposes.map(|purpose| {
        Html::fill(
            "<script type=\"text/plain\" data-purpose=\"{{id}}\" src=\"/purpose/{{id}}.js\"></script>\n",
            &[("id", &Html::text(purpose.id()))],
        )
    });
    let services = bundle
        .entities("Avow::Service")
        .filter(|service| is_essential(bundle, service))
        .map(|service| service_script(provider, &service));
    let stored = bundle.entities("Avow::Storage").map(|storage| {
        Html::fill(
            "<li><code>{{name}}</code> {{text}}</li>",
            &[
                ("name", &Html::text(text(&storage, "name"))),
                (
                    "text",
                    &Html::text(storage.text("text").unwrap_or_default()),
                ),
            ],
        )
    });
    let main = Html::fill(
        PAGE,
        &[
            ("stored", &Html::join(stored)),
            ("scripts", &Html::join(purposes.chain(services))),
        ],
    );
    let remembers = bundle.meta("consent.cookie");
    let cookies = bundle
        .entities("Avow::Storage")
        .filter(|storage| text(storage, "kind") == "cookie")
        // What a visitor chose is not the page's to write.
        .filter(|storage| Some(text(storage, "name")) != remembers)
        .map(|storage| cookie(bundle, &storage, production));
    (cookies.chain([tracker(production)]).collect(), main)
}

/// The scripts of this site's own, by path: one for each optional purpose, and each service whose files are the site's.
pub(crate) fn router(bundle: &Bundle) -> Router {
    let storage = |wanted: &dyn Fn(&Entity<'_>) -> bool| {
        let all = bundle.entities("Avow::Storage").filter(wanted);
        let all = all.map(|storage| {
            let seconds = lifetime(&storage);
            json!({ "kind": text(&storage, "kind"), "name": text(&storage, "name"), "seconds": seconds })
        });
        json!(all.collect::<Vec<_>>()).to_string()
    };
    let mut router = Router::new();
    let mut serve = |path: &str, stored: &str| {
        let script = SCRIPT.replace("[]", stored);
        let kind = [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let answer = get(move || async move { (kind, script) });
        router = std::mem::take(&mut router).route(path, answer);
    };
    for purpose in bundle
        .entities("Avow::Purpose")
        .filter(|one| !essential(one))
    {
        let stored = storage(&|one| {
            id(one, "purpose") == Some(purpose.id()) && id(one, "service").is_none()
        });
        serve(&format!("/purpose/{}.js", purpose.id()), &stored);
    }
    for service in bundle.entities("Avow::Service") {
        if let Some(path) = own_path(&service) {
            serve(
                &path,
                &storage(&|one| id(one, "service") == Some(service.id())),
            );
        }
    }
    router
}

/// Whether what a service or a cookie is for is essential.
pub(crate) fn is_essential(bundle: &Bundle, entity: &Entity<'_>) -> bool {
    id(entity, "purpose")
        .and_then(|purpose| bundle.entity("Avow::Purpose", purpose))
        .is_some_and(|purpose| essential(&purpose))
}

fn essential(purpose: &Entity<'_>) -> bool {
    purpose
        .attr("essential")
        .and_then(Attr::as_bool)
        .unwrap_or_default()
}

/// A service from elsewhere is stood in for by the demo's provider: nothing here reaches for the network.
fn service_script(provider: &str, service: &Entity<'_>) -> Html {
    own_path(service).map_or_else(
        || stand_in(provider, service.id()),
        |path| script(service.id(), &path),
    )
}

fn stand_in(provider: &str, service: &str) -> Html {
    script(service, &format!("{provider}/service.js?id={service}"))
}

fn script(service: &str, address: &str) -> Html {
    Html::fill(
        "<script type=\"text/plain\" data-service=\"{{service}}\" src=\"{{address}}\"></script>\n",
        &[
            ("service", &Html::text(service)),
            ("address", &Html::text(address)),
        ],
    )
}

/// Where a service's script is, if it is the site's own.
fn own_path(service: &Entity<'_>) -> Option<String> {
    let loads = service.attr("loads")?;
    let own = loads
        .items()
        .filter_map(Attr::as_str)
        .find(|prefix| prefix.starts_with('/'));
    own.map(|prefix| format!("{prefix}script.js"))
}

/// As a careful server sets it: what is essential is hidden from scripts.
fn cookie(bundle: &Bundle, storage: &Entity<'_>, production: bool) -> String {
    let hidden = if is_essential(bundle, storage) {
        "; HttpOnly"
    } else {
        ""
    };
    let lives = lifetime(storage).map_or_else(String::new, |left| format!("; Max-Age={left}"));
    let secure = secure(production);
    let name = text(storage, "name");
    format!("{name}=server; Path=/; SameSite=Lax{lives}{hidden}{secure}")
}

fn secure(production: bool) -> &'static str {
    if production { "; Secure" } else { "" }
}

/// The longest that it may live, in seconds; none where it ends with the browser's session.
fn lifetime(storage: &Entity<'_>) -> Option<i64> {
    Some(storage.attr("lifetime")?.as_millis()? / 1000)
}

fn text<'a>(entity: &Entity<'a>, attribute: &str) -> &'a str {
    entity
        .attr(attribute)
        .and_then(Attr::as_str)
        .unwrap_or_default()
}

fn id<'a>(entity: &Entity<'a>, attribute: &str) -> Option<&'a str> {
    entity.attr(attribute)?.as_entity_id()
}
