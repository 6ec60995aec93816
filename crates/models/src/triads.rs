//! Triads of items all of whose pairs met, by the pairs alone.
//!
//! Items are ranked, and a pair is kept at its earlier item. A triad is found once, at its earliest item: the later ones of an
//! item are marked, and those of each of them looked up. By degree, the items that met fewest first, an item has at most
//! `sqrt(2 pairs)` later ones, so that all triads cost `O(pairs^(3/2))` look-ups (Chiba and Nishizeki 1985), of sparse graphs a
//! few times the pairs.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use equipoise_core::cpu::prefetch;
use equipoise_data::PairCount;
use rayon::prelude::*;

/// How items are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranking {
    /// By their numbers.
    Number,
    /// Those that met fewest others first.
    Degree,
}

/// A pair seen from one of its items: twice its index, and 1 more if that item is its second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side(u32);

impl Side {
    /// Index of the pair.
    #[inline]
    pub(crate) fn pair(self) -> usize {
        self.0 as usize / 2
    }

    /// The same side of a pair of another number, below 2^31.
    pub(crate) fn numbered(self, pair: u32) -> Self {
        Self(2 * pair + self.0 % 2)
    }

    /// A lead of the pair's first item, as one of this item.
    #[inline]
    pub(crate) fn of(self, lead: f64) -> f64 {
        if self.0.is_multiple_of(2) { lead } else { -lead }
    }
}

/// Of an item that did not meet another.
const UNMET: Side = Side(u32::MAX);

/// The pairs that met, each at its earlier item.
#[derive(Clone, Debug)]
pub(crate) struct Triads {
    /// The later ones of item i are `starts[i] .. starts[i + 1]`.
    starts: Vec<usize>,
    later: Vec<(u32, Side)>,
    listed: Option<Vec<([u32; 3], [Side; 3])>>,
}

impl Triads {
    /// Of `n` items; a pair of no comparisons did not meet.
    ///
    /// # Panics
    /// Above 2^31 pairs.
    pub(crate) fn new(n: usize, pairs: &[PairCount], ranking: Ranking) -> Self {
        assert!(pairs.len() < 1 << 31, "pairs are numbered by 31 bits");
        let met = |p: &&PairCount| p.met() > 0.0;
        let mut degree = vec![0usize; n];
        if ranking == Ranking::Degree {
            pairs.iter().filter(met).for_each(|p| {
                degree[p.i] += 1;
                degree[p.j] += 1;
            });
        }
        let side = |p: &PairCount| usize::from((degree[p.j], p.j) < (degree[p.i], p.i));
        let mut starts = vec![0; n + 1];
        pairs.iter().filter(met).for_each(|p| starts[[p.i, p.j][side(p)] + 1] += 1);
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut later = vec![(0, Side(0)); starts[n]];
        for (at, p) in pairs.iter().enumerate().filter(|(_, p)| met(p)) {
            let side = side(p);
            let (from, to) = if side == 0 { (p.i, p.j) } else { (p.j, p.i) };
            later[next[from]] = (to as u32, Side((2 * at + side) as u32));
            next[from] += 1;
        }
        let mut found = Self { starts, later, listed: None };
        for i in 0..n {
            let (from, to) = (found.starts[i], found.starts[i + 1]);
            found.later[from..to].sort_unstable_by_key(|l| l.0);
        }
        found
    }

    fn later(&self, i: usize) -> &[(u32, Side)] {
        &self.later[self.starts[i]..self.starts[i + 1]]
    }

    /// Look-ups that all triads cost.
    pub(crate) fn cost(&self) -> u64 {
        self.later.iter().map(|&(j, _)| self.later(j as usize).len() as u64).sum()
    }

