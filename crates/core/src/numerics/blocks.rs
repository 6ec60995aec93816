//! Parallel work over the contexts of a shape, whose results do not depend on the number of threads.
//!
//! The contexts are halved until a block holds at most [`BLOCK`] entries or one context, and results are joined in
//! pairs on the way back. Where the cuts fall depends on the shape alone.

use std::ops::Range;

/// Entries of a block, at most, unless a single context has more: a few vectors of this length fit in a core's own cache.
pub const BLOCK: usize = 1 << 14;

/// Contexts that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The first of them, from 0.
    pub first: usize,
    /// `offsets[k]..offsets[k + 1]` is the row of context `first + k` in a flat vector over the whole shape.
    pub offsets: &'a [usize],
}

impl Block<'_> {
    /// Where the block lies in a flat vector over the shape.
    #[inline(always)]
    #[must_use]
    pub fn entries(&self) -> Range<usize> {
        self.offsets[0]..self.offsets[self.offsets.len() - 1]
    }

    /// Number of contexts.
    #[inline(always)]
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Rows of the contexts within the block's own part of a flat vector, in order.
    #[inline(always)]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        let start = self.offsets[0];
        self.offsets.windows(2).map(move |w| w[0] - start..w[1] - start)
    }
}

/// What is written over a shape and can be cut between two contexts: flat vectors, or several of them.
pub trait SplitAt: Send + Sized {
    /// The first `entries` entries, and the rest.
    #[must_use]
    fn split_at(self, entries: usize) -> (Self, Self);
}

impl SplitAt for () {
    fn split_at(self, _entries: usize) -> (Self, Self) {
        ((), ())
    }
}

impl<T: Send> SplitAt for &mut [T] {
    fn split_at(self, entries: usize) -> (Self, Self) {
        self.split_at_mut(entries)
    }
}

impl<A: SplitAt, B: SplitAt> SplitAt for (A, B) {
    fn split_at(self, entries: usize) -> (Self, Self) {
        let ((a, c), (b, d)) = (self.0.split_at(entries), self.1.split_at(entries));
        ((a, b), (c, d))
    }
}

/// Calls `work` on every block with its part of what is `written`, and joins the results in the order of the contexts.
///
/// `offsets` are a shape's, all of them. What is only read is captured by `work` and cut by [`Block::entries`].
#[inline]
pub fn par_blocks<W: SplitAt, R: Send>(
    offsets: &[usize],
    written: W,
    work: impl Fn(Block<'_>, W) -> R + Sync,
    join: impl Fn(R, R) -> R + Sync,
) -> R {
    par_blocks_while(offsets, written, |block| block.entries().len() > BLOCK, work, join)
}

/// [`par_blocks`] with blocks that are halved while `divide` says so and more than one context is left.
#[inline]
pub fn par_blocks_while<W: SplitAt, R: Send>(
    offsets: &[usize],
    written: W,
    divide: impl Fn(&Block<'_>) -> bool + Sync,
    work: impl Fn(Block<'_>, W) -> R + Sync,
    join: impl Fn(R, R) -> R + Sync,
) -> R {
    let block = Block { first: 0, offsets };
    if divide(&block) { halves(block, written, &divide, &work, &join) } else { work(block, written) }
}

fn halves<W: SplitAt, R: Send>(
    block: Block<'_>,
    written: W,
    divide: &(impl Fn(&Block<'_>) -> bool + Sync),
    work: &(impl Fn(Block<'_>, W) -> R + Sync),
    join: &(impl Fn(R, R) -> R + Sync),
) -> R {
    if !divide(&block) || block.contexts() == 1 {
        return work(block, written);
    }
    let Block { first, offsets } = block;
    let middle = block.contexts() / 2;
    let (left, right) = written.split_at(offsets[middle] - offsets[0]);
    let (a, b) = rayon::join(
        || halves(Block { first, offsets: &offsets[..=middle] }, left, divide, work, join),
        || halves(Block { first: first + middle, offsets: &offsets[middle..] }, right, divide, work, join),
    );
    join(a, b)
}

/// How many threads work on blocks here.
#[must_use]
pub fn threads() -> u32 {
    u32::try_from(rayon::current_num_threads()).unwrap_or(u32::MAX)
}

/// [`par_blocks`] without a result.
#[inline]
pub fn for_each<W: SplitAt>(offsets: &[usize], written: W, work: impl Fn(Block<'_>, W) + Sync) {
    par_blocks(offsets, written, work, |(), ()| ());
}

/// The sum of `work` over all blocks, added in pairs.
#[inline]
pub fn sum<W: SplitAt>(offsets: &[usize], written: W, work: impl Fn(Block<'_>, W) -> f64 + Sync) -> f64 {
    par_blocks(offsets, written, work, |a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_is_visited_once_and_in_its_context(
            sizes in prop::collection::vec(prop_oneof![1usize..20, Just(BLOCK), Just(BLOCK / 3)], 1..60),
        ) {
            let shape = Shape::ragged(sizes.iter().copied()).unwrap();
            let (mut a, mut b) = (vec![0.0; shape.len()], vec![0.0; shape.len()]);
            let contexts = par_blocks(
                shape.offsets(),
                (&mut a[..], &mut b[..]),
                |block, (a, b)| {
                    assert!(block.entries().len() <= BLOCK || block.contexts() == 1);
                    for (k, row) in block.rows().enumerate() {
                        a[row.clone()].iter_mut().for_each(|v| *v += (block.first + k) as f64);
                        b[row].iter_mut().for_each(|v| *v += 1.0);
                    }
                    (block.first..block.first + block.contexts()).collect::<Vec<_>>()
                },
                |a, b| [a, b].concat(),
            );
            prop_assert_eq!(contexts, (0..shape.contexts()).collect::<Vec<_>>());
            prop_assert!(b.iter().all(|v| *v == 1.0));
            for (x, range) in shape.ranges().enumerate() {
                prop_assert!(a[range].iter().all(|v| *v == x as f64));
            }
        }
    }

    #[test]
    fn sums_have_equal_bits_for_any_number_of_threads() {
        let shape = Shape::ragged((0..30_000).map(|x| 1 + x % 7)).unwrap();
        let values: Vec<f64> = (0..shape.len()).map(|i| (i as f64).sin()).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sum(shape.offsets(), (), |block, ()| values[block.entries()].iter().sum()))
        };
        let one = with(1);
        assert!([2, 5, 16].iter().all(|&t| with(t).to_bits() == one.to_bits()));
        approx::assert_relative_eq!(one, values.iter().sum::<f64>(), epsilon = 1e-9);
    }
}
