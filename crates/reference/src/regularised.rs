//! The equilibrium of the KL-regularised game (quantal response equilibrium), to rounding.
//!
//! ```text
//! pi* = BR_tau(pi*) = softmax(log mu + K pi* / tau)                      unique for mu > 0, tau > 0
//! F(theta) = theta - log mu - K p / tau,  p = softmax(theta)             zero modulo constants at log pi*
//! F' = I - K C(p) / tau,  C(p) = diag p - p p'                           eigenvalues 1 and 1 +- i w / tau
//! ```
//!
//! The Jacobian is never singular, so Newton's method with backtracking on `max|F|` is tried at `tau` itself, and if it
//! stalls the path in `tau` is followed down from `max(1, tau)`: predictor along the tangent in `1 / tau`, in which
//! logits off the support are linear, then Newton. The ratio of temperatures adapts to what succeeds. Columns of actions
//! whose probability is below [`NEGLIGIBLE`] are those of the identity, so the system is solved on the others.
//!
//! At the end the equilibrium is refined in double-double arithmetic (`K p` is needed to rounding *times* `tau`), so that its
//! log-probabilities are good to the last digits that `f64` holds.
//!
//! The certificate is `2 tau KL(pi || BR_tau(pi))` of the policy as stored. Its probabilities are known to rounding,
//! logits of its best response to rounding over `tau`: the smallest gap that floating point can show is about
//! `1e-32 / tau`.
//!
//! Ends of the path: `mu` as `tau` grows, and as `tau -> 0` the maximal lottery that minimises `KL(pi || mu)`
//! ([`crate::Selection::RegularisedLimit`]).
//!
//! Cost: one LU of `n x n`, or of the actions with noticeable probability, a Newton step: about ten of them for
//! `tau >= 0.01`, fifty to a few hundred for `tau = 1e-6`. With more than [`DIRECT`] noticeable actions the system is solved
//! matrix-free (module `krylov`), by products alone, as long as the temperature is warm enough for them to be cheaper than
//! an LU.

use equipoise_core::simplex::{kl_to_best_response, log_softmax};
use equipoise_core::{Policy, Shape, vector};
use equipoise_env::PreferenceMatrix;
use ndarray::Array1;

use crate::dense::Lu;
use crate::doubled::{Double, margins_in_parts};
use crate::error::ReferenceError;
use crate::krylov;
use crate::margins::{Margins, largest_margin};

/// Newton steps spent at one temperature before the path is refined.
const STEPS_PER_STAGE: usize = 15;
/// `max|F|` in nats at which a stage on the way is good enough.
const STAGE: f64 = 1e-4;
/// Steps of the refinement in double-double arithmetic.
const REFINE: usize = 12;
/// Probability below which an action's column of the Jacobian is one of the identity: logits would have to be wrong by
/// 1e12 nats for it to matter.
const NEGLIGIBLE: f64 = 1e-22;
/// Noticeable actions up to which an LU is the faster way.
const DIRECT: usize = 2_000;
/// Products with `K` that cost an LU: a product is bound by memory, so it is worth more than its operations (measured).
const PRODUCTS_A_ROW: f64 = 0.05;
/// Consecutive temperatures closer than this ratio mean that the path is lost.
const LOST: f64 = 0.999;

/// A regularised equilibrium with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct RegularisedEquilibrium {
    /// The equilibrium; one context.
    pub policy: Policy,
    /// `2 tau KL(pi || BR_tau(pi))`, at rounding.
    pub duality_gap_tau: f64,
    /// `KL(policy || equilibrium)` is at most that, to first order: what the rounding to `f64` took from the solution in
    /// double-double arithmetic, and what that one's own residual leaves open. Below 1e-28 where the gap, which multiplies
    /// the rounding of margins by `1 / tau`, cannot show it.
    pub kl_to_equilibrium: f64,
    /// Newton steps: Jacobians taken.
    pub newton_steps: usize,
}

