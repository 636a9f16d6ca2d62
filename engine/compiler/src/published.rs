//! The published policy that a pack was made from: is it still the same text, and if not, what has to be read again?
//!
//! A digest is SHA-256 over bytes as they are: nothing is normalised, so a changed line ending is a change. The parts of a
//! text begin at its headings: lines of Markdown that begin with one to six `#` and a blank, outside of fenced code, or
//! `<h1` to `<h6` of HTML, one a line. A part reaches to the next heading of its own level or of a higher one, so it contains
//! the parts below it; what comes before the first one has none. Plain text has no headings and is compared as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::manifest::{PolicyTable, Promise};

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Its digest is another one.
    Changed,
    /// The recorded text does not have it.
    Added,
    /// The text does not have it any more.
    Removed,
}

impl Change {
    /// A word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// A part that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What became of it.
    pub change: Change,
}

/// A text beside the one that a pack was made from.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// Whether it is the same to the byte.
    pub same: bool,
    /// Its digest.
    pub found: String,
    /// The parts that differ; none where no digests of parts are recorded.
    pub sections: Option<Vec<Section>>,
    /// The promises that may have to be read again: those of parts that are not certainly the same.
    pub again: Vec<&'a Promise>,
}

/// Compares a text with what the manifest records.
#[must_use]
pub fn compare<'a>(recorded: &PolicyTable, text: &[u8], promises: &'a [Promise]) -> Comparison<'a> {
    let found = digest(text);
    let same = found == recorded.sha256;
    let sections = (!recorded.sections.is_empty()).then(|| changes(&recorded.sections, text));
    let unchanged: BTreeSet<&str> = match &sections {
        None => BTreeSet::new(),
        Some(changed) => recorded
            .sections
            .keys()
            .map(String::as_str)
            .filter(|title| changed.iter().all(|section| section.title != **title))
            .collect(),
    };
    let again = promises
        .iter()
        .filter(|promise| !same && !unchanged.contains(promise.section.as_str()))
        .collect();
    Comparison {
        same,
        found,
        sections,
        again,
    }
}

fn changes(recorded: &BTreeMap<String, String>, text: &[u8]) -> Vec<Section> {
    let found = sections(text);
    let section = |title: &String, change| Section {
        title: title.clone(),
        change,
    };
    let mut out = Vec::new();
    for (title, digest) in &found {
        match recorded.get(title) {
            None => out.push(section(title, Change::Added)),
            Some(before) if before != digest => out.push(section(title, Change::Changed)),
            Some(_) => {}
        }
    }
    for title in recorded.keys().filter(|title| !found.contains_key(*title)) {
        out.push(section(title, Change::Removed));
    }
    out
}

/// The manifest with the digests of a text, and its date where one is given; everything else stays as it is written.
#[must_use]
pub fn record(manifest: &str, text: &[u8], date: Option<&str>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let digest = format!("sha256 = {}", quoted(&digest(text)));
    let date = date.map(|date| format!("date = {}", quoted(date)));
    let mut out: Vec<String> = Vec::new();
    let mut table = String::new();
    // Where the table ends that the values belong to.
    let mut end = None;
    let mut follows = false;
    for line in manifest.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            table = trimmed
                .split('#')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned();
        }
        match table.as_str() {
            // A comment and what is behind it belong to what follows.
            "[policy.sections]" if !trimmed.starts_with('#') && !follows => {}
            "[policy.sections]" => {
                follows = true;
                out.push(line.to_owned());
            }
            "[policy]" => {
                let key = trimmed.split('=').next().unwrap_or_default().trim();
                let replaced = key == "sha256" || (key == "date" && date.is_some());
                if replaced {
                    continue;
                }
                out.push(line.to_owned());
                // Blank lines and comments behind it belong to what follows.
                if !trimmed.is_empty() && !trimmed.starts_with('#') {
                    end = Some(out.len());
                }
            }
            _ => out.push(line.to_owned()),
        }
    }
    let mut values: Vec<String> = date.into_iter().collect();
    values.push(digest);
    let at = end.unwrap_or_else(|| {
        out.extend([String::new(), "[policy]".to_owned()]);
        out.len()
    });
    let found = sections(text);
    if !found.is_empty() {
        values.extend([String::new(), "[policy.sections]".to_owned()]);
        values.extend(
            found
                .iter()
                .map(|(title, digest)| format!("{} = {}", quoted(title), quoted(digest))),
        );
    }
    // What follows is another table.
    if out.get(at).is_some_and(|line| !line.is_empty()) {
        values.push(String::new());
    }
    out.splice(at..at, values);
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out.join("\n") + "\n"
}

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The digests of the parts of a text, by heading. Parts under equal headings are digested together.
fn sections(text: &[u8]) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    // The headings that a line is under, the highest first.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let shown = String::from_utf8_lossy(line);
        if shown.trim_start().starts_with("```") || shown.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        if let Some((level, title)) = heading(&shown).filter(|_| !fenced) {
            open.retain(|(above, _)| *above < level);
            open.push((level, title));
        }
        for (_, title) in &open {
            parts.entry(title.clone()).or_default().extend(line);
        }
    }
    parts
        .into_iter()
        .map(|(title, bytes)| (title, digest(&bytes)))
        .collect()
}

