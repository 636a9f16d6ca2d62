//! Each thing that can be wrong with a file of cases, as it is shown.

use avow_engine::Bundle;

use super::{Case, Checked, Runner, check as check_cases, read};
use crate::{Compiled, Files, Severity, Target, compile, render};

const MANIFEST: &str = r#"
[pack]
name = "shop"
title = "Shop"
namespace = "Shop"
version = "1"
"#;

const SCHEMA: &str = r#"
namespace Avow {
  action access;
}
namespace Shop {
  type Ask = { at: datetime, why: Set<String> };
  entity Tenant;
  entity Region enum ["north", "south"];
  entity User = { tenant: Tenant, role: String, home?: Region };
  entity Order in [Tenant] = { tenant: Tenant, closes: datetime };
  action read in Avow::Action::"access"
    appliesTo { principal: [User], resource: [Order], context: { now: datetime, ask?: Ask, from?: Region } };
  action change in Avow::Action::"access"
    appliesTo { principal: [User], resource: [Order], context: { now: datetime } };
}
"#;

const RULES: &str = r#"
@id("read-own") @clause("reading") @obligation("log")
permit (principal, action == Shop::Action::"read", resource)
when { principal.tenant == resource.tenant && context.now < resource.closes };

@id("change-own") @clause("changing")
permit (principal, action == Shop::Action::"change", resource)
when { principal.tenant == resource.tenant };
"#;

const SHARED: &str = r#"
defaults: { now: 2026-01-01T00:00:00Z }
entities:
  ada: { uid: 'User::"ada"', attrs: { tenant: acme, role: admin } }
  order: { uid: 'Order::"o1"', attrs: { tenant: acme, closes: 2026-02-01T00:00:00Z } }
use: [ada, order]
cases:
"#;

const ASKS: &str = r#"    principal: User::"ada"
    action: read
    resource: Order::"o1"
"#;

fn pack(yaml: &str) -> (Files, Compiled, Bundle) {
    let files = Files::from([
        ("avow.toml".to_owned(), MANIFEST.to_owned()),
        ("catalogue.toml".to_owned(), String::new()),
        ("shop.cedarschema".to_owned(), SCHEMA.to_owned()),
        ("shop.cedar".to_owned(), RULES.to_owned()),
        ("tests/cases.yaml".to_owned(), yaml.to_owned()),
    ]);
    let compiled = compile(&files).unwrap_or_else(|findings| {
        let shown: Vec<_> = findings
            .iter()
            .map(|finding| render(finding, &files, false))
            .collect();
        panic!("{}", shown.join("\n"));
    });
    let bundle = Bundle::load(compiled.bundle(Target::Server)).unwrap();
    (files, compiled, bundle)
}

fn checked(yaml: &str) -> (Files, Checked) {
    let (files, compiled, bundle) = pack(yaml);
    let checked = check_cases(&files, &compiled, &bundle);
    (files, checked)
}

