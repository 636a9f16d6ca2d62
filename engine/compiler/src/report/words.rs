//! Words that the pages of a report share.

use crate::Kept;

/// What a way of keeping promises is called.
pub(super) fn kept_by(kept: Kept) -> &'static str {
    match kept {
        Kept::Rule => "rule",
        Kept::Attested => "attested",
        Kept::Mechanism => "mechanism",
        Kept::Organisation => "organisation",
    }
}

/// What it means.
pub(super) fn means(kept: Kept) -> &'static str {
    match kept {
        Kept::Rule => "A rule decides, over facts for which nobody has to be believed.",
        Kept::Attested => "A rule decides, over a fact that somebody asserts.",
        Kept::Mechanism => "A part of the software carries it out.",
        Kept::Organisation => "People keep it. No rule can.",
    }
}

/// What a basis means.
pub(super) fn basis(basis: &str) -> &str {
    match basis {
        "stated" => "stated in the policy",
        "inferred" => "inferred from the policy",
        "operator" => "set by the operator",
        other => other,
    }
}

/// `1 case`, `2 cases`.
pub(super) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// A text, or that there is none.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Blanks and line breaks as one blank each.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
