//! From JSON to canonical bytes, by the schema that a bundle carries.
//!
//! Strings become entities and extension values where the schema says so, calendar periods become datetimes, and whatever
//! does not fit is refused with the path to it. Who asks decides what may be said: see [`Stamp`].

mod calendar;
mod json;
mod uid;
mod values;

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

pub use json::Json;

use crate::{
    block::{Cell, EntityRow},
    bundle::Bundle,
    request::{PatchBuilder, RequestBuilder},
    schema::{AUTHORITATIVE, Action, EntityType, NONE, Schema, kind},
    store::Span,
    verdict::Problem,
};
use uid::Uid;
use values::join;

/// What the shell says of a request, whatever its caller says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp<'a> {
    /// `context.now`, milliseconds since 1970 in UTC.
    pub now: Option<i64>,
    /// `context.tenant`.
    pub tenant: Option<&'a str>,
    /// Whether the caller is trusted as the operator is: a test, an author's tool, an embedding program. Such a caller may
    /// bring attributes that the schema marks `@authoritative`; from any other they are refused.
    pub trusted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Operator,
    Caller,
}

/// Canonical request bytes of `{"principal", "action", "resource", "context"?, "entities"?}`.
///
/// # Errors
/// Where the request does not fit the schema, or says what its caller may not say; with the path to the place.
pub fn request(bundle: &Bundle, json: &Json, stamp: &Stamp<'_>) -> Result<Vec<u8>, Problem> {
    let reader = Reader::new(bundle)?;
    let trust = if stamp.trusted {
        Trust::Operator
    } else {
        Trust::Caller
    };
    let known = ["principal", "action", "resource", "context", "entities"];
    reader.keys(json, &known, "")?;
    let part = |key: &str| match json.get(key) {
        Some(value) => Ok(value),
        None => fail(key, "the request has none"),
    };
    let (action, action_uid) = reader.action(part("action")?)?;
    let principal = reader.uid(part("principal")?, "principal")?;
    let resource = reader.uid(part("resource")?, "resource")?;
    reader.applies(action.principals, &principal, "principal", &action_uid)?;
    reader.applies(action.resources, &resource, "resource", &action_uid)?;
    let empty = Json::Map(Vec::new());
    let given = json.get("context").unwrap_or(&empty);
    if trust == Trust::Caller {
        // Whatever the schema says of them: time and tenant are the host's to say.
        for key in ["now", "tenant"] {
            if given.get(key).is_some() {
                return fail(
                    &join("context", key),
                    "the host sets it, a request may not bring it",
                );
            }
        }
    }
    let mut context = reader.record(given, action.context, "context", trust)?;
    reader.stamp(&mut context, action.context, stamp)?;
    reader.complete(&context, action.context, "context")?;
    let mut request = RequestBuilder::new(bundle);
    if let Some(entities) = json.get("entities") {
        reader.entities(entities, "entities", trust, |uid, row| {
            request.entity(&uid.type_name, &uid.id, row)
        })?;
    }
    Ok(request.finish(
        (&principal.type_name, &principal.id),
        (&action_uid.type_name, &action_uid.id),
        (&resource.type_name, &resource.id),
        context,
    ))
}

/// The bytes of the patch that gives a tenant its resident entities, from a JSON array of them.
///
/// # Errors
/// Where an entity does not fit the schema; with the path to the place.
pub fn residents(bundle: &Bundle, json: &Json) -> Result<Vec<u8>, Problem> {
    let reader = Reader::new(bundle)?;
    let mut patch = PatchBuilder::new(bundle);
    reader.entities(json, "", Trust::Operator, |uid, row| {
        patch.put(&uid.type_name, &uid.id, row)
    })?;
    Ok(patch.finish(0))
}

/// An entity of the catalogue, typed by the schema.
///
/// # Errors
/// Where it does not fit the schema; with the path to the place.
pub fn entity(bundle: &Bundle, json: &Json) -> Result<EntityRow, Problem> {
    let reader = Reader::new(bundle)?;
    reader.entity(json, "", Trust::Operator).map(|(_, row)| row)
}

/// Type, with its namespace, and id of an entity as requests write it.
///
/// # Errors
/// Where the schema declares no such type, or the type no such id.
pub fn uid(bundle: &Bundle, json: &Json) -> Result<(String, String), Problem> {
    let uid = Reader::new(bundle)?.uid(json, "")?;
    Ok((uid.type_name, uid.id))
}

pub(crate) fn fail<T>(path: &str, message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem {
        path: path.to_owned(),
        message: message.into(),
    })
}

pub(crate) struct Reader<'a> {
    bundle: &'a Bundle,
    pub(crate) schema: Schema<'a>,
}

impl<'a> Reader<'a> {
    fn new(bundle: &'a Bundle) -> Result<Self, Problem> {
        let schema = bundle.schema();
        if !schema.is_there() {
            return fail("", "the bundle carries no schema to read requests by");
        }
        Ok(Self { bundle, schema })
    }

