//! The fit: strengths and tie parameter linear in features of the prompt.
//!
//! ```text
//! r_i(z) = sum_f z_f b_{f i},     x(z) = sum_f z_f c_f        z_0 = 1
//! T = e^x + 1.000001  (ba: 1.02),   of rk  eta = e^x
//! ```
//!
//! Maximum likelihood: L-BFGS to the neighbourhood of the maximum (the heads with an origin are not concave), then Newton's method,
//! whose last step shows that it is one: on separable data its steps go on for ever, or the curvature vanishes. There, or on request,
//! the logistic prior on all coefficients is added, and said. Sums over contexts are taken in chunks whose cut depends on the data
//! alone. Cost: O(pairs of all contexts x (1 + f)) a gradient, x (1 + f)^2 a Hessian, and O((n (1 + f))^3) a Newton step.

use equipoise_core::lbfgs::minimise;
use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::Head;
use crate::distributions::chi_squared_tail;
use crate::error::{FitError, MAX_ITEMS};
use crate::jet::Jet;
use crate::newton::{Optimum, newton};

/// A fit of strengths linear in features of the prompt.
#[derive(Clone, Debug)]
pub struct P2l {
    /// The head.
    pub head: Head,
    /// Coefficients, `[1 + features x n]`: base strengths first; each row has mean 0 where the head has no origin.
    pub coefficients: Array2<f64>,
    /// Their standard errors (Hessian), likewise.
    pub standard_error: Array2<f64>,
    /// Coefficients of the tie parameter's exponent x with their standard errors, `[1 + features]`; empty for heads without.
    pub tie: Vec<(f64, f64)>,
    /// Log-likelihood, in nats, without the prior.
    pub log_likelihood: f64,
    /// What one board for all contexts reaches.
    pub marginal_log_likelihood: f64,
    /// Coefficients that the features add.
    pub degrees_of_freedom: f64,
    /// Whether a finite maximum was found without the prior, with and without features.
    pub exists: bool,
    /// Whether the logistic prior was used.
    pub prior: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
}

impl P2l {
    /// Strengths at features `z` (without the constant), `[n]`.
    ///
    /// # Panics
    /// If there are not as many as were fitted.
    #[must_use]
    pub fn strengths(&self, z: &[f64]) -> Array1<f64> {
        assert_eq!(z.len() + 1, self.coefficients.nrows(), "one number a feature");
        let mut r = self.coefficients.row(0).to_owned();
        z.iter().enumerate().for_each(|(f, z)| r.scaled_add(*z, &self.coefficients.row(f + 1)));
        r
    }

    /// Parameters that the data say something about.
    #[must_use]
    pub fn free_parameters(&self) -> usize {
        let (rows, n) = self.coefficients.dim();
        rows * (n - usize::from(self.head.shift_invariant())) + self.tie.len()
    }

    /// The tie parameter at features `z`, as [`Head::probs`] takes it; 0 for heads without.
    #[must_use]
    pub fn eta(&self, z: &[f64]) -> f64 {
        let x: f64 = self.tie.iter().zip(std::iter::once(&1.0).chain(z)).map(|(c, z)| c.0 * z).sum();
        if self.head == Head::Rk { x.exp() } else { x }
    }

    /// `Pr(X >= 2 (gain in log-likelihood))` of the chi-squared law: whether the features matter at all. `None` with the prior, where
    /// the law does not hold.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        let gain = 2.0 * (self.log_likelihood - self.marginal_log_likelihood);
        (!self.prior).then(|| chi_squared_tail(gain.max(0.0), self.degrees_of_freedom))
    }
}

