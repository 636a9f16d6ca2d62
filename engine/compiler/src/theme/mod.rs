//! `[theme]`: how the widget looks on a site. A look in which somebody could not read, or would be led to one of two answers, is
//! an error: nothing is built with it.

mod colour;
mod presets;
mod selector;
mod sheet;

use std::{collections::BTreeMap, ops::Range};

use crate::{
    finding::{Finding, Sources},
    manifest::{MANIFEST, Manifest},
    suggest::way_out,
    toml_place,
};
use colour::Colour;
use presets::{POSITIONS, PRESETS};

/// What the widget looks like where the theme says nothing.
const OWN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../widget/css/avow.css"
));

/// Where the widget's own sheet, and what is written here, goes over to dark.
const DARK: &str = "@media (prefers-color-scheme: dark)";

/// What has the properties: the layers, and what stands in place of embedded frames.
const SCOPE: &str = ".avow,.avow-place";

const SCHEMES: [&str; 2] = ["light", "dark"];

const COLOURS: [&str; 8] = [
    "accent",
    "on-accent",
    "surface",
    "text",
    "muted",
    "line",
    "control",
    "focus",
];

/// What else a theme may say.
const OTHERS: [&str; 5] = ["radius", "font", "position", "preset", "css"];

/// Two colours, the contrast that one needs on the other, and where WCAG 2.2 says so.
const PAIRS: [(&str, &str, f64, &str); 6] = [
    ("text", "surface", 4.5, "1.4.3"),
    ("muted", "surface", 4.5, "1.4.3"),
    ("on-accent", "accent", 4.5, "1.4.3"),
    ("control", "surface", 3.0, "1.4.11"),
    ("accent", "surface", 3.0, "1.4.11"),
    ("focus", "surface", 3.0, "1.4.11"),
];

/// How the widget looks on a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// What comes after the widget's own style sheet; may be empty.
    pub sheet: String,
}

/// As the manifest has it.
pub type Table = BTreeMap<String, toml::Spanned<toml::Value>>;

