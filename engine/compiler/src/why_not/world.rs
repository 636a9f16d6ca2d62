//! A request by names and typed values: what edits change, and what becomes a request again.

use std::collections::BTreeMap;

use avow_engine::{
    Bundle, ext,
    format::{Cell, EntityRow},
    intake::{self, Json},
};

use crate::{
    ask::Question,
    notation,
    program::{Action, Attr, Program, Type, Uid},
};

/// Whose attribute a place is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Context,
    /// With an empty path: its description as a whole.
    Entity(Uid),
    /// What the entity is in.
    Parents(Uid),
}

/// Something of a request that can be another way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) owner: Owner,
    pub(super) path: Vec<String>,
}

impl Place {
    pub(super) fn context(name: &str) -> Self {
        Self {
            owner: Owner::Context,
            path: vec![name.to_owned()],
        }
    }

    pub(super) fn entity(uid: Uid) -> Self {
        Self {
            owner: Owner::Entity(uid),
            path: Vec::new(),
        }
    }

    pub(super) fn then(mut self, name: &str) -> Self {
        self.path.push(name.to_owned());
        self
    }

    /// Whether the other one lies in it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.owner == other.owner && other.path.starts_with(&self.path)
    }

    /// As people read it.
    pub(super) fn text(&self) -> String {
        let mut out = match &self.owner {
            Owner::Context => "context".to_owned(),
            Owner::Entity((type_name, id)) => notation::uid(type_name, id),
            Owner::Parents((type_name, id)) => {
                format!("the groups of {}", notation::uid(type_name, id))
            }
        };
        for name in &self.path {
            out.push('.');
            out.push_str(name);
        }
        out
    }
}

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) principal: Uid,
    pub(super) action: Uid,
    pub(super) resource: Uid,
    pub(super) context: BTreeMap<String, Cell>,
    pub(super) entities: BTreeMap<Uid, EntityRow>,
}

impl World {
    /// None where the request is not one that intake would take.
    pub(super) fn read(program: &Program, bundle: &Bundle, question: &Question) -> Option<Self> {
        let request = &question.request;
        let uid = |json: &Json| intake::uid(bundle, json).ok();
        let action = action(program, request.get("action")?)?;
        let of = program.schema.actions.get(&action)?;
        let mut world = Self {
            principal: uid(request.get("principal")?)?,
            resource: uid(request.get("resource")?)?,
            context: match request.get("context") {
                Some(given) => record(bundle, given, &of.context)?,
                None => BTreeMap::new(),
            },
            entities: BTreeMap::new(),
            action: action.clone(),
        };
        world.stamp(of, question);
        if let Some(Json::List(entities)) = request.get("entities") {
            for json in entities {
                let (uid, row) = entity(program, bundle, json)?;
                world.entities.insert(uid, row);
            }
        }
        Some(world)
    }

    /// What the host would set.
    fn stamp(&mut self, action: &Action, question: &Question) {
        if let (Some(now), Some(_)) = (question.now, action.context.get("now")) {
            let now = Cell::Datetime(now);
            self.context.entry("now".to_owned()).or_insert(now);
        }
        if let (Some(tenant), Some(attr)) = (&question.tenant, action.context.get("tenant")) {
            let tenant = match &attr.of {
                Type::Entity(of) => Cell::Entity(of.clone(), tenant.clone()),
                _ => Cell::Str(tenant.clone()),
            };
            self.context.entry("tenant".to_owned()).or_insert(tenant);
        }
    }

    /// The same request, everything in it said by itself.
    pub(super) fn question(&self) -> Question {
        let named = |(type_name, id): &Uid| notation::json_uid(type_name, id);
        let entities = self
            .entities
            .iter()
            .map(|(uid, row)| {
                let mut fields = vec![
                    ("uid".to_owned(), named(uid)),
                    (
                        "attrs".to_owned(),
                        notation::json(&Cell::Record(row.attrs.clone())),
                    ),
                    (
                        "parents".to_owned(),
                        Json::List(row.parents.iter().map(named).collect()),
                    ),
                ];
                if !row.tags.is_empty() {
                    let tags = Cell::Record(row.tags.clone());
                    fields.push(("tags".to_owned(), notation::json(&tags)));
                }
                Json::Map(fields)
            })
            .collect();
        let context = Cell::Record(self.context.clone());
        Question {
            request: Json::Map(vec![
                ("principal".to_owned(), named(&self.principal)),
                ("action".to_owned(), named(&self.action)),
                ("resource".to_owned(), named(&self.resource)),
                ("context".to_owned(), notation::json(&context)),
                ("entities".to_owned(), Json::List(entities)),
            ]),
            now: None,
            tenant: None,
        }
    }

    /// What is at a place.
    pub(super) fn get(&self, place: &Place) -> Option<Cell> {
        let fields = match &place.owner {
            Owner::Context => &self.context,
            Owner::Entity(uid) => &self.entities.get(uid)?.attrs,
            Owner::Parents(uid) => {
                let parents = self.entities.get(uid)?.parents.iter();
                let parents = parents.map(|(of, id)| Cell::Entity(of.clone(), id.clone()));
                return Some(Cell::Set(parents.collect()));
            }
        };
        let Some((first, rest)) = place.path.split_first() else {
            return Some(Cell::Record(fields.clone()));
        };
        let mut at = fields.get(first)?;
        for name in rest {
            let Cell::Record(inner) = at else {
                return None;
            };
            at = inner.get(name)?;
        }
        Some(at.clone())
    }

