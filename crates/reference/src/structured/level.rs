//! The policy nearest to a reference among those with `U'q = 0`, in moments.
//!
//! ```text
//! min KL(q || mu)  subject to  U'q = 0, 1'q = 1        q_i ~ mu_i exp(<u_i, l>),  l minimises  f(l) = log sum_i mu_i exp(<u_i, l>)
//! ```
//!
//! `f` is convex, its gradient is `U'q` and its Hessian the covariance of the rows under `q`: Newton's method with a line search
//! in as many variables as the rank. It has a minimiser if and only if some policy with `U'q = 0` plays every action; else it
//! falls without end, which shows by exponents that leave the range of probabilities.
//!
//! Cost: `O(m r^2)` a step for `m` actions.

use faer::Mat;
use rayon::prelude::*;

use super::cross::Factor;
use crate::dense::Lu;

/// Rows summed one after another: sums do not depend on the threads.
const CHUNK: usize = 1 << 12;
/// Steps; some ten are needed.
const STEPS: usize = 100;
/// Exponents beyond which a probability is none.
const FAR: f64 = 300.0;

/// `q`, `[m]`, positive; `None` if there is none.
pub(super) fn projection(factor: &Factor, log_mu: &[f64]) -> Option<Vec<f64>> {
    let r = factor.rank;
    let mut at = vec![0.0; r];
    let mut here = State::new(factor, log_mu, &at);
    for _ in 0..STEPS {
        let (gradient, covariance) = here.moments(factor);
        let lu = Lu::new(r, |i, j| covariance[(i, j)] - gradient[i] * gradient[j]);
        let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
        lu.solve(&mut step);
        let slope: f64 = step.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        if !slope.is_finite() || slope > 0.0 {
            return None;
        }
        let mut length = 1.0;
        let next = loop {
            let trial: Vec<f64> = at.iter().zip(&step).map(|(a, s)| a + length * s).collect();
            let there = State::new(factor, log_mu, &trial);
            // below rounding of the value the step is as long as Newton's
            if there.value
                <= here.value + 1e-4 * length * slope + 4.0 * f64::EPSILON * (1.0 + here.value.abs())
            {
                break Some((trial, there));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        let Some((trial, there)) = next else { break };
        (at, here) = (trial, there);
        if here.far {
            return None;
        }
        if -slope < 1e-28 {
            break;
        }
    }
    let total: f64 = here.weights.iter().sum();
    let q: Vec<f64> = here.weights.iter().map(|w| w / total).collect();
    q.iter().all(|q| *q > 0.0).then_some(q)
}

struct State {
    /// `mu_i exp(<u_i, l>)`, the largest 1.
    weights: Vec<f64>,
    value: f64,
    far: bool,
}

impl State {
    fn new(factor: &Factor, log_mu: &[f64], at: &[f64]) -> Self {
        let r = factor.rank;
        let exponents: Vec<f64> = factor
            .rows
            .par_chunks(r)
            .zip(log_mu)
            .map(|(row, mu)| mu + row.iter().zip(at).map(|(u, l)| u * l).sum::<f64>())
            .collect();
        let top = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = exponents.par_iter().map(|e| (e - top).exp()).collect();
        let sums: Vec<f64> = weights.par_chunks(CHUNK).map(|part| part.iter().sum()).collect();
        let far = at.iter().any(|l| !l.is_finite()) || exponents.iter().any(|e| (e - top).abs() > FAR);
        Self { value: top + sums.iter().sum::<f64>().ln(), weights, far }
    }

    /// `U'q` and `U' diag(q) U`.
    fn moments(&self, factor: &Factor) -> (Vec<f64>, Mat<f64>) {
        let r = factor.rank;
        let parts: Vec<(f64, Vec<f64>, Vec<f64>)> = factor
            .rows
            .par_chunks(CHUNK * r)
            .zip(self.weights.par_chunks(CHUNK))
            .map(|(rows, weights)| {
                let (mut total, mut first, mut second) = (0.0, vec![0.0; r], vec![0.0; r * r]);
                for (row, &w) in rows.chunks_exact(r).zip(weights) {
                    total += w;
                    for (i, &u) in row.iter().enumerate() {
                        let weighted = w * u;
                        first[i] += weighted;
                        second[i * r..i * r + i + 1]
                            .iter_mut()
                            .zip(row)
                            .for_each(|(s, u)| *s += weighted * u);
                    }
                }
                (total, first, second)
            })
            .collect();
        let (mut total, mut first, mut second) = (0.0, vec![0.0; r], vec![0.0; r * r]);
        for (w, f, s) in &parts {
            total += w;
            first.iter_mut().zip(f).for_each(|(a, b)| *a += b);
            second.iter_mut().zip(s).for_each(|(a, b)| *a += b);
        }
        let covariance = Mat::from_fn(r, r, |i, j| second[i.max(j) * r + i.min(j)] / total);
        (first.iter().map(|f| f / total).collect(), covariance)
    }
}
