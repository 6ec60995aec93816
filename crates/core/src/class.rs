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

use crate::numerics::simplex::{NonFinite, log_sum_exp};
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

    /// The tokens of every response of a context, where responses are strings of tokens that the policy chooses one by one.
    fn tokens(&self, context: usize) -> Option<Tokens> {
        let _ = context;
        None
    }

    /// `max_pi sum_y pi(y) gain(y) - tau KL(pi || mu)` in each context over all policies that leave nature's moves as they
    /// are; `None` if there are none, so that every table may be played.
    fn best_value(&self, gain: &[f64], tau: f64) -> Option<Vec<f64>> {
        let _ = (gain, tau);
        None
    }
}

/// Responses of a context as strings of tokens, which are paths in a tree whose nodes are the prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens that may follow each prefix; the empty prefix is the first.
    pub widths: Vec<usize>,
    /// Prefixes and tokens on the way to each response, in order; an end token counts as one.
    pub responses: Vec<Vec<(usize, usize)>>,
}

impl Tokens {
    /// Log-probabilities of the tokens at every prefix under a policy over responses, given by its logarithms.
    #[must_use]
    pub fn conditionals(&self, log_probs: &[f64]) -> Vec<Vec<f64>> {
        let mut below: Vec<Vec<Vec<f64>>> =
            self.widths.iter().map(|&width| vec![Vec::new(); width]).collect();
        for (path, l) in self.responses.iter().zip(log_probs) {
            path.iter().for_each(|&(prefix, token)| below[prefix][token].push(*l));
        }
        let of = |tokens: &Vec<Vec<f64>>| {
            let mass: Vec<f64> = tokens.iter().map(|ls| log_sum_exp(ls.iter().copied())).collect();
            let all = log_sum_exp(mass.iter().copied());
            mass.iter().map(|m| m - all).collect()
        };
        below.iter().map(of).collect()
    }

    /// Adds to `out` the gradient by the log-probabilities of responses of a function whose gradient by the logits of the tokens at
    /// every prefix is given; `conditionals` are those of the policy.
    ///
    /// With `g` summing to 0 at a prefix: a response gets `g(token) pi(response | prefix and token)` from each token on its way.
    pub fn pull(&self, conditionals: &[Vec<f64>], gradient: &[Vec<f64>], out: &mut [f64]) {
        for (path, out) in self.responses.iter().zip(out) {
            // from the end: the probability of what follows the token
            let mut rest = 0.0;
            for &(prefix, token) in path.iter().rev() {
                *out += gradient[prefix][token] * f64::exp(rest);
                rest += conditionals[prefix][token];
            }
        }
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
