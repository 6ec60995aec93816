//! Social-choice facts about one preference matrix: who beats whom, and how far from a ranking it is.
//!
//! "Beats" is strict: `P_ij > 1/2`. Cost: `O(n^2)`, except triads (`O(n^3 / 64)`) and weighted cyclic energy
//! (`O(n^3)`).

mod ranking;
mod sets;

use equipoise_env::PreferenceMatrix;
use faer::Mat;
use ndarray::ArrayView2;

use crate::dense;

pub use ranking::{
    HodgeDecomposition, KemenyRanking, LARGEST_KEMENY, directed_cycles, hodge_decomposition, kemeny_ranking,
};
pub use sets::{essential_set, majority_game, schwartz_set, uncovered_set};

/// The action that beats every other, if there is one.
#[must_use]
pub fn condorcet_winner(matrix: &PreferenceMatrix) -> Option<usize> {
    let n = matrix.n();
    (0..n).find(|&i| (0..n).all(|j| i == j || matrix.margin(i, j) > 0.0))
}

/// The actions that no other beats, ascending. A Condorcet winner is the only one.
#[must_use]
pub fn weak_condorcet_winners(matrix: &PreferenceMatrix) -> Vec<usize> {
    let n = matrix.n();
    (0..n).filter(|&i| (0..n).all(|j| matrix.margin(i, j) >= 0.0)).collect()
}

/// The smallest non-empty set whose members all beat everybody outside, ascending.
///
/// A member of such a set of size k has a Copeland score of at least `n - k`, an outsider less: the set is a prefix in
/// the order of scores. Scores of a prefix add up to `k (k - 1) / 2` from within and, exactly if all members beat all
/// outsiders, `k (n - k)` from without.
#[must_use]
pub fn smith_set(matrix: &PreferenceMatrix) -> Vec<usize> {
    smith_set_of(&copeland_scores(matrix))
}

/// [`smith_set`] by the scores of [`copeland_scores`], `[n]`, which are enough.
#[must_use]
pub fn smith_set_of(scores: &[f64]) -> Vec<usize> {
    let n = scores.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut sum = 0.0;
    let outside = (1..n).find(|&k| {
        sum += scores[order[k - 1]];
        sum == (k * (k - 1)) as f64 / 2.0 + (k * (n - k)) as f64 // halves: exact
    });
    let mut set = order[..outside.unwrap_or(n)].to_vec();
    set.sort_unstable();
    set
}

/// Number of actions beaten, plus half the number tied with, `[n]`, each in `[0, n - 1]`.
#[must_use]
pub fn copeland_scores(matrix: &PreferenceMatrix) -> Vec<f64> {
    let n = matrix.n();
    let score = |i: usize, j: usize| match matrix.margin(i, j) {
        m if m > 0.0 => 1.0,
        m if m < 0.0 => 0.0,
        _ => 0.5,
    };
    (0..n).map(|i| (0..n).filter(|&j| j != i).map(|j| score(i, j)).sum()).collect()
}

/// Mean win rate against the other actions, `[n]`, in `[0, 1]`; one half for an only action.
#[must_use]
pub fn borda_scores(matrix: &PreferenceMatrix) -> Vec<f64> {
    let n = matrix.n();
    let others = (n - 1).max(1) as f64;
    (0..n).map(|i| 0.5 + (0..n).map(|j| matrix.margin(i, j)).sum::<f64>() / others).collect()
}

/// How many triples of actions are cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CyclicTriads {
    /// Triples `a beats b beats c beats a`.
    pub cyclic: u64,
    /// Triples with all three pairs met. A tied pair counts here (it has met) and never in a cycle.
    pub total: u64,
}

