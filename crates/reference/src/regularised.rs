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
//! logits off the support are linear, then Newton. The ratio of temperatures adapts to what succeeds.
//!
//! The certificate is `2 tau KL(pi || BR_tau(pi))`. Margins are known to rounding, logits to rounding over `tau`: the
//! smallest gap that floating point can show is about `1e-32 / tau`.
//!
//! Cost: one LU of `n x n` a Newton step: about ten of them for `tau >= 0.01`, fifty to a few hundred for
//! `tau = 1e-6`.

use equipoise_core::simplex::{kl_to_best_response, log_softmax};
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use faer::Mat;
use faer::linalg::solvers::{PartialPivLu, Solve};
use ndarray::Array1;

use crate::error::ReferenceError;
use crate::margins::{Margins, largest_margin};

/// Newton steps spent at one temperature before the path is refined.
const STEPS_PER_STAGE: usize = 15;
/// `max|F|` in nats at which a stage on the way is good enough.
const STAGE: f64 = 1e-4;
/// Newton steps after convergence, kept only while the gap falls.
const POLISH: usize = 6;
/// Consecutive temperatures closer than this ratio mean that the path is lost.
const LOST: f64 = 0.999;

/// A regularised equilibrium with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct RegularisedEquilibrium {
    /// The equilibrium; one context.
    pub policy: Policy,
    /// `2 tau KL(pi || BR_tau(pi))`, at rounding.
    pub duality_gap_tau: f64,
    /// Jacobians factored.
    pub newton_steps: usize,
}

/// The equilibrium of `matrix` regularised towards `reference` (one context) with temperature `tau`.
///
/// # Errors
/// [`ReferenceError::Tau`], [`ReferenceError::Shape`] or [`ReferenceError::Support`] for bad input;
/// [`ReferenceError::Newton`], with the gap reached, if rounding was not reached.
pub fn regularised_equilibrium(
    matrix: &PreferenceMatrix,
    reference: &Policy,
    tau: f64,
) -> Result<RegularisedEquilibrium, ReferenceError> {
    let n = matrix.n();
    if !(tau > 0.0 && tau.is_finite()) {
        return Err(ReferenceError::Tau { tau });
    }
    if reference.shape().contexts() != 1 || reference.shape().len() != n {
        return Err(ReferenceError::Shape { expected: n, got: reference.shape().len() });
    }
    let shape = Shape::single(n).expect("a matrix has an action");
    let solved = solve(matrix, reference.log_probs_slice(), tau)?;
    let policy =
        Policy::from_logits(&shape, Array1::from(solved.logits)).expect("Newton keeps finite logits");
    Ok(RegularisedEquilibrium {
        policy,
        duality_gap_tau: solved.duality_gap_tau,
        newton_steps: solved.newton_steps,
    })
}

/// A solved context: normalised log-probabilities and the certificate.
pub(crate) struct Solved {
    pub(crate) logits: Vec<f64>,
    pub(crate) duality_gap_tau: f64,
    pub(crate) newton_steps: usize,
}

/// One context; `log_mu` is normalised and `tau` is valid.
pub(crate) fn solve(matrix: &PreferenceMatrix, log_mu: &[f64], tau: f64) -> Result<Solved, ReferenceError> {
    if let Some(action) = log_mu.iter().position(|l| !l.is_finite()) {
        return Err(ReferenceError::Support { action });
    }
    let mut newton = Newton::new(matrix, log_mu);
    if let [first, second] = *log_mu {
        // K p = (m p_2, -m p_1): the log-odds do not depend on p
        newton.accept(vec![first - second + matrix.margin(0, 1) / tau, 0.0], tau);
    } else if log_mu.len() > 2 {
        newton.follow(tau)?;
        newton.polish(tau);
    }
    let duality_gap_tau = newton.gap(tau);
    let tolerance = newton.tolerance(tau);
    if duality_gap_tau > tolerance {
        return Err(newton.failure(tau, tau, tolerance));
    }
    Ok(Solved { logits: newton.log_probs, duality_gap_tau, newton_steps: newton.steps })
}