/// Fits a head: `groups[k]` are the counts of context `k` (all over the same items), `features` is `[contexts x features]`, without the
/// constant. `prior` adds the logistic prior also where a maximum exists without it.
///
/// # Errors
/// [`FitError::Features`], [`FitError::TooMany`], [`FitError::Nothing`], [`FitError::OnlyTies`] for a head that leaves them out, and
/// [`FitError::Singular`] never but by overflow.
pub fn fit_p2l(
    head: Head,
    groups: &[Comparisons],
    features: ArrayView2<'_, f64>,
    prior: bool,
) -> Result<P2l, FitError> {
    let n = groups.first().map_or(0, Comparisons::n);
    let rows = features.ncols() + 1;
    if features.nrows() != groups.len() {
        return Err(FitError::Features { rows: features.nrows(), items: groups.len() });
    }
    let problem = Problem::new(head, groups, features);
    if problem.length() > MAX_ITEMS {
        return Err(FitError::TooMany { items: problem.length() });
    }
    if groups.iter().all(|g| g.pairs.is_empty()) {
        return Err(FitError::Nothing);
    }
    if problem.weight == 0.0 {
        return Err(FitError::OnlyTies);
    }
    let free = problem.maximise(false);
    let (none, base) = (Array2::zeros((groups.len(), 0)), features.ncols() > 0);
    let single = Problem::new(head, groups, none.view());
    let marginal = if base { single.maximise(false) } else { None };
    let exists = free.is_some() && (!base || marginal.is_some());
    let used_prior = prior || !exists;
    let optimum = match (used_prior, free) {
        (false, Some(free)) => free,
        _ => problem.maximise(true).ok_or(FitError::Singular)?,
    };
    let log_likelihood = problem.log_likelihood(&optimum.point);
    let marginal_log_likelihood = match (base, used_prior, marginal) {
        (false, ..) => log_likelihood,
        (true, false, Some(found)) => single.log_likelihood(&found.point),
        _ => single.log_likelihood(&single.maximise(true).ok_or(FitError::Singular)?.point),
    };
    let mut coefficients = Array2::from_shape_fn((rows, n), |(f, i)| optimum.point[f * n + i]);
    let centred = head.shift_invariant();
    for mut row in coefficients.rows_mut().into_iter().filter(|_| centred) {
        let mean = row.mean().expect("there are items");
        row -= mean;
    }
    let variance = |f: usize, i: usize| {
        let cov = |a: usize, b: usize| optimum.inverse[[f * n + a, f * n + b]];
        if !centred {
            return cov(i, i);
        }
        // of the deviation from the mean of its row
        let cross = (0..n).map(|j| cov(i, j)).sum::<f64>() / n as f64;
        let all = (0..n).map(|a| (0..n).map(|b| cov(a, b)).sum::<f64>()).sum::<f64>() / (n * n) as f64;
        cov(i, i) - 2.0 * cross + all
    };
    let error = |f: usize, i: usize| variance(f, i).max(0.0).sqrt();
    let tie = |f: usize| (optimum.point[rows * n + f], optimum.inverse[[rows * n + f; 2]].max(0.0).sqrt());
    let degrees = (rows - 1) * (n - usize::from(centred) + usize::from(head.has_ties()));
    Ok(P2l {
        head,
        standard_error: Array2::from_shape_fn((rows, n), |(f, i)| error(f, i)),
        tie: if head.has_ties() { (0..rows).map(tie).collect() } else { Vec::new() },
        log_likelihood,
        marginal_log_likelihood,
        degrees_of_freedom: degrees as f64,
        coefficients,
        exists,
        prior: used_prior,
        converged: optimum.converged,
        iterations: optimum.iterations,
    })
}

/// Parts into which contexts are cut: sums are taken over each, then over them in their order.
const PARTS: usize = 16;
/// Parameters above which Hessians are summed over two parts, to keep few of them at a time.
const FEW: usize = 300;
/// L-BFGS steps at most.
const MOST_STEPS: u32 = 2_000;
/// Where L-BFGS hands over to Newton's method: largest entry of the gradient for an average parameter's one comparison.
const TOLERANCE: f64 = 1e-7;

/// A pair in a context: its items, and the weights of its outcomes, either side listed first.
struct Met {
    i: usize,
    j: usize,
    weights: [f64; 4],
}

/// The likelihood of a head.
struct Problem<'a> {
    head: Head,
    features: ArrayView2<'a, f64>,
    contexts: Vec<Vec<Met>>,
    n: usize,
    /// Of all outcomes that the head counts.
    weight: f64,
    /// Whether all items are linked by comparisons that it counts.
    linked: bool,
}

/// Value, gradient, and negative Hessian if it was asked for.
type Sums = (f64, Array1<f64>, Option<Array2<f64>>);

