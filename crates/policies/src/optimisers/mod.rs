//! Optimisers: one file each.

pub mod adam;
mod conjugate;
pub mod lbfgs;
pub mod momentum;
pub mod natural;
pub mod newton;
pub mod sgd;

use equipoise_core::StepError;
use equipoise_core::optimiser::{Budget, Descent};

/// Steps that need gradients alone: `step(theta, gradient)`, as often as the budget says.
fn first_order(
    problem: &mut dyn Descent,
    theta: &mut [f64],
    budget: Budget,
    mut step: impl FnMut(&mut [f64], &[f64]),
) -> Result<(), StepError> {
    let Budget::Steps(steps) = budget else {
        return Err(StepError::Inner(
            "this optimiser has no exact inner solve: give a number of steps".into(),
        ));
    };
    let mut gradient = vec![0.0; theta.len()];
    for _ in 0..steps {
        finite(problem.gradient(theta, &mut gradient)?)?;
        step(theta, &gradient);
    }
    Ok(())
}

/// The value, or an error that says it is none.
fn finite(value: f64) -> Result<f64, StepError> {
    let error = || StepError::Inner(format!("the loss of the inner problem is {value}"));
    value.is_finite().then_some(value).ok_or_else(error)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}
