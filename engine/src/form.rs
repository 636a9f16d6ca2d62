//! Requests of one shape: what they name is looked up once, and each is then written straight into its bytes.

use alloc::vec::Vec;

use crate::{
    block::{NONE, OWN, kind},
    bundle::Bundle,
    bytes::{len32, put_u32},
    request::MAGIC,
};

/// The shape of a request: an action, the types of its principal and its resource, and the fields of its context.
///
/// It belongs to the bundle that it was made for: requests that it writes are refused by another.
#[derive(Clone, Debug)]
pub struct Form {
    tag: u32,
    action: u32,
    principal: u32,
    resource: u32,
    /// Name, the type's name where the field is an entity, and the place among the caller's values; ascending by name.
    fields: Vec<(u32, u32, usize)>,
}

/// Who asks, or what for.
#[derive(Clone, Copy, Debug)]
pub enum Party<'a> {
    /// The id of an entity of the form's type.
    Id(&'a str),
    /// The number that a patch of the residents gave it.
    Resident(u32),
}

/// A value of the context.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// A boolean.
    Bool(bool),
    /// A 64-bit integer.
    Long(i64),
    /// A string; or the id of an entity, where the form says so.
    Str(&'a str),
    /// A decimal, in ten-thousandths.
    Decimal(i64),
    /// A datetime, milliseconds since 1970 in UTC.
    Datetime(i64),
    /// A duration, milliseconds.
    Duration(i64),
}

impl Form {
    /// A form; none where the bundle does not know a name, so that no rule could ever look at it. A field of the context is a
    /// name and, where it is an entity, the type.
    #[must_use]
    pub fn new(
        bundle: &Bundle,
        principal: &str,
        action: (&str, &str),
        resource: &str,
        fields: &[(&str, Option<&str>)],
    ) -> Option<Self> {
        let mut numbered = Vec::with_capacity(fields.len());
        for (place, (name, of)) in fields.iter().enumerate() {
            let of = match of {
                Some(of) => bundle.name(of)?,
                None => NONE,
            };
            numbered.push((bundle.name(name)?, of, place));
        }
        numbered.sort_unstable();
        Some(Self {
            tag: bundle.tag(),
            action: bundle.uid_number(action.0, action.1)?,
            principal: bundle.name(principal)?,
            resource: bundle.name(resource)?,
            fields: numbered,
        })
    }

    /// Writes a request's bytes to `out`, in place of what it holds. `version` is that of the residents whose numbers are used,
    /// zero where none is. False where there are not as many values as fields, or an entity's id is none.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        version: u32,
        principal: Party<'_>,
        resource: Party<'_>,
        values: &[Field<'_>],
    ) -> bool {
        // Distinct and ascending, as the engine likes them best.
        let mut uids: Vec<(u32, &str)> = Vec::with_capacity(self.fields.len() + 2);
        for (party, of) in [(principal, self.principal), (resource, self.resource)] {
            if let Party::Id(id) = party {
                uids.push((of, id));
            }
        }
        for (_, of, place) in &self.fields {
            match values.get(*place) {
                Some(Field::Str(id)) if *of != NONE => uids.push((*of, id)),
                Some(_) if *of == NONE => {}
                _ => return false,
            }
        }
        uids.sort_unstable();
        uids.dedup();
        let number = |of: u32, id: &str| {
            let place = uids.iter().position(|uid| *uid == (of, id));
            place.map_or(NONE, |place| OWN | len32(place))
        };
        let party = |party: Party<'_>, of| match party {
            Party::Id(id) => number(of, id),
            Party::Resident(number) => number,
        };
        let ids: usize = uids.iter().map(|(_, id)| id.len()).sum();
        let strings = self
            .fields
            .iter()
            .map(|(_, of, place)| match values.get(*place) {
                Some(Field::Str(text)) if *of == NONE => text.len(),
                _ => 0,
            });
        let text_len = ids + strings.sum::<usize>();
        out.clear();
        out.extend_from_slice(&MAGIC);
        let head = [
            self.tag,
            version,
            party(principal, self.principal),
            self.action,
            party(resource, self.resource),
            0,
            len32(uids.len()),
            0,
            len32(self.fields.len()),
            len32(self.fields.len()),
            len32(text_len),
        ];
        head.into_iter().for_each(|word| put_u32(out, word));
        let mut end = 0;
        for (of, id) in &uids {
            end += id.len();
            put_u32(out, *of);
            put_u32(out, len32(end));
        }
        for (name, of, place) in &self.fields {
            let (kind, payload) = match values.get(*place).copied().unwrap_or(Field::Bool(false)) {
                Field::Bool(value) => (kind::BOOL, u64::from(value)),
                Field::Long(value) => (kind::LONG, value.cast_unsigned()),
                Field::Decimal(value) => (kind::DECIMAL, value.cast_unsigned()),
                Field::Datetime(value) => (kind::DATETIME, value.cast_unsigned()),
                Field::Duration(value) => (kind::DURATION, value.cast_unsigned()),
                Field::Str(id) if *of != NONE => (kind::ENTITY, u64::from(number(*of, id))),
                Field::Str(text) => {
                    let start = end as u64;
                    end += text.len();
                    (kind::STRING, start | (text.len() as u64) << 32)
                }
            };
            put_u32(out, *name);
            put_u32(out, kind);
            out.extend_from_slice(&payload.to_le_bytes());
        }
        uids.iter()
            .for_each(|(_, id)| out.extend_from_slice(id.as_bytes()));
        for (_, of, place) in &self.fields {
            if let Some(Field::Str(text)) = values.get(*place)
                && *of == NONE
            {
                out.extend_from_slice(text.as_bytes());
            }
        }
        values.len() == self.fields.len()
    }
}
