//! The Bradley-Terry fit by Newton's method.
//!
//! ```text
//! maximise  l(r) = sum_{i,j} w_ij log sigma(r_i - r_j)      sum r = 0,   w_ij: (weighted) wins of i over j
//! gradient_i = sum_j w_ij - n_ij sigma(r_i - r_j),           n_ij = w_ij + w_ji
//! - Hessian  = graph Laplacian with weights n_ij sigma'(r_i - r_j)
//! ```
//!
//! Bradley, Terry 1952; Ford 1957: a finite maximum exists iff the win graph (i -> j where w_ij > 0) is strongly
//! connected. Where it does not, a ridge `- ridge/2 sum r^2` makes the answer finite, and the fit says so.

use ndarray::{Array1, Array2, ArrayView2};

/// Weight of the ridge, relative to the mean number of comparisons of an item, where no maximum exists.
const RIDGE: f64 = 1e-6;
/// Newton steps at most.
const MAX_STEPS: usize = 200;

/// A Bradley-Terry fit.
#[derive(Clone, Debug, PartialEq)]
pub struct BtFit {
    /// Log strengths r, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Whether the maximum of the likelihood exists (Ford's condition).
    pub exists: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: usize,
    /// The log-likelihood at the fit, without the ridge, in nats.
    pub log_likelihood: f64,
    /// The ridge that had to be added, if any.
    pub ridge: Option<f64>,
}

/// Why wins cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BtError {
    /// Not a square table.
    #[error("the table of wins has {rows} rows and {columns} columns; it must be square and not empty")]
    Shape {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A negative or non-finite entry.
    #[error("row {row}, column {column}: {value} wins; they must be finite and not negative")]
    Entry {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The entry.
        value: f64,
    },
}

/// Fits log strengths to `wins`, `[n x n]`; the diagonal is not used.
///
/// # Errors
/// [`BtError`] if the table is not square, or holds a negative or non-finite number.
pub fn fit(wins: ArrayView2<'_, f64>) -> Result<BtFit, BtError> {
    let (rows, columns) = wins.dim();
    if rows != columns || rows == 0 {
        return Err(BtError::Shape { rows, columns });
    }
    if let Some(((i, j), &value)) = wins.indexed_iter().find(|(_, v)| !(**v >= 0.0 && v.is_finite())) {
        return Err(BtError::Entry { row: i + 1, column: j + 1, value });
    }
    let n = rows;
    let total: f64 = wins.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, w)| w).sum();
    let exists = strongly_connected(wins);
    let ridge = (!exists).then(|| (RIDGE * total / n as f64).max(f64::MIN_POSITIVE));
    let lambda = ridge.unwrap_or(0.0);
    let mut r = Array1::<f64>::zeros(n);
    let objective = |r: &Array1<f64>| log_likelihood(wins, r) - 0.5 * lambda * r.dot(r);
    let mut value = objective(&r);
    let (mut iterations, mut converged) = (0, total == 0.0);
    while !converged && iterations < MAX_STEPS {
        iterations += 1;
        let (gradient, mut hessian) = derivatives(wins, &r, lambda);
        // the Laplacian is singular along constants: adding 1 1' / n fixes the gauge without moving the step
        let scale = hessian.diag().sum() / n as f64;
        hessian += scale / n as f64;
        let Some(step) = cholesky_solve(hessian, gradient.clone()) else { break };
        // the Newton decrement bounds what is left to gain, in nats
        let decrement = gradient.dot(&step);
        let mut length = 1.0;
        let mut next = &r + &step;
        let mut next_value = objective(&next);
        while next_value < value - 1e-12 * value.abs() && length > 1e-9 {
            length *= 0.5;
            next = &r + &(&step * length);
            next_value = objective(&next);
        }
        r = next;
        r -= r.mean().expect("at least one item");
        value = next_value;
        let largest = step.iter().fold(0.0, |m: f64, s| m.max((s * length).abs()));
        converged = decrement <= 1e-22 * total || largest <= 1e-13;
    }
    Ok(BtFit { log_likelihood: log_likelihood(wins, &r), log_strength: r, exists, converged, iterations, ridge })
}

/// `log sigma(x)`, without overflow.
fn log_sigmoid(x: f64) -> f64 {
    if x >= 0.0 { -(-x).exp().ln_1p() } else { x - x.exp().ln_1p() }
}

/// `sigma(x)`, without overflow.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn log_likelihood(wins: ArrayView2<'_, f64>, r: &Array1<f64>) -> f64 {
    wins.indexed_iter()
        .filter(|((i, j), w)| i != j && **w > 0.0)
        .map(|((i, j), w)| w * log_sigmoid(r[i] - r[j]))
        .sum()
}

