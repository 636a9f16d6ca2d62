//! Values by their declared types.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Json, Reader, Trust, fail, uid::Uid};
use crate::{
    block::Cell,
    ext,
    schema::{AUTHORITATIVE, AttrType, REQUIRED, Type, kind},
    store::Span,
    verdict::Problem,
};

impl Reader<'_> {
    /// A record by its declared attributes. `given` are attributes that somebody else sets: they may not be there.
    pub(crate) fn record(
        &self,
        json: &Json,
        attrs: Span,
        path: &str,
        trust: Trust,
    ) -> Result<BTreeMap<String, Cell>, Problem> {
        let Json::Map(fields) = json else {
            return fail(path, format!("expected an object, found {}", json.kind()));
        };
        let mut record = BTreeMap::new();
        for (name, value) in fields {
            let path = join(path, name);
            let Some(attr) = self.attr(attrs, name) else {
                return fail(&path, "the schema declares no such attribute");
            };
            if trust == Trust::Caller && attr.flags & AUTHORITATIVE != 0 {
                return fail(
                    &path,
                    "the attribute is authoritative: it is set by the host, a request may not bring it",
                );
            }
            let value = self.value(value, attr.of, &path, trust)?;
            if record.insert(name.clone(), value).is_some() {
                return fail(&path, "the attribute is there twice");
            }
        }
        Ok(record)
    }

    /// Checks that every required attribute is there.
    pub(crate) fn complete(
        &self,
        record: &BTreeMap<String, Cell>,
        attrs: Span,
        path: &str,
    ) -> Result<(), Problem> {
        for attr in self.schema.attrs(attrs) {
            let name = self.name(attr.name);
            if attr.flags & REQUIRED != 0 && !record.contains_key(name) {
                return fail(&join(path, name), "the required attribute is missing");
            }
        }
        Ok(())
    }

    pub(crate) fn attr(&self, attrs: Span, name: &str) -> Option<AttrType> {
        self.schema
            .attrs(attrs)
            .find(|attr| self.name(attr.name) == name)
    }

    pub(crate) fn value(
        &self,
        json: &Json,
        of: u32,
        path: &str,
        trust: Trust,
    ) -> Result<Cell, Problem> {
        let Some(of) = self.schema.type_at(of) else {
            return fail(path, "the schema is incomplete here");
        };
        match (of.kind, json) {
            (kind::BOOL, Json::Bool(value)) => Ok(Cell::Bool(*value)),
            (kind::LONG, Json::Int(value)) => Ok(Cell::Long(*value)),
            (kind::STRING, Json::Str(text)) => Ok(Cell::Str(text.clone())),
            (kind::ENTITY, _) => self.entity_value(json, of, path),
            (kind::SET, Json::List(items)) => {
                let mut cells = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    cells.push(self.value(item, of.a, &format!("{path}[{i}]"), trust)?);
                }
                Ok(Cell::Set(cells))
            }
            (kind::RECORD, Json::Map(_)) => {
                let record = self.record(json, of.span(), path, trust)?;
                self.complete(&record, of.span(), path)?;
                Ok(Cell::Record(record))
            }
            (kind::DECIMAL | kind::DATETIME | kind::DURATION | kind::IP, _) => {
                extension(json, of, path)
            }
            _ => fail(
                path,
                format!("expected {}, found {}", self.expected(of), json.kind()),
            ),
        }
    }

    /// A string is the id of an entity of the declared type.
    fn entity_value(&self, json: &Json, of: Type, path: &str) -> Result<Cell, Problem> {
        let declared = self.name(of.a);
        let id = match json {
            Json::Str(id) => id.clone(),
            Json::Map(_) => {
                let uid = Uid::from_object(json, path)?;
                let type_name = self.type_name(&uid.type_name, path)?;
                if type_name != declared {
                    return fail(
                        path,
                        format!(
                            "expected an entity of type `{declared}`, found one of type `{type_name}`"
                        ),
                    );
                }
                uid.id
            }
            _ => {
                return fail(
                    path,
                    format!("expected the id of a `{declared}`, found {}", json.kind()),
                );
            }
        };
        self.known_id(declared, &id, path)?;
        Ok(Cell::Entity(declared.to_owned(), id))
    }

    fn expected(&self, of: Type) -> String {
        match of.kind {
            kind::BOOL => "a boolean".to_string(),
            kind::LONG => "an integer".to_string(),
            kind::STRING => "a string".to_string(),
            kind::SET => "a list".to_string(),
            kind::RECORD => "an object".to_string(),
            _ => format!("an entity of type `{}`", self.name(of.a)),
        }
    }
}

/// A value of an extension type: its text, or Cedar's explicit `{"__extn": {"fn": …, "arg": …}}`.
fn extension(json: &Json, of: Type, path: &str) -> Result<Cell, Problem> {
    let (name, example) = match of.kind {
        kind::DECIMAL => ("decimal", "12.34"),
        kind::DATETIME => ("datetime", "2026-01-31T12:00:00Z"),
        kind::DURATION => ("duration", "1d12h"),
        _ => ("ip", "192.0.2.0/24"),
    };
    let text = match json.get("__extn") {
        Some(call) => match (call.get("fn"), call.get("arg")) {
            (Some(Json::Str(function)), Some(Json::Str(arg))) if function == name => arg,
            _ => return fail(path, format!("expected a call of `{name}` with a string")),
        },
        None => match json {
            Json::Str(text) => text,
            _ => {
                return fail(
                    path,
                    format!(
                        "expected a {name} such as `{example}`, found {}",
                        json.kind()
                    ),
                );
            }
        },
    };
    let bytes = text.as_bytes();
    let cell = match of.kind {
        kind::DECIMAL => ext::parse_decimal(bytes).map(Cell::Decimal),
        kind::DATETIME => ext::parse_datetime(bytes).map(Cell::Datetime),
        kind::DURATION => ext::parse_duration(bytes).map(Cell::Duration),
        _ => ext::parse_ip(bytes).map(Cell::Ip),
    };
    match cell {
        Some(cell) => Ok(cell),
        None => fail(
            path,
            format!("`{text}` is no {name}; one looks like `{example}`"),
        ),
    }
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
