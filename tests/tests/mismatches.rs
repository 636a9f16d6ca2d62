//! Cases in which the engine once answered otherwise than Cedar, or in which it would be easy to. What is expected is what
//! Cedar answers now.

use std::collections::BTreeMap;

use avow_tests::{
    block::{Entity, Value},
    compare,
    generate::{World, facts::Question},
    plain::{Link, Uid},
    tally::Tally,
};

fn uid(type_name: &str, id: &str) -> Uid {
    (type_name.to_owned(), id.to_owned())
}

fn entity(of: Uid, attrs: &[(&str, Value)], parents: &[Uid]) -> Entity {
    Entity {
        uid: of,
        attrs: record(attrs),
        tags: BTreeMap::new(),
        parents: parents.to_vec(),
    }
}

fn record(fields: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let field = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    fields.iter().map(field).collect()
}

/// `User::"a"` does `Action::"view"` to `User::"b"`.
fn question(context: &[(&str, Value)]) -> Question {
    Question {
        uids: [uid("User", "a"), uid("Action", "view"), uid("User", "b")],
        context: record(context),
    }
}

#[track_caller]
fn check(name: &str, world: &World) {
    let mut tally = Tally::default();
    if let Err(difference) = compare::world(world, None, &mut tally) {
        panic!("{name}: {difference}\n{world:?}");
    }
    assert!(tally.requests > 0, "{name}");
}