/// Counts cyclic triads. `unmet[[i, j]]`, read for `i < j`, marks pairs that never met; without it all have.
///
/// # Panics
/// If `unmet` is not `[n x n]`.
#[must_use]
pub fn cyclic_triads(matrix: &PreferenceMatrix, unmet: Option<ArrayView2<'_, bool>>) -> CyclicTriads {
    let n = matrix.n();
    if let Some(unmet) = unmet {
        assert_eq!(unmet.dim(), (n, n), "one mark a pair");
    }
    let met = |i: usize, j: usize| i != j && unmet.is_none_or(|u| !u[[i.min(j), i.max(j)]]);
    let beats = relation(n, |i, j| met(i, j) && matrix.margin(i, j) > 0.0);
    let beaten_by = relation(n, |i, j| met(i, j) && matrix.margin(j, i) > 0.0);
    let meets = relation(n, met);
    // each triad is seen from each of its three pairs
    let closed = |first: &[Vec<u64>], second: &[Vec<u64>], pair: &dyn Fn(usize, usize) -> bool| -> u64 {
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|&(i, j)| pair(i, j));
        pairs.map(|(i, j)| common(&first[i], &second[j])).sum::<u64>() / 3
    };
    CyclicTriads {
        cyclic: closed(&beaten_by, &beats, &|i, j| met(i, j) && matrix.margin(i, j) > 0.0),
        total: closed(&meets, &meets, &|i, j| i < j && met(i, j)),
    }
}

/// One bit set a row.
fn relation(n: usize, holds: impl Fn(usize, usize) -> bool) -> Vec<Vec<u64>> {
    let word = |i: usize, w: usize| {
        (64 * w..n.min(64 * (w + 1))).filter(|&j| holds(i, j)).fold(0, |bits, j| bits | 1u64 << (j % 64))
    };
    (0..n).map(|i| (0..n.div_ceil(64)).map(|w| word(i, w)).collect()).collect()
}

fn common(a: &[u64], b: &[u64]) -> u64 {
    a.iter().zip(b).map(|(a, b)| u64::from((a & b).count_ones())).sum()
}

/// The share of the (weighted) squared margins that no rating explains, in `[0, 1]`; 0 if all actions tie.
///
/// ```text
/// min_s sum_{i<j} w_ij (K_ij - (s_i - s_j))^2 / sum_{i<j} w_ij K_ij^2
/// ```
///
/// HodgeRank (Jiang, Lim, Yao and Ye, arXiv:0811.1067). `weights[[i, j]] >= 0` is read for `i < j`; without weights
/// every pair counts 1, and `s` is the row mean of the margins.
///
/// # Panics
/// If `weights` is not `[n x n]`.
#[must_use]
pub fn cyclic_energy(matrix: &PreferenceMatrix, weights: Option<ArrayView2<'_, f64>>) -> f64 {
    let split = hodge_decomposition(matrix, weights);
    if split.total_energy > 0.0 { split.cyclic_energy / split.total_energy } else { 0.0 }
}

/// The rating that explains the margins best, `[n]`; without weights the row mean of the margins.
fn rating(matrix: &PreferenceMatrix, weights: Option<ArrayView2<'_, f64>>) -> Vec<f64> {
    let n = matrix.n();
    match weights {
        None => (0..n).map(|i| (0..n).map(|j| matrix.margin(i, j)).sum::<f64>() / n as f64).collect(),
        Some(weights) => {
            assert_eq!(weights.dim(), (n, n), "one weight a pair");
            weighted_rating(matrix, weights)
        }
    }
}

/// Least-squares rating: `L s = div`, with the weighted graph Laplacian `L` and `div_i = sum_j w_ij K_ij`, by the
/// pseudo-inverse, so that a graph in several pieces needs no special case.
fn weighted_rating(matrix: &PreferenceMatrix, weights: ArrayView2<'_, f64>) -> Vec<f64> {
    let n = matrix.n();
    let weight = |i: usize, j: usize| if i == j { 0.0 } else { weights[[i.min(j), i.max(j)]] };
    let laplacian =
        Mat::from_fn(n, n, |i, j| if i == j { (0..n).map(|l| weight(i, l)).sum() } else { -weight(i, j) });
    let (values, vectors) = dense::symmetric_eigen(&laplacian);
    let zero = values[n - 1] * n as f64 * f64::EPSILON * 8.0;
    let divergence: Vec<f64> =
        (0..n).map(|i| (0..n).map(|j| weight(i, j) * matrix.margin(i, j)).sum()).collect();
    let mut rating = vec![0.0; n];
    for k in (0..n).filter(|&k| values[k] > zero) {
        let along: f64 = (0..n).map(|i| vectors[(i, k)] * divergence[i]).sum();
        for i in 0..n {
            rating[i] += vectors[(i, k)] * along / values[k];
        }
    }
    rating
}
