//! Cedar itself, asked the same questions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use avow_compiler::Files;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, Request, RestrictedExpression,
};

use crate::block;

/// What Cedar answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it allows.
    pub allows: bool,
    /// Ids of the determining policies.
    pub reasons: BTreeSet<String>,
    /// Ids of the policies that failed.
    pub errors: BTreeSet<String>,
}

/// Cedar with the policies of a pack.
pub struct Oracle {
    policies: PolicySet,
    facts: block::Block,
}

impl Oracle {
    /// The policies of a pack by their `@id`, and the entities that its bundle describes.
    ///
    /// # Panics
    /// Where the policies do not parse.
    #[must_use]
    pub fn new(files: &Files, bundle: &[u8]) -> Self {
        Self {
            policies: policies(files),
            facts: block::facts(bundle),
        }
    }

    /// Asks what request bytes ask.
    ///
    /// # Panics
    /// Where Cedar refuses the request.
    #[must_use]
    pub fn ask(&self, request: &[u8]) -> Answer {
        let request = block::Request::read(request, &self.facts);
        let entities: Vec<Entity> = self
            .facts
            .entities
            .iter()
            .chain(&request.block.entities)
            .map(entity)
            .collect();
        let entities = Entities::from_entities(entities, None).unwrap();
        let [principal, action, resource] = request.uids.each_ref().map(uid);
        let context = Context::from_pairs(pairs(&request.context)).unwrap();
        let request = Request::new(principal, action, resource, context, None).unwrap();
        answer(&request, &self.policies, &entities)
    }
}

/// The policies of a pack by their `@id`, those of the chapters that it takes among them.
///
/// # Panics
/// Where they do not parse.
#[must_use]
pub fn policies(files: &Files) -> PolicySet {
    let mut policies = PolicySet::new();
    let manifest = files
        .get("avow.toml")
        .map(|text| text.parse::<toml::Table>());
    let chapters = match &manifest {
        Some(Ok(table)) => table.get("base").and_then(toml::Value::as_table),
        _ => None,
    };
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".cedar")) {
        // `jurisdictions/eea` is taken by that name, or with all of its folder.
        let inside = path
            .rsplit_once("base/")
            .map_or(path.as_str(), |(_, inside)| inside);
        let chapter = inside.trim_end_matches(".cedar");
        let folder = chapter.split('/').next().unwrap();
        let taken = chapters.is_some_and(|chapters| {
            chapters.contains_key(chapter) || chapters.contains_key(folder)
        });
        if path.starts_with("..") && !taken {
            continue;
        }
        let set: PolicySet = text.parse().unwrap();
        let mut all: Vec<&Policy> = set.policies().collect();
        all.sort_by_key(|policy| policy.id().to_string().len());
        for policy in all {
            let id = policy.annotation("id").map_or_else(
                || format!("policies#{}", policy.id().to_string().replace("policy", "")),
                ToOwned::to_owned,
            );
            policies.add(policy.new_id(PolicyId::new(id))).unwrap();
        }
    }
    policies
}

/// Cedar's answer, in its own ids.
#[must_use]
pub fn answer(request: &Request, policies: &PolicySet, entities: &Entities) -> Answer {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let diagnostics = response.diagnostics();
    Answer {
        allows: response.decision() == Decision::Allow,
        reasons: diagnostics.reason().map(ToString::to_string).collect(),
        errors: diagnostics
            .errors()
            .map(|error| match error {
                cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                    error.policy_id().to_string()
                }
            })
            .collect(),
    }
}

/// A uid as Cedar has it.
///
/// # Panics
/// Where the type is no name.
#[must_use]
pub fn uid((type_name, id): &(String, String)) -> EntityUid {
    EntityUid::from_type_name_and_id(
        type_name.parse::<EntityTypeName>().unwrap(),
        EntityId::new(id),
    )
}

/// Fields as Cedar has them.
#[must_use]
pub fn pairs(record: &BTreeMap<String, block::Value>) -> HashMap<String, RestrictedExpression> {
    record
        .iter()
        .map(|(key, value)| (key.clone(), expression(value)))
        .collect()
}

/// An entity as Cedar has it.
///
/// # Panics
/// Where one of its types is no name.
#[must_use]
pub fn entity(entity: &block::Entity) -> Entity {
    let parents: HashSet<EntityUid> = entity.parents.iter().map(uid).collect();
    Entity::new_with_tags(
        uid(&entity.uid),
        pairs(&entity.attrs),
        parents,
        pairs(&entity.tags),
    )
    .unwrap()
}

fn expression(value: &block::Value) -> RestrictedExpression {
    match value {
        block::Value::Bool(value) => RestrictedExpression::new_bool(*value),
        block::Value::Long(value) => RestrictedExpression::new_long(*value),
        block::Value::Str(text) => RestrictedExpression::new_string(text.clone()),
        block::Value::Entity(type_name, id) => {
            RestrictedExpression::new_entity_uid(uid(&(type_name.clone(), id.clone())))
        }
        block::Value::Set(items) => RestrictedExpression::new_set(items.iter().map(expression)),
        block::Value::Record(fields) => RestrictedExpression::new_record(pairs(fields)).unwrap(),
        block::Value::Decimal(value) => {
            let sign = if *value < 0 { "-" } else { "" };
            let value = value.unsigned_abs();
            RestrictedExpression::new_decimal(format!(
                "{sign}{}.{:04}",
                value / 10_000,
                value % 10_000
            ))
        }
        // Any instant, those outside the years of a literal too.
        block::Value::Datetime(at) => {
            format!("datetime(\"1970-01-01\").offset(duration(\"{at}ms\"))")
                .parse()
                .unwrap()
        }
        block::Value::Duration(ms) => RestrictedExpression::new_duration(format!("{ms}ms")),
        block::Value::Ip(bytes) => RestrictedExpression::new_ip(block::ip_text(bytes)),
    }
}
