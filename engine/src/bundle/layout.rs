//! Numbers and offsets of the format.

/// First bytes of a bundle.
pub const MAGIC: [u8; 4] = *b"AVOW";
/// The format that this crate reads.
pub const FORMAT: u16 = 0;
/// Bytes of the header: magic | format `u16` | zero `u16` | length of the body `u32` | sections `u32` | digest 32 |
/// parent's digest 32 | checksum `u64`.
pub const HEADER_BYTES: usize = 88;
/// Where the body's length stands.
pub const LENGTH_AT: usize = 8;
/// Where the number of sections stands.
pub const SECTIONS_AT: usize = 12;
/// Where the SHA-256 digest stands: of the body with digest and checksum zeroed.
pub const DIGEST_AT: usize = 16;
/// Where the digest stands of the bundle from which this one was cut; zeros where it was cut from none.
pub const PARENT_AT: usize = 48;
/// Where the checksum stands: of all other bytes of the body.
pub const CHECKSUM_AT: usize = 80;
/// Bytes of a row of the section table: id `u16` | flags `u16` | offset `u32` | length `u32`.
pub const SECTION_BYTES: usize = 12;
/// Flag of a section that a reader must know.
pub const REQUIRED: u16 = 1;
/// First bytes of the signature that may follow the body: then the Ed25519 key, 32 bytes, and the signature, 64.
pub const SIGNATURE_MAGIC: [u8; 4] = *b"AVSG";
/// Bytes of the signature.
pub const SIGNATURE_BYTES: usize = 100;
/// What is signed: this, then the digest.
pub const SIGNATURE_CONTEXT: &[u8] = b"avow bundle 0\n";

/// Strings, uids, constants and entities.
pub const FACTS: u16 = 1;
/// Rules.
pub const RULES: u16 = 2;
/// Instructions.
pub const CODE: u16 = 3;
/// Numbers that rules and instructions name by start and length.
pub const LISTS: u16 = 4;
/// From action, principal type and resource type to rules.
pub const INDEX: u16 = 5;
/// Annotations of rules: key and value, two string numbers each.
pub const NOTES: u16 = 6;
/// What the bundle says of itself: key and value, two string numbers each.
pub const META: u16 = 7;
/// Texts for people: uid, key, value.
pub const TEXTS: u16 = 8;
/// Types, actions, derived attributes.
pub const SCHEMA: u16 = 9;
/// For each rule: file (a string), line, column. Slices have none.
pub const SOURCES: u16 = 10;
/// How many ids there are, zero included.
pub const SECTIONS: usize = 11;

/// Words of a rule: id | effect | principal kind, type, uid | action kind, list start, length | resource kind, type, uid |
/// code start, length | notes start, length.
pub const RULE_WORDS: usize = 15;
/// A scope that takes everything.
pub const ANY: u32 = 0;
/// `== uid`
pub const EQ: u32 = 1;
/// `in uid`; for actions, in any of a list.
pub const IN: u32 = 2;
/// `is type`
pub const IS: u32 = 3;
/// `is type in uid`
pub const IS_IN: u32 = 4;

/// The checksum of a body; none where it is shorter than a header.
#[must_use]
pub fn checksum(body: &[u8]) -> Option<u64> {
    let before = mix(body.get(..CHECKSUM_AT)?);
    let after = mix(body.get(HEADER_BYTES..)?);
    Some(before ^ after.rotate_left(1))
}

// Any single changed bit changes the sum. It tells accidents, not forgeries: those the signature tells.
fn mix(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    // Multiplying by an odd number and rotating are invertible, so a difference never vanishes again.
    let mut mix = |word: u64| {
        sum = (sum ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    };
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    for byte in rest {
        mix(u64::from(*byte));
    }
    sum
}
