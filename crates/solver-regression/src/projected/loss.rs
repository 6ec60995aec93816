//! The mirror step as a regression: losses whose minimiser over all policies is `log pi = a + eta g + const`.
//!
//! ```text
//! u = log pi_theta - a,  a = sum_s lambda_s log pi_s (the anchor),  g the gain;  m the measure, X contexts, D f = f(y) - f(y')
//!
//! pairs            E_{y, y' ~ m} ( D u - eta D g )^2                    m = where the feedback was taken; or uniform
//! pointwise        E_{y ~ m} ( u - eta g + log Z )^2
//! cross-entropy    E_{y, y' ~ m} CE( sigmoid(D g), sigmoid(D u / eta) )
//! policy-gradient  E_{y ~ pi_theta} ( u - eta g ) = KL(pi_theta || exp(a + eta g) / Z) + const
//! ```
//!
//! In a class they differ, because each weighs the actions with another measure. Gradients are by the log-probabilities;
//! contexts count alike.

use std::borrow::Cow;
use std::ops::Range;

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::optimiser::Descent;
use equipoise_core::{Effort, Policy, PolicyClass, Shape, StepError};

/// Two actions of a context, where they lie in a flat vector, with what is asked of their difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) left: usize,
    pub(super) right: usize,
    /// Weight in the mean over contexts.
    pub(super) weight: f64,
    /// Of squares: what `D u` should be. Of cross-entropies: the probability that `D u / eta` should have.
    pub(super) target: f64,
}

/// What a pair's difference is compared by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// `(D u - target)^2`.
    Squared,
    /// `CE(target, sigmoid(D u / eta))`.
    CrossEntropy {
        /// The step.
        eta: f64,
    },
}

/// A loss in the log-probabilities `l`, flat over the shape.
#[derive(Debug)]
pub(super) enum Loss<'a> {
    /// `2 sum_x Var_w(l - target)`: all pairs, by their means. `w` sums to 1 in each context.
    Centred { weights: &'a [f64], target: Vec<f64> },
    /// `sum w (l - target)^2`.
    Points { weights: Cow<'a, [f64]>, target: Vec<f64> },
    /// Pairs one by one; `anchor` is a.
    Rows { rows: Vec<Row>, anchor: Vec<f64>, link: Link },
    /// `sum p (l - target)`.
    Reverse { target: Vec<f64> },
}

impl Loss<'_> {
    /// Its flat vector, to be written again.
    pub(super) fn into_flat(self) -> Vec<f64> {
        match self {
            Self::Centred { target, .. } | Self::Points { target, .. } | Self::Reverse { target } => target,
            Self::Rows { anchor, .. } => anchor,
        }
    }

    /// The loss, averaged over contexts, and its gradient by the log-probabilities, which is added to `g`.
    fn gradient(&self, shape: &Shape, policy: &Policy, g: &mut [f64]) -> f64 {
        let (l, p) = (policy.log_probs_slice(), policy.probs_slice());
        let share = 1.0 / shape.contexts() as f64;
        match self {
            Self::Centred { weights, target } => shape
                .ranges()
                .map(|row| {
                    let residual = |k: usize| l[k] - target[k];
                    let mean = weighted(weights, row.clone(), residual);
                    let mut value = 0.0;
                    for k in row {
                        let d = residual(k) - mean;
                        g[k] += 4.0 * share * weights[k] * d;
                        value += 2.0 * share * weights[k] * d * d;
                    }
                    value
                })
                .sum(),
            Self::Points { weights, target } => (0..l.len())
                .map(|k| {
                    let d = l[k] - target[k];
                    g[k] += 2.0 * share * weights[k] * d;
                    share * weights[k] * d * d
                })
                .sum(),
            Self::Rows { rows, anchor, link } => rows
                .iter()
                .map(|row| {
                    let u = |k: usize| l[k] - anchor[k];
                    let (value, slope) = link.of(u(row.left) - u(row.right), row.target);
                    g[row.left] += row.weight * slope;
                    g[row.right] -= row.weight * slope;
                    row.weight * value
                })
                .sum(),
            Self::Reverse { target } => (0..l.len())
                // the derivative of p l by l adds p, a constant of each row's sum
                .map(|k| {
                    g[k] += share * p[k] * (l[k] - target[k]);
                    if p[k] == 0.0 { 0.0 } else { share * p[k] * (l[k] - target[k]) }
                })
                .sum(),
        }
    }

    /// Adds to `out` the curvature by the log-probabilities times `d`.
    fn curvature(&self, shape: &Shape, policy: &Policy, d: &[f64], out: &mut [f64]) {
        let share = 1.0 / shape.contexts() as f64;
        match self {
            Self::Centred { weights, .. } => {
                for row in shape.ranges() {
                    let mean = weighted(weights, row.clone(), |k| d[k]);
                    row.for_each(|k| out[k] += 4.0 * share * weights[k] * (d[k] - mean));
                }
            }
            Self::Points { weights, .. } => {
                (0..d.len()).for_each(|k| out[k] += 2.0 * share * weights[k] * d[k]);
            }
            Self::Rows { rows, anchor, link } => {
                let l = policy.log_probs_slice();
                let u = |k: usize| l[k] - anchor[k];
                for row in rows {
                    let bend = row.weight * link.bend(u(row.left) - u(row.right));
                    let flow = bend * (d[row.left] - d[row.right]);
                    out[row.left] += flow;
                    out[row.right] -= flow;
                }
            }
            Self::Reverse { .. } => {
                let p = policy.probs_slice();
                (0..d.len()).for_each(|k| out[k] += share * p[k] * d[k]);
            }
        }
    }

    /// How much each log-probability counts in the curvature.
    fn weights(&self, shape: &Shape, policy: &Policy) -> Vec<f64> {
        let share = 1.0 / shape.contexts() as f64;
        match self {
            Self::Centred { weights, .. } => weights.iter().map(|w| 4.0 * share * w).collect(),
            Self::Points { weights, .. } => weights.iter().map(|w| 2.0 * share * w).collect(),
            Self::Rows { rows, anchor, link } => {
                let l = policy.log_probs_slice();
                let u = |k: usize| l[k] - anchor[k];
                let mut counts = vec![0.0; l.len()];
                for row in rows.iter().filter(|row| row.left != row.right) {
                    let bend = row.weight * link.bend(u(row.left) - u(row.right));
                    counts[row.left] += bend;
                    counts[row.right] += bend;
                }
                counts
            }
            Self::Reverse { .. } => policy.probs_slice().iter().map(|p| share * p).collect(),
        }
    }
}

