//! From a case that is put together to the request that it makes.

use std::{collections::BTreeSet, ops::Range};

use avow_engine::{
    intake::{self, Json, Stamp},
    verdict::Problem,
};

use super::{
    Case, Encoded,
    file::{Draft, FileReader},
    yaml::{Field, Node},
};

/// The parts of a request, with their places.
pub(super) struct Parts {
    /// What findings point at that concern it as a whole.
    pub(super) at: Range<usize>,
    /// Principal, action, resource; the context, where there is one.
    pub(super) fields: Vec<Field>,
    /// The entities, by the names that the file gives them, or else by their number.
    pub(super) entities: Vec<Field>,
}

impl FileReader<'_> {
    /// The case; none where something is wrong with it, which is said.
    pub(super) fn finish(&mut self, draft: Draft) -> Option<Case> {
        let before = self.findings.len();
        let expect = self.expectation(&draft);
        let field = |key: &str| draft.fields.iter().find(|field| &*field.key == key);
        let clauses = field("clauses").map(|field| self.declared(field));
        let now = field("now").map(|field| self.datetime(field));
        let tenant = field("tenant").and_then(|field| self.text(field));
        let parts = self.parts(&draft);
        if !draft.sound || self.findings.len() > before {
            return None;
        }
        let mut case = Case {
            file: self.file.to_owned(),
            line: self.line(draft.at.start),
            clauses: clauses.unwrap_or_default(),
            request: parts.to_json(self.offer),
            now: now.flatten(),
            tenant,
            expect: expect?,
            name: draft.name,
            encoded: None,
        };
        if let Some(known) = self.known {
            match encode(known.bundle, &case) {
                Ok(bytes) => {
                    let digest = *known.bundle.digest();
                    case.encoded = Some(Encoded { digest, bytes });
                }
                Err(_) if case.expect.outcome == "refused" => {}
                Err(problem) => {
                    self.refused(known, &parts, field("tenant"), &problem);
                    return None;
                }
            }
        }
        Some(case)
    }

    fn text(&mut self, field: &Field) -> Option<String> {
        let text = field.node.text().map(ToOwned::to_owned);
        if text.is_none() {
            let message = format!("`{}` is a string, not {}", field.key, field.node.kind());
            self.wrong("case", &field.node.span, message, None);
        }
        text
    }

    fn parts(&mut self, draft: &Draft) -> Parts {
        let field = |key: &str| draft.fields.iter().find(|field| &*field.key == key);
        let mut parts = Parts {
            at: draft.at.clone(),
            fields: Vec::new(),
            entities: Vec::new(),
        };
        for key in ["principal", "action", "resource"] {
            match field(key) {
                Some(field) => parts.fields.push(field.clone()),
                None => self.wrong("case", &draft.at, format!("the case has no `{key}`"), None),
            }
        }
        parts.fields.extend(field("context").cloned());
        let own = match field("entities") {
            None => Vec::new(),
            Some(field) => match (field.node.fields(), field.node.items()) {
                (Some(fields), _) => fields.to_vec(),
                (None, Some(items)) => items.iter().enumerate().map(numbered).collect(),
                (None, None) => {
                    let message = format!(
                        "`entities` is a list or a map of entities, not {}",
                        field.node.kind()
                    );
                    self.wrong("case", &field.node.span, message, None);
                    Vec::new()
                }
            },
        };
        let used = field("use").map(|field| self.uses(field));
        let mut seen: BTreeSet<_> = own.iter().map(|field| field.key.clone()).collect();
        for name in draft.given.iter().chain(used.iter().flatten()) {
            // An entity that the case brings under the same name stands in its place.
            if seen.insert(name.key.clone()) {
                parts.entities.extend(self.shared.get(&name.key).cloned());
            }
        }
        parts.entities.extend(own);
        parts
    }
}

fn numbered((number, node): (usize, &Node)) -> Field {
    Field {
        key: number.to_string().into(),
        at: node.span.clone(),
        node: node.clone(),
    }
}

impl Parts {
    fn to_json(&self, offer: &str) -> Json {
        let json = |field: &Field| (field.key.to_string(), field.node.to_json(offer));
        let mut request: Vec<_> = self.fields.iter().map(json).collect();
        if !request.iter().any(|(key, _)| key == "context") {
            request.push(("context".to_owned(), Json::Map(Vec::new())));
        }
        let entities = self.entities.iter().map(|field| field.node.to_json(offer));
        request.push(("entities".to_owned(), Json::List(entities.collect())));
        Json::Map(request)
    }
}

/// The request's bytes, asked as an author's tool asks: trusted, at the case's instant.
pub(super) fn encode(bundle: &avow_engine::Bundle, case: &Case) -> Result<Vec<u8>, Problem> {
    let stamp = Stamp {
        now: case.now,
        tenant: case.tenant.as_deref(),
        trusted: true,
    };
    intake::request(bundle, &case.request, &stamp)
}
