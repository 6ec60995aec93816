//! The regularised mirror step, written once for the methods that are equal to it in the tabular case.
//!
//! ```text
//! theta_{t+1} = (1 - eta tau) theta_t + eta tau log mu + eta q(pi_t)
//! ```

use equipoise_core::kernel::Iterates;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    BuildError, Cost, Oracle, Policy, Progress, Rng, Solver, StepError, StepSize, Task, local,
};

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

/// Resolves a canonical step. The proved one is `eta = tau / (tau^2 + 1/4)`: magnetic mirror descent contracts for
/// `eta_M <= tau / L^2` (arXiv:2206.05825) with `L = 1/2`, the norm of the margins from l1 to l-inf, and
/// `eta = eta_M / (1 + eta_M tau)`. `proved` is that rule in the method's own words.
pub(crate) fn resolve(step: StepSize, task: &Task, proved: &str) -> Result<f64, BuildError> {
    let tau = task.tau;
    let theorem = || match tau {
        0.0 => Err(format!("the proved step is {proved}, and tau is 0; give a number")),
        _ => Ok(tau / (tau * tau + 0.25)),
    };
    let modulus = |eta, omega| local::mirror_descent(eta, tau, omega);
    step.resolve(
        task,
        &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: Some(&modulus) },
    )
}
