//! A case's request, in a line that can be read.

use avow_engine::{explain::datetime, intake::Json};

use crate::cases::{Case, Expectation, until_text};

/// Who does what to what.
pub(super) fn asked(case: &Case) -> String {
    ["principal", "action", "resource"]
        .iter()
        .filter_map(|key| case.request.get(key))
        .map(value)
        .collect::<Vec<_>>()
        .join(" → ")
}

/// When, for which tenant, in which context, and what is said of the principal and the resource.
pub(super) fn circumstances(case: &Case) -> String {
    let mut parts = Vec::new();
    if let Some(now) = case.now {
        parts.push(format!("now {}", datetime(now)));
    }
    if let Some(tenant) = &case.tenant {
        parts.push(format!("tenant {tenant}"));
    }
    if let Some(Json::Map(context)) = case.request.get("context") {
        parts.extend(
            context
                .iter()
                .map(|(key, of)| format!("{key} {}", value(of))),
        );
    }
    for key in ["principal", "resource"] {
        let asked = case.request.get(key).map(value);
        let Some(Json::List(entities)) = case.request.get("entities") else {
            continue;
        };
        let entity = entities.iter().find(|entity| {
            let uid = entity.get("uid").map(value);
            uid.zip(asked.as_ref())
                .is_some_and(|(uid, asked)| same(&uid, asked))
        });
        if let Some(attrs @ Json::Map(given)) = entity.and_then(|entity| entity.get("attrs"))
            && !given.is_empty()
        {
            parts.push(format!("{key} {}", value(attrs)));
        }
    }
    parts.join(" · ")
}

/// What should come out.
pub(super) fn expected(expect: &Expectation) -> String {
    let mut out = expect.outcome.replace('_', " ");
    for (name, list) in [
        ("by", &expect.rules),
        ("for", &expect.clauses),
        ("with", &expect.obligations),
    ] {
        match list {
            Some(list) if !list.is_empty() => {
                out.push_str(&format!(" {name} {}", list.join(", ")));
            }
            Some(_) if name == "by" => out.push_str(" by no rule"),
            _ => {}
        }
    }
    if let Some(until) = expect.until {
        out.push_str(&format!(" until {}", until_text(until)));
    }
    out
}

/// Whether two uids are one, where a namespace may be left out.
fn same(a: &str, b: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    };
    ends(a, b) || ends(b, a)
}

fn value(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Int(value) => value.to_string(),
        Json::Float(value) => value.to_string(),
        Json::Str(text) if text.is_empty() => "\"\"".to_owned(),
        Json::Str(text) => text.clone(),
        Json::List(items) => {
            let items: Vec<_> = items.iter().map(value).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Map(fields) => {
            let uid = |key: &str| match json.get(key) {
                Some(Json::Str(text)) => Some(text),
                _ => None,
            };
            if let (2, Some(of), Some(id)) = (fields.len(), uid("type"), uid("id")) {
                return format!("{of}::\"{id}\"");
            }
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, of)| format!("{key}: {}", value(of)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}
