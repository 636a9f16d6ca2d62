//! The first layer as static HTML, hidden: a page that brings it along need not wait for anything to show it.
//!
//! INVARIANT: it has the elements, classes and attributes that the widget draws, in their order, so that the widget can take it
//! over; a test in `tests/browser` compares the two.

use super::escape;
use crate::words::Language;

/// The layer in one language. Its style sheet comes with the tag: [`super::embed::styled`].
pub(super) fn html(language: &str, words: &Language) -> Result<String, String> {
    let word = |key: &str| {
        let found = words.get(key).map(escape);
        found.ok_or_else(|| format!("the widget's words have no `{key}` in `{language}`"))
    };
    let policy = match words.address() {
        None => String::new(),
        Some(address) => format!(
            "<p class=\"avow-muted\"><a href=\"{}\">{}</a></p>",
            escape(address),
            word("policy")?
        ),
    };
    let button = |action: &str, style: &str| {
        let text = word(action)?;
        Ok::<_, String>(format!(
            "<button type=\"button\" class=\"{style}\" data-avow=\"{action}\">{text}</button>"
        ))
    };
    Ok([
        &format!(
            "<div class=\"avow\" id=\"avow\" lang=\"{}\" dir=\"{}\" data-nosnippet hidden>",
            escape(language),
            word("dir")?
        ),
        "<div class=\"avow-status\" role=\"status\"></div>",
        "<div class=\"avow-banner\" role=\"region\" aria-labelledby=\"avow-title\">",
        "<div class=\"avow-words\">",
        &format!("<h2 id=\"avow-title\">{}</h2>", word("banner.title")?),
        &format!("<p class=\"avow-muted\">{}</p>", word("banner.text")?),
        &policy,
        "</div><div class=\"avow-actions\">",
        // Both answers are of one style: neither may weigh more than the other.
        &button("reject", "avow-strong")?,
        &button("accept", "avow-strong")?,
        &button("choose", "avow-wide")?,
        "</div></div></div>\n",
    ]
    .concat())
}
