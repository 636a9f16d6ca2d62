//! The widget's languages: each of them whole, all of them written, and every word a site's to say otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{avow, text};

/// Official languages of the European Union (Regulation No 1 of 1958, as amended).
const OFFICIAL: &str = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv";

/// Others that are promised.
const FURTHER: &str = "ar ca cy he hi is ja ko nb pt-br sr tr uk zh zh-hant";

/// Languages that run from right to left.
const RIGHT_TO_LEFT: [&str; 3] = ["ar", "fa", "he"];

/// Words on buttons, and the most characters of one: on a screen 320 px wide they stand in two lines, two buttons in a row.
const BUTTONS: [(&str, usize); 5] = [
    ("accept", 22),
    ("reject", 22),
    ("choose", 26),
    ("save", 26),
    ("open", 30),
];

/// The longest word on a button that shares its row, characters: where one is longer, it would be broken.
const LONGEST_WORD: usize = 11;

/// Languages that are written without spaces between words: browsers know where to break their lines.
const UNSPACED: [&str; 4] = ["ja", "th", "zh", "zh-hant"];

type Words = BTreeMap<String, String>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../widget/locales")
}

/// Each language's file by its tag.
fn sources() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).unwrap();
    files
        .map(|entry| {
            let path = entry.unwrap().path();
            let tag = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (tag, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn words(source: &str) -> Words {
    serde_json::from_str(source).unwrap()
}

/// Keys in the order in which a file has them.
fn keys(source: &str) -> Vec<&str> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("  \""));
    lines.filter_map(|line| line.split('"').next()).collect()
}

/// What is filled in when a text is shown.
fn placeholders(text: &str) -> Vec<&str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|part| part.split('}').next()).collect()
}

#[test]
fn every_language_says_everything_and_in_one_form() {
    let sources = sources();
    for tag in OFFICIAL.split(' ').chain(FURTHER.split(' ')) {
        assert!(sources.contains_key(tag), "{tag} is missing");
    }
    let english = words(&sources["en"]);
    let order = keys(&sources["en"]);
    for (tag, source) in &sources {
        assert_eq!(
            *tag,
            tag.to_ascii_lowercase(),
            "the loader compares in lower case"
        );
        assert_eq!(keys(source), order, "{tag}");
        let words = words(source);
        let lines: Vec<_> = order
            .iter()
            .map(|key| {
                let text = serde_json::to_string(&words[*key]).unwrap();
                format!("  \"{key}\": {text}")
            })
            .collect();
        assert_eq!(*source, format!("{{\n{}\n}}\n", lines.join(",\n")), "{tag}");

        let turned = RIGHT_TO_LEFT.contains(&tag.as_str());
        assert_eq!(words["dir"], if turned { "rtl" } else { "ltr" }, "{tag}");
        for (key, text) in &words {
            let place = format!("{tag}: {key}: {text:?}");
            assert_eq!(text.trim(), text, "{place}");
            assert!(!text.is_empty() && !text.contains("  "), "{place}");
            assert!(!text.contains(['\'', '"', '<', '&', '\u{a0}']), "{place}");
            assert_eq!(placeholders(text), placeholders(&english[key]), "{place}");
            let turns = text.chars().any(|c| ('\u{590}'..'\u{780}').contains(&c));
            assert_eq!(turns, turned && key != "dir", "{place}");
        }
        if tag != "en" {
            let same = words.iter().filter(|(key, text)| english[*key] == **text);
            // Besides the direction: `Name` is German as well, and so on.
            let same: Vec<_> = same.filter(|(key, _)| *key != "dir").collect();
            assert!(same.len() <= 1, "{tag} is English: {same:?}");
        }
    }
    // A language that is another's copy is none.
    let different: BTreeSet<_> = sources.values().collect();
    assert_eq!(different.len(), sources.len());
}

#[test]
fn texts_fit_where_they_stand_and_no_answer_is_longer_than_its_opposite_by_much() {
    let english = words(&sources()["en"]);
    for (tag, source) in sources() {
        let words = words(&source);
        let length = |key: &str| words[key].chars().count();
        for (key, most) in BUTTONS {
            assert!(length(key) <= most, "{tag}: {key}: {}", words[key]);
        }
        let spaced = !UNSPACED.contains(&tag.as_str());
        for key in ["accept", "reject"].into_iter().filter(|_| spaced) {
            for word in words[key].split([' ', '-']) {
                assert!(word.chars().count() <= LONGEST_WORD, "{tag}: {key}: {word}");
            }
        }
        let (accept, reject) = (length("accept"), length("reject"));
        assert_ne!(words["accept"], words["reject"], "{tag}");
        assert!(
            accept.max(reject) * 2 <= accept.min(reject) * 4,
            "{tag}: {} / {}",
            words["accept"],
            words["reject"]
        );
        for key in ["banner.text", "dialog.text"] {
            let most = english[key].chars().count() * 8 / 5;
            assert!(length(key) <= most, "{tag}: {key} has {}", length(key));
        }
        // The control that opens the choices is called what it opens.
        assert_eq!(words["open"], words["dialog.title"], "{tag}");
    }
}

