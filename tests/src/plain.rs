//! Cedar text without a pack: what Cedar answers to it, and what the engine does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use avow_compiler::Plain;
use avow_engine::{
    Answer as Bytes, Bundle, Engine, EvalError, Outcome, PatchBuilder, RequestBuilder, ext,
    format::{Cell, EntityRow},
};
use cedar_policy::{
    Entities, Entity as CedarEntity, EvalResult, PolicyId, PolicySet, Request, Schema, SlotId,
    ValidationMode, Validator,
};

use crate::{
    block::{Entity, Value},
    oracle::{self, Answer},
};

/// Type and id.
pub type Uid = (String, String);

/// A rule made of a template.
#[derive(Clone, Debug)]
pub struct Link {
    /// The template's id, as the compiler gives it.
    pub template: String,
    /// The rule's id.
    pub id: String,
    /// What stands in `?principal` and `?resource`.
    pub slots: [Option<Uid>; 2],
}

/// Texts that a bundle is made of.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The schema, where there is one.
    pub schema: Option<String>,
    /// Rules and templates.
    pub policies: String,
    /// Rules made of the templates.
    pub links: Vec<Link>,
}

impl Texts {
    /// The bundle, or everything that is wrong.
    ///
    /// # Errors
    /// What the compiler finds, a line each.
    pub fn compile(&self, validate: bool) -> Result<Vec<u8>, String> {
        let links: Vec<serde_json::Value> = self.links.iter().map(link_json).collect();
        let links = serde_json::Value::from(links).to_string();
        let plain = Plain {
            schema: self.schema.as_deref(),
            policies: &self.policies,
            links: if self.links.is_empty() { "" } else { &links },
            validate,
        };
        plain.compile().map_err(|findings| {
            let lines = findings
                .iter()
                .map(|f| format!("{}:{:?} {} {}\n", f.file, f.line, f.code, f.message));
            lines.collect()
        })
    }
}

fn link_json(link: &Link) -> serde_json::Value {
    let args: BTreeMap<&str, String> = ["?principal", "?resource"]
        .into_iter()
        .zip(&link.slots)
        .filter_map(|(slot, uid)| Some((slot, oracle::uid(uid.as_ref()?).to_string())))
        .collect();
    serde_json::json!({"template_id": link.template, "link_id": link.id, "args": args})
}

/// Cedar with the same texts. It answers in the ids that the compiler gives.
pub struct Cedar {
    /// The schema, where there is one.
    pub schema: Option<Schema>,
    /// Rules, templates and links.
    pub policies: PolicySet,
    /// From Cedar's ids to the compiler's.
    pub names: BTreeMap<String, String>,
    /// From the compiler's ids of templates to Cedar's.
    pub templates: BTreeMap<String, String>,
}

impl Cedar {
    /// Has Cedar read the texts.
    ///
    /// # Errors
    /// What Cedar says of them.
    pub fn new(texts: &Texts) -> Result<Self, String> {
        let schema = match &texts.schema {
            None => None,
            Some(text) => Some(
                Schema::from_cedarschema_str(text)
                    .map_err(|error| format!("{error:?}"))?
                    .0,
            ),
        };
        let mut policies: PolicySet = texts.policies.parse().map_err(|e| format!("{e:?}"))?;
        let mut names: BTreeMap<String, String> = policies
            .policies()
            .map(|policy| {
                let id = policy.id().to_string();
                let name = rule_name(&id, policy.annotation("id"));
                (id, name)
            })
            .collect();
        let templates: BTreeMap<String, String> = policies
            .templates()
            .map(|template| {
                let id = template.id().to_string();
                (rule_name(&id, template.annotation("id")), id)
            })
            .collect();
        for link in &texts.links {
            let slots = [SlotId::principal(), SlotId::resource()];
            let values: HashMap<SlotId, _> = slots
                .into_iter()
                .zip(&link.slots)
                .filter_map(|(slot, uid)| Some((slot, oracle::uid(uid.as_ref()?))))
                .collect();
            let template = templates
                .get(&link.template)
                .ok_or_else(|| format!("no template `{}`", link.template))?;
            let (template, id) = (PolicyId::new(template), PolicyId::new(&link.id));
            policies
                .link(template, id, values)
                .map_err(|error| format!("{error:?}"))?;
            names.insert(link.id.clone(), link.id.clone());
        }
        Ok(Self {
            schema,
            policies,
            names,
            templates,
        })
    }

    /// Cedar's answer, in the compiler's ids.
    #[must_use]
    pub fn ask(&self, request: &Request, entities: &Entities) -> Answer {
        self.rename(&oracle::answer(request, &self.policies, entities))
    }

    /// The same answer in the compiler's ids.
    #[must_use]
    pub fn rename(&self, answer: &Answer) -> Answer {
        let rename = |ids: &BTreeSet<String>| {
            let name = |id: &String| self.names.get(id).unwrap_or(id).clone();
            ids.iter().map(name).collect()
        };
        Answer {
            allows: answer.allows,
            reasons: rename(&answer.reasons),
            errors: rename(&answer.errors),
        }
    }