/// The equilibrium of `matrix` regularised towards `reference` (one context) with temperature `tau`.
///
/// # Errors
/// [`ReferenceError::Tau`], [`ReferenceError::Shape`] or [`ReferenceError::Support`] for bad input;
/// [`ReferenceError::Newton`], with the gap reached, if rounding was not reached; [`ReferenceError::Range`] if margins over `tau`
/// are beyond what `f64` holds.
pub fn regularised_equilibrium(
    matrix: &PreferenceMatrix,
    reference: &Policy,
    tau: f64,
) -> Result<RegularisedEquilibrium, ReferenceError> {
    Ok(regularised_path(matrix, reference, &[tau])?.swap_remove(0))
}

/// The equilibria of `matrix` regularised towards `reference` (one context) with each of the temperatures, in their
/// order. Each is solved from its neighbour at the next larger temperature.
///
/// # Errors
/// As [`regularised_equilibrium`].
pub fn regularised_path(
    matrix: &PreferenceMatrix,
    reference: &Policy,
    taus: &[f64],
) -> Result<Vec<RegularisedEquilibrium>, ReferenceError> {
    let n = matrix.n();
    if let Some(&tau) = taus.iter().find(|tau| !(**tau > 0.0 && tau.is_finite())) {
        return Err(ReferenceError::Tau { tau });
    }
    if reference.shape().contexts() != 1 || reference.shape().len() != n {
        return Err(ReferenceError::Shape { expected: n, got: reference.shape().len() });
    }
    let shape = Shape::single(n).expect("a matrix has an action");
    let mut order: Vec<usize> = (0..taus.len()).collect();
    order.sort_by(|&a, &b| taus[b].total_cmp(&taus[a]));
    let mut newton = Newton::new(matrix, reference.log_probs_slice())?;
    let mut path: Vec<Option<RegularisedEquilibrium>> = vec![None; taus.len()];
    for place in order {
        let solved = newton.solve(taus[place])?;
        let policy =
            Policy::from_logits(&shape, Array1::from(solved.logits)).expect("Newton keeps finite logits");
        path[place] = Some(RegularisedEquilibrium {
            policy,
            duality_gap_tau: solved.duality_gap_tau,
            kl_to_equilibrium: solved.kl_to_equilibrium,
            newton_steps: solved.newton_steps,
        });
    }
    Ok(path.into_iter().map(|e| e.expect("every place was visited")).collect())
}

/// A solved context: normalised log-probabilities and the certificate.
pub(crate) struct Solved {
    pub(crate) logits: Vec<f64>,
    pub(crate) duality_gap_tau: f64,
    pub(crate) kl_to_equilibrium: f64,
    pub(crate) newton_steps: usize,
}

/// One context; `log_mu` is normalised and `tau` is valid.
pub(crate) fn solve(matrix: &PreferenceMatrix, log_mu: &[f64], tau: f64) -> Result<Solved, ReferenceError> {
    Newton::new(matrix, log_mu)?.solve(tau)
}

struct Newton<'a> {
    matrix: &'a PreferenceMatrix,
    /// The margins as a whole matrix, once an LU is made.
    k: Option<Margins>,
    log_mu: &'a [f64],
    /// The present point, normalised, with its margins `K p` and residual `F` (of `p`-mean zero).
    log_probs: Vec<f64>,
    probs: Vec<f64>,
    margins: Vec<f64>,
    residual: Vec<f64>,
    /// The last temperature solved and the tangent there, from which the path goes on.
    reached: Option<(f64, Vec<f64>)>,
    steps: usize,
}

/// `I - K C(p) / tau` at one point.
struct Jacobian {
    /// Actions with noticeable probability.
    active: Vec<usize>,
    /// Factors over them; `None` until products did not suffice.
    lu: Option<Lu<f64>>,
    probs: Vec<f64>,
    margins: Vec<f64>,
    tau: f64,
}

impl<'a> Newton<'a> {
    /// Starts at the reference, the solution for infinite `tau`.
    fn new(matrix: &'a PreferenceMatrix, log_mu: &'a [f64]) -> Result<Self, ReferenceError> {
        if let Some(action) = log_mu.iter().position(|l| !l.is_finite()) {
            return Err(ReferenceError::Support { action });
        }
        let n = log_mu.len();
        let mut newton = Self {
            matrix,
            k: None,
            log_mu,
            log_probs: vec![0.0; n],
            probs: vec![0.0; n],
            margins: vec![0.0; n],
            residual: vec![0.0; n],
            reached: None,
            steps: 0,
        };
        newton.accept(log_mu.to_vec(), f64::INFINITY);
        Ok(newton)
    }

