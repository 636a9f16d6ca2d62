//! The cookies that the answer to a choice sets, and those that it takes away.

use std::{collections::BTreeSet, net::Ipv4Addr};

use avow_engine::{Bundle, Choice, Question, StoreFacts};
use http::{HeaderMap, HeaderValue};

use crate::{
    cookie,
    host::{Host, InForce},
    visit::{self, Visit},
};

pub(super) const DAY_MILLIS: i64 = 86_400_000;

/// Cookies of one request that are asked about. A browser keeps no more than 180 of a domain.
const MAX_COOKIES: usize = 200;

/// Longest all `Set-Cookie` headers of an answer may be together, bytes: proxies take 4,096 for all headers.
const MAX_BYTES: usize = 3072;

/// Names and values of `SameSite` that a cookie may have been set with.
const SAME_SITE: [&str; 3] = ["strict", "lax", "none"];

/// An answer to a visitor.
pub(super) struct Answer<'a> {
    pub(super) host: &'a Host,
    pub(super) in_force: &'a InForce,
    pub(super) visit: &'a Visit,
    /// The headers of the request.
    pub(super) sent: &'a HeaderMap,
    /// The name by which the browser knows this server.
    pub(super) name: Option<String>,
    pub(super) now: i64,
}

/// Days for which the consent cookie lives.
pub(super) fn days(bundle: &Bundle) -> Option<i64> {
    bundle.meta("consent.days")?.parse().ok()
}

