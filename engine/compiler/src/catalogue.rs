//! `catalogue.toml`: what pages set and load, and who receives data. Each table becomes an entity that rules can name, and
//! what the banner shows. The packs that a pack uses may have one too.

use std::{collections::BTreeMap, ops::Range};

use avow_engine::{
    Bundle,
    format::Cell,
    intake::{self, Json},
};
use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue};

use crate::{
    emit,
    finding::{Finding, Sources},
    manifest::{MANIFEST, Manifest},
    program::{Derived, Program, Schema, Type, Uid},
    toml_place,
};

const FILE: &str = "catalogue.toml";

/// Tables and the types of the entities that they become.
const TABLES: [(&str, &str); 6] = [
    ("purpose", "Avow::Purpose"),
    ("processor", "Avow::Processor"),
    ("service", "Avow::Service"),
    ("storage", "Avow::Storage"),
    ("record", "Avow::RecordClass"),
    ("jurisdiction", "Avow::Jurisdiction"),
];

/// The key that says in which other entities of its type one is.
const PARENTS: &str = "in";

/// Keys that are texts for people, or tell the banner an order; any other key must be an attribute of the schema.
const TEXTS: [&str; 5] = ["title", "text", "provider", "retention", "order"];

/// What a pack says in place of the banner's words: language, in lower case and empty for all of them, and key; and the text.
pub type Texts = BTreeMap<(String, String), String>;

/// A pack's catalogue.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    rows: Vec<Row>,
    /// Texts of the banner that stand in place of the widget's.
    texts: Texts,
    derived: Vec<(DerivedRow, Range<usize>)>,
}

#[derive(Debug)]
struct Row {
    file: String,
    type_name: &'static str,
    slug: String,
    span: Range<usize>,
    /// Slugs of the entities of its type that it is in.
    parents: Vec<String>,
    fields: BTreeMap<String, (Json, Range<usize>)>,
}

#[derive(Debug)]
struct DerivedRow {
    file: String,
    type_name: String,
    attr: String,
    from: String,
    add: String,
}

impl Catalogue {
    pub(crate) fn read(sources: &Sources<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut out = Self::default();
        for (file, text) in sources.ending(FILE) {
            out.file(file, text, sources, findings);
        }
        out.overlaps(sources, findings);
        out.twice(sources, findings);
        out
    }

    /// One table in two files: a pack does not describe again what a pack that it uses has.
    fn twice(&self, sources: &Sources<'_>, findings: &mut Vec<Finding>) {
        let mut seen = BTreeMap::new();
        for row in &self.rows {
            if let Some(other) = seen.insert((row.type_name, &row.slug), row) {
                let message = format!("`{}` is in {} too", row.slug, other.file);
                let span = Some(row.span.clone());
                findings.push(sources.error("catalogue-twice", &row.file, span, message));
            }
        }
    }

