//! Markup that is safe to send: text becomes [`Html`] only by being escaped.

use std::fmt::Write as _;

use axum::response::{Html as Body, IntoResponse, Response};

/// Finished markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Text as it is to be read. Safe in elements and in quoted attributes.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        let mut out = String::new();
        for char in text.as_ref().chars() {
            match char {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
        }
        Self(out)
    }

    /// A number.
    pub(crate) fn number(number: usize) -> Self {
        Self(number.to_string())
    }

    /// Markup of our own, from a file of this crate or a literal.
    pub(crate) fn ours(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// A template with the named places filled in. A place is `{{name}}`; one that nothing is given for stays empty.
    pub(crate) fn fill(template: &str, values: &[(&str, &Html)]) -> Self {
        let mut out = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            let value = values.iter().find(|(key, _)| *key == name);
            debug_assert!(value.is_some(), "nothing is given for `{name}`");
            if let Some((_, Self(markup))) = value {
                out.push_str(markup);
            }
            rest = after;
        }
        out.push_str(rest);
        Self(out)
    }

    /// One after the other.
    pub(crate) fn join(parts: impl IntoIterator<Item = Html>) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            // Writing to a string cannot fail.
            let _ = all.0.write_str(&part.0);
            all
        })
    }
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        Body(self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn what_is_filled_in_cannot_become_markup() {
        let name = Html::text("<b title=\"x\">&'");
        let page = Html::fill("<p>{{name}}</p>{{name}}{", &[("name", &name)]);
        let escaped = "&lt;b title=&quot;x&quot;&gt;&amp;&#39;";
        assert_eq!(page.0, format!("<p>{escaped}</p>{escaped}{{"));
    }

    #[test]
    fn a_value_is_not_filled_in_again() {
        let name = Html::text("{{other}}");
        let page = Html::fill("{{name}}", &[("name", &name)]);
        assert_eq!(page.0, "{{other}}");
    }
}
