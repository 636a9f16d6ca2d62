//! A tenant's resident entities as the host keeps them, to load them into guests again: of another bundle, or in a new image.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{
    Bundle, PatchBuilder,
    format::{Cell, EntityRow},
    intake::{self, Json},
    verdict::Problem,
};

/// Type and id.
type Uid = (String, String);

/// Bytes of entities that may lie dead in a guest, whatever lives there.
const DEAD_BYTES: usize = 64 << 10;

/// Changes of a tenant's resident entities, to be made together: [`Host::patch`](super::Host::patch).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    put: Vec<Json>,
    remove: Vec<Json>,
}

impl Patch {
    /// A patch that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entity, or puts it in the place of the one of that uid, whole: what is not repeated is gone. It is written as
    /// requests have it in `entities`.
    #[must_use]
    pub fn put(mut self, entity: Json) -> Self {
        self.put.push(entity);
        self
    }

    /// Removes an entity. It is written as requests have it: `User::"ada"`, or an object with `type` and `id`. Removing one
    /// that is no resident changes nothing.
    #[must_use]
    pub fn remove(mut self, uid: impl Into<Json>) -> Self {
        self.remove.push(uid.into());
        self
    }
}

/// What a tenant has.
#[derive(Debug, Default)]
pub(super) struct Residents {
    /// Counts the patches that were taken.
    pub(super) version: u64,
    entities: BTreeMap<Uid, Resident>,
    /// Bytes that the entities take in a guest, about.
    live: usize,
    /// The same of all that its memory holds: what was replaced and removed stays there.
    held: usize,
}

#[derive(Debug)]
struct Resident {
    json: Json,
    bytes: usize,
}

/// A patch, read by a bundle's schema.
pub(super) struct Change(Vec<(Uid, Option<Resident>)>);

/// What [`Residents::apply`] changed.
pub(super) struct Undo {
    before: Vec<(Uid, Option<Resident>)>,
    held: usize,
}

impl Residents {
    /// From an array of entities, and the bytes of the patch that loads them.
    pub(super) fn read(bundle: &Bundle, entities: &Json) -> Result<(Self, Vec<u8>), Problem> {
        let Json::List(items) = entities else {
            // Intake knows what to say of it.
            return intake::residents(bundle, entities).map(|bytes| (Self::default(), bytes));
        };
        let placed = items.iter().enumerate();
        Self::typed(
            bundle,
            placed.map(|(i, json)| (format!("[{i}]"), json.clone())),
        )
    }

    /// The same entities by another bundle, or to be loaded anew.
    pub(super) fn again(&self, bundle: &Bundle) -> Result<(Self, Vec<u8>), Problem> {
        let placed = self.entities.iter().map(|((type_name, id), resident)| {
            (format!("{type_name}::{id:?}"), resident.json.clone())
        });
        let (residents, bytes) = Self::typed(bundle, placed)?;
        let version = self.version;
        Ok((
            Self {
                version,
                ..residents
            },
            bytes,
        ))
    }

    fn typed(
        bundle: &Bundle,
        entities: impl Iterator<Item = (String, Json)>,
    ) -> Result<(Self, Vec<u8>), Problem> {
        let mut residents = Self::default();
        let mut builder = PatchBuilder::new(bundle);
        for (path, json) in entities {
            let (uid, resident) = put(bundle, &mut builder, &path, json)?;
            residents.live += resident.bytes;
            residents.entities.insert(uid, resident);
        }
        residents.held = residents.live;
        Ok((residents, builder.finish(0)))
    }

    /// Makes a change here.
    pub(super) fn apply(&mut self, change: Change) -> Undo {
        let held = self.held;
        let mut before = Vec::with_capacity(change.0.len());
        for (uid, resident) in change.0 {
            self.held += match &resident {
                Some(resident) => resident.bytes,
                None => symbol_bytes(&uid) + CELL_BYTES,
            };
            let old = self.set(uid.clone(), resident);
            before.push((uid, old));
        }
        Undo { before, held }
    }

