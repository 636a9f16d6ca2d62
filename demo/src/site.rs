//! The public site: pages that anybody reads, and one on which our own server tries to set an analytics cookie.

use std::sync::Arc;

use avow_host::avow_engine::{Question, StoreFacts};
use axum::{
    Router,
    extract::State,
    response::{AppendHeaders, IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};

use crate::{
    Demo, both, gallery,
    html::Html,
    show::{badge, clauses, rules, site_page},
};

const HOME: &str = include_str!("../pages/home.html");
const PRICING: &str = include_str!("../pages/pricing.html");
const PRIVACY: &str = include_str!("../pages/privacy.html");
const NEWSLETTER: &str = include_str!("../pages/newsletter.html");

/// Two years: the longest that the policy lets an analytics cookie live.
const GA_SECONDS: i64 = 730 * 86_400;

pub(crate) fn router(demo: &Arc<Demo>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/pricing", get(pricing))
        .route("/privacy", get(privacy))
        .route("/newsletter", get(newsletter))
        .route("/decisions", get(decisions))
        .route("/gallery", get(gallery::page))
        .fallback(lost)
        .with_state(Arc::clone(demo))
}

async fn home(State(demo): State<Arc<Demo>>) -> Html {
    let main = Html::fill(HOME, &[("app", &Html::text(&demo.app))]);
    site_page(
        &demo,
        "/",
        "OpSyn: shift records that keep their promises",
        &main,
    )
}

async fn pricing(State(demo): State<Arc<Demo>>) -> Html {
    let main = Html::fill(PRICING, &[("app", &Html::text(&demo.app))]);
    site_page(&demo, "/pricing", "Pricing · OpSyn", &main)
}

async fn privacy(State(demo): State<Arc<Demo>>) -> Html {
    let promises = demo.promises.page(|section| heading(section).to_owned());
    let main = Html::fill(PRIVACY, &[("promises", &promises)]);
    site_page(&demo, "/privacy", "Privacy · OpSyn", &main)
}

/// A section of the policy as a heading.
fn heading(section: &str) -> &str {
    match section.split_once(':') {
        Some(("none", _)) => "Between customers",
        Some((section, _)) => section,
        None if section == "opening" => "What we process data for",
        None => section,
    }
}

/// A page whose server does what many do: it sets an analytics cookie without looking at the visitor's choice. The layer
/// around the whole service takes the cookie out again, unless the choice allows it.
async fn newsletter(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> Response {
    let facts = StoreFacts {
        http_only: false,
        secure: demo.production,
        same_site: "lax",
        lifetime: Some(GA_SECONDS * 1000),
        production: demo.production,
    };
    let answer = demo
        .desk
        .consent("site", &headers, &Question::Store("ga", facts));
    let came = if answer.is_allow() {
        "It arrived, because you agreed to analytics."
    } else {
        "It never reached your browser: our server took it out of its own response."
    };
    let main = Html::fill(
        NEWSLETTER,
        &[
            ("badge", &badge(&answer)),
            ("rules", &rules(&answer)),
            ("clauses", &clauses(&demo, &answer.clauses)),
            ("came", &Html::ours(came)),
        ],
    );
    let page = site_page(&demo, "/newsletter", "Letter from the line · OpSyn", &main);
    let secure = if demo.production { "; Secure" } else { "" };
    // A value that the provider's script would never give, so that one can see who set it.
    let cookie = format!("_ga=GA1.server; Path=/; Max-Age={GA_SECONDS}; SameSite=Lax{secure}");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response()
}

async fn decisions(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> Html {
    let main = both::page(&demo, "site", &headers, None);
    site_page(&demo, "/decisions", "Decisions · OpSyn", &main)
}

async fn lost(State(demo): State<Arc<Demo>>) -> Response {
    let main = Html::ours(
        "<div class=\"page narrow\"><h1>There is no such page</h1><p><a href=\"/\">Back to the start</a></p></div>",
    );
    let page = site_page(&demo, "", "Not found · OpSyn", &main);
    (StatusCode::NOT_FOUND, page).into_response()
}
