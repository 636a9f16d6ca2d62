//! The page of decisions: the same questions asked on the server and in the browser, and what the server decided lately.

use std::collections::BTreeSet;

use avow_host::avow_engine::{Question, StoreFacts};
use http::HeaderMap;

use crate::{
    Demo,
    decisions::Decided,
    html::Html,
    show::{badge, clauses, promises, rules},
};

const PAGE: &str = include_str!("../pages/decisions.html");
const DAY: i64 = 86_400_000;
/// Of the server's last answers, this many are shown.
const SHOWN: usize = 20;

/// A question that both sides are asked: for people, for the server, and as the browser's engine takes it.
struct Asked {
    words: &'static str,
    question: Question<'static>,
    browser: &'static str,
}

fn asked(production: bool) -> [Asked; 5] {
    let stored = |id: &'static str, days: i64| {
        let facts = StoreFacts {
            http_only: false,
            secure: production,
            same_site: "lax",
            lifetime: Some(days * DAY),
            production,
        };
        Question::Store(id, facts)
    };
    [
        Asked {
            words: "May the banner ask?",
            question: Question::Ask,
            browser: r#"{"action": "ask", "resource": {"type": "Settings", "id": "pack"}}"#,
        },
        Asked {
            words: "May visits be measured?",
            question: Question::Process("analytics"),
            browser: r#"{"action": "process", "resource": {"type": "Purpose", "id": "analytics"}}"#,
        },
        Asked {
            words: "May Google Tag Manager be loaded?",
            question: Question::Load("google-tag-manager"),
            browser: r#"{"action": "load", "resource": {"type": "Service", "id": "google-tag-manager"}}"#,
        },
        Asked {
            words: "May _ga be set, for two years?",
            question: stored("ga", 730),
            browser: r#"{"action": "store", "resource": {"type": "Storage", "id": "ga"}, "lifetime": "730d"}"#,
        },
        Asked {
            words: "May opsyn_consent be set, for a year?",
            question: stored("opsyn-consent", 365),
            browser: r#"{"action": "store", "resource": {"type": "Storage", "id": "opsyn-consent"}, "lifetime": "365d"}"#,
        },
    ]
}

/// What stands on the page, for a surface and, in the application, for whom.
pub(crate) fn page(
    demo: &Demo,
    surface: &'static str,
    headers: &HeaderMap,
    tenant: Option<&str>,
) -> Html {
    let mut named = BTreeSet::new();
    let questions = asked(demo.production).map(|asked| {
        let answer = demo.desk.consent(surface, headers, &asked.question);
        named.extend(answer.clauses.iter().cloned());
        Html::fill(
            "<tr data-ask=\"{{ask}}\"><th scope=\"row\">{{words}}</th>\
             <td data-label=\"This browser\"><span class=\"muted\">asking</span></td>\
             <td data-label=\"Our server\">{{badge}} {{rules}}</td>\
             <td data-label=\"Clause\">{{clauses}}</td></tr>",
            &[
                ("ask", &Html::text(asked.browser)),
                ("words", &Html::text(asked.words)),
                ("badge", &badge(&answer)),
                ("rules", &rules(&answer)),
                ("clauses", &clauses(demo, &answer.clauses)),
            ],
        )
    });
    let lately = demo.desk.lately(surface, tenant, SHOWN);
    named.extend(
        lately
            .iter()
            .flat_map(|decided| decided.answer.clauses.clone()),
    );
    let rows = if lately.is_empty() {
        Html::ours("<tr><td colspan=\"5\">Nothing yet.</td></tr>")
    } else {
        Html::join(lately.iter().map(|decided| row(demo, decided)))
    };
    let words = match surface {
        "app" => {
            "Each button of the application was shown or left out by one of these answers, and each form was checked again when it arrived."
        }
        _ => {
            "What the site's own server tried to set, and was not allowed to. The page Letter tries it each time."
        }
    };
    Html::fill(
        PAGE,
        &[
            ("surface", &Html::ours(surface)),
            (
                "production",
                &Html::ours(if demo.production { "yes" } else { "no" }),
            ),
            ("questions", &Html::join(questions)),
            ("about-lately", &Html::ours(words)),
            ("lately", &rows),
            ("promises", &promises(demo, &named)),
        ],
    )
}

fn row(demo: &Demo, decided: &Decided) -> Html {
    Html::fill(
        "<tr><td data-label=\"Time, UTC\"><time>{{time}}</time></td><td data-label=\"Who\">{{who}}</td>\
         <th scope=\"row\" data-label=\"Question\"><code>{{question}}</code></th>\
         <td data-label=\"Answer\">{{badge}} {{rules}}</td><td data-label=\"Clause\">{{clauses}}</td></tr>",
        &[
            ("time", &Html::text(time(decided.at))),
            ("who", &Html::text(&decided.who)),
            ("question", &Html::text(&decided.question)),
            ("badge", &badge(&decided.answer)),
            ("rules", &rules(&decided.answer)),
            ("clauses", &clauses(demo, &decided.answer.clauses)),
        ],
    )
}

/// The time of day, UTC.
fn time(millis: i64) -> String {
    let seconds = millis.rem_euclid(DAY) / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn the_time_of_day_is_read_in_utc() {
        assert_eq!(time(1_772_355_600_999), "09:00:00");
        assert_eq!(time(-1000), "23:59:59");
    }
}
