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

use equipoise_core::nonnegative::nonnegative_remainder;
use ndarray::{Array1, Array2, ArrayView1};

/// Remainders below this, relative to the rows, are rounding.
const ROUNDING: f64 = 1e-9;

/// A direction along which the likelihood climbs for ever, if there is one; rows as in the module head, `[m x k]`.
pub(super) fn separating_direction(rows: &Array2<f64>) -> Option<Array1<f64>> {
    let k = rows.ncols();
    let length = |v: ArrayView1<'_, f64>| v.dot(&v).sqrt();
    // coordinates of one size, and rows of length 1, so that rounding is told from remainders; neither changes who is separable
    let sizes: Vec<f64> = rows.columns().into_iter().map(length).collect();
    let scale = |b: usize, v: f64| if sizes[b] > 0.0 { v / sizes[b] } else { 0.0 };
    let scaled = Array2::from_shape_fn(rows.dim(), |(a, b)| scale(b, rows[[a, b]]));
    let unit = |row: ArrayView1<'_, f64>| Some(length(row)).filter(|l| *l > 0.0).map(|l| (&row / l).to_vec());
    let units: Vec<Vec<f64>> = scaled.rows().into_iter().filter_map(unit).collect();
    let target: Vec<f64> = (0..k).map(|b| -units.iter().map(|row| row[b]).sum::<f64>()).collect();
    let limit = ROUNDING * units.len() as f64;
    let left = nonnegative_remainder(&units, &target, limit);
    let gains: Vec<f64> =
        units.iter().map(|row| -row.iter().zip(&left).map(|(a, b)| a * b).sum::<f64>()).collect();
    let climbs = gains.iter().all(|g| *g >= -limit) && gains.iter().any(|g| *g > limit);
    climbs.then(|| Array1::from_shape_fn(k, |b| scale(b, -left[b])))
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