    fn file(&mut self, file: &str, text: &str, sources: &Sources<'_>, findings: &mut Vec<Finding>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let message = error.message().trim().to_owned();
            findings.push(sources.error("catalogue", file, error.span(), message));
        }
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            let span = key.span();
            let mut wrong = |span: Range<usize>, message: String| {
                findings.push(sources.error("catalogue", file, Some(span), message));
            };
            if let Some((_, type_name)) = TABLES.iter().find(|(table, _)| *table == name) {
                let DeValue::Table(rows) = value.get_ref() else {
                    wrong(span, format!("`{name}` is not a table of tables"));
                    continue;
                };
                for (slug, row) in rows {
                    self.row(file, name, type_name, slug, row, &mut wrong);
                }
            } else if name == "text" {
                for (key, value) in entries(value.get_ref()) {
                    // A table in it is of one language.
                    if let DeValue::Table(texts) = value.get_ref() {
                        let language = key.get_ref().to_ascii_lowercase();
                        for (key, value) in texts {
                            self.text(&language, key.get_ref(), value, &mut wrong);
                        }
                    } else {
                        self.text("", key.get_ref(), value, &mut wrong);
                    }
                }
            } else if name == "derived" {
                self.derived_rows(file, value, &mut wrong);
            } else {
                let known: Vec<_> = TABLES.iter().map(|(table, _)| *table).collect();
                wrong(
                    span,
                    format!(
                        "unknown table `{name}`; there are `{}`, `text` and `derived`",
                        known.join("`, `")
                    ),
                );
            }
        }
    }

    fn text(
        &mut self,
        language: &str,
        key: &str,
        value: &toml::Spanned<DeValue<'_>>,
        wrong: &mut impl FnMut(Range<usize>, String),
    ) {
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                wrong(value.span(), format!("text `{key}` is empty"));
            }
            DeValue::String(text) => {
                let place = (language.to_owned(), key.to_owned());
                self.texts.insert(place, text.to_string());
            }
            _ => wrong(value.span(), format!("text `{key}` is no string")),
        }
    }

    /// What the pack says in place of the banner's words.
    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    fn row(
        &mut self,
        file: &str,
        table: &str,
        type_name: &'static str,
        slug: &toml::Spanned<std::borrow::Cow<'_, str>>,
        row: &toml::Spanned<DeValue<'_>>,
        wrong: &mut impl FnMut(Range<usize>, String),
    ) {
        let name: &str = slug.get_ref();
        let fine = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fine {
            wrong(
                slug.span(),
                format!("`{name}` is no slug: use a to z, 0 to 9 and `-`"),
            );
            return;
        }
        let DeValue::Table(_) = row.get_ref() else {
            wrong(row.span(), format!("`{table}.{name}` is not a table"));
            return;
        };
        let mut fields = BTreeMap::new();
        for (key, value) in entries(row.get_ref()) {
            // A pattern is the name of a family of names.
            let key: &str = match key.get_ref().as_ref() {
                "pattern" => "name",
                key => key,
            };
            match json(value.get_ref()) {
                Some(json) => {
                    if fields
                        .insert(key.to_owned(), (json, value.span()))
                        .is_some()
                    {
                        wrong(value.span(), "say either `name` or `pattern`".to_owned());
                    }
                }
                None => wrong(value.span(), format!("`{key}` has a value of no use here")),
            }
        }
        let parents = match fields.remove(PARENTS) {
            None => Vec::new(),
            Some((Json::List(items), span)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Json::Str(slug) => Some(slug),
                    _ => {
                        wrong(
                            span.clone(),
                            format!("`{PARENTS}` is a list of the names of others"),
                        );
                        None
                    }
                })
                .collect(),
            Some((_, span)) => {
                wrong(
                    span,
                    format!("`{PARENTS}` is a list of the names of others"),
                );
                Vec::new()
            }
        };
        let is_pattern = entries(row.get_ref()).any(|(key, _)| key.get_ref() == "pattern");
        if let Some((Json::Str(text), span)) = fields.get("name")
            && text.contains('*') != is_pattern
        {
            wrong(
                span.clone(),
                format!("`{text}`: a `name` has no `*`, a `pattern` has one at least"),
            );
        }
        self.rows.push(Row {
            file: file.to_owned(),
            type_name,
            slug: name.to_owned(),
            span: slug.span(),
            parents,
            fields,
        });
    }

    fn derived_rows(
        &mut self,
        file: &str,
        value: &toml::Spanned<DeValue<'_>>,
        wrong: &mut impl FnMut(Range<usize>, String),
    ) {
        let DeValue::Array(rows) = value.get_ref() else {
            wrong(
                value.span(),
                "`derived` is a list of tables: write `[[derived]]`".to_owned(),
            );
            return;
        };
        for row in rows {
            let field = |wanted: &str| {
                entries(row.get_ref()).find_map(|(key, value)| match value.get_ref() {
                    DeValue::String(text) if key.get_ref() == wanted => Some(text.to_string()),
                    _ => None,
                })
            };
            let (Some(type_name), Some(attr), Some(from), Some(add)) = (
                field("type"),
                field("attribute"),
                field("from"),
                field("add"),
            ) else {
                wrong(
                    row.span(),
                    "a derived attribute needs the strings `type`, `attribute`, `from` and `add`"
                        .to_owned(),
                );
                continue;
            };
            let derived = DerivedRow {
                file: file.to_owned(),
                type_name,
                attr,
                from,
                add,
            };
            self.derived.push((derived, row.span()));
        }
    }

    /// File, type, slug and place of each entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &'static str, &str, Range<usize>)> {
        self.rows.iter().map(|row| {
            let Row {
                file,
                type_name,
                slug,
                span,
                ..
            } = row;
            (file.as_str(), *type_name, slug.as_str(), span.clone())
        })
    }

    /// Two names or patterns of one kind that fit the same name: nobody could say which one governs it.
    fn overlaps(&self, sources: &Sources<'_>, findings: &mut Vec<Finding>) {
        let of_kind: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.type_name == "Avow::Storage")
            .filter_map(|row| Some((row, row.text("kind")?, row.text("name")?)))
            .collect();
        for (i, (row, kind, name)) in of_kind.iter().enumerate() {
            for (other, other_kind, other_name) in of_kind.iter().skip(i + 1) {
                if kind == other_kind && overlap(name, other_name) {
                    let message = format!(
                        "storage `{}` and `{}` overlap: a name fits both `{name}` and `{other_name}`",
                        row.slug, other.slug
                    );
                    let finding = sources.error(
                        "catalogue-overlap",
                        &other.file,
                        Some(other.span.clone()),
                        message,
                    );
                    findings.push(finding.with_help("make one of them narrower"));
                }
            }
        }
    }

    /// Derived attributes, checked against the schema.
    pub(crate) fn derived(
        &self,
        sources: &Sources<'_>,
        schema: &Schema,
        findings: &mut Vec<Finding>,
    ) -> Vec<Derived> {
        let mut out = Vec::new();
        for (row, span) in &self.derived {
            let mut wrong = |message: String| {
                findings.push(sources.error(
                    "catalogue-derived",
                    &row.file,
                    Some(span.clone()),
                    message,
                ));
            };
            let Some(of) = schema.entity_types.get(&row.type_name) else {
                wrong(format!(
                    "the schema declares no entity type `{}`",
                    row.type_name
                ));
                continue;
            };
            for name in [&row.attr, &row.from] {
                if of.attrs.get(name).map(|attr| &attr.of) != Some(&Type::Datetime) {
                    wrong(format!("`{}` has no datetime `{name}`", row.type_name));
                }
            }
            let Some((months, days, millis)) = period(&row.add) else {
                wrong(format!(
                    "`{}` is no period; one looks like `P7Y`, `P1M`, `P30D` or `PT72H`",
                    row.add
                ));
                continue;
            };
            out.push(Derived {
                type_name: row.type_name.clone(),
                attr: row.attr.clone(),
                from: row.from.clone(),
                months,
                days,
                millis,
            });
        }
        out
    }

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

