//! Who is signed in. A session's cookie holds a random token and nothing else: what it stands for never leaves the server.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, anyhow};
use http::{HeaderMap, header};

/// The catalogue knows it by this name.
pub(crate) const COOKIE: &str = "en_session";

/// Sessions that are kept; beyond it the oldest ends.
const MAX_SESSIONS: usize = 1000;

/// Who somebody signed in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) tenant: String,
    pub(crate) person: String,
}

/// All sessions, the oldest first.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<VecDeque<(String, Session)>>);

impl Sessions {
    /// Begins a session and returns its token.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub(crate) fn begin(&self, session: Session) -> Result<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
        let token = format!("{:032x}", u128::from_be_bytes(bytes));
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() == MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back((token.clone(), session));
        Ok(token)
    }

    /// Whose request this is.
    pub(crate) fn find(&self, headers: &HeaderMap) -> Option<Session> {
        let token = cookie(headers, COOKIE)?;
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = sessions.iter().find(|(known, _)| known == token);
        found.map(|(_, session)| session.clone())
    }

    /// Ends all sessions of somebody.
    pub(crate) fn end_all(&self, of: &Session) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|(_, session)| session != of);
    }

    /// Ends the session of this request.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let token = cookie(headers, COOKIE);
        sessions.retain(|(known, _)| Some(known.as_str()) != token);
    }
}

/// The value of a request's cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}
