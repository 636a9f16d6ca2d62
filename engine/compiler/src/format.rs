//! Cedar's formatter, with the width and the indentation of this repository's rules.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

/// Characters of a line that the formatter tries not to exceed; a comment stays as it is.
const LINE_WIDTH: usize = 100;
const INDENT: isize = 2;

/// Rules, formatted. Comments stay, and so do the blank lines that end their paragraphs; the formatter itself compares that the
/// rules mean the same.
///
/// # Errors
/// Why the text cannot be formatted: it does not parse, as a rule.
pub fn format(text: &str) -> Result<String, String> {
    let config = Config {
        line_width: LINE_WIDTH,
        indent_width: INDENT,
    };
    if text.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let formatted = policies_str_to_pretty(text, &config).map_err(|error| {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        causes.join(": ")
    })?;
    Ok(with_paragraphs(text, formatted))
}

/// Puts back the blank lines after comments between rules, which the formatter drops: without them the comment at the head of
/// a file would become that of its first rule.
fn with_paragraphs(before: &str, formatted: String) -> String {
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let mut lines = before.lines().peekable();
    let mut ends = Vec::new();
    while let Some(line) = lines.next() {
        if is_comment(&line) {
            let blank = lines.peek().is_some_and(|next| next.trim().is_empty());
            ends.push(line.starts_with("//") && blank);
        }
    }
    // Comments keep their order. Where their number differs, what looks like one is part of a text.
    if formatted.lines().filter(is_comment).count() != ends.len() {
        return formatted;
    }
    let mut ends = ends.into_iter();
    let mut out = String::with_capacity(formatted.len());
    let mut lines = formatted.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let ends_here = is_comment(&line) && ends.next() == Some(true);
        if ends_here && lines.peek().is_some_and(|next| !next.trim().is_empty()) {
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn comments_and_their_paragraphs_stay() {
        let text = "// Head of the file.\n\n// Of the rule.\n@id(\"a\")\npermit(principal,action,resource)when{context.a /* no */ == \"// no\"};\n// End.\n";
        assert!(format(text).is_err(), "Cedar has no such comments");
        let text = text.replace("/* no */ ", "");
        let once = format(&text).unwrap_or_default();
        assert_eq!(
            once,
            "// Head of the file.\n\n// Of the rule.\n@id(\"a\")\npermit (principal, action, resource)\nwhen { context.a == \"// no\" };\n// End.\n"
        );
        assert_eq!(format(&once), Ok(once));
    }

    #[test]
    fn what_does_not_parse_is_told_why() {
        let error = format("permit (").unwrap_err();
        assert!(
            error.starts_with("cannot parse input policies: "),
            "{error}"
        );
    }
}
