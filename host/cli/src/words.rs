//! The widget's words as one site gets them: with the pack's texts in place of them, its operator named, and the address of its
//! policy beside them.

use std::collections::BTreeSet;

use avow_compiler::{Compiled, Texts};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use crate::widget_files;

/// A text that is no word of the widget's: where the published policy is.
const ADDRESS: &str = "policy.url";

/// What a language says of itself, which no pack can say otherwise.
const DIRECTION: &str = "dir";

/// What is said before anybody opens the second layer.
const FIRST: [&str; 13] = [
    DIRECTION,
    "banner.title",
    "banner.text",
    "accept",
    "reject",
    "choose",
    "open",
    "policy",
    "saved",
    "gpc",
    "optout",
    "fallback",
    ADDRESS,
];

/// Who promises, in a text.
const OPERATOR: &str = "{operator}";

/// The language that speaks where the widget does not have the pack's.
const LAST: &str = "en";

/// What a pack says to its visitors.
pub(crate) struct Words<'a> {
    texts: &'a Texts,
    operator: &'a str,
    last: &'static str,
}

impl<'a> Words<'a> {
    /// # Errors
    /// A text of a language that the widget does not have: nobody would ever read it.
    pub(crate) fn of(compiled: &'a Compiled) -> Result<Self, String> {
        let languages: BTreeSet<&str> = languages().collect();
        let pack = &compiled.manifest.pack;
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
        Ok(Self {
            texts: &compiled.texts,
            operator: match pack.operator.as_str() {
                "" => &pack.title,
                operator => operator,
            },
            last: lookup(&pack.language, &languages).unwrap_or(LAST),
        })
    }

    /// The widget's language for the pack's own.
    pub(crate) fn last(&self) -> &'static str {
        self.last
    }

    /// A language's two files: what the first layer and the control say, and what is said only to whom opens the second.
    ///
    /// # Errors
    /// A text whose key is no word's.
    pub(crate) fn files(&self, language: &str) -> Result<[Vec<u8>; 2], String> {
        let said = self.language(language)?.0.into_iter();
        let (first, more): (Vec<_>, Vec<_>) =
            said.partition(|(key, _)| FIRST.contains(&key.as_str()));
        let bytes = |said| serde_json::to_vec(&Language(said)).map_err(|error| error.to_string());
        Ok([bytes(first)?, bytes(more)?])
    }

    /// What a language says: what the pack says of all languages, and then of this one, in place of the widget's words.
    pub(crate) fn language(&self, language: &str) -> Result<Language, String> {
        let mut said = widget(language)?;
        let mut address = None;
        // Those of all languages come first, because their tag is empty.
        for ((of, key), text) in self.texts {
            let is_meant = of.is_empty() || of == language;
            if key == ADDRESS {
                address = Some(text).filter(|_| is_meant).or(address);
                continue;
            }
            let word = said.0.iter_mut().find(|(known, _)| known == key);
            match word.filter(|_| key != DIRECTION) {
                None => return Err(unknown(key, &said)),
                Some((_, word)) if is_meant => text.clone_into(word),
                Some(_) => {}
            }
        }
        for (_, word) in &mut said.0 {
            *word = word.replace(OPERATOR, self.operator);
        }
        let address = address.map(|text| (ADDRESS.to_owned(), text.clone()));
        said.0.extend(address);
        Ok(said)
    }
}

fn unknown(key: &str, said: &Language) -> String {
    let words = said.0.iter().map(|(key, _)| key.as_str());
    let words: Vec<_> = words.filter(|key| *key != DIRECTION).collect();
    format!(
        "text `{key}` is no word of the widget; there are {ADDRESS}, {}",
        words.join(", ")
    )
}

/// The tags of the languages that the widget has, in lower case.
pub(crate) fn languages() -> impl Iterator<Item = &'static str> {
    widget_files::files(false).filter_map(|(name, _)| name.strip_suffix(".json"))
}

/// The widget's own words of one of its languages.
fn widget(language: &str) -> Result<Language, String> {
    let (_, file) = widget_files::files(false)
        .find(|(name, _)| name.strip_suffix(".json") == Some(language))
        .ok_or_else(|| format!("the widget does not have the language `{language}`"))?;
    serde_json::from_slice(file)
        .map_err(|error| format!("the widget's words are not to be read: {error}"))
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

/// Keys and texts in the order of their file.
pub(crate) struct Language(Vec<(String, String)>);

impl Language {
    /// What it says under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == key)
            .map(|(_, text)| text.as_str())
    }

    /// Where the published policy is.
    pub(crate) fn address(&self) -> Option<&str> {
        self.get(ADDRESS)
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(key, text)| (key, text)))
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Language;

            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("keys and texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Language, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    out.push(entry);
                }
                Ok(Language(out))
            }
        }
        from.deserialize_map(InOrder)
    }
}
