//! The ranking that agrees most with the margins, and what of the margins a rating explains.

use equipoise_env::PreferenceMatrix;
use ndarray::ArrayView2;

use super::rating;

/// Largest number of actions for which [`kemeny_ranking`] answers.
pub const LARGEST_KEMENY: usize = 20;

/// A Kemeny ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct KemenyRanking {
    /// Actions, best first.
    pub order: Vec<usize>,
    /// `sum of K_ij over i above j`, the largest possible.
    pub agreement: f64,
}

/// The ranking with the largest agreement `sum_{i above j} K_ij` (Kemeny 1959; Young and Levenglick 1978); of several
/// the one whose last action has the lowest number, and so on upwards. `None` above [`LARGEST_KEMENY`] actions.
///
/// Dynamic programme over sets of best actions: `O(2^n n)` time and `12 * 2^n` bytes.
#[must_use]
pub fn kemeny_ranking(matrix: &PreferenceMatrix) -> Option<KemenyRanking> {
    let n = matrix.n();
    if n > LARGEST_KEMENY {
        return None;
    }
    let full = (1usize << n) - 1;
    // best agreement within a set, and the action that then stands last in it
    let (mut best, mut last) = (vec![0.0; full + 1], vec![0u8; full + 1]);
    for set in 1..=full {
        let mut most = f64::NEG_INFINITY;
        for i in members(set) {
            let others = set & !(1 << i);
            let gained: f64 = members(others).map(|j| matrix.margin(j, i)).sum();
            let agreement = best[others] + gained;
            // equal but for rounding counts as equal: the lowest number stays
            if agreement > most + 1e-12 {
                (most, last[set]) = (agreement, i as u8);
            }
        }
        best[set] = most;
    }
    let (mut set, mut order) = (full, Vec::with_capacity(n));
    while set != 0 {
        let i = usize::from(last[set]);
        order.push(i);
        set &= !(1 << i);
    }
    order.reverse();
    Some(KemenyRanking { order, agreement: best[full] })
}

fn members(set: usize) -> impl Iterator<Item = usize> {
    let mut left = set;
    std::iter::from_fn(move || {
        let i = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(i)
    })
}

/// The margins split into what a rating explains and the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct HodgeDecomposition {
    /// Least-squares rating `s`, mean 0 in each connected piece, `[n]`, in units of margins.
    pub rating: Vec<f64>,
    /// `sum_{i<j} w_ij K_ij^2`.
    pub total_energy: f64,
    /// `sum_{i<j} w_ij (s_i - s_j)^2`: the transitive part.
    pub transitive_energy: f64,
    /// `sum_{i<j} w_ij (K_ij - (s_i - s_j))^2`: the cyclic part. The two add up to the total.
    pub cyclic_energy: f64,
}

/// Splits the margins into a transitive part `s_i - s_j` and a cyclic part, orthogonal in the weighted inner product
/// (HodgeRank: Jiang, Lim, Yao and Ye, arXiv:0811.1067). `weights[[i, j]] >= 0` is read for `i < j`; without weights every
/// pair counts 1. With all pairs met the cyclic part is a sum of triangles; otherwise it may hold longer cycles too.
///
/// # Panics
/// If `weights` is not `[n x n]`.
#[must_use]
pub fn hodge_decomposition(
    matrix: &PreferenceMatrix,
    weights: Option<ArrayView2<'_, f64>>,
) -> HodgeDecomposition {
    let n = matrix.n();
    let rating = rating(matrix, weights);
    let (mut total, mut transitive, mut cyclic) = (0.0, 0.0, 0.0);
    for i in 0..n {
        for j in i + 1..n {
            let (weight, margin) = (weights.map_or(1.0, |w| w[[i, j]]), matrix.margin(i, j));
            let explained = rating[i] - rating[j];
            total += weight * margin * margin;
            transitive += weight * explained * explained;
            cyclic += weight * (margin - explained).powi(2);
        }
    }
    HodgeDecomposition { rating, total_energy: total, transitive_energy: transitive, cyclic_energy: cyclic }
}

/// Directed cycles of three, four and five actions, each beating the next, counted once whatever their start.
///
/// No pair beats each other, so a closed walk of up to five steps repeats no action: their numbers are
/// `tr(A^l) / l` for the relation `A`. Cost: `O(n^3)`.
#[must_use]
pub fn directed_cycles(matrix: &PreferenceMatrix) -> [u64; 3] {
    let n = matrix.n();
    let beats: Vec<Vec<usize>> =
        (0..n).map(|i| (0..n).filter(|&j| matrix.margin(i, j) > 0.0).collect()).collect();
    let mut traces = [0u64; 3];
    // row i of A^2 and A^3
    let mut row = |i: usize| {
        let (mut two, mut three) = (vec![0u64; n], vec![0u64; n]);
        beats[i].iter().flat_map(|&j| &beats[j]).for_each(|&l| two[l] += 1);
        for j in (0..n).filter(|&j| two[j] > 0) {
            beats[j].iter().for_each(|&l| three[l] += two[j]);
        }
        traces[0] += three[i];
        (two, three)
    };
    let rows: Vec<(Vec<u64>, Vec<u64>)> = (0..n).map(&mut row).collect();
    for i in 0..n {
        for j in 0..n {
            traces[1] += rows[i].0[j] * rows[j].0[i];
            traces[2] += rows[i].1[j] * rows[j].0[i];
        }
    }
    [traces[0] / 3, traces[1] / 4, traces[2] / 5]
}