impl<'a> Problem<'a> {
    fn new(head: Head, groups: &[Comparisons], features: ArrayView2<'a, f64>) -> Self {
        let n = groups.first().map_or(0, Comparisons::n);
        let counted = |g: &Comparisons| -> Vec<Met> {
            let pairs = g.pairs.iter().map(|pair| {
                let ([f0, f1, f2, f3], [b0, b1, b2, b3]) =
                    (head.weights(&pair.forward), head.weights(&pair.backward));
                Met { i: pair.i, j: pair.j, weights: [f0 + b1, f1 + b0, f2 + b2, f3 + b3] }
            });
            pairs.filter(|met| met.weights.iter().sum::<f64>() > 0.0).collect()
        };
        let contexts: Vec<Vec<Met>> = groups.iter().map(counted).collect();
        let weight = contexts.iter().flatten().map(|met| met.weights.iter().sum::<f64>()).sum();
        let mut next = vec![Vec::new(); n];
        for met in contexts.iter().flatten() {
            next[met.i].push(met.j);
            next[met.j].push(met.i);
        }
        let linked = equipoise_core::graph::strong_components(&next).len() == 1;
        Self { head, features, contexts, n, weight, linked }
    }

    fn rows(&self) -> usize {
        self.features.ncols() + 1
    }

    /// Number of parameters: `b` row by row, then `c`.
    fn length(&self) -> usize {
        self.rows() * (self.n + usize::from(self.head.has_ties()))
    }

    /// A maximum, or `None` if Newton's method ends at none.
    fn maximise(&self, prior: bool) -> Option<Optimum> {
        if !prior && self.head.shift_invariant() && !self.linked {
            return None;
        }
        let mut point = vec![0.0; self.length()];
        let tolerance = TOLERANCE * (self.weight / self.length() as f64).max(1.0);
        minimise(&mut point, tolerance, MOST_STEPS, |x, g| {
            let (value, gradient, _) = self.sums(x, prior, false);
            g.iter_mut().zip(&gradient).for_each(|(g, x)| *g = -x);
            -value
        });
        let n = self.n;
        let flat: Vec<Array1<f64>> = match !prior && self.head.shift_invariant() {
            false => Vec::new(),
            true => (0..self.rows())
                .map(|f| {
                    Array1::from_shape_fn(self.length(), |k| {
                        f64::from(u8::from(k < self.rows() * n && k / n == f))
                    })
                })
                .collect(),
        };
        let slice =
            |x: &Array1<f64>, hessian: bool| self.sums(x.as_slice().expect("in order"), prior, hessian);
        let derivatives = |x: &Array1<f64>| {
            let (value, g, h) = slice(x, true);
            (value, g, h.expect("asked for"))
        };
        newton(point.into(), &flat, |x| slice(x, false).0, derivatives).ok().filter(|found| found.converged)
    }

    fn log_likelihood(&self, x: &Array1<f64>) -> f64 {
        self.sums(x.as_slice().expect("in order"), false, false).0
    }

    /// Objective, gradient and negative Hessian.
    fn sums(&self, x: &[f64], prior: bool, hessian: bool) -> Sums {
        let m = self.length();
        let parts = if hessian && m > FEW { 2 } else { PARTS };
        let size = self.contexts.len().div_ceil(parts).max(1);
        let parts: Vec<Sums> = self
            .contexts
            .par_chunks(size)
            .enumerate()
            .map(|(part, contexts)| {
                let mut sums = (0.0, Array1::zeros(m), hessian.then(|| Array2::zeros((m, m))));
                for (k, context) in contexts.iter().enumerate() {
                    self.add(x, part * size + k, context, &mut sums);
                }
                sums
            })
            .collect();
        let mut all: Sums = (0.0, Array1::zeros(m), hessian.then(|| Array2::zeros((m, m))));
        for (value, g, h) in parts {
            all.0 += value;
            all.1 += &g;
            if let (Some(sum), Some(h)) = (&mut all.2, h) {
                *sum += &h;
            }
        }
        for (k, &x) in x.iter().enumerate().filter(|_| prior) {
            let p = logistic(x);
            all.0 += log_sigmoid(x) + log_sigmoid(-x);
            all.1[k] += 1.0 - 2.0 * p;
            all.2.iter_mut().for_each(|h| h[[k, k]] += 2.0 * p * (1.0 - p));
        }
        all
    }

