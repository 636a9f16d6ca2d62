//! `avow.toml` and `promises.toml`: who promises, and what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};

use crate::{
    finding::{Finding, Sources},
    theme,
};

/// The manifest's name.
pub(crate) const MANIFEST: &str = "avow.toml";
const PROMISES: &str = "promises.toml";

/// A pack's manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The pack itself.
    pub pack: PackTable,
    /// The published policy.
    #[serde(default)]
    pub policy: PolicyTable,
    /// Chapters of the packs that it uses, with the clauses that they keep here, blank-separated: `holds` is `holds.cedar`.
    #[serde(default)]
    pub base: BTreeMap<String, toml::Spanned<String>>,
    /// The consent cookie, where the pack has one.
    pub consent: Option<ConsentTable>,
    /// How the widget looks, where the pack says so.
    pub theme: Option<theme::Table>,
    /// Attributes of the entity `Settings::"pack"`.
    #[serde(default)]
    pub settings: toml::Table,
}

/// `[pack]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackTable {
    /// A slug.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who promises.
    #[serde(default)]
    pub operator: String,
    /// Cedar namespace of the pack's types and actions.
    pub namespace: String,
    /// Version of the pack.
    pub version: String,
    /// Language of its texts.
    #[serde(default = "english")]
    pub language: String,
    /// Folders of the packs that it builds on, relative to its own.
    #[serde(default)]
    pub uses: Vec<String>,
}

fn english() -> String {
    "en".to_owned()
}

/// `[policy]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTable {
    /// The date that the text carries.
    #[serde(default)]
    pub date: String,
    /// SHA-256 of the text, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// SHA-256 of its parts, by heading.
    #[serde(default)]
    pub sections: BTreeMap<String, String>,
}

/// `[consent]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentTable {
    /// Name of the cookie that remembers the choice.
    pub cookie: String,
    /// Days for which it does.
    pub days: u32,
    /// The domain whose hosts share it; without, it is of the one host that sets it.
    #[serde(default, deserialize_with = "domain")]
    pub domain: Option<String>,
}

fn domain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let domain = String::deserialize(deserializer)?;
    if is_domain(&domain) {
        return Ok(Some(domain));
    }
    Err(D::Error::custom(format!(
        "`{domain}` is no domain that hosts could share: write it in lower case and without a dot before it, such as `example.com`"
    )))
}

/// Whether a name is one of RFC 1123 with two labels or more, in lower case, and no address.
fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let bounded = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && bounded && label.bytes().all(known)
    };
    let last = name.rsplit_once('.').map(|(_, last)| last);
    name.len() <= 253
        && name.split('.').all(is_label)
        && last.is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()))
}

impl Manifest {
    /// What a bundle says of itself.
    pub(crate) fn meta(&self) -> BTreeMap<String, String> {
        let PackTable {
            name,
            title,
            operator,
            namespace,
            version,
            language,
            uses: _,
        } = &self.pack;
        let mut meta = BTreeMap::from([
            ("pack".to_owned(), name.clone()),
            ("name".to_owned(), title.clone()),
            ("operator".to_owned(), operator.clone()),
            ("namespace".to_owned(), namespace.clone()),
            ("version".to_owned(), version.clone()),
            ("language".to_owned(), language.clone()),
            ("policy.date".to_owned(), self.policy.date.clone()),
            ("policy.sha256".to_owned(), self.policy.sha256.clone()),
            ("target".to_owned(), "server".to_owned()),
        ]);
        if let Some(consent) = &self.consent {
            meta.insert("consent.cookie".to_owned(), consent.cookie.clone());
            meta.insert("consent.days".to_owned(), consent.days.to_string());
            if let Some(domain) = &consent.domain {
                meta.insert("consent.domain".to_owned(), domain.clone());
            }
        }
        meta
    }
}

/// Who keeps a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// A rule over facts that Avow has itself.
    Rule,
    /// A rule over a fact that somebody asserts.
    Attested,
    /// A part of the product.
    Mechanism,
    /// People.
    Organisation,
}

/// Which answers a promise can get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sides {
    /// It allows something and denies something.
    #[default]
    Both,
    /// It only denies.
    Deny,
    /// It only allows.
    Allow,
}

