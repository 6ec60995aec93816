//! Policies with parameters: a constrained table.
//!
//! ```text
//! theta -> l = log pi_theta            evaluate
//! v -> dl = (dl / dtheta) v            push
//! G -> (dl / dtheta)' G                pull, for G = dL / dl
//! ```
//!
//! The policy stays a table of log-probabilities, so oracle, metrics and reports know nothing of parameters; only a solver
//! that takes a class does. Every class lies around the reference: at its first parameters the policy is the reference.
//! `push` and `pull` are transposes of each other, `<pull(G), v> = <G, push(v)>`.

use std::fmt::Debug;

use serde::Serialize;

use crate::numerics::simplex::NonFinite;
use crate::policy::Policy;
use crate::shape::Shape;

/// A class of policies on given contexts.
pub trait PolicyClass: Debug + Send + Sync {
    /// Contexts and actions.
    fn shape(&self) -> &Shape;

    /// Parameters at which the policy is the reference; their number is that of the class.
    fn initial(&self) -> &[f64];

    /// Whether log-probabilities are, up to a constant a context, linear in the parameters. Squared losses of their
    /// differences are then quadratic.
    fn is_linear(&self) -> bool;

    /// Whether no parameter belongs to a context, so that the same parameters stand for policies on other contexts.
    fn carries_over(&self) -> bool;

    /// Writes the policy of `theta`.
    ///
    /// # Errors
    /// [`NonFinite`] if a row has no finite normaliser.
    fn evaluate(&self, theta: &[f64], policy: &mut Policy) -> Result<(), NonFinite>;

    /// Writes the derivative of the log-probabilities along `v`, flat over the shape. `policy` is that of `theta`.
    fn push(&self, theta: &[f64], policy: &Policy, v: &[f64], out: &mut [f64]);

    /// Adds to `out` the gradient by the parameters of a function whose gradient by the log-probabilities is `cotangent`,
    /// flat over the shape. `policy` is that of `theta`.
    fn pull(&self, theta: &[f64], policy: &Policy, cotangent: &[f64], out: &mut [f64]);

    /// Adds to `out` the diagonal of `sum_y w_y (ds_y / dtheta)(ds_y / dtheta)'`, for the scores `s` of which a policy is
    /// the softmax: what scales a linear system. The default scales nothing.
    fn diagonal(&self, theta: &[f64], weights: &[f64], out: &mut [f64]) {
        let _ = (theta, weights);
        out.iter_mut().for_each(|d| *d += 1.0);
    }

    /// `max_pi sum_y pi(y) gain(y) - tau KL(pi || mu)` in each context over all policies that leave nature's moves as they
    /// are; `None` if there are none, so that every table may be played.
    fn best_value(&self, gain: &[f64], tau: f64) -> Option<Vec<f64>> {
        let _ = (gain, tau);
        None
    }
}

/// What learning in a class cost the method itself, in single responses. Beside [`crate::Cost`], which the oracle keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effort {
    /// Responses drawn from a policy.
    pub draws: u64,
    /// Log-probabilities evaluated, frozen and live ones.
    pub evaluations: u64,
    /// Log-probabilities through which a gradient was taken back.
    pub pulls: u64,
}

impl std::ops::AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.draws += other.draws;
        self.evaluations += other.evaluations;
        self.pulls += other.pulls;
    }
}