    /// Takes a change back.
    pub(super) fn undo(&mut self, undo: Undo) {
        for (uid, resident) in undo.before {
            self.set(uid, resident);
        }
        self.held = undo.held;
    }

    fn set(&mut self, uid: Uid, resident: Option<Resident>) -> Option<Resident> {
        let added = resident.as_ref().map_or(0, |resident| resident.bytes);
        let old = match resident {
            Some(resident) => self.entities.insert(uid, resident),
            None => self.entities.remove(&uid),
        };
        let gone = old.as_ref().map_or(0, |old| old.bytes);
        self.live = (self.live + added).saturating_sub(gone);
        old
    }

    /// Whether more lies dead in a guest that took all patches than lives there, beyond what does not matter.
    pub(super) fn are_mostly_dead(&self) -> bool {
        self.held > 2 * self.live + DEAD_BYTES
    }
}

impl Change {
    /// Reads a patch, and begins its bytes. A problem's path names the entity: `put[0].attrs.role`, `remove[2]`.
    pub(super) fn read<'a>(
        bundle: &'a Bundle,
        patch: &Patch,
    ) -> Result<(Self, PatchBuilder<'a>), Problem> {
        let mut builder = PatchBuilder::new(bundle);
        let mut changes = Vec::with_capacity(patch.put.len() + patch.remove.len());
        for (i, json) in patch.put.iter().enumerate() {
            let (uid, resident) = put(bundle, &mut builder, &format!("put[{i}]"), json.clone())?;
            changes.push((uid, Some(resident)));
        }
        let adds: BTreeSet<Uid> = changes.iter().map(|(uid, _)| uid.clone()).collect();
        for (i, json) in patch.remove.iter().enumerate() {
            let path = format!("remove[{i}]");
            let uid = intake::uid(bundle, json).map_err(|problem| within(&path, problem))?;
            if adds.contains(&uid) {
                let message = format!("`{}` is put by the same patch", uid.1);
                return Err(Problem { path, message });
            }
            builder.remove(&uid.0, &uid.1);
            changes.push((uid, None));
        }
        Ok((Self(changes), builder))
    }
}

/// Reads an entity by the schema and puts it into a patch.
fn put(
    bundle: &Bundle,
    builder: &mut PatchBuilder<'_>,
    path: &str,
    json: Json,
) -> Result<(Uid, Resident), Problem> {
    let row = intake::entity(bundle, &json).map_err(|problem| within(path, problem))?;
    // Intake has found one in it.
    let uid = json.get("uid").unwrap_or(&Json::Null);
    let uid = intake::uid(bundle, uid).map_err(|problem| within(path, problem))?;
    let bytes = entity_bytes(&uid, &row);
    if !builder.put(&uid.0, &uid.1, row) {
        return Err(Problem {
            path: path.to_owned(),
            message: format!("`{}` is described twice", uid.1),
        });
    }
    Ok((uid, Resident { json, bytes }))
}

fn within(path: &str, problem: Problem) -> Problem {
    let path = match problem.path.as_str() {
        "" => path.to_owned(),
        inner => format!("{path}.{inner}"),
    };
    Problem { path, ..problem }
}

/// Bytes of a value in a guest: in its store and in the patch, which stays. `docs/limits.md` has them.
const CELL_BYTES: usize = 32;

/// The same of an entity that has nothing.
fn symbol_bytes((_, id): &Uid) -> usize {
    const EMPTY_BYTES: usize = 80;
    EMPTY_BYTES + id.len()
}

fn entity_bytes(uid: &Uid, row: &EntityRow) -> usize {
    let values = row.attrs.values().chain(row.tags.values());
    let parents = row.parents.iter().map(|(_, id)| CELL_BYTES + id.len());
    symbol_bytes(uid) + values.map(value_bytes).chain(parents).sum::<usize>()
}

fn value_bytes(value: &Cell) -> usize {
    let more = match value {
        Cell::Str(text) | Cell::Entity(_, text) => text.len(),
        Cell::Set(items) => items.iter().map(value_bytes).sum(),
        Cell::Record(fields) => fields.values().map(value_bytes).sum(),
        _ => 0,
    };
    CELL_BYTES + more
}
