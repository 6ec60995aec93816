//! Adam, and AdamW with decoupled weight decay, as PyTorch computes them.
//!
//! ```text
//! m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  theta <- (1 - lr decay) theta
//! theta <- theta - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
//! ```

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, StepError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sgd::check_rate;

/// Options of `adam`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// The step, above 0.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of their squares, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the mean square, above 0.
    pub epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Options of `adamw`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// The step, above 0.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of their squares, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the mean square, above 0.
    pub epsilon: f64,
    /// Share of the parameters, times the step, that is taken away at each step; at least 0.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        let Adam { learning_rate, beta1, beta2, epsilon } = Adam::default();
        Self { learning_rate, beta1, beta2, epsilon, weight_decay: 0.01 }
    }
}

impl OptimiserConfig for Adam {
    fn build(self, parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
        let Self { learning_rate, beta1, beta2, epsilon } = self;
        AdamW { learning_rate, beta1, beta2, epsilon, weight_decay: 0.0 }.build(parameters)
    }
}

impl OptimiserConfig for AdamW {
    fn build(self, parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
        check_rate(self.learning_rate)?;
        for (key, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            ensure((0.0..1.0).contains(&beta), key, beta, "must lie in [0, 1)")?;
        }
        let (epsilon, decay) = (self.epsilon, self.weight_decay);
        ensure(epsilon > 0.0 && epsilon.is_finite(), "epsilon", epsilon, "must be a finite number above 0")?;
        ensure(decay >= 0.0 && decay.is_finite(), "weight_decay", decay, "must be finite and at least 0")?;
        let zeros = || vec![0.0; parameters];
        Ok(Box::new(Moments { config: self, mean: zeros(), square: zeros(), decayed: [1.0; 2] }))
    }
}

#[derive(Clone)]
struct Moments {
    config: AdamW,
    mean: Vec<f64>,
    square: Vec<f64>,
    /// `b1^t` and `b2^t`.
    decayed: [f64; 2],
}

impl Optimiser for Moments {
    fn minimise(
        &mut self,
        problem: &mut dyn Descent,
        theta: &mut [f64],
        budget: Budget,
    ) -> Result<(), StepError> {
        let Self { config, mean, square, decayed } = self;
        let AdamW { learning_rate, beta1, beta2, epsilon, weight_decay } = *config;
        super::first_order(problem, theta, budget, |theta, g| {
            decayed[0] *= beta1;
            decayed[1] *= beta2;
            for (k, g) in g.iter().enumerate() {
                mean[k] = beta1 * mean[k] + (1.0 - beta1) * g;
                square[k] = beta2 * square[k] + (1.0 - beta2) * g * g;
                let (m, v) = (mean[k] / (1.0 - decayed[0]), square[k] / (1.0 - decayed[1]));
                theta[k] -= learning_rate * (weight_decay * theta[k] + m / (v.sqrt() + epsilon));
            }
        })
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ADAM: OptimiserEntry = OptimiserEntry::of::<Adam>(
    "adam",
    "steps scaled by the root of the mean squared gradient, bias-corrected",
    "Kingma and Ba 2014, arXiv:1412.6980",
    "two steps by hand",
);

/// Registry row.
pub const ADAMW: OptimiserEntry = OptimiserEntry::of::<AdamW>(
    "adamw",
    "adam with decoupled weight decay",
    "Loshchilov and Hutter 2017, arXiv:1711.05101",
    "two steps by hand",
);
