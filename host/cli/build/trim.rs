//! Takes comments and indentation out of what browsers download. Line by line, so nothing is parsed and nothing can be
//! misread: our own sources and the generated bindings have no string that goes over a line's end.

/// A script, without lines that are comments.
pub(crate) fn script(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines().map(str::trim) {
        if inside || line.starts_with("/*") {
            inside = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// A style sheet, on one line. A space beside a brace or a semicolon, after a comma or after the colon of a declaration says
/// nothing; one in a string does.
pub(crate) fn sheet(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let joined: String = out.lines().map(str::trim).collect();
    let outside = |text: &str| {
        let tight = [" {", "{ ", " }", "} ", "; ", ", ", ": ", " !"]
            .into_iter()
            .fold(text.to_owned(), |text, pair| {
                text.replace(pair, pair.trim())
            });
        tight.replace(";}", "}")
    };
    let parts = joined.split('"').enumerate();
    let tight = parts.map(|(at, part)| match at % 2 {
        0 => outside(part),
        _ => part.to_owned(),
    });
    tight.collect::<Vec<_>>().join("\"")
}

/// A language, on one line.
pub(crate) fn words(text: &str) -> String {
    text.lines().map(str::trim).collect()
}

/// What a language has words for, in order: one a line.
pub(crate) fn keys(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .map(String::from)
        .collect()
}
