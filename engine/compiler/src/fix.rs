//! Edits that mend findings.

use std::ops::Range;

use serde::Serialize;

use crate::{Files, finding::Finding};

/// An edit of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does, in a few words.
    pub title: String,
    /// The file, as a path relative to the pack.
    pub file: String,
    /// The bytes that are replaced.
    #[serde(skip)]
    pub span: Range<usize>,
    /// What stands there afterwards.
    pub replacement: String,
}

/// The pack's files with the fixes of its findings, and the fixes that were made.
///
/// Only files of the pack itself are changed: what lies beside it belongs to other packs too. Of edits that overlap, the
/// first one is made; the others may be found again.
#[must_use]
pub fn fixed<'f>(files: &Files, findings: &'f [Finding]) -> (Files, Vec<&'f Fix>) {
    let mut out = files.clone();
    let mut fixes: Vec<&Fix> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .filter(|fix| !fix.file.starts_with(".."))
        .collect();
    fixes.sort_by_key(|fix| (&fix.file, fix.span.start, fix.span.end));
    let mut made: Vec<&Fix> = Vec::new();
    for fix in fixes {
        let overlaps = made
            .last()
            .is_some_and(|last| last.file == fix.file && last.span.end > fix.span.start);
        if !overlaps {
            made.push(fix);
        }
    }
    // From the end, so that offsets before stay right.
    for fix in made.iter().rev() {
        if let Some(text) = out.get_mut(&fix.file)
            && text.get(fix.span.clone()).is_some()
        {
            text.replace_range(fix.span.clone(), &fix.replacement);
        }
    }
    (out, made)
}

/// What changed between two texts of one file, line by line, with three lines around; empty where nothing did.
#[must_use]
pub fn difference(file: &str, before: &str, after: &str) -> String {
    const AROUND: usize = 3;
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let steps = steps(&old, &new);
    let mut out = String::new();
    let mut shown = 0;
    for (number, (mark, _)) in steps.iter().enumerate() {
        if *mark == ' ' || number < shown {
            continue;
        }
        let start = number.saturating_sub(AROUND).max(shown);
        // The hunk ends where as many lines as two surroundings are the same.
        let mut end = number;
        let mut same = 0;
        while same <= 2 * AROUND && end < steps.len() {
            same = match steps.get(end) {
                Some((' ', _)) => same + 1,
                _ => 0,
            };
            end += 1;
        }
        let end = end.saturating_sub(same.saturating_sub(AROUND));
        let count = |range: Range<usize>, without: char| {
            let steps = steps.get(range).unwrap_or_default();
            steps.iter().filter(|(mark, _)| *mark != without).count()
        };
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            count(0..start, '+') + 1,
            count(start..end, '+'),
            count(0..start, '-') + 1,
            count(start..end, '-'),
        ));
        for (mark, line) in steps.get(start..end).unwrap_or_default() {
            out.push_str(&format!("{mark}{line}\n"));
        }
        shown = end;
    }
    if out.is_empty() {
        return out;
    }
    format!("--- {file}\n+++ {file}\n{out}")
}

/// Lines that stay (` `), go (`-`) and come (`+`), in order: the longest common part stays.
fn steps<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = (old.iter().rev().zip(new.iter().rev()).take(rest))
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (
        old.get(head..old.len() - tail).unwrap_or_default(),
        new.get(head..new.len() - tail).unwrap_or_default(),
    );
    // length[i][j]: how many lines a[i..] and b[j..] have in common.
    let mut length = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    let at = |length: &[Vec<usize>], i: usize, j: usize| {
        length
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(0)
    };
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let common = match x == y {
                true => at(&length, i + 1, j + 1) + 1,
                false => at(&length, i + 1, j).max(at(&length, i, j + 1)),
            };
            if let Some(slot) = length.get_mut(i).and_then(|row| row.get_mut(j)) {
                *slot = common;
            }
        }
    }
    let mut out: Vec<(char, &str)> = old.iter().take(head).map(|line| (' ', *line)).collect();
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x == y => {
                out.push((' ', *x));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none() || at(&length, i + 1, j) >= at(&length, i, j + 1) => {
                out.push(('-', *x));
                i += 1;
            }
            (_, Some(y)) => {
                out.push(('+', *y));
                j += 1;
            }
            _ => break,
        }
    }
    out.extend(old.iter().skip(old.len() - tail).map(|line| (' ', *line)));
    out
}

#[cfg(test)]
mod tests {
    use super::{Fix, difference, fixed};
    use crate::{Files, finding::Sources};

    #[test]
    fn of_edits_that_overlap_one_is_made_and_files_beside_the_pack_stay() {
        let files = Files::from([
            ("a.cedar".to_owned(), "one two three".to_owned()),
            ("../base/b.cedar".to_owned(), "four".to_owned()),
        ]);
        let sources = Sources::new(&files);
        let finding = |file: &str, span: std::ops::Range<usize>, replacement: &str| {
            let mut finding = sources.error("validation", file, Some(span.clone()), "m");
            finding.fix = Some(Fix {
                title: "t".to_owned(),
                file: file.to_owned(),
                span,
                replacement: replacement.to_owned(),
            });
            finding
        };
        let findings = [
            finding("a.cedar", 8..13, "3"),
            finding("a.cedar", 0..3, "1"),
            finding("a.cedar", 2..5, "x"),
            finding("../base/b.cedar", 0..4, ""),
        ];
        let (after, made) = fixed(&files, &findings);
        assert_eq!(after.get("a.cedar").map(String::as_str), Some("1 two 3"));
        assert_eq!(
            after.get("../base/b.cedar").map(String::as_str),
            Some("four")
        );
        assert_eq!(made.len(), 2);
    }

    #[test]
    fn a_difference_shows_each_change_with_its_surroundings() {
        let before: String = (1..=20).map(|line| format!("{line}\n")).collect();
        let after = before.replace("\n5\n", "\nfive\n").replace("\n18\n", "\n");
        assert_eq!(
            difference("f", &before, &after),
            "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -15,6 +15,5 @@\n 15\n 16\n 17\n-18\n 19\n 20\n"
        );
        assert_eq!(difference("f", &before, &before), "");
    }
}
