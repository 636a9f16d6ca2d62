//! From request bytes to answer bytes.

use alloc::vec::Vec;

#[cfg(feature = "consent")]
use crate::store::Store;
use crate::{
    answer::{Decision, EvalError, Head, Outcome, Refusal},
    block::{PATCH_MAGIC, kind},
    bundle::{Bundle, RuleRow, layout},
    bytes::words,
    code::FULL,
    eval::Machine,
    limits,
    request::{HEAD_BYTES, MAGIC},
    store::{Below, Fuel, Mark, Span, Value},
    time::{Clock, FIXED, FOREVER, WHOLE},
    trace,
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
    read: Vec<Value>,
    candidates: Vec<u32>,
    tally: Tally,
    trace: Vec<u8>,
    answer: Vec<u8>,
}

/// What a request asks, in numbers of the store.
pub(crate) struct Question {
    /// Principal, action, resource.
    pub(crate) uids: [u32; 3],
    pub(crate) context: Span,
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
            read: Vec::new(),
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

    /// Right after a patch, and until anything else is asked: the numbers that its symbols have from now on, in its order, for
    /// requests that name this version.
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
        match self.open(patch, &mut Fuel::for_bytes(patch.len()), true) {
            Ok((_, removed)) => self.bundle.store.remove(removed, bundle),
            Err(refusal) => {
                self.bundle.store.reset(mark);
                return Err(refusal);
            }
        }
        self.bundle.store.settle(mark);
        self.mark = self.bundle.store.mark();
        self.version += 1;
        Ok(())
    }

    /// Decodes the block of a request or a patch as the layer on top; what it names its symbols by, and its roots.
    fn open(
        &mut self,
        input: &[u8],
        fuel: &mut Fuel,
        patches: bool,
    ) -> Result<(Below, Span), Refusal> {
        let (magic, head, limit) = match patches {
            true => (PATCH_MAGIC, PATCH_HEAD_BYTES, limits::RESIDENT_BYTES),
            false => (MAGIC, HEAD_BYTES, limits::REQUEST_BYTES),
        };
        if input.len() > limit {
            return Err(Refusal::TooLarge);
        }
        let Some([first, tag, version]) = words(input, 0) else {
            return Err(Refusal::Malformed);
        };
        if first != u32::from_le_bytes(magic) {
            return Err(Refusal::Malformed);
        }
        // What it may name by numbers: nothing, the bundle's symbols, or the residents' too.
        let residents = version != 0 || patches;
        if tag != 0 && tag != self.bundle.tag() || residents && version != self.version {
            return Err(Refusal::Stale);
        }
        let below = Below {
            symbols: match (tag, residents) {
                (0, _) => 0,
                (_, false) => self.bundle.symbols(),
                (_, true) => self.bundle.store.symbols(),
            },
            entities: self.bundle.entity_count(),
            replaces: patches,
        };
        let store = &mut self.bundle.store;
        let at = store.bytes.len() + head;
        store.bytes.extend_from_slice(input);
        let roots = store.push_block(at, store.bytes.len(), below, fuel)?;
        Ok((below, roots))
    }

    /// Answers a request. Bytes that are no request are answered too: with outcome `refused`.
    pub fn decide(&mut self, request: &[u8]) -> &[u8] {
        self.write(request, false);
        &self.answer
    }

    /// Answers what `put` puts on top of the store: what is written first of an answer.
    #[cfg(feature = "consent")]
    pub(crate) fn ask(&mut self, put: &mut dyn FnMut(&mut Store, &mut Fuel) -> Question) -> Head {
        let mut fuel = Fuel::new(limits::STEPS);
        self.tally.clear();
        let question = put(&mut self.bundle.store, &mut fuel);
        let head = self.run(&question, fuel, false);
        self.bundle.store.reset(self.mark);
        head
    }

    /// The same, and after the answer its trace, from which `explanation` tells why.
    pub fn explain(&mut self, request: &[u8]) -> &[u8] {
        self.trace.clear();
        self.write(request, true);
        self.answer.extend_from_slice(&self.trace);
        &self.answer
    }

    fn evaluate(&mut self, request: &[u8], explains: bool) -> Head {
        let mut fuel = Fuel::new(limits::STEPS);
        self.tally.clear();
        let head = match self.read_request(request, &mut fuel) {
            Ok(question) => self.run(&question, fuel, explains),
            Err(refusal) => Head::refused(refusal),
        };
        self.bundle.store.reset(self.mark);
        head
    }

    fn write(&mut self, request: &[u8], explains: bool) {
        let head = self.evaluate(request, explains);
        head.write(
            self.tally.determining(),
            &self.tally.failed,
            &mut self.answer,
        );
    }

    fn read_request(&mut self, request: &[u8], fuel: &mut Fuel) -> Result<Question, Refusal> {
        let (below, context) = self.open(request, fuel, false)?;
        let store = &mut self.bundle.store;
        let mut question = || {
            store.order_record(context)?;
            let [principal, action, resource] = words(request, UIDS_AT)?;
            let uid = |number| store.uid_of(&below, number);
            Some(Question {
                uids: [uid(principal)?, uid(action)?, uid(resource)?],
                context,
            })
        };
        question().ok_or(Refusal::Malformed)
    }

    fn run(&mut self, question: &Question, mut fuel: Fuel, explains: bool) -> Head {
        let rules_at = self.bundle.span(layout::RULES).start as usize;
        let code = self.bundle.span(layout::CODE).start as usize;
        let readings = self.bundle.span(layout::READINGS).start as usize;
        let all = self.bundle.readings() as usize;
        let Bundle {
            store, index, now, ..
        } = &mut self.bundle;
        let known = index.candidates(store, question.uids, &mut fuel, &mut self.candidates);
        if !known {
            return Head::refused(Refusal::NotInSchema);
        }
        let clock = store.field(question.context, *now);
        let moves = clock.kind == kind::DATETIME;
        let [principal, action, resource] = question
            .uids
            .map(|uid| Value::new(kind::ENTITY, u64::from(uid)));
        let context = Value {
            key: if moves { WHOLE } else { FIXED },
            ..Value::new(kind::RECORD, question.context.payload())
        };
        let mut read = core::mem::take(&mut self.read);
        read.clear();
        read.extend_from_slice(&[principal, action, resource, context]);
        while read.len() < all {
            read.push(Value::MISSING);
        }
        let mut machine = Machine {
            store,
            stack: core::mem::take(&mut self.stack),
            code,
            readings,
            read,
            now: *now,
            fuel,
            clock: Clock {
                now: clock.payload.cast_signed(),
                until: FOREVER,
            },
            error: None,
            trace: (explains && FULL).then_some(&mut self.trace),
        };
        // Where the walk to the candidates was too long, who knows which it would have found.
        let mut given_up = machine.fuel.is_out;
        for rule in &self.candidates {
            if given_up {
                break;
            }
            let row = RuleRow::read(&machine.store.bytes, rules_at, *rule);
            let result = machine.run(row.code);
            if let Some(trace) = machine.trace.as_mut().filter(|_| FULL) {
                trace::end(trace, *rule, result);
            }
            given_up = !self.tally.count(*rule, row.effect != 0, result);
        }
        let until = machine.clock.until;
        (self.stack, self.read) = (machine.stack, machine.read);
        match given_up {
            // Nothing is said but where.
            true => Head::limit(),
            false => self.tally.head(until),
        }
    }
}

