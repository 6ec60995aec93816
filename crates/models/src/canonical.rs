//! Items in an order that their numbers and names have no say in, so that random draws follow the content of the data.
//!
//! Items are told apart by what they did, and against whom (colour refinement, Weisfeiler and Leman 1968): each starts with
//! the same colour, and is coloured anew by its results against items of which colour, until no more are told apart. The
//! order is that of the colours; items of one colour are interchangeable as far as this tells, stand in the order of their
//! names, and share what is drawn of them. Renaming items or permuting rows then permutes answers, and changes none.
//!
//! Cost: O(cells) a round, as many rounds as tell items apart: two or three, at most as many as items.

use equipoise_data::{Cell, Observation, Observations, Outcome, PairCount};
use rayon::prelude::*;

/// The items of some observations in their canonical order.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// The items in that order, `[n]`.
    pub order: Vec<usize>,
    /// The place of each item in it, `[n]`.
    pub place: Vec<usize>,
    /// A number of its own for each colour, by item, `[n]`.
    pub colour: Vec<usize>,
}

/// Parts of the pairs that are gone through at once, at most, and pairs of a part, at least.
const PARTS: usize = 8;
const PART: usize = 1 << 16;

/// SplitMix64's finaliser over two words: fixed, so that the order is the same everywhere.
fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// An outcome as seen from one of its sides: won, lost, tied, both bad.
fn side(outcome: Outcome, first: bool) -> u64 {
    match (outcome, first) {
        (Outcome::First, true) | (Outcome::Second, false) => 1,
        (Outcome::First, false) | (Outcome::Second, true) => 2,
        (Outcome::Tie, _) => 3,
        (Outcome::BothBad, _) => 4,
    }
}

impl Canonical {
    /// Of these observations; which item of a pair a row lists first plays no part.
    #[must_use]
    pub fn of(data: &Observations) -> Self {
        let all = &data.comparisons;
        let n = all.n();
        let mut colour = vec![0u64; n];
        let mut known = 1;
        loop {
            let next = refined(data, &colour);
            let mut distinct = next.clone();
            distinct.par_sort_unstable();
            distinct.dedup();
            colour = next;
            if distinct.len() == known {
                let number = |c: &u64| distinct.binary_search(c).expect("it is one of them");
                let mut order: Vec<usize> = (0..n).collect();
                order.par_sort_by(|&a, &b| (colour[a], &all.labels[a]).cmp(&(colour[b], &all.labels[b])));
                let mut place = vec![0; n];
                order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
                return Self { order, place, colour: colour.par_iter().map(number).collect() };
            }
            known = distinct.len();
        }
    }

    /// For every item the mean over those that are interchangeable with it of `values`, which are by place.
    pub(crate) fn shared(&self, values: &[f64]) -> Vec<f64> {
        let colours = self.colour.iter().max().map_or(0, |most| most + 1);
        let mut sums = vec![(0.0, 0.0); colours];
        for (&colour, &place) in self.colour.iter().zip(&self.place) {
            sums[colour] = (sums[colour].0 + values[place], sums[colour].1 + 1.0);
        }
        self.colour.iter().map(|&colour| sums[colour].0 / sums[colour].1).collect()
    }

    /// The observations with the items in canonical order, and listed in it; equal observations are one.
    #[must_use]
    pub fn observations(&self, data: &Observations) -> Observations {
        data.reordered(&self.order)
    }
}

/// A round: the colour of every item with all that it was part of.
fn refined(data: &Observations, colour: &[u64]) -> Vec<u64> {
    let all = &data.comparisons;
    let mut next = vec![0u64; colour.len()];
    let ends = |cell: &Cell| {
        let pair = &all.pairs[cell.pair as usize];
        if cell.forward { (pair.i, pair.j) } else { (pair.j, pair.i) }
    };
    match data.clusters() {
        None => {
            let add = |mut sums: Vec<u64>, pair: &PairCount| {
                let (wins, losses, _) = pair.outcomes();
                let tie = (pair.forward.tie + pair.backward.tie).to_bits();
                let bad = (pair.forward.both_bad + pair.backward.both_bad).to_bits();
                for (i, j, won, lost) in [(pair.i, pair.j, wins, losses), (pair.j, pair.i, losses, wins)] {
                    let results = mix(mix(won.to_bits(), lost.to_bits()), mix(tie, bad));
                    sums[i] = sums[i].wrapping_add(mix(results, colour[j]));
                }
                sums
            };
            // sums of integers are the same in any order; as many of them as threads, but few
            let part = all.pairs.len().div_ceil(rayon::current_num_threads().min(PARTS)).max(PART);
            let parts = all.pairs.par_chunks(part).map(|pairs| pairs.iter().fold(vec![0; colour.len()], add));
            for part in parts.collect::<Vec<_>>() {
                next.iter_mut()
                    .zip(part)
                    .for_each(|(next, sum): (&mut u64, u64)| *next = next.wrapping_add(sum));
            }
        }
        Some(clusters) => {
            let mut parts: Vec<(usize, u64)> = Vec::new();
            for Observation { cells, times } in clusters {
                let mut whole = 0u64;
                for cell in cells {
                    let (a, b) = ends(cell);
                    let seen = |first: bool| mix(side(cell.outcome, first), cell.weight.to_bits());
                    let (to_a, to_b) = (mix(seen(true), colour[b]), mix(seen(false), colour[a]));
                    // both sides enter alike, so that the order of listing does not
                    whole = whole.wrapping_add(mix(to_a, colour[a]).wrapping_add(mix(to_b, colour[b])));
                    parts.extend([(a, to_a), (b, to_b)]);
                }
                let whole = mix(whole, times.to_bits());
                parts.sort_unstable();
                for of_item in parts.chunk_by(|a, b| a.0 == b.0) {
                    let sum = of_item.iter().fold(0u64, |sum, part| sum.wrapping_add(part.1));
                    next[of_item[0].0] = next[of_item[0].0].wrapping_add(mix(sum, whole));
                }
                parts.clear();
            }
        }
    }
    next.iter().zip(colour).map(|(sum, own)| mix(*sum, *own)).collect()
}
