//! The place of one tenant's guest: asks it, and puts a fresh one there when it is lost.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Guest, GuestError, Sandbox};

/// A guest that can be replaced by its like.
pub(crate) struct Slot {
    sandbox: Arc<Sandbox>,
    bundle: Arc<[u8]>,
    residents: Box<[u8]>,
    /// Empty between the loss of a guest and the first question that finds a new one can be made.
    guest: Mutex<Option<Guest>>,
    replaced: Arc<AtomicU64>,
}

impl Slot {
    /// Makes the first guest; `replaced` counts those that follow it.
    pub(crate) fn new(
        sandbox: Arc<Sandbox>,
        bundle: Arc<[u8]>,
        residents: Vec<u8>,
        replaced: Arc<AtomicU64>,
    ) -> Result<Self, GuestError> {
        let guest = sandbox.guest(&bundle, &residents)?;
        Ok(Self {
            sandbox,
            bundle,
            residents: residents.into(),
            guest: Mutex::new(Some(guest)),
            replaced,
        })
    }

    /// Asks the guest. One question at a time: this waits for its turn, at most the deadline of whoever is before it.
    pub(crate) fn decide(&self, request: &[u8]) -> Result<Vec<u8>, GuestError> {
        let mut place = self.lock();
        let guest = match place.as_mut() {
            Some(guest) => guest,
            None => place.insert(self.fresh()?),
        };
        let answer = guest.decide(request);
        if let Err(error) = &answer {
            tracing::error!(code = error.code(), %error, "a guest is replaced");
            self.replaced.fetch_add(1, Ordering::Relaxed);
            // First out with the old one: the pool may have no second place.
            *place = None;
            match self.fresh() {
                Ok(guest) => *place = Some(guest),
                Err(error) => tracing::error!(%error, "no fresh guest can be made now"),
            }
        }
        answer
    }

    fn fresh(&self) -> Result<Guest, GuestError> {
        self.sandbox.guest(&self.bundle, &self.residents)
    }

    /// A panic while the lock was held may have left the guest between two states: then it is not used again.
    fn lock(&self) -> MutexGuard<'_, Option<Guest>> {
        self.guest.lock().unwrap_or_else(|poisoned| {
            self.guest.clear_poison();
            let mut place = PoisonError::into_inner(poisoned);
            *place = None;
            place
        })
    }
}
