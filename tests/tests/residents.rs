//! A tenant's residents: patch upon patch, and what is refused leaves them as they are.

use std::collections::BTreeMap;

use avow_compiler::Plain;
use avow_engine::{
    Answer, Bundle, Engine, PatchBuilder, Refusal, RequestBuilder,
    format::{Cell, EntityRow},
};

const SCHEMA: &str = r#"
    entity User { team: String };
    entity Doc;
    action all;
    action view in [all] appliesTo { principal: [User], resource: [Doc], context: { team: String } };
"#;

fn engine() -> Engine {
    let plain = Plain {
        schema: Some(SCHEMA),
        policies: "permit (principal, action, resource) when { principal.team == context.team };",
        links: "",
        validate: true,
    };
    Engine::new(Bundle::load(plain.compile().unwrap()).unwrap())
}

fn of(team: &str) -> BTreeMap<String, Cell> {
    BTreeMap::from([("team".to_owned(), Cell::Str(team.to_owned()))])
}

fn row(team: &str) -> EntityRow {
    EntityRow {
        attrs: of(team),
        ..EntityRow::default()
    }
}

fn outcome(engine: &mut Engine, user: &str, team: &str) -> String {
    let request = RequestBuilder::new(engine.bundle());
    let request = request.finish(("User", user), ("Action", "view"), ("Doc", "d"), of(team));
    let answer = Answer::read(engine.decide(&request)).unwrap();
    answer.outcome().as_str().to_owned()
}

fn patch(engine: &Engine, users: &[(&str, &str)]) -> Vec<u8> {
    let mut patch = PatchBuilder::new(engine.bundle());
    for (user, team) in users {
        assert!(patch.put("User", user, row(team)));
    }
    patch.finish(engine.version())
}

#[test]
fn residents_of_each_patch_are_found_by_their_names() {
    let mut engine = engine();
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    let patches: [&[(&str, &str)]; 5] = [
        &[("m", "one"), ("p", "two")],
        &[("a", "one"), ("z", "three")],
        &[("n", "one"), ("p", "one"), ("b", "two")],
        &[("zz", "one")],
        &[("A", "two"), ("o", "one"), ("z", "one")],
    ];
    for users in patches {
        let bytes = patch(&engine, users);
        engine.patch(&bytes).unwrap();
        known.extend(users.iter().copied());
        for (user, team) in &known {
            assert_eq!(outcome(&mut engine, user, team), "allow", "{user}");
            assert_eq!(
                outcome(&mut engine, user, "none"),
                "not_permitted",
                "{user}"
            );
        }
    }
}

#[test]
fn a_request_that_describes_a_resident_is_refused_and_changes_nothing() {
    let mut engine = engine();
    let bytes = patch(&engine, &[("a", "one"), ("b", "two")]);
    engine.patch(&bytes).unwrap();
    let mut request = RequestBuilder::new(engine.bundle());
    request.entity("User", "a", row("two"));
    request.entity("User", "c", row("two"));
    let request = request.finish(("User", "a"), ("Action", "view"), ("Doc", "d"), of("two"));
    let answer = Answer::read(engine.decide(&request)).unwrap();
    assert_eq!(answer.outcome().as_str(), "refused");
    assert_eq!(outcome(&mut engine, "a", "one"), "allow");
    assert_eq!(outcome(&mut engine, "b", "two"), "allow");
}

#[test]
fn a_patch_that_describes_an_entity_twice_or_one_of_the_bundle_changes_nothing() {
    let mut engine = engine();
    let mut bytes = patch(&engine, &[("a", "one"), ("b", "two")]);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    // Behind 12 bytes of its own a patch is a block: counts, symbols, cells, entities.
    let entities = 12 + 24 + (word(12) + word(16)) * 8 + word(28) * 16;
    let uid = bytes[entities..entities + 4].to_vec();
    bytes[entities + 16..entities + 20].copy_from_slice(&uid);
    assert_eq!(engine.patch(&bytes), Err(Refusal::Redefines));

    let mut bytes = PatchBuilder::new(engine.bundle());
    bytes.put("Action", "view", EntityRow::default());
    let bytes = bytes.finish(engine.version());
    assert_eq!(engine.patch(&bytes), Err(Refusal::Redefines));

    assert_eq!(engine.version(), 0);
    let bytes = patch(&engine, &[("a", "one")]);
    engine.patch(&bytes).unwrap();
    assert_eq!(outcome(&mut engine, "a", "one"), "allow");
    assert_eq!(outcome(&mut engine, "b", "two"), "not_permitted");
}
