//! Text in HTML and in Markdown. Whatever a pack says stays text: it closes no element, opens no link and turns no line
//! around.

use std::fmt::{self, Display, Formatter, Write as _};

/// Text in HTML, between tags or in a quoted attribute.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if unsafe_to_show(c) => write!(f, "[U+{:04X}]", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Prose in HTML: what stands between backticks is code.
pub(super) struct Prose<'a>(pub(super) &'a str);

impl Display for Prose<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.0.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return Text(self.0).fmt(f);
        }
        for (i, part) in parts.iter().enumerate() {
            match i % 2 {
                0 => Text(part).fmt(f)?,
                _ => write!(f, "<code>{}</code>", Text(part))?,
            }
        }
        Ok(())
    }
}

/// An id for an element, in which two names never meet: what is no letter, digit or `-` becomes `_hex_`.
pub(super) struct Anchor<'a>(pub(super) &'a str);

impl Display for Anchor<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => f.write_char(c)?,
                c => write!(f, "_{:x}_", u32::from(c))?,
            }
        }
        Ok(())
    }
}

/// Text in Markdown, in one line: in a paragraph, a heading or a cell of a table.
pub(super) struct Plain<'a>(pub(super) &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' | '\r' | '\t' => f.write_char(' ')?,
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '>' | '!' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                c if unsafe_to_show(c) => write!(f, "(U+{:04X})", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Code in Markdown, in one line. In a table a bar ends the cell even within code, so it is written as HTML does.
pub(super) struct Code<'a>(pub(super) &'a str);

impl Display for Code<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for c in self.0.chars() {
            match c {
                '|' => text.push_str("&#124;"),
                '`' => text.push_str("&#96;"),
                '*' => text.push_str("&#42;"),
                '_' => text.push_str("&#95;"),
                '[' => text.push_str("&#91;"),
                '\\' => text.push_str("&#92;"),
                '~' => text.push_str("&#126;"),
                '\n' | '\r' | '\t' => text.push(' '),
                c => write!(text, "{}", Text(c.encode_utf8(&mut [0; 4])))?,
            }
        }
        write!(f, "<code>{text}</code>")
    }
}

/// Characters that show nothing, or turn the text around them so that it reads otherwise than it is.
fn unsafe_to_show(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Code, Plain, Prose, Text};

    #[test]
    fn text_stays_text_in_html() {
        let hostile = "</style><script>alert('x')</script> \"&amp;\" \u{0}\u{202e}";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;/style&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;&amp;amp;&quot; [U+0000][U+202E]"
        );
    }

    #[test]
    fn backticks_make_code_where_they_are_paired() {
        assert_eq!(
            Prose("set `a<b`, once").to_string(),
            "set <code>a&lt;b</code>, once"
        );
        assert_eq!(Prose("a ` alone").to_string(), "a ` alone");
    }

    #[test]
    fn anchors_of_different_names_differ() {
        let names = ["a b", "a_b", "a_20_b", "a-b", "a\"b", "é"];
        let anchors: std::collections::BTreeSet<String> =
            names.iter().map(|name| Anchor(name).to_string()).collect();
        assert_eq!(anchors.len(), names.len());
        assert!(anchors.iter().all(|anchor| {
            let mut bytes = anchor.bytes();
            bytes.all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        }));
    }

    #[test]
    fn text_stays_text_in_markdown() {
        assert_eq!(
            Plain("[x](http://y) | *b* <i>\n# `c`").to_string(),
            "\\[x\\](http://y) \\| \\*b\\* &lt;i\\> \\# \\`c\\`"
        );
        assert_eq!(
            Code("a | `b` <c>").to_string(),
            "<code>a &#124; &#96;b&#96; &lt;c&gt;</code>"
        );
    }
}
