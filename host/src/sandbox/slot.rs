//! The place of one tenant's guests: asks one that is free, makes another when all are busy, and replaces what is lost.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
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
        let mut lease = Lease {
            guest: Some(self.take()?),
            slot: self,
        };
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

    fn take(&self) -> Result<Guest, GuestError> {
        let mut guests = self.lock();
        loop {
            if let Some(guest) = guests.idle.pop() {
                return Ok(guest);
            }
            if guests.living < self.sandbox.limits().guests_per_tenant.max(1) {
                guests.living += 1;
                drop(guests);
                let made = self.sandbox.copy(&self.image);
                guests = self.lock();
                match made {
                    Ok(guest) => return Ok(guest),
                    Err(error) => {
                        guests.living -= 1;
                        // Another one of ours will be free.
                        let waits = matches!(error, GuestError::NoRoom(_)) && guests.living > 0;
                        if !waits {
                            return Err(error);
                        }
                        if !guests.idle.is_empty() {
                            continue;
                        }
                    }
                }
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

/// A guest that is asked something, and its place.
struct Lease<'a> {
    slot: &'a Slot,
    /// None where it is lost. One that is dropped by a panic goes back: between two calls it is as good as any.
    guest: Option<Guest>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let guest = self.guest.take();
        let mut guests = self.slot.lock();
        match guest {
            Some(guest) => guests.idle.push(guest),
            None => guests.living -= 1,
        }
        drop(guests);
        self.slot.freed.notify_one();
    }
}
