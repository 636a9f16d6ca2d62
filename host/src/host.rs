//! A bundle in force, the tenants that it is asked for, and the guests that answer.

mod patch;
mod residents;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use avow_engine::{
    Answer, Bundle, Question, Refusal, Situation, Verdict, consent_request,
    intake::{self, Json, Stamp},
    verdict::Problem,
};

use self::residents::Residents;
pub use self::{patch::PatchError, residents::Patch};
use crate::{
    clock::Clock,
    metrics::Metrics,
    sandbox::{GuestError, Limits, Sandbox, SandboxError, Slot},
    trust::{Trust, TrustError, hex},
};

/// Why a host does not come up, or keeps the bundle that it has.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The bundle is not accepted.
    #[error(transparent)]
    Bundle(#[from] TrustError),
    /// The bundle is only part of one.
    #[error("bundle is a slice for target `{0}`: a server needs the whole")]
    Slice(String),
    /// A tenant's entities do not fit the bundle.
    #[error("entities of tenant `{tenant}`: {problem}")]
    Residents {
        /// The tenant.
        tenant: String,
        /// Where and what.
        problem: Problem,
    },
    /// A guest could not be made, or refuses the bundle or a tenant's entities.
    #[error("guest of {whom}: {error}")]
    Guest {
        /// A tenant, or the visitors.
        whom: String,
        /// What it said.
        error: GuestError,
    },
    /// The sandbox does not work here.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// The question could not be put to a guest, or the guest gave no answer. Enforce it as a deny.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The host has no such tenant.
    #[error("tenant `{0}` is not served here")]
    UnknownTenant(String),
    /// The guest failed; a fresh one has taken its place.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// What the guest answered is no answer.
    #[error("the guest's answer cannot be read")]
    Unreadable,
}

/// A bundle that is in force. What is read from it belongs together, whatever replaces it meanwhile.
pub struct InForce {
    bundle: Bundle,
    tenants: BTreeMap<String, Slot>,
    visitors: Slot,
}

impl InForce {
    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle's digest in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(self.bundle.digest())
    }
}

/// What a host is made of, before it is.
#[derive(Default)]
pub struct Builder {
    trust: Trust,
    clock: Clock,
    limits: Limits,
    tenants: BTreeMap<String, Json>,
    sandbox: Option<Sandbox>,
}

impl Builder {
    /// Whose bundles to accept. Without this: nobody's.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The clock to decide by. Without this: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What guests may use. The number of guests is raised to what the tenants need.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a tenant with its entities: an array as requests have it in `entities`.
    #[must_use]
    pub fn tenant(mut self, name: impl Into<String>, entities: Json) -> Self {
        self.tenants.insert(name.into(), entities);
        self
    }

    /// Runs guests of another module, for tests of what a guest may do wrong.
    #[cfg(test)]
    pub(crate) fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.sandbox = Some(sandbox);
        self
    }

    /// Verifies the bundle, sets up the sandbox and loads a guest for each tenant.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn build(mut self, bundle: &[u8]) -> Result<Host, HostError> {
        // A guest each and one for the visitors, twice while a bundle is replaced.
        let needed = u32::try_from((self.tenants.len() + 1) * 2).unwrap_or(u32::MAX);
        self.limits.guests = self.limits.guests.max(needed);
        let sandbox = match self.sandbox {
            Some(sandbox) => sandbox,
            None => Sandbox::new(self.limits)?,
        };
        let kept = needed.min(sandbox.limits().guests);
        sandbox.spare().give(sandbox.limits().guests - kept);
        let sandbox = Arc::new(sandbox);
        let metrics = Arc::new(Metrics::default());
        let tenants = self.tenants.iter().map(|(tenant, entities)| {
            let read = move |bundle: &Bundle| Residents::read(bundle, entities);
            (tenant.as_str(), read)
        });
        let (in_force, residents) = load(&self.trust, &sandbox, &metrics, bundle, tenants)?;
        Ok(Host {
            trust: self.trust,
            clock: self.clock,
            tenants: residents
                .into_iter()
                .map(|(tenant, residents)| (tenant, Mutex::new(residents)))
                .collect(),
            sandbox,
            metrics,
            current: RwLock::new(Arc::new(in_force)),
            replacing: RwLock::new(()),
        })
    }
}

/// Decides, for tenants and for visitors.
pub struct Host {
    trust: Trust,
    clock: Clock,
    /// Held, each, while its tenant is patched.
    tenants: BTreeMap<String, Mutex<Residents>>,
    sandbox: Arc<Sandbox>,
    metrics: Arc<Metrics>,
    current: RwLock<Arc<InForce>>,
    /// Written while a bundle is replaced, so that two replacements do not need room for three sets of guests; read while a
    /// tenant is patched, so that no patch gets lost between two bundles.
    replacing: RwLock<()>,
}

impl Host {
    /// A host to be described.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The bundle in force now.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The clock that it decides by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether it has a tenant of this name.
    #[must_use]
    pub fn has_tenant(&self, tenant: &str) -> bool {
        self.tenants.contains_key(tenant)
    }

    /// What it counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Puts another bundle in force: at once, for all tenants, and only if everything about it is right. Decisions that are
    /// under way end by the bundle that they began with.
    ///
    /// # Errors
    /// Says what is wrong; then the bundle that was in force stays.
    pub fn replace(&self, bundle: &[u8]) -> Result<(), HostError> {
        let _one_at_a_time = self
            .replacing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let tenants = self.tenants.iter().map(|(tenant, residents)| {
            let again = move |bundle: &Bundle| lock(residents).again(bundle);
            (tenant.as_str(), again)
        });
        let (next, residents) = load(&self.trust, &self.sandbox, &self.metrics, bundle, tenants)?;
        let next = Arc::new(next);
        for (tenant, now) in self.tenants.values().zip(residents.into_values()) {
            *lock(tenant) = now;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, next);
        drop(current);
        // Its guests are freed here, not under the lock.
        drop(before);
        Ok(())
    }