    /// Keeps all triads in a list, if they are at most so many: for who goes through them again and again.
    pub(crate) fn list(&mut self, most: usize) {
        /// Items looked through at a time.
        const CHUNK: usize = 1 << 14;
        let n = self.starts.len() - 1;
        let all = AtomicUsize::new(0);
        let of_chunk = |with: &mut Vec<Side>, k: usize| {
            let mut found = Vec::new();
            self.each_of(CHUNK * k..n.min(CHUNK * (k + 1)), with, |items, sides| {
                // no more than so many are ever held, however many one item has
                let is_listed = all.fetch_add(1, Ordering::Relaxed) < most;
                if is_listed {
                    found.push((items.map(|i| i as u32), sides));
                }
                is_listed
            });
            found
        };
        let chunks = (0..n.div_ceil(CHUNK)).into_par_iter().map_init(|| vec![UNMET; n], of_chunk);
        let chunks: Vec<Vec<([u32; 3], [Side; 3])>> = chunks.collect();
        self.listed = (all.into_inner() <= most).then(|| chunks.concat());
    }

    /// All triads as [`Triads::each`] gives them, if they are kept.
    pub(crate) fn listed(&self) -> Option<&[([u32; 3], [Side; 3])]> {
        self.listed.as_deref()
    }

    /// Calls `visit` for every triad with its items i, j, k and the sides of i against j, j against k and i against k.
    #[inline]
    pub(crate) fn each(&self, mut visit: impl FnMut([usize; 3], [Side; 3])) {
        if let Some(all) = &self.listed {
            return all.iter().for_each(|&(items, sides)| visit(items.map(|i| i as usize), sides));
        }
        let n = self.starts.len() - 1;
        self.each_of(0..n, &mut vec![UNMET; n], |items, sides| {
            visit(items, sides);
            true
        });
    }

    /// Of those whose earliest item is among these, until `visit` has enough; `with`: unmet for every item, and left so.
    #[inline]
    fn each_of(
        &self,
        items: Range<usize>,
        with: &mut [Side],
        mut visit: impl FnMut([usize; 3], [Side; 3]) -> bool,
    ) {
        /// Items ahead of which the later ones are asked for: they lie anywhere in memory.
        const AHEAD: usize = 3;
        let mut goes_on = true;
        for i in items {
            if !goes_on {
                break;
            }
            if i + AHEAD < self.starts.len() {
                self.later(i + AHEAD - 1).iter().for_each(|&(j, _)| prefetch(&self.starts, j as usize));
                self.later(i + 1).iter().for_each(|&(j, _)| prefetch(&self.later, self.starts[j as usize]));
            }
            self.later(i).iter().for_each(|&(j, side)| with[j as usize] = side);
            for &(j, ij) in self.later(i) {
                for &(k, jk) in self.later(j as usize) {
                    let ik = with[k as usize];
                    if ik != UNMET {
                        goes_on &= visit([i, j as usize, k as usize], [ij, jk, ik]);
                    }
                }
            }
            self.later(i).iter().for_each(|&(j, _)| with[j as usize] = UNMET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_data::Comparisons;
    use ndarray::Array2;

    /// A list has what a walk finds, in its order; of more than it may hold there is none, and they are found one by one.
    #[test]
    fn listed_triads_are_those_that_are_walked() {
        const N: usize = 12;
        // all pairs met but those of 0 and an odd number
        let met = |i: usize, j: usize| i < j && (i > 0 || j.is_multiple_of(2));
        let wins = Array2::from_shape_fn((N, N), |(i, j)| f64::from(u8::from(met(i, j))));
        let data = Comparisons::from_tables(&wins, &Array2::zeros((N, N)));
        let walked = |triads: &Triads| {
            let mut all = Vec::new();
            triads.each(|items, sides| all.push((items, sides)));
            all
        };
        let mut triads = Triads::new(N, &data.pairs, Ranking::Degree);
        let plain = walked(&triads);
        // three of eleven, and 0 with two of five
        assert_eq!(plain.len(), 165 + 10);
        triads.list(plain.len());
        assert_eq!(triads.listed().map(<[_]>::len), Some(plain.len()));
        assert_eq!(walked(&triads), plain);
        triads.list(plain.len() - 1);
        assert!(triads.listed().is_none());
        assert_eq!(walked(&triads), plain);
    }
}
