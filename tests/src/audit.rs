//! What a site may keep and load in a browser, by Cedar itself: the rules from the pack's files, the entities from its
//! catalogue as it is written. Neither the compiler's tables nor the engine have a part in it.

use std::collections::{BTreeMap, HashMap, HashSet};

use avow_compiler::{Files, Target};
use avow_engine::{Bundle, Choice};
use cedar_policy::{
    Context, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression as Value, Schema,
};
use serde_json::{Map, Value as Json, json};
use toml::Table;

use crate::{
    Pack,
    oracle::{answer, policies, uid},
};

/// A pack, to be asked about one visitor after the other.
pub struct Audited {
    namespace: String,
    cookie: Option<String>,
    catalogue: Catalogue,
    policies: PolicySet,
    entities: Entities,
}

/// Entities of each kind by id, as the files have them.
type Catalogue = BTreeMap<String, BTreeMap<String, Table>>;

/// How a cookie is set, or would be.
struct Facts {
    http_only: bool,
    secure: bool,
    same_site: String,
    lifetime: Option<i64>,
}

impl Audited {
    /// Reads a pack of the repository.
    ///
    /// # Panics
    /// Where the pack is not sound.
    #[must_use]
    pub fn open(name: &str) -> Self {
        let pack = Pack::open(name);
        let manifest: Table = pack.files["avow.toml"].parse().unwrap();
        let namespace = manifest["pack"]["namespace"].as_str().unwrap().to_owned();
        let catalogue = catalogue(&pack.files);
        // A digest, which nothing but the compiler makes.
        let bundle = Bundle::load(pack.bundle(Target::Server)).unwrap();
        let mut entities = entities(&catalogue);
        entities.push(settings(
            &namespace,
            &manifest,
            bundle.meta("offer").unwrap(),
        ));
        let schemas: Vec<&str> = pack
            .files
            .iter()
            .filter(|(path, _)| path.ends_with(".cedarschema"))
            .map(|(_, text)| text.as_str())
            .collect();
        let (schema, _) = Schema::from_cedarschema_str(&schemas.join("\n")).unwrap();
        let entities = Entities::from_entities(entities, None)
            .unwrap()
            .add_entities(schema.action_entities().unwrap(), None)
            .unwrap();
        Self {
            cookie: manifest
                .get("consent")
                .map(|consent| consent["cookie"].as_str().unwrap().to_owned()),
            policies: policies(&pack.files),
            namespace,
            catalogue,
            entities,
        }
    }

