//! The nearest equilibrium: the Euclidean projection of a policy onto the set of all equilibria.
//!
//! At `tau = 0` the equilibria are the polytope `{p >= 0, sum p = 1, K p <= 0}`. With `p = pi + B z`, `B` an orthonormal basis of
//! the vectors of sum 0 (Helmert's), the projection is the least-distance problem
//!
//! ```text
//! min |z|   subject to   G z >= h,      G = [B; -K B],  h = [-pi; K pi]
//! ```
//!
//! which Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23) reduce to least squares in non-negative numbers: with
//! `E = [G'; h']`, `f = (0, .., 0, 1)` and `u >= 0` minimising `|E u - f|`, the residual `r = E u - f` gives
//! `z = -r[..d] / r[d]`. Cost: `O(n^4)`.

use equipoise_core::nonnegative::nonnegative_remainder;
use ndarray::{Array1, Array2};

/// Most actions for which the projection is computed.
pub const MOST_ACTIONS: usize = 100;

/// A gain in the residual below this is rounding: columns and the right side have length 1.
const ROUNDING: f64 = 1e-13;

/// The equilibrium nearest to `probs` in the game of `margins` (`K`, `[n, n]`, skew); `None` above [`MOST_ACTIONS`].
#[must_use]
pub fn nearest_equilibrium(margins: &Array2<f64>, probs: &[f64]) -> Option<Vec<f64>> {
    let n = probs.len();
    if n > MOST_ACTIONS {
        return None;
    }
    let basis = helmert(n);
    let products = margins.dot(&Array1::from(probs.to_vec()));
    let violated = products.iter().copied().fold(0.0, f64::max);
    if n == 1 || violated == 0.0 {
        return Some(probs.to_vec());
    }
    // in units of the largest violation, so that small distances are as exact as large ones
    let right: Vec<f64> =
        probs.iter().map(|p| -p / violated).chain(products.iter().map(|q| q / violated)).collect();
    let turned = margins.dot(&basis);
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(2 * n);
    for (row, h) in right.iter().enumerate() {
        let mut column: Vec<f64> =
            if row < n { basis.row(row).to_vec() } else { turned.row(row - n).iter().map(|v| -v).collect() };
        column.push(*h);
        let length = column.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length > 0.0 {
            column.iter_mut().for_each(|v| *v /= length);
        }
        columns.push(column);
    }
    let mut target = vec![0.0; n];
    target[n - 1] = 1.0;
    let remainder = nonnegative_remainder(&columns, &target, ROUNDING);
    let (last, rest) = remainder.split_last()?;
    let z = Array1::from(rest.iter().map(|r| -r / last * violated).collect::<Vec<_>>());
    let moved = basis.dot(&z);
    Some(probs.iter().zip(&moved).map(|(p, d)| p + d).collect())
}

/// Orthonormal columns that span the vectors of sum 0, `[n, n - 1]`.
fn helmert(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, n.saturating_sub(1)), |(i, j)| {
        let scale = ((j + 1) as f64 * (j + 2) as f64).sqrt();
        match i.cmp(&(j + 1)) {
            std::cmp::Ordering::Less => 1.0 / scale,
            std::cmp::Ordering::Equal => -((j + 1) as f64) / scale,
            std::cmp::Ordering::Greater => 0.0,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    }

    #[test]
    fn one_equilibrium_is_the_nearest() {
        let cycle = arr2(&[[0.0, 0.3, -0.3], [-0.3, 0.0, 0.3], [0.3, -0.3, 0.0]]);
        let nearest = nearest_equilibrium(&cycle, &[0.7, 0.2, 0.1]).expect("small");
        approx::assert_abs_diff_eq!(&nearest[..], &[1.0 / 3.0; 3][..], epsilon = 1e-13);
        let near = [1.0 / 3.0 + 1e-9, 1.0 / 3.0, 1.0 / 3.0 - 1e-9];
        let nearest = nearest_equilibrium(&cycle, &near).expect("small");
        approx::assert_relative_eq!(distance(&nearest, &near), 2f64.sqrt() * 1e-9, max_relative = 1e-5);
        // a winner: the vertex
        let winner = arr2(&[[0.0, 0.1, 0.2], [-0.1, 0.0, 0.3], [-0.2, -0.3, 0.0]]);
        let nearest = nearest_equilibrium(&winner, &[0.2, 0.3, 0.5]).expect("small");
        approx::assert_abs_diff_eq!(&nearest[..], &[1.0, 0.0, 0.0][..], epsilon = 1e-12);
    }

    /// The cycle with its last action twice: equilibria split a third of the mass in any way.
    #[test]
    fn of_a_segment_the_foot_of_the_perpendicular_or_an_end() {
        let k = 0.3;
        let cloned = arr2(&[[0.0, k, -k, -k], [-k, 0.0, k, k], [k, -k, 0.0, 0.0], [k, -k, 0.0, 0.0]]);
        let third: f64 = 1.0 / 3.0;
        for pi in [
            [0.5, 0.2, 0.2, 0.1],
            [0.0, 0.0, 1.0, 0.0],
            [0.1, 0.2, 0.6, 0.1],
            [third, third, 0.2, third - 0.2],
        ] {
            let share = (0.5 * (third + pi[2] - pi[3])).clamp(0.0, third);
            let right = [third, third, share, third - share];
            let nearest = nearest_equilibrium(&cloned, &pi).expect("small");
            approx::assert_abs_diff_eq!(&nearest[..], &right[..], epsilon = 1e-12);
        }
    }

    #[test]
    fn the_nearest_point_is_an_equilibrium_and_no_other_is_nearer() {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for round in 0..60 {
            let n = 3 + round % 8;
            // few levels: ties, so that many games have several equilibria
            let mut k = Array2::<f64>::zeros((n, n));
            for i in 0..n {
                for j in 0..i {
                    let margin = ((uniform() * 3.0).floor() - 1.0) * 0.25;
                    (k[[i, j]], k[[j, i]]) = (margin, -margin);
                }
            }
            let raw: Vec<f64> = (0..n).map(|_| -uniform().ln()).collect();
            let pi: Vec<f64> = raw.iter().map(|r| r / raw.iter().sum::<f64>()).collect();
            let nearest = nearest_equilibrium(&k, &pi).expect("small");
            let gap = 2.0 * k.dot(&Array1::from(nearest.clone())).iter().copied().fold(0.0, f64::max);
            assert!(gap < 1e-11 && nearest.iter().all(|p| *p > -1e-11), "{nearest:?}: {gap}");
            assert!((nearest.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            // the obtuse-angle test against other equilibria: projections of other points
            for _ in 0..5 {
                let raw: Vec<f64> = (0..n).map(|_| -uniform().ln()).collect();
                let other: Vec<f64> = raw.iter().map(|r| r / raw.iter().sum::<f64>()).collect();
                let other = nearest_equilibrium(&k, &other).expect("small");
                let angle: f64 = (0..n).map(|i| (pi[i] - nearest[i]) * (other[i] - nearest[i])).sum();
                assert!(angle < 1e-11, "{angle}");
            }
        }
    }
}