    /// Decides a request in a tenant's name, now.
    ///
    /// The request is as `avow-engine`'s intake takes it. It may bring neither `now` nor `tenant`, nor describe an entity that
    /// the bundle or the tenant's entities describe.
    ///
    /// # Errors
    /// Where no guest gave an answer. That is a deny.
    pub fn decide(&self, tenant: &str, request: &Json) -> Result<Verdict, DecideError> {
        let in_force = self.in_force();
        let verdict = self.decide_by(&in_force, tenant, request);
        self.metrics
            .count(verdict.as_ref().map_or("failed", |verdict| verdict.outcome));
        verdict
    }

    fn decide_by(
        &self,
        in_force: &InForce,
        tenant: &str,
        request: &Json,
    ) -> Result<Verdict, DecideError> {
        let slot = in_force
            .tenants
            .get(tenant)
            .ok_or_else(|| DecideError::UnknownTenant(tenant.to_owned()))?;
        let stamp = Stamp {
            now: Some(self.clock.now()),
            tenant: Some(tenant),
            trusted: false,
        };
        match intake::request(&in_force.bundle, request, &stamp) {
            Ok(request) => ask(in_force, slot, &request),
            Err(problem) => Ok(Verdict::refused(problem)),
        }
    }

    /// Decides a question about consent, by what is known of a visit.
    ///
    /// The visitors have a guest of their own, in which there is no tenant's data.
    ///
    /// # Errors
    /// Where the guest gave no answer. That is a deny.
    pub fn consent(
        &self,
        situation: &Situation<'_>,
        question: &Question<'_>,
    ) -> Result<Verdict, DecideError> {
        self.consent_by(&self.in_force(), situation, question)
    }

    /// The same by a bundle that the caller holds.
    pub(crate) fn consent_by(
        &self,
        in_force: &InForce,
        situation: &Situation<'_>,
        question: &Question<'_>,
    ) -> Result<Verdict, DecideError> {
        let request = consent_request(&in_force.bundle, situation, question);
        let verdict = ask(in_force, &in_force.visitors, &request);
        self.metrics
            .count(verdict.as_ref().map_or("failed", |verdict| verdict.outcome));
        verdict
    }

    /// The tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tenants.keys().map(String::as_str)
    }

    /// Guests that were lost and replaced.
    #[must_use]
    pub fn guests_replaced(&self) -> u64 {
        self.metrics.guests_replaced.load(Ordering::Relaxed)
    }
}

fn ask(in_force: &InForce, slot: &Slot, request: &[u8]) -> Result<Verdict, DecideError> {
    // INVARIANT: a request names residents by their uids. The numbers that guests give them, and the versions that guests count,
    // begin anew with each image: one that was written for another image could mean other entities.
    if request.get(VERSION_AT..VERSION_AT + 4) != Some(&[0; 4]) {
        return Ok(Verdict::refused(Problem {
            path: String::new(),
            message: Refusal::Stale.message().to_owned(),
        }));
    }
    slot.ask(|guest| {
        let answer = Answer::read(guest.decide(request)?);
        Ok(answer.map(|answer| Verdict::new(&in_force.bundle, &answer)))
    })?
    .map_err(|_| DecideError::Unreadable)
}

/// Where a request says the version of the residents whose numbers it uses; zero where it uses none.
const VERSION_AT: usize = 8;

/// Nothing that is done to a tenant's residents can panic half-way.
fn lock(residents: &Mutex<Residents>) -> MutexGuard<'_, Residents> {
    residents.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bundle with guests for all tenants, each by what reads its residents; and these, by tenant.
fn load<'a, R>(
    trust: &Trust,
    sandbox: &Arc<Sandbox>,
    metrics: &Metrics,
    bytes: &[u8],
    tenants: impl Iterator<Item = (&'a str, R)>,
) -> Result<(InForce, BTreeMap<String, Residents>), HostError>
where
    R: FnOnce(&Bundle) -> Result<(Residents, Vec<u8>), Problem>,
{
    let bundle = trust.verify(bytes)?;
    if bundle.parent().is_some() {
        let target = bundle.meta("target").unwrap_or("unknown").to_owned();
        return Err(HostError::Slice(target));
    }
    let slot = |whom: &str, residents: &[u8]| {
        let replaced: Arc<AtomicU64> = Arc::clone(&metrics.guests_replaced);
        Slot::new(Arc::clone(sandbox), bytes, residents, replaced).map_err(|error| {
            HostError::Guest {
                whom: whom.to_owned(),
                error,
            }
        })
    };
    let (mut slots, mut kept) = (BTreeMap::new(), BTreeMap::new());
    for (tenant, read) in tenants {
        let (residents, patch) = read(&bundle).map_err(|problem| HostError::Residents {
            tenant: tenant.to_owned(),
            problem,
        })?;
        slots.insert(
            tenant.to_owned(),
            slot(&format!("tenant `{tenant}`"), &patch)?,
        );
        kept.insert(tenant.to_owned(), residents);
    }
    let visitors = slot("the visitors", &[])?;
    let in_force = InForce {
        bundle,
        tenants: slots,
        visitors,
    };
    Ok((in_force, kept))
}
