//! Measures rules with the engine itself: what somebody wants to know of an expression becomes a rule of its own.
//!
//! A *probe* is a permit: `permit (<the rule's scope>) when { <expression> };`. A bundle of nothing but permits answers for all
//! of them at once: those that hold determine the answer, those that failed are listed, the others do not hold.

use std::collections::BTreeMap;

use avow_engine::{
    Answer, Bundle, Engine, Outcome,
    intake::{self, Stamp},
};
use cedar_policy::{Policy as CedarPolicy, PolicyId};

use crate::{
    Compiled, Files,
    cases::Case,
    emit,
    finding::{Finding, Sources},
    manifest::MANIFEST,
    policies,
    program::{Program, Rule, Scope, Uid},
    tree::{self, Expr, Kind, Policy, Slot, Span},
};

/// What came of a probe for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It holds.
    True,
    /// Its scope does not fit, or its condition is false.
    #[default]
    False,
    /// It could not be evaluated.
    Failed,
}

/// A rule of the program, and the text that it was written as.
pub(crate) struct Written<'a> {
    /// Its number in the program.
    pub(crate) number: usize,
    pub(crate) rule: &'a Rule,
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    pub(crate) policy: &'a Policy,
    /// What the template's slots stand for, where it is a link.
    fillings: Vec<Edit>,
}

/// Bytes of a file, and what is put in their place.
pub(crate) type Edit = (Span, String);

/// The policies of each file.
pub(crate) type Trees<'a> = BTreeMap<&'a str, Vec<Policy>>;

/// Reads the files that the rules come from.
pub(crate) fn trees<'a>(files: &'a Files, program: &'a Program) -> Result<Trees<'a>, Vec<Finding>> {
    let sources = Sources::new(files);
    let mut trees = Trees::new();
    for rule in &program.rules {
        let file = rule.source.0.as_str();
        if trees.contains_key(file) {
            continue;
        }
        let Some(policies) = sources.get(file).and_then(tree::parse) else {
            let message = "the rules are not the ones that were compiled";
            return Err(vec![sources.error("measure", file, None, message)]);
        };
        trees.insert(file, policies);
    }
    Ok(trees)
}

/// The rules of a program with their texts, in the program's order.
pub(crate) fn written<'a>(
    files: &'a Files,
    program: &'a Program,
    trees: &'a Trees<'a>,
) -> Result<Vec<Written<'a>>, Vec<Finding>> {
    let sources = Sources::new(files);
    let mut out = Vec::new();
    for (number, rule) in program.rules.iter().enumerate() {
        let (file, line, column) = &rule.source;
        let found = trees.get(file.as_str()).and_then(|policies| {
            policies.iter().find(|policy| {
                let at = sources.error("place", file, Some(policy.span.clone()), "");
                at.line == Some(*line as usize) && at.column == Some(*column as usize)
            })
        });
        let (Some(policy), Some(text)) = (found, sources.get(file)) else {
            let message = format!("rule `{}` is not where it was compiled from", rule.id);
            return Err(vec![sources.error("measure", file, None, message)]);
        };
        out.push(Written {
            number,
            rule,
            file,
            text,
            policy,
            fillings: fillings(rule, policy),
        });
    }
    Ok(out)
}

/// What slots are filled with, as the lowered rule has it.
fn fillings(rule: &Rule, policy: &Policy) -> Vec<Edit> {
    let filled = |expr: &Expr| {
        let Kind::Slot(slot) = expr.kind else {
            return None;
        };
        let scope = match slot {
            Slot::Principal => &rule.principal,
            Slot::Resource => &rule.resource,
        };
        match scope {
            Scope::Eq(uid) | Scope::In(uid) | Scope::IsIn(_, uid) => {
                Some((expr.span.clone(), uid_text(uid)))
            }
            Scope::Any | Scope::Is(_) => None,
        }
    };
    let entities = policy.scope.iter().filter_map(|part| part.entity.as_ref());
    entities.filter_map(filled).collect()
}

/// An entity in Cedar's notation.
pub(crate) fn uid_text((type_name, id): &Uid) -> String {
    format!("{type_name}::\"{}\"", id.escape_debug())
}