impl Answer<'_> {
    /// The consent cookie, where the rules allow it; they may keep it off a surface, or from living that long.
    pub(super) fn remember(&self, choice: &Choice) -> Vec<HeaderValue> {
        self.consent_cookie(choice).unwrap_or_default()
    }

    fn consent_cookie(&self, choice: &Choice) -> Option<Vec<HeaderValue>> {
        let bundle = self.in_force.bundle();
        let name = bundle.meta("consent.cookie")?;
        let days = days(bundle)?;
        let id = bundle.storage("cookie", name)?;
        let facts = StoreFacts {
            http_only: false,
            secure: self.visit.production,
            same_site: "lax",
            lifetime: Some(days.saturating_mul(DAY_MILLIS)),
            production: self.visit.production,
        };
        let situation = self.visit.situation(self.now, Some(choice));
        let question = Question::Store(id, facts);
        match self.host.consent_by(self.in_force, &situation, &question) {
            Ok(verdict) if verdict.is_allow() => {}
            Ok(verdict) => {
                tracing::error!(
                    outcome = verdict.outcome,
                    "the rules do not allow the consent cookie"
                );
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "the consent cookie could not be decided");
                return None;
            }
        }
        let mut cookies = Vec::new();
        let domain = bundle.meta("consent.domain");
        let domain = domain.filter(|domain| self.is_within(domain));
        // One of this host alone, from before it was shared, would stand beside the shared one and contradict it. It goes
        // first: a browser that does not tell the two apart then keeps what comes after.
        if domain.is_some() && cookie::pairs(visit::cookies(self.sent)).any(|(key, _)| key == name)
        {
            cookies.push(self.expired(name, None));
        }
        let value = choice.to_cookie();
        let age = days.saturating_mul(86_400);
        let domain = domain.map_or(String::new(), |domain| format!("; Domain={domain}"));
        let secure = if self.visit.production {
            "; Secure"
        } else {
            ""
        };
        cookies.push(format!(
            "{name}={value}; Path=/; Max-Age={age}; SameSite=Lax{domain}{secure}"
        ));
        let cookies = cookies.iter().map(|cookie| HeaderValue::from_str(cookie));
        cookies.collect::<Result<_, _>>().ok()
    }

    /// Whether a browser takes a cookie of this domain from this server.
    fn is_within(&self, domain: &str) -> bool {
        let rest = self
            .name
            .as_deref()
            .and_then(|name| name.strip_suffix(domain));
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// What takes away the cookies that the request brought and the choice does not allow. A page's script cannot do that to
    /// those which are hidden from it, and nobody but this server sees them.
    ///
    /// Only cookies of the catalogue: what it does not know may belong to another application of the domain.
    pub(super) fn expire(&self, choice: &Choice) -> Vec<HeaderValue> {
        let names: BTreeSet<&str> = cookie::pairs(visit::cookies(self.sent))
            .map(|(name, _)| name)
            .collect();
        let mut out = Vec::new();
        let mut left = MAX_BYTES;
        let mut answers = true;
        let denied = names
            .into_iter()
            .take(MAX_COOKIES)
            .filter(|name| self.is_denied(name, choice, &mut answers));
        for name in denied {
            let domains = self.domains(name);
            let all = [None].into_iter().chain(domains.into_iter().map(Some));
            for domain in all {
                let text = self.expired(name, domain);
                let Some(rest) = left.checked_sub(text.len()) else {
                    // The browser sends what is left with the next choice. No name is said: it may be a person's.
                    tracing::warn!("an answer has no room for all cookies that are to be expired");
                    return out;
                };
                left = rest;
                out.extend(HeaderValue::from_str(&text));
            }
        }
        out
    }

    /// Whether the catalogue has a cookie of this name, not an essential one, and the choice does not allow it. `answers`
    /// becomes false once the sandbox fails: then nobody waits for it again, and what is not allowed is denied.
    fn is_denied(&self, name: &str, choice: &Choice, answers: &mut bool) -> bool {
        let bundle = self.in_force.bundle();
        let Some(id) = bundle.storage("cookie", name) else {
            return false;
        };
        if is_essential(bundle, id) {
            return false;
        }
        let situation = self.visit.situation(self.now, Some(choice));
        // How it was set is not known here. Only what no way of setting would be allowed is taken away.
        let allowed = SAME_SITE.into_iter().any(|same_site| {
            let facts = StoreFacts {
                http_only: true,
                secure: true,
                same_site,
                lifetime: None,
                production: self.visit.production,
            };
            let question = Question::Store(id, facts);
            *answers
                && match self.host.consent_by(self.in_force, &situation, &question) {
                    Ok(verdict) => verdict.is_allow(),
                    Err(error) => {
                        tracing::error!(%error, "a cookie could not be decided");
                        *answers = false;
                        false
                    }
                }
        });
        !allowed
    }

    /// The domains that a cookie which this server gets may have been set for: its own and those above, down to two labels.
    fn domains(&self, cookie: &str) -> Vec<&str> {
        let name = self.name.as_deref().unwrap_or_default();
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        // Such a cookie has no domain.
        let bound = has_prefix(cookie, "__Host-");
        if !plain || bound || name.parse::<Ipv4Addr>().is_ok() {
            return Vec::new();
        }
        let mut domains: Vec<&str> = Vec::new();
        let mut rest = name.trim_end_matches('.');
        while let Some((_, above)) = rest.split_once('.') {
            domains.push(rest);
            rest = above;
        }
        domains
    }

    fn expired(&self, name: &str, domain: Option<&str>) -> String {
        let domain = domain.map_or(String::new(), |domain| format!("; Domain={domain}"));
        // Without it a browser does not look at the name at all.
        let guarded = has_prefix(name, "__Host-") || has_prefix(name, "__Secure-");
        let secure = if self.visit.production || guarded {
            "; Secure"
        } else {
            ""
        };
        format!("{name}=; Max-Age=0; Path=/{domain}{secure}")
    }
}

/// Whether a cookie's purpose needs no consent. Where that cannot be read, it does not count as essential.
fn is_essential(bundle: &Bundle, id: &str) -> bool {
    let storage = bundle.entity("Avow::Storage", id);
    let purpose = storage.and_then(|storage| {
        let slug = storage.attr("purpose")?.as_entity_id()?;
        bundle.entity("Avow::Purpose", slug)
    });
    purpose.is_some_and(|purpose| {
        purpose.attr("essential").and_then(|attr| attr.as_bool()) == Some(true)
    })
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
