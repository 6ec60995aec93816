//! Minimisation of a loss over parameters, as a method's inner problem.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::registry::{BuildError, parse};
use crate::solver::StepError;

/// A loss with its derivatives, all at the parameters of the last [`Descent::gradient`].
pub trait Descent {
    /// Writes the gradient at `theta` and returns the loss there.
    ///
    /// # Errors
    /// [`StepError`] where the policy is not finite.
    fn gradient(&mut self, theta: &[f64], out: &mut [f64]) -> Result<f64, StepError>;

    /// Writes the product of `v` with the curvature: of the loss by the log-probabilities, taken through the class
    /// (Gauss-Newton; the Hessian itself where both are linear). Positive semidefinite for a convex loss.
    fn curvature(&mut self, v: &[f64], out: &mut [f64]);

    /// Writes the product of `v` with the Fisher matrix of the policy, averaged over contexts.
    fn fisher(&mut self, v: &[f64], out: &mut [f64]);

    /// Writes a diagonal by which systems in [`Descent::curvature`] are scaled, positive where the loss says anything.
    fn curvature_diagonal(&mut self, out: &mut [f64]);

    /// The same for [`Descent::fisher`].
    fn fisher_diagonal(&mut self, out: &mut [f64]);
}

/// How far an inner problem is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many steps.
    Steps(u32),
    /// Until the gradient is rounding.
    Exact,
}

/// An optimiser with its state.
pub trait Optimiser: Send {
    /// Moves `theta` towards a minimum. Deterministic.
    ///
    /// # Errors
    /// [`StepError`] if the loss is not finite, or [`Budget::Exact`] was asked for and not met.
    fn minimise(
        &mut self,
        problem: &mut dyn Descent,
        theta: &mut [f64],
        budget: Budget,
    ) -> Result<(), StepError>;

    /// A copy with its state, for a step that is taken back.
    fn copy(&self) -> Box<dyn Optimiser>;
}

/// What an optimiser's YAML block becomes; derives as [`crate::class_entry::PolicyConfig`].
pub trait OptimiserConfig: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Checks every range and builds the optimiser for so many parameters.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn build(self, parameters: usize) -> Result<Box<dyn Optimiser>, BuildError>;
}

/// From options and the number of parameters to an optimiser.
type Build = fn(&Value, usize) -> Result<Box<dyn Optimiser>, BuildError>;

/// A registry row.
pub struct OptimiserEntry {
    /// YAML key: one spelling.
    pub name: &'static str,
    /// One line: its step.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Against what the implementation was verified.
    pub verified: &'static str,
    /// Whether it can be run until the gradient is rounding.
    pub exact: bool,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    build: Build,
}

impl OptimiserEntry {
    /// A row for the optimiser configured by `C`.
    #[must_use]
    pub const fn of<C: OptimiserConfig>(
        name: &'static str,
        summary: &'static str,
        source: &'static str,
        verified: &'static str,
    ) -> Self {
        Self {
            name,
            summary,
            source,
            verified,
            exact: false,
            defaults: || serde_json::to_value(C::default()).expect("an option block serialises to JSON"),
            schema: || schema_for!(C),
            build: |block, parameters| parse::<C>(block)?.build(parameters),
        }
    }

    /// Says that it can be run until the gradient is rounding.
    #[must_use]
    pub const fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// Builds the optimiser of an option block (`null` for all defaults).
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, options: &Value, parameters: usize) -> Result<Box<dyn Optimiser>, BuildError> {
        (self.build)(options, parameters)
    }
}
