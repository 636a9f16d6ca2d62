//! From request bytes to answer bytes.

use alloc::vec::Vec;

use crate::{
    answer::{EvalError, Failure, Outcome, Refusal, Verdicts},
    block::RESIDENTS_MAGIC,
    bundle::{Bundle, Candidates, Effect, RuleRow},
    bytes::u32_at,
    eval::{Machine, Variables},
    limits,
    request::{self, RequestError},
    store::{Fuel, Mark, Span, Store, Value},
};

/// An empty block of residents, so that the request is always the third layer.
const NO_RESIDENTS: [u8; 20] = *b"AVE0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Answers requests by one bundle, for one tenant.
///
/// Memory grows to what the largest request needed and is used again; nothing of one request is left for the next.
#[derive(Debug)]
pub struct Engine {
    bundle: Bundle,
    residents: Vec<u8>,
    /// Bundle and residents.
    mark: Mark,
    stack: Vec<Value>,
}

impl Engine {
    /// An engine for a bundle, without residents.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        let mut engine = Self {
            mark: bundle.mark,
            bundle,
            residents: Vec::new(),
            stack: Vec::new(),
        };
        // An empty block cannot be refused.
        let _ = engine.set_residents(&NO_RESIDENTS);
        engine
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Replaces the tenant's resident entities: magic `AVE0`, then a block.
    ///
    /// # Errors
    /// Where the bytes do not hold together or describe an entity of the bundle; then the old residents stay.
    pub fn set_residents(&mut self, bytes: &[u8]) -> Result<(), RequestError> {
        if bytes.len() > limits::RESIDENT_BYTES {
            return Err(RequestError(Refusal::TooLarge));
        }
        let before = core::mem::replace(&mut self.residents, bytes.to_vec());
        let read = self.read_residents();
        if read.is_err() {
            self.residents = before;
            // These were read once, so they are read again.
            let _ = self.read_residents();
        }
        read.map_err(RequestError)
    }

    fn read_residents(&mut self) -> Result<(), Refusal> {
        let mut store = core::mem::take(&mut self.bundle.store);
        store.reset(self.bundle.mark);
        let read = if self.residents.starts_with(&RESIDENTS_MAGIC) {
            let texts = self.bundle.texts(&self.residents, &[]);
            let head = RESIDENTS_MAGIC.len();
            store
                .push_layer(&texts, head, Some(self.bundle.mark), &mut Fuel(u32::MAX))
                .and_then(|taken| {
                    (head + taken == self.residents.len())
                        .then_some(())
                        .ok_or(Refusal::Malformed)
                })
        } else {
            Err(Refusal::Malformed)
        };
        if read.is_err() {
            store.reset(self.bundle.mark);
        }
        self.mark = store.mark();
        self.bundle.store = store;
        read
    }

    /// Answers a request. Bytes that are no request are answered too: with outcome `refused`.
    pub fn decide(&mut self, request: &[u8]) -> Vec<u8> {
        // The store is taken out for the time of the decision, because the machine reads the bundle and writes the store.
        let mut store = core::mem::take(&mut self.bundle.store);
        let mut stack = core::mem::take(&mut self.stack);
        let (verdicts, cedar_allows) = self.evaluate(&mut store, &mut stack, request);
        store.reset(self.mark);
        self.bundle.store = store;
        self.stack = stack;
        verdicts.write(cedar_allows)
    }

    fn evaluate(
        &self,
        store: &mut Store,
        stack: &mut Vec<Value>,
        request: &[u8],
    ) -> (Verdicts, bool) {
        let refused = |refusal| (Verdicts::refused(refusal), false);
        let mut fuel = Fuel(limits::STEPS);
        let texts = self.bundle.texts(&self.residents, request);
        let variables = match self.read_request(store, request, &mut fuel) {
            Ok(variables) => variables,
            Err(refusal) => return refused(refusal),
        };
        let types = (
            store.uid(variables.principal),
            store.uid(variables.resource),
        );
        let (Some((principal, _)), Some((resource, _))) = types else {
            return refused(Refusal::Malformed);
        };
        let index = self.bundle.index();
        let candidates = index.candidates(variables.action, principal, resource);
        let (span, all) = match candidates {
            Candidates::Some(span) => (span, false),
            Candidates::All => {
                let len = self.bundle.rule_count();
                (Span { start: 0, len }, true)
            }
            Candidates::None => return refused(Refusal::NotInSchema),
        };
        let mut machine = Machine {
            bundle: &self.bundle,
            store,
            texts,
            variables,
            fuel,
            stack,
        };
        let mut tally = Tally::default();
        for at in span.start..span.start + span.len {
            let number = if all { Some(at) } else { index.rule(at) };
            let Some((number, row)) = number.and_then(|n| Some((n, self.bundle.row(n)?))) else {
                return tally.limit(at, EvalError::Internal);
            };
            if let Err(error) = tally.rule(&mut machine, number, &row) {
                return tally.limit(number, error);
            }
        }
        tally.verdict()
    }

    fn read_request(
        &self,
        store: &mut Store,
        bytes: &[u8],
        fuel: &mut Fuel,
    ) -> Result<Variables, Refusal> {
        if bytes.len() > limits::REQUEST_BYTES {
            return Err(Refusal::TooLarge);
        }
        let bad = Refusal::Malformed;
        if !bytes.starts_with(&request::MAGIC) {
            return Err(bad);
        }
        let texts = self.bundle.texts(&self.residents, bytes);
        let first = store.mark_cells(store.mark());
        let taken = store.push_layer(&texts, request::HEAD_BYTES, Some(self.bundle.mark), fuel)?;
        if request::HEAD_BYTES + taken != bytes.len() {
            return Err(bad);
        }
        let word = |i: usize| u32_at(bytes, 4 + i * 4).ok_or(bad);
        let uid = |i: usize| store.mapped_uid(word(i)?).ok_or(bad);
        let context = (first as u32).checked_add(word(3)?).ok_or(bad)?;
        let context = match store.cell(context) {
            Some(context @ Value::Record(_)) => context,
            _ => return Err(bad),
        };
        Ok(Variables {
            principal: uid(0)?,
            action: uid(1)?,
            resource: uid(2)?,
            context,
        })
    }
}

