//! The regularised mirror step, written once for the methods that are equal to it in the tabular case.
//!
//! ```text
//! theta_{t+1} = (1 - eta tau) theta_t + eta tau log mu + eta q(pi_t)
//! ```

use equipoise_core::kernel::Iterates;
use equipoise_core::{Cost, Oracle, Policy, Progress, Rng, Solver, StepError, Task, local};

/// Mirror descent with a fixed step.
pub(crate) struct Mirror {
    state: Iterates,
    eta: f64,
    tau: f64,
}

impl Mirror {
    /// At the start of `task`; requires `eta * task.tau <= 1`.
    pub(crate) fn new(task: &Task, eta: f64) -> Self {
        Self { state: Iterates::new(task), eta, tau: task.tau }
    }
}

impl Solver for Mirror {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        oracle.win_rates(&self.state.played, &mut self.state.gain);
        self.state.mirror_step(self.eta, self.tau)?;
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
        Some(local::mirror_descent(self.eta, self.tau, omega))
    }
}

/// The largest step for which mirror descent provably contracts: `eta = tau / (tau^2 + L^2)` with `L = 1/2`, the sup
/// norm of the margins.
pub(crate) fn theorem(task: &Task) -> Result<f64, String> {
    if task.tau == 0.0 {
        return Err("the proved step is tau / (tau^2 + 1/4), and tau is 0; give a number".into());
    }
    Ok(task.tau / (task.tau * task.tau + 0.25))
}
