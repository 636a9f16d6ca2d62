//! Changes a tenant's residents while the host runs.

use std::sync::PoisonError;

use avow_engine::verdict::Problem;

use super::{
    Host, lock,
    residents::{Change, Patch},
};
use crate::sandbox::GuestError;

/// Why a tenant's residents stay as they were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The host has no such tenant.
    #[error("tenant `{0}` is not served here")]
    UnknownTenant(String),
    /// Somebody was quicker: look at what there is now, and patch that.
    #[error(
        "the patch is for version {given} of the residents of tenant `{tenant}`, which are at version {current}"
    )]
    Stale {
        /// The tenant.
        tenant: String,
        /// The version that the patch is for.
        given: u64,
        /// The version that there is.
        current: u64,
    },
    /// An entity does not fit the bundle in force.
    #[error("patch of tenant `{tenant}`: {problem}")]
    Problem {
        /// The tenant.
        tenant: String,
        /// Which and what: `put[0].attrs.role`, `remove[2]`.
        problem: Problem,
    },
    /// The tenant's guests cannot hold what it would have.
    #[error("guest of tenant `{tenant}`: {error}")]
    Guest {
        /// The tenant.
        tenant: String,
        /// What it said.
        error: GuestError,
    },
}

impl Host {
    /// The version of a tenant's residents: 0 as the host began with them, one more after each patch. Another bundle does not
    /// change it. None where the tenant is not served here.
    #[must_use]
    pub fn version(&self, tenant: &str) -> Option<u64> {
        self.tenants
            .get(tenant)
            .map(|residents| lock(residents).version)
    }

    /// Changes a tenant's residents: all that the patch says, or nothing. Gives the new version.
    ///
    /// Decisions that begin after this has returned see the change, whichever guest answers them; those under way see all of it
    /// or nothing. `version` is the one that the caller takes for the newest, so that nobody overwrites what he has not seen.
    /// What answers promise by `until` says nothing about changes of residents: whoever keeps answers has to drop them.
    ///
    /// O(patch), but now and then O(residents): what is replaced lies dead in the guests until they are made anew, at the latest
    /// after a thousand patches. Blocks for as long, and while a bundle is replaced or this tenant is patched by somebody else;
    /// no other tenant notices.
    ///
    /// ```no_run
    /// # fn change(host: &avow_host::Host, ada: avow_host::avow_engine::intake::Json) -> Result<(), avow_host::PatchError> {
    /// use avow_host::Patch;
    ///
    /// let version = host.version("acme").unwrap_or_default();
    /// let patch = Patch::new().put(ada).remove(r#"User::"amir""#);
    /// let version = host.patch("acme", version, &patch)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Says what does not fit; then nothing has changed.
    pub fn patch(&self, tenant: &str, version: u64, patch: &Patch) -> Result<u64, PatchError> {
        let unknown = || PatchError::UnknownTenant(tenant.to_owned());
        let misfit = |problem| PatchError::Problem {
            tenant: tenant.to_owned(),
            problem,
        };
        let guest = |error| PatchError::Guest {
            tenant: tenant.to_owned(),
            error,
        };
        let _the_bundle_stays = self
            .replacing
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut residents = lock(self.tenants.get(tenant).ok_or_else(unknown)?);
        if residents.version != version {
            return Err(PatchError::Stale {
                tenant: tenant.to_owned(),
                given: version,
                current: residents.version,
            });
        }
        let in_force = self.in_force();
        let slot = in_force.tenants.get(tenant).ok_or_else(unknown)?;
        let (change, bytes) = Change::read(&in_force.bundle, patch).map_err(misfit)?;
        let bytes = bytes.finish(slot.version());
        let undo = residents.apply(change);
        let in_place = || slot.patch(&bytes).map_err(guest);
        // The guests of a new image hold what lives and nothing else.
        let anew = || {
            let (fresh, all) = residents.again(&in_force.bundle).map_err(misfit)?;
            slot.renew(in_force.bundle.bytes(), &all).map_err(guest)?;
            Ok(fresh)
        };
        // Where one way fails, the other may do: the guests have no room for what is dead, or the pool none for a new guest.
        let done = if residents.are_mostly_dead() || slot.is_patched_often() {
            anew()
                .map(Some)
                .or_else(|_: PatchError| in_place().map(|()| None))
        } else {
            in_place().map(|()| None).or_else(|_| anew().map(Some))
        };
        match done {
            Ok(None) => {}
            Ok(Some(fresh)) => *residents = fresh,
            Err(error) => {
                residents.undo(undo);
                return Err(error);
            }
        }
        residents.version += 1;
        Ok(residents.version)
    }
}