    /// Ids, as Cedar has them, of the rules and templates that its strict validator refuses; none where there is no schema.
    #[must_use]
    pub fn refused(&self) -> Option<BTreeSet<String>> {
        let result =
            Validator::new(self.schema.clone()?).validate(&self.policies, ValidationMode::Strict);
        let ids = result
            .validation_errors()
            .map(|error| error.policy_id().to_string());
        Some(ids.collect())
    }

    /// The entities that the schema's actions are.
    ///
    /// # Panics
    /// Where Cedar cannot make them.
    #[must_use]
    pub fn actions(&self) -> Vec<CedarEntity> {
        let Some(schema) = &self.schema else {
            return Vec::new();
        };
        schema.action_entities().unwrap().iter().cloned().collect()
    }

    /// What a shell enforces of an answer of Cedar's: a forbid that failed is no permission.
    #[must_use]
    pub fn outcome(&self, answer: &Answer) -> Outcome {
        let forbids = |id: &String| {
            self.policies.policies().any(|policy| {
                policy.effect() == cedar_policy::Effect::Forbid
                    && self.names.get(AsRef::<str>::as_ref(policy.id())) == Some(id)
            })
        };
        if !answer.allows && !answer.reasons.is_empty() {
            Outcome::Forbidden
        } else if answer.errors.iter().any(forbids) {
            Outcome::Failed
        } else if answer.allows {
            Outcome::Allow
        } else {
            Outcome::NotPermitted
        }
    }
}

/// The id that the compiler gives to the rule with an id of Cedar's.
fn rule_name(id: &str, annotation: Option<&str>) -> String {
    match annotation {
        Some(name) => name.to_owned(),
        None => {
            let number: usize = id.trim_start_matches("policy").parse().unwrap_or_default();
            format!("policies#{}", number + 1)
        }
    }
}

/// What the engine answered.
#[derive(Clone, Debug)]
pub struct Found {
    /// The answer, in the compiler's ids.
    pub answer: Answer,
    /// What a shell enforces.
    pub outcome: Outcome,
    /// Why rules failed.
    pub causes: Vec<EvalError>,
}

/// The engine with a bundle.
pub struct Subject {
    /// The engine.
    pub engine: Engine,
    /// The bundle as it was loaded, for those who build requests elsewhere.
    bundle: Bundle,
}

impl Subject {
    /// Loads a bundle.
    ///
    /// # Panics
    /// Where the engine refuses it.
    #[must_use]
    pub fn new(bundle: &[u8]) -> Self {
        Self {
            engine: Engine::new(Bundle::load(bundle.to_vec()).unwrap()),
            bundle: Bundle::load(bundle.to_vec()).unwrap(),
        }
    }

    /// Whether the bundle describes an entity, which nobody may describe again.
    #[must_use]
    pub fn describes(&self, (type_name, id): &Uid) -> bool {
        self.bundle.entity(type_name, id).is_some()
    }

    /// Request bytes, without the entities that the bundle describes.
    #[must_use]
    pub fn request(
        &self,
        [principal, action, resource]: &[Uid; 3],
        context: &BTreeMap<String, Value>,
        entities: &[Entity],
    ) -> Vec<u8> {
        let mut request = RequestBuilder::new(&self.bundle);
        for entity in entities
            .iter()
            .filter(|entity| !self.describes(&entity.uid))
        {
            let (type_name, id) = &entity.uid;
            request.entity(type_name, id, row(entity));
        }
        request.finish(
            (&principal.0, &principal.1),
            (&action.0, &action.1),
            (&resource.0, &resource.1),
            fields(context),
        )
    }

    /// Patch bytes that add the entities that the bundle does not describe.
    #[must_use]
    pub fn patch(&self, entities: &[Entity]) -> Vec<u8> {
        let mut patch = PatchBuilder::new(&self.bundle);
        for entity in entities
            .iter()
            .filter(|entity| !self.describes(&entity.uid))
        {
            patch.put(&entity.uid.0, &entity.uid.1, row(entity));
        }
        patch.finish(self.engine.version())
    }

    /// What the engine answers.
    ///
    /// # Errors
    /// Where it refuses the request or gives up: neither is an answer of Cedar's.
    ///
    /// # Panics
    /// Where the engine's bytes are no answer.
    pub fn ask(&mut self, request: &[u8]) -> Result<Found, String> {
        let bytes = self.engine.decide(request).to_vec();
        self.read(&bytes)
    }

