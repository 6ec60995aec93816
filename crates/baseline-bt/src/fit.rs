//! The Bradley-Terry fit by Newton's method.
//!
//! ```text
//! maximise  l(r) = sum_ij w_ij log sigma(r_i - r_j)      mean r = 0,   w_ij: (weighted) wins of i over j
//! ```
//!
//! Bradley, Terry 1952; Ford 1957: a finite maximum exists iff the win graph (i -> j where w_ij > 0) is strongly
//! connected. Only where it is not, a ridge makes the answer finite, and the fit says so: the objective loses
//! `ridge / 2 sum_i N_i r_i^2`, `N_i` = all wins and losses of i. If P is not a Bradley-Terry matrix, the fit of
//! `w_ij = W_ij P_ij` depends on the design W; for a product design its order is that of the win rates against the
//! design (Borda order, if uniform).
//!
//! Solved are the stationarity conditions, each divided by its `N_i`:
//!
//! ```text
//! f_i = sum_j won_ij sigma(r_j - r_i) - lost_ij sigma(r_i - r_j) - ridge r_i = 0,   won_ij = w_ij / N_i,  lost_ij = w_ji / N_i
//! ```
//!
//! so that an action of weight 1e-300 is fitted as well as one of weight 1: nearly pure designs need that. The Jacobian
//! is a graph Laplacian with scaled rows; without a ridge it is grounded at the action that the others meet most. The
//! loss is generalised self-concordant in the differences, so the damped step `log(1 + d) / d`, d the spread of the
//! Newton direction in nats, always increases the likelihood and becomes the full step near the maximum (Sun, Tran-Dinh 2019,
//! arXiv:1703.04599): no line search. Cost: O(n^3) a step, usually 5 to 15 steps.

use equipoise_core::graph::strong_components;
use equipoise_core::logistic::{PairLikelihood, log_sigmoid};
use equipoise_core::newton::{self, Damped};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// The ridge where no maximum exists: it holds a one-sided pair at about twelve nats.
pub const RIDGE: f64 = 1e-6;
/// Spread of the Newton direction, in nats, at which a last full step is taken: its square is below rounding.
const LAST_STEP: f64 = 1e-9;
/// Newton steps at most; far from the maximum a step moves by about a nat.
const MAX_STEPS: usize = 1000;

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
    /// The ridge that had to be added, if any, relative to the comparisons of an action.
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
    /// A pair design of the wrong length.
    #[error("{got} design weights given for {actions} actions")]
    DesignLength {
        /// Actions.
        actions: usize,
        /// Weights given.
        got: usize,
    },
    /// A design weight that is zero, infinite or not a number.
    #[error("the logarithm of design weight {action} is {value}; it must be finite")]
    Design {
        /// Action, from 1.
        action: usize,
        /// The logarithm.
        value: f64,
    },
}

/// Fits log strengths to `wins`, `[n x n]`; the diagonal is not used.
///
/// # Errors
/// [`BtError`] if the table is not square, or holds a negative or non-finite number.
pub fn fit(wins: ArrayView2<'_, f64>) -> Result<BtFit, BtError> {
    let n = check(wins)?;
    let met = |i: usize| (0..n).filter(|&j| j != i).map(|j| wins[[i, j]] + wins[[j, i]]).sum::<f64>();
    let scale: Vec<f64> = (0..n).map(|i| reciprocal(met(i))).collect();
    let record = Record::new(wins, |i, _| scale[i]);
    Ok(record.fit(wins, |i, j| wins[[i, j]]))
}

/// The population fit with both sides of a pair drawn from one distribution d: `w_ij = d_i d_j P_ij` for `i != j`.
///
/// `p`, `[n x n]`, holds `Pr(row beats column)`; `log_design`, `[n]`, the logarithms of d up to a shift (all equal: the
/// uniform design). They may lie far below those of the smallest `f64`: a rare action gets its limit.
///
/// # Errors
/// [`BtError`] for a table as [`fit`] refuses it, or a design of another length or with a non-finite logarithm.
pub fn fit_product(p: ArrayView2<'_, f64>, log_design: ArrayView1<'_, f64>) -> Result<BtFit, BtError> {
    let n = check(p)?;
    if log_design.len() != n {
        return Err(BtError::DesignLength { actions: n, got: log_design.len() });
    }
    if let Some((i, &value)) = log_design.indexed_iter().find(|(_, l)| !l.is_finite()) {
        return Err(BtError::Design { action: i + 1, value });
    }
    // N_i / d_i = sum over j != i of d_j: shifted by its own largest term, it cannot underflow as a whole
    let rows: Vec<(f64, f64)> = (0..n)
        .map(|i| {
            let others = || (0..n).filter(|&j| j != i);
            let top = others().map(|j| log_design[j]).fold(f64::NEG_INFINITY, f64::max);
            let met = others().map(|j| (log_design[j] - top).exp() * (p[[i, j]] + p[[j, i]])).sum();
            (top, reciprocal(met))
        })
        .collect();
    let record = Record::new(p, |i, j| (log_design[j] - rows[i].0).exp() * rows[i].1);
    let top = log_design.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = top + log_design.iter().map(|l| (l - top).exp()).sum::<f64>().ln();
    Ok(record.fit(p, |i, j| p[[i, j]] * (log_design[i] + log_design[j] - 2.0 * log_sum).exp()))
}

