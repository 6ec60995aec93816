//! The multiplicative-weights step, written once for the methods that are equal to it in the tabular case.
//!
//! ```text
//! theta_{t+1} = theta_t + eta q(pi_t)
//! ```

use equipoise_core::kernel::Iterates;
use equipoise_core::{
    BuildError, Cost, Oracle, Policy, Progress, Rng, Solver, StepError, StepSize, Task, local,
};

/// Self-play with a fixed step.
pub(crate) struct Hedge {
    state: Iterates,
    eta: f64,
}

impl Hedge {
    /// At the start of `task`.
    pub(crate) fn new(task: &Task, eta: f64) -> Self {
        Self { state: Iterates::new(task), eta }
    }
}

impl Solver for Hedge {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        oracle.win_rates(&self.state.played, &mut self.state.gain);
        self.state.mirror_step(self.eta, 0.0)?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        Some(local::mirror_descent(self.eta, 0.0, omega))
    }
}

/// `D = max_i -log pi_1(i)` over all contexts: how far the start is from the furthest pure policy.
pub(crate) fn log_range(task: &Task) -> f64 {
    task.start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l))
}

/// Resolves a step size whose theorem is Hedge's: `sqrt(8 D / T)`, for a uniform start `sqrt(8 log n / T)`.
pub(crate) fn resolve(key: &'static str, step: StepSize, task: &Task) -> Result<StepSize, BuildError> {
    let theorem = || {
        let horizon = task.horizon.ok_or("the proved step needs the number of steps; set limits.steps or give a number")?;
        Ok((8.0 * log_range(task).max(f64::MIN_POSITIVE) / horizon as f64).sqrt())
    };
    let modulus = |eta, omega| local::mirror_descent(eta, 0.0, omega);
    step.resolve(key, task, false, theorem, Some(&modulus))
}
