//! What differs between two packs, two bundles, or one of each: what is in them, and which answers change.
//!
//! Both sides are compared as bundles, so what counts is what a rule decides, not how it is laid out in a file. Promises and
//! cases are in packs alone.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{Bundle, Effect, Engine, Entity, Verdict, explain::condition_of};
use serde::Serialize;

use crate::{Files, Finding, Promise, ask::Question, cases, cases::Case, notation};

/// One of the two.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    /// The whole bundle.
    pub bundle: &'a Bundle,
    /// The pack that it was made of, where it is at hand.
    pub pack: Option<(&'a Files, &'a [Promise])>,
}

/// What differs.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// Whether nothing does.
    pub same: bool,
    /// What was added, removed or changed: rules first, then clauses, promises, settings, catalogue, manifest.
    pub entries: Vec<Entry>,
    /// Cases whose answer changes.
    pub cases: Vec<CaseChange>,
    /// How many cases were asked on both sides.
    pub asked: usize,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Something that is on one side only, or differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `rule`, `clause`, `promise`, `setting`, `catalogue` or `manifest`.
    pub kind: &'static str,
    /// Its name.
    pub id: String,
    /// What became of it.
    pub change: Change,
    /// `file:line` in the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_place: Option<String>,
    /// `file:line` in the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_place: Option<String>,
    /// What differs of it; of what was added or removed, all that it is.
    pub fields: Vec<Field>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the new one has it.
    Added,
    /// Only the old one has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// A part of something, before and after; none where it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// In the old one.
    pub old: Option<String>,
    /// In the new one.
    pub new: Option<String>,
}

/// A case whose answer is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseChange {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The line of its name.
    pub line: usize,
    /// Whether only the old pack has it.
    pub only_old: bool,
    /// What differs: `outcome`, `rules`, `clauses`, `obligations`, `until`.
    pub fields: Vec<Field>,
    /// The old answer.
    pub old: Verdict,
    /// The new answer.
    pub new: Verdict,
}

/// Compares.
///
/// # Errors
/// What is wrong with the cases of a pack.
pub fn diff(old: Party<'_>, new: Party<'_>) -> Result<Diff, Vec<Finding>> {
    let entries = entries(&things(&old), &things(&new));
    let mut notes = Vec::new();
    if entries.is_empty() && old.bundle.digest() != new.bundle.digest() {
        notes.push(
            "the bundles differ in what is not listed here: the schema, or where rules are written"
                .to_owned(),
        );
    }
    let is_pack = |party: &Party<'_>| party.pack.is_some();
    match (is_pack(&old), is_pack(&new)) {
        (false, false) => notes.push(
            "no cases: bundles carry none; name a pack to see which answers change".to_owned(),
        ),
        (true, true) => {}
        _ => notes.push("promises are compared between packs only".to_owned()),
    }
    let (cases, asked) = case_changes(old, new)?;
    Ok(Diff {
        same: entries.is_empty() && cases.is_empty(),
        entries,
        cases,
        asked,
        notes,
    })
}

/// What a thing is: where it stands, and its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Thing {
    place: Option<String>,
    fields: BTreeMap<String, String>,
}