    /// Reads answer bytes.
    ///
    /// # Errors
    /// As [`Subject::ask`].
    ///
    /// # Panics
    /// Where they are none, or name a rule that is not there.
    pub fn read(&self, bytes: &[u8]) -> Result<Found, String> {
        let answer = Bytes::read(bytes).unwrap();
        let name = |rule: u32| self.engine.bundle().rule(rule).unwrap().id().to_owned();
        let causes: Vec<EvalError> = answer.failed().map(|failure| failure.error).collect();
        let given_up = |cause: &EvalError| matches!(cause, EvalError::Limit | EvalError::Internal);
        if answer.outcome() == Outcome::Refused || causes.iter().any(given_up) {
            return Err(format!(
                "{}: {}, {causes:?}",
                answer.outcome().as_str(),
                answer.refusal().message()
            ));
        }
        Ok(Found {
            answer: Answer {
                allows: answer.decision().as_str() == "allow",
                reasons: answer.determining().map(name).collect(),
                errors: answer.failed().map(|failure| name(failure.rule)).collect(),
            },
            outcome: answer.outcome(),
            causes,
        })
    }
}

/// An entity as the engine's builders take it.
#[must_use]
pub fn row(entity: &Entity) -> EntityRow {
    EntityRow {
        attrs: fields(&entity.attrs),
        tags: fields(&entity.tags),
        parents: entity.parents.iter().cloned().collect(),
    }
}

fn fields(record: &BTreeMap<String, Value>) -> BTreeMap<String, Cell> {
    record
        .iter()
        .map(|(name, value)| (name.clone(), cell(value)))
        .collect()
}

/// A value as the engine's builders take it.
///
/// # Panics
/// Where an address is none.
#[must_use]
pub fn cell(value: &Value) -> Cell {
    match value {
        Value::Bool(value) => Cell::Bool(*value),
        Value::Long(value) => Cell::Long(*value),
        Value::Str(text) => Cell::Str(text.clone()),
        Value::Entity(type_name, id) => Cell::Entity(type_name.clone(), id.clone()),
        Value::Set(items) => Cell::Set(items.iter().map(cell).collect()),
        Value::Record(record) => Cell::Record(fields(record)),
        Value::Decimal(value) => Cell::Decimal(*value),
        Value::Datetime(value) => Cell::Datetime(*value),
        Value::Duration(value) => Cell::Duration(*value),
        Value::Ip(bytes) => Cell::Ip(ext::Ip::from_bytes(bytes).unwrap()),
    }
}

/// An entity of Cedar's, with all its ancestors as parents.
///
/// # Panics
/// Where one of its values is unknown.
#[must_use]
pub fn from_cedar(entity: &CedarEntity, entities: &Entities) -> Entity {
    let uid = entity.uid();
    Entity {
        uid: of_uid(&uid),
        attrs: entity
            .attrs()
            .map(|(name, result)| (name.to_owned(), of_result(&result.unwrap())))
            .collect(),
        tags: entity
            .tags()
            .map(|(name, result)| (name.to_owned(), of_result(&result.unwrap())))
            .collect(),
        parents: entities
            .ancestors(&uid)
            .into_iter()
            .flatten()
            .map(of_uid)
            .collect(),
    }
}

/// Type and id of a uid of Cedar's.
#[must_use]
pub fn of_uid(uid: &cedar_policy::EntityUid) -> Uid {
    let id: &str = uid.id().as_ref();
    (uid.type_name().to_string(), id.to_owned())
}

/// A value of Cedar's.
///
/// # Panics
/// Where it is an extension value that is written in no known way.
#[must_use]
pub fn of_result(result: &EvalResult) -> Value {
    match result {
        EvalResult::Bool(value) => Value::Bool(*value),
        EvalResult::Long(value) => Value::Long(*value),
        EvalResult::String(text) => Value::Str(text.clone()),
        EvalResult::EntityUid(uid) => {
            let (type_name, id) = of_uid(uid);
            Value::Entity(type_name, id)
        }
        EvalResult::Set(items) => Value::Set(items.iter().map(of_result).collect()),
        EvalResult::Record(record) => Value::Record(
            record
                .iter()
                .map(|(name, value)| (name.clone(), of_result(value)))
                .collect(),
        ),
        EvalResult::ExtensionValue(text) => {
            of_extension(text).unwrap_or_else(|| panic!("extension value {text}"))
        }
    }
}

/// Cedar prints an extension value as the call that makes it.
fn of_extension(text: &str) -> Option<Value> {
    // An instant that no literal can write.
    if let Some((instant, span)) = text.split_once(".offset(") {
        let (Value::Datetime(instant), Value::Duration(span)) = (
            of_extension(instant)?,
            of_extension(span.strip_suffix(')')?)?,
        ) else {
            return None;
        };
        return instant.checked_add(span).map(Value::Datetime);
    }
    let (function, argument) = text.strip_suffix("\")")?.split_once("(\"")?;
    let bytes = argument.as_bytes();
    Some(match function {
        "decimal" => Value::Decimal(ext::parse_decimal(bytes)?),
        "datetime" => Value::Datetime(ext::parse_datetime(bytes)?),
        "duration" => Value::Duration(ext::parse_duration(bytes)?),
        "ip" => Value::Ip(ext::parse_ip(bytes)?.to_bytes().to_vec()),
        _ => return None,
    })
}