impl Written<'_> {
    /// The rule as a permit without annotations, changed.
    pub(crate) fn permit(&self, edits: &[Edit]) -> String {
        let from = self.policy.effect.start..self.policy.span.end;
        let effect = (self.policy.effect.clone(), "permit".to_owned());
        self.applied(from, edits, Some(effect))
    }

    /// Whether an expression holds where the rule's scope fits.
    pub(crate) fn probe(&self, expr: &str) -> String {
        format!("permit ({}) when {{ {expr} }};", self.scope())
    }

    /// Whether the scope fits.
    pub(crate) fn scope_probe(&self) -> String {
        format!("permit ({});", self.scope())
    }

    fn scope(&self) -> String {
        let first = self.policy.scope.first().map(|part| part.span.start);
        let last = self.policy.scope.last().map(|part| part.span.end);
        self.applied(
            first.unwrap_or_default()..last.unwrap_or_default(),
            &[],
            None,
        )
    }

    fn applied(&self, within: Span, edits: &[Edit], more: Option<Edit>) -> String {
        let fits = |edit: &&Edit| {
            let overlaps = |other: &Edit| edit.0.start < other.0.end && other.0.start < edit.0.end;
            !edits.iter().any(overlaps)
        };
        let mut all: Vec<Edit> = edits.to_vec();
        all.extend(self.fillings.iter().filter(fits).cloned());
        all.extend(more);
        edited(self.text, within, all)
    }
}

/// A part of a text with edits that do not overlap; those outside of it are left out.
pub(crate) fn edited(text: &str, within: Span, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out = String::new();
    let mut at = within.start;
    for (span, replacement) in edits {
        if span.start < at || span.end > within.end {
            continue;
        }
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(&replacement);
        at = span.end;
    }
    out.push_str(text.get(at..within.end).unwrap_or_default());
    out
}

/// A probe that can be asked, or why it cannot.
pub(crate) fn lowered(number: usize, probe: &str, program: &Program) -> Result<Rule, String> {
    let id = number.to_string();
    let policy =
        CedarPolicy::parse(Some(PolicyId::new(&id)), probe).map_err(|error| error.to_string())?;
    policies::probe(&id, &policy, program.open)
}

/// How many rules are asked at once: few enough to stay far below the limit of steps.
const AT_ONCE: usize = 512;

/// What each of some rules, all of them permits, gives for each case: by their place in `rules`, then by case. A case that is
/// refused gives false everywhere.
pub(crate) fn ask(
    compiled: &Compiled,
    rules: &[Rule],
    cases: &[Case],
) -> Result<Vec<Vec<Seen>>, Vec<Finding>> {
    let mut out = Vec::new();
    for some in rules.chunks(AT_ONCE) {
        out.extend(ask_some(compiled, some, cases)?);
    }
    Ok(out)
}

fn ask_some(
    compiled: &Compiled,
    rules: &[Rule],
    cases: &[Case],
) -> Result<Vec<Vec<Seen>>, Vec<Finding>> {
    let mut engine = engine(compiled, rules)?;
    let mut out = vec![vec![Seen::False; cases.len()]; rules.len()];
    for (at, case) in cases.iter().enumerate() {
        let Some(answer) = decide(&mut engine, case) else {
            continue;
        };
        let Ok(answer) = Answer::read(&answer) else {
            continue;
        };
        let mut note = |number: u32, seen: Seen| {
            if let Some(cell) = out.get_mut(number as usize).and_then(|row| row.get_mut(at)) {
                *cell = seen;
            }
        };
        // Permits alone give this outcome only where a limit ended the decision.
        if answer.outcome() == Outcome::Failed {
            if rules.len() <= 1 {
                note(0, Seen::Failed);
                continue;
            }
            let (left, right) = rules.split_at(rules.len() / 2);
            let mut both = ask_some(compiled, left, cases)?;
            both.extend(ask_some(compiled, right, cases)?);
            return Ok(both);
        }
        answer.determining().for_each(|rule| note(rule, Seen::True));
        answer
            .failed()
            .for_each(|failure| note(failure.rule, Seen::Failed));
    }
    Ok(out)
}

/// An engine for the pack with other rules, which are numbered in their order.
pub(crate) fn engine(compiled: &Compiled, rules: &[Rule]) -> Result<Engine, Vec<Finding>> {
    let mut program = compiled.program.clone();
    program.rules = rules.to_vec();
    program.index();
    match Bundle::load(emit::emit(&program, None)) {
        Ok(bundle) => Ok(Engine::new(bundle)),
        Err(error) => {
            let files = Files::new();
            let sources = Sources::new(&files);
            Err(vec![sources.error(
                "measure",
                MANIFEST,
                None,
                error.to_string(),
            )])
        }
    }
}

/// The answer's bytes, where the request reaches the engine.
pub(crate) fn decide(engine: &mut Engine, case: &Case) -> Option<Vec<u8>> {
    let stamp = Stamp {
        now: case.now,
        tenant: case.tenant.as_deref(),
        trusted: true,
    };
    let request = intake::request(engine.bundle(), &case.request, &stamp).ok()?;
    Some(engine.decide(&request).to_vec())
}
