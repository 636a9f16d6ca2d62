//! Little-endian reads that cannot leave their slice, and the writes that mirror them.

use alloc::vec::Vec;

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk::<2>()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?))
}

/// Words that follow each other: one look at the length for all of them.
#[inline]
pub(crate) fn words<const N: usize>(bytes: &[u8], at: usize) -> Option<[u32; N]> {
    let (words, _) = bytes.get(at..)?.as_chunks::<4>();
    Some(words.first_chunk::<N>()?.map(u32::from_le_bytes))
}

/// The items `start..start + len`; none where they are not all there.
pub(crate) fn slice<T>(items: &[T], start: usize, len: usize) -> Option<&[T]> {
    items.get(start..start.checked_add(len)?)
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A length as the formats write it. Nothing that we write is near 4 GiB; a longer one saturates and is refused by its reader.
pub(crate) fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