/// Rules as they are found to apply.
#[derive(Default)]
struct Tally {
    permits: Vec<u32>,
    forbids: Vec<u32>,
    failed: Vec<Failure>,
    forbid_failed: bool,
}

impl Tally {
    /// Evaluates one rule. Only a limit is an error: anything else that goes wrong is the rule's own failure.
    fn rule(
        &mut self,
        machine: &mut Machine<'_>,
        number: u32,
        row: &RuleRow,
    ) -> Result<(), EvalError> {
        machine.fuel.spend(1)?;
        if !machine.in_scope(row)? {
            return Ok(());
        }
        let forbids = row.effect != Effect::Permit as u32;
        match machine.run(row.code) {
            Ok(false) => {}
            Ok(true) if forbids => self.forbids.push(number),
            Ok(true) => self.permits.push(number),
            Err((_, error @ (EvalError::Limit | EvalError::Internal))) => return Err(error),
            Err((instruction, error)) => {
                self.forbid_failed |= forbids;
                self.failed.push(Failure {
                    rule: number,
                    error,
                    instruction,
                });
            }
        }
        Ok(())
    }

    /// A decision that was given up at a rule: nothing is said but that.
    fn limit(self, rule: u32, error: EvalError) -> (Verdicts, bool) {
        let failed = Failure {
            rule,
            error,
            instruction: 0,
        };
        let verdicts = Verdicts {
            outcome: Outcome::Failed,
            refusal: Refusal::None,
            determining: Vec::new(),
            failed: Vec::from([failed]),
        };
        (verdicts, false)
    }

    fn verdict(self) -> (Verdicts, bool) {
        let cedar_allows = self.forbids.is_empty() && !self.permits.is_empty();
        let outcome = if !self.forbids.is_empty() {
            Outcome::Forbidden
        } else if self.forbid_failed {
            // Cedar skips a rule that fails; an isolation rule must not vanish because an attribute is missing.
            Outcome::Failed
        } else if cedar_allows {
            Outcome::Allow
        } else {
            Outcome::NotPermitted
        };
        let determining = if self.forbids.is_empty() {
            self.permits
        } else {
            self.forbids
        };
        let verdicts = Verdicts {
            outcome,
            refusal: Refusal::None,
            determining,
            failed: self.failed,
        };
        (verdicts, cedar_allows)
    }
}
