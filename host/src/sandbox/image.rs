//! What a guest's memory holds after loading, so that further guests need not load.
//!
//! A guest between two calls is nothing but its memory: its one global, the stack's pointer, is where it was at the start. So a
//! copy of the memory is a copy of the guest. Only pages that differ from those of a guest that has loaded nothing are kept
//! and written; the rest is shared, copy on write, with the module's own image.

use super::{Guest, GuestError};

/// Bytes of the smallest part that is kept; a page of most processors.
const PART_BYTES: usize = 4096;

/// The memory of a guest that has loaded a bundle and residents.
#[derive(Clone, Debug)]
pub struct Image {
    /// Bytes of the whole memory.
    length: usize,
    /// Where a part begins, and its bytes; ascending, neighbours joined.
    parts: Vec<(usize, Box<[u8]>)>,
}

impl Image {
    /// Of a guest, by what its memory was before it loaded anything.
    pub(super) fn new(before: &[u8], guest: &Guest) -> Self {
        let memory = guest.memory();
        let zeros = [0; PART_BYTES];
        let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
        for (number, part) in memory.chunks(PART_BYTES).enumerate() {
            let start = number * PART_BYTES;
            let original = before.get(start..start + part.len()).unwrap_or(&zeros);
            if part == original {
                continue;
            }
            match parts.last_mut() {
                Some((at, bytes)) if *at + bytes.len() == start => bytes.extend_from_slice(part),
                _ => parts.push((start, part.to_vec())),
            }
        }
        Self {
            length: memory.len(),
            parts: parts
                .into_iter()
                .map(|(at, bytes)| (at, bytes.into_boxed_slice()))
                .collect(),
        }
    }

    /// Bytes that the image takes, and each guest of it beyond what all share.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    pub(super) fn write(&self, guest: &mut Guest) -> Result<(), GuestError> {
        guest.fill(self.length, |memory| {
            for (at, bytes) in &self.parts {
                if let Some(slot) = memory.get_mut(*at..at + bytes.len()) {
                    slot.copy_from_slice(bytes);
                }
            }
        })
    }
}