type Things = BTreeMap<(&'static str, String), Thing>;

fn things(party: &Party<'_>) -> Things {
    let bundle = party.bundle;
    let mut things = Things::new();
    let mut clauses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in bundle.rules() {
        let mut fields = BTreeMap::new();
        let mut put = |name: &str, text: String| _ = fields.insert(name.to_owned(), text);
        let effect = match rule.effect() {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        };
        put("effect", effect.to_owned());
        let asked: Vec<String> = rule
            .asked()
            .iter()
            .map(|[action, principal, resource]| format!("{action} by {principal} on {resource}"))
            .collect();
        put("applies to", asked.join("; "));
        if let Some(condition) = condition_of(bundle, &rule) {
            put("condition", condition);
        }
        for (key, value) in rule.annotations() {
            if key != "id" {
                put(&format!("@{key}"), value.to_owned());
            }
        }
        for clause in rule.clauses() {
            let rules = clauses.entry(clause.to_owned()).or_default();
            rules.insert(rule.id().to_owned());
        }
        let source = rule.source();
        let place = source.map(|source| format!("{}:{}", source.file, source.line));
        things.insert(("rule", rule.id().to_owned()), Thing { place, fields });
    }
    for (clause, rules) in clauses {
        let rules: Vec<String> = rules.into_iter().collect();
        let fields = BTreeMap::from([("rules".to_owned(), rules.join(", "))]);
        things.insert(
            ("clause", clause),
            Thing {
                place: None,
                fields,
            },
        );
    }
    described(bundle, &mut things);
    promised(party, &mut things);
    things
}

/// Settings, catalogue, and what the bundle says of itself.
fn described(bundle: &Bundle, things: &mut Things) {
    let keys = [
        "pack",
        "name",
        "operator",
        "namespace",
        "version",
        "language",
        "policy.date",
        "policy.sha256",
        "consent.cookie",
        "consent.days",
        "consent.domain",
        "validated",
        "target",
    ];
    for key in keys {
        if let Some(value) = bundle.meta(key) {
            let fields = BTreeMap::from([("value".to_owned(), value.to_owned())]);
            things.insert(
                ("manifest", key.to_owned()),
                Thing {
                    place: None,
                    fields,
                },
            );
        }
    }
    let settings = format!("{}::Settings", bundle.meta("namespace").unwrap_or_default());
    if let Some(entity) = bundle.entity(&settings, "pack") {
        for (name, value) in attrs(&entity) {
            let fields = BTreeMap::from([("value".to_owned(), value)]);
            things.insert(
                ("setting", name),
                Thing {
                    place: None,
                    fields,
                },
            );
        }
    }
    let catalogued = [
        "Jurisdiction",
        "Processor",
        "Purpose",
        "RecordClass",
        "Service",
        "Storage",
    ];
    for of in catalogued {
        for entity in bundle.entities(&format!("Avow::{of}")) {
            let mut fields: BTreeMap<String, String> = attrs(&entity).collect();
            for (key, text) in entity.texts() {
                fields.insert(key.to_owned(), text.to_owned());
            }
            let id = notation::uid(of, entity.id());
            things.insert(
                ("catalogue", id),
                Thing {
                    place: None,
                    fields,
                },
            );
        }
    }
}

fn attrs(entity: &Entity<'_>) -> impl Iterator<Item = (String, String)> {
    entity.attrs().filter_map(|(name, attr)| {
        let value = notation::text(&attr.cell()?);
        Some((name.to_owned(), value))
    })
}

fn promised(party: &Party<'_>, things: &mut Things) {
    let Some((files, promises)) = party.pack else {
        return;
    };
    for promise in promises {
        let Ok(serde_json::Value::Object(parts)) = serde_json::to_value(promise) else {
            continue;
        };
        let fields = parts
            .into_iter()
            .filter(|(name, value)| name != "id" && !value.is_null())
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect();
        let quoted = format!("\"{}\"", promise.id);
        let text = files.get("promises.toml").map(String::as_str);
        let line = text.and_then(|text| text.lines().position(|line| line.contains(&quoted)));
        let place = line.map(|line| format!("promises.toml:{}", line + 1));
        things.insert(("promise", promise.id.clone()), Thing { place, fields });
    }
}

/// The kinds of things, in the order in which they matter.
const KINDS: [&str; 6] = [
    "rule",
    "clause",
    "promise",
    "setting",
    "catalogue",
    "manifest",
];

fn entries(old: &Things, new: &Things) -> Vec<Entry> {
    let nothing = BTreeMap::new();
    // Where one side has no promises at hand, nothing is said of them.
    let has_promises = |things: &Things| things.keys().any(|(kind, _)| *kind == "promise");
    let compares = has_promises(old) && has_promises(new);
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|(kind, _)| KINDS.iter().position(|known| known == kind));
    keys.into_iter()
        .filter(|(kind, _)| *kind != "promise" || compares)
        .filter_map(|key| {
            let (was, is) = (old.get(key), new.get(key));
            let parts = |thing: Option<&Thing>| thing.map(|thing| thing.fields.clone());
            let fields = fields(
                &parts(was).unwrap_or_else(|| nothing.clone()),
                &parts(is).unwrap_or_else(|| nothing.clone()),
            );
            let change = match (was, is) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                _ if fields.is_empty() => return None,
                _ => Change::Changed,
            };
            Some(Entry {
                kind: key.0,
                id: key.1.clone(),
                change,
                old_place: was.and_then(|thing| thing.place.clone()),
                new_place: is.and_then(|thing| thing.place.clone()),
                fields,
            })
        })
        .collect()
}

