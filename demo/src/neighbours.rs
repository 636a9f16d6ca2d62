//! The other four operators, each with a page under its own name that runs under its own pack: what this browser may keep and
//! load there now, and what it might if somebody accepted everything.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use avow_host::{
    CookieGate, Host, Ledger, Trust, Visit, Visits,
    avow_engine::{Attr, Bundle, Choice, Question, StoreFacts},
    http::{App, Site},
};
use axum::{
    Router,
    extract::State,
    response::{AppendHeaders, IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, header};

use crate::{
    decisions::{Answer, Desk},
    html::Html,
    promises::Promises,
    show::{badge, linked, rules},
    tries::{self, is_essential},
};

const PAGE: &str = include_str!("../pages/neighbour.html");
const PROMISED: &str = include_str!("../pages/neighbour-privacy.html");
const FRAME: &str = include_str!("../pages/neighbour-frame.html");

/// An operator, as the demo knows it.
struct Known {
    slug: &'static str,
    name: &'static str,
    lead: &'static str,
    /// What its policy speaks of: `site` or `app`.
    surface: &'static str,
    promises: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        slug: "opsmatiq",
        name: "Opsmatiq",
        lead: "Orders, stock and ledgers of a company in one place. Nothing here follows anybody, so nobody is asked.",
        surface: "app",
        promises: include_str!("../../policies/opsmatiq/promises.toml"),
    },
    Known {
        slug: "aiopsos",
        name: "AIOPSOS",
        lead: "Models for the people who run things. What is optional waits for a yes, and a no is taken at any time.",
        surface: "site",
        promises: include_str!("../../policies/aiopsos/promises.toml"),
    },
    Known {
        slug: "opsos",
        name: "OpsOS",
        lead: "Suppliers, documents and people of an operation. What was deleted can come back for a while, and then never.",
        surface: "site",
        promises: include_str!("../../policies/opsos/promises.toml"),
    },
    Known {
        slug: "opsient",
        name: "Opsient",
        lead: "Incidents, handled in our cloud or on your own machines. Only what the service needs is kept in your browser.",
        surface: "site",
        promises: include_str!("../../policies/opsient/promises.toml"),
    },
];

/// Host names of the four, and what they are called.
pub(crate) fn names() -> impl Iterator<Item = (String, &'static str)> {
    KNOWN.iter().map(|known| (host_of(known), known.name))
}

fn host_of(known: &Known) -> String {
    format!("www.{}.localhost", known.slug)
}

struct Neighbour {
    known: &'static Known,
    host: Arc<Host>,
    desk: Desk,
    promises: Promises,
    provider: String,
    production: bool,
}

/// The four services, by host name. `folder` has `<slug>.avow`, the bundle for servers, and `<slug>/`, the widget's files;
/// the ledgers are written beside them.
pub(crate) fn routers(
    folder: &Path,
    provider: &str,
    production: bool,
) -> Result<Vec<(String, Router)>> {
    KNOWN
        .iter()
        .map(|known| Ok((host_of(known), router(known, folder, provider, production)?)))
        .collect()
}

fn router(
    known: &'static Known,
    folder: &Path,
    provider: &str,
    production: bool,
) -> Result<Router> {
    let file = folder.join(format!("{}.avow", known.slug));
    let bundle = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    // It was compiled a moment ago on this machine, and comes from nobody else.
    let trust = Trust::default().allow_unsigned();
    let host = Arc::new(Host::builder().trust(trust).build(&bundle)?);
    let ledger = Ledger::open(&folder.join(format!("{}.db", known.slug)))?;
    ledger.verify()?;
    let visits = || {
        Visits::new(move |headers, _| Visit {
            surface: known.surface.into(),
            jurisdiction: crate::JURISDICTION.into(),
            production,
            ..Visit::from_headers(headers)
        })
    };
    let avow = App::new(Arc::clone(&host))
        .ledger(ledger)
        .site(Site::load(&folder.join(known.slug))?)
        .visits(visits())
        .router();
    let gate = CookieGate::new(Arc::clone(&host)).visits(visits());
    let scripts = tries::router(host.in_force().bundle());
    let neighbour = Arc::new(Neighbour {
        known,
        desk: Desk::new(Arc::clone(&host)),
        host,
        promises: Promises::read(known.promises)?,
        provider: provider.to_owned(),
        production,
    });
    Ok(Router::new()
        .route("/", get(home))
        .route("/privacy", get(privacy))
        .route("/tries", get(everything))
        .with_state(neighbour)
        .merge(scripts)
        .merge(crate::assets::router())
        .merge(avow)
        .layer(gate))
}

