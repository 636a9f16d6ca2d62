//! Where a TOML file has a key and its value.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The places of a key of a table, and of its value.
pub(crate) fn entry(text: &str, table: &str, key: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (root, _) = DeTable::parse_recoverable(text);
    let (_, value) = (root.get_ref().iter()).find(|(name, _)| name.get_ref().as_ref() == table)?;
    let DeValue::Table(rows) = value.get_ref() else {
        return None;
    };
    let (name, value) = rows
        .iter()
        .find(|(name, _)| name.get_ref().as_ref() == key)?;
    Some((name.span(), value.span()))
}
