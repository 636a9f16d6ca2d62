//! From request bytes to answer bytes.

use alloc::vec::Vec;

use crate::{
    answer::{Decision, EvalError, Failure, Head, Outcome, Refusal},
    block::PATCH_MAGIC,
    bundle::{Bundle, RuleRow, layout},
    bytes::{len32, put_u32, u32_at},
    eval::{self, Machine},
    limits,
    request::{HEAD_BYTES, MAGIC},
    store::{Below, Fuel, Mark, Span, Value},
    time::{Clock, FOREVER},
};

/// Answers requests by one bundle, for one tenant.
///
/// Memory grows to what the largest request needed and is used again; nothing of one request is left for the next.
#[derive(Debug)]
pub struct Engine {
    bundle: Bundle,
    /// Bundle and residents.
    mark: Mark,
    version: u32,
    stack: Vec<Value>,
    candidates: Vec<u32>,
    tally: Tally,
    trace: Vec<u8>,
    answer: Vec<u8>,
}

/// What a request asks, in numbers of the store.
struct Question {
    /// Principal, action, resource.
    uids: [u32; 3],
    context: Span,
}

impl Engine {
    /// An engine for a bundle, without residents.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        Self {
            mark: bundle.mark,
            bundle,
            version: 0,
            stack: Vec::new(),
            candidates: Vec::new(),
            tally: Tally::default(),
            trace: Vec::new(),
            answer: Vec::new(),
        }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Version of the residents: zero where there are none yet, and one more after each patch.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Cells of memory, 16 bytes each, that bundle and residents take; those of residents that were replaced or removed too.
    #[must_use]
    pub fn cells(&self) -> u32 {
        self.bundle.store.cells()
    }

    /// The numbers that the symbols of the last patch have from now on, in the patch's order, for requests that name this
    /// version.
    #[must_use]
    pub fn own(&self) -> &[u32] {
        self.bundle.store.own()
    }

    /// Adds, replaces and removes resident entities: all that a patch says, or nothing.
    ///
    /// # Errors
    /// Where the bytes do not hold together, are for another version, or concern an entity of the bundle.
    pub fn patch(&mut self, patch: &[u8]) -> Result<(), Refusal> {
        let mark = self.mark;
        let bundle = self.bundle.entity_count();
        if patch.len() > limits::RESIDENT_BYTES {
            return Err(Refusal::TooLarge);
        }
        if !patch.starts_with(&PATCH_MAGIC) {
            return Err(Refusal::Malformed);
        }
        let below = self.below(patch, true)?;
        let store = &mut self.bundle.store;
        let at = store.bytes.len() + PATCH_HEAD_BYTES;
        store.bytes.extend_from_slice(patch);
        let end = store.bytes.len();
        let read = match store.push_block(at, end, below, &mut Fuel::new(u32::MAX)) {
            Ok(removed) if store.remove(removed, bundle) => Ok(()),
            Ok(_) => Err(Refusal::Redefines),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = read {
            store.reset(mark);
            return Err(refusal);
        }
        store.settle(mark);
        self.mark = store.mark();
        self.version += 1;
        Ok(())
    }

    /// What request or patch may name by numbers: nothing, the bundle's symbols, or the residents' too.
    fn below(&self, bytes: &[u8], replaces: bool) -> Result<Below, Refusal> {
        let word = |at: usize| u32_at(bytes, at).ok_or(Refusal::Malformed);
        let (tag, version) = (word(4)?, word(8)?);
        let residents = version != 0 || replaces;
        if tag != 0 && tag != self.bundle.tag() || residents && version != self.version {
            return Err(Refusal::Stale);
        }
        let symbols = match (tag, residents) {
            (0, _) => 0,
            (_, false) => self.bundle.symbols(),
            (_, true) => self.bundle.store.symbols(),
        };
        Ok(Below {
            symbols,
            entities: self.bundle.entity_count(),
            replaces,
        })
    }

    /// Answers a request. Bytes that are no request are answered too: with outcome `refused`.
    pub fn decide(&mut self, request: &[u8]) -> &[u8] {
        self.evaluate(request, false);
        &self.answer
    }

    /// The same, and after the answer its trace, from which `explanation` tells why.
    pub fn explain(&mut self, request: &[u8]) -> &[u8] {
        self.trace.clear();
        self.evaluate(request, true);
        self.answer.extend_from_slice(&self.trace);
        &self.answer
    }

    fn evaluate(&mut self, request: &[u8], explains: bool) {
        let mut fuel = Fuel::new(limits::STEPS);
        self.tally.clear();
        let head = match self.read_request(request, &mut fuel) {
            Ok(question) => self.run(&question, fuel, explains),
            Err(refusal) => Head::refused(refusal),
        };
        head.write(
            self.tally.determining(),
            &self.tally.failed,
            &mut self.answer,
        );
        self.bundle.store.reset(self.mark);
    }

    fn read_request(&mut self, request: &[u8], fuel: &mut Fuel) -> Result<Question, Refusal> {
        let bad = Refusal::Malformed;
        if request.len() > limits::REQUEST_BYTES {
            return Err(Refusal::TooLarge);
        }
        if !request.starts_with(&MAGIC) {
            return Err(bad);
        }
        let below = self.below(request, false)?;
        let store = &mut self.bundle.store;
        let at = store.bytes.len();
        store.bytes.extend_from_slice(request);
        let end = store.bytes.len();
        let context = store.push_block(at + HEAD_BYTES, end, below, fuel)?;
        store.order_record(context).ok_or(bad)?;
        let uid = |i: usize| {
            let number = u32_at(request, 12 + i * 4).ok_or(bad)?;
            store.uid_of(&below, number).ok_or(bad)
        };
        Ok(Question {
            uids: [uid(0)?, uid(1)?, uid(2)?],
            context,
        })
    }

    fn run(&mut self, question: &Question, mut fuel: Fuel, explains: bool) -> Head {
        let rules_at = self.bundle.span(layout::RULES).start as usize;
        let code = self.bundle.span(layout::CODE).start as usize;
        let Bundle {
            store, index, now, ..
        } = &mut self.bundle;
        let known = index.candidates(store, question.uids, &mut fuel, &mut self.candidates);
        if !known {
            return Head::refused(Refusal::NotInSchema);
        }
        let clock = store.field(question.context, *now);
        let moves = clock.kind == crate::block::kind::DATETIME;
        let mut machine = Machine {
            store,
            stack: &mut self.stack,
            code,
            variables: eval::variables(question.uids, question.context, moves),
            now: *now,
            fuel,
            clock: Clock {
                now: clock.payload.cast_signed(),
                until: FOREVER,
            },
            error: None,
            trace: explains.then_some(&mut self.trace),
        };
        for rule in &self.candidates {
            let row = RuleRow::read(&machine.store.bytes, rules_at, *rule);
            machine.fuel.spend(1);
            let head = machine.trace.as_mut().map(|trace| {
                put_u32(trace, *rule);
                trace.extend_from_slice(&[0; 8]);
                trace.len()
            });
            let result = machine.run(row.code);
            if let (Some(trace), Some(head)) = (machine.trace.as_mut(), head) {
                let result = match result {
                    Ok(holds) => u32::from(holds),
                    Err((_, error)) => error as u32 + 2,
                };
                let len = len32(trace.len() - head);
                let words = [result, len].map(u32::to_le_bytes);
                let slots = trace.get_mut(head - 8..head).unwrap_or_default();
                slots.copy_from_slice(words.as_flattened());
            }
            if !self.tally.count(*rule, row.effect != 0, result) {
                // Given up: nothing is said but where.
                return Head {
                    outcome: Outcome::Failed,
                    ..Head::refused(Refusal::None)
                };
            }
        }
        let until = machine.clock.until;
        self.tally.head(until)
    }
}

