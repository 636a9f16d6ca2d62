//! What a theme writes, and what it is refused for.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::{COLOURS, PAIRS, PRESETS, SCHEMES, Theme, colour::Colour, own, read};
use crate::{Files, finding::Sources, manifest};

const PACK: &str =
    "[pack]\nname = \"a\"\ntitle = \"A\"\nnamespace = \"A\"\nversion = \"1\"\n\n[theme]\n";

fn read_with(table: &str, css: &str) -> (Theme, Vec<String>) {
    let files = Files::from([
        ("avow.toml".to_owned(), format!("{PACK}{table}\n")),
        ("own.css".to_owned(), css.to_owned()),
    ]);
    let sources = Sources::new(&files);
    let mut findings = Vec::new();
    let manifest = manifest::read(&sources, &mut findings).unwrap();
    let theme = read(&manifest, &sources, &mut findings);
    let found = findings.into_iter().map(|finding| {
        assert!(
            finding.line.is_some() && finding.help.is_some(),
            "{finding:?}"
        );
        format!(
            "{}: {} / {}",
            finding.file,
            finding.message,
            finding.help.unwrap()
        )
    });
    (theme, found.collect())
}

#[track_caller]
fn writes(table: &str, sheet: &str) {
    let (theme, found) = read_with(table, "");
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(theme.sheet, sheet);
}

#[track_caller]
fn refuses(table: &str, reasons: &[&str]) {
    let (_, found) = read_with(table, "");
    assert_eq!(found.len(), reasons.len(), "{found:#?}");
    for (found, reason) in found.iter().zip(reasons) {
        assert!(found.contains(reason), "{reason}: {found}");
    }
}

/// A sheet of the pack's own, and a part of what is wrong with it.
#[track_caller]
fn refuses_css(css: &str, reason: &str) {
    let (_, found) = read_with("css = \"own.css\"", css);
    assert!(!found.is_empty(), "nothing is wrong with {css}");
    for found in &found {
        assert!(found.starts_with("own.css: "), "{found}");
    }
    assert!(
        found.iter().any(|found| found.contains(reason)),
        "{css}: {found:?}"
    );
}

#[test]
fn the_widgets_own_colours_are_read_and_can_be_read_by_people() {
    for (name, scheme) in COLOURS.iter().flat_map(|name| [(name, 0), (name, 1)]) {
        let value = own(name, scheme).and_then(Colour::read);
        assert!(value.is_some(), "{name} in {}", SCHEMES[scheme]);
    }
    assert_ne!(own("surface", 0), own("surface", 1));
    for (name, ground, needed, _) in PAIRS {
        for scheme in [0, 1] {
            let [one, other] =
                [name, ground].map(|name| Colour::read(own(name, scheme).unwrap()).unwrap());
            assert!(one.contrast(other) >= needed, "{name} on {ground}");
        }
    }
}

#[test]
fn every_preset_is_sound() {
    for (name, properties) in PRESETS {
        let (theme, found) = read_with(&format!("preset = \"{name}\""), "");
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(theme.sheet.is_empty(), properties.is_empty(), "{name}");
        for (property, light, dark) in properties {
            assert!(
                own(property, 0).is_some(),
                "the widget's sheet has no {property}"
            );
            if COLOURS.contains(property) {
                assert!(Colour::read(light).is_some() && Colour::read(dark).is_some());
            }
        }
    }
}

#[test]
fn what_is_said_is_written_for_light_and_for_dark() {
    writes("", "");
    writes(
        "radius = \"0\"",
        "@layer avow{.avow,.avow-place{--avow-radius:0px}}",
    );
    writes(
        "font = \"Inter, 'Segoe UI', sans-serif\"\nradius = \"0.5rem\"",
        "@layer avow{.avow,.avow-place{--avow-font:Inter, 'Segoe UI', sans-serif;--avow-radius:0.5rem}}",
    );
    writes(
        "accent = { light = \"#0B5D3B\", dark = \"#b6f0d3\" }",
        "@layer avow{.avow,.avow-place{--avow-accent:#0b5d3b}@media (prefers-color-scheme:dark){.avow,.avow-place{--avow-accent:#b6f0d3}}}",
    );
    // What is said of one scheme leaves the other as it is.
    writes(
        "line = { dark = \"#444444\" }",
        "@layer avow{@media (prefers-color-scheme:dark){.avow,.avow-place{--avow-line:#444444}}}",
    );
    let dark = own("line", 1).unwrap();
    writes(
        "line = { light = \"#cccccc\" }",
        &format!(
            "@layer avow{{.avow,.avow-place{{--avow-line:#cccccc}}@media (prefers-color-scheme:dark){{.avow,.avow-place{{--avow-line:{dark}}}}}}}"
        ),
    );
    // What a theme says goes before its preset.
    let (theme, _) = read_with("preset = \"square\"\nradius = \"3px\"", "");
    assert!(theme.sheet.contains("--avow-radius:3px"), "{}", theme.sheet);
    assert!(
        !theme.sheet.contains("--avow-radius:0px"),
        "{}",
        theme.sheet
    );
}

