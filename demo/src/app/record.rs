//! One record: what it says, what may be done to it, and doing it.

use axum::{
    Form,
    extract::Path,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;

use super::{SignedIn, words};
use crate::{
    Demo,
    decisions::Answer,
    html::Html,
    show::{badge, clauses, rules},
    tenants::Record,
};

const RECORD: &str = include_str!("../../pages/record.html");

/// What the page may offer.
const ACTIONS: [&str; 5] = [
    "edit",
    "export",
    "append_correction",
    "request_erasure",
    "delete",
];

/// Longest text that is taken, characters.
const MAX_TEXT: usize = 2000;

/// Corrections of one entry that are kept while the demo runs.
const MAX_CORRECTIONS: usize = 20;

/// What a class of records is called, as the catalogue says.
pub(super) fn class(demo: &Demo, id: &str) -> String {
    let in_force = demo.host.in_force();
    let class = in_force.bundle().entity("Avow::RecordClass", id);
    let title = class.and_then(|class| class.text("title").map(str::to_owned));
    title.unwrap_or_else(|| id.to_owned())
}

pub(super) async fn page(signed_in: SignedIn, Path(id): Path<String>) -> Response {
    let view = signed_in.may("view", &id);
    let record = signed_in
        .tenant_and_person()
        .and_then(|(tenant, _)| tenant.record(&id));
    // The rules first: that there is no such record is told only to whoever might have seen it.
    let Some(record) = record.filter(|_| view.is_allow()) else {
        return signed_in.refused("view", &id, &view);
    };
    let mut answers = vec![("view", view)];
    answers.extend(ACTIONS.map(|action| (action, signed_in.may(action, &id))));
    let tools = answers.iter().filter(|(_, answer)| answer.is_allow());
    let tools = Html::join(tools.map(|(action, _)| tool(action, &record)));
    let decided = answers.iter().map(|(action, answer)| {
        Html::fill(
            "<tr><th scope=\"row\">{{words}}</th><td data-label=\"Answer\">{{badge}}</td>\
             <td data-label=\"Rule\">{{rules}}</td><td data-label=\"Clause\">{{clauses}}</td></tr>",
            &[
                ("words", &Html::text(words(action))),
                ("badge", &badge(answer)),
                ("rules", &rules(answer)),
                ("clauses", &clauses(&signed_in.demo, &answer.clauses)),
            ],
        )
    });
    let main = Html::fill(
        RECORD,
        &[
            ("title", &Html::text(&record.title)),
            ("id", &Html::text(&record.id)),
            ("class", &Html::text(class(&signed_in.demo, &record.class))),
            ("date", &Html::text(&record.date)),
            ("text", &Html::text(&record.text)),
            ("notes", &notes(&record)),
            ("tools", &tools),
            ("decided", &Html::join(decided)),
        ],
    );
    let title = format!("{} · OpSyn", record.title);
    signed_in.page("", &title, &main).into_response()
}

/// What stands beside a record.
fn notes(record: &Record) -> Html {
    let corrections = record.corrections.iter().map(|text| {
        Html::fill(
            "<p class=\"note\"><strong>Correction</strong> {{text}}</p>",
            &[("text", &Html::text(text))],
        )
    });
    let erasure = record.erasure_asked_by.iter().map(|who| {
        Html::fill(
            "<p class=\"note\"><strong>Erasure</strong> asked for by {{who}}. The record goes with the next run.</p>",
            &[("who", &Html::text(who))],
        )
    });
    Html::join(corrections.chain(erasure))
}

/// The form of an action that is allowed.
fn tool(action: &str, record: &Record) -> Html {
    let template = match action {
        "edit" => {
            "<details class=\"tool wide\"><summary>Edit the text</summary><form method=\"post\" action=\"/records/{{id}}/edit\">\
             <label for=\"edit\">What happened</label><textarea id=\"edit\" name=\"text\" rows=\"4\" maxlength=\"2000\" required>{{text}}</textarea>\
             <button>Save the text</button></form></details>"
        }
        "append_correction" => {
            "<details class=\"tool wide\"><summary>Append a correction</summary><form method=\"post\" action=\"/records/{{id}}/append_correction\">\
             <label for=\"correction\">What is right, beside the entry</label><textarea id=\"correction\" name=\"text\" rows=\"3\" maxlength=\"2000\" required></textarea>\
             <button>Append the correction</button></form></details>"
        }
        "export" => {
            "<form method=\"post\" action=\"/records/{{id}}/export\" class=\"tool\"><button class=\"quiet\">Export as CSV</button></form>"
        }
        "request_erasure" => {
            "<form method=\"post\" action=\"/records/{{id}}/request_erasure\" class=\"tool\"><button class=\"quiet\">Ask for erasure</button></form>"
        }
        "delete" => {
            "<form method=\"post\" action=\"/records/{{id}}/delete\" class=\"tool\"><button class=\"quiet\">Delete</button></form>"
        }
        _ => "",
    };
    Html::fill(
        template,
        &[
            ("id", &Html::text(&record.id)),
            ("text", &Html::text(&record.text)),
        ],
    )
}

#[derive(Deserialize)]
pub(super) struct Filled {
    #[serde(default)]
    text: String,
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
    let answer: Answer = signed_in.may(action, &id);
    let found = signed_in.tenant_and_person().and_then(|(tenant, person)| {
        let record = tenant.record(&id)?;
        Some((tenant, person, record))
    });
    let Some((tenant, person, record)) = found.filter(|_| answer.is_allow()) else {
        return signed_in.refused(action, &id, &answer);
    };
    let text: String = filled.text.trim().chars().take(MAX_TEXT).collect();
    match action {
        "export" => return export(&record),
        "edit" if !text.is_empty() => tenant.change(&id, |record| record.text = text),
        "append_correction" if !text.is_empty() => tenant.change(&id, |record| {
            if record.corrections.len() < MAX_CORRECTIONS {
                record.corrections.push(text);
            }
        }),
        "request_erasure" => {
            let who = Some(person.name.clone());
            tenant.change(&id, |record| record.erasure_asked_by = who);
        }
        "delete" => {
            tenant.remove(&id);
            return Redirect::to("/").into_response();
        }
        // An empty text changes nothing.
        _ => {}
    }
    Redirect::to(&format!("/records/{}", record.id)).into_response()
}

/// A record as a file that a spreadsheet opens.
fn export(record: &Record) -> Response {
    let mut csv = String::from("id,class,date,title,text\r\n");
    let fields = [
        &record.id,
        &record.class,
        &record.date,
        &record.title,
        &record.text,
    ];
    csv.push_str(&fields.map(|field| csv_field(field)).join(","));
    csv.push_str("\r\n");
    let name = format!("attachment; filename=\"{}.csv\"", record.id);
    let kind = "text/csv; charset=utf-8".to_owned();
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, name),
        ],
        csv,
    )
        .into_response()
}

/// A field, quoted. What a spreadsheet would take for a formula is marked as text.
fn csv_field(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn a_field_is_neither_broken_by_quotes_nor_run_as_a_formula() {
        assert_eq!(csv_field("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(csv_field("=1+1"), "\"'=1+1\"");
    }
}
