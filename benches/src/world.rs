//! What every rule set is asked about: a thousand entities of a small firm with eight tenants, and requests about them.
//!
//! No random numbers: the same entities, rules and requests in every run.

use std::collections::BTreeMap;

/// A type and an id.
pub type Uid = (&'static str, String);

/// Kinds of resources; each has the actions of all [`VERBS`].
pub const KINDS: [&str; 6] = [
    "Document", "Record", "Invoice", "Ticket", "Report", "Contract",
];
pub const VERBS: [&str; 8] = [
    "view", "edit", "export", "delete", "share", "approve", "archive", "restore",
];
/// Several dozen: one for each verb and kind.
pub const ACTIONS: usize = KINDS.len() * VERBS.len();

pub const ROLES: usize = 200;
pub const FOLDERS: usize = 58;
pub const USERS: usize = 300;
pub const JOBS: usize = 94;
/// Resources of each kind; every folder holds one of each.
pub const EACH: usize = FOLDERS;
const TENANTS: usize = 8;
const DEPARTMENTS: usize = 6;

/// A value of an attribute.
#[derive(Clone, Debug)]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
}

/// An entity; `attrs` by name.
#[derive(Clone, Debug)]
pub struct Entity {
    pub uid: Uid,
    pub attrs: BTreeMap<&'static str, Value>,
    pub parents: Vec<Uid>,
}

/// A request; its context is the tenant that asks and whether a second factor was shown.
#[derive(Clone, Debug)]
pub struct Ask {
    pub principal: Uid,
    pub action: String,
    pub resource: Uid,
    pub tenant: String,
    pub mfa: bool,
}

/// Name of an action, and the kind of resource that it is about.
pub fn action(number: usize) -> (String, &'static str) {
    let kind = KINDS[number % KINDS.len()];
    let verb = VERBS[number / KINDS.len() % VERBS.len()];
    (format!("{verb}_{}", kind.to_lowercase()), kind)
}

pub fn role(number: usize) -> Uid {
    ("Role", format!("r{}", number % ROLES))
}

pub fn folder(number: usize) -> Uid {
    ("Folder", format!("f{}", number % FOLDERS))
}

pub fn user(number: usize) -> Uid {
    ("User", format!("u{}", number % USERS))
}

pub fn resource(kind: &'static str, number: usize) -> Uid {
    (kind, format!("{}{}", kind.to_lowercase(), number % EACH))
}

/// The department of a user or a job.
pub fn department(number: usize) -> String {
    format!("d{}", number % DEPARTMENTS)
}

fn person(type_name: &'static str, id: String, number: usize) -> Entity {
    Entity {
        attrs: BTreeMap::from([
            ("tenant", Value::Text(format!("t{}", number % TENANTS))),
            ("name", Value::Text(id.clone())),
            ("dept", Value::Text(department(number))),
            ("level", Value::Long(number as i64 % 10)),
            ("admin", Value::Bool(number % 17 == 0)),
        ]),
        uid: (type_name, id),
        parents: vec![role(number)],
    }
}

/// All entities: 200 roles, 58 folders, 394 users and jobs in one role each, 348 resources in one folder each.
pub fn entities() -> Vec<Entity> {
    let bare = |uid| Entity {
        uid,
        attrs: BTreeMap::new(),
        parents: Vec::new(),
    };
    let mut out: Vec<Entity> = (0..ROLES).map(|i| bare(role(i))).collect();
    out.extend((0..FOLDERS).map(|i| bare(folder(i))));
    out.extend((0..USERS).map(|i| person("User", user(i).1, i)));
    out.extend((0..JOBS).map(|i| person("Job", format!("j{i}"), i)));
    for (offset, kind) in KINDS.into_iter().enumerate() {
        out.extend((0..EACH).map(|i| Entity {
            uid: resource(kind, i),
            attrs: BTreeMap::from([
                (
                    "tenant",
                    Value::Text(format!("t{}", (i + offset) % TENANTS)),
                ),
                ("owner", Value::Text(user(i * 5).1)),
                ("level", Value::Long((i as i64 * 3) % 10)),
                ("archived", Value::Bool(i % 7 == 0)),
            ]),
            parents: vec![folder(i)],
        }));
    }
    out
}

/// The schema, in Cedar's own language.
pub fn schema() -> String {
    let person = "{ tenant: String, name: String, dept: String, level: Long, admin: Bool }";
    let thing = "{ tenant: String, owner: String, level: Long, archived: Bool }";
    let mut out = format!(
        "entity Role;\nentity Folder;\nentity User, Job in [Role] {person};\nentity {} in [Folder] {thing};\n",
        KINDS.join(", ")
    );
    for number in 0..ACTIONS {
        let (name, kind) = action(number);
        out += &format!(
            "action {name} appliesTo {{ principal: [User, Job], resource: [{kind}], context: {{ tenant: String, mfa: Bool }} }};\n"
        );
    }
    out
}
