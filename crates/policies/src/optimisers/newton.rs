//! Newton's method by conjugate gradients: `theta <- theta + a d`, `H d = -g`, H the curvature of the loss taken through the
//! class (Gauss-Newton). The length `a` is halved until the loss falls by 1e-4 of what the slope promises.

use equipoise_core::optimiser::{Budget, Descent, Optimiser, OptimiserConfig, OptimiserEntry};
use equipoise_core::{BuildError, StepError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conjugate;

/// Steps of an exact solve, at most.
const MOST_STEPS: u32 = 200;
/// Largest entry of a step, in parameters, after which the next would be below rounding: convergence is quadratic.
const LAST_STEP: f64 = 1e-8;
/// Steps below this are taken whole: differences of the loss are rounding there.
const WHOLE_STEP: f64 = 1e-6;

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
        let (steps, exact) = match budget {
            Budget::Steps(steps) => (steps, false),
            Budget::Exact => (MOST_STEPS, true),
        };
        let n = theta.len();
        let (mut gradient, mut diagonal) = (vec![0.0; n], vec![0.0; n]);
        for _ in 0..steps {
            let value = super::finite(problem.gradient(theta, &mut gradient)?)?;
            problem.curvature_diagonal(&mut diagonal);
            let right: Vec<f64> = gradient.iter().map(|g| -g).collect();
            let direction = conjugate::solve(|v, out| problem.curvature(v, out), &diagonal, &right);
            let size = super::largest(&direction);
            let slope = conjugate::dot(&direction, &gradient);
            let there = |length: f64| -> Vec<f64> {
                theta.iter().zip(&direction).map(|(t, d)| t + length * d).collect()
            };
            let mut length = 1.0;
            if size >= WHOLE_STEP {
                let mut unused = vec![0.0; n];
                let mut falls = |length: f64| {
                    let reached = problem.gradient(&there(length), &mut unused).unwrap_or(f64::INFINITY);
                    reached <= value + 1e-4 * length * slope + 4.0 * f64::EPSILON * value.abs()
                };
                let lengths = std::iter::successors(Some(1.0), |l| Some(0.5 * l)).take(50);
                length = lengths.into_iter().find(|l| falls(*l)).ok_or_else(|| {
                    StepError::Inner(
                        "a Newton step of the inner problem makes no progress however short".into(),
                    )
                })?;
            }
            let moved = there(length);
            theta.copy_from_slice(&moved);
            if size < LAST_STEP {
                return Ok(());
            }
        }
        match exact {
            true => Err(StepError::Inner(format!(
                "the inner problem was not solved in {MOST_STEPS} Newton steps; give `inner_steps` a number, or another optimiser"
            ))),
            false => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Optimiser> {
        Box::new(self.clone())
    }
}

/// Registry row.
pub const ENTRY: OptimiserEntry = OptimiserEntry::of::<Config>(
    "newton",
    "Gauss-Newton by conjugate gradients with a line search; exact on quadratic problems",
    "Hestenes and Stiefel 1952; Dembo, Eisenstat and Steihaug 1982",
    "the minimum of a quadratic, of least norm where it is not unique",
)
.exact();
