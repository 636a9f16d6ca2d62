//! Reads Cedar schemas and lowers them to what a bundle carries.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::format::EntityRow;
use cedar_policy::{Schema as CedarSchema, SchemaFragment};
use cedar_policy_core::validator::{
    ValidatorEntityTypeKind, ValidatorSchema,
    types::{Attributes, EntityKind, Type as CedarType},
};
use serde_json::Value as JsonValue;

use crate::{
    catalogue::Catalogue,
    expression::uid,
    finding::{Finding, Sources},
    program::{Action, Attr, EntityType, Program, Schema, Type, Uid},
};

/// The schema as Cedar has it, and the annotations that Cedar's resolved form drops.
pub(crate) struct Cedar {
    pub(crate) schema: CedarSchema,
    authoritative: Authoritative,
    clients: BTreeSet<Uid>,
}

pub(crate) fn read(sources: &Sources<'_>, findings: &mut Vec<Finding>) -> Option<Cedar> {
    let mut fragments = Vec::new();
    let mut json = Vec::new();
    let mut whole = true;
    let mut first_file = "schema.cedarschema";
    for (file, text) in sources.ending(".cedarschema") {
        first_file = file;
        match SchemaFragment::from_cedarschema_str(text) {
            Ok((fragment, _)) => {
                if let Ok(value) = fragment.clone().to_json_value() {
                    json.push(value);
                }
                fragments.push(fragment);
            }
            Err(error) => {
                whole = false;
                sources.cedar("schema", file, &error, findings);
            }
        }
    }
    if fragments.is_empty() && whole {
        findings.push(
            sources
                .error("schema", first_file, None, "the pack has no schema")
                .with_help("write a `.cedarschema` file: rules are validated against it"),
        );
        return None;
    }
    if !whole {
        return None;
    }
    match CedarSchema::from_schema_fragments(fragments) {
        Ok(schema) => Some(Cedar {
            schema,
            authoritative: Authoritative::read(&json),
            clients: clients(&json),
        }),
        Err(error) => {
            sources.cedar("schema", first_file, &error, findings);
            None
        }
    }
}

impl Cedar {
    fn core(&self) -> &ValidatorSchema {
        self.schema.as_ref()
    }

    pub(crate) fn lower(
        &self,
        sources: &Sources<'_>,
        catalogue: &Catalogue,
        findings: &mut Vec<Finding>,
    ) -> Schema {
        let core = self.core();
        let mut out = Schema::default();
        for of in core.entity_types() {
            let name = of.name().to_string();
            let flags = self.authoritative.shape(&name);
            let mut parents: Vec<String> = core
                .entity_types()
                .filter(|parent| parent.has_descendant_entity_type(of.name()))
                .map(|parent| parent.name().to_string())
                .collect();
            parents.sort_unstable();
            let ids = match &of.kind {
                ValidatorEntityTypeKind::Enum(ids) => ids
                    .iter()
                    .map(|id| AsRef::<str>::as_ref(id).to_owned())
                    .collect(),
                _ => Vec::new(),
            };
            out.entity_types.insert(
                name.clone(),
                EntityType {
                    attrs: attributes(of.attributes(), &flags),
                    tags: of.tag_type().map(|of| lower_type(of, &Flags::default())),
                    parents,
                    ids,
                    authoritative: self.authoritative.types.contains(&name),
                },
            );
        }
        for action in core.action_ids() {
            let principals: BTreeSet<String> = action
                .applies_to_principals()
                .map(ToString::to_string)
                .collect();
            let resources: BTreeSet<String> = action
                .applies_to_resources()
                .map(ToString::to_string)
                .collect();
            // An action that applies to nothing is a group: it is never asked.
            if principals.is_empty() || resources.is_empty() {
                continue;
            }
            let action_uid = uid(action.name());
            let flags = self.authoritative.context(&action_uid);
            let context = match action.context() {
                Some(CedarType::Record { attrs, .. }) => attributes(attrs, &flags),
                _ => BTreeMap::new(),
            };
            let client = self.clients.contains(&action_uid);
            out.actions.insert(
                action_uid,
                Action {
                    client,
                    principals: principals.into_iter().collect(),
                    resources: resources.into_iter().collect(),
                    context,
                },
            );
        }
        out.derived = catalogue.derived(sources, &out, findings);
        out
    }

    /// Actions are entities too: rules look at the groups that they are in.
    pub(crate) fn add_actions(&self, program: &mut Program) {
        let Ok(actions) = self.core().action_entities() else {
            return;
        };
        for action in actions.iter() {
            let parents = action.ancestors().map(uid).collect();
            let row = EntityRow {
                parents,
                ..EntityRow::default()
            };
            program.entities.insert(uid(action.uid()), row);
        }
    }
}

fn attributes(attrs: &Attributes, flags: &Flags) -> BTreeMap<String, Attr> {
    attrs
        .iter()
        .map(|(name, attr)| {
            let flags = flags.fields.get(name.as_str()).cloned().unwrap_or_default();
            let lowered = Attr {
                of: lower_type(&attr.attr_type, &flags),
                required: attr.is_required,
                authoritative: flags.authoritative,
            };
            (name.to_string(), lowered)
        })
        .collect()
}