/// The page does what many do: its server sets a cookie that counts visitors, and it asks for a script from elsewhere. The gate
/// around the service and the widget in the page keep both back, unless the rules and the visitor allow them.
async fn home(State(here): State<Arc<Neighbour>>, headers: HeaderMap) -> Response {
    let in_force = here.host.in_force();
    let bundle = in_force.bundle();
    let accepts = accepts_everything(bundle, here.host.clock().now());
    let rows = questions(bundle, here.production)
        .into_iter()
        .map(|asked| {
            let question = asked.question();
            let now = here.desk.consent(here.known.surface, &headers, &question);
            let then = here.desk.with_choice(here.known.surface, &accepts, &question);
            Html::fill(
                "<tr data-question=\"{{kind}} {{id}}\"><th scope=\"row\">{{words}}</th>\
                 <td data-label=\"Now, for you\">{{now}}</td><td data-label=\"If you accepted everything\">{{then}}</td></tr>",
                &[
                    ("kind", &Html::text(asked.kind)),
                    ("id", &Html::text(&asked.id)),
                    ("words", &Html::text(&asked.words)),
                    ("now", &shown(&now)),
                    ("then", &shown(&then)),
                ],
            )
        });
    let asks = here
        .desk
        .without_choice(here.known.surface, &Question::Ask)
        .is_allow();
    let about = if asks {
        "Something here is optional, so a visitor who has not chosen is asked."
    } else {
        "The rules forbid asking, so the banner stays away: nothing here follows anybody, and no yes would change that."
    };
    let main = Html::fill(
        PAGE,
        &[
            ("name", &Html::text(here.known.name)),
            ("lead", &Html::text(here.known.lead)),
            ("asks", &Html::ours(if asks { "yes" } else { "no" })),
            ("about-asking", &Html::ours(about)),
            ("rows", &Html::join(rows)),
        ],
    );
    let cookie = tries::tracker(here.production);
    let page = frame(&here, "/", here.known.name, &main);
    (AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response()
}

async fn privacy(State(here): State<Arc<Neighbour>>) -> Html {
    let promises = here.promises.page(heading);
    let main = Html::fill(PROMISED, &[("promises", &promises)]);
    frame(&here, "/privacy", "What is promised", &main)
}

/// Everything that the catalogue knows is tried at once.
async fn everything(State(here): State<Arc<Neighbour>>) -> Response {
    let in_force = here.host.in_force();
    let (cookies, main) = tries::everything(in_force.bundle(), &here.provider, here.production);
    let cookies = cookies
        .into_iter()
        .map(|cookie| (header::SET_COOKIE, cookie));
    let page = frame(&here, "/tries", "What this page tries", &main);
    (AppendHeaders(cookies.collect::<Vec<_>>()), page).into_response()
}

/// A section of a policy as a heading: most have numbers.
fn heading(section: &str) -> String {
    if section.starts_with(|c: char| c.is_ascii_digit()) {
        format!("Section {section}")
    } else {
        match section.split_once(':') {
            Some(("none", why)) => format!("Between the lines: {}", why.trim()),
            _ => section.to_owned(),
        }
    }
}

fn frame(here: &Neighbour, path: &str, title: &str, main: &Html) -> Html {
    let in_force = here.host.in_force();
    let bundle = in_force.bundle();
    let choices = Html::ours(match bundle.meta("consent.cookie") {
        Some(_) => {
            "<li><button type=\"button\" class=\"link\" data-avow-open>Privacy choices</button></li>"
        }
        None => "",
    });
    let current = |at: &str| {
        Html::ours(if at == path {
            " aria-current=\"page\""
        } else {
            ""
        })
    };
    Html::fill(
        FRAME,
        &[
            ("title", &Html::text(title)),
            ("name", &Html::text(here.known.name)),
            ("surface", &Html::ours(here.known.surface)),
            ("jurisdiction", &Html::ours(crate::JURISDICTION)),
            ("scripts", &tries::scripts(bundle, &here.provider)),
            ("choices", &choices),
            ("home-current", &current("/")),
            ("tries-current", &current("/tries")),
            ("privacy-current", &current("/privacy")),
            ("main", main),
        ],
    )
}

fn shown(answer: &Answer) -> Html {
    Html::fill(
        "{{badge}} {{rules}} {{clauses}}",
        &[
            ("badge", &badge(answer)),
            ("rules", &rules(answer)),
            (
                "clauses",
                &match answer.clauses.is_empty() {
                    true => Html::default(),
                    false => linked("", &answer.clauses),
                },
            ),
        ],
    )
}

/// A visitor who says yes to all that there is.
fn accepts_everything(bundle: &Bundle, now: i64) -> Choice {
    let ids = |type_name: &str| {
        let mut ids: Vec<String> = bundle
            .entities(type_name)
            .map(|entity| entity.id().to_owned())
            .collect();
        ids.sort();
        ids
    };
    Choice {
        at: now,
        offer: bundle.meta("offer").unwrap_or_default().to_owned(),
        granted: ids("Avow::Purpose"),
        services: ids("Avow::Service"),
        method: "accept".to_owned(),
        language: "en".to_owned(),
        ..Choice::default()
    }
}

struct Asked {
    kind: &'static str,
    id: String,
    words: String,
    facts: StoreFacts<'static>,
}

impl Asked {
    fn question(&self) -> Question<'_> {
        match self.kind {
            "ask" => Question::Ask,
            "process" => Question::Process(&self.id),
            "load" => Question::Load(&self.id),
            _ => Question::Store(&self.id, self.facts),
        }
    }
}

