//! Choices that a generator makes, read from bytes: shrinking the bytes shrinks what is made of them.

/// A row of choices. Once the bytes are used up, each choice is the first and simplest one.
#[derive(Debug)]
pub struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    /// Choices that the bytes make.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
        }
    }

    /// A number below `end`, which is 256 at most; a smaller byte gives a smaller number.
    pub fn below(&mut self, end: usize) -> usize {
        let byte = self.bytes.next().copied().unwrap_or_default();
        usize::from(byte) * end / 256
    }

    /// One of several; the first is the simplest.
    ///
    /// # Panics
    /// Where there are none.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.below(from.len())]
    }

    /// The first one, two times in three; else any.
    ///
    /// # Panics
    /// Where there are none.
    pub fn rather_first<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        match self.once_in(3) {
            true => self.pick(from),
            false => &from[0],
        }
    }

    /// One of several, to change it.
    ///
    /// # Panics
    /// Where there are none.
    pub fn pick_mut<'b, T>(&mut self, from: &'b mut [T]) -> &'b mut T {
        let place = self.below(from.len());
        &mut from[place]
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }
}