    /// The equilibrium at `tau`, which must not be above the one solved before.
    fn solve(&mut self, tau: f64) -> Result<Solved, ReferenceError> {
        let before = self.steps;
        if let [first, second] = *self.log_mu {
            // K p = (m p_2, -m p_1): the log-odds do not depend on p
            self.accept(vec![first - second + self.matrix.margin(0, 1) / tau, 0.0], tau);
        } else if self.log_mu.len() > 2 {
            self.follow(tau)?;
        }
        let kl_to_equilibrium = if self.log_mu.len() > 1 { self.refine(tau) } else { 0.0 };
        let (duality_gap_tau, tolerance) = (self.gap(tau), self.tolerance(tau));
        if !self.log_probs.iter().all(|l| l.is_finite()) || duality_gap_tau.is_nan() {
            return Err(ReferenceError::Range { tau });
        }
        if duality_gap_tau > tolerance {
            return Err(self.failure(tau, tau, tolerance));
        }
        let newton_steps = self.steps - before;
        Ok(Solved { logits: self.log_probs.clone(), duality_gap_tau, kl_to_equilibrium, newton_steps })
    }

    /// Moves to `logits` and returns `max|F|` at `tau`; infinite if the logits have no finite normaliser.
    fn accept(&mut self, logits: Vec<f64>, tau: f64) -> f64 {
        self.log_probs = logits;
        if log_softmax(&mut self.log_probs, &mut self.probs).is_err() {
            return f64::INFINITY;
        }
        self.matrix.product(&self.probs, &mut self.margins);
        let mut mean = 0.0;
        for i in 0..self.probs.len() {
            self.residual[i] = self.log_probs[i] - self.log_mu[i] - self.margins[i] / tau;
            mean += self.probs[i] * self.residual[i];
        }
        self.residual.iter_mut().for_each(|f| *f -= mean);
        self.residual.iter().fold(0.0, |m, f| m.max(f.abs()))
    }

    fn jacobian(&mut self, tau: f64) -> Jacobian {
        self.steps += 1;
        let active: Vec<usize> = (0..self.probs.len()).filter(|&i| self.probs[i] > NEGLIGIBLE).collect();
        let direct = active.len() <= DIRECT;
        let mut jacobian =
            Jacobian { active, lu: None, probs: self.probs.clone(), margins: self.margins.clone(), tau };
        if direct {
            self.factor(&mut jacobian);
        }
        jacobian
    }

    fn factor(&mut self, jacobian: &mut Jacobian) {
        let k = &*self.k.get_or_insert_with(|| Margins::plain(self.matrix));
        let Jacobian { active, probs, margins, tau, lu } = jacobian;
        let entry = |i: usize, j: usize| {
            let (i, j) = (active[i], active[j]);
            // K_ij as -K_ji: the entries of a column lie side by side
            f64::from(u8::from(i == j)) + (k.at(j, i) + margins[i]) * probs[j] / *tau
        };
        *lu = Some(Lu::new(active.len(), entry));
    }

    /// `F'^-1 rhs` at the point where the Jacobian was taken.
    fn apply_inverse(&mut self, jacobian: &mut Jacobian, rhs: &[f64]) -> Vec<f64> {
        if jacobian.lu.is_none() {
            let most = (PRODUCTS_A_ROW * jacobian.active.len() as f64) as usize;
            if let Some(v) = krylov::solve(self.matrix, &jacobian.probs, jacobian.tau, rhs, most) {
                return v;
            }
            self.factor(jacobian);
        }
        let lu = jacobian.lu.as_ref().expect("factored above");
        let active = &jacobian.active;
        let mut solution: Vec<f64> = active.iter().map(|&i| rhs[i]).collect();
        lu.solve(&mut solution);
        let mut v = rhs.to_vec();
        if active.len() < v.len() {
            // the rows of the others: v = rhs + K C v / tau
            let mut weighted = vec![0.0; v.len()];
            let mut mean = 0.0;
            for (&j, solved) in active.iter().zip(&solution) {
                weighted[j] = jacobian.probs[j] * solved;
                mean += weighted[j];
            }
            let mut product = vec![0.0; v.len()];
            self.matrix.product(&weighted, &mut product);
            for i in 0..v.len() {
                v[i] += (product[i] - jacobian.margins[i] * mean) / jacobian.tau;
            }
        }
        active.iter().zip(&solution).for_each(|(&j, solved)| v[j] = *solved);
        v
    }

