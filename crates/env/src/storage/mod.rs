//! What a large context keeps its margins in. Every storage answers the same few questions ([`Storage`]); none is known
//! to a solver, an oracle or a metric. Small contexts share one packed allocation (`packed.rs`), and games small altogether
//! have a copy made for the product (`padded.rs`).
//!
//! | storage | bytes held | one product reads and computes |
//! |---|---|---|
//! | [`Panels<f64>`] | `4 n^2` | the bytes once; `2 n^2` operations |
//! | [`Panels<f32>`] | `2 n^2` | the bytes once; `2 n^2` operations, in f64 |
//! | [`Streamed`] | a buffer a thread | the bytes of the panels once, from wherever they are kept |
//! | [`LowRank`] | `8 n k` | the bytes twice; `4 n k` operations, k the rank |
//! | [`Ballots`] | `8 n v` | half the bytes, and a number of `p` an entry; `4 n v` operations, v the ballots |
//! | [`Pairs`] | `24 m + 8 n` | the bytes once, and a number of `p` an entry; `4 m` operations, m the observed pairs |
//!
//! What has no fast product: populations of Bradley-Terry judges and scores `P_ij = sigma(<v_i, J v_j>)` of any rank. The
//! logistic function does not split into a factor of i times one of j, so `P - 1/2` has full rank whatever the rank of
//! the scores: these games are kept in panels. The O(n k) product exists where the MARGINS have rank k.
//!
//! Everything is reproducible to the bit on any number of threads: work is cut by sizes alone, and parts are added in one
//! order.

mod ballots;
mod bands;
mod low_rank;
mod many;
mod number;
pub(crate) mod packed;
pub(crate) mod padded;
mod pairs;
mod panels;
mod streamed;

use std::fmt::Debug;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use ballots::Ballots;
pub use low_rank::LowRank;
pub use number::Number;
pub use pairs::Pairs;
pub use panels::Panels;
pub use streamed::{Fetch, Streamed};

/// The margins of one context of `n` actions, however they are kept.
///
/// `margin` is exactly skew and within `[-1/2, 1/2]`; `product` is `sum_j margin(i, j) p_j` up to rounding, and depends
/// neither on the threads nor on the width of the machine's vectors.
pub trait Storage: Debug + Send + Sync {
    /// One word for it.
    fn name(&self) -> &'static str;

    /// Number of actions, at least 1.
    fn n(&self) -> usize;

    /// `K_ij = Pr(i beats j) - 1/2`, for `i, j < n`.
    fn margin(&self, i: usize, j: usize) -> f64;

    /// Prefetches a margin that will be read soon. A hint: nothing is read, and nothing need be done.
    fn prefetch(&self, i: usize, j: usize) {
        let _ = (i, j);
    }

    /// `K p` into `out`; both `[n]`. `p` need not be a distribution, but must be finite.
    fn product(&self, p: &[f64], out: &mut [f64]);

    /// `K p` for each of `ps`, to the bit what [`Storage::product`] gives one by one.
    fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        for (p, out) in ps.iter().zip(outs) {
            self.product(p, out);
        }
    }

    /// `K_ij + shift` into `out`, `[n x n]`, row by row.
    fn square(&self, shift: f64, out: &mut [f64]) {
        let n = self.n();
        out.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
            row.iter_mut().enumerate().for_each(|(j, out)| *out = shift + self.margin(i, j));
        });
    }

    /// Bytes held in memory.
    fn bytes(&self) -> u64;

    /// What one product costs.
    fn cost(&self) -> ProductCost;

    /// Hands the numbers that decide the margins to `sink`, in one order: two contexts are the same iff this is. Margins
    /// kept pair by pair are handed over as the rows of the strict upper triangle, f64, little-endian, a zero always
    /// positive; all others begin with a tag.
    fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        let mut row = Vec::new();
        for i in 0..self.n() {
            row.clear();
            for j in i + 1..self.n() {
                row.extend_from_slice(&(self.margin(i, j) + 0.0).to_bits().to_le_bytes());
            }
            sink(&row);
        }
    }
}

