//! Expressions of the extension types: each constructor, with texts that it refuses too, and each method.

use super::{
    choices::Choices,
    expression::Writer,
    facts::ADDRESSES,
    schema::{Type, quoted},
};

const DECIMALS: [&str; 9] = [
    "0.0",
    "1.5",
    "-0.5",
    "1.2345",
    "922337203685477.5807",
    "-922337203685477.5808",
    "1.23456",
    "1",
    "922337203685477.5808",
];

const DATETIMES: [&str; 9] = [
    "1970-01-01",
    "2024-02-29",
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00.500+0100",
    "0000-01-01",
    "9999-12-31T23:59:59.999-2359",
    "2023-02-29",
    "2024-01-01T24:00:00Z",
    "",
];

const DURATIONS: [&str; 9] = [
    "1d",
    "0ms",
    "-1h",
    "1d2h3m4s5ms",
    "9223372036854775807ms",
    "-9223372036854775808ms",
    "1h1d",
    "106751991168d",
    "-",
];

const BAD_ADDRESSES: [&str; 4] = ["10.0.0.256", "::ffff:1.2.3.4", "10.0.0.1/33", "01.0.0.1"];

/// A constructor with a text; one in ten is refused at run time.
pub(super) fn literal(choices: &mut Choices<'_>, of: &Type) -> String {
    let bad = choices.once_in(10);
    let mut pick = |texts: &'static [&'static str], good: usize| {
        let part = if bad { &texts[good..] } else { &texts[..good] };
        quoted(choices.pick::<&str>(part))
    };
    match of {
        Type::Decimal => format!("decimal({})", pick(&DECIMALS, 6)),
        Type::Datetime => format!("datetime({})", pick(&DATETIMES, 6)),
        Type::Duration => format!("duration({})", pick(&DURATIONS, 6)),
        _ if bad => format!("ip({})", pick(&BAD_ADDRESSES, 0)),
        _ => format!("ip({})", pick(&ADDRESSES, ADDRESSES.len())),
    }
}

/// An expression of an extension type.
pub(super) fn expression(writer: &mut Writer<'_, '_>, of: &Type, depth: usize) -> String {
    // Of a text that only the request tells; the validator refuses it.
    let name = match of {
        Type::Decimal => "decimal",
        Type::Datetime => "datetime",
        Type::Duration => "duration",
        _ => "ip",
    };
    match writer.choices.below(16) {
        14 => return format!("{name}({})", writer.of(&Type::Str, depth)),
        15 => {
            let test = writer.of(&Type::Bool, 0);
            let texts = match of {
                Type::Decimal => &DECIMALS[..],
                Type::Datetime => &DATETIMES[..],
                Type::Duration => &DURATIONS[..],
                _ => &ADDRESSES[..],
            };
            let [then, otherwise] = [(); 2].map(|()| quoted(writer.choices.pick::<&str>(texts)));
            return format!("{name}(if {test} then {then} else {otherwise})");
        }
        _ => {}
    }
    match (of, writer.choices.below(3)) {
        (Type::Datetime, 0) => format!("{}.toDate()", writer.of(of, depth)),
        (Type::Datetime, _) => {
            let (at, span) = (writer.of(of, depth), writer.of(&Type::Duration, depth));
            format!("{at}.offset({span})")
        }
        (Type::Duration, 0) => format!("{}.toTime()", writer.of(&Type::Datetime, depth)),
        (Type::Duration, _) => {
            let [a, b] = [(); 2].map(|()| writer.of(&Type::Datetime, depth));
            format!("{a}.durationSince({b})")
        }
        _ => literal(&mut writer.choices, of),
    }
}

/// An integer that a duration is in some unit.
pub(super) fn to_long(writer: &mut Writer<'_, '_>, depth: usize) -> String {
    let units = [
        "toMilliseconds",
        "toSeconds",
        "toMinutes",
        "toHours",
        "toDays",
    ];
    let unit = *writer.choices.pick(&units);
    format!("{}.{unit}()", writer.of(&Type::Duration, depth))
}

/// A comparison or a question that only these types know.
pub(super) fn comparison(writer: &mut Writer<'_, '_>, depth: usize) -> String {
    match writer.choices.below(2) {
        0 => {
            let methods = [
                "lessThan",
                "lessThanOrEqual",
                "greaterThan",
                "greaterThanOrEqual",
            ];
            let method = *writer.choices.pick(&methods);
            let [a, b] = [(); 2].map(|()| writer.of(&Type::Decimal, depth));
            format!("{a}.{method}({b})")
        }
        _ => {
            let methods = [
                "isIpv4",
                "isIpv6",
                "isLoopback",
                "isMulticast",
                "isInRange",
                "isInRange",
            ];
            let method = *writer.choices.pick(&methods);
            let address = writer.of(&Type::Ip, depth);
            let argument = match method {
                "isInRange" => writer.of(&Type::Ip, depth),
                _ => String::new(),
            };
            format!("{address}.{method}({argument})")
        }
    }
}