struct Newton<'a> {
    matrix: &'a PreferenceMatrix,
    k: Margins,
    log_mu: &'a [f64],
    /// The present point, normalised, with its margins `K p` and residual `F` (of `p`-mean zero).
    log_probs: Vec<f64>,
    probs: Vec<f64>,
    margins: Vec<f64>,
    residual: Vec<f64>,
    steps: usize,
}

impl<'a> Newton<'a> {
    /// Starts at the reference, the solution for infinite `tau`.
    fn new(matrix: &'a PreferenceMatrix, log_mu: &'a [f64]) -> Self {
        let n = log_mu.len();
        let mut newton = Self {
            matrix,
            k: Margins::plain(matrix),
            log_mu,
            log_probs: vec![0.0; n],
            probs: vec![0.0; n],
            margins: vec![0.0; n],
            residual: vec![0.0; n],
            steps: 0,
        };
        newton.accept(log_mu.to_vec(), f64::INFINITY);
        newton
    }

    /// Moves to `logits` and returns `max|F|` at `tau`; infinite if the logits have no finite normaliser.
    fn accept(&mut self, logits: Vec<f64>, tau: f64) -> f64 {
        self.log_probs = logits;
        if !log_softmax(&mut self.log_probs, &mut self.probs) {
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

    /// `I - K C(p) / tau`, factored.
    fn jacobian(&mut self, tau: f64) -> PartialPivLu<f64> {
        self.steps += 1;
        let n = self.probs.len();
        let entry = |i: usize, j: usize| {
            f64::from(u8::from(i == j)) - (self.k.at(i, j) - self.margins[i]) * self.probs[j] / tau
        };
        Mat::from_fn(n, n, entry).partial_piv_lu()
    }

    /// From wherever it stands to the solution at `tau`, along the path in `tau` if need be.
    fn follow(&mut self, tau: f64) -> Result<(), ReferenceError> {
        if self.converge(tau).is_some() {
            return Ok(());
        }
        let mut at = tau.max(1.0);
        self.accept(self.log_mu.to_vec(), at);
        let Some(mut tangent) = self.converge(at) else {
            return Err(self.failure(tau, at, self.tolerance(tau)));
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
        Ok(())
    }

    /// Newton with backtracking until `max|F| <= STAGE`; gives the tangent `d theta / d (1 / tau)` there.
    fn converge(&mut self, tau: f64) -> Option<Vec<f64>> {
        let n = self.probs.len();
        let mut merit = self.accept(self.log_probs.clone(), tau);
        for _ in 0..STEPS_PER_STAGE {
            let lu = self.jacobian(tau);
            if merit <= STAGE {
                // F' d theta + d(1 / tau) (-K p) = 0
                let mut tangent = Mat::from_fn(n, 1, |i, _| self.margins[i]);
                lu.solve_in_place(&mut tangent);
                return Some((0..n).map(|i| tangent[(i, 0)]).collect());
            }
            let (start, step) = (self.log_probs.clone(), self.newton_step(&lu));
            let mut length = 1.0;
            loop {
                let trial = start.iter().zip(&step).map(|(l, d)| l + length * d).collect();
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

    fn newton_step(&self, lu: &PartialPivLu<f64>) -> Vec<f64> {
        let n = self.residual.len();
        let mut step = Mat::from_fn(n, 1, |i, _| -self.residual[i]);
        lu.solve_in_place(&mut step);
        (0..n).map(|i| step[(i, 0)]).collect()
    }

    /// Full Newton steps as long as the gap falls; ends at the best point.
    fn polish(&mut self, tau: f64) {
        let (mut best, mut least) = (self.log_probs.clone(), self.gap(tau));
        for _ in 0..POLISH {
            let lu = self.jacobian(tau);
            let step = self.newton_step(&lu);
            self.accept(self.log_probs.iter().zip(&step).map(|(l, d)| l + d).collect(), tau);
            let gap = self.gap(tau);
            if gap.is_nan() || gap >= least {
                break;
            }
            (best, least) = (self.log_probs.clone(), gap);
        }
        self.accept(best, tau);
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
        ReferenceError::Newton {
            tau,
            reached,
            duality_gap_tau: self.gap(tau),
            tolerance,
            newton_steps: self.steps,
        }
    }
}
