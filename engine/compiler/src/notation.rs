//! Values as people read them and as intake does.

use avow_engine::{
    explain::{datetime, decimal, ip, quoted},
    format::Cell,
    intake::Json,
};

/// In Cedar's notation; a duration in days, hours, minutes where it is that.
pub(crate) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Bool(value) => value.to_string(),
        Cell::Long(value) => value.to_string(),
        Cell::Str(text) => quoted(text),
        Cell::Entity(type_name, id) => uid(type_name, id),
        Cell::Set(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Cell::Record(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", text(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Cell::Decimal(value) => decimal(*value),
        Cell::Datetime(at) => datetime(*at),
        Cell::Duration(value) => duration(*value),
        Cell::Ip(value) => ip(&value.to_bytes()).unwrap_or_default(),
    }
}

/// `Type::"id"`
pub(crate) fn uid(type_name: &str, id: &str) -> String {
    format!("{type_name}::{}", quoted(id))
}

/// As Cedar takes it: `3d12h`.
pub(crate) fn duration(ms: i64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
        (1, "ms"),
    ];
    let mut rest = ms.unsigned_abs();
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    for (size, unit) in units {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    match ms {
        0 => "0ms".to_owned(),
        _ => out,
    }
}

/// As a request has it.
pub(crate) fn json(cell: &Cell) -> Json {
    match cell {
        Cell::Bool(value) => Json::Bool(*value),
        Cell::Long(value) => Json::Int(*value),
        Cell::Str(text) => Json::Str(text.clone()),
        Cell::Entity(type_name, id) => json_uid(type_name, id),
        Cell::Set(items) => Json::List(items.iter().map(json).collect()),
        Cell::Record(fields) => Json::Map(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), json(value)))
                .collect(),
        ),
        other => Json::Str(text(other)),
    }
}

/// `{"type": …, "id": …}`
pub(crate) fn json_uid(type_name: &str, id: &str) -> Json {
    Json::Map(vec![
        ("type".to_owned(), Json::Str(type_name.to_owned())),
        ("id".to_owned(), Json::Str(id.to_owned())),
    ])
}

#[cfg(test)]
mod tests {
    use super::duration;
    use avow_engine::ext::parse_duration;

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for ms in [
            0,
            1,
            999,
            86_400_000,
            31_536_000_001,
            -90_061_001,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(parse_duration(duration(ms).as_bytes()), Some(ms), "{ms}");
        }
        assert_eq!(duration(365 * 86_400_000), "365d");
    }
}
