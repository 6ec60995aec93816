//! The fit: strengths and tie parameter linear in features of the prompt.
//!
//! ```text
//! r_i(z) = sum_f z_f b_{f i},     x(z) = sum_f z_f c_f        z_0 = 1
//! T = e^x + 1.000001  (ba: 1.02),   of rk  eta = e^x
//! ```
//!
//! Features are centred and scaled by their comparisons ([`Scaled`]) and coefficients taken back, so that units do not matter; one that is
//! constant, or a combination of those before it, is left out and named. Maximum likelihood: L-BFGS to the neighbourhood of the maximum
//! (the heads with an origin are not concave), then Newton's method, whose last step shows that it is one: on separable data its steps go
//! on for ever, or the curvature vanishes. There, or on request, the logistic prior on all coefficients of the scaled features is added, and
//! said.
//!
//! Sums over contexts, and over pairs, are taken in chunks whose cut depends on the data alone. Cost: O((pairs + items) of all contexts x
//! (1 + f)) a gradient; a Hessian is `sum_k c_k z_k z_k'` of every pair, O(pairs of all contexts x (1 + f)^2); a Newton step is O((n (1 + f))^3).

use equipoise_core::lbfgs::minimise;
use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

use super::Head;
use super::scaling::{LeftOut, Scaled};
use crate::descent::Fall;
use crate::distributions::chi_squared_tail;
use crate::error::FitError;
use crate::jet::Jet;
use crate::newton::{Optimum, centred, newton};
use crate::registry::Watch;

/// Most coefficients: Hessians are dense, and several are held at a time.
pub const MOST_COEFFICIENTS: usize = 4_000;

/// A fit of strengths linear in features of the prompt.
#[derive(Clone, Debug)]
pub struct P2l {
    /// The head.
    pub head: Head,
    /// Coefficients, `[1 + features x n]`: base strengths first; each row has mean 0 where the head has no origin. 0 for features left out.
    pub coefficients: Array2<f64>,
    /// Their standard errors (Hessian), likewise.
    pub standard_error: Array2<f64>,
    /// Coefficients of the tie parameter's exponent x with their standard errors, `[1 + features]`; empty for heads without.
    pub tie: Vec<(f64, f64)>,
    /// Features that say nothing beside the others, ascending.
    pub left_out: Vec<LeftOut>,
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
        let of_row = n - usize::from(self.head.shift_invariant()) + usize::from(self.head.has_ties());
        (rows - self.left_out.len()) * of_row
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

    /// Whether a feature was left out, and why.
    #[must_use]
    pub fn why_left_out(&self, feature: usize) -> Option<&LeftOut> {
        self.left_out.iter().find(|l| l.feature == feature)
    }
}

/// Fits a head: `groups[k]` are the counts of context `k` (all over the same items), `features` is `[contexts x features]`, without the
/// constant. `prior` adds the logistic prior also where a maximum exists without it.
///
/// # Errors
/// [`FitError::Features`], [`FitError::TooManyCoefficients`], [`FitError::Nothing`], [`FitError::OnlyTies`] for a head that leaves them out,
/// and [`FitError::Singular`] never but by overflow.
pub fn fit_p2l(
    head: Head,
    groups: &[Comparisons],
    features: ArrayView2<'_, f64>,
    prior: bool,
) -> Result<P2l, FitError> {
    fit_p2l_watched(head, groups, features, prior, &|_| ())
}

