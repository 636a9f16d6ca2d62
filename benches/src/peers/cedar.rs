//! `cedar-policy` itself, with policies, entities and requests built beforehand. What is timed is `is_authorized` and
//! reading its response.

use std::{
    collections::{HashMap, HashSet},
    hint::black_box,
};

use anyhow::Result;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression,
};

use super::Peer;
use crate::{
    rules::Set,
    world::{self, Ask, Value},
};

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    requests: Vec<(Request, std::rc::Rc<Entities>)>,
}

impl Cedar {
    pub fn new(set: &Set, entities: &[world::Entity]) -> Result<Self> {
        let entities: Result<Vec<Entity>> = entities.iter().map(entity).collect();
        let entities = std::rc::Rc::new(Entities::from_entities(entities?, None)?);
        let requests: Result<Vec<Request>> = set.asks.iter().map(request).collect();
        Ok(Self::of(
            set.cedar().parse()?,
            requests?
                .into_iter()
                .map(|request| (request, std::rc::Rc::clone(&entities)))
                .collect(),
        ))
    }

    /// Requests, each with the entities that it is asked about.
    pub fn of(policies: PolicySet, requests: Vec<(Request, std::rc::Rc<Entities>)>) -> Self {
        Self {
            authorizer: Authorizer::new(),
            policies,
            requests,
        }
    }
}

impl Peer for Cedar {
    fn asks(&self) -> usize {
        self.requests.len()
    }

    fn decide(&mut self, number: usize) -> bool {
        let (request, entities) = &self.requests[number];
        let response = self
            .authorizer
            .is_authorized(request, &self.policies, entities);
        black_box(response.diagnostics().reason().count());
        response.decision() == Decision::Allow
    }
}

fn uid(type_name: &str, id: &str) -> Result<EntityUid> {
    let type_name: EntityTypeName = type_name.parse()?;
    Ok(EntityUid::from_type_name_and_id(
        type_name,
        EntityId::new(id),
    ))
}

fn entity(entity: &world::Entity) -> Result<Entity> {
    let attrs: HashMap<String, RestrictedExpression> = entity
        .attrs
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Bool(value) => RestrictedExpression::new_bool(*value),
                Value::Long(value) => RestrictedExpression::new_long(*value),
                Value::Text(text) => RestrictedExpression::new_string(text.clone()),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    let parents: Result<HashSet<EntityUid>> =
        entity.parents.iter().map(|(t, id)| uid(t, id)).collect();
    Ok(Entity::new(
        uid(entity.uid.0, &entity.uid.1)?,
        attrs,
        parents?,
    )?)
}

fn request(ask: &Ask) -> Result<Request> {
    let context = Context::from_pairs([
        (
            "tenant".to_owned(),
            RestrictedExpression::new_string(ask.tenant.clone()),
        ),
        ("mfa".to_owned(), RestrictedExpression::new_bool(ask.mfa)),
    ])?;
    let principal = uid(ask.principal.0, &ask.principal.1)?;
    let resource = uid(ask.resource.0, &ask.resource.1)?;
    Ok(Request::new(
        principal,
        uid("Action", &ask.action)?,
        resource,
        context,
        None,
    )?)
}
