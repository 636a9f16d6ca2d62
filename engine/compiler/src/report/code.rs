//! Cedar source in HTML, coloured by what the cases have seen of it.
//!
//! Colour is never the only sign: what was seen has a thin line under it, what was seen one way only a dashed one, what was
//! never reached a double one; each has a text, and the bar beside the line number differs likewise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::Range,
};

use super::{
    RuleEntry,
    escape::Text,
    words::{count, one_line},
};

/// How much of something the cases have seen, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Never,
    Partly,
    Whole,
}

impl Level {
    fn class(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Partly => "partly",
            Self::Whole => "whole",
        }
    }
}

/// A stretch of a file and what is to be said of it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    span: Range<usize>,
    level: Level,
    says: String,
    /// Whether it is a whole rule, which is not underlined where it was seen.
    rule: bool,
}

/// What is to be said of rules.
pub(super) fn marks<'a>(rules: impl Iterator<Item = &'a RuleEntry>) -> Vec<Mark> {
    let mut marks = Vec::new();
    for rule in rules {
        let determined = rule.cases.len();
        marks.push(Mark {
            span: rule.span.clone(),
            level: match determined {
                0 => Level::Never,
                _ => Level::Whole,
            },
            says: match determined {
                0 => format!("{} determined no answer", rule.id),
                _ => format!("{} determined {}", rule.id, count(determined, "answer")),
            },
            rule: true,
        });
        for branch in &rule.branches {
            let level = match (branch.shows(true), branch.shows(false)) {
                (true, true) => Level::Whole,
                _ if branch.reached() => Level::Partly,
                _ => Level::Never,
            };
            let side = |seen: usize, never: &Option<String>, side: &str| match (seen, never) {
                (0, Some(_)) => format!("cannot be {side}"),
                (0, None) => format!("never {side}"),
                (seen, _) => format!("{side} in {}", count(seen, "case")),
            };
            let says = match branch.reached() {
                false if level == Level::Never => "never reached".to_owned(),
                _ => format!(
                    "{}, {}",
                    side(branch.seen_true, &branch.never_true, "true"),
                    side(branch.seen_false, &branch.never_false, "false")
                ),
            };
            let text = one_line(&branch.text);
            marks.push(Mark {
                span: branch.span.clone(),
                level,
                says: format!("{text}: {says}"),
                rule: false,
            });
        }
    }
    marks
}

/// The lines of a part of a file, numbered as in the file. Lines get the id `prefix-number` where there is a prefix.
pub(super) fn lines(
    text: &str,
    part: Range<usize>,
    marks: &[Mark],
    prefix: Option<&str>,
) -> String {
    let pieces = pieces(text, &part, marks);
    let first = text
        .get(..part.start)
        .map_or(1, |before| before.matches('\n').count() + 1);
    let mut pieces = pieces.into_iter().peekable();
    let mut out = String::new();
    let mut at = part.start;
    let part_text = text.get(part).unwrap_or_default();
    for (i, line) in part_text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        let comment = line.trim_start().starts_with("//");
        let mut worst: Option<Level> = None;
        let mut inner = String::new();
        while let Some((span, mark)) = pieces.next_if(|(span, _)| span.start < end) {
            let piece = text.get(span).unwrap_or_default();
            match mark.filter(|_| !piece.trim().is_empty() && !comment) {
                None => {
                    let _ = write!(inner, "{}", Text(piece));
                }
                Some(mark) => {
                    worst = Some(worst.map_or(mark.level, |level| level.min(mark.level)));
                    piece_of(mark, piece, &mut inner);
                }
            }
        }
        let number = first + i;
        let id = prefix.map_or_else(String::new, |prefix| format!(" id=\"{prefix}-{number}\""));
        let level = worst.map_or("", Level::class);
        let comment = if comment { " comment" } else { "" };
        let _ = write!(
            out,
            "<span class=\"ln {level}{comment}\" data-n=\"{number}\"{id}>{inner}</span>"
        );
        at = end;
    }
    out
}

