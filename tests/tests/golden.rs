//! Version 1 as files: bundles, a patch, requests and their answers. What the compiler and the builders write stays the same
//! bytes, and whatever was written once is read and answered as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::OnceLock,
};

use avow_compiler::Target;
use avow_engine::{
    Answer, Bundle, Engine, PatchBuilder, RequestBuilder,
    bundle::layout,
    code::{Function, INSTRUCTION_BYTES, Op},
    ext::parse_ip,
    format::{BlockWriter, Cell, EntityRow, OWN},
    request,
};
use avow_host::sandbox::{Limits, Sandbox};
use avow_tests::{hex, root};
use serde_json::{Value, json};

/// 2026-07-01T00:00:00Z.
const NOW: i64 = 1_782_864_000_000;
const DAY: i64 = 86_400_000;

fn folder() -> PathBuf {
    root().join("tests/golden")
}

/// Name and bytes of each file.
type Files = BTreeMap<&'static str, Vec<u8>>;

/// What is written today.
fn made() -> &'static Files {
    static MADE: OnceLock<Files> = OnceLock::new();
    MADE.get_or_init(|| {
        let pack = avow_host::pack::read(&folder().join("pack")).unwrap();
        let pack = avow_compiler::compile(&pack).unwrap_or_else(|found| panic!("{found:?}"));
        let operators =
            avow_tests::unvalidated(&fs::read_to_string(folder().join("operators.cedar")).unwrap());
        let mut files = Files::from([
            ("server.avow", pack.bundle(Target::Server)),
            ("browser.avow", pack.bundle(Target::Browser)),
            ("operators.avow", operators),
        ]);
        files.insert("residents.patch", residents(&files["server.avow"]));
        let cases = serde_json::to_string_pretty(&cases(&files)).unwrap();
        files.insert("cases.json", (cases + "\n").into());
        files
    })
}

/// What was written when the version was made.
fn golden() -> &'static Files {
    static GOLDEN: OnceLock<Files> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let made = made();
        let read = |name: &&'static str| {
            let path = folder().join("v1").join(name);
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &made[name]).unwrap();
            }
            let bytes = fs::read(&path);
            (
                *name,
                bytes.unwrap_or_else(|e| panic!("{}: {e}", path.display())),
            )
        };
        made.keys().map(read).collect()
    })
}

#[track_caller]
fn check(name: &str) {
    assert!(
        made()[name] == golden()[name],
        "`{name}` is no longer what tests/golden/v1 has. Version 1 is frozen: another meaning of its bytes needs another \
         version. Where only the sources have changed: BLESS=1 cargo test -p avow-tests --test golden"
    );
}

#[test]
fn the_compiler_writes_the_bundles_of_version_1() {
    check("server.avow");
    check("browser.avow");
    check("operators.avow");
}

#[test]
fn patches_requests_and_answers_are_the_bytes_of_version_1() {
    check("residents.patch");
    check("cases.json");
}

#[test]
fn the_engine_and_the_guest_answer_what_version_1_asked() {
    let files = golden();
    let cases: Value = serde_json::from_slice(&files["cases.json"]).unwrap();
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let mut asked = 0;
    for case in cases.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let (name, bytes) = (text("name"), &files[text("bundle")]);
        let mut engine = Engine::new(Bundle::load(bytes.clone()).unwrap());
        let mut patch: &[u8] = &[];
        if case["residents"] == true {
            patch = &files["residents.patch"];
            engine.patch(patch).unwrap();
        }
        let mut guest = sandbox.guest(bytes, patch).unwrap();
        let request = unhex(text("request"));
        assert_eq!(hex(engine.decide(&request)), text("answer"), "{name}");
        assert_eq!(
            hex(guest.decide(&request).unwrap()),
            text("answer"),
            "{name}"
        );
        if let Some(explained) = case["explained"].as_str() {
            assert_eq!(hex(engine.explain(&request)), explained, "{name}");
            assert_eq!(hex(guest.explain(&request).unwrap()), explained, "{name}");
        }
        asked += 1;
    }
    assert!(asked >= 15, "{asked}");
}