/// A pack that says things otherwise, in a folder of its own.
fn pack(texts: &str, language: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let made = avow(folder.path(), &["init", "shop"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let catalogue = folder.path().join("shop/catalogue.toml");
    let begun = fs::read_to_string(&catalogue).unwrap();
    fs::write(&catalogue, begun + texts).unwrap();
    let manifest = folder.path().join("shop/avow.toml");
    let begun = fs::read_to_string(&manifest).unwrap();
    let language = format!("language = {language:?}");
    fs::write(&manifest, begun.replace("language = \"en\"", &language)).unwrap();
    folder
}

/// The files that a build for browsers writes.
fn built(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let arguments = ["build", "shop", "--target", "browser", "--out", "site"];
    let ran = avow(folder, &arguments);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let files = fs::read_dir(folder.join("site")).unwrap();
    files
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// What a site says in a language, on both layers.
fn said(files: &BTreeMap<String, Vec<u8>>, tag: &str) -> BTreeMap<String, String> {
    let first = words(&text(&files[&format!("{tag}.json")]));
    let more = words(&text(&files[&format!("{tag}.more.json")]));
    assert!(first.keys().all(|key| !more.contains_key(key)), "{tag}");
    first.into_iter().chain(more).collect()
}

/// The tags that the loader knows.
fn listed(loader: &str) -> BTreeSet<String> {
    let (_, list) = loader.split_once("=/^(").unwrap();
    let (list, _) = list.split_once(')').unwrap();
    list.split('|').map(str::to_owned).collect()
}

#[test]
fn a_build_writes_every_language_and_a_loader_that_knows_them() {
    let folder = pack("", "en");
    let files = built(folder.path());
    let sources = sources();
    for (tag, source) in &sources {
        let mut want = words(source);
        for text in want.values_mut() {
            *text = text.replace("{operator}", "Shop");
        }
        want.insert("policy.url".to_owned(), "/privacy".to_owned());
        assert_eq!(said(&files, tag), want, "{tag}");
    }
    let loader = text(&files["avow.js"]);
    assert_eq!(listed(&loader), sources.into_keys().collect());
}

#[test]
fn the_packs_language_is_the_last_resort() {
    for (language, last) in [
        ("de", "de"),
        ("de-AT", "de"),
        ("pt-BR", "pt-br"),
        ("nn-NO", "nb"),
        ("zh-TW", "zh-hant"),
        ("eo", "en"),
    ] {
        let files = built(pack("", language).path());
        let loader = text(&files["avow.js"]);
        let want = format!("\"language\":\"{last}\"");
        assert!(loader.contains(&want), "{language}");
    }
}

#[test]
fn a_pack_says_any_word_otherwise_for_all_languages_or_for_one() {
    let folder = pack(
        "saved = \"{operator} ✓\"\n\"banner.title\" = \"Cookies?\"\n\n\
         [text.de]\n\"banner.title\" = \"Kekse?\"\n\"policy.url\" = \"/datenschutz\"\n\n\
         [text.pt-BR]\n\"banner.title\" = \"Biscoitos?\"\n",
        "en",
    );
    let files = built(folder.path());
    for (tag, source) in sources() {
        let mut want = words(&source);
        let title = match tag.as_str() {
            "de" => "Kekse?",
            "pt-br" => "Biscoitos?",
            _ => "Cookies?",
        };
        want.insert("saved".to_owned(), "{operator} ✓".to_owned());
        want.insert("banner.title".to_owned(), title.to_owned());
        let address = match tag.as_str() {
            "de" => "/datenschutz",
            _ => "/privacy",
        };
        want.insert("policy.url".to_owned(), address.to_owned());
        for text in want.values_mut() {
            *text = text.replace("{operator}", "Shop");
        }
        assert_eq!(said(&files, &tag), want, "{tag}");
    }
    // Words are in the languages' files, and not in the bundle too.
    let bundle = String::from_utf8_lossy(&files["site.avow"]);
    assert!(!bundle.contains("Kekse?") && !bundle.contains("Cookies?"));
}

#[test]
fn a_text_that_nobody_would_read_is_refused() {
    for (texts, reason) in [
        (
            "\"banner.titel\" = \"x\"\n",
            "text `banner.titel` is no word of the widget",
        ),
        ("dir = \"rtl\"\n", "text `dir` is no word of the widget"),
        (
            "[text.eo]\nsave = \"Konservi\"\n",
            "text `save` is of language `eo`, which the widget does not have",
        ),
        (
            "banner.title = \"x\"\n",
            "a key with a dot is written in quotes",
        ),
        ("save = \" \"\n", "text `save` is empty"),
        ("[text.de]\nsave = 3\n", "text `save` is no string"),
    ] {
        let folder = pack(texts, "en");
        let build = ["build", "shop", "--target", "browser", "--out", "site"];
        for arguments in [&build[..], &["check", "shop"]] {
            let ran = avow(folder.path(), arguments);
            assert_eq!(ran.status.code(), Some(1), "{texts}");
            assert!(text(&ran.stderr).contains(reason), "{}", text(&ran.stderr));
        }
        assert!(!folder.path().join("site").exists());
    }
}
