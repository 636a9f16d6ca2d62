//! Reports of a whole pack: what has to be there, that links lead somewhere, and that hostile text stays text.
#![allow(
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "a test has a disk to read a pack from, and fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{Input, Report, coverage_html, gather, html, markdown};
use crate::{
    Files, Target,
    cases::{self, Runner},
    compile, coverage,
};

/// The pack `opsyn` with what it takes from `base`.
fn files() -> Files {
    fn walk(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else if !name.ends_with(".md") && name != "../base/avow.toml" {
                files.insert(name, fs::read_to_string(&path).expect("it is text"));
            }
        }
    }
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut files = Files::new();
    walk(&policies.join("opsyn"), "", &mut files);
    walk(&policies.join("base"), "../base/", &mut files);
    files
}

fn report() -> Report {
    let files = files();
    let compiled = compile(&files).expect("the pack compiles");
    let bundle = avow_engine::Bundle::load(compiled.bundle(Target::Server)).expect("it loads");
    let offer = bundle.meta("offer").expect("an offer").to_owned();
    let cases = cases::read(&files, &offer).expect("the cases are read");
    let mut runner = Runner::new(bundle);
    let ran: Vec<_> = cases.iter().map(|case| runner.run(case)).collect();
    let coverage = coverage::measure(&files, &compiled, &cases).expect("it is measured");
    gather(&Input {
        files: &files,
        compiled: &compiled,
        cases: &cases,
        ran: &ran,
        coverage: &coverage,
        tool: "9.8.7",
        date: "2026-03-01",
    })
}

/// Walks the tags of a page: whether each is closed where it should be; the ids, the links and the levels of headings.
#[derive(Default)]
struct Walked {
    ids: Vec<String>,
    links: Vec<String>,
    headings: Vec<u32>,
    tags: BTreeSet<String>,
}

#[track_caller]
fn walk(page: &str) -> Walked {
    let mut walked = Walked::default();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("the tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop(),
                Some(name),
                "closed at {}",
                &rest[..80.min(rest.len())]
            );
            continue;
        }
        let name = tag.split([' ', '\n']).next().expect("a name");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "<{tag}>");
        walked.tags.insert(name.to_owned());
        for (key, to) in [(" id=\"", &mut walked.ids), (" href=\"", &mut walked.links)] {
            if let Some(at) = tag.find(key) {
                let value = tag[at + key.len()..].split('"').next();
                to.push(value.expect("a value").to_owned());
            }
        }
        if let Some(level) = name.strip_prefix('h').and_then(|level| level.parse().ok()) {
            walked.headings.push(level);
        }
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("the style ends")..];
        }
        if !["meta", "br"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    walked
}

#[track_caller]
fn sound(page: &str) -> Walked {
    let walked = walk(page);
    let ids: BTreeSet<&String> = walked.ids.iter().collect();
    assert_eq!(ids.len(), walked.ids.len(), "an id is there twice");
    for link in &walked.links {
        let target = link.strip_prefix('#').expect("a link within the page");
        assert!(ids.contains(&target.to_owned()), "{link} leads nowhere");
    }
    assert_eq!(walked.headings.first(), Some(&1));
    for pair in walked.headings.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "a level of headings is left out");
    }
    for foreign in ["script", "link", "img", "iframe", "form", "base", "object"] {
        assert!(!walked.tags.contains(foreign), "<{foreign}>");
    }
    let style = page.find("<style>").zip(page.find("</style>"));
    let (from, to) = style.expect("a style");
    let style = &page[from..to];
    for foreign in ["url(", "@import", "http"] {
        assert!(!style.contains(foreign), "the style has {foreign}");
    }
    walked
}

#[test]
fn every_promise_rule_and_case_is_there_once_and_links_lead_somewhere() {
    let report = report();
    for page in [html(&report), coverage_html(&report)] {
        let walked = sound(&page);
        let mut expected = BTreeSet::new();
        expected.extend(
            report
                .promises
                .iter()
                .map(|of| format!("promise-{}", of.promise.id)),
        );
        expected.extend(report.rules.iter().map(|of| format!("rule-{}", of.id)));
        expected.extend(report.cases.iter().map(|of| format!("case-{}", of.number)));
        let found = walked.ids.iter().cloned().collect();
        assert_eq!(expected.difference(&found).next(), None);
        for link in ["promise-opsyn-cookies-2", "rule-analytics-load", "case-1"] {
            assert!(
                walked.links.contains(&format!("#{link}")),
                "nothing leads to {link}"
            );
        }
    }
}