/// A commitment of the published policy.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The clause's id, as rules cite it.
    pub id: String,
    /// Where the policy says it.
    pub section: String,
    /// The family that it belongs to.
    pub kind: String,
    /// `stated`, `inferred` or `operator`.
    pub basis: String,
    /// Who keeps it.
    pub kept_by: Kept,
    /// What is promised.
    pub promise: String,
    /// How a vague promise is read.
    pub reading: Option<String>,
    /// Which answers it can get.
    #[serde(default)]
    pub sides: Sides,
    /// Who asserts the fact, for an attested promise.
    pub attested_by: Option<String>,
    /// The part of the product that keeps it.
    pub mechanism: Option<String>,
    /// Whether that part is still to come.
    #[serde(default)]
    pub pending: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promises {
    #[serde(default)]
    promise: Vec<toml::Spanned<Promise>>,
}

pub(crate) fn read(sources: &Sources<'_>, findings: &mut Vec<Finding>) -> Option<Manifest> {
    if sources.get(MANIFEST).is_none() {
        findings.push(
            sources
                .error("manifest", MANIFEST, None, "the pack has no manifest")
                .with_help(
                    "write `avow.toml` with a table `[pack]`: name, title, namespace, version",
                ),
        );
        return None;
    }
    parse(sources, MANIFEST, "manifest", findings)
}

pub(crate) fn read_promises(sources: &Sources<'_>, findings: &mut Vec<Finding>) -> Vec<Promise> {
    if sources.get(PROMISES).is_none() {
        return Vec::new();
    }
    let Some(read) = parse::<Promises>(sources, PROMISES, "promises", findings) else {
        return Vec::new();
    };
    let mut ids = BTreeSet::new();
    let mut promises = Vec::new();
    for promise in read.promise {
        let span = promise.span();
        let promise = promise.into_inner();
        let mut wrong = |message: String, help: &str| {
            let finding = sources.error("promises", PROMISES, Some(head(&span)), message);
            findings.push(finding.with_help(help));
        };
        if !ids.insert(promise.id.clone()) {
            wrong(
                format!("promise `{}` is there twice", promise.id),
                "give one another id",
            );
        }
        if promise.kept_by == Kept::Attested && promise.attested_by.is_none() {
            wrong(
                format!("promise `{}` does not say who attests", promise.id),
                "add `attested_by`",
            );
        }
        if promise.kept_by == Kept::Mechanism && promise.mechanism.is_none() {
            wrong(
                format!("promise `{}` names no mechanism", promise.id),
                "add `mechanism`, and `pending = true` where it is still to come",
            );
        }
        promises.push(promise);
    }
    promises
}

fn head(span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    span.start..span.end.min(span.start + "[[promise]]".len())
}

/// Reads TOML into a type; what does not fit becomes a finding with its place.
pub(crate) fn parse<T: DeserializeOwned>(
    sources: &Sources<'_>,
    file: &str,
    code: &'static str,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    match toml::from_str(sources.get(file)?) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = error.message().trim().to_owned();
            findings.push(sources.error(code, file, error.span(), message));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, is_domain};

    #[test]
    fn a_domain_is_one_that_a_cookie_can_have() {
        let long = "a".repeat(63);
        for good in [
            "example.com",
            "www.example-1.co.uk",
            "xn--bcher-kva.example",
            "1.example",
            &format!("{long}.{long}.{long}.example"),
        ] {
            assert!(is_domain(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "localhost",
            ".example.com",
            "example.com.",
            "example..com",
            "Example.com",
            "b\u{fc}cher.example",
            "-a.example",
            "a-.example",
            "a b.example",
            "example.com; HttpOnly",
            "https://example.com",
            "example.com:80",
            "127.0.0.1",
            &format!("{long}a.example"),
            &format!("{long}.{long}.{long}.{long}.example"),
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
    }

    #[test]
    fn a_bundle_knows_the_domain_that_shares_the_cookie() {
        let manifest = |domain: &str| {
            let text = format!(
                "[pack]\nname = \"a\"\ntitle = \"A\"\nnamespace = \"A\"\nversion = \"1\"\n\
                 [consent]\ncookie = \"c\"\ndays = 1\n{domain}"
            );
            toml::from_str::<Manifest>(&text)
        };
        let meta = |domain: &str| manifest(domain).unwrap().meta().remove("consent.domain");
        assert_eq!(meta(""), None);
        assert_eq!(meta("domain = \"example.com\""), Some("example.com".into()));
        let error = manifest("domain = \".example.com\"").unwrap_err();
        assert!(error.message().contains("`.example.com`"), "{error}");
        assert_eq!(error.span().map(|span| span.len()), Some(14));
    }
}
