//! Which entry of the catalogue a cookie or a storage key is.

use super::Bundle;
use crate::{
    block::kind,
    store::{EntityData, Value},
};

impl Bundle {
    /// The catalogue's entry for a cookie or storage key: by its exact name, or else by the pattern that it fits.
    pub(crate) fn storage_entry(&self, kind: &str, name: &str) -> Option<&EntityData> {
        let of = self.store.find(0, b"Avow::Storage");
        let mut fitting = None;
        let ours = self.entity_count() as usize;
        for entry in self.store.entities().iter().take(ours) {
            let is_storage = self.store.type_of(entry.uid) == of;
            if !is_storage || self.text_of(entry, b"kind") != Some(kind.as_bytes()) {
                continue;
            }
            match self.text_of(entry, b"name") {
                Some(pattern) if pattern == name.as_bytes() => return Some(entry),
                Some(pattern) if fits(pattern, name.as_bytes()) => fitting = Some(entry),
                _ => {}
            }
        }
        fitting
    }

    /// The number of the purpose for which an entry is there, unless it is an essential one.
    pub(crate) fn optional_purpose(&self, entry: &EntityData) -> Option<u32> {
        let purpose = self.value_of(entry, b"purpose");
        let uid = (purpose.kind == kind::ENTITY).then_some(purpose.payload as u32)?;
        let essential = self.value_of(self.store.entity(uid)?, b"essential");
        (essential.payload == 0).then_some(uid)
    }

    fn value_of(&self, entity: &EntityData, name: &[u8]) -> Value {
        self.store.field(entity.attrs, self.store.find(0, name))
    }

    fn text_of(&self, entity: &EntityData, name: &[u8]) -> Option<&[u8]> {
        let value = self.value_of(entity, name);
        (value.kind == kind::STRING).then(|| self.store.text(value.payload))
    }

    /// The text of a name, the id of a uid.
    #[cfg(feature = "words")]
    pub(crate) fn string(&self, symbol: u32) -> &str {
        core::str::from_utf8(self.store.symbol_text(symbol)).unwrap_or_default()
    }
}

/// Whether `name` fits a pattern in which `*` stands for any text. A star takes as little as it can, and one more where the
/// rest then does not fit; only the last one is ever asked for more, so this ends after as many steps as the texts' product.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut left, mut rest) = (pattern, name);
    // What follows the last star, and where it was tried.
    let mut star = None;
    loop {
        (left, rest) = match (left.split_first(), rest.split_first()) {
            (None, None) => return true,
            (Some((b'*', after)), _) => {
                star = Some((after, rest));
                (after, rest)
            }
            (Some((a, left)), Some((b, rest))) if a == b => (left, rest),
            _ => {
                let Some((after, tried)) = star else {
                    return false;
                };
                let Some((_, next)) = tried.split_first() else {
                    return false;
                };
                star = Some((after, next));
                (after, next)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fit) in [
            ("_ga", "_ga", true),
            ("_ga", "_gat", false),
            ("_ga", "_g", false),
            ("_ga_*", "_ga_", true),
            ("_ga_*", "_ga_1*2", true),
            ("_ga_*", "_ga", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-cd", false),
            ("*bc", "abbc", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                fit,
                "{pattern} {name}"
            );
        }
    }
}
