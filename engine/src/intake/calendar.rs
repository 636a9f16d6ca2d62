//! Calendar periods, in UTC: what rules cannot compute, because Cedar has no months and no years.

use jiff::{Span, Timestamp, tz::Offset};

use crate::schema::Derived;

/// The instant a period after another one, milliseconds since 1970; none outside the years that the calendar knows.
///
/// A day that the target month does not have is its last one: 29 February and a year is 28 February.
pub(crate) fn add(from: i64, period: Derived) -> Option<i64> {
    let start = Offset::UTC.to_datetime(Timestamp::from_millisecond(from).ok()?);
    let span = Span::new()
        .try_months(period.months)
        .ok()?
        .try_days(period.days)
        .ok()?;
    let moved = start.checked_add(span).ok()?;
    let at = Offset::UTC.to_timestamp(moved).ok()?.as_millisecond();
    at.checked_add_unsigned(period.millis)
}

#[cfg(test)]
mod tests {
    use super::add;
    use crate::{ext::parse_datetime, schema::Derived};

    #[track_caller]
    fn check(from: &str, months: u32, days: u32, expected: &str) {
        let period = Derived {
            type_name: 0,
            attr: 0,
            from: 0,
            months,
            days,
            millis: 0,
        };
        let from = parse_datetime(from.as_bytes()).unwrap();
        assert_eq!(add(from, period), parse_datetime(expected.as_bytes()));
    }

    #[test]
    fn a_missing_day_becomes_the_last_of_the_month() {
        check("2024-02-29", 12, 0, "2025-02-28");
        check("2026-01-31T10:00:00.001Z", 1, 0, "2026-02-28T10:00:00.001Z");
        check("2026-12-31", 2, 0, "2027-02-28");
        check("2026-01-31", 0, 30, "2026-03-02");
    }
}