    /// From wherever it stands to the solution at `tau`, along the path in `tau` if need be.
    fn follow(&mut self, tau: f64) -> Result<(), ReferenceError> {
        let (mut at, mut tangent) = match self.reached.take() {
            Some(reached) => reached,
            None => {
                if let Some(tangent) = self.converge(tau) {
                    self.reached = Some((tau, tangent));
                    return Ok(());
                }
                let at = tau.max(1.0);
                self.accept(self.log_mu.to_vec(), at);
                let Some(tangent) = self.converge(at) else {
                    return Err(self.failure(tau, at, self.tolerance(tau)));
                };
                (at, tangent)
            }
        };
        let mut ratio: f64 = 0.5;
        while at > tau {
            let (good, next) = (self.log_probs.clone(), tau.max(ratio * at));
            let stretch = 1.0 / next - 1.0 / at;
            self.accept(good.iter().zip(&tangent).map(|(l, t)| l + stretch * t).collect(), next);
            if let Some(found) = self.converge(next) {
                (at, tangent) = (next, found);
                ratio = (ratio * ratio).max(0.1);
            } else {
                ratio = ratio.sqrt();
                self.accept(good, at);
                if ratio > LOST {
                    return Err(self.failure(tau, at, self.tolerance(tau)));
                }
            }
        }
        self.reached = Some((at, tangent));
        Ok(())
    }

    /// Newton with backtracking until `max|F| <= STAGE`; gives the tangent `d theta / d (1 / tau)` there.
    fn converge(&mut self, tau: f64) -> Option<Vec<f64>> {
        let mut merit = self.accept(self.log_probs.clone(), tau);
        for _ in 0..STEPS_PER_STAGE {
            let mut jacobian = self.jacobian(tau);
            if merit <= STAGE {
                // F' d theta + d(1 / tau) (-K p) = 0
                let margins = self.margins.clone();
                return Some(self.apply_inverse(&mut jacobian, &margins));
            }
            let (start, residual) = (self.log_probs.clone(), self.residual.clone());
            let step = self.apply_inverse(&mut jacobian, &residual);
            let mut length = 1.0;
            loop {
                let trial = start.iter().zip(&step).map(|(l, d)| l - length * d).collect();
                let found = self.accept(trial, tau);
                if found <= (1.0 - 1e-4 * length) * merit {
                    merit = found;
                    break;
                }
                length *= 0.5;
                if length < 1e-8 {
                    return None;
                }
            }
        }
        None
    }

