//! Numbers and offsets of the format.

/// First bytes of a bundle.
pub const MAGIC: [u8; 4] = *b"AVOW";
/// The format that this crate reads.
pub const FORMAT: u16 = 1;
/// Bytes of the header: magic | format `u32` | length of the body `u32` | sections `u32` | digest 32 |
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
pub const SIGNATURE_CONTEXT: &[u8] = b"avow bundle 1\n";

/// Names, uids, entities and constants: a block.
pub const FACTS: u16 = 1;
/// Rules.
pub const RULES: u16 = 2;
/// Instructions.
pub const CODE: u16 = 3;
/// From action, types, and the uids that scopes name, to rules.
pub const INDEX: u16 = 4;
/// Texts that decide nothing: a count, an end offset each, the bytes. The sections below name them by number.
pub const WORDS: u16 = 5;
/// Annotations of rules: key and value.
pub const NOTES: u16 = 6;
/// What the bundle says of itself: key and value.
pub const META: u16 = 7;
/// Texts for people: uid (a symbol), key, value.
pub const TEXTS: u16 = 8;
/// Types, actions, derived attributes.
pub const SCHEMA: u16 = 9;
/// For each rule: file, line, column. Slices have none.
pub const SOURCES: u16 = 10;
/// Readings: what a value is read from, and the name of the attribute.
pub const READINGS: u16 = 11;
/// How many ids there are, zero included.
pub const SECTIONS: usize = 12;

/// Readings that need no section: principal, action, resource, context.
pub const VARIABLES: u32 = 4;
/// Bytes of a reading: number `u32` of the reading before | name `u32`.
pub const READING_BYTES: usize = 8;

/// Words of a rule: effect (1 forbids) | code start, length in instructions | id | notes start, length |
/// instructions of the scope, which come first.
pub const RULE_WORDS: usize = 7;

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
