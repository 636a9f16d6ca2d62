//! The signed-in application: sign-in, the records of one's own customer, and what may be done to them.
//!
//! INVARIANT: a page offers what the rules allow, and a form is decided again when it arrives. Hiding is a courtesy; the second
//! decision is the protection. Whose data is meant comes from the session only.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{FromRequestParts, Path, Query, State},
    response::{AppendHeaders, IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::Deserialize;

use crate::{
    Demo, both,
    decisions::Answer,
    html::Html,
    sessions::{COOKIE, Session},
    show::{app_page, badge, clauses, promises, role, rules},
    tenants::{Person, Record, Tenant},
};

mod people;
mod record;

const SIGN_IN: &str = include_str!("../pages/sign-in.html");
const RECORDS: &str = include_str!("../pages/records.html");
const REFUSED: &str = include_str!("../pages/refused.html");

pub(crate) fn router(demo: &Arc<Demo>) -> Router {
    Router::new()
        .route("/", get(records))
        .route("/sign-in", get(sign_in_page).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/open", get(open))
        .route("/records/{id}", get(record::page))
        .route("/records/{id}/{action}", post(record::act))
        .route("/people", get(people::page))
        .route("/people/{id}/{action}", post(people::act))
        .route("/decisions", get(decisions))
        .fallback(lost)
        .with_state(Arc::clone(demo))
}

/// Who asks. Without a session, the answer is the way to the sign-in page.
struct SignedIn {
    demo: Arc<Demo>,
    session: Session,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<Demo>> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, demo: &Arc<Demo>) -> Result<Self, Redirect> {
        let session = demo.sessions.find(&parts.headers);
        let signed_in = session.map(|session| Self {
            demo: Arc::clone(demo),
            session,
            headers: parts.headers.clone(),
        });
        signed_in.ok_or(Redirect::to("/sign-in"))
    }
}

impl SignedIn {
    fn tenant_and_person(&self) -> Option<(&Tenant, &Person)> {
        let tenant = self.demo.tenant(&self.session.tenant)?;
        Some((tenant, tenant.person(&self.session.person)?))
    }

    fn may(&self, action: &str, record: &str) -> Answer {
        let Session { tenant, person } = &self.session;
        let what = ("OpSyn::Record", record);
        self.demo.desk.may(tenant, person, action, what)
    }

    fn may_to_user(&self, action: &str, user: &str) -> Answer {
        let Session { tenant, person } = &self.session;
        let what = ("OpSyn::User", user);
        self.demo.desk.may(tenant, person, action, what)
    }

    fn page(&self, path: &str, title: &str, main: &Html) -> Html {
        app_page(&self.demo, self.tenant_and_person(), path, title, main)
    }

    /// The page that says no, and by which promise.
    fn refused(&self, action: &str, record: &str, answer: &Answer) -> Response {
        let tenant = self
            .tenant_and_person()
            .map_or("", |(tenant, _)| tenant.title.as_str());
        let why = match answer.outcome {
            "forbidden" => "A rule forbids it, and a rule that forbids cannot be outvoted.",
            "not_permitted" => "No rule permits it. What no rule permits is not done.",
            "failed" => {
                "The rules that keep customers apart could not be answered: among what this customer keeps with us, nothing has this id. A question that cannot be answered is a no. Whether the id belongs to somebody else, this page does not know either: other customers' data is not within its reach."
            }
            _ => "The question does not make sense to the rules.",
        };
        let main = Html::fill(
            REFUSED,
            &[
                ("badge", &badge(answer)),
                ("who", &Html::text(&self.session.person)),
                ("tenant", &Html::text(tenant)),
                ("action", &Html::text(words(action))),
                ("record", &Html::text(record)),
                ("why", &Html::ours(why)),
                ("rules", &rules(answer)),
                ("clauses", &clauses(&self.demo, &answer.clauses)),
                ("promises", &promises(&self.demo, &answer.clauses)),
            ],
        );
        let page = self.page("", "Refused · OpSyn", &main);
        (StatusCode::FORBIDDEN, page).into_response()
    }
}

/// What an action of the pack is called here.
fn words(action: &str) -> &str {
    match action {
        "view" => "View",
        "edit" => "Edit",
        "export" => "Export",
        "append_correction" => "Append a correction",
        "request_erasure" => "Ask for erasure",
        "delete" => "Delete",
        "edit_role" => "Change role",
        "deactivate" => "Deactivate",
        other => other,
    }
}

async fn sign_in_page(State(demo): State<Arc<Demo>>) -> Html {
    let cards = demo.tenants.iter().map(|tenant| {
        let people = tenant.people.iter().map(|person| {
            Html::fill(
                "<button class=\"person\" name=\"user\" value=\"{{tenant}}/{{id}}\"><strong>{{name}}</strong>\
                 <span>{{job}}</span><span class=\"tag\">{{role}}</span></button>",
                &[
                    ("tenant", &Html::text(&tenant.id)),
                    ("id", &Html::text(&person.id)),
                    ("name", &Html::text(&person.name)),
                    ("job", &Html::text(&person.job)),
                    ("role", &Html::text(role(&person.role))),
                ],
            )
        });
        Html::fill(
            "<form method=\"post\" action=\"/sign-in\" class=\"card\"><h2>{{title}}</h2>{{people}}</form>",
            &[
                ("title", &Html::text(&tenant.title)),
                ("people", &Html::join(people)),
            ],
        )
    });
    let main = Html::fill(SIGN_IN, &[("tenants", &Html::join(cards))]);
    app_page(&demo, None, "/sign-in", "Sign in · OpSyn", &main)
}

#[derive(Deserialize)]
struct Who {
    user: String,
}

async fn sign_in(State(demo): State<Arc<Demo>>, Form(who): Form<Who>) -> Response {
    let known = who.user.split_once('/').and_then(|(tenant, person)| {
        let tenant = demo.tenant(tenant)?;
        let person = tenant.person(person)?;
        (!tenant.standing(&person.id).deactivated).then_some((tenant, person))
    });
    let Some((tenant, person)) = known else {
        return Redirect::to("/sign-in").into_response();
    };
    let session = Session {
        tenant: tenant.id.clone(),
        person: person.id.clone(),
    };
    match demo.sessions.begin(session) {
        Ok(token) => {
            let secure = if demo.production { "; Secure" } else { "" };
            let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}");
            (
                AppendHeaders([(header::SET_COOKIE, cookie)]),
                Redirect::to("/"),
            )
                .into_response()
        }
        Err(error) => {
            tracing::error!("{error:#}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn sign_out(State(demo): State<Arc<Demo>>, headers: HeaderMap) -> Response {
    demo.sessions.end(&headers);
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0");
    (
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to("/sign-in"),
    )
        .into_response()
}

async fn records(signed_in: SignedIn) -> Response {
    let Some((tenant, _)) = signed_in.tenant_and_person() else {
        return Redirect::to("/sign-in").into_response();
    };
    let seen: Vec<Record> = tenant
        .records()
        .into_iter()
        .filter(|record| signed_in.may("view", &record.id).is_allow())
        .collect();
    let rows = seen.iter().map(|record| {
        Html::fill(
            "<li><a class=\"row\" href=\"/records/{{id}}\"><span class=\"row-title\">{{title}}</span>\
             <span class=\"tag\">{{class}}</span><span class=\"muted\">{{id}}</span><time>{{date}}</time></a></li>",
            &[
                ("id", &Html::text(&record.id)),
                ("title", &Html::text(&record.title)),
                ("class", &Html::text(record::class(&signed_in.demo, &record.class))),
                ("date", &Html::text(&record.date)),
            ],
        )
    });
    let others = signed_in
        .demo
        .tenants
        .iter()
        .find(|other| other.id != tenant.id);
    let (other, example) = others.map_or_else(Default::default, |other| {
        let example = other.records().first().map(|record| record.id.clone());
        (other.title.clone(), example.unwrap_or_default())
    });
    let main = Html::fill(
        RECORDS,
        &[
            ("tenant", &Html::text(&tenant.title)),
            ("count", &Html::number(seen.len())),
            ("rows", &Html::join(rows)),
            ("other", &Html::text(other)),
            ("example", &Html::text(example)),
        ],
    );
    signed_in
        .page("/", "Records · OpSyn", &main)
        .into_response()
}

#[derive(Deserialize)]
struct Wanted {
    id: String,
}

/// From the field on the list of records to the record. Any text is an id: the rules answer.
async fn open(signed_in: SignedIn, Query(wanted): Query<Wanted>) -> Response {
    record::page(signed_in, Path(wanted.id.trim().to_owned())).await
}

async fn decisions(signed_in: SignedIn) -> Html {
    let tenant = Some(signed_in.session.tenant.as_str());
    let main = both::page(&signed_in.demo, "app", &signed_in.headers, tenant);
    signed_in.page("/decisions", "Decisions · OpSyn", &main)
}

async fn lost(State(demo): State<Arc<Demo>>) -> Response {
    let main = Html::ours(
        "<div class=\"page narrow\"><h1>There is no such page</h1><p><a href=\"/\">To the records</a></p></div>",
    );
    let page = app_page(&demo, None, "", "Not found · OpSyn", &main);
    (StatusCode::NOT_FOUND, page).into_response()
}
