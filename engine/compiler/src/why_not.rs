//! What would have to be otherwise for a denied request to be allowed.
//!
//! The engine says by which conditions it denies; each condition proposes edits of the request that may turn it; the engine is
//! asked again about each, up to a few edits deep. So whatever is printed has been tried, and nothing rests on reading rules
//! alone. What is put where nothing was counts as one change, with whatever it has to be.

mod edits;
mod values;
mod words;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use avow_engine::{
    Bundle, Engine, Explanation, Verdict, explain::Condition, format::Cell, intake::Json,
};
use cedar_policy::PolicySet;
use cedar_policy_core::ast::Expr;
use serde::Serialize;

use crate::{Compiled, Files, Target, ask::Question, expression};
use edits::{Domain, Edit, Proposer, learn};
use world::{Place, World};

/// Changes that a way has at most.
pub const MOST_CHANGES: usize = 3;
/// Times that the engine is asked at most.
const MOST_ASKED: usize = 4000;
/// Edits of one way, those inside of what was put there among them.
const MOST_EDITS: usize = 8;
/// Ways that are shown.
const MOST_WAYS: usize = 12;

/// Why a request is not allowed, and what would allow it.
#[derive(Clone, Debug, Serialize)]
pub struct WhyNot {
    /// The answer to the request as it is.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The smallest sets of changes; those that are in the caller's hand first. Beside them, where these are none, the
    /// smallest that are.
    pub ways: Vec<Way>,
    /// What stands in the way whatever is changed, and what was not tried.
    pub notes: Vec<String>,
    /// Whether every proposal within the bounds was tried.
    pub exhausted: bool,
}

/// Changes that, all together, turn the answer into an allow: the engine has said so. Without any one of them it stays no
/// allow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// What changes.
    pub changes: Vec<Change>,
    /// The rules that then permit.
    pub rules: Vec<String>,
    /// The clauses that these keep.
    pub clauses: Vec<String>,
    /// What the caller must carry out then.
    pub obligations: Vec<String>,
    /// The request with these changes, everything in it said by itself: the one that the engine has allowed.
    pub request: Json,
}

/// Something that is another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where, such as `context.surface` or `User::"ada".role`.
    pub place: String,
    /// What is there now, in Cedar's notation; none where nothing is.
    pub before: Option<String>,
    /// What would have to be there; none for nothing.
    pub after: Option<String>,
    /// Who can bring it about.
    pub by: By,
    /// All of it in a sentence.
    pub words: String,
}

/// In whose hand a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Whoever asks says it in the request.
    Caller,
    /// Nobody: time passes.
    Clock,
    /// The system: the caller may not assert it.
    System,
}

/// Looks for the smallest changes that turn a deny into an allow.
///
/// `None` for a request that is allowed. Of one that does not even fit the schema, the verdict says what is wrong.
#[must_use]
pub fn why_not(files: &Files, compiled: &Compiled, question: &Question) -> Option<WhyNot> {
    let bundle = Bundle::load(compiled.bundle(Target::Server)).ok()?;
    let mut engine = Engine::new(bundle);
    let first = match question.explain(&mut engine) {
        Ok(first) => first,
        Err(verdict) => return Some(hopeless(*verdict)),
    };
    if first.verdict.is_allow() {
        return None;
    }
    let Some(world) = World::read(&compiled.program, engine.bundle(), question) else {
        return Some(hopeless(first.verdict));
    };
    let mut search = Search {
        compiled,
        engine,
        domain: domain(files, compiled),
        origin: world.clone(),
        found: Vec::new(),
        asked: 0,
    };
    search.run(world);
    let exhausted = search.asked < MOST_ASKED;
    let notes = words::notes(
        &compiled.program,
        &search.origin,
        &first,
        search.found.is_empty(),
        exhausted,
    );
    Some(WhyNot {
        verdict: first.verdict,
        ways: search.ways(),
        notes,
        exhausted,
    })
}

/// The request does not fit: the verdict says where.
fn hopeless(verdict: Verdict) -> WhyNot {
    WhyNot {
        notes: vec!["the request itself does not fit the schema: that comes first".to_owned()],
        verdict,
        ways: Vec::new(),
        exhausted: true,
    }
}

/// The constants of all rules.
fn domain(files: &Files, compiled: &Compiled) -> Domain {
    let mut domain = Domain::new();
    let sources = compiled.program.rules.iter().map(|rule| &rule.source.0);
    let sources: BTreeSet<&String> = sources.collect();
    for text in sources.into_iter().filter_map(|file| files.get(file)) {
        let set: PolicySet = text.parse().unwrap_or_default();
        for policy in set.policies() {
            let policy: &cedar_policy_core::ast::Policy = policy.as_ref();
            if let Some(condition) = policy.non_scope_constraints() {
                learn(condition, &mut domain);
            }
        }
    }
    domain
}

/// A request some edits away from the one that was asked.
#[derive(Clone)]
struct State {
    world: World,
    /// What has changed; nothing in here lies in another one.
    roots: BTreeSet<Place>,
    edits: usize,
}

struct Search<'a> {
    compiled: &'a Compiled,
    engine: Engine,
    domain: Domain,
    origin: World,
    found: Vec<Way>,
    asked: usize,
}

