//! Gradient descent, `theta <- theta - lr g`; stochastic where the gradient is.

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, StepError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of `sgd`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The step, above 0.
    pub learning_rate: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 0.1 }
    }
}

/// Checks a learning rate.
pub(super) fn check_rate(rate: f64) -> Result<(), BuildError> {
    ensure(rate > 0.0 && rate.is_finite(), "learning_rate", rate, "must be a finite number above 0")
}

impl OptimiserConfig for Config {
    fn build(self, _parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
        check_rate(self.learning_rate)?;
        Ok(Box::new(self))
    }
}

impl Optimiser for Config {
    fn minimise(
        &mut self,
        problem: &mut dyn Descent,
        theta: &mut [f64],
        budget: Budget,
    ) -> Result<(), StepError> {
        super::first_order(problem, theta, budget, |theta, g| {
            theta.iter_mut().zip(g).for_each(|(t, g)| *t -= self.learning_rate * g);
        })
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ENTRY: OptimiserEntry = OptimiserEntry::of::<Config>(
    "sgd",
    "theta - lr g",
    "Robbins and Monro 1951",
    "its step by hand, convergence on a quadratic",
);