fn lower_type(of: &CedarType, flags: &Flags) -> Type {
    match of {
        CedarType::Bool(_) | CedarType::Never => Type::Bool,
        CedarType::Long => Type::Long,
        CedarType::String => Type::Str,
        CedarType::Entity(EntityKind::Entity(lub)) => Type::Entity(
            lub.get_single_entity()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        CedarType::Entity(EntityKind::AnyEntity) => Type::Entity(String::new()),
        CedarType::Set { element_type } => Type::Set(Box::new(
            element_type
                .as_ref()
                .map_or(Type::Bool, |of| lower_type(of, flags)),
        )),
        CedarType::Record { attrs, .. } => Type::Record(attributes(attrs, flags)),
        CedarType::ExtensionType { name } => match name.to_string().as_str() {
            "decimal" => Type::Decimal,
            "datetime" => Type::Datetime,
            "duration" => Type::Duration,
            _ => Type::Ip,
        },
    }
}

/// What `@authoritative` stands on.
#[derive(Default)]
struct Authoritative {
    types: BTreeSet<String>,
    shapes: BTreeMap<String, Flags>,
    contexts: BTreeMap<Uid, Flags>,
}

/// The annotations of an attribute, and those of its own fields.
#[derive(Clone, Debug, Default)]
struct Flags {
    authoritative: bool,
    fields: BTreeMap<String, Flags>,
}

impl Authoritative {
    /// From the schema's JSON form, where annotations are.
    fn read(fragments: &[JsonValue]) -> Self {
        let mut commons: BTreeMap<String, (&JsonValue, &str)> = BTreeMap::new();
        for (namespace, value) in namespaces(fragments) {
            for (name, of) in members(value, "commonTypes") {
                commons.insert(qualify(namespace, name), (of, namespace));
            }
        }
        let mut out = Self::default();
        for (namespace, value) in namespaces(fragments) {
            for (name, of) in members(value, "entityTypes") {
                let name = qualify(namespace, name);
                if is_annotated(of, "authoritative") {
                    out.types.insert(name.clone());
                }
                if let Some(shape) = of.get("shape") {
                    out.shapes
                        .insert(name, flags(shape, namespace, &commons, 0));
                }
            }
            for (id, action) in members(value, "actions") {
                let context = action.get("appliesTo").and_then(|to| to.get("context"));
                if let Some(context) = context {
                    let uid = (qualify(namespace, "Action"), id.clone());
                    out.contexts
                        .insert(uid, flags(context, namespace, &commons, 0));
                }
            }
        }
        out
    }

    fn shape(&self, type_name: &str) -> Flags {
        self.shapes.get(type_name).cloned().unwrap_or_default()
    }

    fn context(&self, action: &Uid) -> Flags {
        self.contexts.get(action).cloned().unwrap_or_default()
    }
}

/// What `@client` stands on.
fn clients(fragments: &[JsonValue]) -> BTreeSet<Uid> {
    namespaces(fragments)
        .flat_map(|(namespace, value)| {
            members(value, "actions")
                .filter(|(_, action)| is_annotated(action, "client"))
                .map(move |(id, _)| (qualify(namespace, "Action"), id.clone()))
        })
        .collect()
}

fn namespaces(fragments: &[JsonValue]) -> impl Iterator<Item = (&str, &JsonValue)> {
    fragments
        .iter()
        .filter_map(JsonValue::as_object)
        .flatten()
        .map(|(namespace, value)| (namespace.as_str(), value))
}

fn members<'a>(
    value: &'a JsonValue,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a JsonValue)> {
    value
        .get(key)
        .and_then(JsonValue::as_object)
        .into_iter()
        .flatten()
}

fn qualify(namespace: &str, name: &str) -> String {
    if namespace.is_empty() || name.contains("::") {
        name.to_owned()
    } else {
        format!("{namespace}::{name}")
    }
}

fn is_annotated(value: &JsonValue, name: &str) -> bool {
    value
        .get("annotations")
        .is_some_and(|annotations| annotations.get(name).is_some())
}

fn flags(
    of: &JsonValue,
    namespace: &str,
    commons: &BTreeMap<String, (&JsonValue, &str)>,
    depth: u32,
) -> Flags {
    let mut out = Flags {
        authoritative: is_annotated(of, "authoritative"),
        fields: BTreeMap::new(),
    };
    // Common types cannot name themselves; the bound only guards against a schema that Cedar has refused already.
    if depth > 64 {
        return out;
    }
    if let Some(element) = of.get("element") {
        out.fields = flags(element, namespace, commons, depth + 1).fields;
    }
    for (name, attr) in members(of, "attributes") {
        out.fields
            .insert(name.clone(), flags(attr, namespace, commons, depth + 1));
    }
    let named = of
        .get("name")
        .or_else(|| of.get("type"))
        .and_then(JsonValue::as_str);
    if let Some(name) = named {
        let found = commons
            .get(&qualify(namespace, name))
            .or_else(|| commons.get(name));
        if let Some((of, namespace)) = found {
            out.fields = flags(of, namespace, commons, depth + 1).fields;
        }
    }
    out
}