/// Where principal, action and resource stand in a request.
const UIDS_AT: usize = 12;

/// Bytes of a patch before its block: magic | tag of the bundle | version that it is for.
const PATCH_HEAD_BYTES: usize = 12;

/// Rules as they are found to apply.
#[derive(Debug, Default)]
struct Tally {
    allows: bool,
    denies: bool,
    /// In a build without feature `whole` nobody asks which.
    permits: Vec<u32>,
    forbids: Vec<u32>,
    /// Of each rule that failed: its number, the cause, the instruction.
    failed: Vec<u32>,
    forbid_failed: bool,
}

impl Tally {
    fn clear(&mut self) {
        self.allows = false;
        self.denies = false;
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
            Ok(true) => {
                self.denies |= forbids;
                self.allows |= !forbids;
                if FULL {
                    let rules = if forbids {
                        &mut self.forbids
                    } else {
                        &mut self.permits
                    };
                    rules.push(rule);
                }
            }
            Err((instruction, error)) => {
                let ends = matches!(error, EvalError::Limit | EvalError::Internal);
                if ends {
                    self.clear();
                }
                self.forbid_failed |= forbids;
                if FULL {
                    self.failed
                        .extend_from_slice(&[rule, error as u32, instruction]);
                }
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
        let allows = self.allows && !self.denies;
        let outcome = if self.denies {
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
