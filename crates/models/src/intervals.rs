//! Intervals that hold together: for all strengths, and for all ranks, at once.
//!
//! With strengths normal around the truth (covariance C), `max_i |z_i|` of standardised errors is drawn, and its quantile
//! taken as the critical value; for ranks, `max_ij |z_i - z_j|` over pairs: an item is surely better than another if the
//! interval of their difference lies above 0, and its rank runs from 1 + (surely better ones) to n - (surely worse ones)
//! (Mogstad, Romano, Shaikh, Wilhelm 2024). Simultaneous, so that "the first five" holds as a statement.

use equipoise_core::{Rng, sample::normal};
use faer::{Mat, Side};
use ndarray::Array2;

/// Critical values of simultaneous intervals.
#[derive(Clone, Copy, Debug)]
pub struct Critical {
    /// Of all strengths.
    pub strengths: f64,
    /// Of all differences.
    pub differences: f64,
}

/// Critical values at `level` (as in 0.95) for errors of the given covariance, `[n x n]`, from `draws` draws.
///
/// # Panics
/// If `draws` is 0.
#[must_use]
pub fn critical_values(covariance: &Array2<f64>, level: f64, draws: usize, rng: &mut Rng) -> Critical {
    let n = covariance.nrows();
    let matrix = Mat::from_fn(n, n, |i, j| covariance[[i, j]]);
    let eigen = matrix.self_adjoint_eigen(Side::Lower).expect("a finite symmetric matrix has eigenvalues");
    let (vectors, values) = (eigen.U(), eigen.S());
    let root = Array2::from_shape_fn((n, n), |(i, k)| vectors[(i, k)] * values[k].max(0.0).sqrt());
    let error = |i: usize, j: usize| {
        (covariance[[i, i]] + covariance[[j, j]] - 2.0 * covariance[[i, j]]).max(0.0).sqrt()
    };
    let inverse = Array2::from_shape_fn((n, n), |(i, j)| if i < j { reciprocal(error(i, j)) } else { 0.0 });
    let alone: Vec<f64> = (0..n).map(|i| reciprocal(covariance[[i, i]].max(0.0).sqrt())).collect();
    let (mut one, mut two) = (Vec::with_capacity(draws), Vec::with_capacity(draws));
    for _ in 0..draws {
        let noise = ndarray::Array1::from_shape_fn(n, |_| normal(rng));
        let z = root.dot(&noise);
        one.push((0..n).map(|i| z[i].abs() * alone[i]).fold(0.0, f64::max));
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        two.push(pairs.map(|(i, j)| (z[i] - z[j]).abs() * inverse[[i, j]]).fold(0.0, f64::max));
    }
    Critical { strengths: quantile(&mut one, level), differences: quantile(&mut two, level) }
}

fn reciprocal(x: f64) -> f64 {
    if x > 0.0 { x.recip() } else { 0.0 }
}

/// The value that a share of `level` does not exceed.
///
/// # Panics
/// If there are no values.
pub(crate) fn quantile(values: &mut [f64], level: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((level * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1]
}

/// Simultaneous rank intervals, from 1: best and worst rank of every item.
#[must_use]
pub fn rank_intervals(strengths: &[f64], covariance: &Array2<f64>, critical: f64) -> Vec<(usize, usize)> {
    let n = strengths.len();
    let surely_above = |i: usize, j: usize| {
        let variance = covariance[[i, i]] + covariance[[j, j]] - 2.0 * covariance[[i, j]];
        strengths[i] - strengths[j] > critical * variance.max(0.0).sqrt()
    };
    let count = |holds: &dyn Fn(usize) -> bool| (0..n).filter(|&j| holds(j)).count();
    (0..n)
        .map(|i| {
            let (better, worse) =
                (count(&|j| j != i && surely_above(j, i)), count(&|j| j != i && surely_above(i, j)));
            (1 + better, n - worse)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::normal_quantile;
    use equipoise_core::seed::stream;

    #[test]
    fn independent_errors_have_the_sidak_value() {
        let mut rng = stream(1, "critical", &[]);
        let got = critical_values(&Array2::eye(8), 0.95, 40_000, &mut rng).strengths;
        let sidak = normal_quantile(0.5 + 0.5 * 0.95f64.powf(1.0 / 8.0));
        // 40,000 draws leave 0.01 of a quantile
        assert!((got - sidak).abs() < 0.04, "{got} {sidak}");
        // two items: one difference, the plain two-sided value; and sum-zero covariances are singular
        let cov = ndarray::arr2(&[[0.25, -0.25], [-0.25, 0.25]]);
        let two = critical_values(&cov, 0.95, 40_000, &mut rng);
        assert!((two.differences - 1.96).abs() < 0.04 && (two.strengths - two.differences).abs() < 1e-9);
    }

    #[test]
    fn ranks_are_as_wide_as_the_errors() {
        let cov = Array2::eye(3) * 0.01;
        assert_eq!(rank_intervals(&[2.0, 1.9, 0.0], &cov, 2.0), [(1, 2), (1, 2), (3, 3)]);
        assert_eq!(rank_intervals(&[2.0, 1.0, 0.0], &cov, 2.0), [(1, 1), (2, 2), (3, 3)]);
    }
}