const SCHEMA: &str = "
    entity Group in [Group];
    entity User in [Group] = { \"n\": Long, \"flag\"?: Bool };
    action \"all\";
    action \"view\", \"edit\" in [\"all\"] appliesTo {
        principal: [User], resource: [User], context: { \"n\"?: Long, \"now\"?: datetime }
    };
";

/// Name, rules; each with and without the schema, and validated where Cedar's validator lets it pass.
const RULES: &[(&str, &str)] = &[
    (
        "a scope that names an action's group",
        "permit (principal, action in Action::\"all\", resource);",
    ),
    (
        "a scope that names an action which is in no schema",
        "permit (principal, action == Action::\"gone\", resource);",
    ),
    (
        "an empty list of actions",
        "permit (principal, action in [], resource);",
    ),
    (
        "a principal is in itself, described or not",
        "permit (principal in User::\"a\", action, resource in User::\"b\");
         permit (principal in User::\"gone\", action, resource);",
    ),
    (
        "the right side of a short circuit that is no bool",
        "permit (principal, action, resource) when { true && 1 };
         permit (principal, action, resource) when { false || \"a\" };
         permit (principal, action, resource) when { false && 1 };
         permit (principal, action, resource) when { true || 1 };",
    ),
    (
        "a condition that is no bool",
        "permit (principal, action, resource) when { principal };
         forbid (principal, action, resource) when { 1 };
         permit (principal, action, resource) unless { context };",
    ),
    (
        "in with a set of which one element is no entity",
        "permit (principal, action, resource) when { principal in [principal, 1] };
         permit (principal, action, resource) when { !(principal in []) };",
    ),
    (
        "the smallest integer, negated and written",
        "permit (principal, action, resource) when { -9223372036854775808 < 0 };
         permit (principal, action, resource) when { -(-9223372036854775808) < 0 };
         permit (principal, action, resource) when { -9223372036854775808 * -1 < 0 };
         permit (principal, action, resource) when { 0 - -9223372036854775808 < 0 };",
    ),
    (
        "sets are equal whatever their order and their repetitions",
        "permit (principal, action, resource) when { [1, 2, 2] == [2, 1] };
         permit (principal, action, resource) when { [[1], [1, 1]] == [[1]] };
         permit (principal, action, resource) when { [1, \"1\", true] == [true, \"1\", 1] };
         permit (principal, action, resource) when { [] == {} };",
    ),
    (
        "records are equal under the same keys only",
        "permit (principal, action, resource) when { {a: 1} == {b: 1} };
         permit (principal, action, resource) when { {a: principal, b: 1} == {b: 1, a: principal} };
         permit (principal, action, resource) when { {a: principal} == {b: principal} };
         permit (principal, action, resource) when { [{a: 1}].contains({b: 1}) };
         permit (principal, action, resource) when { [{a: 1}, {b: 1}] == [{a: 1}] };",
    ),
    (
        "numbers of different types are not equal",
        "permit (principal, action, resource) when { duration(\"1ms\") == 1 };
         permit (principal, action, resource) when { datetime(\"1970-01-01\") == duration(\"0ms\") };
         permit (principal, action, resource) when { decimal(\"0.0001\") == 1 };
         permit (principal, action, resource) when { [1].contains(decimal(\"0.0001\")) };",
    ),
    (
        "addresses are equal as they are written",
        "permit (principal, action, resource) when { ip(\"10.0.0.1/24\") == ip(\"10.0.0.0/24\") };
         permit (principal, action, resource) when { ip(\"10.0.0.1\") == ip(\"10.0.0.1/32\") };
         permit (principal, action, resource) when { ip(\"::1\") == ip(\"0:0::1\") };
         permit (principal, action, resource) when { ip(\"0.0.0.0/0\") == ip(\"::/0\") };",
    ),
    (
        "extension literals that are refused fail where they are evaluated",
        "permit (principal, action, resource) when { ip(\"1.2.3\").isIpv4() };
         permit (principal, action, resource) when { true || ip(\"1.2.3\").isIpv4() };
         permit (principal, action, resource) when { [decimal(\"1\")] == [] };
         permit (principal, action, resource) when { {a: datetime(\"x\")} has b };",
    ),
    (
        "has on what is missing, on what is no record, and along a path",
        "permit (principal, action, resource) when { principal has n };
         permit (principal, action, resource) when { User::\"gone\" has n };
         permit (principal, action, resource) when { principal has n.x };
         permit (principal, action, resource) when { principal has none.x };
         permit (principal, action, resource) when { {a: {b: 1}} has a.b };
         permit (principal, action, resource) when { {a: {b: 1}} has a.b.c };
         permit (principal, action, resource) when { 1 has a };",
    ),
    (
        "like with wildcards at every place, and with what looks like one",
        "permit (principal, action, resource) when { \"\" like \"\" };
         permit (principal, action, resource) when { \"aa\" like \"a*a\" };
         permit (principal, action, resource) when { \"a\" like \"a*a\" };
         permit (principal, action, resource) when { \"a*a\" like \"a\\*a\" };
         permit (principal, action, resource) when { \"aXa\" like \"a\\*a\" };
         permit (principal, action, resource) when { \"abab\" like \"*ab\" };
         permit (principal, action, resource) when { \"é\" like \"*\\u{e9}*\" };
         permit (principal, action, resource) when { \"aab\" like \"*a*a*b*\" };",
    ),
    (
        "the earliest instant has no midnight",
        "permit (principal, action, resource) when { context.now.toDate() == context.now };
         permit (principal, action, resource) when { context.now.toTime() < duration(\"1d\") };",
    ),
    (
        "extension functions with too many or too few arguments fail where they are evaluated",
        "permit (principal, action, resource) when { duration(\"1d\", \"2d\") < duration(\"1d\") };
         permit (principal, action, resource) when { ip(\"10.0.0.1\").isMulticast(1, 2) };
         permit (principal, action, resource) when { decimal(\"1.0\").lessThan() };
         permit (principal, action, resource) when { true || ip(\"10.0.0.1\").isIpv4(1) };",
    ),
    (
        "a forbid that fails beside a permit that holds",
        "permit (principal, action, resource);
         forbid (principal, action, resource) when { principal.none };",
    ),
];

#[test]
fn every_case_is_answered_as_cedar_answers_it() {
    let known = vec![
        entity(
            uid("User", "a"),
            &[("n", Value::Long(1))],
            &[uid("Group", "one"), uid("Group", "two")],
        ),
        entity(uid("Group", "one"), &[], &[uid("Group", "top")]),
        entity(uid("Group", "two"), &[], &[uid("Group", "top")]),
    ];
    for (name, rules) in RULES {
        for schema in [Some(SCHEMA), None] {
            let mut world = World {
                schema: schema.map(ToOwned::to_owned),
                policies: rules.split_inclusive(';').map(ToOwned::to_owned).collect(),
                links: Vec::new(),
                entities: known.clone(),
                questions: vec![
                    question(&[]),
                    question(&[("n", Value::Long(i64::MIN))]),
                    question(&[("now", Value::Datetime(i64::MIN))]),
                    question(&[("n", Value::Str("not what the schema says".into()))]),
                ],
            };
            world.questions.push(Question {
                uids: [uid("Ghost", "g"), uid("Action", "gone"), uid("User", "a")],
                context: BTreeMap::new(),
            });
            check(name, &world);
        }
    }
}

/// Jumps of comparisons have 12 bits, and only the most used paths have a number.
#[test]
fn operands_of_thousands_of_instructions_are_jumped_over() {
    let paths: Vec<String> = (0..1500).map(|i| format!("context.p{i}.q")).collect();
    let read = vec!["context.n"; 5000].join(", ");
    let paths = paths.join(", ");
    let mut context: BTreeMap<String, Value> = (0..1500)
        .map(|i| {
            (
                format!("p{i}"),
                Value::Record(record(&[("q", Value::Long(i))])),
            )
        })
        .collect();
    let mut questions = Vec::new();
    for n in [1, 2] {
        context.insert("n".to_owned(), Value::Long(n));
        questions.push(Question {
            context: context.clone(),
            ..question(&[])
        });
    }
    let rule = |condition: String| {
        format!("permit (principal, action, resource) when {{ {condition} }};\n")
    };
    let world = World {
        schema: None,
        policies: vec![
            rule(format!("context.n == 2 && [{read}].contains(2)")),
            rule(format!("context.n == 2 || [{read}].contains(1)")),
            rule(format!("context.n == 2 && [{paths}].contains(1499)")),
            rule(format!("context.n == 2 || [{paths}].contains(1500)")),
        ],
        links: Vec::new(),
        entities: Vec::new(),
        questions,
    };
    check("long operands", &world);
}

#[test]
fn links_take_the_place_of_slots_in_each_form_of_scope() {
    let templates = [
        "@id(\"eq\") permit (principal == ?principal, action, resource);\n",
        "permit (principal in ?principal, action, resource in ?resource) when { principal.n == 1 };\n",
        "forbid (principal is User in ?principal, action, resource == ?resource) when { context.n > 1 };\n",
    ];
    let link = |template: &str, id: &str, principal: Uid, resource: Option<Uid>| Link {
        template: template.to_owned(),
        id: id.to_owned(),
        slots: [Some(principal), resource],
    };
    let world = World {
        schema: Some(SCHEMA.to_owned()),
        policies: templates.map(ToOwned::to_owned).to_vec(),
        links: vec![
            link("eq", "eq a", uid("User", "a"), None),
            link("eq", "eq b", uid("User", "b"), None),
            link(
                "policies#2",
                "in",
                uid("Group", "top"),
                Some(uid("User", "b")),
            ),
            link(
                "policies#3",
                "is in",
                uid("Group", "top"),
                Some(uid("User", "b")),
            ),
            link(
                "policies#3",
                "gone",
                uid("Group", "gone"),
                Some(uid("User", "b")),
            ),
        ],
        entities: vec![
            entity(
                uid("User", "a"),
                &[("n", Value::Long(1))],
                &[uid("Group", "top")],
            ),
            entity(uid("User", "b"), &[("n", Value::Long(2))], &[]),
        ],
        questions: vec![
            question(&[]),
            question(&[("n", Value::Long(2))]),
            question(&[("n", Value::Long(1))]),
        ],
    };
    check("links", &world);
}
