//! Every operator and extension function against Cedar, one condition at a time, errors included.

use avow_compiler::Plain;
use avow_engine::{
    Answer, Bundle, Engine, RequestBuilder,
    ext::parse_ip,
    format::{Cell, EntityRow},
};
use avow_tests::oracle::Oracle;

const SCHEMA: &str = r#"
    entity Group in [Group];
    entity User in [Group] {
        name: String, age: Long, admin: Bool, home: ipaddr, born: datetime, span: duration, rate: decimal,
        friends: Set<User>, words: Set<String>, numbers: Set<Long>, nick?: String, boss?: User,
        nested: { a: Long, b?: { c: String } },
    } tags Long;
    entity Doc in [Group] { owner: User, title: String };
    action group;
    type Asked = { now: datetime, n: Long, s: String, flag: Bool, ip: ipaddr, opt?: Long, doc: Doc, set: Set<Long> };
    action read, write in [group] appliesTo { principal: [User], resource: [Doc], context: Asked };
    action other appliesTo { principal: [User], resource: [Doc], context: Asked };
"#;

/// Conditions that validate. Each is tried for each of the requests below.
const CONDITIONS: &[&str] = &[
    "principal.admin && context.flag",
    "principal.admin || context.flag",
    "!principal.admin",
    "if context.flag then principal.age > 5 else principal.admin",
    "principal.age + context.n == 10",
    "principal.age - context.n <= 10",
    "principal.age * context.n >= 10",
    "-context.n < 0",
    "principal.age + 9223372036854775807 > 0",
    "principal.age * 4611686018427387904 > 0",
    "context.n - 9223372036854775807 - 2 < 0",
    "-(-9223372036854775807 - context.n) > 0",
    "principal == resource.owner",
    "principal != resource.owner",
    "context.s == principal.name",
    "principal in Group::\"staff\"",
    "principal in Group::\"all\"",
    "principal in [Group::\"none\", Group::\"all\"]",
    "principal in [resource.owner, principal]",
    "resource in Group::\"all\"",
    "context.doc in Group::\"all\"",
    "context.doc.title == \"x\"",
    "context.doc.owner == principal",
    "action in Action::\"group\"",
    "action == Action::\"read\"",
    "action in [Action::\"write\", Action::\"other\"]",
    "principal is User",
    "principal is User in Group::\"staff\"",
    "principal has nick && principal.nick == \"ada\"",
    "principal has boss && principal.boss has nick",
    "principal has boss && principal.boss.age > 3",
    "principal has nested.b.c",
    "principal has nested.b && principal.nested.b.c like \"*e*\"",
    "principal.nested.a == 1",
    "context has opt && context.opt > 3",
    "principal.hasTag(\"level\") && principal.getTag(\"level\") > 2",
    "principal.hasTag(context.s)",
    "principal.words.contains(context.s)",
    "principal.words.containsAll([\"a\", \"b\"])",
    "principal.words.containsAny([\"z\", context.s])",
    "principal.words.isEmpty()",
    "principal.numbers == [3, 2, 1, 1]",
    "principal.numbers.containsAll(context.set)",
    "context.set.contains(context.n)",
    "[context.n, 1].contains(principal.age)",
    "[[1, 2], [context.n]].contains([2, 1])",
    "[{a: context.n}, {a: 2}].contains({a: 5})",
    "{a: context.n, b: principal.age} == {b: 5, a: 5}",
    "principal.nested == principal.nested",
    "principal.friends.contains(principal)",
    "context.s like \"*\"",
    "context.s like \"a*c\"",
    "context.s like \"*b*\"",
    "context.s like \"a\\*c\"",
    "context.s like \"\"",
    "context.s like \"é*\"",
    "principal.rate.lessThan(decimal(\"1.5\"))",
    "principal.rate.lessThanOrEqual(decimal(\"-0.5000\"))",
    "principal.rate.greaterThan(decimal(\"-922337203685477.5808\"))",
    "principal.rate.greaterThanOrEqual(decimal(\"1.2345\"))",
    "principal.rate == decimal(\"-0.5\")",
    "principal.home.isIpv4()",
    "principal.home.isIpv6()",
    "principal.home.isLoopback()",
    "principal.home.isMulticast()",
    "principal.home.isInRange(ip(\"10.0.0.0/8\"))",
    "context.ip.isInRange(principal.home)",
    "principal.home == ip(\"10.0.0.1/32\")",
    "principal.home == ip(\"10.0.0.0/24\")",
    "context.now < datetime(\"2026-01-01\")",
    "context.now <= datetime(\"2026-01-01T00:00:00Z\")",
    "context.now == datetime(\"2026-01-01T01:00:00+0100\")",
    "context.now.offset(duration(\"-1d\")) >= principal.born",
    "context.now.durationSince(principal.born) > duration(\"365d\")",
    "context.now.toDate() == context.now",
    "context.now.toTime() == duration(\"0ms\")",
    "principal.born.toTime() < duration(\"12h\")",
    "principal.span.toMilliseconds() == 90061001",
    "principal.span.toSeconds() == 90061",
    "principal.span.toMinutes() < 0",
    "principal.span.toHours() == 25",
    "principal.span.toDays() == 1",
    "principal.span < duration(\"1d1h1m1s1ms\")",
    "datetime(\"9999-12-31\").offset(duration(\"9223372036854775807ms\")) > context.now",
    "principal.born.offset(principal.span) > context.now",
    // Ranges at their edges.
    "ip(\"10.0.0.0/8\").isInRange(ip(\"10.0.0.0/8\"))",
    "ip(\"10.0.0.0/7\").isInRange(ip(\"10.0.0.0/8\"))",
    "ip(\"10.0.0.0/9\").isInRange(ip(\"10.0.0.0/8\"))",
    "ip(\"127.0.0.0/8\").isLoopback()",
    "ip(\"127.0.0.0/7\").isLoopback()",
    "ip(\"::1/127\").isLoopback()",
    "ip(\"224.0.0.0/4\").isMulticast()",
    "ip(\"224.0.0.0/3\").isMulticast()",
    "ip(\"ff00::/8\").isMulticast()",
    "ip(\"ff00::/7\").isMulticast()",
];