/// [`fit_p2l`]; `watch` hears of the share that is done.
///
/// # Errors
/// As [`fit_p2l`].
pub fn fit_p2l_watched(
    head: Head,
    groups: &[Comparisons],
    features: ArrayView2<'_, f64>,
    prior: bool,
    watch: Watch<'_>,
) -> Result<P2l, FitError> {
    let n = groups.first().map_or(0, Comparisons::n);
    if features.nrows() != groups.len() {
        return Err(FitError::Features { rows: features.nrows(), items: groups.len() });
    }
    if groups.iter().all(|g| g.pairs.is_empty()) {
        return Err(FitError::Nothing);
    }
    let weights: Vec<f64> = groups.iter().map(|g| head_weight(head, g)).collect();
    if weights.iter().all(|w| *w == 0.0) {
        return Err(FitError::OnlyTies);
    }
    let scaled = Scaled::of(features, &weights);
    let problem = Problem::new(head, groups, scaled.values.view());
    if problem.length() > MOST_COEFFICIENTS {
        return Err(FitError::TooManyCoefficients {
            coefficients: problem.length(),
            most: MOST_COEFFICIENTS,
        });
    }
    let free = problem.maximise(false, watch);
    // all contexts are one to it
    let (pooled, base) = ([Comparisons::sum(groups.iter().map(|g| (g, 1.0)))], problem.rows() > 1);
    let none = Array2::zeros((1, 0));
    let single = Problem::new(head, &pooled, none.view());
    let marginal = if base { single.maximise(false, &|_| ()) } else { None };
    let exists = free.is_some() && (!base || marginal.is_some());
    let used_prior = prior || !exists;
    let optimum = match (used_prior, free) {
        (false, Some(free)) => free,
        _ => problem.maximise(true, watch).ok_or(FitError::Singular)?,
    };
    let log_likelihood = problem.log_likelihood(&optimum.point);
    let marginal_log_likelihood = match (base, used_prior, marginal) {
        (false, ..) => log_likelihood,
        (true, false, Some(found)) => single.log_likelihood(&found.point),
        _ => single.log_likelihood(&single.maximise(true, &|_| ()).ok_or(FitError::Singular)?.point),
    };
    let (rows, shift_invariant) = (problem.rows(), head.shift_invariant());
    // rows of strengths, and of x as a row of one
    let part = |size: usize, from: usize| {
        let point = Array2::from_shape_fn((rows, size), |(f, i)| optimum.point[from + f * size + i]);
        let covariance = |e: usize, f: usize| {
            let block = optimum
                .inverse
                .slice(s![from + e * size..from + (e + 1) * size, from + f * size..from + (f + 1) * size]);
            if shift_invariant && from == 0 { centred(&block.to_owned()) } else { block.to_owned() }
        };
        scaled.back(point, covariance)
    };
    let (mut coefficients, standard_error) = part(n, 0);
    for mut row in coefficients.rows_mut().into_iter().filter(|_| shift_invariant) {
        let mean = row.mean().expect("there are items");
        row -= mean;
    }
    let tie = if head.has_ties() {
        let (values, errors) = part(1, rows * n);
        values.into_iter().zip(errors).collect()
    } else {
        Vec::new()
    };
    let degrees = (rows - 1) * (n - usize::from(shift_invariant) + usize::from(head.has_ties()));
    Ok(P2l {
        head,
        standard_error,
        tie,
        left_out: scaled.left_out,
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

/// Weight of the outcomes that a head counts.
fn head_weight(head: Head, group: &Comparisons) -> f64 {
    let of = |count| head.weights(count).iter().sum::<f64>();
    group.pairs.iter().map(|p| of(&p.forward) + of(&p.backward)).sum()
}

/// Parts into which contexts are cut: sums are taken over each, then over them in their order.
const PARTS: usize = 16;
/// Pairs whose curvatures are held at a time.
const BATCH: usize = 256;
/// L-BFGS steps at most.
const MOST_STEPS: u32 = 2_000;
/// Where L-BFGS hands over to Newton's method: largest entry of the gradient for an average parameter's one comparison.
const TOLERANCE: f64 = 1e-7;

/// A pair in a context: the weights of its outcomes, either side listed first.
#[derive(Clone, Copy)]
struct Met {
    context: u32,
    i: u32,
    j: u32,
    weights: [f64; 4],
}

/// The likelihood of a head.
struct Problem {
    head: Head,
    /// Features with the constant, `[contexts x rows]`.
    features: Array2<f64>,
    /// By context.
    mets: Vec<Met>,
    /// Where contexts begin in them, and the last ends.
    starts: Vec<usize>,
    /// Items of each context, one after another, and where they begin.
    items: Vec<u32>,
    item_starts: Vec<usize>,
    /// The meetings of each pair, as indices; a list a pair.
    pairs: Vec<Vec<u32>>,
    n: usize,
    /// Of all outcomes that the head counts.
    weight: f64,
    /// Whether all items are linked by comparisons that it counts.
    linked: bool,
}

/// Value, gradient, and negative Hessian if it was asked for.
type Sums = (f64, Array1<f64>, Option<Array2<f64>>);

/// Slopes in a, b, x, and negative curvatures aa, ab, bb, ax, bx, xx.
type Slopes = (f64, [f64; 3], [f64; 6]);

impl Problem {
    fn new(head: Head, groups: &[Comparisons], features: ArrayView2<'_, f64>) -> Self {
        let n = groups.first().map_or(0, Comparisons::n);
        let (mut mets, mut starts) = (Vec::new(), vec![0]);
        let (mut items, mut item_starts) = (Vec::new(), vec![0]);
        let mut next = vec![Vec::new(); n];
        let mut of_pairs = std::collections::BTreeMap::<(u32, u32), Vec<u32>>::new();
        for (context, group) in groups.iter().enumerate() {
            let from = items.len();
            for pair in &group.pairs {
                let ([f0, f1, f2, f3], [b0, b1, b2, b3]) =
                    (head.weights(&pair.forward), head.weights(&pair.backward));
                let weights = [f0 + b1, f1 + b0, f2 + b2, f3 + b3];
                if weights.iter().sum::<f64>() <= 0.0 {
                    continue;
                }
                let (i, j) = (pair.i as u32, pair.j as u32);
                of_pairs.entry((i, j)).or_default().push(mets.len() as u32);
                mets.push(Met { context: context as u32, i, j, weights });
                items.extend([i, j]);
                next[pair.i].push(pair.j);
                next[pair.j].push(pair.i);
            }
            items[from..].sort_unstable();
            let mut kept = from;
            for k in from..items.len() {
                if k == from || items[k] != items[kept - 1] {
                    items[kept] = items[k];
                    kept += 1;
                }
            }
            items.truncate(kept);
            starts.push(mets.len());
            item_starts.push(items.len());
        }
        let weight = mets.iter().map(|met| met.weights.iter().sum::<f64>()).sum();
        for met in &mut next {
            met.sort_unstable();
            met.dedup();
        }
        let linked = equipoise_core::graph::strong_components(&next).len() == 1;
        let mut values = Array2::ones((features.nrows(), features.ncols() + 1));
        values.slice_mut(s![.., 1..]).assign(&features);
        let pairs = of_pairs.into_values().collect();
        Self { head, features: values, mets, starts, items, item_starts, pairs, n, weight, linked }
    }

    fn rows(&self) -> usize {
        self.features.ncols()
    }

    /// Number of parameters: `b` row by row, then `c`.
    fn length(&self) -> usize {
        self.rows() * (self.n + usize::from(self.head.has_ties()))
    }

    /// A maximum, or `None` if Newton's method ends at none.
    fn maximise(&self, prior: bool, watch: Watch<'_>) -> Option<Optimum> {
        if !prior && self.head.shift_invariant() && !self.linked {
            return None;
        }
        let mut point = vec![0.0; self.length()];
        let tolerance = TOLERANCE * (self.weight / self.length() as f64).max(1.0);
        let told = Fall::to(tolerance, watch).of(|x, g| {
            let (value, gradient, _) = self.sums(x, prior, false);
            g.iter_mut().zip(&gradient).for_each(|(g, x)| *g = -x);
            -value
        });
        minimise(&mut point, tolerance, MOST_STEPS, told);
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
        let (m, n, rows, contexts) = (self.length(), self.n, self.rows(), self.features.nrows());
        // coefficients of an item side by side; those of x last
        let places = n + usize::from(self.head.has_ties());
        let by_item =
            Array2::from_shape_fn(
                (places, rows),
                |(i, f)| {
                    if i < n { x[f * n + i] } else { x[rows * n + f] }
                },
            );
        let size = contexts.div_ceil(PARTS).max(1);
        let parts: Vec<(f64, Array2<f64>, Vec<[f64; 6]>)> = (0..contexts.div_ceil(size))
            .into_par_iter()
            .map(|part| {
                let mut sums = (0.0, Array2::zeros(by_item.raw_dim()), Vec::new());
                let mut work = Work::new(places);
                for context in part * size..contexts.min((part + 1) * size) {
                    self.add(&by_item, context, hessian, &mut work, &mut sums);
                }
                sums
            })
            .collect();
        let (mut value, mut slopes) = (0.0, Array2::zeros(by_item.raw_dim()));
        let mut curvatures = Vec::with_capacity(if hessian { self.mets.len() } else { 0 });
        for (v, g, c) in parts {
            value += v;
            slopes += &g;
            curvatures.extend(c);
        }
        let mut g = Array1::zeros(m);
        for ((i, f), slope) in slopes.indexed_iter() {
            g[if i < n { f * n + i } else { rows * n + f }] = *slope;
        }
        let mut all: Sums = (value, g, hessian.then(|| self.hessian(&curvatures)));
        for (k, &x) in x.iter().enumerate().filter(|_| prior) {
            let p = logistic(x);
            all.0 += log_sigmoid(x) + log_sigmoid(-x);
            all.1[k] += 1.0 - 2.0 * p;
            all.2.iter_mut().for_each(|h| h[[k, k]] += 2.0 * p * (1.0 - p));
        }
        all
    }

    /// One context: value and slopes, and of every meeting its curvatures.
    fn add(
        &self,
        by_item: &Array2<f64>,
        context: usize,
        hessian: bool,
        work: &mut Work,
        (value, slopes, curvatures): &mut (f64, Array2<f64>, Vec<[f64; 6]>),
    ) {
        let z = self.features.row(context);
        let ties = self.head.has_ties();
        let items = &self.items[self.item_starts[context]..self.item_starts[context + 1]];
        for &i in items {
            work.strength[i as usize] = by_item.row(i as usize).dot(&z);
            work.slope[i as usize] = 0.0;
        }
        let raw = if ties { by_item.row(self.n).dot(&z) } else { 0.0 };
        let mut of_x = 0.0;
        for met in &self.mets[self.starts[context]..self.starts[context + 1]] {
            let (i, j) = (met.i as usize, met.j as usize);
            let (v, [a, b, x], c) = self.pair(work.strength[i], work.strength[j], raw, &met.weights);
            *value += v;
            work.slope[i] += a;
            work.slope[j] += b;
            of_x += x;
            if hessian {
                curvatures.push(c);
            }
        }
        for &i in items {
            slopes.row_mut(i as usize).scaled_add(work.slope[i as usize], &z);
        }
        if ties {
            slopes.row_mut(self.n).scaled_add(of_x, &z);
        }
    }

    /// A meeting at strengths `a`, `b` and the exponent `x`.
    fn pair(&self, a: f64, b: f64, x: f64, weights: &[f64; 4]) -> Slopes {
        if !self.head.has_ties() {
            let pair = PairLikelihood::at(a - b, weights[0], weights[1]);
            let (slope, c) = (pair.slope(), pair.curvature());
            return (pair.value(), [slope, -slope, 0.0], [c, -c, c, 0.0, 0.0, 0.0]);
        }
        let (mut value, mut slope, mut curvature) = (0.0, [0.0; 3], [0.0; 6]);
        let x = Jet::variable(3, x);
        let eta = if self.head == Head::Rk { x.exp() } else { x };
        let logs = self.head.log_probs([Jet::variable(0, a), Jet::variable(1, b), eta]);
        for (weight, log) in weights.iter().zip(logs) {
            let Some(log) = log.filter(|_| *weight > 0.0) else { continue };
            value += weight * log.value;
            [0, 1, 3].into_iter().zip(&mut slope).for_each(|(s, slope)| *slope += weight * log.gradient[s]);
            for ((s, t), c) in
                [(0, 0), (0, 1), (1, 1), (0, 3), (1, 3), (3, 3)].into_iter().zip(&mut curvature)
            {
                *c -= weight * log.hessian[s][t];
            }
        }
        (value, slope, curvature)
    }

    /// The negative Hessian from the curvatures of all meetings: of every pair first `sum c z z'` over its contexts.
    fn hessian(&self, curvatures: &[[f64; 6]]) -> Array2<f64> {
        let (n, rows) = (self.n, self.rows());
        let mut h = Array2::<f64>::zeros((self.length(), self.length()));
        let kinds = if self.head.has_ties() { 6 } else { 1 };
        for batch in self.pairs.chunks(BATCH) {
            let blocks: Vec<Vec<f64>> =
                batch.par_iter().map(|met| self.blocks(met, curvatures, kinds)).collect();
            for (pair, blocks) in batch.iter().zip(blocks) {
                let met = &self.mets[pair[0] as usize];
                let at = |place: usize, f: usize| match place {
                    0 => f * n + met.i as usize,
                    1 => f * n + met.j as usize,
                    _ => rows * n + f,
                };
                // which of them each block belongs to, and with which sign
                let all: &[(usize, usize, usize, f64)] = if kinds == 1 {
                    &[(0, 0, 0, 1.0), (0, 1, 0, -1.0), (1, 1, 0, 1.0)]
                } else {
                    &[
                        (0, 0, 0, 1.0),
                        (0, 1, 1, 1.0),
                        (1, 1, 2, 1.0),
                        (0, 2, 3, 1.0),
                        (1, 2, 4, 1.0),
                        (2, 2, 5, 1.0),
                    ]
                };
                for &(p, q, kind, sign) in all {
                    let block = &blocks[kind * rows * rows..(kind + 1) * rows * rows];
                    for f in 0..rows {
                        for e in 0..rows {
                            let c = sign * block[f.max(e) * rows + f.min(e)];
                            h[[at(p, f), at(q, e)]] += c;
                            if p != q {
                                h[[at(q, e), at(p, f)]] += c;
                            }
                        }
                    }
                }
            }
        }
        h
    }

    /// `sum c z z'` over the meetings of a pair, for each kind of curvature; the lower triangle.
    fn blocks(&self, met: &[u32], curvatures: &[[f64; 6]], kinds: usize) -> Vec<f64> {
        let rows = self.rows();
        let mut blocks = vec![0.0; kinds * rows * rows];
        for &m in met {
            let z = self.features.row(self.mets[m as usize].context as usize);
            let z = z.to_slice().expect("rows are in order");
            for (kind, block) in blocks.chunks_exact_mut(rows * rows).enumerate() {
                let c = curvatures[m as usize][kind];
                for (f, row) in block.chunks_exact_mut(rows).enumerate() {
                    let scaled = c * z[f];
                    row[..=f].iter_mut().zip(z).for_each(|(h, z)| *h += scaled * z);
                }
            }
        }
        blocks
    }
}

/// Strengths of the items of a context, and the slopes of them.
struct Work {
    strength: Vec<f64>,
    slope: Vec<f64>,
}

impl Work {
    fn new(places: usize) -> Self {
        Self { strength: vec![0.0; places], slope: vec![0.0; places] }
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
