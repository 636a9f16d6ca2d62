//! Where in a file a request is wrong: intake says a path, the case's parts know where each step of it stands, and the
//! schema knows what else could have stood there.

use std::{collections::BTreeMap, ops::Range};

use avow_engine::verdict::Problem;

use super::{
    file::FileReader,
    known::{Known, help, names, split_uid},
    request::Parts,
    yaml::{Field, Node},
};
use crate::program::{Attr, Type};

const ENTITY: [&str; 4] = ["uid", "attrs", "parents", "tags"];

/// What the schema declares at a place.
#[derive(Clone, Copy)]
enum Declared<'k> {
    Nothing,
    Action,
    Uid,
    Entity(&'k Node),
    Record(&'k BTreeMap<String, Attr>),
    Of(&'k Type),
    Parents,
}

/// How far a path led.
struct Walk<'k> {
    /// The key to which it came, or else the item of a list.
    at: Range<usize>,
    node: &'k Node,
    declared: Declared<'k>,
    /// Where the last key is none that the schema declares: those that there are.
    instead: Option<Vec<&'k str>>,
    rest: &'k str,
    last: String,
}

impl FileReader<'_> {
    /// Says that intake refuses a request, at the place that it means.
    pub(super) fn refused(
        &mut self,
        known: &Known<'_>,
        parts: &Parts,
        tenant: Option<&Field>,
        problem: &Problem,
    ) {
        let path = problem.path.as_str();
        let Some((top, shown, rest)) = start(parts, path) else {
            let tenant = tenant.filter(|_| path == "context.tenant");
            let at = tenant.map_or(&parts.at, |field| &field.node.span);
            return self.wrong("case-refused", at, problem.to_string(), None);
        };
        let declared = match &*top.key {
            "action" => Declared::Action,
            "principal" | "resource" => Declared::Uid,
            "context" => parts
                .fields
                .iter()
                .find(|field| &*field.key == "action")
                .and_then(|field| known.action(field.node.text()?))
                .map_or(Declared::Nothing, |action| {
                    Declared::Record(&action.context)
                }),
            _ => Declared::Entity(&top.node),
        };
        // A part that is called like one of the request's is an entity all the same.
        let declared = match path.starts_with("entities") {
            true => Declared::Entity(&top.node),
            false => declared,
        };
        let mut walk = Walk {
            at: top.at.clone(),
            node: &top.node,
            declared,
            instead: None,
            rest,
            last: String::new(),
        };
        while walk.instead.is_none() && walk.step(known) {}
        let missing = !walk.rest.is_empty();
        let at = match missing || walk.instead.is_some() {
            true => walk.at,
            false => walk.node.span.clone(),
        };
        let way_out = match &walk.instead {
            Some(instead) => help(&walk.last, instead.iter().copied()),
            None if missing => None,
            None => meant(known, walk.declared, walk.node),
        };
        let message = format!("{shown}{rest}: {}", problem.message);
        self.wrong("case-refused", &at, message, way_out);
    }
}

/// The part in which a path begins, how it is shown, and what is left of the path.
fn start<'p>(parts: &'p Parts, path: &'p str) -> Option<(&'p Field, String, &'p str)> {
    if let Some(rest) = path.strip_prefix("entities[") {
        let (number, rest) = rest.split_once(']')?;
        let field = parts.entities.get(number.parse::<usize>().ok()?)?;
        let shown = match field.key.parse::<usize>() {
            Ok(number) => format!("entities[{number}]"),
            Err(_) => format!("entities.{}", field.key),
        };
        return Some((field, shown, rest));
    }
    let fits = |field: &&Field| {
        let rest = path.strip_prefix(&*field.key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let field = parts.fields.iter().find(fits)?;
    let rest = path.get(field.key.len()..)?;
    Some((field, field.key.to_string(), rest))
}

impl<'k> Walk<'k> {
    /// Goes one step of the path, if it is there.
    fn step(&mut self, known: &'k Known<'_>) -> bool {
        if let Some(inside) = self.rest.strip_prefix('[') {
            let Some((number, rest)) = inside.split_once(']') else {
                return false;
            };
            let items = self.node.items().unwrap_or_default();
            let Some(item) = number.parse().ok().and_then(|at: usize| items.get(at)) else {
                return false;
            };
            self.declared = match self.declared {
                Declared::Of(Type::Set(of)) => Declared::Of(of),
                Declared::Parents => Declared::Uid,
                _ => Declared::Nothing,
            };
            (self.at, self.node, self.rest) = (item.span.clone(), item, rest);
            return true;
        }
        let Some(path) = self.rest.strip_prefix('.') else {
            return false;
        };
        // A key may have dots itself, so the longest one that fits is meant.
        let fits = |field: &&Field| {
            let rest = path.strip_prefix(&*field.key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let fields = self.node.fields().unwrap_or_default();
        let Some(field) = fields
            .iter()
            .filter(fits)
            .max_by_key(|field| field.key.len())
        else {
            return false;
        };
        self.last = field.key.to_string();
        self.declare(known);
        self.at = field.at.clone();
        self.node = &field.node;
        self.rest = path.get(field.key.len()..).unwrap_or_default();
        true
    }

    /// What the schema declares under the last key.
    fn declare(&mut self, known: &'k Known<'_>) {
        let key = self.last.as_str();
        let attrs = match self.declared {
            Declared::Record(attrs) | Declared::Of(Type::Record(attrs)) => attrs,
            Declared::Entity(entity) => {
                let of = || {
                    let uid = entity.get("uid")?.node.text()?;
                    known.entity_type(split_uid(uid)?.0)
                };
                self.declared = match (key, of()) {
                    ("uid", _) => Declared::Uid,
                    ("parents", _) => Declared::Parents,
                    ("attrs", Some(of)) => Declared::Record(&of.attrs),
                    ("attrs" | "tags", _) => Declared::Nothing,
                    _ => {
                        self.instead = Some(ENTITY.to_vec());
                        Declared::Nothing
                    }
                };
                return;
            }
            _ => {
                self.declared = Declared::Nothing;
                return;
            }
        };
        match attrs.get(key) {
            Some(attr) => self.declared = Declared::Of(&attr.of),
            None => self.instead = Some(names(attrs)),
        }
    }
}

/// What a value that is refused may have been meant to be.
fn meant(known: &Known<'_>, declared: Declared<'_>, node: &Node) -> Option<String> {
    let text = node.text()?;
    match declared {
        Declared::Action => {
            let id = split_uid(text).map_or(text, |(_, id)| id);
            let unknown = known.action(text).is_none();
            unknown.then(|| help(id, known.actions())).flatten()
        }
        Declared::Uid => {
            let (type_name, id) = split_uid(text)?;
            match known.entity_type(type_name) {
                None => help(type_name, known.types()),
                Some(of) if !of.ids.is_empty() => help(id, of.ids.iter().map(String::as_str)),
                Some(_) => None,
            }
        }
        Declared::Of(Type::Entity(name)) => {
            let of = known.entity_type(name)?;
            help(text, of.ids.iter().map(String::as_str))
        }
        _ => None,
    }
}