    /// One context.
    fn add(&self, x: &[f64], context: usize, pairs: &[Met], (value, g, h): &mut Sums) {
        let (n, rows, head) = (self.n, self.rows(), self.head);
        let z: Vec<f64> = std::iter::once(1.0).chain(self.features.row(context).iter().copied()).collect();
        let dot = |at: &dyn Fn(usize) -> usize| z.iter().enumerate().map(|(f, z)| z * x[at(f)]).sum::<f64>();
        let raw = if head.has_ties() { dot(&|f| rows * n + f) } else { 0.0 };
        for &Met { i, j, weights } in pairs {
            let (a, b) = (dot(&|f| f * n + i), dot(&|f| f * n + j));
            // slopes and curvatures in a, b, x
            let mut slope = [0.0; 3];
            let mut curvature = [[0.0; 3]; 3];
            if head.has_ties() {
                let x = Jet::variable(3, raw);
                let eta = if head == Head::Rk { x.exp() } else { x };
                let logs = head.log_probs([Jet::variable(0, a), Jet::variable(1, b), eta]);
                for (weight, log) in weights.into_iter().zip(logs) {
                    let Some(log) = log.filter(|_| weight > 0.0) else { continue };
                    *value += weight * log.value;
                    for (p, s) in [0, 1, 3].into_iter().enumerate() {
                        slope[p] += weight * log.gradient[s];
                        for (q, t) in [0, 1, 3].into_iter().enumerate() {
                            curvature[p][q] -= weight * log.hessian[s][t];
                        }
                    }
                }
            } else {
                let pair = PairLikelihood::at(a - b, weights[0], weights[1]);
                *value += pair.value();
                slope = [pair.slope(), -pair.slope(), 0.0];
                let c = pair.curvature();
                curvature = [[c, -c, 0.0], [-c, c, 0.0], [0.0; 3]];
            }
            let place = |p: usize, f: usize| [f * n + i, f * n + j, rows * n + f][p];
            let kept = if head.has_ties() { 3 } else { 2 };
            for (f, zf) in z.iter().enumerate() {
                (0..kept).for_each(|p| g[place(p, f)] += zf * slope[p]);
                let Some(h) = h else { continue };
                for (e, ze) in z.iter().enumerate() {
                    for p in 0..kept {
                        for q in 0..kept {
                            h[[place(p, f), place(q, e)]] += zf * ze * curvature[p][q];
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::{sample, seed::stream};

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let mut rng = stream(3, "p2l derivatives", &[]);
        let mut uniform = || sample::uniform(&mut rng);
        let groups: Vec<Comparisons> = (0..5)
            .map(|_| {
                let mut table =
                    || Array2::from_shape_fn((4, 4), |(i, j)| if i < j { 1.0 + uniform() } else { 0.0 });
                let (wins, ties) = (table(), table());
                Comparisons::from_tables(&(&wins + &wins.t()), &(&ties + &ties.t()))
            })
            .collect();
        let features = Array2::from_shape_fn((5, 2), |(k, f)| ((k * 3 + f) as f64).sin());
        for head in [Head::Bt, Head::BtTie, Head::Rk, Head::RkReparam, Head::Grk, Head::Ba] {
            let problem = Problem::new(head, &groups, features.view());
            let x: Vec<f64> = (0..problem.length()).map(|k| 0.5 * ((k * k + 1) as f64).sin()).collect();
            for prior in [false, true] {
                let (_, g, h) = problem.sums(&x, prior, true);
                let h = h.unwrap();
                for k in 0..x.len() {
                    let moved = |s: f64| {
                        let mut x = x.clone();
                        x[k] += s;
                        problem.sums(&x, prior, false)
                    };
                    let (up, down) = (moved(1e-5), moved(-1e-5));
                    // of some 100 nats: rounding 1e-9, third derivatives 1e-9
                    assert!(((up.0 - down.0) / 2e-5 - g[k]).abs() < 1e-7, "{head:?} {k}");
                    for l in 0..x.len() {
                        assert!(((up.1[l] - down.1[l]) / 2e-5 + h[[k, l]]).abs() < 1e-7, "{head:?} {k} {l}");
                    }
                }
            }
        }
    }
}