/// The heading that a line has, with its level.
fn heading(line: &str) -> Option<(usize, String)> {
    let line = line.trim();
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&marks) && line.get(marks..)?.starts_with([' ', '\t']) {
        let title = line.get(marks..)?.trim().trim_end_matches('#').trim();
        return Some((marks, title.to_owned()));
    }
    let lower = line.to_ascii_lowercase();
    let (start, _) = lower.match_indices("<h").find(|(at, _)| {
        let mut bytes = lower.bytes().skip(at + 2);
        bytes
            .next()
            .is_some_and(|byte| (b'1'..=b'6').contains(&byte))
            && bytes
                .next()
                .is_none_or(|byte| byte == b'>' || byte.is_ascii_whitespace())
    })?;
    let end = lower
        .get(start..)?
        .find("</h")
        .map_or(line.len(), |end| start + end);
    let mut title = String::new();
    let mut inside = false;
    for c in line.get(start..end)?.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => title.push(c),
            _ => {}
        }
    }
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let level = lower.get(start + 2..start + 3)?.parse().ok()?;
    // One whose text stands on other lines is no part of its own: its promises are read again in any case.
    (!title.is_empty()).then_some((level, title))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Change, Section, compare, heading, record};
    use crate::{Files, finding::Sources, manifest};

    const TEXT: &str = "# Policy\nWe promise.\n\n## Cookies\nNone.\n\n## Keeping\n30 days.\n";
    const PROMISES: &str = "[[promise]]\nid = \"a\"\nsection = \"Cookies\"\nkind = \"consent\"\nbasis = \"stated\"\nkept_by = \"organisation\"\npromise = \"x\"\n[[promise]]\nid = \"b\"\nsection = \"Keeping\"\nkind = \"retention\"\nbasis = \"stated\"\nkept_by = \"organisation\"\npromise = \"y\"\n[[promise]]\nid = \"c\"\nsection = \"elsewhere\"\nkind = \"retention\"\nbasis = \"stated\"\nkept_by = \"organisation\"\npromise = \"z\"\n";

    fn again(manifest: &str, text: &str) -> (bool, Option<Vec<Section>>, Vec<String>) {
        let files = Files::from([
            ("avow.toml".to_owned(), manifest.to_owned()),
            ("promises.toml".to_owned(), PROMISES.to_owned()),
        ]);
        let sources = Sources::new(&files);
        let mut findings = Vec::new();
        let manifest = manifest::read(&sources, &mut findings).unwrap();
        let promises = manifest::read_promises(&sources, &mut findings);
        assert_eq!(findings, []);
        let compared = compare(&manifest.policy, text.as_bytes(), &promises);
        let again = compared.again.iter().map(|promise| promise.id.clone());
        (compared.same, compared.sections, again.collect())
    }

    const MANIFEST: &str = "[pack]\nname = \"p\"\ntitle = \"P\"\nnamespace = \"P\"\nversion = \"1\"\n\n# The text.\n[policy]\ndate = \"2026-01-01\" # as printed\nsha256 = \"0\"\n\n# The rest.\n[settings]\na = 1\n";

    #[test]
    fn what_is_recorded_is_found_again_and_the_rest_of_the_manifest_stays() {
        let recorded = record(MANIFEST, TEXT.as_bytes(), None);
        assert!(
            recorded.contains("date = \"2026-01-01\" # as printed\nsha256 = \""),
            "{recorded}"
        );
        assert!(
            recorded.contains("\n\n# The rest.\n[settings]\na = 1\n"),
            "{recorded}"
        );
        assert_eq!(again(&recorded, TEXT), (true, Some(Vec::new()), Vec::new()));
        assert_eq!(
            record(&recorded, TEXT.as_bytes(), None),
            recorded,
            "once more changes nothing"
        );
        let dated = record(&recorded, TEXT.as_bytes(), Some("2026-06-01"));
        assert!(
            dated.contains("date = \"2026-06-01\"") && !dated.contains("2026-01-01"),
            "{dated}"
        );
    }

    #[test]
    fn a_part_that_changed_calls_for_its_promises_and_for_those_of_no_part() {
        let recorded = record(MANIFEST, TEXT.as_bytes(), None);
        let (same, sections, promises) = again(&recorded, &TEXT.replace("30 days", "60 days"));
        assert!(!same);
        assert_eq!(
            sections.unwrap(),
            ["Keeping", "Policy"].map(|title| Section {
                title: title.to_owned(),
                change: Change::Changed
            })
        );
        assert_eq!(promises, ["b", "c"]);
    }

    #[test]
    fn without_digests_of_parts_every_promise_is_to_be_read_again() {
        let (same, sections, promises) = again(MANIFEST, TEXT);
        assert_eq!((same, sections), (false, None));
        assert_eq!(promises, ["a", "b", "c"]);
    }

    #[test]
    fn headings_of_markdown_and_of_html() {
        for (line, expected) in [
            ("## Cookies ##\n", Some("Cookies")),
            ("#hashtag\n", None),
            (
                "<h2 id=\"c\">Your <em>cookies</em></h2>",
                Some("Your cookies"),
            ),
            ("<header>", None),
            ("<hr>", None),
            ("plain", None),
        ] {
            let expected = expected.map(|title| (2, title.to_owned()));
            assert_eq!(heading(line), expected, "{line}");
        }
    }
}
