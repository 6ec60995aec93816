//! A method, seen from outside: one mandatory verb.

use std::ops::Range;
use std::sync::Arc;

use crate::class::{Effort, PolicyClass};
use crate::numerics::simplex::NonFinite;
use crate::oracle::{Cost, LabelledPair, Oracle};
use crate::policy::Policy;
use crate::seed::Rng;
use crate::shape::Shape;

/// All that a method knows before it asks its first question.
#[derive(Clone, Debug)]
pub struct Task {
    /// The reference policy mu, fixed, with full support: KL is measured to it.
    pub reference: Policy,
    /// Where to start, with full support. Usually the reference.
    pub start: Policy,
    /// Regularisation: the game is `P(pi beats pi') - tau KL(pi || mu) + tau KL(pi' || mu)`; 0 is the original game.
    pub tau: f64,
    /// Number of steps planned, where known: some proved step sizes need it.
    pub horizon: Option<u64>,
    /// Largest `|w|` over the eigenvalues `+- i w` of `K C(pi*)` at the equilibrium (see [`crate::local`]), where
    /// known: the `stability` rule needs it.
    pub spectral_radius: Option<f64>,
    /// Largest singular value of the margins K over all contexts, where known: the proved steps of Euclidean methods
    /// need it.
    pub operator_norm: Option<f64>,
    /// The policy class to stay in, around the reference; `None` is the table: every policy.
    pub class: Option<Arc<dyn PolicyClass>>,
}

impl Task {
    /// The original game from the reference: `tau = 0`, start at the reference, nothing else known.
    #[must_use]
    pub fn new(reference: Policy) -> Self {
        Self {
            start: reference.clone(),
            reference,
            tau: 0.0,
            horizon: None,
            spectral_radius: None,
            operator_norm: None,
            class: None,
        }
    }

    /// Sets the start.
    #[must_use]
    pub fn start(self, start: Policy) -> Self {
        Self { start, ..self }
    }

    /// Sets the regularisation, `tau >= 0`.
    #[must_use]
    pub fn tau(self, tau: f64) -> Self {
        Self { tau, ..self }
    }

    /// Says how many steps are planned.
    #[must_use]
    pub fn horizon(self, steps: u64) -> Self {
        Self { horizon: Some(steps), ..self }
    }

    /// Tells the largest rotation frequency at the equilibrium.
    #[must_use]
    pub fn spectral_radius(self, radius: f64) -> Self {
        Self { spectral_radius: Some(radius), ..self }
    }

    /// Tells the largest singular value of the margins.
    #[must_use]
    pub fn operator_norm(self, norm: f64) -> Self {
        Self { operator_norm: Some(norm), ..self }
    }

    /// Sets the policy class, which must have the reference's shape.
    #[must_use]
    pub fn class(self, class: Arc<dyn PolicyClass>) -> Self {
        Self { class: Some(class), ..self }
    }

    /// Contexts and actions of the game.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.reference.shape()
    }

    /// The task in some of the contexts, for a method whose contexts do not matter to each other: what is known of all contexts
    /// stays what it is. For a task without a class.
    ///
    /// # Panics
    /// If there is no such context.
    #[must_use]
    pub fn part(&self, contexts: Range<usize>) -> Self {
        let reference = self.reference.part(contexts.clone()).shared();
        let start = match self.start.stamp() == self.reference.stamp() {
            true => reference.clone(),
            false => self.start.part(contexts),
        };
        Self {
            reference,
            start,
            tau: self.tau,
            horizon: self.horizon,
            spectral_radius: self.spectral_radius,
            operator_norm: Some(self.operator_norm_bound()),
            class: None,
        }
    }

    /// `|K|_2` if it is known, and else the largest that so many actions allow, `cot(pi / 2n) / 2` (the transitive
    /// tournament has it). Never 0: a game without margins admits every step, and gets the bound.
    #[must_use]
    pub fn operator_norm_bound(&self) -> f64 {
        // one action has K = 0: count two
        let n = self.shape().ranges().map(|r| r.len()).fold(2, usize::max);
        let most = 0.5 / (std::f64::consts::FRAC_PI_2 / n as f64).tan();
        self.operator_norm.filter(|norm| *norm > 0.0).unwrap_or(most)
    }
}

/// Whether another step makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call [`Solver::step`] again.
    Continue,
    /// The method has nothing more to do (closed forms, one-shot fits).
    Finished,
}

/// Why a step could not be done. The run ends as diverged: a result, not a crash.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The update has no finite normaliser.
    #[error("the logits of context {context} are not finite")]
    NonFinite {
        /// Context of the row, from 0.
        context: usize,
    },
    /// An inner problem (a fit, a regression) has no solution or was not solved.
    #[error("{0}")]
    Inner(String),
}

impl From<NonFinite> for StepError {
    /// The rows of a policy are its contexts.
    fn from(NonFinite { row }: NonFinite) -> Self {
        Self::NonFinite { context: row }
    }
}

/// A method for finding a policy.
///
/// A solver file has no limits, no clock, no logging, no averaging and no metrics: the driver owns those.
pub trait Solver: Send {
    /// One update. Asks the oracle as often as the method does, no more.
    ///
    /// # Errors
    /// [`StepError`] when the update is not finite or an inner problem fails; the solver must not be used again.
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError>;

    /// Last iterate: the start before the first step.
    fn policy(&self) -> &Policy;

    /// The policy at which the last step's feedback was taken (for look-ahead methods the last of them); the start
    /// before the first step. The average iterate is the mean of these, in probability space.
    fn played(&self) -> &Policy;

    /// What one step costs. Declared here, measured by the oracle, compared by the conformance suite.
    fn step_cost(&self) -> Cost;

    /// What learning cost the method itself so far, beside the oracle's ledger; 0 of a method that moves tables.
    fn effort(&self) -> Effort {
        Effort::default()
    }

    /// The parameters of the last iterate, for a method that has some.
    fn parameters(&self) -> Option<&[f64]> {
        None
    }

    /// The labelled pairs that it learns from, for a method whose data stay what they are; empty before they are bought.
    fn labelled_pairs(&self) -> &[LabelledPair] {
        &[]
    }

    /// Local theory: modulus of this method's multiplier for the eigenvalue `i omega` of `K C` at the equilibrium, per step;
    /// `None` where no theory is known, and for a method whose fixed point is not the equilibrium. Below 1 it contracts. See
    /// [`crate::local`].
    fn local_modulus(&self, omega: f64) -> Option<f64> {
        let _ = omega;
        None
    }

    /// Steps of one outer iteration of a method that moves a reference of its own every so many steps; 1 for all others. At
    /// rest for less, nothing is known of what it does next.
    fn period(&self) -> u64 {
        1
    }

    /// Facts worth telling beside the result, in plain words ("the maximum-likelihood fit does not exist: ...").
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