impl Row {
    fn text(&self, key: &str) -> Option<&str> {
        match self.fields.get(key) {
            Some((Json::Str(text), _)) => Some(text),
            _ => None,
        }
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

fn entries<'a, 'i>(
    value: &'a DeValue<'i>,
) -> impl Iterator<
    Item = (
        &'a toml::Spanned<std::borrow::Cow<'i, str>>,
        &'a toml::Spanned<DeValue<'i>>,
    ),
> {
    match value {
        DeValue::Table(table) => Some(table.iter()),
        _ => None,
    }
    .into_iter()
    .flatten()
}

fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => Json::Str(text.to_string()),
        DeValue::Integer(number) => {
            Json::Int(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Boolean(value) => Json::Bool(*value),
        DeValue::Datetime(at) => Json::Str(at.to_string()),
        DeValue::Array(items) => Json::List(
            items
                .iter()
                .map(|item| json(item.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(table) => Json::Map(
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
        DeValue::Float(_) => return None,
    })
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

/// Reads an ISO 8601 period: years and months become months, weeks and days become days.
fn period(text: &str) -> Option<(u32, u32, u64)> {
    let (mut months, mut days, mut millis) = (0u32, 0u32, 0u64);
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let each = |part: &str, take: &mut dyn FnMut(char, u32) -> Option<()>| {
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() {
                number.push(c);
            } else {
                take(c, number.parse().ok()?)?;
                number.clear();
            }
        }
        number.is_empty().then_some(())
    };
    each(date, &mut |unit, number| {
        match unit {
            'Y' => months = months.checked_add(number.checked_mul(12)?)?,
            'M' => months = months.checked_add(number)?,
            'W' => days = days.checked_add(number.checked_mul(7)?)?,
            'D' => days = days.checked_add(number)?,
            _ => return None,
        }
        Some(())
    })?;
    each(time, &mut |unit, number| {
        let factor = match unit {
            'H' => 3_600_000,
            'M' => 60_000,
            'S' => 1000,
            _ => return None,
        };
        millis = millis.checked_add(u64::from(number) * factor)?;
        Some(())
    })?;
    Some((months, days, millis))
}

/// Whether some name fits both patterns, in which `*` stands for any text.
#[must_use]
pub fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // reached[j]: the patterns can have eaten the same text up to here and position j of b.
    let mut reached = vec![false; b.len() + 1];
    for i in 0..=a.len() {
        let mut row = vec![false; b.len() + 1];
        for j in 0..=b.len() {
            let at = |row: &[bool], j: usize| row.get(j).copied().unwrap_or_default();
            let (before_a, before_b) = (
                i.checked_sub(1).and_then(|i| a.get(i)),
                j.checked_sub(1).and_then(|j| b.get(j)),
            );
            let mut fits = i == 0 && j == 0;
            if let Some(c) = before_a {
                // A wildcard takes nothing, or whatever the other pattern has here.
                fits |= *c == '*' && at(&reached, j);
                fits |= before_b == Some(&'*') && at(&reached, j);
            }
            if let Some(c) = before_b {
                fits |= *c == '*' && j > 0 && at(&row, j - 1);
                fits |= before_a == Some(&'*') && j > 0 && at(&row, j - 1);
            }
            if let (Some(x), Some(y)) = (before_a, before_b) {
                fits |= x == y && j > 0 && at(&reached, j - 1);
            }
            if let Some(slot) = row.get_mut(j) {
                *slot = fits;
            }
        }
        reached = row;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{overlap, period};

    #[test]
    fn patterns_overlap_where_a_name_fits_both() {
        for (a, b, expected) in [
            ("_ga", "_ga", true),
            ("_ga", "_ga_*", false),
            ("_ga*", "_ga", true),
            ("_ga_*", "*_x", true),
            ("a*b", "a*c", false),
            ("a*b*", "*c", true),
            ("*", "", true),
            ("ab", "a", false),
        ] {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn periods_in_calendar_units() {
        assert_eq!(period("P7Y"), Some((84, 0, 0)));
        assert_eq!(period("P1Y2M3W4D"), Some((14, 25, 0)));
        assert_eq!(period("PT72H"), Some((0, 0, 259_200_000)));
        for wrong in ["", "P", "PT", "7Y", "P1", "P1H", "P1.5D"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
    }
}
