//! Numbers that the words of a stream stand for, one by one or in bulk; their values are ours to keep stable.

use rand::Rng as _;

use crate::seed::Rng;

/// The number in `[0, 1)` that a random word stands for: its top 53 bits.
#[inline(always)]
#[must_use]
pub fn uniform_of(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The index below `n > 0` that a random word stands for.
#[inline(always)]
#[must_use]
pub fn index_of(word: u64, n: usize) -> usize {
    // multiply-shift: the bias is below n / 2^64
    ((u128::from(word) * n as u128) >> 64) as usize
}

/// A uniform number in `[0, 1)`: the top 53 bits of one `u64`.
#[inline]
#[must_use]
pub fn uniform(rng: &mut Rng) -> f64 {
    uniform_of(rng.next_u64())
}

/// A uniform index below `n > 0`.
#[inline]
#[must_use]
pub fn index(rng: &mut Rng, n: usize) -> usize {
    index_of(rng.next_u64(), n)
}

/// A standard normal number: Box-Muller on two uniform ones, the second of the pair discarded.
#[must_use]
pub fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt(); // 1 - u is in (0, 1]
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// The stream of `rng` from `words` further on: a counter is set, nothing is generated.
#[must_use]
pub fn ahead(rng: &Rng, words: u64) -> Rng {
    let mut rng = rng.clone();
    rng.set_word_pos(rng.get_word_pos().wrapping_add(2 * u128::from(words)));
    rng
}

/// Words of a stream taken in bulk: those that `next_u64` would give, in the same order, and no more of them than were
/// announced.
#[derive(Debug)]
pub struct Words<'a> {
    rng: &'a mut Rng,
    /// Announced, and not yet generated.
    left: u64,
    bytes: [u8; 8 * Words::MOST],
    /// What is generated and not yet taken: `bytes[8 * at..8 * end]`.
    at: usize,
    end: usize,
}

impl<'a> Words<'a> {
    /// How many can be taken at once.
    pub const MOST: usize = 512;

    /// The next `count` words of `rng`.
    #[must_use]
    pub fn new(rng: &'a mut Rng, count: u64) -> Self {
        Self { rng, left: count, bytes: [0; 8 * Words::MOST], at: 0, end: 0 }
    }

    /// The next `count` of them, at most [`Words::MOST`], in little-endian bytes.
    ///
    /// # Panics
    /// If more are taken than were announced.
    #[inline]
    pub fn take(&mut self, count: usize) -> &[[u8; 8]] {
        if self.end - self.at < count {
            self.refill();
        }
        let words = self.bytes[8 * self.at..8 * (self.at + count)].as_chunks().0;
        assert!(self.at + count <= self.end, "no more words than were announced");
        self.at += count;
        words
    }

    /// The next one.
    #[inline]
    pub fn take_one(&mut self) -> u64 {
        u64::from_le_bytes(self.take(1)[0])
    }

    fn refill(&mut self) {
        self.bytes.copy_within(8 * self.at..8 * self.end, 0);
        self.end -= self.at;
        self.at = 0;
        let more = self.left.min((Self::MOST - self.end) as u64);
        self.left -= more;
        let begin = self.end;
        self.end += more as usize;
        self.rng.fill_bytes(&mut self.bytes[8 * begin..8 * self.end]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    #[test]
    fn words_in_bulk_are_the_words_one_by_one() {
        let mut one = stream(3, "test", &[]);
        one.next_u64();
        let (mut bulk, behind) = (one.clone(), ahead(&one, 2000));
        let mut words = Words::new(&mut bulk, 2000);
        let mut left = 2000;
        for count in (0..).map(|k| [1, 7, 300, 512, 64][k % 5]) {
            let count = left.min(count);
            let taken = words.take(count).to_vec();
            assert!(taken.iter().all(|w| u64::from_le_bytes(*w) == one.next_u64()));
            left -= count;
            if left == 0 {
                break;
            }
        }
        let mut behind = behind;
        let next = one.next_u64();
        assert_eq!([bulk.next_u64(), behind.next_u64()], [next; 2]);
    }
}
