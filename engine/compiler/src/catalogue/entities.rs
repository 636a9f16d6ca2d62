//! The catalogue's entities, typed by the schema, and the digest of what a visitor is offered.

use avow_engine::{
    Bundle,
    format::Cell,
    intake::{self, Json},
};
use sha2::{Digest as _, Sha256};

use super::{Catalogue, TABLES, TEXTS};
use crate::{
    emit,
    finding::{Finding, Sources},
    manifest::{MANIFEST, Manifest},
    program::{Program, Uid},
    toml_place,
};

impl Catalogue {
    /// Adds the catalogue's entities, the settings, and the texts.
    pub(crate) fn add_entities(
        &self,
        manifest: &Manifest,
        sources: &Sources<'_>,
        program: &mut Program,
        findings: &mut Vec<Finding>,
    ) {
        let before = findings.len();
        let offer = self.offer();
        program.meta.insert("offer".to_owned(), offer.clone());
        let settings = format!("{}::Settings", manifest.pack.namespace);
        let has_settings = program.schema.entity_types.contains_key(&settings);
        let settings_uid = (settings, "pack".to_owned());
        let mut entities = Vec::new();
        for row in &self.rows {
            let uid = (row.type_name.to_owned(), row.slug.clone());
            let declared = program.schema.entity_types.get(row.type_name);
            let mut attrs = Vec::new();
            for (key, (value, span)) in &row.fields {
                if declared.is_some_and(|of| of.attrs.contains_key(key)) {
                    attrs.push((key.clone(), value.clone()));
                } else if let Some(text) = plain(value).filter(|_| TEXTS.contains(&key.as_str())) {
                    program.texts.insert((uid.clone(), key.clone()), text);
                } else {
                    let message = format!(
                        "the schema declares no attribute `{key}` of `{}`",
                        row.type_name
                    );
                    findings.push(sources.error(
                        "catalogue",
                        &row.file,
                        Some(span.clone()),
                        message,
                    ));
                }
            }
            entities.push((uid, attrs));
        }
        if has_settings {
            let mut attrs = vec![("offer".to_owned(), Json::Str(offer))];
            for (key, value) in &manifest.settings {
                match plain_toml(value) {
                    Some(value) => attrs.push((key.clone(), value)),
                    None => {
                        let message = format!("setting `{key}` has a value of no use here");
                        findings.push(setting(sources, key, message));
                    }
                }
            }
            entities.push((settings_uid.clone(), attrs));
            for ((language, key), text) in &self.texts {
                let key = match language.as_str() {
                    "" => key.clone(),
                    language => format!("{key}@{language}"),
                };
                program
                    .texts
                    .insert((settings_uid.clone(), key), text.clone());
            }
        } else if let Some(key) = manifest.settings.keys().next() {
            let message = format!(
                "the schema declares no `{}`, so there is nothing to set",
                settings_uid.0
            );
            findings.push(setting(sources, key, message));
        }
        let schema_only = Program {
            schema: program.schema.clone(),
            ..Program::default()
        };
        match Bundle::load(emit::emit(&schema_only, None)) {
            Ok(typing) => {
                for (uid, attrs) in entities {
                    self.add_entity(&typing, &uid, attrs, sources, program, findings);
                }
            }
            Err(error) => findings.push(sources.error("schema", MANIFEST, None, error.to_string())),
        }
        if findings.len() == before {
            self.check_references(sources, program, findings);
        }
    }

    /// Types an entity by the same intake that types requests: one reading of the schema, not two.
    fn add_entity(
        &self,
        typing: &Bundle,
        uid: &Uid,
        attrs: Vec<(String, Json)>,
        sources: &Sources<'_>,
        program: &mut Program,
        findings: &mut Vec<Finding>,
    ) {
        let row = self
            .rows
            .iter()
            .find(|row| row.type_name == uid.0 && row.slug == uid.1);
        let file = row.map_or(MANIFEST, |row| row.file.as_str());
        let typed = intake::entity(typing, &entity_json(uid, attrs));
        match typed {
            Ok(mut entity) => {
                let parents = row.into_iter().flat_map(|row| &row.parents);
                entity
                    .parents
                    .extend(parents.map(|slug| (uid.0.clone(), slug.clone())));
                program.entities.insert(uid.clone(), entity);
            }
            Err(problem) => {
                let path = problem.path.as_str();
                let field = path.strip_prefix("attrs.").unwrap_or(path);
                let name = field.split(['.', '[']).next().unwrap_or_default();
                let span = row.map(|row| {
                    let field = row.fields.get(name);
                    field.map_or_else(|| row.span.clone(), |(_, span)| span.clone())
                });
                let message = format!("`{}`: {field}: {}", uid.1, problem.message);
                findings.push(match row {
                    Some(_) => sources.error("catalogue", file, span, message),
                    None => setting(sources, name, message),
                });
            }
        }
    }