#[test]
fn the_head_says_from_what_the_report_was_made() {
    let report = report();
    assert_eq!(report.bundle.len(), 64);
    for text in [html(&report), markdown(&report)] {
        let sha256 = "bbbf806b383af1b0108c6b9e2e815259ebaa41ca07b9cefbfd0cab5a8b5326df";
        for fact in [
            sha256,
            &report.bundle,
            "2026-03-01",
            "avow 9.8.7",
            "opsyn 0.1.0",
            "OpSyn Ltd",
            "undated",
        ] {
            assert!(text.contains(fact), "{fact}");
        }
    }
}

#[test]
fn promises_are_counted_by_who_keeps_them() {
    let report = report();
    let mut counted = BTreeMap::new();
    for entry in &report.promises {
        *counted
            .entry(super::words::kept_by(entry.promise.kept_by))
            .or_insert(0) += 1;
    }
    assert_eq!(report.kept.len(), 4);
    for row in &report.kept {
        let name = super::words::kept_by(row.kept_by);
        assert_eq!(counted.get(name), Some(&row.promises), "{name}");
        assert_eq!(row.failing, 0);
    }
    let json = serde_json::to_value(&report).expect("it is JSON");
    assert_eq!(json["kept"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["promises"][0]["kept_by"], "rule");
    let page = html(&report);
    assert!(!page.contains('%') || !page[page.find("</style>").unwrap_or(0)..].contains('%'));
}

#[test]
fn a_rule_of_a_chapter_is_marked_and_its_source_is_there() {
    let page = html(&report());
    assert!(page.contains("base chapter"));
    assert!(page.contains("../base/isolation.cedar</code>"));
    assert!(
        !page.contains("../base/children.cedar"),
        "no promise takes it"
    );
    assert!(page.contains("resource.tenant != context.tenant"));
}

#[test]
fn the_page_of_coverage_leaves_out_what_no_test_has_a_say_in() {
    let report = report();
    let (whole, part) = (html(&report), coverage_html(&report));
    for heading in ["id=\"catalogue\"", "id=\"settings\"", "id=\"organisation\""] {
        assert!(whole.contains(heading), "{heading}");
        assert!(!part.contains(heading), "{heading}");
    }
    assert!(part.contains("id=\"source\""));
}

#[test]
fn a_case_that_fails_is_seen_at_its_promise_and_in_the_summary() {
    let mut report = report();
    let case = report.cases.first_mut().expect("a case");
    case.passed = false;
    case.differences = vec!["outcome: expected allow, found forbidden".to_owned()];
    report.seen.failed = 1;
    report.seen.passed -= 1;
    let page = html(&report);
    sound(&page);
    assert!(page.contains("1 case does not give what it expects."));
    assert!(page.contains("<span class=\"failed\">1 failed</span>"));
    assert!(page.contains("<li>outcome: expected allow, found forbidden</li>"));
    assert!(!page.contains("Every case gives what it expects"));
    assert!(markdown(&report).contains("**failed**; outcome: expected allow, found forbidden"));
}

#[test]
fn what_no_case_has_seen_is_said_in_words_and_marked() {
    let mut report = report();
    let rule = report
        .rules
        .iter_mut()
        .find(|rule| !rule.branches.is_empty());
    let rule = rule.expect("a rule with a condition");
    let id = rule.id.clone();
    let branch = rule.branches.first_mut().expect("a branch");
    (branch.seen_true, branch.seen_false) = (0, 0);
    (branch.never_true, branch.never_false) = (None, None);
    rule.cases.clear();
    let page = html(&report);
    sound(&page);
    assert!(page.contains("was never reached</li>"), "{id}");
    assert!(page.contains("<li>it determined no answer</li>"));
    assert!(page.contains("<span class=\"never\" title=\""));
    assert!(page.contains("<span class=\"ln never\""));
    assert!(markdown(&report).contains("- Not seen: it determined no answer"));
}

/// Text that would break out of wherever it is put.
const HOSTILE: &str =
    "</code></style><script>alert(1)</script>\"'`|&amp; ]( # <a href=\"http://x\">\u{202e}\n```\n";

fn hostile() -> Report {
    let mut report = report();
    let texts = [
        &mut report.title,
        &mut report.operator,
        &mut report.version,
        &mut report.policy_date,
        &mut report.policy_sha256,
        &mut report.date,
        &mut report.tool,
        &mut report.pack,
    ];
    for text in texts {
        HOSTILE.clone_into(text);
    }
    "\" onload=\"x".clone_into(&mut report.language);
    for entry in &mut report.promises {
        let promise = &mut entry.promise;
        for text in [
            &mut promise.section,
            &mut promise.kind,
            &mut promise.basis,
            &mut promise.promise,
        ] {
            HOSTILE.clone_into(text);
        }
        promise.reading = Some(HOSTILE.to_owned());
        promise.attested_by = Some(HOSTILE.to_owned());
        promise.mechanism = Some(HOSTILE.to_owned());
        entry.gaps = vec![HOSTILE.to_owned()];
    }
    for case in &mut report.cases {
        for text in [
            &mut case.name,
            &mut case.file,
            &mut case.request,
            &mut case.circumstances,
            &mut case.expected,
        ] {
            HOSTILE.clone_into(text);
        }
        case.passed = false;
        case.obligations = vec![HOSTILE.to_owned()];
        case.rules.push(HOSTILE.to_owned());
        case.differences = vec![HOSTILE.to_owned()];
        case.clauses.push(HOSTILE.to_owned());
    }
    for rule in &mut report.rules {
        rule.clauses.push(HOSTILE.to_owned());
        HOSTILE.clone_into(&mut rule.text);
        for branch in &mut rule.branches {
            HOSTILE.clone_into(&mut branch.text);
            branch.never_true = Some(HOSTILE.to_owned());
        }
    }
    for source in &mut report.sources {
        source.text.insert_str(0, &format!("// {HOSTILE}"));
        source.text.push_str(HOSTILE);
    }
    for table in &mut report.catalogue {
        table
            .rows
            .iter_mut()
            .flatten()
            .for_each(|cell| HOSTILE.clone_into(cell));
    }
    report
        .settings
        .push((HOSTILE.to_owned(), HOSTILE.to_owned()));
    report
}

#[test]
fn hostile_text_stays_text() {
    let report = hostile();
    for page in [html(&report), coverage_html(&report)] {
        sound(&page);
        assert!(!page.contains("<script"));
        assert!(!page.contains("onload=\"x"));
        assert!(!page.contains("href=\"http"));
        assert!(!page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
}

/// Fences are closed, rows have the columns of their table, and links lead somewhere.
#[track_caller]
fn well_formed(text: &str) {
    let mut fence: Option<String> = None;
    let mut columns = None;
    let mut ids = BTreeSet::new();
    let mut links = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        if let Some(open) = &fence {
            if ticks == *open && line.len() == open.len() {
                fence = None;
            }
            continue;
        }
        if ticks.len() >= 3 {
            fence = Some(ticks);
            continue;
        }
        let bars = line.replace("\\|", "").matches('|').count();
        columns = match (line.starts_with('|'), columns) {
            (false, _) => None,
            (true, None) => Some(bars),
            (true, Some(columns)) => {
                assert_eq!(bars, columns, "line {}: {line}", number + 1);
                Some(columns)
            }
        };
        for part in line.split("<a id=\"").skip(1) {
            let id = part.split('"').next().expect("an id");
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
        }
        for part in line.split("](#").skip(1) {
            links.push(part.split(')').next().expect("a link").to_owned());
        }
        let raw = line.replace("\\<", "");
        for part in raw.split('<').skip(1) {
            let ours = ["a id=\"", "/a>", "code>", "/code>", "br>"];
            assert!(
                ours.iter().any(|tag| part.starts_with(tag)),
                "line {}: <{part}",
                number + 1
            );
        }
    }
    assert_eq!(fence, None, "a fence is left open");
    for link in links {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
}

#[test]
fn markdown_is_well_formed_and_complete() {
    let report = report();
    let text = markdown(&report);
    well_formed(&text);
    for entry in &report.promises {
        let heading = format!("### <a id=\"promise-{0}\"></a>{0}\n", entry.promise.id);
        assert!(text.contains(&heading), "{heading}");
    }
    for rule in &report.rules {
        assert!(text.contains(&format!("<a id=\"rule-{}\">", rule.id)));
    }
    for case in &report.cases {
        assert!(
            text.contains(&format!("</a>{} | ", case.number)),
            "{}",
            case.name
        );
    }
    well_formed(&markdown(&hostile()));
}
