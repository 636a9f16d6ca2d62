//! Changes of literals: a boundary moved by the least step, a word replaced by another one.

use avow_engine::ext::{parse_datetime, parse_decimal, parse_duration};

use crate::{
    instrument::Written,
    tree::{Expr, Kind, Span, Step},
};

use super::change::{Change, Words, compared};

/// The changes of the literals of an expression.
pub(super) fn changes(rule: &Written<'_>, expr: &Expr, known: &Words) -> Vec<Change> {
    let mut changes = Vec::new();
    Literals {
        text: rule.text,
        known,
        changes: &mut changes,
    }
    .within(expr, None, &expr.span);
    changes
}

struct Literals<'a> {
    text: &'a str,
    known: &'a Words,
    changes: &'a mut Vec<Change>,
}

impl Literals<'_> {
    /// `frame` is the smallest part of the condition that is true or false; `beside` are the strings that `expr` is compared
    /// as, with the attribute.
    fn within(&mut self, expr: &Expr, beside: Option<&[(&Expr, &str)]>, frame: &Span) {
        match &expr.kind {
            Kind::Number(number) => {
                let number = i128::from(*number);
                self.moved(
                    &expr.span,
                    frame,
                    [number + 1, number - 1].map(|n| n.to_string()),
                );
            }
            Kind::Str => {
                let mut pairs = beside.unwrap_or_default().iter();
                let attribute = pairs
                    .find(|(string, _)| string.span == expr.span)
                    .map(|(_, attribute)| *attribute);
                let string = self.text.get(expr.span.clone()).unwrap_or_default();
                let other = self.known.other_string(attribute, string);
                self.push("replace-string", frame, &expr.span, other);
            }
            Kind::Entity(type_name, id) => {
                if let Some(other) = self.known.other_entity(type_name, id) {
                    self.push("replace-entity", frame, &expr.span, other);
                }
            }
            Kind::Member(of, steps) => self.member(expr, of, steps, beside, frame),
            Kind::And(_) | Kind::Or(_) | Kind::Not(..) | Kind::If(_) | Kind::Group(_) => {
                for child in expr.children() {
                    self.within(child, None, &child.span);
                }
            }
            Kind::Relation(..) => {
                let pairs = compared(expr);
                for child in expr.children() {
                    self.within(child, Some(&pairs), frame);
                }
            }
            _ => {
                for child in expr.children() {
                    self.within(child, beside, frame);
                }
            }
        }
    }

    fn member(
        &mut self,
        expr: &Expr,
        of: &Expr,
        steps: &[Step],
        beside: Option<&[(&Expr, &str)]>,
        frame: &Span,
    ) {
        let mut steps = steps.iter();
        if let (Kind::Name(name), [Step::Call(args), ..]) = (&of.kind, steps.as_slice())
            && let [literal] = args.as_slice()
            && matches!(literal.kind, Kind::Str)
        {
            let quoted = self.text.get(literal.span.clone()).unwrap_or_default();
            if let Some(others) = neighbours(name, quoted.trim_matches('"')) {
                let others = others.map(|other| format!("\"{other}\""));
                self.moved(&literal.span, frame, others);
            }
            // What else a constructor takes has no order.
            steps.next();
        }
        let pairs = compared(expr);
        let pairs = match pairs.is_empty() {
            true => beside,
            false => Some(pairs.as_slice()),
        };
        self.within(of, pairs, frame);
        for step in steps {
            // The key of an index is a name, no literal.
            if let Step::Call(args) = step {
                for arg in args {
                    self.within(arg, pairs, frame);
                }
            }
        }
    }

    fn moved(&mut self, span: &Span, frame: &Span, others: [String; 2]) {
        for other in others {
            self.push("move-boundary", frame, span, other);
        }
    }

    fn push(&mut self, kind: &'static str, frame: &Span, span: &Span, other: String) {
        let edits = vec![(span.clone(), other)];
        self.changes.push(Change::new(kind, frame, edits));
    }
}

/// The values before and after the one that a constructor makes of a text.
fn neighbours(constructor: &str, text: &str) -> Option<[String; 2]> {
    let bytes = text.as_bytes();
    let (value, write): (i64, fn(i64) -> String) = match constructor {
        "duration" => (parse_duration(bytes)?, duration),
        "datetime" => (parse_datetime(bytes)?, datetime),
        "decimal" => (parse_decimal(bytes)?, decimal),
        _ => return None,
    };
    Some([write(value.checked_add(1)?), write(value.checked_sub(1)?)])
}

fn duration(millis: i64) -> String {
    let mut out = match millis {
        0 => return "0ms".to_owned(),
        ..0 => "-".to_owned(),
        _ => String::new(),
    };
    let mut rest = millis.unsigned_abs();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    out
}

fn decimal(ten_thousandths: i64) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let size = ten_thousandths.unsigned_abs();
    format!("{sign}{}.{:04}", size / 10_000, size % 10_000)
}

/// In UTC, by the Gregorian calendar carried on without end, as Cedar reads it.
fn datetime(millis: i64) -> String {
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    // Years begin with March, so that the leap day is the last one; 400 of them have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..=9 => (year + era * 400, month + 3),
        _ => (year + era * 400 + 1, month - 9),
    };
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}
