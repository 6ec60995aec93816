//! Limited-memory BFGS (`core::lbfgs`), started afresh at each inner problem.

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::{BuildError, StepError, lbfgs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest entry of the gradient that an exact solve asks for.
const ASKED: f64 = 1e-12;
/// What it accepts where rounding of the loss shows no more progress.
const ACCEPTED: f64 = 1e-9;
/// Steps of an exact solve, at most.
const MOST_STEPS: u32 = 5_000;

/// It has no options.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl OptimiserConfig for Config {
    fn build(self, _parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
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
        let (tolerance, most) = match budget {
            Budget::Steps(steps) => (0.0, steps),
            Budget::Exact => (ASKED, MOST_STEPS),
        };
        // a policy that is not finite ends a line search as an infinite loss does
        let found = lbfgs::minimise(theta, tolerance, most, |theta, g| {
            problem.gradient(theta, g).unwrap_or(f64::INFINITY)
        });
        super::finite(found.value)?;
        match budget {
            Budget::Exact if found.gradient > ACCEPTED => Err(StepError::Inner(format!(
                "the inner problem was not solved: a gradient of {:e} is left after {} steps of L-BFGS; give `inner_steps` a \
                 number, or another optimiser",
                found.gradient, found.steps
            ))),
            _ => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ENTRY: OptimiserEntry = OptimiserEntry::of::<Config>(
    "l-bfgs",
    "limited-memory BFGS with a Wolfe line search, started afresh at each inner problem",
    "Nocedal 1980; Lewis and Overton 2013",
    "the minimum of a quadratic and of Rosenbrock's function",
)
.exact();
