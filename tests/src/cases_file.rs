//! The parity cases as JSON, for shells that are no Rust: the bundle, and for each case its JSON request, its canonical
//! bytes and the answer's bytes. The native engine has made the answers; `tests/tests/parity.rs` holds that to Cedar.

use avow_compiler::Target;
use avow_engine::{
    Answer, Bundle, Choice, Engine, Outcome, Question, Situation, Until, consent_request, intake,
};
use serde_json::{Value, json};

use crate::{Pack, hex, pack_names, stamp};

/// `{"bundle": hex, "cases": [{"name", "json", "now", "tenant", "request": hex, "answer": hex, "outcome"}], "packs": [{"name",
/// "bundle": hex, "questions": [[situation, now, gpc, allowed, until]]}]}`: the last are the browser's slices, what the widget asks
/// its lean engine, and what the whole engine answers by the whole bundle, and up to when; null is for ever.
///
/// # Panics
/// Where the pack is not sound.
#[must_use]
pub fn parity() -> Value {
    let pack = Pack::open("opsyn");
    let bytes = pack.bundle(Target::Server);
    let mut engine = Engine::new(Bundle::load(bytes.clone()).unwrap());
    let cases: Vec<_> = pack
        .cases
        .iter()
        .filter_map(|case| {
            let request = intake::request(engine.bundle(), &case.request, &stamp(case)).ok()?;
            let answer = engine.decide(&request).to_vec();
            Some(json!({
                "name": case.name,
                "json": case.request,
                "now": case.now,
                "tenant": case.tenant,
                "request": hex(&request),
                "answer": hex(&answer),
                "outcome": case.expect.outcome,
            }))
        })
        .collect();
    let packs: Vec<_> = pack_names().iter().map(|name| questions(name)).collect();
    json!({ "bundle": hex(&bytes), "cases": cases, "packs": packs })
}

/// What the widget may ask in the situations that differ by something which rules read.
fn questions(name: &str) -> Value {
    const DAY: i64 = 86_400_000;
    let now = 20_000 * DAY;
    let pack = Pack::open(name);
    let mut engine = Engine::new(Bundle::load(pack.bundle(Target::Server)).unwrap());
    let bundle = Bundle::load(pack.bundle(Target::Server)).unwrap();
    let ids = |of: &str| -> Vec<String> {
        let known = bundle.entities(of).map(|entity| entity.id().to_owned());
        known.chain(["unknown".to_owned()]).collect()
    };
    let (purposes, services) = (ids("Avow::Purpose"), ids("Avow::Service"));
    let mut places = ids("Avow::Jurisdiction");
    places.push(String::new());
    let offer = bundle.meta("offer").unwrap_or("none").to_owned();
    let mut choices = vec![None];
    for mark in 0..=purposes.len() {
        for (at, offer) in [
            (now - DAY, &offer),
            (now - 400 * DAY, &offer),
            (now, &"other".to_owned()),
        ] {
            // None granted, or one, or all.
            let granted = |i: usize| mark == i || mark == purposes.len();
            let with = |wanted: bool| {
                let all = purposes.iter().enumerate();
                let some = all.filter(|(i, _)| granted(*i) == wanted);
                some.map(|(_, id)| id.clone()).collect()
            };
            for (refused, objected) in [(with(false), Vec::new()), (Vec::new(), with(false))] {
                choices.push(Some(Choice {
                    at,
                    offer: offer.clone(),
                    granted: with(true),
                    refused,
                    objected,
                    services: if mark % 2 == 0 {
                        services.clone()
                    } else {
                        Vec::new()
                    },
                    method: "save".into(),
                    language: "en".into(),
                    id: "0".into(),
                }));
            }
        }
    }
    let mut asked = vec![
        ("ask", "pack", Question::Ask),
        ("offer_opt_out", "pack", Question::OfferOptOut),
    ];
    asked.extend(
        purposes
            .iter()
            .map(|id| ("process", id.as_str(), Question::Process(id))),
    );
    asked.extend(
        services
            .iter()
            .map(|id| ("load", id.as_str(), Question::Load(id))),
    );
    let namespace = bundle.meta("namespace").unwrap();
    let mut rows = Vec::new();
    for (at, choice) in choices.iter().enumerate() {
        let cookie = choice.as_ref().map(Choice::to_cookie).unwrap_or_default();
        for (place, jurisdiction) in places.iter().enumerate() {
            for (action, id, question) in &asked {
                let (gpc, surface) = ((at + place) % 2 == 0, ["site", "app"][(at / 2 + place) % 2]);
                let situation = Situation {
                    now,
                    surface,
                    jurisdiction,
                    gpc,
                    choice: choice.as_ref(),
                };
                let request = consent_request(&bundle, &situation, question);
                let answer = Answer::read(engine.decide(&request)).unwrap();
                let until = match (answer.outcome(), answer.until()) {
                    (Outcome::Refused | Outcome::Failed, _) | (_, Until::Now) => Some(now),
                    (_, Until::At(at)) => Some(at),
                    (_, Until::Forever) => None,
                };
                let lines = [namespace, surface, jurisdiction, &cookie, action, id].join("\n");
                rows.push(json!([
                    lines,
                    now,
                    gpc,
                    answer.outcome() == Outcome::Allow,
                    until
                ]));
            }
        }
    }
    json!({ "name": name, "bundle": hex(&pack.bundle(Target::Browser)), "questions": rows })
}