    /// Whatever the catalogue names of itself must be in it.
    fn check_references(
        &self,
        sources: &Sources<'_>,
        program: &Program,
        findings: &mut Vec<Finding>,
    ) {
        for row in &self.rows {
            let uid = (row.type_name.to_owned(), row.slug.clone());
            let Some(entity) = program.entities.get(&uid) else {
                continue;
            };
            for slug in &row.parents {
                let of = program.schema.entity_types.get(row.type_name);
                let nests = of.is_some_and(|of| of.parents.iter().any(|of| of == row.type_name));
                let parent = (row.type_name.to_owned(), slug.clone());
                let why = match program.entities.contains_key(&parent) {
                    false => "which the catalogue does not have",
                    true if !nests => "but the schema lets none of its type be in another",
                    true => continue,
                };
                let message = format!("`{}` is in `{slug}`, {why}", row.slug);
                let span = Some(row.span.clone());
                findings.push(sources.error("catalogue-reference", &row.file, span, message));
            }
            for (key, value) in &entity.attrs {
                if let Cell::Entity(type_name, id) = value
                    && TABLES.iter().any(|(_, of)| of == type_name)
                    && !program
                        .entities
                        .contains_key(&(type_name.clone(), id.clone()))
                {
                    let span = row.fields.get(key).map(|(_, span)| span.clone());
                    let message = format!(
                        "`{}` names {key} `{id}`, which the catalogue does not have",
                        row.slug
                    );
                    findings.push(sources.error("catalogue-reference", &row.file, span, message));
                }
            }
        }
    }

    /// Digest of what a visitor is asked about: purposes, services and storage. Wording is no part of it, so a corrected
    /// typing error asks nobody again.
    fn offer(&self) -> String {
        let mut digest = Sha256::new();
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| {
                ["Avow::Purpose", "Avow::Service", "Avow::Storage"].contains(&row.type_name)
            })
            .collect();
        rows.sort_by_key(|row| (row.type_name, &row.slug));
        for row in rows {
            digest.update(format!("{} {}", row.type_name, row.slug));
            for key in [
                "essential",
                "statistical",
                "appearance",
                "sale",
                "sensitive",
                "name",
                "kind",
                "purpose",
                "service",
                "processor",
                "provider",
                "lifetime",
            ] {
                if let Some((value, _)) = row.fields.get(key) {
                    digest.update(format!(" {key}={}", plain(value).unwrap_or_default()));
                }
            }
            digest.update("\n");
        }
        digest
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A finding about a setting.
fn setting(sources: &Sources<'_>, key: &str, message: String) -> Finding {
    let text = sources.get(MANIFEST).unwrap_or_default();
    let span = toml_place::entry(text, "settings", key).map(|(key, _)| key);
    sources.error("settings", MANIFEST, span, message)
}

fn entity_json(uid: &Uid, attrs: Vec<(String, Json)>) -> Json {
    let text = |text: &str| Json::Str(text.to_owned());
    Json::Map(vec![
        (
            "uid".to_owned(),
            Json::Map(vec![
                ("type".to_owned(), text(&uid.0)),
                ("id".to_owned(), text(&uid.1)),
            ]),
        ),
        ("attrs".to_owned(), Json::Map(attrs)),
    ])
}

fn plain_toml(value: &toml::Value) -> Option<Json> {
    Some(match value {
        toml::Value::String(text) => Json::Str(text.clone()),
        toml::Value::Integer(number) => Json::Int(*number),
        toml::Value::Boolean(value) => Json::Bool(*value),
        toml::Value::Datetime(at) => Json::Str(at.to_string()),
        toml::Value::Array(items) => {
            Json::List(items.iter().map(plain_toml).collect::<Option<_>>()?)
        }
        toml::Value::Table(table) => Json::Map(
            table
                .iter()
                .map(|(key, value)| Some((key.clone(), plain_toml(value)?)))
                .collect::<Option<_>>()?,
        ),
        toml::Value::Float(_) => return None,
    })
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Str(text) => Some(text.clone()),
        Json::Int(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Catalogue;
    use crate::{Files, finding::Sources};

    fn offer(purpose: &str) -> String {
        let catalogue = format!("[purpose.counting]\nessential = false\n{purpose}");
        let files = Files::from([("catalogue.toml".to_owned(), catalogue)]);
        Catalogue::read(&Sources::new(&files), &mut Vec::new()).offer()
    }

    #[test]
    fn what_a_purpose_turns_into_is_another_offer_and_its_wording_is_not() {
        let plain = offer("");
        for more in ["statistical", "appearance", "sale", "sensitive"] {
            assert_ne!(offer(&format!("{more} = true")), plain, "{more}");
            assert_ne!(
                offer(&format!("{more} = true")),
                offer(&format!("{more} = false")),
                "{more}"
            );
        }
        assert_eq!(offer("title = \"Counting\""), plain);
    }
}