/// The properties that are said: in light and in dark, and the key whose value says it.
type Said<'a> = BTreeMap<&'a str, [Option<(String, &'a str)>; 2]>;

/// Reads a theme, and measures it.
pub(crate) fn read(
    manifest: &Manifest,
    sources: &Sources<'_>,
    findings: &mut Vec<Finding>,
) -> Theme {
    let Some(table) = &manifest.theme else {
        return Theme::default();
    };
    let mut reading = Reading {
        table,
        said: Said::new(),
        found: Vec::new(),
    };
    let position = reading.one_of("position", POSITIONS.map(|(name, _)| name));
    let preset = reading.one_of("preset", PRESETS.map(|(name, _)| name));
    if let Some((_, properties)) = PRESETS.iter().find(|(name, _)| Some(*name) == preset) {
        for (name, light, dark) in *properties {
            let values = [light, dark].map(|value| Some(((*value).to_owned(), "preset")));
            reading.said.insert(name, values);
        }
    }
    reading.keys(sources);
    for name in COLOURS {
        reading.colour(name);
    }
    reading.length("radius");
    reading.font("font");
    if reading.found.is_empty() {
        reading.contrasts();
    }
    let mut sheet = written(&reading.said);
    if let Some((_, moved)) = POSITIONS.iter().find(|(name, _)| Some(*name) == position)
        && !moved.is_empty()
    {
        sheet.push_str(&format!("@layer avow{{{moved}}}"));
    }
    let found = reading.found.into_iter();
    findings.extend(found.map(|(span, message, help)| {
        let finding = sources.error("theme", MANIFEST, Some(span), message);
        Finding { help, ..finding }
    }));
    if let Some(more) = table.get("css") {
        sheet.push_str(&further(more, sources, findings));
    }
    Theme { sheet }
}

struct Reading<'a> {
    table: &'a Table,
    said: Said<'a>,
    /// Place, what is wrong, and a way out.
    found: Vec<(Range<usize>, String, Option<String>)>,
}

impl<'a> Reading<'a> {
    fn wrong(&mut self, key: &str, message: String, help: impl Into<String>) {
        let span = self.table.get(key).map_or(0..0, toml::Spanned::span);
        self.found.push((span, message, Some(help.into())));
    }

    /// Keys that say nothing.
    fn keys(&mut self, sources: &Sources<'_>) {
        let text = sources.get(MANIFEST).unwrap_or_default();
        for (key, value) in self.table {
            let known = COLOURS.into_iter().chain(OTHERS);
            if known.clone().any(|known| known == key) {
                continue;
            }
            let place = toml_place::entry(text, "theme", key).map(|(key, _)| key);
            let message = format!("a theme has no `{key}`");
            let help = Some(way_out(key, known));
            let span = place.unwrap_or_else(|| value.span());
            self.found.push((span, message, help));
        }
    }

    fn text(&mut self, key: &str) -> Option<&'a str> {
        let text = self.table.get(key)?.get_ref().as_str();
        if text.is_none() {
            self.wrong(
                key,
                format!("`theme.{key}` is no string"),
                "write it in quotes",
            );
        }
        text
    }

    fn one_of<const N: usize>(
        &mut self,
        key: &str,
        all: [&'static str; N],
    ) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = all.into_iter().find(|known| *known == text);
        if found.is_none() {
            let message = format!("there is no {key} `{text}`");
            self.wrong(key, message, way_out(text, all.into_iter()));
        }
        found
    }

    /// One colour for both schemes, or one for each.
    fn colour(&mut self, name: &'static str) {
        let Some(value) = self.table.get(name) else {
            return;
        };
        let values = match value.get_ref() {
            toml::Value::String(text) => [Some(text), Some(text)],
            toml::Value::Table(each)
                if !each.is_empty()
                    && each
                        .iter()
                        .all(|(key, value)| SCHEMES.contains(&key.as_str()) && value.is_str()) =>
            {
                SCHEMES.map(|scheme| match each.get(scheme) {
                    Some(toml::Value::String(text)) => Some(text),
                    _ => None,
                })
            }
            _ => {
                let message = format!("`theme.{name}` is no colour");
                let help = "write `\"#rrggbb\"`, or `{ light = \"#rrggbb\", dark = \"#rrggbb\" }`";
                self.wrong(name, message, help);
                return;
            }
        };
        for (scheme, text) in values.into_iter().enumerate() {
            let Some(text) = text else { continue };
            match Colour::read(text).filter(|_| text.len() == 7) {
                Some(colour) => self.say(name, scheme, colour.to_string()),
                None => {
                    let message = format!("`{text}` is no colour");
                    self.wrong(name, message, "write it as `#rrggbb`");
                    return;
                }
            }
        }
    }

    fn say(&mut self, name: &'static str, scheme: usize, value: String) {
        if let Some(slot) = self.said.entry(name).or_default().get_mut(scheme) {
            *slot = Some((value, name));
        }
    }

    /// A length as it may stand in a calculation: one without a unit may not.
    fn length(&mut self, name: &'static str) {
        let Some(text) = self.text(name) else { return };
        let unit = ["px", "rem", "em"]
            .into_iter()
            .find_map(|unit| Some((text.strip_suffix(unit)?, unit)));
        let (number, unit) = unit.unwrap_or((text, "px"));
        let digits = number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let value: Option<f64> = number.parse().ok().filter(|_| digits);
        if value.is_none_or(|value| unit.is_empty() || text == number && value != 0.0) {
            let message = format!("`{text}` is no length");
            self.wrong(name, message, "write it as `0`, `8px`, `0.5em` or `0.5rem`");
            return;
        }
        for scheme in 0..SCHEMES.len() {
            self.say(name, scheme, format!("{number}{unit}"));
        }
    }

    /// Names of fonts, and nothing with which a declaration could end.
    fn font(&mut self, name: &'static str) {
        let Some(text) = self.text(name) else { return };
        let plain = |c: char| c.is_alphanumeric() || " ,-_\"'".contains(c);
        let closed = ['"', '\'']
            .iter()
            .all(|quote| text.matches(*quote).count() % 2 == 0);
        if text.trim().is_empty() || !text.chars().all(plain) || !closed {
            let message = format!("`{text}` is no list of fonts");
            self.wrong(
                name,
                message,
                "write it as `\"Inter, sans-serif\"`, or `\"inherit\"`",
            );
            return;
        }
        for scheme in 0..SCHEMES.len() {
            self.say(name, scheme, text.to_owned());
        }
    }

    /// The value of a colour, and the key that says it where the theme does.
    fn value(&self, name: &str, scheme: usize) -> Option<(Colour, Option<&'a str>)> {
        let said = self
            .said
            .get(name)
            .and_then(|said| said.get(scheme)?.as_ref());
        match said {
            Some((value, key)) => Some((Colour::read(value)?, Some(key))),
            None => Some((Colour::read(own(name, scheme)?)?, None)),
        }
    }

    /// What could not be read, or not be told from what it stands on.
    fn contrasts(&mut self) {
        for (name, ground, needed, section) in PAIRS {
            for (scheme, called) in SCHEMES.into_iter().enumerate() {
                let (Some((colour, said)), Some((below, ground_said))) =
                    (self.value(name, scheme), self.value(ground, scheme))
                else {
                    let message = format!("the widget's style sheet has no `--avow-{name}`");
                    self.found.push((0..0, message, None));
                    continue;
                };
                let contrast = colour.contrast(below);
                let Some(key) = said.or(ground_said).filter(|_| contrast < needed) else {
                    continue;
                };
                let message = format!(
                    "in {called}, `{name}` ({colour}) has a contrast of {:.2}:1 on `{ground}` ({below}), and needs {needed}:1",
                    (contrast * 100.0).floor() / 100.0
                );
                let nearest = colour.nearest(below, needed).unwrap_or(colour);
                let mut both = [0, 1].map(|scheme| self.value(name, scheme));
                if let Some(slot) = both.get_mut(scheme) {
                    *slot = Some((nearest, None));
                }
                let each = SCHEMES
                    .iter()
                    .zip(both)
                    .filter_map(|(called, value)| Some(format!("{called} = \"{}\"", value?.0)));
                let each: Vec<_> = each.collect();
                let help = format!(
                    "the nearest that has it: `{name} = {{ {} }}` (WCAG 2.2, {section})",
                    each.join(", ")
                );
                self.wrong(key, message, help);
            }
        }
    }
}

