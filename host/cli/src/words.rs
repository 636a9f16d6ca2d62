//! The widget's files as one site gets them: with the pack's texts in place of the widget's words, and with the pack's language
//! where neither page nor browser names one that the widget has.
//!
//! It is done when a site is built, so no browser has to look for a text in two places.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use avow_compiler::{Compiled, Texts};

use crate::widget_files;

/// A text that is no word of the widget's: the banner finds it in the bundle.
const ADDRESS: &str = "policy.url";

/// What a language says of itself, which no pack can say otherwise.
const DIRECTION: &str = "dir";

/// Where the loader says which language is the last resort.
const LAST: &str = "navigator.languages, \"en\"]";

/// Names and bytes.
pub(crate) type Files = Vec<(&'static str, Cow<'static, [u8]>)>;

/// The widget's files for a pack.
///
/// # Errors
/// A text that nobody would ever read: of a language that the widget does not have, or with a key that is no word's.
pub(crate) fn files(compiled: &Compiled) -> Result<Files, String> {
    let languages: BTreeSet<&str> = languages().collect();
    if let Some((language, key)) = compiled
        .texts
        .keys()
        .find(|(language, _)| !language.is_empty() && !languages.contains(language.as_str()))
    {
        let known: Vec<_> = languages.into_iter().collect();
        return Err(format!(
            "text `{key}` is of language `{language}`, which the widget does not have: it has {}; a key with a dot is written in quotes",
            known.join(", ")
        ));
    }
    let last = lookup(&compiled.manifest.pack.language, &languages);
    let mut out = Files::new();
    for (name, bytes, _) in widget_files::files() {
        let changed = if *name == "avow.js" {
            last.map(|last| lead(bytes, last)).transpose()?
        } else if let Some(language) = name.strip_suffix(".json") {
            say(bytes, language, &compiled.texts)?
        } else {
            None
        };
        out.push((*name, changed.map_or(Cow::Borrowed(*bytes), Cow::Owned)));
    }
    Ok(out)
}

/// The tags of the languages that the widget has, in lower case.
fn languages() -> impl Iterator<Item = &'static str> {
    widget_files::files()
        .iter()
        .filter_map(|(name, ..)| name.strip_suffix(".json"))
}

/// The widget's language for a tag, as the loader finds it: the tag as it stands, or without its last parts (RFC 4647, lookup).
fn lookup(tag: &str, languages: &BTreeSet<&'static str>) -> Option<&'static str> {
    let tag = tag.to_ascii_lowercase();
    let mut tag = match tag.split_once('-').unwrap_or((&tag, "")) {
        ("nn" | "no", _) => "nb",
        ("zh", "hk" | "mo" | "tw") => "zh-hant",
        _ => tag.as_str(),
    };
    loop {
        if let Some(found) = languages.get(tag) {
            return Some(found);
        }
        (tag, _) = tag.rsplit_once('-')?;
    }
}

/// The loader with another last resort.
fn lead(loader: &[u8], last: &str) -> Result<Vec<u8>, String> {
    let loader = String::from_utf8_lossy(loader);
    if !loader.contains(LAST) {
        return Err(format!("the widget's loader has no `{LAST}`"));
    }
    Ok(loader
        .replace(LAST, &LAST.replace("\"en\"", &format!("{last:?}")))
        .into_bytes())
}

/// A language's file with what the pack says of all languages, and then of this one; none where it says nothing.
fn say(file: &[u8], language: &str, texts: &Texts) -> Result<Option<Vec<u8>>, String> {
    let unreadable = |error| format!("the widget's words are not to be read: {error}");
    let mut words: BTreeMap<String, String> = serde_json::from_slice(file).map_err(unreadable)?;
    let mut changed = false;
    // Those of all languages come first, because their tag is empty.
    for ((of, key), text) in texts {
        if key == ADDRESS {
            continue;
        }
        match words.get_mut(key).filter(|_| key != DIRECTION) {
            None => {
                return Err(format!(
                    "text `{key}` is no word of the widget; there are {ADDRESS}, {}",
                    words
                        .into_keys()
                        .filter(|key| key != DIRECTION)
                        .collect::<Vec<_>>()
                        .join(", ")
                ));
            }
            Some(word) if of.is_empty() || of == language => {
                text.clone_into(word);
                changed = true;
            }
            Some(_) => {}
        }
    }
    if !changed {
        return Ok(None);
    }
    serde_json::to_vec(&words).map(Some).map_err(unreadable)
}