fn fields(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Field> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| Field {
            name: name.clone(),
            old: old.get(name).cloned(),
            new: new.get(name).cloned(),
        })
        .collect()
}

/// The cases of the new pack, and those that only the old one has, asked on both sides. Each side gets its own offer where a
/// case says `$offer`: that visitors are asked again is no change of a rule.
fn case_changes(old: Party<'_>, new: Party<'_>) -> Result<(Vec<CaseChange>, usize), Vec<Finding>> {
    let offer = |bundle: &Bundle| bundle.meta("offer").unwrap_or_default().to_owned();
    let offers = [offer(old.bundle), offer(new.bundle)];
    // A bundle that was loaded once loads again.
    let [Ok(old_bundle), Ok(new_bundle)] =
        [old, new].map(|party| Bundle::load(party.bundle.bytes().to_vec()))
    else {
        return Ok((Vec::new(), 0));
    };
    let mut engines = [Engine::new(old_bundle), Engine::new(new_bundle)];
    let mut names = BTreeSet::new();
    let (mut changes, mut asked) = (Vec::new(), 0);
    for (pack, only_old) in [(new.pack, false), (old.pack, true)] {
        let Some((files, _)) = pack else {
            continue;
        };
        let read = |offer: &String| cases::read(files, offer);
        let [for_old, for_new] = offers.each_ref().map(read);
        let own = |case: &Case| (case.file.clone(), case.name.clone());
        let fresh: Vec<(Case, Case)> = for_old?
            .into_iter()
            .zip(for_new?)
            .filter(|(case, _)| !names.contains(&own(case)))
            .collect();
        names.extend(fresh.iter().map(|(case, _)| own(case)));
        asked += fresh.len();
        for (for_old, for_new) in &fresh {
            let [old_engine, new_engine] = &mut engines;
            let old = question(for_old).decide(old_engine);
            let new = question(for_new).decide(new_engine);
            let mut fields = fields(&parts(&old), &parts(&new));
            fields.sort_by_key(|field| PARTS.iter().position(|part| *part == field.name));
            if !fields.is_empty() {
                changes.push(CaseChange {
                    name: for_new.name.clone(),
                    file: for_new.file.clone(),
                    line: for_new.line,
                    only_old,
                    fields,
                    old,
                    new,
                });
            }
        }
    }
    Ok((changes, asked))
}

fn question(case: &Case) -> Question {
    Question {
        request: case.request.clone(),
        now: case.now,
        tenant: case.tenant.clone(),
    }
}

/// The parts of an answer, in the order in which they matter.
const PARTS: [&str; 6] = [
    "outcome",
    "rules",
    "clauses",
    "obligations",
    "until",
    "problem",
];

/// What is compared of an answer.
fn parts(verdict: &Verdict) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::from([
        ("outcome".to_owned(), verdict.outcome.to_owned()),
        ("rules".to_owned(), verdict.rules.join(", ")),
        ("clauses".to_owned(), verdict.clauses.join(", ")),
        ("obligations".to_owned(), verdict.obligations.join(", ")),
    ]);
    let until = match verdict.until {
        avow_engine::Until::At(at) => avow_engine::explain::datetime(at),
        avow_engine::Until::Now => "now".to_owned(),
        avow_engine::Until::Forever => "for ever".to_owned(),
    };
    parts.insert("until".to_owned(), until);
    if let Some(problem) = &verdict.problem {
        parts.insert("problem".to_owned(), problem.to_string());
    }
    parts.retain(|_, text| !text.is_empty());
    parts
}
