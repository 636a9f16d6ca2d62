//! What a probe says of a mutant is what the pack says when the mutant is really made: compiled, and asked case by case.

use avow_compiler::{Target, cases::Case, mutate::Fate};
use avow_engine::{Answer, Bundle, Engine, Verdict, intake};
use avow_tests::{Pack, stamp};

/// How many mutants are made; all of them would take minutes.
const SAMPLE: usize = 60;

#[test]
fn mutants_of_opsyn_have_the_fate_that_their_probes_foretell() {
    let pack = Pack::open("opsyn");
    let mutants =
        avow_compiler::mutate::mutate(&pack.files, &pack.compiled, &pack.cases, &mut |_, _| {})
            .unwrap();
    assert!(mutants.len() > 8 * SAMPLE, "there are {}", mutants.len());
    let step = mutants.len() / SAMPLE;
    let mut kinds = [0; 4];
    for mutant in mutants.iter().step_by(step) {
        let named = format!(
            "{}:{} {}: {} -> {}",
            mutant.file, mutant.line, mutant.kind, mutant.before, mutant.after
        );
        let compiled = avow_compiler::compile(&mutant.apply(&pack.files));
        let killer = compiled.map(|compiled| {
            let bundle = Bundle::load(compiled.bundle(Target::Server)).unwrap();
            let mut engine = Engine::new(bundle);
            pack.cases
                .iter()
                .position(|case| !fits(case, &decide(&mut engine, case)))
        });
        let (kind, same) = match (&mutant.fate, &killer) {
            (Fate::Invalid, Err(_)) => (0, true),
            (Fate::Killed { case }, Ok(killer)) => (1, Some(*case) == *killer),
            (Fate::Survived, Ok(None)) => (2, true),
            (Fate::Equivalent { .. }, Ok(None)) => (3, true),
            _ => (0, false),
        };
        assert!(same, "{named}: {:?}, and really {killer:?}", mutant.fate);
        kinds[kind] += 1;
    }
    assert!(
        kinds[0] > 0 && kinds[1] > 0,
        "the sample has all kinds: {kinds:?}"
    );
}

fn decide(engine: &mut Engine, case: &Case) -> Verdict {
    match intake::request(engine.bundle(), &case.request, &stamp(case)) {
        Ok(request) => {
            let answer = engine.decide(&request).to_vec();
            Verdict::new(engine.bundle(), &Answer::read(&answer).unwrap())
        }
        Err(problem) => Verdict::refused(problem),
    }
}

fn fits(case: &Case, answer: &Verdict) -> bool {
    let same = |expected: &Option<Vec<String>>, found: &[String]| {
        expected.as_ref().is_none_or(|expected| expected == found)
    };
    case.expect.outcome == answer.outcome
        && same(&case.expect.rules, &answer.rules)
        && same(&case.expect.clauses, &answer.clauses)
        && same(&case.expect.obligations, &answer.obligations)
}