/// How dense margins are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 64-bit floats.
    #[default]
    F64,
    /// 32-bit floats: half the bytes. The game is the one of the rounded margins, and all that is measured is exact for it.
    F32,
}

/// What one product reads and computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProductCost {
    /// Bytes of the game that are read, beside the vectors.
    pub bytes: u64,
    /// Additions and multiplications.
    pub operations: u64,
}

impl std::ops::Add for ProductCost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, operations: self.operations + other.operations }
    }
}

/// Why numbers are not the margins of a game.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// No action.
    #[error("a context needs at least one action")]
    Empty,
    /// Vectors of an odd or of no dimension.
    #[error("vectors of rank {rank}; margins of low rank need an even number of at least 2")]
    OddRank {
        /// Numbers of a vector.
        rank: usize,
    },
    /// A vector that allows margins beyond 1/2.
    #[error(
        "the vector of action {action} has squared length {square}; at most 1/2 keeps every margin within [-1/2, 1/2]: \
         divide all vectors by the largest length and multiply them by 0.7071"
    )]
    LongVector {
        /// The action, from 0.
        action: usize,
        /// Its squared length.
        square: f64,
    },
    /// A ballot that does not say something about every action.
    #[error("ballot {ballot} ranks {got} of {n} actions; name each, left out or not")]
    BallotLength {
        /// The ballot, from 0.
        ballot: usize,
        /// Ranks it has.
        got: usize,
        /// Actions there are.
        n: usize,
    },
    /// Weights of ballots.
    #[error("{weights} weights for {ballots} ballots; each needs one, finite, not negative, and one above 0")]
    BallotWeights {
        /// Ballots.
        ballots: usize,
        /// Weights.
        weights: usize,
    },
    /// An entry that is no pair.
    #[error(
        "pair ({i}, {j}) with margin {margin}: two different actions below {n} and a margin in [-1/2, 1/2] are needed"
    )]
    Pair {
        /// One action.
        i: usize,
        /// The other.
        j: usize,
        /// Its margin.
        margin: f64,
        /// Actions there are.
        n: usize,
    },
    /// A pair given twice.
    #[error("the pair ({i}, {j}) is given twice; sum up its comparisons first")]
    PairTwice {
        /// One action.
        i: usize,
        /// The other.
        j: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::Storage;

    /// In `[-1/2, 1/2)`, the same on every machine.
    pub(super) fn number(seed: u64, k: u64) -> f64 {
        let mixed = (seed ^ k.wrapping_mul(0xD605_BBB5_8C8A_BBD5)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 2f64.powi(53) - 0.5
    }

    /// The definition, summed the plain way.
    pub(super) fn double_loop(storage: &dyn Storage, p: &[f64]) -> Vec<f64> {
        let n = storage.n();
        (0..n).map(|i| (0..n).map(|j| storage.margin(i, j) * p[j]).sum()).collect()
    }

    /// Skew margins in range, products equal to the double loop, several at once to the bit the single ones.
    pub(super) fn assert_contract(storage: &dyn Storage, seed: u64, tolerance: f64) {
        let n = storage.n();
        for i in 0..n {
            assert_eq!(storage.margin(i, i), 0.0);
            for j in 0..i {
                assert_eq!(storage.margin(i, j), -storage.margin(j, i));
                assert!(storage.margin(i, j).abs() <= 0.5);
            }
        }
        let ps: Vec<Vec<f64>> =
            (0..3).map(|c| (0..n as u64).map(|k| number(seed ^ c << 40, k) + 0.25).collect()).collect();
        let mut outs = vec![vec![f64::NAN; n]; 3];
        storage.products(
            &ps.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &mut outs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
        );
        let mut alone = vec![f64::NAN; n];
        for (p, out) in ps.iter().zip(&outs) {
            storage.product(p, &mut alone);
            assert!(alone.iter().zip(out).all(|(a, b)| a.to_bits() == b.to_bits()));
            for (a, b) in alone.iter().zip(double_loop(storage, p)) {
                assert!((a - b).abs() < tolerance, "{a} {b}");
            }
        }
    }
}
