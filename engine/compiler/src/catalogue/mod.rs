//! `catalogue.toml`: what pages set and load, and who receives data. Each table becomes an entity that rules can name, and
//! what the banner shows. The packs that a pack uses may have one too.

mod derived;
mod entities;
mod pattern;
mod signals;

use std::{collections::BTreeMap, ops::Range};

use avow_engine::intake::Json;
use toml::de::{DeTable, DeValue};

pub use pattern::overlap;
pub use signals::{GOOGLE_TYPES, Signals};

use crate::finding::{Finding, Sources};

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
    signals: Vec<signals::Signal>,
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
        out.check_signals(sources, findings);
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
            } else if name == signals::SIGNALS {
                self.signals_of(file, value, &mut |span, message, help| {
                    let finding = sources.error("catalogue", file, Some(span), message);
                    findings.push(Finding { help, ..finding });
                });
            } else {
                let known: Vec<_> = TABLES.iter().map(|(table, _)| *table).collect();
                wrong(
                    span,
                    format!(
                        "unknown table `{name}`; there are `{}`, `text`, `derived` and `signals`",
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
}

impl Row {
    fn text(&self, key: &str) -> Option<&str> {
        match self.fields.get(key) {
            Some((Json::Str(text), _)) => Some(text),
            _ => None,
        }
    }
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
