//! What the cases of a file share: entities and contexts, by name. What no case uses is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    file::FileReader,
    known::help,
    paths,
    yaml::{Field, Value},
};

impl FileReader<'_> {
    /// Entities or contexts by name.
    pub(super) fn named(&mut self, field: Option<&Field>, what: &str) -> BTreeMap<Arc<str>, Field> {
        let mut named = BTreeMap::new();
        for field in field.and_then(|field| self.map(field)).unwrap_or_default() {
            if field.node.fields().is_none() {
                let message = format!(
                    "`{}` of `{what}` is a map, not {}",
                    field.key,
                    field.node.kind()
                );
                self.wrong("case", &field.node.span, message, None);
            } else {
                named.insert(field.key.clone(), field);
            }
        }
        named
    }

    pub(super) fn map(&mut self, field: &Field) -> Option<Vec<Field>> {
        let fields = field.node.fields().map(<[Field]>::to_vec);
        if fields.is_none() {
            let message = format!("`{}` is a map, not {}", field.key, field.node.kind());
            self.wrong("case", &field.node.span, message, None);
        }
        fields
    }

    /// The strings of a list, as fields without value.
    pub(super) fn texts(&mut self, field: &Field) -> Vec<Field> {
        let Some(items) = field.node.items() else {
            let message = format!("`{}` is a list, not {}", field.key, field.node.kind());
            self.wrong("case", &field.node.span, message, None);
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Str(text) => texts.push(Field {
                    key: text.clone(),
                    at: item.span.clone(),
                    node: item.clone(),
                }),
                _ => {
                    let message = format!("`{}` holds strings, not {}", field.key, item.kind());
                    self.wrong("case", &item.span, message, None);
                }
            }
        }
        texts
    }

    /// The names of shared entities in a list `use`.
    pub(super) fn uses(&mut self, field: &Field) -> Vec<Field> {
        let mut names = self.texts(field);
        for name in &names {
            if self.shared.contains_key(&name.key) {
                self.used.insert(name.key.clone());
                continue;
            }
            let message = format!(
                "`use` names `{}`, which is not among the file's entities",
                name.key
            );
            let help = help(&name.key, self.shared.keys().map(|key| &**key));
            self.wrong("case", &name.at, message, help);
        }
        names.retain(|name| self.shared.contains_key(&name.key));
        names
    }

    /// Puts the context itself in place of names of shared ones: `context: name`, or `context: [name, { … }]`, where later
    /// ones are merged into earlier ones.
    pub(super) fn resolve_context(&mut self, fields: &mut [Field]) {
        let Some(field) = fields.iter_mut().find(|field| &*field.key == "context") else {
            return;
        };
        let node = field.node.clone();
        let parts = match &node.value {
            Value::Str(_) => std::slice::from_ref(&node),
            Value::List(parts) => parts.as_slice(),
            Value::Map(_) | Value::Null => return,
            _ => &[],
        };
        let mut whole = Vec::new();
        for part in parts {
            match &part.value {
                Value::Map(fields) => paths::merge(&mut whole, fields),
                Value::Str(name) if let Some(shared) = self.contexts.get(name) => {
                    self.used_contexts.insert(name.clone());
                    paths::merge(&mut whole, shared.node.fields().unwrap_or_default());
                }
                Value::Str(name) => {
                    let message =
                        format!("`context` names `{name}`, which is not among the file's contexts");
                    let help = help(name, self.contexts.keys().map(|key| &**key));
                    self.wrong("case", &part.span, message, help);
                }
                _ => {
                    let message =
                        format!("a context is a map or the name of one, not {}", part.kind());
                    self.wrong("case", &part.span, message, None);
                }
            }
        }
        if parts.is_empty() {
            let message = format!("a context is a map or the name of one, not {}", node.kind());
            self.wrong("case", &node.span, message, None);
        }
        field.node.value = Value::Map(Arc::new(whole));
    }

    pub(super) fn unused(&mut self) {
        let unused = |shared: &BTreeMap<Arc<str>, Field>, used: &BTreeSet<Arc<str>>| {
            let unused = shared.values().filter(|field| !used.contains(&field.key));
            unused.cloned().collect::<Vec<_>>()
        };
        let entities = unused(&self.shared, &self.used);
        let contexts = unused(&self.contexts, &self.used_contexts);
        let all = entities.iter().map(|field| ("entity", field));
        for (what, field) in all.chain(contexts.iter().map(|field| ("context", field))) {
            let message = format!("no case uses the {what} `{}`", field.key);
            self.wrong("case-unused", &field.at, message, None);
            if let Some(finding) = self.findings.pop() {
                self.findings.push(finding.warning());
            }
        }
    }
}
