//! Entity uids, as people and programs write them.

use alloc::{borrow::ToOwned, format, string::String};

use super::{Json, fail};
use crate::verdict::Problem;

/// A uid as it was written; the type may lack its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uid {
    pub(crate) type_name: String,
    pub(crate) id: String,
}

impl Uid {
    /// From `Type::"id"` or an object.
    pub(crate) fn from_json(json: &Json, path: &str) -> Result<Self, Problem> {
        match json {
            Json::Str(text) => match Self::from_text(text) {
                Some(uid) => Ok(uid),
                None => fail(
                    path,
                    format!("`{text}` is no entity; one looks like `User::\"ada\"`"),
                ),
            },
            _ => Self::from_object(json, path),
        }
    }

    /// From `Type::"id"`, with `\"` and `\\` in the id.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (type_name, rest) = text.split_once("::\"")?;
        let quoted = rest.strip_suffix('"')?;
        let mut id = String::with_capacity(quoted.len());
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => id.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
                '"' => return None,
                c => id.push(c),
            }
        }
        let fine = !type_name.is_empty()
            && type_name
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == ':');
        fine.then(|| Self {
            type_name: type_name.to_owned(),
            id,
        })
    }

    /// From `{"type": …, "id": …}`, or the same under Cedar's `__entity`.
    pub(crate) fn from_object(json: &Json, path: &str) -> Result<Self, Problem> {
        let inner = json.get("__entity").unwrap_or(json);
        let Json::Map(fields) = inner else {
            return fail(path, format!("expected an entity, found {}", json.kind()));
        };
        match (inner.get("type"), inner.get("id"), fields.len()) {
            (Some(Json::Str(type_name)), Some(Json::Str(id)), 2) => Ok(Self {
                type_name: type_name.clone(),
                id: id.clone(),
            }),
            _ => fail(
                path,
                "expected an entity: `{\"type\": …, \"id\": …}`, two strings",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Uid;

    #[test]
    fn texts_that_are_uids_and_texts_that_are_not() {
        let uid = |text: &str| Uid::from_text(text).map(|uid| (uid.type_name, uid.id));
        assert_eq!(
            uid(r#"A::B::"x \"y\" \\""#),
            Some(("A::B".into(), r#"x "y" \"#.into()))
        );
        for text in [
            "x",
            "A::x",
            "A::\"x",
            "::\"x\"",
            "A::\"x\"y\"",
            "A B::\"x\"",
        ] {
            assert_eq!(uid(text), None, "{text}");
        }
    }
}