fn weighted(weights: &[f64], row: Range<usize>, of: impl Fn(usize) -> f64) -> f64 {
    row.map(|k| if weights[k] == 0.0 { 0.0 } else { weights[k] * of(k) }).sum()
}

impl Link {
    /// Value and slope at a difference.
    fn of(self, difference: f64, target: f64) -> (f64, f64) {
        match self {
            Self::Squared => {
                let miss = difference - target;
                (miss * miss, 2.0 * miss)
            }
            Self::CrossEntropy { eta } => {
                let z = difference / eta;
                (-log_sigmoid(-z) - target * z, (logistic(z) - target) / eta)
            }
        }
    }

    fn bend(self, difference: f64) -> f64 {
        match self {
            Self::Squared => 2.0,
            Self::CrossEntropy { eta } => {
                let s = logistic(difference / eta);
                s * (1.0 - s) / (eta * eta)
            }
        }
    }
}

/// Gives the gradient by the log-probabilities.
pub(super) trait Slopes {
    /// Adds the gradient at `policy` to `g` and returns the loss; responses it looks at.
    ///
    /// # Errors
    /// [`StepError`] if there is none.
    fn slopes(&mut self, policy: &Policy, g: &mut [f64]) -> Result<(f64, Effort), StepError>;

    /// The loss itself, where it stays what it is: curvatures are its own.
    fn fixed(&self) -> Option<&Loss<'_>>;
}

/// A loss that stays what it is while parameters move.
pub(super) struct Fixed<'a> {
    pub(super) loss: &'a Loss<'a>,
    /// Responses that an evaluation looks at.
    pub(super) responses: u64,
}

impl Slopes for Fixed<'_> {
    fn slopes(&mut self, policy: &Policy, g: &mut [f64]) -> Result<(f64, Effort), StepError> {
        let value = self.loss.gradient(policy.shape(), policy, g);
        Ok((value, Effort { draws: 0, evaluations: self.responses, pulls: self.responses }))
    }

    fn fixed(&self) -> Option<&Loss<'_>> {
        Some(self.loss)
    }
}

/// What an evaluation writes to; kept from regression to regression.
#[derive(Debug)]
pub(super) struct Scratch {
    policy: Policy,
    /// By the log-probabilities, flat over the shape.
    gradient: Vec<f64>,
}

