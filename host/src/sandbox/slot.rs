//! The place of one tenant's guests: asks one that is free, makes another when all are busy, and replaces what is lost.
//!
//! What all of them hold is an image and the patches of the residents since. A guest takes the patches that it lacks when it
//! is wanted next, so a patch costs what it changes, however many guests there are. Whoever patches sees to it that the
//! patches do not grow without end: a new image in time ([`Slot::renew`]).

use std::{
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use super::{Guest, GuestError, Image, Sandbox};

/// Patches after which [`Slot::is_patched_often`]: a guest that has not been wanted for long takes them all at once, some
/// milliseconds.
pub(crate) const MAX_PATCHES: usize = 1024;

/// Guests of one tenant, all alike.
pub(crate) struct Slot {
    sandbox: Arc<Sandbox>,
    guests: Mutex<Guests>,
    freed: Condvar,
    replaced: Arc<AtomicU64>,
}

struct Guests {
    image: Arc<Image>,
    /// Counts the images; a guest of an earlier one is not used again.
    generation: u64,
    /// Version of the residents in the image.
    version: u32,
    /// What came after the image. INVARIANT: a guest is handed out with all of them.
    patches: Vec<Arc<[u8]>>,
    /// Those that nobody asks just now. All are of this generation.
    idle: Vec<Member>,
    /// All that there are, of earlier generations too.
    living: u32,
}

struct Member {
    guest: Guest,
    generation: u64,
    /// How many of the patches it has taken.
    patches: usize,
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
            guests: Mutex::new(Guests {
                image: Arc::new(image),
                generation: 0,
                version: version(residents),
                patches: Vec::new(),
                idle: vec![Member {
                    guest,
                    generation: 0,
                    patches: 0,
                }],
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
        let answer = match &mut lease.member {
            Some(member) => ask(&mut member.guest),
            None => Err(GuestError::Interface("there is none")),
        };
        if let Err(error) = &answer {
            lease.lose(error);
        }
        answer
    }

    /// The version of the residents that the guests count: what a patch has to be for. Each image begins anew.
    pub(crate) fn version(&self) -> u32 {
        let guests = self.lock();
        let patches = u32::try_from(guests.patches.len()).unwrap_or(u32::MAX);
        guests.version.saturating_add(patches)
    }

    /// Whether it is time for a new image, so that no guest has too much to catch up on.
    pub(crate) fn is_patched_often(&self) -> bool {
        self.lock().patches.len() >= MAX_PATCHES
    }

    /// Patches the residents of all guests: of one now, so that it is known to fit, of the others before they answer again.
    ///
    /// The caller sees to it that nobody else patches or renews meanwhile.
    ///
    /// # Errors
    /// Where the guest refuses the patch or fails over it. Then all are as they were.
    pub(crate) fn patch(&self, patch: &[u8]) -> Result<(), GuestError> {
        let mut lease = self.take()?;
        let Some(member) = &mut lease.member else {
            return Err(GuestError::Interface("there is none"));
        };
        match member.guest.patch(patch) {
            Ok(_) => {
                member.patches += 1;
                self.lock().patches.push(patch.into());
                Ok(())
            }
            // Then it has not changed.
            Err(error @ (GuestError::Refused(_) | GuestError::TooLarge(_))) => Err(error),
            Err(error) => {
                lease.lose(&error);
                Err(error)
            }
        }
    }

    /// Puts guests that load the bundle and these residents in the place of those that there are. Whoever is asked just now
    /// ends by what it began with, and is not asked again.
    ///
    /// The caller sees to it that nobody else patches or renews meanwhile, and that there is room for one more guest.
    ///
    /// # Errors
    /// As [`Sandbox::image`]; then all stays as it was.
    pub(crate) fn renew(&self, bundle: &[u8], residents: &[u8]) -> Result<(), GuestError> {
        let image = Arc::new(self.sandbox.image(bundle, residents)?);
        let mut guests = self.lock();
        guests.image = image;
        guests.generation += 1;
        guests.version = version(residents);
        guests.patches = Vec::new();
        for member in mem::take(&mut guests.idle) {
            self.give_up(&mut guests, Some(member));
        }
        drop(guests);
        self.freed.notify_all();
        Ok(())
    }

    fn take(&self) -> Result<Lease<'_>, GuestError> {
        let most = self.sandbox.limits().guests_per_tenant;
        let mut guests = self.lock();
        loop {
            let member = guests.idle.pop();
            // INVARIANT: the first guest has a place that is kept for it, and each further one holds a spare place.
            let makes = member.is_none()
                && (guests.living == 0 || guests.living < most && self.sandbox.spare().take());
            if member.is_some() || makes {
                guests.living += u32::from(makes);
                let all = guests.patches.len();
                let done = member.as_ref().map_or(all, |member| member.patches);
                let missing = guests.patches.get(done..).unwrap_or_default().to_vec();
                drop(guests);
                let mut lease = Lease { slot: self, member };
                lease.prepare(&missing)?;
                return Ok(lease);
            }
            guests = self
                .freed
                .wait(guests)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A guest is no more: its place is free. First out with it: the pool may be full.
    fn give_up(&self, guests: &mut Guests, member: Option<Member>) {
        drop(member);
        guests.living -= 1;
        self.sandbox.spare().give(u32::from(guests.living > 0));
    }

    /// Nothing that is done under the lock can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The version of the residents after loading them.
fn version(residents: &[u8]) -> u32 {
    u32::from(!residents.is_empty())
}

impl Member {
    fn catch_up(&mut self, missing: &[Arc<[u8]>]) -> Result<(), GuestError> {
        for patch in missing {
            self.guest.patch(patch)?;
            self.patches += 1;
        }
        Ok(())
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
    member: Option<Member>,
}

impl Lease<'_> {
    /// Brings the guest up to date by what it lacks. One that is not there, or fails over it, begins as a copy of the image.
    fn prepare(&mut self, missing: &[Arc<[u8]>]) -> Result<(), GuestError> {
        if let Some(member) = &mut self.member {
            match member.catch_up(missing) {
                Ok(()) => return Ok(()),
                Err(error) => self.lose(&error),
            }
        }
        let guests = self.slot.lock();
        let (image, generation) = (Arc::clone(&guests.image), guests.generation);
        let patches = guests.patches.clone();
        drop(guests);
        let mut member = Member {
            guest: self.slot.sandbox.copy(&image)?,
            generation,
            patches: 0,
        };
        member.catch_up(&patches)?;
        self.member = Some(member);
        Ok(())
    }

    fn lose(&mut self, error: &GuestError) {
        tracing::error!(code = error.code(), %error, "a guest is replaced");
        self.slot.replaced.fetch_add(1, Ordering::Relaxed);
        self.member = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // A panic may have left it between two states: then it is not used again.
        let member = self.member.take().filter(|_| !thread::panicking());
        let mut guests = self.slot.lock();
        match member {
            Some(member) if member.generation == guests.generation => guests.idle.push(member),
            member => self.slot.give_up(&mut guests, member),
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
