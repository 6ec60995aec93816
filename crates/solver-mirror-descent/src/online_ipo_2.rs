//! Online IPO, second version: both answers from the policy.
//!
//! ```text
//! loss  = E_{y, y' ~ SG[pi]} ( h_y - h_y' - (P(y > y') - 1/2) / tau )^2,   h = log(pi / mu)
//! theta <- theta - 4 lr pi_k ( h_k - pi . h - (q_k - 1/2) / tau )
//! ```
//!
//! Paper: Calandriello et al. 2024, arXiv:2403.08635; as in the simulation published with EGPO
//! (arXiv:2503.08942). Symbols: lr = `learning_rate` of plain gradient descent on that loss. The gradient is
//! `-(4 / tau)` times that of the self-play objective `P(pi > SG pi) - tau KL(pi || mu)`.
//! Guarantee: none used here. Cost: one query a step. Range: `learning_rate > 0`, `tau > 0`. The weight pi_k makes rare
//! actions hardly recover: slow at small tau. Deviations: population gradient; losses of several contexts are summed.

use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `online-ipo-2`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Step of plain gradient descent on the published loss, above 0.
    pub learning_rate: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 0.01 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let lr = self.learning_rate;
        ensure(lr > 0.0 && lr.is_finite(), "learning_rate", lr, "must be a finite number above 0")?;
        ensure(
            task.tau > 0.0,
            "tau",
            task.tau,
            "online-ipo-2 regresses on win rates over tau: it must be above 0",
        )?;
        Ok(Built::new(
            &self,
            OnlineIpo2 { state: Iterates::new(task), rate: self.learning_rate, tau: task.tau },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "online-ipo-2",
    "gradient steps on the online IPO loss with both answers from the policy",
    "Calandriello et al. 2024, arXiv:2403.08635",
)
.aims(Aim::Regularised, Guarantee::None)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, the published EGPO simulation to 1e-10, finite differences of the loss");

struct OnlineIpo2 {
    state: Iterates,
    rate: f64,
    tau: f64,
}

impl Solver for OnlineIpo2 {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, reference, gain } = &mut self.state;
        oracle.win_rates(played, gain);
        let (pi, log_pi, log_mu) =
            (played.probs_slice(), played.log_probs_slice(), reference.log_probs_slice());
        policy.set_logits(|logits| {
            for range in played.shape().ranges() {
                // x = h - q / tau; pi . q is 1/2, or its estimate where win rates are sampled
                let x = |k: usize| log_pi[k] - log_mu[k] - gain[k] / self.tau;
                let mean: f64 = range.clone().map(|k| pi[k] * x(k)).sum();
                for k in range {
                    logits[k] = log_pi[k] - 4.0 * self.rate * pi[k] * (x(k) - mean);
                }
            }
        })?;
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
}