/// Everything that the catalogue has to ask about.
fn questions(bundle: &Bundle, production: bool) -> Vec<Asked> {
    let mut asked = vec![Asked {
        kind: "ask",
        id: String::new(),
        words: "May the banner ask?".to_owned(),
        facts: StoreFacts::default(),
    }];
    let tables = [
        ("process", "Avow::Purpose", "Purpose: "),
        ("load", "Avow::Service", "Script: "),
        ("store", "Avow::Storage", "Cookie "),
    ];
    for (kind, type_name, words) in tables {
        for entity in bundle.entities(type_name) {
            let name = entity.attr("name").and_then(Attr::as_str);
            let title = entity.text("title").or(name).unwrap_or(entity.id());
            asked.push(Asked {
                kind,
                id: entity.id().to_owned(),
                words: format!("{words}{title}"),
                // As a careful server sets it: what is essential is hidden from scripts.
                facts: StoreFacts {
                    http_only: is_essential(bundle, &entity),
                    secure: production,
                    same_site: "lax",
                    lifetime: entity.attr("lifetime").and_then(Attr::as_millis),
                    production,
                },
            });
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::heading;

    #[test]
    fn a_section_is_a_heading() {
        for (section, words) in [
            ("3.2", "Section 3.2"),
            ("5, 6", "Section 5, 6"),
            ("none: follows from 9", "Between the lines: follows from 9"),
            ("opening", "opening"),
        ] {
            assert_eq!(heading(section), words);
        }
    }
}
