//! Schemas: entity types with hierarchy, attributes of all types and tags; actions and groups of them; namespaces.

use std::fmt::Write as _;

use super::choices::Choices;
use crate::plain::Uid;

/// A type of Cedar's.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// `Bool`
    Bool,
    /// `Long`
    Long,
    /// `String`
    Str,
    /// `decimal`
    Decimal,
    /// `ipaddr`
    Ip,
    /// `datetime`
    Datetime,
    /// `duration`
    Duration,
    /// An entity type, by its place in the schema.
    Entity(usize),
    /// `Set<…>`
    Set(Box<Type>),
    /// `{…}`
    Record(Vec<Field>),
}

/// An attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: Type,
    /// Whether it may be missing.
    pub optional: bool,
}

/// An entity type.
#[derive(Clone, Debug)]
pub struct EntityType {
    /// Its full name.
    pub name: &'static str,
    /// Types of parents.
    pub parents: Vec<usize>,
    /// Attributes.
    pub attrs: Vec<Field>,
    /// What its tags hold.
    pub tags: Option<Type>,
    /// Whether it has no entities but [`IDS`].
    pub listed: bool,
}

/// An action.
#[derive(Clone, Debug)]
pub struct Action {
    /// Type and id.
    pub uid: Uid,
    /// Groups that it is in.
    pub groups: Vec<usize>,
    /// Types of principals; none where it is only a group.
    pub principals: Vec<usize>,
    /// Types of resources.
    pub resources: Vec<usize>,
    /// Attributes of the context.
    pub context: Vec<Field>,
}

/// A schema.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Entity types.
    pub types: Vec<EntityType>,
    /// Actions. Groups come after the actions in them.
    pub actions: Vec<Action>,
}

/// Ids of entities, of each type.
pub const IDS: [&str; 5] = ["a", "b", "c", "", "é\"\\\n*"];

/// Names of attributes, of which some are none of the grammar's identifiers.
pub const NAMES: [&str; 6] = ["a", "b", "name", "if", "a b", "é"];

const TYPES: [&str; 5] = ["User", "Group", "Org::Doc", "Org::Deep::Box", "Level"];

impl Type {
    /// Types without parts.
    pub const SIMPLE: [Self; 7] = [
        Self::Bool,
        Self::Long,
        Self::Str,
        Self::Decimal,
        Self::Ip,
        Self::Datetime,
        Self::Duration,
    ];

    /// Any type, at most so deep.
    pub fn any(choices: &mut Choices<'_>, types: usize, depth: usize) -> Self {
        match choices.below(if depth == 0 { 9 } else { 13 }) {
            simple @ 0..7 => Self::SIMPLE[simple].clone(),
            7 | 8 => Self::Entity(choices.below(types)),
            9 | 10 => Self::Set(Box::new(Self::any(choices, types, depth - 1))),
            _ => Self::Record(fields(choices, types, depth - 1)),
        }
    }

    fn write(&self, schema: &Schema, out: &mut String) {
        match self {
            Self::Bool => out.push_str("Bool"),
            Self::Long => out.push_str("Long"),
            Self::Str => out.push_str("String"),
            Self::Decimal => out.push_str("decimal"),
            Self::Ip => out.push_str("ipaddr"),
            Self::Datetime => out.push_str("datetime"),
            Self::Duration => out.push_str("duration"),
            Self::Entity(of) => out.push_str(schema.types[*of].name),
            Self::Set(of) => {
                out.push_str("Set<");
                of.write(schema, out);
                out.push('>');
            }
            Self::Record(fields) => write_fields(fields, schema, out),
        }
    }
}

fn write_fields(fields: &[Field], schema: &Schema, out: &mut String) {
    out.push('{');
    for field in fields {
        let _ = write!(
            out,
            "\"{}\"{}: ",
            field.name,
            if field.optional { "?" } else { "" }
        );
        field.of.write(schema, out);
        out.push_str(", ");
    }
    out.push('}');
}

fn fields(choices: &mut Choices<'_>, types: usize, depth: usize) -> Vec<Field> {
    let count = choices.below(NAMES.len());
    let first = choices.below(NAMES.len());
    (0..count)
        .map(|i| Field {
            name: NAMES[(first + i) % NAMES.len()],
            of: Type::any(choices, types, depth),
            optional: choices.once_in(3),
        })
        .collect()
}

fn subset(choices: &mut Choices<'_>, of: impl Iterator<Item = usize>) -> Vec<usize> {
    of.filter(|_| choices.below(2) == 0).collect()
}

