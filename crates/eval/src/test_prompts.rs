//! Prompts that no method sees: how far what was learned on some contexts carries over to others.

use std::sync::Arc;

use equipoise_core::{Policy, PolicyClass};
use equipoise_env::Game;
use ndarray::Array1;

use crate::metrics::{Metric, Truth};

/// Contexts that are kept for testing, with the policy class bound to them.
#[derive(Clone, Debug)]
pub struct TestPrompts {
    /// Their game.
    pub game: Arc<Game>,
    /// The reference there.
    pub reference: Policy,
    /// The class there; its parameters are those of the class that a method learns in.
    pub class: Arc<dyn PolicyClass>,
}

impl TestPrompts {
    /// A metric there of the policy of parameters `theta`; NaN if these parameters are no policy there.
    ///
    /// # Panics
    /// If the class has another number of parameters.
    #[must_use]
    pub fn measure(&self, metric: &Metric, theta: &[f64], tau: f64) -> f64 {
        let mut policy = self.reference.clone();
        if self.class.evaluate(theta, &mut policy).is_err() {
            return f64::NAN;
        }
        let mut margins = Array1::zeros(self.game.shape().len());
        self.game.margins(&policy, &mut margins);
        let truth = Truth { game: &self.game, reference: &self.reference, tau, equilibrium: None };
        metric.mean(&truth, &policy, &margins)
    }
}