#[test]
fn a_position_that_is_not_the_usual_one_is_in_the_sheet() {
    for (table, says) in [
        ("", ""),
        ("position = \"bottom\"", ""),
        ("position = \"top\"", "inset-block:"),
        ("position = \"corner\"", "max-inline-size:"),
    ] {
        let (theme, found) = read_with(table, "");
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(theme.sheet.is_empty(), says.is_empty(), "{}", theme.sheet);
        assert!(theme.sheet.contains(says), "{}", theme.sheet);
    }
}

#[test]
fn what_could_not_be_read_is_refused_with_the_nearest_that_could() {
    for (table, pair) in [
        (
            "text = { light = \"#888888\" }",
            "in light, `text` (#888888) has a contrast of 3.54:1 on `surface`",
        ),
        ("muted = { dark = \"#666666\" }", "in dark, `muted`"),
        (
            "on-accent = { light = \"#777777\" }",
            "in light, `on-accent`",
        ),
        ("control = { light = \"#cccccc\" }", "in light, `control`"),
        ("focus = { dark = \"#222222\" }", "in dark, `focus`"),
        // One colour is for both schemes.
        ("text = \"#000000\"", "in dark, `text` (#000000)"),
        // Where only the ground is said, that is to blame.
        (
            "surface = { light = \"#8a8a8a\" }\ntext = { light = \"#000000\" }\nmuted = { light = \"#000000\" }\ncontrol = { light = \"#000000\" }\naccent = { light = \"#000000\" }",
            "in light, `focus`",
        ),
    ] {
        refuses(table, &[pair]);
    }
    refuses(
        "accent = { light = \"#eeeeee\" }",
        &[
            "`on-accent` (#ffffff) has a contrast of 1.16:1 on `accent` (#eeeeee), and needs 4.5:1",
            "`accent` (#eeeeee)",
        ],
    );
    // The way out is one.
    let (_, found) = read_with("text = { light = \"#888888\" }", "");
    let (_, way_out) = found[0].split_once("the nearest that has it: `").unwrap();
    let (way_out, section) = way_out.split_once('`').unwrap();
    assert_eq!(section, " (WCAG 2.2, 1.4.3)");
    let (_, found) = read_with(way_out, "");
    assert!(found.is_empty(), "{way_out}: {found:?}");
}

#[test]
fn what_says_nothing_is_refused_with_a_way_out() {
    for (table, reason) in [
        (
            "acent = \"#000000\"",
            "a theme has no `acent` / did you mean `accent`?",
        ),
        (
            "accent = \"navy\"",
            "`navy` is no colour / write it as `#rrggbb`",
        ),
        ("line = \"#fff\"", "`#fff` is no colour"),
        ("accent = 3", "`theme.accent` is no colour"),
        ("accent = {}", "`theme.accent` is no colour"),
        (
            "accent = { lite = \"#000000\" }",
            "`theme.accent` is no colour",
        ),
        (
            "position = \"botom\"",
            "there is no position `botom` / did you mean `bottom`?",
        ),
        (
            "preset = \"loud\"",
            "there is no preset `loud` / there are `plain`",
        ),
        ("preset = 1", "`theme.preset` is no string"),
        ("radius = \"8\"", "`8` is no length"),
        ("radius = \"-1px\"", "`-1px` is no length"),
        ("radius = \"px\"", "`px` is no length"),
        ("radius = \"1px}\"", "`1px}` is no length"),
        ("font = \"a;b\"", "`a;b` is no list of fonts"),
        ("font = \"a}b\"", "is no list of fonts"),
        ("font = \"'a\"", "is no list of fonts"),
        ("font = \"\"", "is no list of fonts"),
        (
            "css = \"none.css\"",
            "there is no style sheet `none.css` in the pack",
        ),
        ("css = \"avow.toml\"", "there is no style sheet `avow.toml`"),
        ("css = 1", "`theme.css` is no string"),
    ] {
        refuses(table, &[reason]);
    }
}

#[test]
fn a_sheet_of_ones_own_comes_last() {
    let css = "/* Ours. */\n@media (width >= 40em) {\n  .avow-banner h2 { font-size: 1.25em; }\n}\n\
        @font-face { font-family: \"Own\"; src: url(\"/fonts/own.woff2\") format(\"woff2\"); font-weight: 400 }\n\
        .avow .avow-strong:hover, .avow button:focus-visible { border-radius: 1em; text-transform: uppercase }\n\
        .avow-banner { box-shadow: 0 -0.5em 1em rgb(0 0 0 / 20%); border: 2px solid #123456; }\n\
        .avow-words p:first-child, .avow-words > * + p { margin-block: 0.5em; line-height: 1.6 !important }\n\
        .avow-actions { gap: 1em }\n\
        [dir=rtl] .avow h2 { letter-spacing: 0 }\n\
        .avow-actions [data-avow=accept], .avow-actions [data-avow=\"reject\"] { font-weight: 700 }\n\
        .avow-actions [data-avow=choose] { font-weight: 400 }\n";
    let (theme, found) = read_with("css = \"own.css\"\nradius = \"0\"", css);
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(
        theme.sheet,
        format!("@layer avow{{.avow,.avow-place{{--avow-radius:0px}}}}\n{css}")
    );
}

