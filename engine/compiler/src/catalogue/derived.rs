//! Attributes that the calendar computes: another one and a period.

use super::Catalogue;
use crate::{
    finding::{Finding, Sources},
    program::{Derived, Schema, Type},
};

impl Catalogue {
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

#[cfg(test)]
mod tests {
    use super::period;

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
