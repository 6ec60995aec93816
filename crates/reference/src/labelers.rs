//! Labellers who vote otherwise than they think: medians of confidence boxes, and what it costs to tamper with a leaderboard.
//!
//! The pessimistic median (2025, arXiv:2503.09561): labeller `i` has rewards `theta_i' phi` with `theta_i` in a box; the box of medians,
//! `lo_j = med_i lo_ij`, `hi_j = med_i hi_ij`, is the median of the boxes, and the policy maximises the least reward in it. Where feature
//! expectations fill a box themselves no labeller gains by another report; on a finite set of answers some do.

use equipoise_env::PreferenceMatrix;

use crate::programme::Programme;

/// The middle of numbers, of an even number of them the mean of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { 0.5 * (values[n / 2 - 1] + values[n / 2]) }
}

/// Lower and upper ends of a box, each `[d]`.
pub type RewardBox = (Vec<f64>, Vec<f64>);

/// The box of medians of boxes `(lo, hi)`, each `[d]`. `None` without one, or for boxes of unequal dimensions.
#[must_use]
pub fn median_box(boxes: &[RewardBox]) -> Option<RewardBox> {
    let d = boxes.first()?.0.len();
    if boxes.iter().any(|(lo, hi)| lo.len() != d || hi.len() != d) {
        return None;
    }
    let of = |at: &dyn Fn(&RewardBox) -> f64| median(boxes.iter().map(at).collect());
    Some(((0..d).map(|j| of(&|b| b.0[j])).collect(), (0..d).map(|j| of(&|b| b.1[j])).collect()))
}

/// The point of `[-1, 1]^d` of largest least reward over a box: 1 where all of the box is above 0, -1 where all is below, else 0.
#[must_use]
pub fn pessimistic_direction(lo: &[f64], hi: &[f64]) -> Vec<f64> {
    let sign = |(lo, hi): (&f64, &f64)| f64::from(u8::from(*lo > 0.0)) - f64::from(u8::from(*hi < 0.0));
    lo.iter().zip(hi).map(sign).collect()
}

/// Votes to turn over so that item `k` beats every other, with `duels` votes a pair: `sum_j max(0, floor(N / 2) + 1 - W_kj)`.
#[must_use]
pub fn flips_to_condorcet(matrix: &PreferenceMatrix, duels: u32, k: usize) -> u32 {
    let wins = |j: usize| (f64::from(duels) * matrix.prob(k, j)).round() as u32;
    (0..matrix.n()).filter(|&j| j != k).map(|j| (duels / 2 + 1).saturating_sub(wins(j))).sum()
}

/// The least votes to turn over, fractions allowed, so that `policy` is a maximal lottery: `min sum_{i<j} N |D_ij|` subject to
/// `(K + D) policy <= 0`. `None` if the linear programme was not solved.
#[must_use]
pub fn flips_to_lottery(matrix: &PreferenceMatrix, duels: u32, policy: &[f64]) -> Option<f64> {
    let n = matrix.n();
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let m = pairs.len();
    // D = up - down for i < j
    let mut programme = Programme::maximise(vec![-f64::from(duels); 2 * m]);
    for i in 0..n {
        let mut row = vec![0.0; 2 * m];
        for (k, &(a, b)) in pairs.iter().enumerate() {
            let coefficient = if a == i {
                policy[b]
            } else if b == i {
                -policy[a]
            } else {
                0.0
            };
            (row[k], row[m + k]) = (coefficient, -coefficient);
        }
        let gain: f64 = (0..n).map(|j| matrix.margin(i, j) * policy[j]).sum();
        programme.at_most(row, -gain);
    }
    for (k, &(i, j)) in pairs.iter().enumerate() {
        let mut row = vec![0.0; 2 * m];
        (row[k], row[m + k]) = (1.0, -1.0);
        programme.at_most(row.clone(), 0.5 - matrix.margin(i, j));
        programme.at_least(row, -0.5 - matrix.margin(i, j));
    }
    programme.solve().optimum().map(|found| -found.value)
}
