//! Every limit of the engine, in one place. They are counted in the engine itself, so each shell meets them alike.

/// Steps a decision may take: one for each candidate rule and each instruction of its code, run or not; each two texts, sets or
/// records compared, and each 8 bytes or each part of them; each halving of a set that is searched; each ancestor visited, and
/// each parent of it; each byte that `like` or a constructor looks at.
pub const STEPS: u32 = 1 << 22;

/// Steps that a bundle or a patch may take for each of its bytes, to be put in order.
pub const STEPS_A_BYTE: u32 = 16;

/// How deep a value may nest before comparing it is given up.
pub const DEPTH: u32 = 64;

/// Readings of a bundle, the four variables among them.
pub const READINGS: u32 = 64;

/// Values that an expression may hold at once.
pub const STACK: u32 = 1 << 16;

/// Cells of all values together: the bundle's, the residents', the request's and those that its evaluation makes.
pub const CELLS: usize = 1 << 22;

/// Bytes of a request.
pub const REQUEST_BYTES: usize = 1 << 20;

/// Bytes of one patch of a tenant's resident entities.
pub const RESIDENT_BYTES: usize = 1 << 27;

/// Bytes of a bundle.
pub const BUNDLE_BYTES: usize = 1 << 28;