#[test]
fn every_operation_and_every_function_stands_in_the_golden_bundles() {
    let (mut operations, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for name in ["server.avow", "operators.avow"] {
        for instruction in section(&golden()[name], layout::CODE).chunks(INSTRUCTION_BYTES) {
            operations.insert(instruction[0]);
            if instruction[0] == Op::Call as u8 {
                functions.insert(instruction[1]);
            }
        }
    }
    let all = |last: u8| (0..=last).collect::<BTreeSet<u8>>();
    assert_eq!(operations, all(Op::Still as u8));
    assert_eq!(functions, all(Function::ALL.len() as u8 - 1));
}

/// What somebody writes who looks up no number in any bundle: each name and uid as the request's own, and no tag.
#[test]
fn a_request_that_names_all_by_itself_gets_the_same_answer() {
    let bundle = || Bundle::load(golden()["server.avow"].clone()).unwrap();
    for resident in [false, true] {
        let mut engine = Engine::new(bundle());
        if resident {
            engine.patch(&golden()["residents.patch"]).unwrap();
        }
        for (user, action) in [
            ("ada", "view"),
            ("ada", "change"),
            ("zed", "view"),
            ("ada", "store"),
        ] {
            let mut tagged = RequestBuilder::new(engine.bundle());
            let mut plain = BlockWriter::new();
            if !resident {
                for (of, id, row) in people() {
                    tagged.entity(of, id, row.clone());
                    plain.entity(of, id, row);
                }
            }
            let uids = [
                ("Shop::User", user),
                ("Shop::Action", action),
                ("Shop::Order", "o1"),
            ];
            for (of, id) in uids {
                plain.mention(of, id);
            }
            for (name, value) in context() {
                plain.root(Some(&name), value);
            }
            let block = plain.finish(None);
            let mut words = vec![0, 0];
            words.extend(uids.map(|(of, id)| OWN | block.uid(of, id).unwrap()));
            let plain = [&request::MAGIC[..], &bytes(&words), &block.bytes].concat();
            let tagged = tagged.finish(uids[0], uids[1], uids[2], context());
            let answer = hex(engine.decide(&tagged));
            assert_eq!(hex(engine.decide(&plain)), answer, "{user} {action}");
        }
    }
}

/// The bytes that `docs/abi.md` shows, in its order: what a line begins with that is hexadecimal.
fn shown() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(root().join("docs/abi.md")).unwrap();
    let is_hex = |word: &&str| {
        word.len().is_multiple_of(2) && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let blocks = text.split("```").skip(1).step_by(2);
    let bytes_of = |block: &str| {
        let words = block
            .lines()
            .flat_map(|line| line.split_whitespace().take_while(is_hex));
        unhex(&words.collect::<String>())
    };
    blocks.map(bytes_of).collect()
}

#[test]
fn the_examples_of_the_interface_are_what_the_engine_takes_and_gives() {
    let bundle = avow_tests::unvalidated(
        r#"permit (principal == User::"a", action, resource) when { context.n < 3 };"#,
    );
    let mut engine = Engine::new(Bundle::load(bundle).unwrap());
    let [request, answer, patch, patched] = shown().try_into().unwrap();
    assert_eq!(hex(engine.decide(&request)), hex(&answer));
    engine.patch(&patch).unwrap();
    let mut words = vec![0, engine.version(), engine.cells()];
    words.extend(engine.own());
    assert_eq!(hex(&bytes(&words)), hex(&patched));
}

// ---- what is asked -----------------------------------------------------------------------------------------------

fn text(text: &str) -> Cell {
    Cell::Str(text.into())
}

fn entity(of: &str, id: &str) -> Cell {
    Cell::Entity(of.into(), id.into())
}

fn record<const N: usize>(fields: [(&str, Cell); N]) -> BTreeMap<String, Cell> {
    fields
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn parents<const N: usize>(uids: [(&str, &str); N]) -> BTreeSet<(String, String)> {
    uids.map(|(of, id)| (of.into(), id.into())).into()
}

fn context() -> BTreeMap<String, Cell> {
    record([
        ("now", Cell::Datetime(NOW)),
        ("tenant", entity("Shop::Tenant", "north")),
    ])
}

/// A customer's own: a team within a team, two users, an order.
fn people() -> Vec<(&'static str, &'static str, EntityRow)> {
    let north = entity("Shop::Tenant", "north");
    let line =
        |name, count| Cell::Record(record([("name", text(name)), ("count", Cell::Long(count))]));
    let user = |level, team| EntityRow {
        attrs: record([
            ("tenant", north.clone()),
            ("level", Cell::Long(level)),
            ("address", Cell::Ip(parse_ip(b"2001:db8::1/64").unwrap())),
        ]),
        tags: record([("desk", Cell::Set(vec![text("b"), text("a")]))]),
        parents: parents([("Shop::Team", team)]),
    };
    let order = EntityRow {
        attrs: record([
            ("tenant", north.clone()),
            ("state", entity("Shop::State", "open")),
            ("total", Cell::Decimal(995_000 - 1)),
            ("placed", Cell::Datetime(NOW - DAY)),
            ("expires", Cell::Datetime(NOW + DAY)),
            ("lines", Cell::Set(vec![line("tea", 2), line("ink", 1)])),
        ]),
        ..EntityRow::default()
    };
    let team = EntityRow {
        parents: parents([("Shop::Team", "staff")]),
        ..EntityRow::default()
    };
    vec![
        ("Shop::Team", "night", team),
        ("Shop::User", "ada", user(3, "night")),
        ("Shop::User", "bob", user(1, "nobody")),
        ("Shop::Order", "o1", order),
    ]
}

fn residents(bundle: &[u8]) -> Vec<u8> {
    let bundle = Bundle::load(bundle.to_vec()).unwrap();
    let mut patch = PatchBuilder::new(&bundle);
    for (of, id, row) in people() {
        patch.put(of, id, row);
    }
    patch.remove("Shop::User", "gone");
    patch.finish(0)
}

/// Everything that is asked, in words and in bytes.
fn cases(files: &Files) -> Value {
    let mut all = Vec::new();
    let mut engine = Engine::new(Bundle::load(files["server.avow"].clone()).unwrap());
    let shop = |engine: &Engine, user: &str, action: &str, rows, context| {
        let mut request = RequestBuilder::new(engine.bundle());
        for (of, id, row) in rows {
            request.entity(of, id, row);
        }
        let action = ("Shop::Action", action);
        request.finish(("Shop::User", user), action, ("Shop::Order", "o1"), context)
    };
    let mut add = |name: &str, bundle: &str, engine: &mut Engine, request: &[u8]| {
        let answer = engine.decide(request).to_vec();
        let mut case = json!({
            "name": name,
            "bundle": bundle,
            "residents": engine.version() > 0,
            "outcome": Answer::read(&answer).unwrap().outcome().as_str(),
            "request": hex(request),
            "answer": hex(&answer),
        });
        // A trace is long, and one shows all kinds of steps.
        if name.starts_with("forbidden") {
            case["explained"] = hex(engine.explain(request)).into();
        }
        all.push(case);
    };
    let server = "server.avow";
    let north = context();
    let mut south = north.clone();
    south.insert("tenant".into(), entity("Shop::Tenant", "south"));
    let bare = vec![("Shop::Order", "o1", EntityRow::default())];
    let settings = vec![("Shop::Settings", "pack", EntityRow::default())];

    let view = shop(&engine, "ada", "view", people(), north.clone());
    add(
        "allowed to a team, until the order expires",
        server,
        &mut engine,
        &view,
    );
    let request = shop(&engine, "bob", "view", people(), north.clone());
    add("nothing permits it", server, &mut engine, &request);
    let request = shop(&engine, "ada", "view", people(), south);
    add("forbidden across tenants", server, &mut engine, &request);
    let request = shop(&engine, "ada", "view", bare, north.clone());
    add(
        "a forbid fails: nobody described the user",
        server,
        &mut engine,
        &request,
    );
    let request = shop(&engine, "ada", "store", people(), north.clone());
    add("refused: not in the schema", server, &mut engine, &request);
    let request = shop(&engine, "ada", "view", settings, north.clone());
    add(
        "refused: the bundle describes it",
        server,
        &mut engine,
        &request,
    );
    add(
        "refused: cut short",
        server,
        &mut engine,
        &view[..view.len() - 1],
    );
    let mut stale = view.clone();
    stale[4] ^= 2;
    add("refused: another bundle's tag", server, &mut engine, &stale);
    for (name, bundle) in [
        ("a cookie", server),
        ("a cookie, in the browser", "browser.avow"),
    ] {
        let mut engine = Engine::new(Bundle::load(files[bundle].clone()).unwrap());
        let choice = Cell::Record(record([
            ("at", Cell::Datetime(NOW - DAY)),
            (
                "granted",
                Cell::Set(vec![entity("Avow::Purpose", "statistics")]),
            ),
        ]));
        let store = RequestBuilder::new(engine.bundle()).finish(
            ("Avow::Visitor", "visitor"),
            ("Shop::Action", "store"),
            ("Avow::Storage", "count"),
            record([("now", Cell::Datetime(NOW)), ("choice", choice)]),
        );
        add(name, bundle, &mut engine, &store);
    }

    engine.patch(&files["residents.patch"]).unwrap();
    let request = shop(&engine, "ada", "change", vec![], north.clone());
    add("ids alone, of residents", server, &mut engine, &request);
    engine = Engine::new(Bundle::load(files[server].clone()).unwrap());
    engine.patch(&files["residents.patch"]).unwrap();
    let request = by_number(&engine);
    add("residents by their numbers", server, &mut engine, &request);
    let mut fresh = Engine::new(Bundle::load(files[server].clone()).unwrap());
    add(
        "refused: the residents have another version",
        server,
        &mut fresh,
        &request,
    );
    let request = shop(&engine, "ada", "view", people(), north);
    add(
        "refused: a resident is described again",
        server,
        &mut engine,
        &request,
    );

    let operators = "operators.avow";
    let mut engine = Engine::new(Bundle::load(files[operators].clone()).unwrap());
    for (name, n) in [("every operator", 3), ("every operator, otherwise", -7)] {
        let request = every_operator(&engine, n);
        add(name, operators, &mut engine, &request);
    }
    Value::Array(all)
}

/// A request that names the order by the number that the patch just taken gave it, all else by the bundle's numbers.
fn by_number(engine: &Engine) -> Vec<u8> {
    let mut patch = BlockWriter::new();
    for (of, id, row) in people() {
        patch.entity(of, id, row);
    }
    patch.mention("Shop::User", "gone");
    let patch = patch.finish(Some(engine.bundle()));
    let order = engine.own()[patch.uid("Shop::Order", "o1").unwrap() as usize];
    // A rule names the user, so the bundle has a number for her.
    let asked = [("Shop::User", "ada"), ("Shop::Action", "view")];
    let probe = RequestBuilder::new(engine.bundle());
    let probe = probe.finish(asked[0], asked[1], ("Shop::Order", "o1"), BTreeMap::new());
    let mut context = BlockWriter::new();
    // The tenant is a resident's too, and named here as the request's own.
    for (name, value) in self::context() {
        context.root(Some(&name), value);
    }
    let words = bytes(&[engine.bundle().tag(), engine.version()]);
    let block = context.finish(Some(engine.bundle())).bytes;
    [
        &request::MAGIC[..],
        &words,
        &probe[12..20],
        &bytes(&[order]),
        &block,
    ]
    .concat()
}

fn every_operator(engine: &Engine, n: i64) -> Vec<u8> {
    let mut request = RequestBuilder::new(engine.bundle());
    let user = EntityRow {
        tags: record([("k", Cell::Long(1))]),
        parents: parents([("Group", "all")]),
        ..EntityRow::default()
    };
    request.entity("User", "u", user);
    let words = ["a", "b"].map(text).into();
    request.finish(
        ("User", "u"),
        ("Action", "view"),
        ("Doc", "d"),
        record([
            ("n", Cell::Long(n)),
            ("words", Cell::Set(words)),
            ("word", text("abc")),
            ("flag", Cell::Bool(n > 0)),
            ("choice", Cell::Record(record([("at", Cell::Long(1))]))),
            ("d", text("1.25")),
            ("ip", text("10.1.2.3")),
            ("span", text("1d")),
            ("date", text("2026-01-02")),
            ("now", Cell::Datetime(NOW + 1)),
        ]),
    )
}

// ---- bytes -------------------------------------------------------------------------------------------------------

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// The bytes of a section.
fn section(bundle: &[u8], id: u16) -> &[u8] {
    let word = |at: usize| u32::from_le_bytes(bundle[at..at + 4].try_into().unwrap()) as usize;
    let row = (0..word(layout::SECTIONS_AT))
        .map(|row| layout::HEADER_BYTES + row * layout::SECTION_BYTES)
        .find(|row| word(*row) & 0xffff == usize::from(id))
        .unwrap();
    &bundle[word(row + 4)..][..word(row + 8)]
}
