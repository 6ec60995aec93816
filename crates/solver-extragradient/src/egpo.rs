//! EGPO: extragradient preference optimisation on the regularised game.
//!
//! ```text
//! theta_{t+1/2} = (1 - eta beta) theta_t + eta beta log pi_ref + eta P pi_t
//! theta_{t+1}   = (1 - eta beta) theta_t + eta beta log pi_ref + eta P pi_{t+1/2}
//! ```
//!
//! Paper: Zhou, Fazel, Du 2025, arXiv:2503.08942; the same map is the predictive update of Cen, Wei, Chi 2021,
//! arXiv:2105.15186, in self-play. Symbols: eta = `step_size`, beta = the task's `tau`, pi_ref = `mu`, pi_{t+1/2} =
//! [`played`](equipoise_core::Solver::played).
//! Guarantee: `KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t)`, last iterate. The published step limits are stated
//! with the sup norm of P; margins `K = P - 1/2` give the same softmax and half the norm, so they become
//! `eta <= min(1 / (2 tau + 1), 1/2)` here, which is the `theorem` rule.
//! Cost: two queries a step. Range: `eta tau <= 1`; locally the method needs `eta w < 1` or so (see
//! [`equipoise_core::local::extragradient`]). `tau = 0` is mirror-prox.
//! Deviation: none in the map; the paper reaches it by minimising two regression losses, which is equal in the tabular
//! case with exact answers.

use equipoise_core::local::extragradient;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::look_ahead::LookAhead;

/// Parameters of `egpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, `theorem` (min(1/(2 tau + 1), 1/2)) or
    /// `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let theorem = || Ok((1.0 / (2.0 * task.tau + 1.0)).min(0.5));
        let modulus = |eta, omega| extragradient(eta, task.tau, omega);
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: Some(&modulus) },
        )?;
        let config = Self { step_size: eta.into() };
        Ok(Built::new(&config, LookAhead::new(task, eta, task.tau)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "egpo",
    "extragradient: look ahead, then step with the win rates found there",
    "Zhou, Fazel, Du 2025, arXiv:2503.08942",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("2 queries")
.verified("closed forms, golden numbers, (1 - eta tau) contraction on random games, local slopes");
