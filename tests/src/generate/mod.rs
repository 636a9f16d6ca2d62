//! Generated schemas, rules, entities and requests.
//!
//! All are made of bytes, which proptest draws and shrinks: fewer rules and requests first, then simpler ones.

pub mod choices;
pub mod expression;
mod extension;
pub mod facts;
pub mod policy;
pub mod schema;

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use self::{
    choices::Choices,
    facts::{Facts, Question},
    schema::Schema,
};
use crate::{
    block::Entity,
    plain::{Cedar, Link, Texts},
};

/// Everything that a comparison needs.
#[derive(Clone)]
pub struct World {
    /// The schema, where the rules have one.
    pub schema: Option<String>,
    /// Rules and templates, a text each.
    pub policies: Vec<String>,
    /// Rules made of the templates.
    pub links: Vec<Link>,
    /// Entities.
    pub entities: Vec<Entity>,
    /// Requests.
    pub questions: Vec<Question>,
}

/// What shrinks: a row of choices each for rules, requests, entities and the schema.
#[derive(Clone, Debug)]
pub struct Seeds {
    policies: Vec<Vec<u8>>,
    questions: Vec<Vec<u8>>,
    entities: Vec<u8>,
    schema: Vec<u8>,
}

/// Worlds with at most so many rules and requests.
pub fn seeds(policies: usize, questions: usize) -> impl Strategy<Value = Seeds> {
    let bytes = |len: usize| vec(any::<u8>(), 0..len);
    (
        vec(bytes(220), 1..=policies),
        vec(vec(any::<u8>(), 40), questions),
        vec(any::<u8>(), 0..600),
        vec(any::<u8>(), 30..160),
    )
        .prop_map(|(policies, questions, entities, schema)| Seeds {
            policies,
            questions,
            entities,
            schema,
        })
}

impl Seeds {
    /// Choices for at most so many rules, and so many requests, that any bytes make: rows of choices, each behind the byte that
    /// says how many there are. The schema's row comes first, then two of the entities, one of each request, the rules'.
    #[must_use]
    pub fn read(bytes: &[u8], policies: usize, questions: usize) -> Self {
        let mut rest = bytes;
        let mut row = || {
            let (len, after) = rest.split_first().unwrap_or((&0, &[]));
            let (row, after) = after.split_at(after.len().min(usize::from(*len)));
            rest = after;
            row.to_vec()
        };
        Self {
            schema: row(),
            entities: [row(), row()].concat(),
            questions: (0..questions).map(|_| row()).collect(),
            policies: (0..policies).map(|_| row()).collect(),
        }
    }
}

impl World {
    /// The world that the choices make.
    #[must_use]
    pub fn new(seeds: &Seeds) -> Self {
        let mut choices = Choices::new(&seeds.schema);
        // Where anything goes, little fits the schema: not in every world.
        let wild = choices.once_in(3);
        let with_schema = !choices.once_in(8);
        let schema = Schema::any(&mut choices);
        let mut links: Vec<Link> = Vec::new();
        let policies = seeds
            .policies
            .iter()
            .enumerate()
            .map(|(place, bytes)| policy::policy(&schema, bytes, place + 1, &mut links))
            .collect();
        let facts = |bytes| Facts {
            schema: &schema,
            choices: Choices::new(bytes),
            wild,
        };
        let mut entities = facts(&seeds.entities).entities();
        if !with_schema {
            // Nobody else knows the hierarchy of actions then.
            let actions = schema.actions.iter().map(|action| Entity {
                uid: action.uid.clone(),
                attrs: [].into(),
                tags: [].into(),
                parents: action
                    .groups
                    .iter()
                    .map(|group| schema.actions[*group].uid.clone())
                    .collect(),
            });
            entities.extend(actions);
        }
        Self {
            schema: with_schema.then(|| schema.text()),
            policies,
            links,
            questions: seeds
                .questions
                .iter()
                .map(|bytes| facts(bytes).question())
                .collect(),
            entities,
        }
    }

    /// Everything that is compiled.
    #[must_use]
    pub fn texts(&self) -> Texts {
        Texts {
            schema: self.schema.clone(),
            policies: self.policies.concat(),
            links: self.links.clone(),
        }
    }

    /// The same without what Cedar's validator refuses; none where there is no schema, or where nothing is left.
    #[must_use]
    pub fn validated(&self, cedar: &Cedar) -> Option<Texts> {
        let refused = cedar.refused()?;
        let name = |id: &String| cedar.names.get(id).unwrap_or(id).clone();
        let names: BTreeSet<String> = refused.iter().map(name).collect();
        let is_kept = |place: &usize| !refused.contains(&format!("policy{place}"));
        if !(0..self.policies.len()).any(|place| is_kept(&place)) {
            return None;
        }
        // What is refused leaves its place, so that what follows keeps its name.
        let policies =
            self.policies
                .iter()
                .enumerate()
                .map(|(place, text)| match is_kept(&place) {
                    true => text.as_str(),
                    false => "forbid (principal, action, resource) when { false };\n",
                });
        let links = self.links.iter().filter(|link| {
            let is_kept = (0..self.policies.len())
                .filter(|place| {
                    cedar.templates.get(&link.template) == Some(&format!("policy{place}"))
                })
                .any(|place| is_kept(&place));
            is_kept && !names.contains(&link.id)
        });
        Some(Texts {
            schema: self.schema.clone(),
            policies: policies.collect(),
            links: links.cloned().collect(),
        })
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schema = self.schema.as_deref().unwrap_or("no schema");
        writeln!(f, "{schema}\n{}", self.policies.concat())?;
        for link in &self.links {
            writeln!(f, "{link:?}")?;
        }
        for entity in &self.entities {
            writeln!(f, "{entity:?}")?;
        }
        for question in &self.questions {
            writeln!(f, "{question:?}")?;
        }
        Ok(())
    }
}
