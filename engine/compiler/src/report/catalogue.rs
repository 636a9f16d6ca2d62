//! The catalogue and the settings, as tables.

use std::{collections::BTreeMap, net::IpAddr};

use avow_engine::{explain::datetime, format::Cell};
use serde::Serialize;

use crate::{Manifest, program::Program};

/// A table of the catalogue.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What it lists.
    pub title: &'static str,
    /// Names of the columns; the first one is the entry's.
    pub columns: Vec<&'static str>,
    /// The entries.
    pub rows: Vec<Vec<String>>,
}

/// Where a column's text comes from.
enum From {
    Id,
    /// An attribute, and what stands there where the entry has none.
    Attr(&'static str, &'static str),
    /// A text for people.
    Text(&'static str),
}

/// The tables that have entries.
pub(super) fn tables(program: &Program) -> Vec<Table> {
    use From::{Attr, Id, Text};
    let mut tables = vec![
        table(
            program,
            "Purposes",
            "Avow::Purpose",
            &[
                ("Purpose", Id),
                ("Title", Text("title")),
                ("Essential", Attr("essential", "")),
                ("What visitors are told", Text("text")),
            ],
        ),
        table(
            program,
            "Cookies and other storage",
            "Avow::Storage",
            &[
                ("Name", Attr("name", "")),
                ("Kind", Attr("kind", "")),
                ("Lives", Attr("lifetime", "for the session")),
                ("Purpose", Attr("purpose", "")),
                ("Service", Attr("service", "none")),
                ("Provider", Text("provider")),
                ("What visitors are told", Text("text")),
            ],
        ),
        table(
            program,
            "Services that pages load",
            "Avow::Service",
            &[
                ("Service", Id),
                ("Title", Text("title")),
                ("Purpose", Attr("purpose", "")),
                ("Processor", Attr("processor", "none")),
                ("Loads", Attr("loads", "")),
            ],
        ),
        table(
            program,
            "Processors",
            "Avow::Processor",
            &[
                ("Processor", Id),
                ("Title", Text("title")),
                ("Uses of customer data", Attr("uses", "")),
                ("On the list from the start", Attr("initial", "")),
                ("Customers were told", Attr("notice", "no date")),
                ("What it does", Text("text")),
            ],
        ),
        table(
            program,
            "Classes of records",
            "Avow::RecordClass",
            &[
                ("Class", Id),
                ("Title", Text("title")),
                ("What it has", Text("text")),
                ("Kept", Text("retention")),
            ],
        ),
        derived(program),
        groups(program),
    ];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(
    program: &Program,
    title: &'static str,
    type_name: &str,
    columns: &[(&'static str, From)],
) -> Table {
    let entries = program
        .entities
        .iter()
        .filter(|((of, _), _)| of == type_name);
    let mut rows: Vec<Vec<String>> = entries
        .map(|(uid, entity)| {
            let cell = |from: &From| match from {
                From::Id => uid.1.clone(),
                From::Attr(name, none) => entity
                    .attrs
                    .get(*name)
                    .map_or_else(|| (*none).to_owned(), shown),
                From::Text(key) => {
                    let text = program.texts.get(&(uid.clone(), (*key).to_owned()));
                    text.cloned().unwrap_or_default()
                }
            };
            columns.iter().map(|(_, from)| cell(from)).collect()
        })
        .collect();
    // A column in which nothing stands says nothing.
    let used: Vec<bool> = (0..columns.len())
        .map(|i| {
            rows.iter()
                .any(|row| row.get(i).is_some_and(|text| !text.is_empty()))
        })
        .collect();
    let keep = |i: usize| used.get(i).copied().unwrap_or_default();
    for row in &mut rows {
        let mut at = 0..;
        row.retain(|_| at.next().is_some_and(keep));
    }
    Table {
        title,
        columns: (columns.iter().enumerate())
            .filter(|(i, _)| keep(*i))
            .map(|(_, (name, _))| *name)
            .collect(),
        rows,
    }
}

/// Dates that the calendar decides, before rules see them.
fn derived(program: &Program) -> Table {
    let rows = program.schema.derived.iter().map(|row| {
        let mut period = Vec::new();
        if row.months > 0 {
            period.push(counted(u64::from(row.months), "month"));
        }
        if row.days > 0 {
            period.push(counted(u64::from(row.days), "day"));
        }
        if row.millis > 0 {
            period.push(duration(i64::try_from(row.millis).unwrap_or(i64::MAX)));
        }
        vec![
            format!("{}.{}", row.type_name, row.attr),
            row.from.clone(),
            period.join(" and "),
        ]
    });
    Table {
        title: "Dates that the calendar decides",
        columns: vec!["Attribute", "From", "Later by"],
        rows: rows.collect(),
    }
}

/// The groups of jurisdictions that rules ask for.
fn groups(program: &Program) -> Table {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ((type_name, id), entity) in &program.entities {
        if type_name == "Avow::Jurisdiction" {
            for (_, group) in &entity.parents {
                groups.entry(group).or_default().push(id);
            }
        }
    }
    let rows = groups.into_iter().map(|(group, members)| {
        let uid = ("Avow::Jurisdiction".to_owned(), group.to_owned());
        let title = program.texts.get(&(uid, "title".to_owned()));
        vec![
            group.to_owned(),
            title.cloned().unwrap_or_default(),
            members.join(", "),
        ]
    });
    Table {
        title: "Groups of jurisdictions",
        columns: vec!["Group", "Title", "In it"],
        rows: rows.collect(),
    }
}

/// The settings as the manifest has them, and the offer, which is computed.
pub(super) fn settings(manifest: &Manifest, offer: Option<&String>) -> Vec<(String, String)> {
    let set = manifest.settings.iter().map(|(key, value)| {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (key.clone(), text)
    });
    let offer = offer.map(|offer| {
        let text = format!("{offer} (computed from the catalogue)");
        ("offer".to_owned(), text)
    });
    set.chain(offer).collect()
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Bool(true) => "yes".to_owned(),
        Cell::Bool(false) => "no".to_owned(),
        Cell::Long(number) => number.to_string(),
        Cell::Str(text) => text.clone(),
        Cell::Entity(_, id) => id.clone(),
        Cell::Set(items) if items.is_empty() => "none".to_owned(),
        Cell::Set(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Cell::Record(fields) => {
            let fields = fields
                .iter()
                .map(|(key, of)| format!("{key}: {}", shown(of)));
            fields.collect::<Vec<_>>().join(", ")
        }
        Cell::Datetime(at) => datetime(*at),
        Cell::Duration(millis) => duration(*millis),
        Cell::Decimal(parts) => {
            let sign = if *parts < 0 { "-" } else { "" };
            let parts = parts.unsigned_abs();
            format!("{sign}{}.{:04}", parts / 10_000, parts % 10_000)
        }
        Cell::Ip(ip) => {
            let [v6, prefix, addr @ ..] = ip.to_bytes();
            let [a, b, c, d, ..] = addr;
            let addr = match v6 {
                0 => IpAddr::from([a, b, c, d]),
                _ => IpAddr::from(addr),
            };
            format!("{addr}/{prefix}")
        }
    }
}

/// In the largest unit that measures it.
fn duration(millis: i64) -> String {
    let millis = millis.unsigned_abs();
    for (unit, name) in [
        (86_400_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
    ] {
        if millis >= unit && millis.is_multiple_of(unit) {
            return counted(millis / unit, name);
        }
    }
    counted(millis, "millisecond")
}

fn counted(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_in_the_largest_unit_that_measures_them() {
        assert_eq!(duration(365 * 86_400_000), "365 days");
        assert_eq!(duration(86_400_000), "1 day");
        assert_eq!(duration(90_000_000), "25 hours");
        assert_eq!(duration(1), "1 millisecond");
        assert_eq!(duration(0), "0 milliseconds");
    }
}