impl Scratch {
    pub(super) fn of(policy: Policy) -> Self {
        Self { gradient: vec![0.0; policy.shape().len()], policy }
    }
}

/// A loss of the parameters of a class.
pub(super) struct InClass<'a, S> {
    pub(super) class: &'a dyn PolicyClass,
    pub(super) slopes: S,
    pub(super) effort: Effort,
    scratch: &'a mut Scratch,
    /// The parameters of the policy at hand.
    theta: Vec<f64>,
    /// Their policy, where it was known before; else it is in `scratch`.
    given: Option<&'a Policy>,
    /// Whether no gradient was taken yet.
    is_fresh: bool,
}

impl<'a, S: Slopes> InClass<'a, S> {
    /// Starts at `theta`. If its policy is told, the class is not evaluated there again, which would be another pass over all features.
    /// It counts as effort all the same, because a gradient is taken through it.
    pub(super) fn new(
        class: &'a dyn PolicyClass,
        slopes: S,
        (theta, given): (&[f64], Option<&'a Policy>),
        scratch: &'a mut Scratch,
    ) -> Self {
        Self {
            class,
            slopes,
            effort: Effort::default(),
            scratch,
            theta: theta.to_vec(),
            given,
            is_fresh: true,
        }
    }

    fn policy(&self) -> &Policy {
        self.given.unwrap_or(&self.scratch.policy)
    }

    fn product(&mut self, v: &[f64], out: &mut [f64], of: impl Fn(&Self, &[f64], &mut [f64])) {
        let n = self.class.shape().len();
        let (mut pushed, mut bent) = (vec![0.0; n], vec![0.0; n]);
        self.class.push(&self.theta, self.policy(), v, &mut pushed);
        of(self, &pushed, &mut bent);
        out.fill(0.0);
        self.class.pull(&self.theta, self.policy(), &bent, out);
        self.effort += Effort { draws: 0, evaluations: n as u64, pulls: n as u64 };
    }

    fn scaled(&self, weights: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        self.class.diagonal(&self.theta, weights, out);
    }

    /// The loss by which curvatures are taken: that of KL where the sampled one has none.
    fn bent(&self, d: &[f64], out: &mut [f64]) {
        let shape = self.class.shape();
        match self.slopes.fixed() {
            Some(loss) => loss.curvature(shape, self.policy(), d, out),
            None => fisher(shape, self.policy(), d, out),
        }
    }
}

fn fisher(shape: &Shape, policy: &Policy, d: &[f64], out: &mut [f64]) {
    let share = 1.0 / shape.contexts() as f64;
    let p = policy.probs_slice();
    (0..d.len()).for_each(|k| out[k] += share * p[k] * d[k]);
}

impl<S: Slopes> Descent for InClass<'_, S> {
    fn gradient(&mut self, theta: &[f64], out: &mut [f64]) -> Result<f64, StepError> {
        let is_known = std::mem::take(&mut self.is_fresh) && self.given.is_some() && self.theta == theta;
        if !is_known {
            self.theta.copy_from_slice(theta);
            self.given = None;
            self.class.evaluate(theta, &mut self.scratch.policy)?;
        }
        let Scratch { policy, gradient } = &mut *self.scratch;
        let policy = self.given.unwrap_or(policy);
        gradient.fill(0.0);
        let (value, effort) = self.slopes.slopes(policy, gradient)?;
        out.fill(0.0);
        self.class.pull(theta, policy, gradient, out);
        self.effort += effort;
        Ok(value)
    }

    fn curvature(&mut self, v: &[f64], out: &mut [f64]) {
        self.product(v, out, Self::bent);
    }

    fn fisher(&mut self, v: &[f64], out: &mut [f64]) {
        self.product(v, out, |this, d, out| fisher(this.class.shape(), this.policy(), d, out));
    }

    fn curvature_diagonal(&mut self, out: &mut [f64]) {
        match self.slopes.fixed() {
            Some(loss) => self.scaled(&loss.weights(self.class.shape(), self.policy()), out),
            None => self.fisher_diagonal(out),
        }
    }

    fn fisher_diagonal(&mut self, out: &mut [f64]) {
        let share = 1.0 / self.class.shape().contexts() as f64;
        let weights: Vec<f64> = self.policy().probs_slice().iter().map(|p| share * p).collect();
        self.scaled(&weights, out);
    }
}