/// Gradient, and minus the Hessian, of the ridged log-likelihood.
fn derivatives(wins: ArrayView2<'_, f64>, r: &Array1<f64>, lambda: f64) -> (Array1<f64>, Array2<f64>) {
    let n = r.len();
    let (mut gradient, mut hessian) = (r * -lambda, Array2::zeros((n, n)));
    for i in 0..n {
        hessian[[i, i]] += lambda;
        for j in i + 1..n {
            let (w, met) = (wins[[i, j]], wins[[i, j]] + wins[[j, i]]);
            let (p, q) = (sigmoid(r[i] - r[j]), sigmoid(r[j] - r[i]));
            // w (1 - p) - w' p, so that near-certain pairs do not cancel
            let pull = w * q - wins[[j, i]] * p;
            gradient[i] += pull;
            gradient[j] -= pull;
            let weight = met * p * q;
            hessian[[i, i]] += weight;
            hessian[[j, j]] += weight;
            hessian[[i, j]] -= weight;
            hessian[[j, i]] -= weight;
        }
    }
    (gradient, hessian)
}

/// Solves `a x = b` for a symmetric positive definite `a`; `None` if it is not.
fn cholesky_solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Option<Array1<f64>> {
    let n = b.len();
    for j in 0..n {
        let mut pivot = a[[j, j]];
        for k in 0..j {
            pivot -= a[[j, k]] * a[[j, k]];
        }
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let pivot = pivot.sqrt();
        a[[j, j]] = pivot;
        for i in j + 1..n {
            let mut entry = a[[i, j]];
            for k in 0..j {
                entry -= a[[i, k]] * a[[j, k]];
            }
            a[[i, j]] = entry / pivot;
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[[i, k]] * b[k];
        }
        b[i] /= a[[i, i]];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[[k, i]] * b[k];
        }
        b[i] /= a[[i, i]];
    }
    Some(b)
}

/// Ford's condition: from item 0 every item is reached along wins, and along losses.
fn strongly_connected(wins: ArrayView2<'_, f64>) -> bool {
    let n = wins.nrows();
    let reaches_all = |edge: &dyn Fn(usize, usize) -> bool| {
        let (mut seen, mut open) = (vec![false; n], vec![0]);
        seen[0] = true;
        while let Some(i) = open.pop() {
            for j in 0..n {
                if !seen[j] && edge(i, j) {
                    seen[j] = true;
                    open.push(j);
                }
            }
        }
        seen.into_iter().all(|s| s)
    };
    reaches_all(&|i, j| wins[[i, j]] > 0.0) && reaches_all(&|i, j| wins[[j, i]] > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::{sample, seed};

    /// Zermelo's iteration, the oldest way: `s_i <- W_i / sum_j n_ij / (s_i + s_j)`.
    fn zermelo(wins: &Array2<f64>, rounds: usize) -> Array1<f64> {
        let n = wins.nrows();
        let mut s = Array1::<f64>::ones(n);
        for _ in 0..rounds {
            for i in 0..n {
                let won: f64 = (0..n).filter(|&j| j != i).map(|j| wins[[i, j]]).sum();
                let met: f64 =
                    (0..n).filter(|&j| j != i).map(|j| (wins[[i, j]] + wins[[j, i]]) / (s[i] + s[j])).sum();
                s[i] = won / met;
            }
        }
        let r = s.mapv(f64::ln);
        let mean = r.mean().unwrap();
        r - mean
    }

    #[test]
    fn agrees_with_zermelo_and_recovers_a_true_model() {
        let mut rng = seed::stream(3, "bt", &[]);
        for _ in 0..20 {
            let n = 2 + sample::index(&mut rng, 6);
            let wins = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { 1.0 + 9.0 * sample::uniform(&mut rng) });
            let found = fit(wins.view()).unwrap();
            assert!(found.exists && found.converged && found.ridge.is_none());
            for (a, b) in found.log_strength.iter().zip(&zermelo(&wins, 5000)) {
                approx::assert_abs_diff_eq!(a, b, epsilon = 1e-11);
            }
        }
        let truth = [2.0, 0.5, -0.5, -2.0];
        let wins = Array2::from_shape_fn((4, 4), |(i, j)| if i == j { 0.0 } else { sigmoid(truth[i] - truth[j]) });
        for (a, b) in fit(wins.view()).unwrap().log_strength.iter().zip(truth) {
            approx::assert_abs_diff_eq!(*a, b, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_missing_maximum_is_reported() {
        // item 0 never loses: Ford's condition fails
        let wins = ndarray::arr2(&[[0.0, 3.0, 2.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]);
        let found = fit(wins.view()).unwrap();
        assert!(!found.exists && found.ridge.is_some() && found.converged);
        assert!(found.log_strength[0] > 5.0 && found.log_strength.iter().all(|r| r.is_finite()));
    }

    #[test]
    fn a_condorcet_winner_need_not_be_the_favourite() {
        // nash-algorithms G13: m_12 = m_13 = .05, m_23 = .45
        let p = ndarray::arr2(&[[0.0, 0.55, 0.55], [0.45, 0.0, 0.95], [0.45, 0.05, 0.0]]);
        for (a, b) in fit(p.view()).unwrap().log_strength.iter().zip([0.1491, 0.5915, -0.7406]) {
            approx::assert_abs_diff_eq!(*a, b, epsilon = 5e-5);
        }
    }
}
