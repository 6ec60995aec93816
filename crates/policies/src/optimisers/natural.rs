//! Natural gradient: `theta <- theta - lr F^+ g`, with the Fisher matrix F of the present policy.

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::{BuildError, StepError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conjugate;
use super::sgd::check_rate;

/// Options of `natural-gradient`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The step, above 0; 1 on the policy-gradient loss is the whole mirror step, projected.
    pub learning_rate: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 1.0 }
    }
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
        let Budget::Steps(steps) = budget else {
            return Err(StepError::Inner(
                "this optimiser has no exact inner solve: give a number of steps".into(),
            ));
        };
        let mut gradient = vec![0.0; theta.len()];
        let mut diagonal = vec![0.0; theta.len()];
        for _ in 0..steps {
            super::finite(problem.gradient(theta, &mut gradient)?)?;
            problem.fisher_diagonal(&mut diagonal);
            let direction = conjugate::solve(|v, out| problem.fisher(v, out), &diagonal, &gradient);
            theta.iter_mut().zip(direction).for_each(|(t, d)| *t -= self.learning_rate * d);
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ENTRY: OptimiserEntry = OptimiserEntry::of::<Config>(
    "natural-gradient",
    "theta - lr F^+ g, F the Fisher matrix of the policy, by conjugate gradients",
    "Amari 1998; Kakade 2001",
    "one step on log-linear policies against the normal equations",
);
