//! Where nobody is asked who has not chosen: there the first layer that a page brings along must never flash.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{Answer, Bundle, Engine, Outcome, Question, Situation, Until, consent_request};

const SURFACES: [&str; 2] = ["app", "site"];

/// Instants at which is asked: the clock at the build must not show in what is built. The later one is in the year 2255.
const INSTANTS: [i64; 2] = [0, 9_000_000_000_000];

/// Prefixes of `<surface>/<jurisdiction>/<gpc 0 or 1>`, in order, as short as can be: a place is quiet if, and only if, it begins
/// with one of them. The jurisdiction is one of the catalogue's, or empty, which stands for any other.
///
/// Where the answer depends on the clock a place counts as quiet: the question is then only shown a little later.
///
/// The slice for browsers is asked; it has only the jurisdictions that its rules can tell apart, the whole bundle has all.
pub(super) fn quiet(whole: &Bundle, bundle: &Bundle) -> Result<Vec<String>, String> {
    let unread = |error: &dyn std::fmt::Display| error.to_string();
    let places: BTreeSet<_> = whole
        .entities("Avow::Jurisdiction")
        .map(|place| place.id())
        .chain([""])
        .collect();
    let engine = Bundle::load(bundle.bytes().to_vec()).map_err(|error| unread(&error))?;
    let mut engine = Engine::new(engine);
    let mut answers = BTreeMap::new();
    for surface in SURFACES {
        for place in &places {
            for gpc in [false, true] {
                let mut is_asked = true;
                for now in INSTANTS {
                    let situation = Situation {
                        now,
                        surface,
                        jurisdiction: place,
                        gpc,
                        choice: None,
                    };
                    let request = consent_request(bundle, &situation, &Question::Ask);
                    let answer =
                        Answer::read(engine.decide(&request)).map_err(|error| unread(&error))?;
                    is_asked &=
                        answer.outcome() == Outcome::Allow && answer.until() == Until::Forever;
                }
                answers.insert(format!("{surface}/{place}/{}", u8::from(gpc)), !is_asked);
            }
        }
    }
    Ok(prefixes(&answers))
}

/// The shortest prefixes that tell the quiet places from the others. A place is cut between its parts only, and the cut is one
/// only if no place that is not quiet begins with the same characters: `site/us` is a part of `site/us-ca/0`.
fn prefixes(answers: &BTreeMap<String, bool>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (place, quiet) in answers {
        if !quiet || out.iter().any(|prefix| place.starts_with(prefix.as_str())) {
            continue;
        }
        let cuts = place.match_indices('/').map(|(at, _)| at);
        let prefix = cuts
            .filter_map(|at| place.get(..at).filter(|prefix| !prefix.ends_with('/')))
            .find(|prefix| {
                let mut same = answers
                    .iter()
                    .filter(|(other, _)| other.starts_with(prefix));
                same.all(|(_, quiet)| *quiet)
            });
        out.push(prefix.unwrap_or(place).to_owned());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::prefixes;

    /// Merges, and holds every place against what comes out of it.
    #[track_caller]
    fn merged(answers: &[(&str, bool)]) -> Vec<String> {
        let answers: BTreeMap<_, _> = answers
            .iter()
            .map(|(place, quiet)| ((*place).to_owned(), *quiet))
            .collect();
        let out = prefixes(&answers);
        for (place, quiet) in &answers {
            let found = out.iter().any(|prefix| place.starts_with(prefix.as_str()));
            assert_eq!(found, *quiet, "{place}: {out:?}");
        }
        out
    }

    #[test]
    fn a_whole_surface_and_a_whole_place_are_one_prefix() {
        let answers = [
            ("app//0", true),
            ("app//1", true),
            ("site//0", false),
            ("site//1", false),
            ("site/br/0", false),
            ("site/br/1", true),
            ("site/us-ca/0", true),
            ("site/us-ca/1", true),
        ];
        assert_eq!(merged(&answers), ["app", "site/br/1", "site/us-ca"]);
    }

    #[test]
    fn a_place_whose_name_begins_another_one_is_told_from_it() {
        let answers = [
            ("site/us-ca/0", false),
            ("site/us-ca/1", true),
            ("site/us/0", true),
            ("site/us/1", true),
        ];
        assert_eq!(merged(&answers), ["site/us-ca/1", "site/us/0", "site/us/1"]);
    }

    #[test]
    fn unknown_places_are_not_all_places() {
        let answers = [
            ("site//0", true),
            ("site//1", true),
            ("site/gb/0", false),
            ("site/gb/1", false),
        ];
        assert_eq!(merged(&answers), ["site//0", "site//1"]);
    }

    #[test]
    fn where_everybody_is_asked_nothing_is_quiet() {
        assert!(merged(&[("app//0", false), ("site//0", false)]).is_empty());
    }
}