impl Schema {
    /// A schema.
    pub fn any(choices: &mut Choices<'_>) -> Self {
        let count = 2 + choices.below(TYPES.len() - 1);
        let types = (0..count)
            .map(|i| {
                let listed = TYPES[i] == "Level";
                let mut of = EntityType {
                    name: TYPES[i],
                    parents: Vec::new(),
                    attrs: Vec::new(),
                    tags: None,
                    listed,
                };
                if !listed {
                    of.parents = subset(choices, 0..count);
                    of.attrs = fields(choices, count, 2);
                    of.tags = (choices.below(2) == 1).then(|| Type::any(choices, count, 1));
                }
                of
            })
            .collect();
        let mut actions: Vec<Action> = Vec::new();
        for id in ["view", "edit it", ""].iter().take(1 + choices.below(3)) {
            let namespace = *choices.pick(&["Action", "Action", "Org::Action"]);
            let mut sides = [(); 2].map(|()| subset(choices, 0..count));
            for side in &mut sides {
                if side.is_empty() {
                    side.push(0);
                }
            }
            let [principals, resources] = sides;
            let mut context = fields(choices, count, 2);
            if choices.below(2) == 0 {
                context.push(Field {
                    name: "now",
                    of: Type::Datetime,
                    optional: false,
                });
            }
            actions.push(Action {
                uid: (namespace.to_owned(), (*id).to_owned()),
                groups: Vec::new(),
                principals,
                resources,
                context,
            });
        }
        for id in ["group", "all"] {
            let namespace = *choices.pick(&["Action", "Org::Action"]);
            let number = actions.len();
            for action in &mut actions {
                // A group is of its members' namespace.
                if action.uid.0 == namespace && choices.below(2) == 0 {
                    action.groups.push(number);
                }
            }
            actions.push(Action {
                uid: (namespace.to_owned(), id.to_owned()),
                groups: Vec::new(),
                principals: Vec::new(),
                resources: Vec::new(),
                context: Vec::new(),
            });
        }
        Self { types, actions }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for namespace in ["", "Org", "Org::Deep"] {
            if !namespace.is_empty() {
                let _ = writeln!(out, "namespace {namespace} {{");
            }
            for of in &self.types {
                if let Some(name) = within(of.name, namespace) {
                    self.write_type(of, name, &mut out);
                }
            }
            for action in &self.actions {
                if within(&action.uid.0, namespace).is_some() {
                    self.write_action(action, &mut out);
                }
            }
            if !namespace.is_empty() {
                out.push_str("}\n");
            }
        }
        out
    }

    fn names(&self, types: &[usize]) -> String {
        let names: Vec<&str> = types.iter().map(|of| self.types[*of].name).collect();
        names.join(", ")
    }

    fn write_type(&self, of: &EntityType, name: &str, out: &mut String) {
        let _ = write!(out, "entity {name}");
        if of.listed {
            let ids: Vec<String> = IDS.iter().map(|id| quoted(id)).collect();
            let _ = write!(out, " enum [{}]", ids.join(", "));
        } else {
            if !of.parents.is_empty() {
                let _ = write!(out, " in [{}]", self.names(&of.parents));
            }
            out.push_str(" = ");
            write_fields(&of.attrs, self, out);
            if let Some(tags) = &of.tags {
                out.push_str(" tags ");
                tags.write(self, out);
            }
        }
        out.push_str(";\n");
    }

    fn write_action(&self, action: &Action, out: &mut String) {
        let _ = write!(out, "action {}", quoted(&action.uid.1));
        if !action.groups.is_empty() {
            let groups: Vec<String> = action
                .groups
                .iter()
                .map(|group| quoted(&self.actions[*group].uid.1))
                .collect();
            let _ = write!(out, " in [{}]", groups.join(", "));
        }
        if !action.principals.is_empty() {
            let _ = write!(
                out,
                " appliesTo {{ principal: [{}], resource: [{}], context: ",
                self.names(&action.principals),
                self.names(&action.resources)
            );
            write_fields(&action.context, self, out);
            out.push('}');
        }
        out.push_str(";\n");
    }
}

/// The name's last part, where the rest is the namespace.
fn within<'a>(name: &'a str, namespace: &str) -> Option<&'a str> {
    let (before, last) = name.rsplit_once("::").unwrap_or(("", name));
    (before == namespace).then_some(last)
}

/// A string literal of Cedar's.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
