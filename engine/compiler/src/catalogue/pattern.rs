//! Names of cookies and patterns of them.

/// Whether some name fits both patterns, in which `*` stands for any text.
#[must_use]
pub fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // reached[j]: the patterns can have eaten the same text up to here and position j of b.
    let mut reached = vec![false; b.len() + 1];
    for i in 0..=a.len() {
        let mut row = vec![false; b.len() + 1];
        for j in 0..=b.len() {
            let at = |row: &[bool], j: usize| row.get(j).copied().unwrap_or_default();
            let (before_a, before_b) = (
                i.checked_sub(1).and_then(|i| a.get(i)),
                j.checked_sub(1).and_then(|j| b.get(j)),
            );
            let mut fits = i == 0 && j == 0;
            if let Some(c) = before_a {
                // A wildcard takes nothing, or whatever the other pattern has here.
                fits |= *c == '*' && at(&reached, j);
                fits |= before_b == Some(&'*') && at(&reached, j);
            }
            if let Some(c) = before_b {
                fits |= *c == '*' && j > 0 && at(&row, j - 1);
                fits |= before_a == Some(&'*') && j > 0 && at(&row, j - 1);
            }
            if let (Some(x), Some(y)) = (before_a, before_b) {
                fits |= x == y && j > 0 && at(&reached, j - 1);
            }
            if let Some(slot) = row.get_mut(j) {
                *slot = fits;
            }
        }
        reached = row;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn patterns_overlap_where_a_name_fits_both() {
        for (a, b, expected) in [
            ("_ga", "_ga", true),
            ("_ga", "_ga_*", false),
            ("_ga*", "_ga", true),
            ("_ga_*", "*_x", true),
            ("a*b", "a*c", false),
            ("a*b*", "*c", true),
            ("*", "", true),
            ("ab", "a", false),
        ] {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
    }
}
