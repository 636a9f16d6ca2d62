//! Asks the host, and remembers the last answers so that a page can show them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use avow_host::{
    DecideError, Host, Visit,
    avow_engine::{Bundle, Choice, Effect, Question, Situation, Verdict, intake::Json},
    gate::Stripped,
};
use http::HeaderMap;

use crate::sessions::cookie;

/// Answers that are remembered.
const MAX_REMEMBERED: usize = 400;

/// A question and its answer, in words.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// Milliseconds since 1970 in UTC.
    pub(crate) at: i64,
    /// A tenant's name, or none where it was about a visitor.
    pub(crate) tenant: Option<String>,
    /// `site` or `app`.
    pub(crate) surface: &'static str,
    pub(crate) who: String,
    pub(crate) question: String,
    pub(crate) answer: Answer,
}

/// An answer, with the rules and clauses that explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `allow`, `forbidden`, `not_permitted`, `refused`, `failed`, or `unlisted` for a cookie that the catalogue has not.
    pub(crate) outcome: &'static str,
    /// The determining rules; where forbids could not be evaluated, these.
    pub(crate) rules: Vec<String>,
    pub(crate) clauses: Vec<String>,
    /// Why there is no decision by a rule.
    pub(crate) problem: Option<String>,
}

impl Answer {
    pub(crate) fn is_allow(&self) -> bool {
        self.outcome == "allow"
    }

    fn new(bundle: &Bundle, verdict: Result<Verdict, DecideError>) -> Self {
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                return Self {
                    outcome: "failed",
                    rules: Vec::new(),
                    clauses: Vec::new(),
                    problem: Some(error.to_string()),
                };
            }
        };
        let mut answer = Self {
            outcome: verdict.outcome,
            rules: verdict.rules,
            clauses: verdict.clauses,
            problem: verdict.problem.map(|problem| problem.to_string()),
        };
        if answer.outcome == "failed" {
            // What decided is that these could not be answered; the promises at stake are theirs. A permit that could not be
            // answered either would have been no reason to refuse.
            let forbids: BTreeSet<_> = bundle
                .rules()
                .filter(|rule| rule.effect() == Effect::Forbid)
                .map(|rule| rule.id())
                .collect();
            let failed = verdict.failed.into_iter();
            let failed = failed.filter(|failed| forbids.contains(failed.rule.as_str()));
            let mut clauses = BTreeSet::new();
            for failed in failed {
                answer.rules.push(failed.rule);
                clauses.extend(failed.clauses);
                answer.problem.get_or_insert(failed.error);
            }
            answer.clauses = clauses.into_iter().collect();
        }
        answer
    }
}

/// The host, and what it answered lately.
pub(crate) struct Desk {
    host: Arc<Host>,
    lately: Mutex<VecDeque<Decided>>,
}

impl Desk {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        Self {
            host,
            lately: Mutex::default(),
        }
    }

    /// Decides whether a tenant's user may do something to a record or a user. The tenant is the session's, never the request's.
    /// `kind` is the type of what it is done to: `OpSyn::Record` or `OpSyn::User`.
    pub(crate) fn may(
        &self,
        tenant: &str,
        person: &str,
        action: &str,
        (kind, id): (&str, &str),
    ) -> Answer {
        let uid = |kind: &str, id: &str| {
            Json::Map(vec![
                ("type".to_owned(), Json::from(kind)),
                ("id".to_owned(), Json::from(id)),
            ])
        };
        let request = Json::Map(vec![
            ("principal".to_owned(), uid("OpSyn::User", person)),
            ("action".to_owned(), Json::from(action)),
            ("resource".to_owned(), uid(kind, id)),
        ]);
        let verdict = self.host.decide(tenant, &request);
        let answer = Answer::new(self.host.in_force().bundle(), verdict);
        self.remember(Decided {
            at: self.host.clock().now(),
            tenant: Some(tenant.to_owned()),
            surface: "app",
            who: person.to_owned(),
            question: format!("{action} {id}"),
            answer: answer.clone(),
        });
        answer
    }

    /// Decides a question about a visitor's consent, by what the request says of the visit.
    pub(crate) fn consent(
        &self,
        surface: &str,
        headers: &HeaderMap,
        question: &Question<'_>,
    ) -> Answer {
        let in_force = self.host.in_force();
        let name = in_force.bundle().meta("consent.cookie");
        let choice = name
            .and_then(|name| cookie(headers, name))
            .and_then(Choice::parse);
        self.of_visit(
            surface,
            Visit::from_headers(headers).gpc,
            choice.as_ref(),
            question,
        )
    }

    /// Decides it for somebody who made this choice.
    pub(crate) fn with_choice(
        &self,
        surface: &str,
        choice: &Choice,
        question: &Question<'_>,
    ) -> Answer {
        self.of_visit(surface, false, Some(choice), question)
    }

    /// Decides it for somebody who has not chosen.
    pub(crate) fn without_choice(&self, surface: &str, question: &Question<'_>) -> Answer {
        self.of_visit(surface, false, None, question)
    }

    fn of_visit(
        &self,
        surface: &str,
        gpc: bool,
        choice: Option<&Choice>,
        question: &Question<'_>,
    ) -> Answer {
        let situation = Situation {
            now: self.host.clock().now(),
            surface,
            jurisdiction: crate::JURISDICTION,
            gpc,
            choice,
        };
        let verdict = self.host.consent(&situation, question);
        Answer::new(self.host.in_force().bundle(), verdict)
    }

    /// Remembers a cookie that was taken out of a response.
    pub(crate) fn stripped(&self, surface: &'static str, cookie: &Stripped) {
        self.remember(Decided {
            at: self.host.clock().now(),
            tenant: None,
            surface,
            who: "this server".to_owned(),
            question: format!("Set-Cookie: {}", cookie.name),
            answer: Answer {
                outcome: cookie.outcome,
                rules: Vec::new(),
                clauses: cookie.clauses.clone(),
                problem: None,
            },
        });
    }

    /// The last answers that a page may show, the newest first: those of its surface that are
    /// about nobody, or about the tenant that is signed in.
    /// What one customer's people asked is no other customer's business, nor a visitor's.
    pub(crate) fn lately(&self, surface: &str, tenant: Option<&str>, most: usize) -> Vec<Decided> {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately
            .iter()
            .rev()
            .filter(|decided| decided.surface == surface)
            .filter(|decided| decided.tenant.is_none() || decided.tenant.as_deref() == tenant)
            .take(most)
            .cloned()
            .collect()
    }

    fn remember(&self, decided: Decided) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.len() == MAX_REMEMBERED {
            lately.pop_front();
        }
        lately.push_back(decided);
    }
}