/// The one finding of a file, as it is shown but for its path and frame: place, message, what the carets are under, help.
#[track_caller]
fn check(yaml: &str, expected: &str) {
    let (files, checked) = checked(yaml);
    let shown: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| {
            let span = finding.span.clone().expect("a place");
            let text = &files[&finding.file][span];
            let help = finding.help.as_ref().map(|help| format!(" ({help})"));
            // What is computed for machines is what is drawn for people.
            let drawn = render(finding, &files, false);
            let place = format!("{}:{}", finding.line.unwrap(), finding.column.unwrap());
            assert!(
                drawn.contains(&format!("tests/cases.yaml:{place}")),
                "{drawn}"
            );
            assert!(drawn.contains("^"), "{drawn}");
            format!(
                "{place} {}: {} <{text}>{}",
                finding.code,
                finding.message,
                help.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(shown.join("\n"), expected);
}

/// A file with the shared part, and a case with this in it after what it asks. Its first line is the file's 11th.
#[track_caller]
fn check_case(lines: &str, expected: &str) {
    check(&format!("{SHARED}  - name: one\n{ASKS}{lines}"), expected);
}

/// A case whose request is changed in this.
#[track_caller]
fn check_with(from: &str, to: &str, expected: &str) {
    let whole = format!("{SHARED}  - name: one\n{ASKS}    expect: allow\n");
    let changed = whole.replacen(from, to, 1);
    assert_ne!(whole, changed, "the change changes something");
    check(&changed, expected);
}

#[track_caller]
fn run(lines: &str) -> Vec<(Case, Vec<&'static str>)> {
    let (files, compiled, bundle) = pack(&format!("{SHARED}  - name: one\n{ASKS}{lines}"));
    let checked = check_cases(&files, &compiled, &bundle);
    assert_eq!(checked.findings, []);
    let mut runner = Runner::new(bundle);
    let ran = checked.cases.into_iter().map(|case| {
        let ran = runner.run(&case);
        let fields = ran.differences.iter().map(|difference| difference.field);
        (case, fields.collect())
    });
    ran.collect()
}

#[test]
fn keys_that_there_are_none_of() {
    check(
        "casse: []\n",
        "1:1 case: a file of cases has no key `casse` <casse> (did you mean `cases`?)\n1:1 case: the file has no list `cases` <>",
    );
    check_case(
        "    expect: allow\n    claused: []\n",
        "13:5 case: a case has no key `claused` <claused> (did you mean `clauses`?)",
    );
    check_case(
        "    expect: { outcome: allow, rule: [] }\n",
        "12:31 case: `expect` has no key `rule` <rule> (did you mean `rules`?)",
    );
    check_case(
        "    expect: allow\n    vary:\n      - { contxt.from: north }\n",
        "14:11 case: `contxt.from` leads nowhere: a case has no `contxt` <contxt.from> (did you mean `context`?)",
    );
    check_with(
        "defaults: {",
        "defaults: { tenannt: acme,",
        "2:13 case: `defaults` has no key `tenannt` <tenannt> (did you mean `tenant`?)",
    );
}

#[test]
fn names_that_the_pack_does_not_declare() {
    check_case(
        "    expect: { outcome: allow, rules: [read-owm], clauses: [readin], obligations: [lock] }\n    clauses: [changin]\n",
        "12:39 case-unknown: the pack has no rule `read-owm` <read-owm> (did you mean `read-own`?)\n\
         12:60 case-unknown: the pack has no clause `readin` <readin> (did you mean `reading`?)\n\
         12:83 case-unknown: the pack has no obligation `lock` <lock> (there are `log`)\n\
         13:15 case-unknown: the pack has no clause `changin` <changin> (did you mean `changing`?)",
    );
    check_case(
        "    expect: alow\n",
        "12:13 case: `alow` is no outcome <alow> (did you mean `allow`?)",
    );
    check_case(
        "    expect: allow\n    use: [adda]\n",
        "13:11 case: `use` names `adda`, which is not among the file's entities <adda> (did you mean `ada`?)",
    );
    check_case(
        "    expect: allow\n    context: [ask]\n",
        "13:15 case: `context` names `ask`, which is not among the file's contexts <ask>",
    );
}

#[test]
fn requests_that_the_schema_does_not_take() {
    check_with(
        "action: read",
        "action: reed",
        "10:13 case-refused: action: the schema declares no action `reed` <reed> (did you mean `read`?)",
    );
    check_with(
        "principal: User",
        "principal: Usr",
        "9:16 case-refused: principal: the schema declares no entity type `Usr` <Usr::\"ada\"> (did you mean `User`?)",
    );
    check_with(
        "principal: User",
        "principal: Order",
        "9:16 case-refused: principal: action `read` takes no principal of type `Shop::Order`; it takes `Shop::User` <Order::\"ada\">",
    );
    check_with(
        "role: admin",
        "rolle: admin",
        "4:53 case-refused: entities.ada.attrs.rolle: the schema declares no such attribute <rolle> (did you mean `role`?)",
    );
    check_with(
        "role: admin",
        "role: [admin]",
        "4:59 case-refused: entities.ada.attrs.role: expected a string, found a list <[admin]>",
    );
    check_with(
        ", role: admin",
        "",
        "4:30 case-refused: entities.ada.attrs.role: the required attribute is missing <attrs>",
    );
    check_with(
        "role: admin",
        "role: admin, home: nort",
        "4:72 case-refused: entities.ada.attrs.home: `Shop::Region` has no `nort` <nort> (did you mean `north`?)",
    );
    check_with(
        "closes: 2026-02-01",
        "closes: 2026-02-31",
        "5:63 case-refused: entities.order.attrs.closes: `2026-02-31T00:00:00Z` is no datetime; one looks like `2026-01-31T12:00:00Z` <2026-02-31T00:00:00Z>",
    );
    check_with(
        "attrs: { tenant: acme, closes",
        "atrs: { tenant: acme, closes",
        "5:32 case-refused: entities.order.atrs: unknown key; there are `uid`, `attrs`, `parents`, `tags` <atrs> (did you mean `attrs`?)",
    );
    check_case(
        "    expect: allow\n    context: { ask: { at: 2026-01-01, whi: [] } }\n",
        "13:39 case-refused: context.ask.whi: the schema declares no such attribute <whi> (did you mean `why`?)",
    );
    check_case(
        "    expect: allow\n    context: { ask: { at: 2026-01-01, why: [a, 1] } }\n",
        "13:48 case-refused: context.ask.why[1]: expected a string, found an integer <1>",
    );
}

#[test]
fn a_row_is_shown_where_it_says_what_is_wrong() {
    check_case(
        "    expect: allow\n    vary:\n      - {}\n      - { context.form: north }\n",
        "15:11 case-refused: context.form: the schema declares no such attribute <context.form> (did you mean `from`?)",
    );
    check_case(
        "    expect: allow\n    vary:\n      - { context.from: null }\n",
        "14:11 case: `context.from` leads nowhere: there is no `context` to take out <context.from>",
    );
    check_case(
        "    expect: allow\n    vary:\n      - { principal.id: ada }\n",
        "14:11 case: `principal.id` leads nowhere: `principal` is a string <principal.id>",
    );
    check_case(
        "    vary:\n      - { expect: allow }\n      - { now: 2026-01-02 }\n",
        "14:9 case: the case expects nothing <{ now: 2026-01-02 }> (add `expect: allow`, or what else should come out)",
    );
    check_case(
        "    expect: allow\n    vary: []\n",
        "13:5 case: `vary` has no row: the case is never run <vary>",
    );
}

#[test]
fn a_case_without_expectation_and_one_that_is_there_twice() {
    check_case(
        "",
        "8:11 case: the case expects nothing <one> (add `expect: allow`, or what else should come out)",
    );
    check_case(
        &format!("    expect: allow\n  - name: one\n{ASKS}    expect: allow\n"),
        "13:11 case-duplicate: another case is called `one` <one> (the first one is on line 8)",
    );
}

#[test]
fn instants_that_are_none() {
    check_case(
        "    expect: allow\n    now: yesterday\n",
        "13:10 case: `now`: `yesterday` is no datetime <yesterday> (one looks like `2026-03-01T09:00:00Z`)",
    );
    check_case(
        "    expect: { outcome: allow, until: 7 }\n",
        "12:38 case: `until` is a datetime, not an integer <7> (one looks like `2026-03-01T09:00:00Z`, or `never` where the clock changes nothing, or `none` where nothing is promised)",
    );
}

#[test]
fn text_that_is_no_yaml() {
    let (_, checked) = checked("cases: [\n");
    let [finding] = checked.findings.as_slice() else {
        panic!("{:?}", checked.findings);
    };
    assert!(
        finding.message.starts_with("no YAML: "),
        "{}",
        finding.message
    );
    assert_eq!(finding.line, Some(1));
    assert_eq!(checked.cases.len(), 0);
}

#[test]
fn what_no_case_uses_is_a_warning() {
    let yaml = format!(
        "{}  - name: one\n{ASKS}    expect: allow\ncontexts: {{ south: {{ from: south }} }}\n",
        SHARED.replace("use: [", "  bob: { uid: 'User::\"bob\"' }\nuse: [")
    );
    let (_, checked) = checked(&yaml);
    let shown: Vec<_> = checked
        .findings
        .iter()
        .map(|f| f.message.as_str())
        .collect();
    assert_eq!(
        shown,
        [
            "no case uses the entity `bob`",
            "no case uses the context `south`"
        ]
    );
    assert!(
        checked
            .findings
            .iter()
            .all(|f| f.severity == Severity::Warning)
    );
    assert!(checked.is_sound());
    assert_eq!(checked.cases.len(), 1);
}

#[test]
fn a_request_that_is_refused_is_the_answer_where_the_case_expects_it() {
    let ran = run("    context: { form: north }\n    expect: refused\n");
    assert_eq!(ran[0].1, [""; 0]);
    let ran = run("    expect: refused\n");
    assert_eq!(ran[0].1, ["outcome"]);
}

#[test]
fn whatever_a_case_expects_is_compared() {
    let right = "outcome: allow, rules: [read-own], clauses: [reading], obligations: [log], until: 2026-02-01T00:00:00Z";
    assert_eq!(run(&format!("    expect: {{ {right} }}\n"))[0].1, [""; 0]);
    for (from, to, field) in [
        ("allow", "forbidden", "outcome"),
        ("[read-own]", "[]", "rules"),
        ("[reading]", "[changing, reading]", "clauses"),
        ("[log]", "[]", "obligations"),
        ("2026-02-01T", "2026-02-02T", "until"),
        ("2026-02-01T00:00:00Z", "never", "until"),
        ("2026-02-01T00:00:00Z", "none", "until"),
    ] {
        let wrong = right.replace(from, to);
        assert_ne!(right, wrong);
        assert_eq!(
            run(&format!("    expect: {{ {wrong} }}\n"))[0].1,
            [field],
            "{wrong}"
        );
    }
    let never = "    action: change\n    expect: { outcome: allow, until: never }\n";
    assert_eq!(
        run(&never
            .replacen("    action: change\n", "", 1)
            .replace("never }", "none }"))[0]
            .1,
        ["until"]
    );
}

#[test]
fn rows_reach_shared_entities_and_single_expectations() {
    let ran = run(
        "    expect: allow\n    vary:\n      - { entities.ada.attrs.tenant: bolt, expect.outcome: not_permitted }\n      - { expect.rules: [read-own] }\n",
    );
    assert_eq!(ran.len(), 2);
    for (case, differences) in &ran {
        assert_eq!(*differences, [""; 0], "{}", case.name);
    }
    assert_eq!((ran[0].0.line, ran[0].0.name.as_str()), (14, "one [row 1]"));
    assert_eq!((ran[1].0.line, ran[1].0.name.as_str()), (15, "one [row 2]"));
}

#[test]
fn contexts_are_shared_by_name_and_merged_key_by_key() {
    let yaml = format!(
        "{}  - name: one\n{ASKS}    context: [south, {{ ask: null }}]\n    expect: allow\n    vary:\n      - {{}}\n      - {{ context: south }}\n      - {{ context.from: north }}\n",
        SHARED.replace(
            "use: [",
            "contexts: { south: { from: south, ask: { at: 2026-01-01, why: [] } } }\nuse: ["
        )
    );
    let (_, checked) = checked(&yaml);
    assert_eq!(checked.findings, []);
    let contexts: Vec<_> = checked
        .cases
        .iter()
        .map(|case| serde_json::to_string(case.request.get("context").unwrap()).unwrap())
        .collect();
    assert_eq!(
        contexts,
        [
            r#"{"from":"south"}"#,
            r#"{"from":"south","ask":{"at":"2026-01-01","why":[]}}"#,
            r#"{"from":"north"}"#,
        ]
    );
}

#[test]
fn the_form_alone_needs_no_schema() {
    let yaml = format!(
        "{SHARED}  - name: one\n{ASKS}    clauses: [nowhere]\n    context: {{ form: 1 }}\n    expect: allow\n"
    );
    let files = Files::from([("tests/cases.yaml".to_owned(), yaml)]);
    assert_eq!(read(&files, "offer").unwrap().len(), 1);
    let files = Files::from([("tests/cases.yaml".to_owned(), "cases: [1]".to_owned())]);
    assert_eq!(
        read(&files, "offer").unwrap_err()[0].message,
        "a case is a map, not an integer"
    );
}