#[test]
fn a_sheet_that_tells_one_answer_from_the_other_is_refused() {
    for selector in [
        ".avow [data-avow=accept]",
        ".avow [data-avow=\"reject\"]",
        ".avow [DATA-AVOW='accept']",
        ".avow button:not([data-avow=accept])",
        ".avow-banner:has([data-avow=accept]:hover) h2",
        ".avow [data-avow=accept], .avow-banner [data-avow=reject]",
        // Not one of the two by name.
        ".avow [data-avow^=acc]",
        ".avow [data-avow=acc i]",
        ".avow [data-avow]",
        ".avow [type=button]",
        ".avow-strong:first-child",
        ".avow-strong:last-of-type",
        ".avow-strong:nth-child(2)",
        ".avow button:nth-of-type(1 of .avow-strong)",
        ".avow :only-child",
        ".avow *:first-child",
        ".avow-strong + .avow-strong",
        ".avow-strong ~ button",
        ".avow-strong+*",
        ".avow-strong:not(:first-child)",
        ".avow-strong:is(:first-child)",
        ".avow-strong:where(button + button)",
        ".avow-strong:has(+ .avow-strong)",
        ".avow-strong:focus:first-child",
        ".avow-strong::before",
        ".avow-actions > :nth-last-child(3)",
        ".avow h2, .avow-strong:first-child",
        ".AVOW-STRONG.avow-strong:First-Child",
    ] {
        refuses_css(&format!("{selector} {{ font-weight: 700 }}"), "");
    }
    // Comments and escapes could hide what is selected.
    refuses_css(
        ".avow-strong/**/:first-child { font-weight: 700 }",
        "more than a selector",
    );
    refuses_css(
        ".avow-strong\\:first-child { font-weight: 700 }",
        "has a `\\`",
    );
    refuses_css(
        ".avow { & .avow-strong:first-child { font-weight: 700 } }",
        "stands in another one",
    );
}

#[test]
fn a_sheet_that_hides_moves_or_recolours_is_refused() {
    for rule in [
        ".avow-strong { display: none }",
        ".avow button { visibility: hidden }",
        ".avow-banner { opacity: 0 }",
        ".avow { all: unset }",
        ".avow-actions { grid-template-columns: 0 1fr }",
        ".avow-actions { direction: rtl }",
        ".avow-actions { font-size: 1px }",
        ".avow * { font-size: 12px }",
        ".avow-strong { font-size: 75% }",
        ".avow-strong { margin: 0 }",
        ".avow-strong { border: 9px solid red }",
        ".avow-strong { background: #fff }",
        ".avow-strong { color: #fff }",
        ".avow-words { position: fixed }",
        ".avow-words { color: #eeeeee }",
        ".avow-words { outline: 64px solid red }",
        ".avow h2 { font-size: 2px }",
        ".avow h2 { font-size: 0 }",
        ".avow p { margin-block-end: -30em }",
        ".avow p { margin: 100px }",
        ".avow p { margin: 100% 400% }",
        ".avow p { margin: 50vh }",
        ".avow p { padding: calc(1px * 9999) }",
        ".avow p { padding: var(--far) }",
        ".avow p { padding: 1e9px }",
        ".avow p { padding: +99em }",
        ".avow { --avow-accent: #ffffff }",
        ".avow::before { content: \"Accept!\" }",
        "@keyframes a { to { margin: 0 } } .avow h2 { margin: 0 }",
        "@import \"other.css\";",
        "@layer avow { .avow h2 { margin: 0 } }",
        "@supports (display: grid) { .avow-strong { display: none } }",
        "@media print { @media screen { .avow-strong { display: none } } }",
        "body { margin: 0 }",
        ".shop .avow-banner, .shop { margin: 0 }",
        ":not(.avow-banner) { margin: 0 }",
        "@font-face { src: url(https://fonts.example/a.woff2) }",
        "@font-face { src: url( \"//fonts.example/a.woff2\") }",
        "@font-face { margin: 0 }",
        ".avow h2 { margin: 0",
        ".avow h2 { margin: 0 } }",
        ".avow h2 { margin: 0 } /* on",
        ".avow h2 { font-family: \"a }",
        ".avow h2 { font-family: \"a;b\" }",
        "<!-- .avow h2 { margin: 0 } -->",
        "margin: 0;",
    ] {
        refuses_css(rule, "");
    }
}