struct Subject {
    age: i64,
    rate: i64,
    home: &'static str,
    born: i64,
    span: i64,
    described: bool,
    text: &'static str,
    n: i64,
    now: i64,
}

const SUBJECTS: [Subject; 4] = [
    Subject {
        age: 5,
        rate: -5000,
        home: "10.0.0.1",
        born: 0,
        span: 90_061_001,
        described: true,
        text: "a",
        n: 5,
        now: 1_767_225_600_000,
    },
    Subject {
        age: i64::MAX,
        rate: 12_345,
        home: "10.0.0.0/24",
        born: -1,
        span: -90_061_001,
        described: true,
        text: "a*c",
        n: 1,
        now: 1_767_225_599_999,
    },
    Subject {
        age: -3,
        rate: i64::MIN,
        home: "::1",
        born: i64::MAX,
        span: i64::MAX,
        described: true,
        text: "éabc",
        n: -7,
        now: i64::MIN,
    },
    Subject {
        age: 0,
        rate: 0,
        home: "ff02::1",
        born: 0,
        span: 0,
        described: false,
        text: "level",
        n: i64::MIN,
        now: 0,
    },
];

fn request(bundle: &Bundle, subject: &Subject, action: &str) -> Vec<u8> {
    let text = |text: &str| Cell::Str(text.to_owned());
    let user = |id: &str| Cell::Entity("User".into(), id.into());
    let record = |fields: Vec<(&str, Cell)>| {
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    };
    let ip = |text: &str| Cell::Ip(parse_ip(text.as_bytes()).unwrap());
    let group = |id: &str| ("Group".to_owned(), id.to_owned());
    let mut request = RequestBuilder::new(bundle);
    if subject.described {
        let inner = record(vec![("c", text("hello"))]);
        let nested = match subject.age {
            5 => record(vec![("a", Cell::Long(1))]),
            _ => record(vec![("a", Cell::Long(1)), ("b", Cell::Record(inner))]),
        };
        let mut attrs: std::collections::BTreeMap<String, Cell> = record(vec![
            ("name", text("a")),
            ("age", Cell::Long(subject.age)),
            ("admin", Cell::Bool(subject.age > 0)),
            ("home", ip(subject.home)),
            ("born", Cell::Datetime(subject.born)),
            ("span", Cell::Duration(subject.span)),
            ("rate", Cell::Decimal(subject.rate)),
            ("friends", Cell::Set(vec![user("u"), user("v"), user("u")])),
            ("words", Cell::Set(vec![text("b"), text("a"), text("c")])),
            (
                "numbers",
                Cell::Set(vec![
                    Cell::Long(1),
                    Cell::Long(3),
                    Cell::Long(2),
                    Cell::Long(1),
                ]),
            ),
            ("nested", Cell::Record(nested)),
        ]);
        if subject.age != 5 {
            attrs.insert("nick".into(), text("ada"));
            attrs.insert("boss".into(), user("nobody"));
        }
        let row = EntityRow {
            attrs,
            tags: record(vec![("level", Cell::Long(subject.age))]),
            parents: [group("staff")].into(),
        };
        assert!(request.entity("User", "u", row));
        let staff = EntityRow {
            parents: [group("all")].into(),
            ..EntityRow::default()
        };
        assert!(request.entity("Group", "staff", staff));
        let doc = EntityRow {
            attrs: record(vec![("owner", user("u")), ("title", text("x"))]),
            parents: [group("all")].into(),
            ..EntityRow::default()
        };
        assert!(request.entity("Doc", "d", doc));
    }
    let context = record(vec![
        ("now", Cell::Datetime(subject.now)),
        ("n", Cell::Long(subject.n)),
        ("s", text(subject.text)),
        ("flag", Cell::Bool(subject.n > 0)),
        ("ip", ip("10.0.0.77")),
        (
            "doc",
            Cell::Entity(
                "Doc".into(),
                if subject.n > 0 { "d" } else { "gone" }.into(),
            ),
        ),
        ("set", Cell::Set(vec![Cell::Long(1), Cell::Long(5)])),
    ]);
    request.finish(("User", "u"), ("Action", action), ("Doc", "d"), context)
}

