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
//!
//! A strength `x'b` is bounded from above iff no such direction has `x'b > 0`, that is (Farkas) iff `-x = sum_k z_k a_k` for some
//! `z >= 0`: the same problem with another target.

use equipoise_core::nonnegative::nonnegative_remainder;
use ndarray::{Array1, Array2, ArrayView1};

/// Remainders below this, relative to the rows, are rounding.
const ROUNDING: f64 = 1e-9;
/// Remainders of a strength below this, relative to it, are none.
const NOTHING: f64 = 1e-6;

/// A direction along which the likelihood climbs for ever, if there is one; rows as in the module head, `[m x k]`.
pub(super) fn separating_direction(rows: &Array2<f64>) -> Option<Array1<f64>> {
    let scaled = Scaled::of(rows);
    let k = rows.ncols();
    let target: Vec<f64> = (0..k).map(|b| -scaled.units.iter().map(|row| row[b]).sum::<f64>()).collect();
    let limit = ROUNDING * scaled.units.len() as f64;
    let left = nonnegative_remainder(&scaled.units, &target, limit);
    let gains: Vec<f64> =
        scaled.units.iter().map(|row| -row.iter().zip(&left).map(|(a, b)| a * b).sum::<f64>()).collect();
    let climbs = gains.iter().all(|g| *g >= -limit) && gains.iter().any(|g| *g > limit);
    climbs.then(|| Array1::from_shape_fn(k, |b| scaled.coordinate(b, -left[b])))
}

/// For each of some strengths that are linear in the coefficients (`[n x k]`), whether nothing bounds it from below, and from
/// above; rows as in the module head, `[m x k]`.
pub(super) fn open_ends(rows: &Array2<f64>, strengths: &Array2<f64>) -> Vec<(bool, bool)> {
    let scaled = Scaled::of(rows);
    let limit = ROUNDING * scaled.units.len() as f64;
    let end = |x: ArrayView1<'_, f64>, sign: f64| {
        // what no comparison has is bounded by none
        let alone = x.iter().zip(&scaled.sizes).any(|(v, size)| *v != 0.0 && *size == 0.0);
        let target: Vec<f64> = x.iter().enumerate().map(|(b, v)| sign * scaled.coordinate(b, *v)).collect();
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let left = nonnegative_remainder(&scaled.units, &target, limit * square(&target));
        alone || square(&left) > NOTHING * square(&target)
    };
    strengths.rows().into_iter().map(|x| (end(x, 1.0), end(x, -1.0))).collect()
}

/// Rows in coordinates of one size, and of length 1, so that rounding is told from remainders; neither changes who is separable.
struct Scaled {
    units: Vec<Vec<f64>>,
    /// Of each column before.
    sizes: Vec<f64>,
}

impl Scaled {
    fn of(rows: &Array2<f64>) -> Self {
        let length = |v: ArrayView1<'_, f64>| v.dot(&v).sqrt();
        let sizes: Vec<f64> = rows.columns().into_iter().map(length).collect();
        let mut found = Self { units: Vec::new(), sizes };
        let scaled = Array2::from_shape_fn(rows.dim(), |(a, b)| found.coordinate(b, rows[[a, b]]));
        let unit =
            |row: ArrayView1<'_, f64>| Some(length(row)).filter(|l| *l > 0.0).map(|l| (&row / l).to_vec());
        found.units = scaled.rows().into_iter().filter_map(unit).collect();
        found
    }

    fn coordinate(&self, b: usize, v: f64) -> f64 {
        if self.sizes[b] > 0.0 { v / self.sizes[b] } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn strengths_are_open_where_a_direction_of_the_likelihood_has_them() {
        // one feature that separates: what has some of it is open above, what has less than none below, what has none is known
        let rows = arr2(&[[1.0], [2.0]]);
        let open = open_ends(&rows, &arr2(&[[3.0], [-2.0], [0.0]]));
        assert_eq!(open, [(false, true), (true, false), (false, false)]);
        // of two features the first separates, the second went both ways; a third is nowhere compared
        let rows = arr2(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]);
        let open = open_ends(&rows, &arr2(&[[0.0, 5.0, 0.0], [1.0, -7.0, 0.0], [0.0, 1.0, 1.0]]));
        assert_eq!(open, [(false, false), (false, true), (true, true)]);
    }

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
