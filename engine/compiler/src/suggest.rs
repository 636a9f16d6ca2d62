//! Did you mean: the name that somebody may have had in mind.

/// The known name that is nearest to a word, where one is near enough to be meant: at most a third of its letters differ.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let reach = (word.chars().count() / 3).max(1);
    let near = known.into_iter().filter_map(|name| {
        let known = name.to_lowercase();
        let distance = strsim::damerau_levenshtein(&lower, &known);
        // Of two that are as near, the one that has more letters in common is meant.
        let alike = strsim::jaro_winkler(&lower, &known);
        (name != word && distance <= reach).then_some((distance, alike, name))
    });
    let nearest = near.min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    nearest.map(|(_, _, name)| name)
}

/// A way out for whoever wrote a word that is not known: the one that may be meant, or else all that there are.
pub(crate) fn way_out<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = suggest(word, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    match known.collect::<Vec<_>>().join("`, `") {
        all if all.is_empty() => "there is none yet".to_owned(),
        all => format!("there are `{all}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["surface", "jurisdiction", "gpc", "choice", "Use", "User"];
        for (word, meant) in [
            ("surfac", Some("surface")),
            ("Jurisdiction", Some("jurisdiction")),
            ("juridsiction", Some("jurisdiction")),
            ("gcp", Some("gpc")),
            ("Usr", Some("User")),
            ("tenant", None),
            ("choice", None),
        ] {
            assert_eq!(suggest(word, known), meant, "{word}");
        }
    }
}