    /// Answers `{"surface", "jurisdiction", "gpc", "now", "choice", "seen"}`, where the choice is its cookie's value, or null,
    /// and each thing seen `{"kind", "name", "http_only", "secure", "same_site", "lifetime"}`.
    ///
    /// `{"ask", "cookie", "purposes": {id: {"allowed", "essential"}}, "services": {id: {"allowed", "essential", "loads"}},
    /// "storage": {id: {"allowed", "essential", "kind", "name", "http_only"}}, "seen": [whether it may be there]}`
    ///
    /// # Panics
    /// Where it is asked something else.
    #[must_use]
    pub fn answer(&self, asked: &Json) -> Json {
        let choice = asked["choice"].as_str();
        let choice = choice.map(|cookie| Choice::parse(cookie).expect("a choice"));
        let kinds = |kind: &str| self.catalogue[kind].iter();
        let rows = |kind: &str, row: &dyn Fn(&str, &Table) -> Json| -> Map<String, Json> {
            kinds(kind)
                .map(|(id, of)| (id.clone(), row(id, of)))
                .collect()
        };
        let allows = |action: &str, resource: (String, String), facts: Option<&Facts>| {
            self.allows(asked, choice.as_ref(), action, &resource, facts)
        };
        let purposes = rows("purpose", &|id, _| {
            let allowed = allows("process", of("Purpose", id), None);
            json!({ "allowed": allowed, "essential": self.essential(id) })
        });
        let services = rows("service", &|id, service| {
            let allowed = allows("load", of("Service", id), None);
            let essential = self.essential(text(service, "purpose"));
            json!({ "allowed": allowed, "essential": essential, "loads": service["loads"] })
        });
        let storage = rows("storage", &|id, storage| {
            let essential = self.essential(text(storage, "purpose"));
            // As a careful server sets it: what is essential is hidden from scripts.
            let facts = Facts {
                http_only: essential,
                secure: false,
                same_site: "lax".to_owned(),
                lifetime: lifetime(storage),
            };
            let allowed = allows("store", of("Storage", id), Some(&facts));
            json!({
                "allowed": allowed, "essential": essential, "http_only": essential,
                "kind": text(storage, "kind"), "name": pattern(storage),
            })
        });
        let seen: Vec<bool> = asked["seen"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let fits = |storage: &Table| {
                    text(storage, "kind") == one["kind"]
                        && matches(pattern(storage), one["name"].as_str().unwrap())
                };
                let facts = Facts {
                    http_only: one["http_only"].as_bool().unwrap(),
                    secure: one["secure"].as_bool().unwrap(),
                    same_site: one["same_site"].as_str().unwrap().to_owned(),
                    lifetime: one["lifetime"].as_i64(),
                };
                let named = kinds("storage").filter(|(_, storage)| fits(storage));
                // What two lines describe needs both.
                let answers: Vec<bool> = named
                    .map(|(id, _)| allows("store", of("Storage", id), Some(&facts)))
                    .collect();
                !answers.is_empty() && answers.iter().all(|allowed| *allowed)
            })
            .collect();
        let pack = (format!("{}::Settings", self.namespace), "pack".to_owned());
        json!({
            "ask": allows("ask", pack, None), "cookie": self.cookie,
            "purposes": purposes, "services": services, "storage": storage, "seen": seen,
        })
    }

    fn essential(&self, purpose: &str) -> bool {
        self.catalogue["purpose"][purpose]["essential"]
            .as_bool()
            .unwrap()
    }

    fn allows(
        &self,
        asked: &Json,
        choice: Option<&Choice>,
        action: &str,
        resource: &(String, String),
        facts: Option<&Facts>,
    ) -> bool {
        let mut context = HashMap::from([
            ("now", datetime(asked["now"].as_i64().unwrap())),
            ("surface", string(asked["surface"].as_str().unwrap())),
            (
                "jurisdiction",
                entity("Jurisdiction", asked["jurisdiction"].as_str().unwrap()),
            ),
            ("gpc", Value::new_bool(asked["gpc"].as_bool().unwrap())),
        ]);
        if let Some(choice) = choice {
            let set =
                |of: &str, ids: &[String]| Value::new_set(ids.iter().map(|id| entity(of, id)));
            let fields = [
                ("at", datetime(choice.at)),
                ("offer", string(&choice.offer)),
                ("granted", set("Purpose", &choice.granted)),
                ("refused", set("Purpose", &choice.refused)),
                ("objected", set("Purpose", &choice.objected)),
                ("services", set("Service", &choice.services)),
            ];
            context.insert("choice", record(fields));
        }
        if let Some(facts) = facts {
            context.extend([
                ("http_only", Value::new_bool(facts.http_only)),
                ("secure", Value::new_bool(facts.secure)),
                ("same_site", string(&facts.same_site)),
                ("production", Value::new_bool(false)),
            ]);
            context.extend(facts.lifetime.map(|left| ("lifetime", duration(left))));
        }
        let context = context
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        let action = (format!("{}::Action", self.namespace), action.to_owned());
        let request = Request::new(
            uid(&of("Visitor", "visitor")),
            uid(&action),
            uid(resource),
            Context::from_pairs(context).unwrap(),
            None,
        );
        let answer = answer(&request.unwrap(), &self.policies, &self.entities);
        assert!(
            answer.errors.is_empty(),
            "{action:?} {resource:?}: {:?}",
            answer.errors
        );
        answer.allows
    }
}

/// All catalogues of the pack and of what it uses, as one.
fn catalogue(files: &Files) -> Catalogue {
    let mut all = Catalogue::from(
        ["purpose", "service", "storage", "processor", "jurisdiction"]
            .map(|kind| (kind.to_owned(), BTreeMap::new())),
    );
    for (_, text) in files
        .iter()
        .filter(|(path, _)| path.ends_with("catalogue.toml"))
    {
        let tables: Table = text.parse().unwrap();
        for (kind, entities) in &mut all {
            let named = tables.get(kind).and_then(toml::Value::as_table);
            for (id, entity) in named.into_iter().flatten() {
                entities.insert(id.clone(), entity.as_table().unwrap().clone());
            }
        }
    }
    all
}

