//! The look-ahead step, written once for the whole family.
//!
//! ```text
//! theta_h  = (1 - eta tau) theta_t + eta tau log mu + eta q(pi_t)     look ahead
//! theta_t+1 = (1 - eta tau) theta_t + eta tau log mu + eta q(pi_h)    step, still from theta_t
//! ```
//!
//! Cost: two win-rate queries and O(n) a step. Fixed point: the regularised equilibrium (`tau = 0`: any equilibrium).

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::{Cost, Oracle, Policy, Progress, Rng, Solver, StepError, Task, local};

/// Both half steps of extragradient on logits.
pub(crate) struct LookAhead {
    /// `policy` is pi_t, `played` the half point pi_h.
    state: Iterates,
    /// Where pi_{t+1} is written while pi_t is still needed.
    next: Policy,
    eta: f64,
    tau: f64,
}

impl LookAhead {
    /// At the start of `task`; requires `eta * tau <= 1`.
    pub(crate) fn new(task: &Task, eta: f64, tau: f64) -> Self {
        Self { state: Iterates::new(task), next: task.start.clone(), eta, tau }
    }
}

impl Solver for LookAhead {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played: half, reference, gain }, next, eta, tau } = self;
        let anchors = [(1.0 - *eta * *tau, &*policy), (*eta * *tau, &*reference)];
        let anchors = if *tau == 0.0 { &anchors[..1] } else { &anchors };
        oracle.win_rates(policy, gain);
        logit_step(half, anchors, *eta, gain)?;
        oracle.win_rates(half, gain);
        logit_step(next, anchors, *eta, gain)?;
        std::mem::swap(policy, next);
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 2, duels: 0 }
    }

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        Some(local::extragradient(self.eta, self.tau, omega))
    }
}