impl Search<'_> {
    /// By number of changes: first all that takes one, then all that takes two. Ends where something was found; what needs
    /// the system is followed by what the caller can do alone.
    fn run(&mut self, world: World) {
        let mut levels: [VecDeque<State>; MOST_CHANGES + 1] = Default::default();
        let mut known = BTreeSet::new();
        let start = State {
            world,
            roots: BTreeSet::new(),
            edits: 0,
        };
        if let Some(level) = levels.first_mut() {
            level.push_back(start);
        }
        for cost in 0..levels.len() {
            let only_caller = !self.found.is_empty();
            while let Some(state) = levels.get_mut(cost).and_then(VecDeque::pop_front) {
                if only_caller && !self.is_callers(&state) {
                    continue;
                }
                for next in self.step(&state) {
                    if known.insert(self.key(&next))
                        && let Some(level) = levels.get_mut(next.roots.len())
                    {
                        level.push_back(next);
                    }
                }
                if self.asked >= MOST_ASKED {
                    return;
                }
            }
            let in_hand = |way: &Way| way.changes.iter().all(|change| change.by != By::System);
            if self.found.iter().any(in_hand) {
                return;
            }
        }
    }

    /// Asks about a state: an allow is kept, anything else leads to further states.
    fn step(&mut self, state: &State) -> Vec<State> {
        self.asked += 1;
        let Ok(explained) = state.world.question().explain(&mut self.engine) else {
            return Vec::new();
        };
        if explained.verdict.is_allow() {
            self.keep(state, explained.verdict);
            return Vec::new();
        }
        if state.edits >= MOST_EDITS {
            return Vec::new();
        }
        self.proposals(state, &explained)
            .into_iter()
            .filter_map(|edit| self.edited(state, edit))
            .collect()
    }

    fn keep(&mut self, state: &State, verdict: Verdict) {
        // Each change is needed, or a smaller way is found in its own turn.
        for root in &state.roots {
            let mut without = state.world.clone();
            let restored = without.set(root, self.origin.get(root));
            let asked = without.question();
            if restored.is_some() && asked.decide(&mut self.engine).is_allow() {
                return;
            }
        }
        let program = &self.compiled.program;
        let mut changes: Vec<Change> = state
            .roots
            .iter()
            .map(|root| words::change(program, &self.origin, &state.world, root))
            .collect();
        changes.sort_by_key(|change| change.by);
        let is_new = |way: &Way| !way.changes.iter().all(|change| changes.contains(change));
        if self.found.iter().all(is_new) {
            self.found.push(Way {
                changes,
                rules: verdict.rules,
                clauses: verdict.clauses,
                obligations: verdict.obligations,
                request: state.world.question().request,
            });
        }
    }

    fn is_callers(&self, state: &State) -> bool {
        let program = &self.compiled.program;
        state
            .roots
            .iter()
            .all(|root| words::by(program, &state.world, root) != By::System)
    }

    /// A forbid that applies has to go in any case, so one of them is enough; where none does, any permit may come to hold.
    fn proposals(&self, state: &State, explained: &Explanation) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut forbids = explained
            .considered
            .iter()
            .filter(|rule| rule.effect == "forbid" && rule.result != "does_not_hold");
        if let Some(forbid) = forbids.next() {
            for condition in &forbid.conditions {
                self.propose(state, condition, &mut edits);
            }
            return edits;
        }
        for permit in &explained.considered {
            if permit.effect == "permit" && permit.result != "holds" {
                for condition in &permit.conditions {
                    self.propose(state, condition, &mut edits);
                }
            }
        }
        edits
    }

    fn propose(&self, state: &State, condition: &Condition, edits: &mut Vec<Edit>) {
        let Ok(expr) = condition.condition.parse::<Expr>() else {
            return;
        };
        let seen = |text: &String| text.parse::<Expr>().ok();
        let saw: BTreeMap<String, Cell> = condition
            .saw
            .iter()
            .filter_map(|(path, value)| {
                let value = expression::constant(&seen(value)?)?;
                Some((seen(path)?.to_string(), value))
            })
            .collect();
        let mut proposer = Proposer {
            program: &self.compiled.program,
            world: &state.world,
            domain: &self.domain,
            saw: &saw,
            out: Vec::new(),
        };
        match condition.value {
            Some(value) => proposer.turn(&expr, !value),
            None => proposer.repair(&expr),
        }
        edits.append(&mut proposer.out);
    }

    fn edited(&self, state: &State, edit: Edit) -> Option<State> {
        let mut next = state.clone();
        next.edits += 1;
        let brings = state.world.get(&edit.place).is_none() && edit.value.is_some();
        if brings && self.origin.get(&edit.place).is_some() {
            // Taken out and brought anew it would hide, as one change, all that differs inside.
            return None;
        }
        next.world.set(&edit.place, edit.value)?;
        if !next.roots.iter().any(|root| root.holds(&edit.place)) {
            next.roots.retain(|root| !edit.place.holds(root));
            next.roots.insert(edit.place);
        }
        // What is as it was has not changed.
        let changed = |root: &Place| next.world.get(root) != self.origin.get(root);
        let roots = next.roots.iter().filter(|root| changed(root)).cloned();
        next.roots = roots.collect();
        (next.roots.len() <= MOST_CHANGES).then_some(next)
    }

    fn key(&self, state: &State) -> Vec<(Place, Option<Cell>)> {
        let roots = state.roots.iter();
        roots
            .map(|root| (root.clone(), state.world.get(root)))
            .collect()
    }

    fn ways(self) -> Vec<Way> {
        let mut found = self.found;
        let system = |change: &&Change| change.by == By::System;
        found.sort_by_key(|way| {
            let hard = way.changes.iter().filter(system).count();
            (way.changes.len(), hard)
        });
        found.truncate(MOST_WAYS);
        found
    }
}
