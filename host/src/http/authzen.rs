//! The shapes of the AuthZEN Authorization API 1.0, at this edge and nowhere else.
//!
//! `{"subject": {type, id, properties?}, "action": {name}, "resource": {type, id, properties?}, "context"?: {}}` becomes a
//! request of ours: properties describe the entity that they stand at. An entity that the host knows is described already, so
//! properties of such a one are refused, as is every member that would say nothing to a rule.

use avow_engine::{
    Until, Verdict,
    intake::Json,
    verdict::{FailedRule, Problem},
};
use axum::{
    Json as Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Serialize;

use super::{Shared, body, error::ApiError};
use crate::host::DecideError;

#[derive(Serialize)]
struct Evaluation {
    decision: bool,
    context: Reasons,
}

#[derive(Serialize)]
struct Reasons {
    outcome: &'static str,
    clauses: Vec<String>,
    rules: Vec<String>,
    obligations: Vec<String>,
    #[serde(skip_serializing_if = "Until::is_forever")]
    until: Until,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<FailedRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

pub(super) async fn evaluation(
    State(shared): State<Shared>,
    request: Request,
) -> Result<Response, ApiError> {
    let host = &shared.host;
    let tenant = shared
        .access
        .tenant(request.headers(), request.uri(), host.metrics())?;
    let Some(turn) = shared.turns.get(&tenant) else {
        return Err(not_served(&tenant));
    };
    let json: Json = body::json(request).await?;
    let (request, described) = match translate(json) {
        Ok(translated) => translated,
        Err(problem) => return Ok(refused(Verdict::refused(problem))),
    };
    // One question at a time goes to a tenant's guest; who waits, waits here, where waiting costs no thread.
    let turn = turn.take().await?;
    let host = host.clone();
    let decided = tokio::task::spawn_blocking(move || {
        let decided = host.decide(&tenant, &request);
        drop(turn);
        decided
    })
    .await
    .map_err(ApiError::internal)?;
    match decided {
        Ok(mut verdict) if verdict.outcome == "refused" => {
            if let Some(problem) = &mut verdict.problem {
                problem.path = path_here(&problem.path, &described);
            }
            Ok(refused(verdict))
        }
        Ok(verdict) => Ok(answer(StatusCode::OK, verdict, None)),
        Err(DecideError::UnknownTenant(tenant)) => Err(not_served(&tenant)),
        Err(error) => {
            let code = match &error {
                DecideError::Guest(error) => error.code(),
                _ => "guest_answer",
            };
            tracing::error!(%error, "a decision failed");
            let status = ApiError::Guest(code).status();
            Ok(answer(status, Verdict::failed(), Some(code)))
        }
    }
}

fn not_served(tenant: &str) -> ApiError {
    ApiError::Forbidden(format!("tenant `{tenant}` is not served here"))
}

fn refused(verdict: Verdict) -> Response {
    answer(StatusCode::BAD_REQUEST, verdict, None)
}

fn answer(status: StatusCode, verdict: Verdict, error: Option<&'static str>) -> Response {
    let body = Evaluation {
        decision: verdict.is_allow(),
        context: Reasons {
            outcome: verdict.outcome,
            clauses: verdict.clauses,
            rules: verdict.rules,
            obligations: verdict.obligations,
            until: verdict.until,
            failed: verdict.failed,
            problem: verdict.problem,
            error,
        },
    };
    (status, Body(body)).into_response()
}

/// Intake's path to a place, in the caller's words. `described` says whose properties became which entity.
fn path_here(path: &str, described: &[&str]) -> String {
    let renamed = |ours: &str, theirs: &str| match path.strip_prefix(ours) {
        Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => {
            Some(format!("{theirs}{rest}"))
        }
        _ => None,
    };
    let entities = described.iter().enumerate().find_map(|(number, whose)| {
        renamed(
            &format!("entities[{number}].attrs"),
            &format!("{whose}.properties"),
        )
        .or_else(|| renamed(&format!("entities[{number}]"), whose))
    });
    entities
        .or_else(|| renamed("principal", "subject"))
        .or_else(|| renamed("action", "action.name"))
        .unwrap_or_else(|| path.to_owned())
}

fn problem(path: &str, message: impl Into<String>) -> Problem {
    Problem {
        path: path.to_owned(),
        message: message.into(),
    }
}

/// A request of ours, and whose properties became its entities.
fn translate(json: Json) -> Result<(Json, Vec<&'static str>), Problem> {
    let [subject, action, resource, context] =
        members(json, "", ["subject", "action", "resource", "context"])?;
    let (principal, subject) = entity(required(subject, "subject")?, "subject")?;
    let (target, resource) = entity(required(resource, "resource")?, "resource")?;
    let [name, properties] = members(
        required(action, "action")?,
        "action",
        ["name", "properties"],
    )?;
    let name = text(required(name, "action.name")?, "action.name")?;
    if properties.is_some_and(|properties| !is_empty(&properties)) {
        let message = "an action has no properties: what a rule is to see belongs into `context`";
        return Err(problem("action.properties", message));
    }
    // One without properties is left to what the host knows of it.
    let parts = [
        ("subject", &principal, subject),
        ("resource", &target, resource),
    ];
    let (described, entities) = parts
        .into_iter()
        .filter_map(|(whose, uid, attrs)| {
            let entity = vec![("uid".into(), uid.clone()), ("attrs".into(), attrs?)];
            Some((whose, Json::Map(entity)))
        })
        .unzip();
    let request = Json::Map(vec![
        ("principal".into(), principal),
        ("action".into(), Json::Str(name)),
        ("resource".into(), target),
        ("context".into(), context.unwrap_or(Json::Map(Vec::new()))),
        ("entities".into(), Json::List(entities)),
    ]);
    Ok((request, described))
}

fn entity(json: Json, path: &str) -> Result<(Json, Option<Json>), Problem> {
    let [kind, id, properties] = members(json, path, ["type", "id", "properties"])?;
    let part = |value, name: &str| {
        let path = format!("{path}.{name}");
        Ok::<_, Problem>(Json::Str(text(required(value, &path)?, &path)?))
    };
    let uid = Json::Map(vec![
        ("type".into(), part(kind, "type")?),
        ("id".into(), part(id, "id")?),
    ]);
    Ok((uid, properties.filter(|properties| !is_empty(properties))))
}

fn is_empty(json: &Json) -> bool {
    matches!(json, Json::Map(fields) if fields.is_empty())
}

fn required(value: Option<Json>, path: &str) -> Result<Json, Problem> {
    value.ok_or_else(|| problem(path, "it is missing"))
}

fn text(value: Json, path: &str) -> Result<String, Problem> {
    match value {
        Json::Str(text) => Ok(text),
        _ => Err(problem(path, "expected a string")),
    }
}

/// The members of an object, by name; no others, and none twice.
fn members<const N: usize>(
    json: Json,
    path: &str,
    names: [&str; N],
) -> Result<[Option<Json>; N], Problem> {
    let Json::Map(fields) = json else {
        return Err(problem(path, "expected an object"));
    };
    let mut found = [const { None }; N];
    for (key, value) in fields {
        let place = names.iter().zip(&mut found).find(|(name, _)| **name == key);
        let here = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match place {
            Some((_, place @ None)) => *place = Some(value),
            Some(_) => return Err(problem(&here, "it is there twice")),
            None => {
                let all = names.join("`, `");
                return Err(problem(&here, format!("unknown member; there are `{all}`")));
            }
        }
    }
    Ok(found)
}
