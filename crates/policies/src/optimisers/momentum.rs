//! Heavy-ball momentum: `m <- beta m + g`, `theta <- theta - lr m`.

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, StepError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sgd::check_rate;

/// Options of `momentum`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The step, above 0.
    pub learning_rate: f64,
    /// What is kept of the last direction, in [0, 1).
    pub momentum: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 0.1, momentum: 0.9 }
    }
}

impl OptimiserConfig for Config {
    fn build(self, parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
        check_rate(self.learning_rate)?;
        ensure((0.0..1.0).contains(&self.momentum), "momentum", self.momentum, "must lie in [0, 1)")?;
        Ok(Box::new(HeavyBall { config: self, velocity: vec![0.0; parameters] }))
    }
}

#[derive(Clone)]
struct HeavyBall {
    config: Config,
    velocity: Vec<f64>,
}

impl Optimiser for HeavyBall {
    fn minimise(
        &mut self,
        problem: &mut dyn Descent,
        theta: &mut [f64],
        budget: Budget,
    ) -> Result<(), StepError> {
        let Self { config, velocity } = self;
        super::first_order(problem, theta, budget, |theta, g| {
            for ((t, m), g) in theta.iter_mut().zip(velocity.iter_mut()).zip(g) {
                *m = config.momentum * *m + g;
                *t -= config.learning_rate * *m;
            }
        })
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ENTRY: OptimiserEntry = OptimiserEntry::of::<Config>(
    "momentum",
    "theta - lr m, m = beta m + g",
    "Polyak 1964",
    "two steps by hand, convergence on a quadratic",
);