    /// Puts something there, or takes out what is.
    pub(super) fn set(&mut self, place: &Place, value: Option<Cell>) -> Option<()> {
        let fields = match (&place.owner, &value) {
            (Owner::Context, _) => &mut self.context,
            (Owner::Entity(uid), Some(Cell::Record(attrs))) if place.path.is_empty() => {
                self.entities.entry(uid.clone()).or_default().attrs = attrs.clone();
                return Some(());
            }
            (Owner::Entity(uid), _) => &mut self.entities.get_mut(uid)?.attrs,
            (Owner::Parents(uid), Some(Cell::Set(parents))) => {
                let parents = parents.iter().filter_map(|parent| match parent {
                    Cell::Entity(of, id) => Some((of.clone(), id.clone())),
                    _ => None,
                });
                self.entities.entry(uid.clone()).or_default().parents = parents.collect();
                return Some(());
            }
            (Owner::Parents(_), _) => return None,
        };
        let (last, way) = place.path.split_last()?;
        let mut at = fields;
        for name in way {
            let Cell::Record(inner) = at.get_mut(name)? else {
                return None;
            };
            at = inner;
        }
        match value {
            Some(value) => at.insert(last.clone(), value),
            None => at.remove(last),
        };
        Some(())
    }
}

/// How the schema declares a place; none for what is no attribute.
pub(super) fn declared<'a>(
    program: &'a Program,
    action: &Uid,
    place: &Place,
) -> Option<Vec<&'a Attr>> {
    let mut attrs = match &place.owner {
        Owner::Context => &program.schema.actions.get(action)?.context,
        Owner::Entity((type_name, _)) => &program.schema.entity_types.get(type_name)?.attrs,
        Owner::Parents(_) => return None,
    };
    let mut way = Vec::new();
    for (number, name) in place.path.iter().enumerate() {
        let attr = attrs.get(name)?;
        way.push(attr);
        match &attr.of {
            Type::Record(inner) => attrs = inner,
            _ if number + 1 == place.path.len() => {}
            _ => return None,
        }
    }
    Some(way)
}

fn action(program: &Program, json: &Json) -> Option<Uid> {
    let (type_name, id) = match json {
        Json::Str(text) => match text.split_once("::\"") {
            Some((of, rest)) => (of, rest.strip_suffix('"')?),
            None => ("Action", text.as_str()),
        },
        _ => match (json.get("type")?, json.get("id")?) {
            (Json::Str(of), Json::Str(id)) => (of.as_str(), id.as_str()),
            _ => return None,
        },
    };
    let mut fitting = program.schema.actions.keys().filter(|(of, its)| {
        its == id && (of == type_name || of.ends_with(&format!("::{type_name}")))
    });
    fitting.next().cloned()
}

fn entity(program: &Program, bundle: &Bundle, json: &Json) -> Option<(Uid, EntityRow)> {
    let uid = intake::uid(bundle, json.get("uid")?).ok()?;
    let of = program.schema.entity_types.get(&uid.0)?;
    let mut row = EntityRow::default();
    if let Some(attrs) = json.get("attrs") {
        row.attrs = record(bundle, attrs, &of.attrs)?;
    }
    if let (Some(Json::Map(tags)), Some(of)) = (json.get("tags"), &of.tags) {
        for (name, value) in tags {
            row.tags.insert(name.clone(), cell(bundle, value, of)?);
        }
    }
    if let Some(Json::List(parents)) = json.get("parents") {
        for parent in parents {
            row.parents.insert(intake::uid(bundle, parent).ok()?);
        }
    }
    Some((uid, row))
}

fn record(
    bundle: &Bundle,
    json: &Json,
    attrs: &BTreeMap<String, Attr>,
) -> Option<BTreeMap<String, Cell>> {
    let Json::Map(fields) = json else {
        return None;
    };
    fields
        .iter()
        .map(|(name, value)| {
            let value = cell(bundle, value, &attrs.get(name)?.of)?;
            Some((name.clone(), value))
        })
        .collect()
}

fn cell(bundle: &Bundle, json: &Json, of: &Type) -> Option<Cell> {
    let written = || match json.get("__extn").and_then(|call| call.get("arg")) {
        Some(Json::Str(text)) => Some(text.as_bytes()),
        _ => match json {
            Json::Str(text) => Some(text.as_bytes()),
            _ => None,
        },
    };
    Some(match (of, json) {
        (Type::Bool, Json::Bool(value)) => Cell::Bool(*value),
        (Type::Long, Json::Int(value)) => Cell::Long(*value),
        (Type::Str, Json::Str(text)) => Cell::Str(text.clone()),
        (Type::Entity(of), Json::Str(id)) => Cell::Entity(of.clone(), id.clone()),
        (Type::Entity(_), _) => {
            let (of, id) = intake::uid(bundle, json).ok()?;
            Cell::Entity(of, id)
        }
        (Type::Set(of), Json::List(items)) => {
            let items = items.iter().map(|item| cell(bundle, item, of));
            Cell::Set(items.collect::<Option<_>>()?)
        }
        (Type::Record(attrs), _) => Cell::Record(record(bundle, json, attrs)?),
        (Type::Decimal, _) => Cell::Decimal(ext::parse_decimal(written()?)?),
        (Type::Datetime, _) => Cell::Datetime(ext::parse_datetime(written()?)?),
        (Type::Duration, _) => Cell::Duration(ext::parse_duration(written()?)?),
        (Type::Ip, _) => Cell::Ip(ext::parse_ip(written()?)?),
        _ => return None,
    })
}