    pub(crate) fn name(&self, string: u32) -> &'a str {
        self.bundle.string(string)
    }

    fn keys(&self, json: &Json, known: &[&str], path: &str) -> Result<(), Problem> {
        let Json::Map(fields) = json else {
            return fail(path, format!("expected an object, found {}", json.kind()));
        };
        let mut seen = BTreeSet::new();
        for (key, _) in fields {
            if !known.contains(&key.as_str()) {
                let all = known.join("`, `");
                return fail(&join(path, key), format!("unknown key; there are `{all}`"));
            }
            if !seen.insert(key) {
                return fail(&join(path, key), "the key is there twice");
            }
        }
        Ok(())
    }

    /// The declared type of that name, or the only one that ends in it.
    pub(crate) fn type_name(&self, written: &str, path: &str) -> Result<&'a str, Problem> {
        let names = || self.schema.entity_types().map(|t| self.name(t.name));
        if let Some(exact) = names().find(|name| *name == written) {
            return Ok(exact);
        }
        let mut fitting = names().filter(|name| ends_in(name, written));
        match (fitting.next(), fitting.next()) {
            (Some(name), None) => Ok(name),
            (Some(one), Some(other)) => fail(
                path,
                format!("`{written}` may be `{one}` or `{other}`: write it with its namespace"),
            ),
            _ => fail(
                path,
                format!("the schema declares no entity type `{written}`"),
            ),
        }
    }

    fn entity_type(&self, name: &str) -> Option<EntityType> {
        self.schema
            .entity_types()
            .find(|of| self.name(of.name) == name)
    }

    /// Where a type enumerates its ids, the id must be one of them.
    pub(crate) fn known_id(&self, type_name: &str, id: &str, path: &str) -> Result<(), Problem> {
        let Some(of) = self.entity_type(type_name).filter(|of| of.ids.len > 0) else {
            return Ok(());
        };
        if self.schema.words(of.ids).any(|word| self.name(word) == id) {
            return Ok(());
        }
        fail(path, format!("`{type_name}` has no `{id}`"))
    }

    pub(crate) fn uid(&self, json: &Json, path: &str) -> Result<Uid, Problem> {
        let written = Uid::from_json(json, path)?;
        let type_name = self.type_name(&written.type_name, path)?.to_owned();
        self.known_id(&type_name, &written.id, path)?;
        Ok(Uid {
            type_name,
            id: written.id,
        })
    }

    fn action(&self, json: &Json) -> Result<(Action, Uid), Problem> {
        let path = "action";
        let written = match json {
            Json::Str(text) => Uid::from_text(text).unwrap_or(Uid {
                type_name: "Action".to_owned(),
                id: text.clone(),
            }),
            _ => Uid::from_object(json, path)?,
        };
        let mut found: Option<(Action, Uid)> = None;
        for action in self.schema.actions() {
            let (type_name, id) = self.bundle.uid(action.uid);
            let exact = type_name == written.type_name;
            if id != written.id || !(exact || ends_in(type_name, &written.type_name)) {
                continue;
            }
            let uid = Uid {
                type_name: type_name.to_owned(),
                id: id.to_owned(),
            };
            if exact {
                return Ok((action, uid));
            }
            if let Some((_, other)) = found {
                return fail(
                    path,
                    format!(
                        "`{id}` may be of `{}` or `{type_name}`: write it with its namespace",
                        other.type_name
                    ),
                );
            }
            found = Some((action, uid));
        }
        match found {
            Some(found) => Ok(found),
            None => fail(
                path,
                format!("the schema declares no action `{}`", written.id),
            ),
        }
    }

    fn applies(&self, types: Span, uid: &Uid, path: &str, action: &Uid) -> Result<(), Problem> {
        let names = || self.schema.words(types).map(|word| self.name(word));
        if names().any(|name| name == uid.type_name) {
            return Ok(());
        }
        let all: Vec<_> = names().collect();
        fail(
            path,
            format!(
                "action `{}` takes no {path} of type `{}`; it takes `{}`",
                action.id,
                uid.type_name,
                all.join("`, `")
            ),
        )
    }

    /// Sets what the host knows, where the action's context declares it.
    fn stamp(
        &self,
        context: &mut BTreeMap<String, Cell>,
        attrs: Span,
        stamp: &Stamp<'_>,
    ) -> Result<(), Problem> {
        if let Some(now) = stamp.now
            && self.attr(attrs, "now").is_some()
        {
            context
                .entry("now".to_owned())
                .or_insert(Cell::Datetime(now));
        }
        if let Some(tenant) = stamp.tenant
            && let Some(attr) = self.attr(attrs, "tenant")
        {
            let of = self.schema.type_at(attr.of);
            let value = match of {
                Some(of) if of.kind == kind::ENTITY => {
                    Cell::Entity(self.name(of.a).to_owned(), tenant.to_owned())
                }
                Some(of) if of.kind == kind::STRING => Cell::Str(tenant.to_owned()),
                _ => {
                    return fail(
                        "context.tenant",
                        "the schema declares it neither as a string nor as an entity",
                    );
                }
            };
            context.entry("tenant".to_owned()).or_insert(value);
        }
        Ok(())
    }

    fn entities(
        &self,
        json: &Json,
        path: &str,
        trust: Trust,
        mut take: impl FnMut(&Uid, EntityRow) -> bool,
    ) -> Result<(), Problem> {
        let Json::List(entities) = json else {
            return fail(
                path,
                format!("expected a list of entities, found {}", json.kind()),
            );
        };
        for (i, json) in entities.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let (uid, row) = self.entity(json, &path, trust)?;
            if !take(&uid, row) {
                return fail(&path, format!("`{}` is described twice", uid.id));
            }
        }
        Ok(())
    }

    fn entity(&self, json: &Json, path: &str, trust: Trust) -> Result<(Uid, EntityRow), Problem> {
        self.keys(json, &["uid", "attrs", "parents", "tags"], path)?;
        let uid_path = join(path, "uid");
        let Some(uid) = json.get("uid") else {
            return fail(&uid_path, "the entity has none");
        };
        let uid = self.uid(uid, &uid_path)?;
        if self.bundle.entity(&uid.type_name, &uid.id).is_some() {
            return fail(
                &uid_path,
                format!(
                    "`{}` is described by the bundle, nobody else may describe it",
                    uid.id
                ),
            );
        }
        let Some(of) = self.entity_type(&uid.type_name) else {
            return fail(&uid_path, "the schema declares no such type");
        };
        if trust == Trust::Caller && of.flags & AUTHORITATIVE != 0 {
            return fail(
                &uid_path,
                format!(
                    "`{}` is authoritative: a request may not describe one",
                    uid.type_name
                ),
            );
        }
        let empty = Json::Map(Vec::new());
        let attrs_path = join(path, "attrs");
        let given = json.get("attrs").unwrap_or(&empty);
        let mut attrs = self.record(given, of.attrs, &attrs_path, trust)?;
        self.derive(&mut attrs, of, &attrs_path)?;
        self.complete(&attrs, of.attrs, &attrs_path)?;
        let row = EntityRow {
            attrs,
            tags: self.tags(json.get("tags"), of, &join(path, "tags"), trust)?,
            parents: self.parents(json.get("parents"), of, &join(path, "parents"))?,
        };
        Ok((uid, row))
    }

    /// Sets the attributes that are another one plus a calendar period.
    fn derive(
        &self,
        attrs: &mut BTreeMap<String, Cell>,
        of: EntityType,
        path: &str,
    ) -> Result<(), Problem> {
        for derived in self.schema.derived().filter(|d| d.type_name == of.name) {
            let (name, from) = (self.name(derived.attr), self.name(derived.from));
            let path = join(path, name);
            if attrs.contains_key(name) {
                return fail(
                    &path,
                    format!("the attribute is computed from `{from}`: leave it out"),
                );
            }
            let Some(Cell::Datetime(start)) = attrs.get(from) else {
                continue;
            };
            let Some(at) = calendar::add(*start, derived) else {
                return fail(&path, "the instant is outside the calendar");
            };
            attrs.insert(name.to_owned(), Cell::Datetime(at));
        }
        Ok(())
    }

    fn tags(
        &self,
        json: Option<&Json>,
        of: EntityType,
        path: &str,
        trust: Trust,
    ) -> Result<BTreeMap<String, Cell>, Problem> {
        let mut tags = BTreeMap::new();
        match json {
            None => {}
            Some(Json::Map(fields)) => {
                for (name, value) in fields {
                    let path = join(path, name);
                    if of.tags == NONE {
                        return fail(&path, "the type has no tags");
                    }
                    let value = self.value(value, of.tags, &path, trust)?;
                    if tags.insert(name.clone(), value).is_some() {
                        return fail(&path, "the tag is there twice");
                    }
                }
            }
            Some(other) => {
                return fail(path, format!("expected an object, found {}", other.kind()));
            }
        }
        Ok(tags)
    }

    fn parents(
        &self,
        json: Option<&Json>,
        of: EntityType,
        path: &str,
    ) -> Result<BTreeSet<(String, String)>, Problem> {
        let mut parents = BTreeSet::new();
        match json {
            None => {}
            Some(Json::List(items)) => {
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    let uid = self.uid(item, &path)?;
                    let mut allowed = self.schema.words(of.parents);
                    if !allowed.any(|word| self.name(word) == uid.type_name) {
                        return fail(
                            &path,
                            format!("`{}` is in no `{}`", self.name(of.name), uid.type_name),
                        );
                    }
                    parents.insert((uid.type_name, uid.id));
                }
            }
            Some(other) => {
                return fail(path, format!("expected a list, found {}", other.kind()));
            }
        }
        Ok(parents)
    }
}

/// Whether a qualified name ends in a shorter one, at a `::`.
fn ends_in(name: &str, short: &str) -> bool {
    name.strip_suffix(short)
        .is_some_and(|before| before.ends_with("::"))
}