/// The widget's own value of a property.
fn own(name: &str, scheme: usize) -> Option<&'static str> {
    let mut schemes = OWN.split(DARK);
    let (light, dark) = (schemes.next()?, schemes.next()?);
    let property = format!("--avow-{name}: ");
    let of = |text: &'static str| text.split_once(property.as_str())?.1.split(';').next();
    match scheme {
        0 => of(light),
        _ => of(dark).or_else(|| of(light)),
    }
}

/// The custom properties. What is said of light alone must not hold in dark, too: there the widget's own value is said again.
fn written(said: &Said<'_>) -> String {
    let mut blocks = [String::new(), String::new()];
    for (name, [light, dark]) in said {
        let value = |said: &Option<(String, &str)>, scheme| match said {
            Some((value, _)) => Some(value.clone()),
            None => own(name, scheme).map(str::to_owned),
        };
        let (in_light, in_dark) = (value(light, 0), value(dark, 1));
        let [to_light, to_dark] = &mut blocks;
        if let Some(value) = in_light.as_ref().filter(|_| light.is_some()) {
            to_light.push_str(&format!("--avow-{name}:{value};"));
        }
        if let Some(value) =
            in_dark.filter(|value| light.is_none() || Some(value) != in_light.as_ref())
        {
            to_dark.push_str(&format!("--avow-{name}:{value};"));
        }
    }
    let [light, dark] = blocks.map(|block| match block.trim_end_matches(';') {
        "" => String::new(),
        block => format!("{SCOPE}{{{block}}}"),
    });
    let dark = match dark.as_str() {
        "" => dark,
        dark => format!("@media (prefers-color-scheme:dark){{{dark}}}"),
    };
    match format!("{light}{dark}").as_str() {
        "" => String::new(),
        both => format!("@layer avow{{{both}}}"),
    }
}

/// A sheet of the pack's own.
fn further(
    named: &toml::Spanned<toml::Value>,
    sources: &Sources<'_>,
    findings: &mut Vec<Finding>,
) -> String {
    let named_at = named.span();
    let Some(file) = named.get_ref().as_str() else {
        let message = "`theme.css` is no string";
        let finding = sources.error("theme", MANIFEST, Some(named_at), message);
        findings.push(finding.with_help("write it in quotes"));
        return String::new();
    };
    let Some(text) = sources.get(file).filter(|_| file.ends_with(".css")) else {
        let message = format!("there is no style sheet `{file}` in the pack");
        let finding = sources.error("theme", MANIFEST, Some(named_at), message);
        findings.push(finding.with_help("name a file of the pack's folder that ends in `.css`"));
        return String::new();
    };
    for problem in sheet::check(text) {
        let finding = sources.error("theme", file, Some(problem.span), problem.message);
        findings.push(finding.with_help(problem.help));
    }
    format!("\n{text}")
}

#[cfg(test)]
mod tests;