    /// Newton steps with residuals in double-double arithmetic and one Jacobian, as long as they shrink the residual. How far
    /// the rounded solution is from the equilibrium in KL, at most.
    ///
    /// To second order `KL = 1/2 |y|^2` for `y = D^1/2` times the error of the logits, of `p`-mean zero. Newton's system for
    /// `y` is identity minus skew (module `krylov`), so `|y| <= |D^1/2 F|`.
    fn refine(&mut self, tau: f64) -> f64 {
        let n = self.probs.len();
        let mut jacobian = self.jacobian(tau);
        let mut theta: Vec<Double> = self.log_probs.iter().map(|&l| Double::from(l)).collect();
        let mut best = (f64::INFINITY, f64::INFINITY, theta.clone());
        for step in 0..REFINE {
            let residual = self.doubled_residual(&mut theta, tau);
            // what an action is played with decides how much its residual counts, down to the digits of its logarithm
            let size = (0..n).map(|i| residual[i].abs() / (1.0 + theta[i].high.abs())).fold(0.0, f64::max);
            if size.is_nan() || size >= best.0 {
                break;
            }
            let slow = size > 1e-3 * best.0;
            best = (size, weighted_norm(&theta, &residual), theta.clone());
            if size < 1e-24 {
                break;
            }
            if slow && step > 0 {
                self.accept(theta.iter().map(|t| t.high).collect(), tau);
                jacobian = self.jacobian(tau);
            }
            let correction = self.apply_inverse(&mut jacobian, &residual);
            theta.iter_mut().zip(&correction).for_each(|(t, c)| *t = *t - Double::from(*c));
        }
        let (_, open, theta) = best;
        self.accept(theta.iter().map(|t| t.high).collect(), tau);
        let lost: Vec<f64> =
            theta.iter().zip(&self.log_probs).map(|(t, l)| (*t - Double::from(*l)).high).collect();
        0.5 * (open + weighted_norm(&theta, &lost)).powi(2)
    }

    /// `F` at `theta`, which is normalised on the way, of `p`-mean zero.
    fn doubled_residual(&self, theta: &mut [Double], tau: f64) -> Vec<f64> {
        let p = doubled_softmax(theta);
        let high: Vec<f64> = p.iter().map(|p| p.high).collect();
        let (margins, mut low) = margins_in_parts(self.matrix, &high);
        let mut rest = vec![0.0; p.len()];
        self.matrix.product(&p.iter().map(|p| p.low).collect::<Vec<_>>(), &mut rest);
        low.iter_mut().zip(&rest).for_each(|(l, r)| *l += r);
        vector::dispatch(
            #[inline(always)]
            || {
                let per_tau = Double::from(tau).recip();
                let (mut residual, mut mean) = (vec![Double::ZERO; p.len()], Double::ZERO);
                for i in 0..p.len() {
                    let margin = Double::from(margins[i]) + Double::from(low[i]);
                    residual[i] = theta[i] - Double::from(self.log_mu[i]) - margin * per_tau;
                    mean = mean + residual[i] * p[i];
                }
                let mut high = vec![0.0; p.len()];
                for i in 0..p.len() {
                    high[i] = (residual[i] - mean).high;
                }
                high
            },
        )
    }

    fn gap(&self, tau: f64) -> f64 {
        2.0 * tau * kl_to_best_response(&self.probs, &self.log_probs, &self.margins, self.log_mu, tau)
    }

    /// The gap that rounding explains: logits are sums of `log mu` and a margin over `tau`, each rounded.
    fn tolerance(&self, tau: f64) -> f64 {
        let reference = self.log_mu.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
        let nats = 4.0 * f64::EPSILON * (1.0 + reference + largest_margin(self.matrix) / tau);
        2.0 * tau * nats * nats
    }

    fn failure(&self, tau: f64, reached: f64, tolerance: f64) -> ReferenceError {
        let (duality_gap_tau, newton_steps) = (self.gap(tau), self.steps);
        if !duality_gap_tau.is_finite() || !tolerance.is_finite() {
            return ReferenceError::Range { tau };
        }
        ReferenceError::Newton { tau, reached, duality_gap_tau, tolerance, newton_steps }
    }
}

/// Normalises `theta`; its exponentials.
fn doubled_softmax(theta: &mut [Double]) -> Vec<Double> {
    vector::dispatch(
        #[inline(always)]
        || {
            let (mut p, mut sum) = (vec![Double::ZERO; theta.len()], Double::ZERO);
            for i in 0..p.len() {
                p[i] = theta[i].exp();
                sum = sum + p[i];
            }
            let (log_sum, share) = (sum.ln(), sum.recip());
            for i in 0..p.len() {
                theta[i] = theta[i] - log_sum;
                p[i] = p[i] * share;
            }
            p
        },
    )
}

/// `|D^1/2 v|` for `p = exp(theta)`.
fn weighted_norm(theta: &[Double], v: &[f64]) -> f64 {
    theta.iter().zip(v).map(|(t, v)| t.high.exp() * v * v).sum::<f64>().sqrt()
}