/// Bytes of a patch before its block: magic | tag of the bundle | version that it is for.
const PATCH_HEAD_BYTES: usize = 12;

/// Rules as they are found to apply.
#[derive(Debug, Default)]
struct Tally {
    permits: Vec<u32>,
    forbids: Vec<u32>,
    failed: Vec<Failure>,
    forbid_failed: bool,
}

impl Tally {
    fn clear(&mut self) {
        self.permits.clear();
        self.forbids.clear();
        self.failed.clear();
        self.forbid_failed = false;
    }

    /// Counts what came of a rule. False at a limit, which ends the decision: anything else that goes wrong is the rule's own
    /// failure.
    fn count(&mut self, rule: u32, forbids: bool, result: Result<bool, (u32, EvalError)>) -> bool {
        match result {
            Ok(false) => {}
            Ok(true) if forbids => self.forbids.push(rule),
            Ok(true) => self.permits.push(rule),
            Err((instruction, error)) => {
                let ends = matches!(error, EvalError::Limit | EvalError::Internal);
                if ends {
                    self.clear();
                }
                self.forbid_failed |= forbids;
                self.failed.push(Failure {
                    rule,
                    error,
                    instruction,
                });
                return !ends;
            }
        }
        true
    }

    fn determining(&self) -> &[u32] {
        match self.forbids.as_slice() {
            [] => &self.permits,
            forbids => forbids,
        }
    }

    fn head(&self, until: i64) -> Head {
        let allows = self.forbids.is_empty() && !self.permits.is_empty();
        let outcome = if !self.forbids.is_empty() {
            Outcome::Forbidden
        } else if self.forbid_failed {
            // Cedar skips a rule that fails; an isolation rule must not vanish because an attribute is missing.
            Outcome::Failed
        } else if allows {
            Outcome::Allow
        } else {
            Outcome::NotPermitted
        };
        Head {
            outcome,
            // Cedar's: the satisfied rules decide it, rules that failed are skipped.
            decision: if allows {
                Decision::Allow
            } else {
                Decision::Deny
            },
            refusal: Refusal::None,
            until,
        }
    }
}