/// `1 / x`, or 0 for an action without comparisons.
fn reciprocal(x: f64) -> f64 {
    if x > 0.0 { x.recip() } else { 0.0 }
}

fn check(wins: ArrayView2<'_, f64>) -> Result<usize, BtError> {
    let (rows, columns) = wins.dim();
    if rows != columns || rows == 0 {
        return Err(BtError::Shape { rows, columns });
    }
    match wins.indexed_iter().find(|((i, j), v)| i != j && !(**v >= 0.0 && v.is_finite())) {
        Some(((i, j), &value)) => Err(BtError::Entry { row: i + 1, column: j + 1, value }),
        None => Ok(rows),
    }
}

/// What each action won and lost against each other, as shares of its own comparisons, `[n x n]`: rows of `won + lost`
/// sum to 1, or to 0 for an action that never met another.
struct Record {
    won: Array2<f64>,
    lost: Array2<f64>,
}

impl Record {
    /// `won_ij = scale(i, j) wins_ij` and `lost_ij = scale(i, j) wins_ji`.
    fn new(wins: ArrayView2<'_, f64>, scale: impl Fn(usize, usize) -> f64) -> Self {
        let share = |i, j, wins: f64| if i == j { 0.0 } else { scale(i, j) * wins };
        Self {
            won: Array2::from_shape_fn(wins.dim(), |(i, j)| share(i, j, wins[[i, j]])),
            lost: Array2::from_shape_fn(wins.dim(), |(i, j)| share(i, j, wins[[j, i]])),
        }
    }

    /// `support` has the edges of the win graph, `weight(i, j)` the `w_ij` of the likelihood.
    fn fit(&self, support: ArrayView2<'_, f64>, weight: impl Fn(usize, usize) -> f64) -> BtFit {
        let n = support.nrows();
        let beaten_by = |i: usize| (0..n).filter(|&j| j != i && support[[i, j]] > 0.0).collect();
        let exists = strong_components(&(0..n).map(beaten_by).collect::<Vec<_>>()).len() == 1;
        let ridge = (!exists).then_some(RIDGE);
        let (r, iterations, converged) = self.newton(ridge);
        let log_likelihood = support
            .indexed_iter()
            .filter(|((i, j), w)| i != j && **w > 0.0)
            .map(|((i, j), _)| weight(i, j) * log_sigmoid(r[i] - r[j]))
            .sum();
        BtFit { log_strength: r, exists, converged, iterations, log_likelihood, ridge }
    }

    /// Strengths with mean 0, Newton steps done, and whether they met the tolerance.
    fn newton(&self, ridge: Option<f64>) -> (Array1<f64>, usize, bool) {
        let n = self.won.nrows();
        let met_by_others = |j: usize| self.won.column(j).sum() + self.lost.column(j).sum();
        let ground = (0..n).max_by(|&a, &b| met_by_others(a).total_cmp(&met_by_others(b)));
        let free: Vec<usize> = (0..n).filter(|&i| ridge.is_some() || Some(i) != ground).collect();
        let mut r = Array1::<f64>::zeros(n);
        let done = if free.is_empty() {
            Ok(0)
        } else {
            let mut equations =
                Stationarity { record: self, free, ridge: ridge.unwrap_or(0.0), last_spread: f64::INFINITY };
            newton::solve(&mut equations, &mut r, MAX_STEPS)
        };
        let mean = r.mean().expect("at least one action");
        (r - mean, done.unwrap_or_else(|failure| failure.steps()), done.is_ok())
    }
}

/// The stationarity conditions of a record, in the strengths of the free actions.
struct Stationarity<'a> {
    record: &'a Record,
    /// All actions, or all but the grounded one.
    free: Vec<usize>,
    ridge: f64,
    /// Spread of the Newton direction before, in nats.
    last_spread: f64,
}

impl newton::Problem for Stationarity<'_> {
    fn direction(&mut self, r: &Array1<f64>) -> Option<Array1<f64>> {
        let (Self { free, ridge, .. }, Record { won, lost }) = (&*self, self.record);
        let mut jacobian = Array2::zeros((free.len(), free.len()));
        let mut f = Array1::zeros(free.len());
        for (a, &i) in free.iter().enumerate() {
            let pair = |j: usize| PairLikelihood::at(r[i] - r[j], won[[i, j]], lost[[i, j]]);
            f[a] = (0..r.len()).map(|j| pair(j).slope()).sum::<f64>() - ridge * r[i];
            for (b, &j) in free.iter().enumerate() {
                jacobian[[a, b]] = -pair(j).curvature();
            }
            jacobian[[a, a]] = (0..r.len()).map(|j| pair(j).curvature()).sum::<f64>() + ridge;
        }
        let moved = newton::solve_dense(jacobian, f)?;
        let mut direction = Array1::zeros(r.len());
        free.iter().zip(moved).for_each(|(&i, d)| direction[i] = d);
        Some(direction)
    }

    fn damp(&mut self, _: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        let bound = |f: fn(f64, f64) -> f64| direction.iter().fold(0.0, |m, &d| f(m, d));
        let spread = bound(f64::max) - bound(f64::min);
        // below 1e-6 the spread squares itself at each step until only rounding is left
        let last = spread <= LAST_STEP || (spread < 1e-6 && spread >= self.last_spread);
        self.last_spread = spread;
        Some(Damped { length: if last { 1.0 } else { spread.ln_1p() / spread }, last })
    }
}
