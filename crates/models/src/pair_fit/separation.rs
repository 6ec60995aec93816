//! Whether a likelihood that is linear in coefficients has a finite maximum: separation (Albert, Anderson 1984).
//!
//! The log-likelihood is concave, and a direction b along which it never falls is one with `a'b >= 0` for every row a below;
//! it climbs for ever iff `a'b > 0` for some. By Stiemke's lemma there is no such b iff `sum_k (1 + z_k) a_k = 0` for some
//! `z >= 0`: a problem of least squares in non-negative numbers (Lawson, Hanson 1974), whose remainder is such a b.
//!
//! ```text
//! first won     x_first - x_second (+ home)          with ties as outcomes, less 1 for the tie parameter
//! second won    x_second - x_first (- home)          likewise
//! tied          both differences, plus 1 for the tie parameter
//! ```

use faer::linalg::solvers::Solve as _;
use faer::{Mat, Side};
use ndarray::{Array1, Array2};

/// Remainders below this, relative to the rows, are rounding.
const ROUNDING: f64 = 1e-9;

/// A direction along which the likelihood climbs for ever, if there is one; rows as in the module head, `[m x k]`.
pub(super) fn separating_direction(rows: &Array2<f64>) -> Option<Array1<f64>> {
    let (m, k) = rows.dim();
    // columns of one size, so that rounding is told from remainders
    let sizes: Vec<f64> = rows.columns().into_iter().map(|c| c.dot(&c).sqrt()).collect();
    let scaled =
        Array2::from_shape_fn((m, k), |(a, b)| if sizes[b] > 0.0 { rows[[a, b]] / sizes[b] } else { 0.0 });
    let target = -scaled.sum_axis(ndarray::Axis(0));
    let limit = ROUNDING * m as f64;
    let mut z = Array1::<f64>::zeros(m);
    let mut passive: Vec<usize> = Vec::new();
    let remainder = |z: &Array1<f64>| &target - &scaled.t().dot(z);
    // every pass adds a row; a row that rounding keeps out again ends it
    for _ in 0..10 * (k + 1) {
        let left = remainder(&z);
        let slopes = scaled.dot(&left);
        let candidate =
            (0..m).filter(|a| !passive.contains(a)).max_by(|a, b| slopes[*a].total_cmp(&slopes[*b]));
        let Some(next) = candidate.filter(|&a| slopes[a] > limit) else { break };
        passive.push(next);
        loop {
            let Some(solved) = least_squares(&scaled, &passive, &target) else {
                passive.pop();
                break;
            };
            if solved.iter().all(|x| *x > 0.0) {
                z.fill(0.0);
                passive.iter().zip(&solved).for_each(|(&a, x)| z[a] = *x);
                break;
            }
            // as far towards the solution as numbers stay non-negative
            let step = passive
                .iter()
                .zip(&solved)
                .filter(|(_, x)| **x <= 0.0)
                .map(|(&a, x)| z[a] / (z[a] - x))
                .fold(1.0, f64::min);
            passive.iter().zip(&solved).for_each(|(&a, x)| z[a] += step * (x - z[a]));
            passive.retain(|&a| z[a] > ROUNDING);
            (0..m).filter(|a| !passive.contains(a)).for_each(|a| z[a] = 0.0);
            if passive.is_empty() {
                break;
            }
        }
    }
    let left = -remainder(&z);
    let gains = scaled.dot(&left);
    let climbs = gains.iter().all(|g| *g >= -limit) && gains.iter().any(|g| *g > limit);
    climbs.then(|| Array1::from_shape_fn(k, |b| if sizes[b] > 0.0 { left[b] / sizes[b] } else { 0.0 }))
}

/// The numbers on these rows whose sum is nearest to the target; `None` if the rows hang together.
fn least_squares(rows: &Array2<f64>, chosen: &[usize], target: &Array1<f64>) -> Option<Vec<f64>> {
    let size = chosen.len();
    let gram = Mat::from_fn(size, size, |a, b| rows.row(chosen[a]).dot(&rows.row(chosen[b])));
    let right = Mat::from_fn(size, 1, |a, _| rows.row(chosen[a]).dot(target));
    let solved = gram.llt(Side::Lower).ok()?.solve(&right);
    Some((0..size).map(|a| solved[(a, 0)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn rows_in_a_half_space_are_separable_and_others_are_not() {
        // one way alone, on the edge, and both ways
        assert!(separating_direction(&arr2(&[[1.0, 0.0], [1.0, 1.0], [2.0, -0.5]])).is_some());
        assert!(separating_direction(&arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).is_some());
        assert!(separating_direction(&arr2(&[[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])).is_none());
        assert!(separating_direction(&arr2(&[[1.0], [1.0], [-1e-3]])).is_none());
        assert!(separating_direction(&arr2(&[[0.0], [0.0]])).is_none());
        let direction = separating_direction(&arr2(&[[3.0, 1.0], [-1.0, 2.0]])).unwrap();
        assert!(arr2(&[[3.0, 1.0], [-1.0, 2.0]]).dot(&direction).iter().all(|g| *g > 0.0));
    }
}
