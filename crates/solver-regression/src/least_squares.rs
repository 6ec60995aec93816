//! The minimiser of INPO's loss on pairs ([`crate::pair_loss`]): the potential that best explains labelled comparisons.
//!
//! Normal equations: `L g = b` with the Laplacian L of the comparison multigraph, singular always (shifts) and more so
//! when the graph falls apart. Among all minimisers we return the one of least `sum_k N_k g_k^2`, `N_k` = how often
//! action k appears: every connected part has N-weighted mean zero, and an action without a comparison keeps 0, i.e. its
//! anchor. That is the empirical form of the population solution `g = q - 1/2`, whose pi-weighted mean is zero.
//!
//! Method: conjugate gradients preconditioned by N, started at 0; its iterates stay orthogonal to the shifts of every
//! part in the N product, so the limit is that solution. In the population limit `diag(pi)^-1 L = I - 1 pi'` and one
//! iteration is exact; n iterations are enough up to rounding. Cost: O(S log S) to gather S comparisons by pair, then
//! O(pairs met + n) an iteration.

use equipoise_core::StepError;

use crate::pair_loss::Comparison;

/// Relative size of the residual, in the preconditioned norm, at which the fit is accepted.
const TOLERANCE: f64 = 1e-13;

/// Writes the least-squares potential of `comparisons` into `potential`, `[actions]`; see the module head for the choice
/// among minimisers.
///
/// # Errors
/// [`StepError::Inner`] if the residual does not reach rounding.
pub fn fit(comparisons: &[Comparison], potential: &mut [f64]) -> Result<(), StepError> {
    let n = potential.len();
    potential.fill(0.0);
    let mut seen = vec![0.0; n];
    for c in comparisons {
        seen[c.left] += 1.0;
        seen[c.right] += 1.0;
    }
    let edges = edges(comparisons);
    let mut residual = vec![0.0; n];
    for e in &edges {
        residual[e.low] += e.margins;
        residual[e.high] -= e.margins;
    }
    let precondition = |r: &[f64]| -> Vec<f64> {
        r.iter().zip(&seen).map(|(r, &m)| if m > 0.0 { r / m } else { 0.0 }).collect()
    };
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };

    let mut z = precondition(&residual);
    let mut direction = z.clone();
    let mut size = dot(&residual, &z);
    let target = TOLERANCE * TOLERANCE * size;
    let mut image = vec![0.0; n];
    // n iterations in exact arithmetic; rounding may delay badly connected graphs
    for _ in 0..10 * n + 100 {
        if size <= target {
            return Ok(());
        }
        image.fill(0.0);
        for e in &edges {
            let flow = e.count * (direction[e.low] - direction[e.high]);
            image[e.low] += flow;
            image[e.high] -= flow;
        }
        let length = size / dot(&direction, &image);
        for k in 0..n {
            potential[k] += length * direction[k];
            residual[k] -= length * image[k];
        }
        z = precondition(&residual);
        let next = dot(&residual, &z);
        for k in 0..n {
            direction[k] = z[k] + next / size * direction[k];
        }
        size = next;
    }
    Err(StepError::Inner(format!(
        "the regression on {} comparisons of {n} actions did not reach a relative residual of {TOLERANCE:e}",
        comparisons.len()
    )))
}

/// All comparisons of one pair of different actions.
struct Edge {
    low: usize,
    high: usize,
    count: f64,
    /// Sum of the margins, as seen from `low`.
    margins: f64,
}

/// Gathers the comparisons by pair, in a fixed order. Self-duels constrain nothing and drop out. Counts are exact, which
/// keeps the right-hand side in the range of the Laplacian however many comparisons there are.
fn edges(comparisons: &[Comparison]) -> Vec<Edge> {
    let mut edges: Vec<Edge> = comparisons
        .iter()
        .filter(|c| c.left != c.right)
        .map(|c| match c.left < c.right {
            true => Edge { low: c.left, high: c.right, count: 1.0, margins: c.margin },
            false => Edge { low: c.right, high: c.left, count: 1.0, margins: -c.margin },
        })
        .collect();
    edges.sort_by_key(|e| (e.low, e.high));
    edges.dedup_by(|next, kept| {
        let same = (next.low, next.high) == (kept.low, kept.high);
        if same {
            kept.count += next.count;
            kept.margins += next.margins;
        }
        same
    });
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(n: usize, comparisons: &[(usize, usize, f64)]) -> Vec<f64> {
        let list: Vec<_> =
            comparisons.iter().map(|&(left, right, margin)| Comparison { left, right, margin }).collect();
        let mut g = vec![f64::NAN; n];
        fit(&list, &mut g).unwrap();
        g
    }

    fn assert_close(got: &[f64], expect: &[f64]) {
        assert!(got.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-13), "{got:?} {expect:?}");
    }

    #[test]
    fn a_tree_is_fitted_exactly_and_the_rest_keeps_its_anchor() {
        // parts {0, 1}, {2, 3, 4}, {5}: each part has mean zero weighted by appearances
        let g = fitted(6, &[(0, 1, 0.5), (2, 3, 0.5), (3, 4, -0.25), (1, 1, 0.0)]);
        // part one: appearances 1 and 3; part two: 1, 2, 1
        assert_close(&g, &[0.375, -0.125, 0.3125, -0.1875, 0.0625, 0.0]);
        assert_close(&fitted(2, &[]), &[0.0, 0.0]);
        assert_close(&fitted(2, &[(1, 1, 0.0)]), &[0.0, 0.0]);
    }

    #[test]
    fn a_cycle_has_no_potential() {
        assert_close(&fitted(3, &[(0, 1, 0.5), (1, 2, 0.5), (2, 0, 0.5)]), &[0.0; 3]);
        // contradicting labels average
        assert_close(&fitted(2, &[(0, 1, 0.5), (0, 1, 0.5), (1, 0, 0.5), (0, 1, 0.5)]), &[0.125, -0.125]);
    }

    #[test]
    fn a_long_path_is_solved_too() {
        let n = 400;
        let path: Vec<_> = (1..n).map(|k| (k - 1, k, if k % 3 == 0 { 0.5 } else { -0.5 })).collect();
        let g = fitted(n, &path);
        for (i, j, m) in path {
            approx::assert_abs_diff_eq!(g[i] - g[j], m, epsilon = 1e-11); // sums of 400 terms
        }
    }
}
