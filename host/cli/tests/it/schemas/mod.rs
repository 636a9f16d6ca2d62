//! The JSON schemas of a pack's files take every pack of this repository, and refuse what the compiler refuses.

mod validator;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use validator::Validator;

const NAMES: [&str; 5] = ["avow", "catalogue", "promises", "mutants", "cases"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn validator(name: &str) -> Validator {
    let path = repository().join(format!("docs/schemas/{name}.schema.json"));
    let text = fs::read_to_string(&path).expect("the schema is there");
    Validator::new(serde_json::from_str(&text).expect("the schema is JSON"))
}

/// As editors see it: a datetime of TOML is a string.
fn toml(text: &str) -> Value {
    fn value(of: toml::Value) -> Value {
        match of {
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(value) => value.into(),
            toml::Value::Datetime(at) => at.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(value).collect(),
            toml::Value::Table(table) => {
                let fields = table.into_iter().map(|(key, of)| (key, value(of)));
                Value::Object(fields.collect())
            }
        }
    }
    value(toml::Value::Table(text.parse().expect("the text is TOML")))
}

fn yaml(text: &str) -> Value {
    let json = avow_compiler::cases::yaml(text).expect("the text is YAML");
    serde_json::to_value(&json).expect("it is JSON")
}

#[test]
fn every_pack_of_the_repository_is_valid() {
    let validators = NAMES.map(|name| (name, validator(name)));
    let of = |wanted: &str| {
        let found = validators.iter().find(|(name, _)| *name == wanted);
        &found.expect("the schema is in the list").1
    };
    let mut seen = 0;
    let mut check = |path: &Path, validator: &Validator, value: &Value| {
        let errors = validator.errors(value);
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        seen += 1;
    };
    let packs = ["policies", "tests/packs"]
        .map(|folder| fs::read_dir(repository().join(folder)).expect("there are packs"));
    for pack in packs.into_iter().flatten() {
        let pack = pack.expect("the folder can be read").path();
        for name in ["avow", "catalogue", "promises", "mutants"] {
            let path = pack.join(format!("{name}.toml"));
            if let Ok(text) = fs::read_to_string(&path) {
                check(&path, of(name), &toml(&text));
            }
        }
        for case in fs::read_dir(pack.join("tests")).into_iter().flatten() {
            let path = case.expect("the folder can be read").path();
            let text = fs::read_to_string(&path).expect("the cases can be read");
            check(&path, of("cases"), &yaml(&text));
        }
    }
    assert!(seen > 15, "only {seen} files were looked at");
}

#[track_caller]
fn refuses(validator: &Validator, sound: &Value, broken: &Value, why: &str) {
    assert_eq!(validator.errors(sound), Vec::<String>::new(), "{why}");
    assert!(!validator.errors(broken).is_empty(), "{why}: {broken}");
}

#[test]
fn a_broken_manifest_is_refused() {
    let pack = json!({ "name": "a", "title": "A", "namespace": "A", "version": "1" });
    let theme = json!({
        "preset": "soft", "position": "corner", "radius": "0.5em", "font": "inherit", "css": "banner.css",
        "accent": "#0B5d3b", "line": { "light": "#cccccc" }, "text": { "light": "#000000", "dark": "#ffffff" },
    });
    let sound = json!({ "pack": pack, "theme": theme });
    let validator = validator("avow");
    for (why, broken) in [
        ("no pack", json!({})),
        (
            "no version",
            json!({ "pack": { "name": "a", "title": "A", "namespace": "A" } }),
        ),
        ("an unknown table", json!({ "pack": pack, "polcy": {} })),
        (
            "an unknown key",
            json!({ "pack": { "name": "a", "title": "A", "namespace": "A", "version": "1", "lang": "en" } }),
        ),
        (
            "no namespace of Cedar",
            json!({ "pack": { "name": "a", "title": "A", "namespace": "a-b", "version": "1" } }),
        ),
        (
            "no digest",
            json!({ "pack": pack, "policy": { "sha256": "abc" } }),
        ),
        (
            "a chapter for no clause",
            json!({ "pack": pack, "base": { "holds": " " } }),
        ),
        (
            "a cookie without days",
            json!({ "pack": pack, "consent": { "cookie": "c" } }),
        ),
        (
            "a domain with a path",
            json!({ "pack": pack, "consent": { "cookie": "c", "days": 1, "domain": "a.example/b" } }),
        ),
        (
            "days below none",
            json!({ "pack": pack, "consent": { "cookie": "c", "days": -1 } }),
        ),
        (
            "a domain with a dot before it",
            json!({ "pack": pack, "consent": { "cookie": "c", "days": 1, "domain": ".example.com" } }),
        ),
        (
            "a domain of one label",
            json!({ "pack": pack, "consent": { "cookie": "c", "days": 1, "domain": "localhost" } }),
        ),
        (
            "an address for a domain",
            json!({ "pack": pack, "consent": { "cookie": "c", "days": 1, "domain": "127.0.0.1" } }),
        ),
        (
            "a colour by its name",
            json!({ "pack": pack, "theme": { "accent": "navy" } }),
        ),
        (
            "a colour for no scheme",
            json!({ "pack": pack, "theme": { "accent": {} } }),
        ),
        (
            "a theme's key misspelt",
            json!({ "pack": pack, "theme": { "acent": "#000000" } }),
        ),
        (
            "a radius without unit",
            json!({ "pack": pack, "theme": { "radius": "8" } }),
        ),
        (
            "no preset",
            json!({ "pack": pack, "theme": { "preset": "loud" } }),
        ),
        (
            "a number with a fraction",
            json!({ "pack": pack, "settings": { "a": 0.5 } }),
        ),
        (
            "an offer of its own",
            json!({ "pack": pack, "settings": { "offer": "a" } }),
        ),
    ] {
        refuses(&validator, &sound, &broken, why);
    }
}

#[test]
fn a_broken_catalogue_is_refused() {
    let sound = toml(
        r#"
        [purpose.shop]
        essential = true
        [storage.cart]
        name = "cart"
        kind = "cookie"
        purpose = "shop"
        lifetime = "1d12h"
        [[derived]]
        type = "A::B"
        attribute = "to"
        from = "at"
        add = "P1Y2M3DT4H"
        [signals.google]
        ad_storage = ["shop"]
        security_storage = ["shop"]
        [signals.microsoft]
        ad_storage = ["shop"]
        "#,
    );
    let validator = validator("catalogue");
    for (why, broken) in [
        ("an unknown table", "[cookie.a]\nname = \"a\""),
        ("no slug", "[purpose.\"A b\"]\nessential = true"),
        ("nothing said of essential", "[purpose.a]\ntitle = \"A\""),
        (
            "an attribute misspelt",
            "[purpose.a]\nessential = true\norde = 1",
        ),
        (
            "a name with a star",
            "[storage.a]\nname = \"a*\"\nkind = \"cookie\"\npurpose = \"p\"",
        ),
        (
            "a pattern without",
            "[storage.a]\npattern = \"a\"\nkind = \"cookie\"\npurpose = \"p\"",
        ),
        (
            "name and pattern",
            "[storage.a]\nname = \"a\"\npattern = \"a*\"\nkind = \"cookie\"\npurpose = \"p\"",
        ),
        (
            "another kind",
            "[storage.a]\nname = \"a\"\nkind = \"jar\"\npurpose = \"p\"",
        ),
        (
            "no duration",
            "[storage.a]\nname = \"a\"\nkind = \"cookie\"\npurpose = \"p\"\nlifetime = \"1 day\"",
        ),
        (
            "uses that are no list",
            "[processor.a]\nuses = \"all\"\ninitial = true",
        ),
        (
            "an empty period",
            "[[derived]]\ntype = \"A\"\nattribute = \"b\"\nfrom = \"c\"\nadd = \"P\"",
        ),
        (
            "a period that ends in T",
            "[[derived]]\ntype = \"A\"\nattribute = \"b\"\nfrom = \"c\"\nadd = \"P1DT\"",
        ),
        ("a text that is none", "[text]\ntitle = 1"),
        ("a signal to nobody", "[signals.bing]\nad_storage = [\"a\"]"),
        (
            "a type of consent that is none",
            "[signals.google]\nads = [\"a\"]",
        ),
        (
            "another's type of consent",
            "[signals.microsoft]\nanalytics_storage = [\"a\"]",
        ),
        (
            "a signal that is always sent",
            "[signals.google]\nad_storage = []",
        ),
        (
            "a signal for one purpose twice",
            "[signals.google]\nad_storage = [\"a\", \"a\"]",
        ),
    ] {
        refuses(&validator, &sound, &toml(broken), why);
    }
}

#[test]
fn broken_promises_are_refused() {
    let with = |key: &str, value: Value| {
        let mut promise = json!({
            "id": "a-1", "section": "1", "kind": "access", "basis": "stated", "kept_by": "rule", "promise": "P"
        });
        promise[key] = value;
        json!({ "promise": [promise] })
    };
    let sound = with("sides", json!("deny"));
    let validator = validator("promises");
    for (why, broken) in [
        ("an id of two words", with("id", json!("a b"))),
        ("another kind", with("kind", json!("cookies"))),
        ("another basis", with("basis", json!("guessed"))),
        ("kept by nobody known", with("kept_by", json!("magic"))),
        ("attested by nobody", with("kept_by", json!("attested"))),
        ("no mechanism", with("kept_by", json!("mechanism"))),
        ("a side that is none", with("sides", json!("left"))),
        ("a key misspelt", with("readin", json!("R"))),
        ("pending is a word", with("pending", json!("yes"))),
        ("no promise", json!({ "promise": [{ "id": "a-1" }] })),
        ("another table", json!({ "promises": [] })),
    ] {
        refuses(&validator, &sound, &broken, why);
    }
}

#[test]
fn broken_exceptions_are_refused() {
    let sound = json!({
        "equivalent": [{ "rule": "r", "before": "<", "after": "<=", "reason": "never equal" }],
        "unreachable": [{ "rule": "r", "branch": "a", "side": true, "reason": "never true" }],
    });
    let validator = validator("mutants");
    for (why, broken) in [
        (
            "no reason",
            json!({ "equivalent": [{ "rule": "r", "before": "<", "after": "<=" }] }),
        ),
        (
            "an empty reason",
            json!({ "equivalent": [{ "rule": "r", "before": "<", "after": "<=", "reason": "" }] }),
        ),
        (
            "a side that is a word",
            json!({ "unreachable": [{ "rule": "r", "branch": "a", "side": "true", "reason": "b" }] }),
        ),
        ("another list", json!({ "survivor": [] })),
    ] {
        refuses(&validator, &sound, &broken, why);
    }
}

#[test]
fn broken_cases_are_refused() {
    let sound = yaml(
        r#"
        contexts: { here: { place: site } }
        entities:
          ada: { uid: 'User::"ada"', attrs: { role: admin }, parents: ['Group::"g"'] }
        cases:
          - name: a
            principal: User::"ada"
            action: read
            resource: { type: Record, id: r }
            context: [here, { gpc: true }]
            use: [ada]
            now: 2026-03-01T09:00:00.001Z
            vary:
              - { expect: allow }
              - { context.gpc: null, entities.ada.attrs.role: user, expect: { outcome: forbidden, until: never } }
              - { now: 2026-03-02, expect.outcome: failed, expect.rules: [] }
        "#,
    );
    let validator = validator("cases");
    for (why, broken) in [
        ("no cases", "use: []"),
        ("another key", "cases: []\ncontext: {}"),
        ("no name", "cases: [{ expect: allow }]"),
        ("no expectation", "cases: [{ name: a }]"),
        (
            "a default that expects nothing",
            "defaults: { tenant: t }\ncases: [{ name: a }]",
        ),
        (
            "a key misspelt",
            "cases: [{ name: a, expect: allow, ressource: 'A::\"b\"' }]",
        ),
        (
            "an outcome misspelt",
            "cases: [{ name: a, expect: allowed }]",
        ),
        (
            "an outcome missing",
            "cases: [{ name: a, expect: { rules: [] } }]",
        ),
        (
            "an expectation misspelt",
            "cases: [{ name: a, expect: { outcome: allow, rule: [] } }]",
        ),
        ("no row", "cases: [{ name: a, vary: [] }]"),
        (
            "a row's path misspelt",
            "cases: [{ name: a, vary: [{ contxt.gpc: true }] }]",
        ),
        (
            "a row's outcome misspelt",
            "cases: [{ name: a, vary: [{ expect.outcome: allowed }] }]",
        ),
        (
            "no instant",
            "cases: [{ name: a, expect: allow, now: tomorrow }]",
        ),
        (
            "no uid",
            "cases: [{ name: a, expect: allow, principal: ada }]",
        ),
        (
            "an entity without uid",
            "entities: { a: { attrs: {} } }\ncases: []",
        ),
        (
            "a key that no entity has",
            "entities: { a: { uid: 'A::\"a\"', attr: {} } }\ncases: []",
        ),
        (
            "clauses that are no list",
            "cases: [{ name: a, expect: allow, clauses: a-1 }]",
        ),
    ] {
        refuses(&validator, &sound, &yaml(broken), why);
    }
}

#[test]
fn the_binary_prints_and_writes_the_same_schemas() {
    let avow = || Command::new(env!("CARGO_BIN_EXE_avow"));
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("schemas");
    let wrote = avow().arg("schema").arg("--out").arg(&to).output();
    let wrote = wrote.expect("avow runs");
    assert!(wrote.status.success());
    for name in NAMES {
        let file = format!("{name}.schema.json");
        let expected =
            fs::read(repository().join("docs/schemas").join(&file)).expect("the schema is there");
        let printed = avow().args(["schema", name]).output().expect("avow runs");
        assert_eq!(printed.status.code(), Some(0), "{name}");
        assert!(printed.stdout == expected, "{name} is printed otherwise");
        let written = fs::read(to.join(&file)).expect("it was written");
        assert!(written == expected, "{name} is written otherwise");
    }
    let unknown = avow()
        .args(["schema", "policy"])
        .output()
        .expect("avow runs");
    assert_eq!(unknown.status.code(), Some(2));
}