fn piece_of(mark: &Mark, piece: &str, out: &mut String) {
    let body = piece.trim_end();
    let (body, lead) = (body.trim_start(), body.len() - body.trim_start().len());
    let blank = |range: &str| Text(range).to_string();
    let before = piece.get(..lead).unwrap_or_default();
    let after = piece.get(lead + body.len()..).unwrap_or_default();
    out.push_str(&blank(before));
    if mark.rule && mark.level == Level::Whole {
        let _ = write!(out, "{}", Text(body));
    } else {
        let _ = write!(
            out,
            "<span class=\"{}\" title=\"{}\">{}</span>",
            mark.level.class(),
            Text(&mark.says),
            Text(body)
        );
    }
    out.push_str(&blank(after));
}

/// Cuts a part of a text at the ends of lines and of marks; each piece has the innermost mark that is around it.
fn pieces<'m>(
    text: &str,
    part: &Range<usize>,
    marks: &'m [Mark],
) -> Vec<(Range<usize>, Option<&'m Mark>)> {
    let mut opening: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut closing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut cuts = BTreeSet::from([part.start, part.end]);
    for (i, mark) in marks.iter().enumerate() {
        let span = mark.span.start.max(part.start)..mark.span.end.min(part.end);
        if span.start < span.end
            && text.is_char_boundary(span.start)
            && text.is_char_boundary(span.end)
        {
            opening.entry(span.start).or_default().push(i);
            closing.entry(span.end).or_default().push(i);
            cuts.extend([span.start, span.end]);
        }
    }
    let inside = text.get(part.clone()).unwrap_or_default();
    cuts.extend(
        inside
            .match_indices('\n')
            .map(|(at, _)| part.start + at + 1),
    );
    // What is around the place that the walk has come to: shortest first, and of the same length the worst.
    let key = |i: usize| {
        let mark = marks.get(i)?;
        Some((mark.span.len(), mark.level, i))
    };
    let mut around = BTreeSet::new();
    let mut out = Vec::new();
    let cuts: Vec<usize> = cuts.into_iter().collect();
    for pair in cuts.windows(2) {
        let [start, end] = pair else { continue };
        for i in closing.get(start).into_iter().flatten() {
            key(*i).map(|key| around.remove(&key));
        }
        around.extend(
            opening
                .get(start)
                .into_iter()
                .flatten()
                .filter_map(|i| key(*i)),
        );
        let innermost = around.first().and_then(|(_, _, i)| marks.get(*i));
        out.push((*start..*end, innermost));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Level, Mark, lines};

    fn mark(text: &str, part: &str, level: Level) -> Mark {
        let start = text.find(part).expect("the part is in the text");
        Mark {
            span: start..start + part.len(),
            level,
            says: format!("says {part}"),
            rule: false,
        }
    }

    #[test]
    fn the_innermost_mark_counts_and_lines_have_the_worst() {
        let text = "when { a && (b ||\n  c) };\n// a comment\n";
        let marks = [
            mark(text, "a && (b ||\n  c)", Level::Whole),
            mark(text, "b ||\n  c", Level::Partly),
            mark(text, "c)", Level::Never),
        ];
        let html = lines(text, 0..text.len(), &marks, Some("f"));
        assert!(html.contains(
            "<span class=\"whole\" title=\"says a &amp;&amp; (b ||\n  c)\">a &amp;&amp; (</span>"
        ));
        assert!(html.contains(">b ||</span>"));
        assert!(
            html.contains(
                "<span class=\"ln never\" data-n=\"2\" id=\"f-2\">  <span class=\"never\""
            )
        );
        assert!(
            html.contains(
                "<span class=\"ln  comment\" data-n=\"3\" id=\"f-3\">// a comment\n</span>"
            )
        );
    }

    #[test]
    fn marks_that_do_not_fit_the_text_are_left_out() {
        let text = "é = 1";
        let off = Mark {
            span: 1..900,
            level: Level::Never,
            says: String::new(),
            rule: false,
        };
        assert_eq!(
            lines(text, 0..text.len(), &[off], None),
            "<span class=\"ln \" data-n=\"1\">é = 1</span>"
        );
    }

    #[test]
    fn a_part_is_numbered_as_in_the_file() {
        let text = "one\ntwo\nthree\n";
        let html = lines(text, 4..text.len(), &[], None);
        assert!(html.starts_with("<span class=\"ln \" data-n=\"2\">two\n</span>"));
        assert!(html.contains("data-n=\"3\">three"));
    }
}
