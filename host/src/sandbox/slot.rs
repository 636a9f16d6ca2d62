//! The place of one tenant's guests: asks one that is free, makes another when all are busy, and replaces what is lost.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use super::{Guest, GuestError, Image, Sandbox};

/// Guests of one tenant, all alike.
pub(crate) struct Slot {
    sandbox: Arc<Sandbox>,
    image: Image,
    guests: Mutex<Guests>,
    freed: Condvar,
    replaced: Arc<AtomicU64>,
}

struct Guests {
    /// Those that nobody asks just now.
    idle: Vec<Guest>,
    /// All that there are.
    living: u32,
}

impl Slot {
    /// Loads the bundle and the residents; `replaced` counts the guests that are lost.
    pub(crate) fn new(
        sandbox: Arc<Sandbox>,
        bundle: &[u8],
        residents: &[u8],
        replaced: Arc<AtomicU64>,
    ) -> Result<Self, GuestError> {
        let image = sandbox.image(bundle, residents)?;
        let guest = sandbox.copy(&image)?;
        Ok(Self {
            sandbox,
            image,
            guests: Mutex::new(Guests {
                idle: vec![guest],
                living: 1,
            }),
            freed: Condvar::new(),
            replaced,
        })
    }

    /// Asks a guest and reads its answer. Where all are busy and there is no room for one more, this waits for its turn, at
    /// most the deadline of whoever is before it.
    pub(crate) fn ask<T>(
        &self,
        ask: impl FnOnce(&mut Guest) -> Result<T, GuestError>,
    ) -> Result<T, GuestError> {
        let mut lease = self.take()?;
        let answer = match &mut lease.guest {
            Some(guest) => ask(guest),
            None => Err(GuestError::Interface("there is none")),
        };
        if let Err(error) = &answer {
            tracing::error!(code = error.code(), %error, "a guest is replaced");
            self.replaced.fetch_add(1, Ordering::Relaxed);
            lease.guest = None;
        }
        answer
    }

    fn take(&self) -> Result<Lease<'_>, GuestError> {
        let most = self.sandbox.limits().guests_per_tenant;
        let mut guests = self.lock();
        loop {
            let guest = guests.idle.pop();
            // INVARIANT: the first guest has a place that is kept for it, and each further one holds a spare place.
            let makes = guest.is_none()
                && (guests.living == 0 || guests.living < most && self.sandbox.spare().take());
            if guest.is_some() || makes {
                guests.living += u32::from(makes);
                drop(guests);
                let mut lease = Lease { slot: self, guest };
                if makes {
                    lease.guest = Some(self.sandbox.copy(&self.image)?);
                }
                return Ok(lease);
            }
            guests = self
                .freed
                .wait(guests)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing that is done under the lock can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let living = self.lock().living;
        self.sandbox.spare().give(living.saturating_sub(1));
    }
}

/// A guest that is asked something, and its place.
struct Lease<'a> {
    slot: &'a Slot,
    /// None where it could not be made, or is lost.
    guest: Option<Guest>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // A panic may have left it between two states: then it is not used again. First out with it: the pool may be full.
        let guest = self.guest.take().filter(|_| !thread::panicking());
        let mut guests = self.slot.lock();
        match guest {
            Some(guest) => guests.idle.push(guest),
            None => {
                guests.living -= 1;
                self.slot.sandbox.spare().give(u32::from(guests.living > 0));
            }
        }
        drop(guests);
        self.slot.freed.notify_one();
    }
}

/// Places in the pool that are kept for nobody.
#[derive(Debug, Default)]
pub(crate) struct Spare(AtomicU32);

impl Spare {
    pub(crate) fn give(&self, places: u32) {
        self.0.fetch_add(places, Ordering::Relaxed);
    }

    /// Takes one; false where there is none.
    fn take(&self) -> bool {
        let less = |places: u32| places.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}
