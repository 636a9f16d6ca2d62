//! The people of one's own customer: who they are, changing a role, deactivating somebody.

use axum::{
    Form,
    extract::Path,
    response::{IntoResponse as _, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;

use super::SignedIn;
use crate::{
    decisions::Answer,
    html::Html,
    sessions::Session,
    show::{badge, clauses, role, rules},
    tenants::{Person, Standing},
};

const PEOPLE: &str = include_str!("../../pages/people.html");

/// What may be done to a user.
const ACTIONS: [&str; 2] = ["edit_role", "deactivate"];

/// The roles that the rules know.
const ROLES: [&str; 2] = ["admin", "member"];

pub(super) async fn page(signed_in: SignedIn) -> Response {
    let Some((tenant, _)) = signed_in.tenant_and_person() else {
        return Redirect::to("/sign-in").into_response();
    };
    let rows = tenant.people.iter().filter_map(|person| {
        let seen = signed_in.may_to_user("view", &person.id);
        seen.is_allow().then(|| {
            let answers = ACTIONS.map(|action| (action, signed_in.may_to_user(action, &person.id)));
            row(&signed_in, person, &tenant.standing(&person.id), &answers)
        })
    });
    let main = Html::fill(
        PEOPLE,
        &[
            ("tenant", &Html::text(&tenant.title)),
            ("rows", &Html::join(rows)),
        ],
    );
    signed_in
        .page("/people", "People · OpSyn", &main)
        .into_response()
}

fn row(
    signed_in: &SignedIn,
    person: &Person,
    standing: &Standing,
    answers: &[(&str, Answer)],
) -> Html {
    let decided = answers.iter().map(|(action, answer)| {
        Html::fill(
            "<li><span>{{words}}</span> {{badge}} {{rules}} {{clauses}}</li>",
            &[
                ("words", &Html::text(super::words(action))),
                ("badge", &badge(answer)),
                ("rules", &rules(answer)),
                ("clauses", &clauses(&signed_in.demo, &answer.clauses)),
            ],
        )
    });
    let tools = answers
        .iter()
        .filter(|(_, answer)| answer.is_allow())
        .map(|(action, _)| tool(action, person));
    Html::fill(
        "<li class=\"card person-card\" id=\"{{id}}\"><h2>{{name}}</h2><p class=\"muted\">{{job}} <span class=\"tag\">{{role}}</span></p>\
         {{notes}}<div class=\"tools\">{{tools}}</div><ul class=\"decided\">{{decided}}</ul></li>",
        &[
            ("id", &Html::text(&person.id)),
            ("name", &Html::text(&person.name)),
            ("job", &Html::text(&person.job)),
            ("role", &Html::text(role(&person.role))),
            ("notes", &notes(standing)),
            ("tools", &Html::join(tools)),
            ("decided", &Html::join(decided)),
        ],
    )
}

fn notes(standing: &Standing) -> Html {
    // The rules read roles from the customer's loaded entities, which a running host does not change one by one.
    let asked = standing.role.map(|wanted| {
        Html::fill(
            "<p class=\"note\">To become <strong>{{role}}</strong> when this customer’s entities are loaded next.</p>",
            &[("role", &Html::text(role(wanted)))],
        )
    });
    let gone = standing.deactivated.then(|| {
        Html::ours("<p class=\"note\">Deactivated: signed out, and not let in again.</p>")
    });
    Html::join(asked.into_iter().chain(gone))
}

/// The form of an action that is allowed.
fn tool(action: &str, person: &Person) -> Html {
    let template = match action {
        "edit_role" => {
            "<form method=\"post\" action=\"/people/{{id}}/edit_role\" class=\"tool role\"><label for=\"role-{{id}}\">Role</label>\
             <select id=\"role-{{id}}\" name=\"role\"><option value=\"{{role}}\">{{role-words}}</option><option value=\"{{other}}\">{{other-words}}</option></select>\
             <button class=\"quiet\">Change role</button></form>"
        }
        _ => {
            "<form method=\"post\" action=\"/people/{{id}}/deactivate\" class=\"tool\"><button class=\"quiet\">Deactivate</button></form>"
        }
    };
    let other = ROLES
        .into_iter()
        .find(|other| *other != person.role)
        .unwrap_or_default();
    Html::fill(
        template,
        &[
            ("id", &Html::text(&person.id)),
            ("role", &Html::text(&person.role)),
            ("role-words", &Html::text(role(&person.role))),
            ("other", &Html::text(other)),
            ("other-words", &Html::text(role(other))),
        ],
    )
}

#[derive(Deserialize)]
pub(super) struct Filled {
    #[serde(default)]
    role: String,
}

/// Does what a form asks for, if the rules allow it now.
pub(super) async fn act(
    signed_in: SignedIn,
    Path((id, action)): Path<(String, String)>,
    Form(filled): Form<Filled>,
) -> Response {
    let Some(action) = ACTIONS.into_iter().find(|known| *known == action) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let answer = signed_in.may_to_user(action, &id);
    let found = signed_in
        .tenant_and_person()
        .and_then(|(tenant, _)| Some((tenant, tenant.person(&id)?)));
    let Some((tenant, person)) = found.filter(|_| answer.is_allow()) else {
        return signed_in.refused(action, &id, &answer);
    };
    if action == "deactivate" {
        tenant.stand(&person.id, |standing| standing.deactivated = true);
        signed_in.demo.sessions.end_all(&Session {
            tenant: tenant.id.clone(),
            person: person.id.clone(),
        });
    } else {
        let Some(wanted) = ROLES.into_iter().find(|role| *role == filled.role) else {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        };
        let wanted = (wanted != person.role).then_some(wanted);
        tenant.stand(&person.id, |standing| standing.role = wanted);
    }
    Redirect::to("/people").into_response()
}
