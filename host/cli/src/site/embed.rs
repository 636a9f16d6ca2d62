//! How a page takes the widget up: a tag, or the loader itself in the page.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::escape;

/// What stands first in the head of each page, and what a policy of scripts (CSP) needs for it.
#[derive(Serialize)]
pub(crate) struct Embed {
    /// The tag, whole.
    pub(crate) html: String,
    /// The source for `script-src`; of a file of the site's own that is `'self'`.
    pub(crate) csp: String,
}

/// The widget's style sheet, which a page that brings the first layer along needs before it shows it. It stands before the
/// loader, which knows it by its id and does not fetch it again.
pub(crate) fn styled(base: &str, embed: Embed) -> Embed {
    let base = escape(base);
    Embed {
        html: format!(
            "<link id=\"avow-style\" rel=\"stylesheet\" href=\"{base}/avow.css\">\n{}",
            embed.html
        ),
        csp: embed.csp,
    }
}

/// The loader as a file.
pub(crate) fn tag(base: &str) -> Embed {
    let base = escape(base);
    Embed {
        html: format!("<script src=\"{base}/avow.js\" data-site=\"{base}/site.avow\"></script>"),
        csp: "'self'".to_owned(),
    }
}

/// The loader in the page: one request less, and a digest that changes with every build.
///
/// # Errors
/// A loader that would not stand in a page as it is.
pub(crate) fn inline(base: &str, loader: &[u8]) -> Result<Embed, String> {
    let loader = std::str::from_utf8(loader).map_err(|error| error.to_string())?;
    let lower = loader.to_ascii_lowercase();
    // A browser ends the script at the first, and the second lets it look for another end; a third it would read as a line feed,
    // and then find another digest.
    for mark in ["</script", "<!--", "\r"] {
        if lower.contains(mark) {
            return Err(format!("the loader has `{}` in it", mark.escape_debug()));
        }
    }
    let base = escape(base);
    let digest = base64(&Sha256::digest(loader));
    Ok(Embed {
        html: format!(
            "<script data-site=\"{base}/site.avow\" data-base=\"{base}/\">{loader}</script>"
        ),
        csp: format!("'sha256-{digest}'"),
    })
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = DIGITS.get((bits >> shift & 63) as usize);
            out.push(match (at <= three.len(), digit) {
                (true, Some(digit)) => char::from(*digit),
                _ => '=',
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, inline};

    #[test]
    fn base64_is_as_its_specification_has_it() {
        for (text, wanted) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), wanted);
        }
    }

    #[test]
    fn the_digest_is_the_one_that_browsers_reckon() {
        // MDN's example of a hash source.
        let embed = inline("/avow", b"var inline = 1;").unwrap();
        assert_eq!(
            embed.csp,
            "'sha256-B2yPHKaXnvFWtRChIbabYmUBFZdVfKKXHbWtWidDVF8='"
        );
    }

    #[test]
    fn a_loader_that_would_end_its_own_script_is_not_put_into_a_page() {
        assert!(inline("/avow", b"a()").is_ok());
        for loader in ["'</script>'", "'</SCRIPT'", "'<!--'", "a()\r\nb()"] {
            assert!(inline("/avow", loader.as_bytes()).is_err(), "{loader}");
        }
    }
}