fn entities(catalogue: &Catalogue) -> Vec<Entity> {
    let mut all = Vec::new();
    let mut add =
        |kind: &str, id: &str, fields: Vec<(&str, Value)>, parents: HashSet<EntityUid>| {
            let fields = fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value));
            all.push(Entity::new(uid(&of(kind, id)), fields.collect(), parents).unwrap());
        };
    for (id, purpose) in &catalogue["purpose"] {
        let essential = Value::new_bool(purpose["essential"].as_bool().unwrap());
        add(
            "Purpose",
            id,
            vec![("essential", essential)],
            HashSet::new(),
        );
    }
    for (id, service) in &catalogue["service"] {
        let loads = service["loads"].as_array().unwrap().iter();
        let loads = Value::new_set(loads.map(|prefix| string(prefix.as_str().unwrap())));
        let mut fields = vec![
            ("purpose", entity("Purpose", text(service, "purpose"))),
            ("loads", loads),
        ];
        if let Some(processor) = service.get("processor") {
            fields.push((
                "processor",
                entity("Processor", processor.as_str().unwrap()),
            ));
        }
        add("Service", id, fields, HashSet::new());
    }
    for (id, storage) in &catalogue["storage"] {
        let mut fields = vec![
            ("purpose", entity("Purpose", text(storage, "purpose"))),
            ("name", string(pattern(storage))),
            ("kind", string(text(storage, "kind"))),
        ];
        if let Some(service) = storage.get("service") {
            fields.push(("service", entity("Service", service.as_str().unwrap())));
        }
        fields.extend(lifetime(storage).map(|longest| ("lifetime", duration(longest))));
        add("Storage", id, fields, HashSet::new());
    }
    for (id, place) in &catalogue["jurisdiction"] {
        let groups = place.get("in").and_then(toml::Value::as_array);
        let groups = groups.into_iter().flatten().filter_map(toml::Value::as_str);
        let parents = groups
            .map(|group| uid(&of("Jurisdiction", group)))
            .collect();
        add("Jurisdiction", id, Vec::new(), parents);
    }
    all
}

/// The entity of the pack's settings: periods are durations, and the rest is text.
fn settings(namespace: &str, manifest: &Table, offer: &str) -> Entity {
    let mut fields = HashMap::from([("offer".to_owned(), string(offer))]);
    let given = manifest.get("settings").and_then(toml::Value::as_table);
    for (key, value) in given.into_iter().flatten() {
        let Some(text) = value.as_str() else { continue };
        let value = days(text).map_or_else(|| string(text), duration);
        fields.insert(key.clone(), value);
    }
    let name = (format!("{namespace}::Settings"), "pack".to_owned());
    Entity::new(uid(&name), fields, HashSet::new()).unwrap()
}

fn of(kind: &str, id: &str) -> (String, String) {
    (format!("Avow::{kind}"), id.to_owned())
}

fn entity(kind: &str, id: &str) -> Value {
    Value::new_entity_uid(uid(&of(kind, id)))
}

fn string(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::new_record(fields.map(|(key, value)| (key.to_owned(), value))).unwrap()
}

fn duration(millis: i64) -> Value {
    Value::new_duration(format!("{millis}ms"))
}

fn datetime(at: i64) -> Value {
    format!("datetime(\"1970-01-01\").offset(duration(\"{at}ms\"))")
        .parse()
        .unwrap()
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table[key].as_str().unwrap()
}

/// The name, or the pattern of names.
fn pattern(storage: &Table) -> &str {
    text(
        storage,
        if storage.contains_key("pattern") {
            "pattern"
        } else {
            "name"
        },
    )
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).any(|at| left.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

fn lifetime(storage: &Table) -> Option<i64> {
    let text = storage.get("lifetime")?.as_str().unwrap();
    Some(days(text).expect("days"))
}

fn days(text: &str) -> Option<i64> {
    Some(text.strip_suffix('d')?.parse::<i64>().ok()? * 86_400_000)
}
