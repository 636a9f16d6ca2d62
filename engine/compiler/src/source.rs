//! The text of a rule, from where it was written.

/// The rule that begins at a line and a column, both from 1 (the column in characters), up to its semicolon.
#[must_use]
pub fn rule_text(text: &str, line: u32, column: u32) -> Option<&str> {
    let number = usize::try_from(line).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
    let rest = text.get(before..)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let (skipped, _) = rest.char_indices().nth(column)?;
    let rest = rest.get(skipped..)?;
    let (mut in_string, mut in_comment, mut escaped) = (false, false, false);
    let mut last = ' ';
    for (at, c) in rest.char_indices() {
        match c {
            '\n' => in_comment = false,
            _ if in_comment => {}
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if last == '/' => in_comment = true,
            ';' => return rest.get(..=at),
            _ => {}
        }
        last = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::rule_text;

    #[test]
    fn a_rule_ends_at_its_own_semicolon() {
        let text = "// é\n  @id(\"a;\\\"\") // no; not yet\npermit (principal, action, resource);\nforbid (principal, action, resource);";
        let first = rule_text(text, 2, 3);
        assert_eq!(
            first,
            Some("@id(\"a;\\\"\") // no; not yet\npermit (principal, action, resource);")
        );
        assert_eq!(
            rule_text(text, 4, 1),
            Some("forbid (principal, action, resource);")
        );
        assert_eq!(rule_text(text, 9, 1), None);
        assert_eq!(rule_text("permit (", 1, 1), None);
    }
}
