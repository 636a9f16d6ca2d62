//! How long the cookie of a choice may become. Browsers send it with every request, and a host may refuse what is too much.

use avow_compiler::Compiled;
use avow_engine::{Bundle, Choice};

/// Bytes that it is to stay below, with its name.
const PROMISED: usize = 400;

/// Bytes beyond which the engine takes it for somebody else's (`engine/src/choice.rs`).
const READ: usize = 2048;

/// The longest there is: the instants of the next two hundred years have as many digits, no way to choose has a longer name
/// (`docs/consent-cookie.md`), and no id more characters.
const AT: i64 = 9_999_999_999_999;
const METHOD: &str = "placeholder";
const ID_CHARACTERS: usize = 22;

/// What to say of a cookie that may become too long; nothing of another.
///
/// # Errors
/// A choice that the engine would not read.
pub(super) fn check(compiled: &Compiled, bundle: &Bundle) -> Result<Option<String>, String> {
    let Some(consent) = &compiled.manifest.consent else {
        return Ok(None);
    };
    let longest = longest(bundle);
    let value = longest.to_cookie().len();
    let bytes = consent.cookie.len() + "=".len() + value;
    let mut slugs: Vec<_> = longest.granted.iter().chain(&longest.services).collect();
    slugs.sort_by_key(|slug| (std::cmp::Reverse(slug.len()), slug.as_str()));
    let slugs: Vec<_> = slugs
        .iter()
        .take(3)
        .map(|slug| format!("`{slug}`"))
        .collect();
    let said = |limit: usize| {
        format!(
            "the cookie `{}` may take {bytes} bytes, where somebody agrees to everything; it should stay below {limit}: give shorter slugs to {}, or join services",
            consent.cookie,
            slugs.join(", ")
        )
    };
    match bytes {
        _ if value > READ => Err(said(READ)),
        bytes => Ok((bytes >= PROMISED).then(|| said(PROMISED))),
    }
}

/// The choice of somebody who agrees to all that is asked about.
fn longest(bundle: &Bundle) -> Choice {
    let slugs = |of: &str| -> Vec<String> {
        let all = bundle.entities(of);
        all.filter(|one| super::constants::is_asked(bundle, one))
            .map(|one| one.id().to_owned())
            .collect()
    };
    let languages = crate::words::languages();
    Choice {
        at: AT,
        offer: bundle.meta("offer").unwrap_or_default().to_owned(),
        granted: slugs("Avow::Purpose"),
        services: slugs("Avow::Service"),
        method: METHOD.to_owned(),
        language: languages
            .max_by_key(|tag| tag.len())
            .unwrap_or_default()
            .to_owned(),
        id: "x".repeat(ID_CHARACTERS),
        ..Choice::default()
    }
}