#[test]
fn every_condition_is_answered_as_cedar_answers_it() {
    // Never both at once: beside a forbid that applies, no answer says which permits do.
    let failures: usize = ["permit", "forbid"].into_iter().map(failures).sum();
    assert!(
        failures > 200,
        "errors are part of what is compared: {failures}"
    );
}

/// Compares rules of one effect; how many failed.
fn failures(effect: &str) -> usize {
    let scopes = [
        "principal, action, resource",
        "principal in Group::\"all\", action in [Action::\"group\"], resource is Doc",
        "principal is User in Group::\"staff\", action == Action::\"read\", resource == Doc::\"d\"",
    ];
    let mut text = String::new();
    for (i, condition) in CONDITIONS.iter().enumerate() {
        let scope = scopes[i % 3];
        text.push_str(&format!(
            "@id(\"when-{i}\") {effect} ({scope}) when {{ {condition} }};\n"
        ));
        text.push_str(&format!(
            "@id(\"unless-{i}\") {effect} ({}) unless {{ {condition} }};\n",
            scopes[0]
        ));
    }
    let plain = Plain {
        schema: Some(SCHEMA),
        policies: &text,
        links: "",
        validate: true,
    };
    let bytes = plain.compile().unwrap_or_else(|findings| {
        panic!(
            "{}",
            findings
                .iter()
                .map(|f| format!("{}:{:?} {}\n", f.file, f.line, f.message))
                .collect::<String>()
        )
    });
    let files = avow_compiler::Files::from([("policies.cedar".to_owned(), text)]);
    let oracle = Oracle::new(&files, &bytes);
    let mut engine = Engine::new(Bundle::load(bytes).unwrap());
    let mut failures = 0;
    for (i, subject) in SUBJECTS.iter().enumerate() {
        for action in ["read", "write", "other"] {
            let request = request(engine.bundle(), subject, action);
            let bytes = engine.decide(&request).to_vec();
            let answer = Answer::read(&bytes).unwrap();
            let cedar = oracle.ask(&request);
            let name = |rule: u32| engine.bundle().rule(rule).unwrap().id().to_owned();
            let determining: std::collections::BTreeSet<String> =
                answer.determining().map(name).collect();
            let failed: std::collections::BTreeSet<String> =
                answer.failed().map(|f| name(f.rule)).collect();
            assert_eq!(failed, cedar.errors, "subject {i} {action}");
            assert_eq!(determining, cedar.reasons, "subject {i} {action}");
            assert_eq!(answer.decision().as_str() == "allow", cedar.allows);
            failures += failed.len();
        }
    }
    failures
}
