//! The paths of `vary`, such as `context.choice.offer`, and how maps are merged.

use std::sync::Arc;

use super::yaml::{Field, Node, Value};
use crate::suggest::suggest;

/// Why a path leads nowhere, and a way out.
pub(crate) struct Nowhere {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Later fields in place of earlier ones; `null` takes one out.
pub(crate) fn merge(base: &mut Vec<Field>, over: &[Field]) {
    for field in over {
        let known = base.iter().position(|old| old.key == field.key);
        match known {
            Some(at) if field.node.is_null() => {
                base.remove(at);
            }
            Some(at) => {
                if let Some(old) = base.get_mut(at) {
                    *old = field.clone();
                }
            }
            None if field.node.is_null() => {}
            None => base.push(field.clone()),
        }
    }
}

/// Puts a value where a path leads; `null` takes out what is there.
pub(crate) fn set(fields: &mut Vec<Field>, path: &str, put: &Field) -> Result<(), Nowhere> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let known = fields.iter().position(|field| &*field.key == first);
    let Some(rest) = rest else {
        return put_here(fields, known, first, put);
    };
    let at = match known {
        Some(at) => at,
        None if put.node.is_null() => return Err(nothing_there(fields, first, &put.key)),
        None => {
            fields.push(Field {
                key: first.into(),
                at: put.at.clone(),
                node: Node {
                    span: put.at.clone(),
                    value: Value::Map(Arc::default()),
                },
            });
            fields.len() - 1
        }
    };
    let Some(field) = fields.get_mut(at) else {
        return Ok(());
    };
    match &mut field.node.value {
        Value::Map(inner) => set(Arc::make_mut(inner), rest, put),
        Value::List(items) => set_item(Arc::<Vec<Node>>::make_mut(items), rest, put),
        _ => Err(Nowhere {
            message: format!(
                "`{}` leads nowhere: `{first}` is {}",
                put.key,
                field.node.kind()
            ),
            help: None,
        }),
    }
}

fn put_here(
    fields: &mut Vec<Field>,
    known: Option<usize>,
    key: &str,
    put: &Field,
) -> Result<(), Nowhere> {
    match known {
        Some(at) if put.node.is_null() => {
            fields.remove(at);
        }
        None if put.node.is_null() => return Err(nothing_there(fields, key, &put.key)),
        _ => {
            let field = Field {
                key: key.into(),
                ..put.clone()
            };
            match known.and_then(|at| fields.get_mut(at)) {
                Some(old) => *old = field,
                None => fields.push(field),
            }
        }
    }
    Ok(())
}

/// In a list, a step of the path is the number of an item, from 0.
fn set_item(items: &mut [Node], path: &str, put: &Field) -> Result<(), Nowhere> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let count = items.len();
    let item = first.parse().ok().and_then(|at: usize| items.get_mut(at));
    match (item, rest) {
        (Some(item), None) if !put.node.is_null() => {
            *item = put.node.clone();
            return Ok(());
        }
        (Some(item), Some(rest)) => {
            if let Value::Map(inner) = &mut item.value {
                return set(Arc::make_mut(inner), rest, put);
            }
        }
        _ => {}
    }
    Err(Nowhere {
        message: format!(
            "`{}` leads nowhere: there is a list of {count}, of which `{path}` is no place",
            put.key
        ),
        help: None,
    })
}

fn nothing_there(fields: &[Field], key: &str, path: &str) -> Nowhere {
    Nowhere {
        message: format!("`{path}` leads nowhere: there is no `{key}` to take out"),
        help: suggest(key, fields.iter().map(|field| &*field.key))
            .map(|meant| format!("did you mean `{meant}`?")),
    }
}
