//! ONPO: optimistic online mirror descent with two sequences, on the original game.
//!
//! ```text
//! pi'_{t+1} propto pi'_t exp(eta r_t),     r_t = P pi_t
//! pi_{t+1}  propto pi'_{t+1} exp(eta r_t)                      pi'_1 = pi_1
//! ```
//!
//! Paper: Zhang et al. 2025, arXiv:2502.16852. Symbols: eta = `step_size`. In the tabular case equal to `omwu`, because
//! one step adds `eta (2 r_t - r_{t-1})` with `r_0 = 0`.
//! Guarantee: average and, where the equilibrium is unique, last iterate. The average bound as printed,
//! `gap <= 4 sqrt(D) / T` at `eta = min(1/2, sqrt D)`, `D = max_i -log pi_1(i)`, is broken by a game in which one action
//! beats all others (a test shows it); the argument gives `2 D / (eta T) + eta / (2 T)`, see [`crate::omwu`].
//! `theorem` is the paper's step.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviations: population regressions.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::omwu;

/// Parameters of `onpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (min(1/2, sqrt D), D = max -log start) or
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
        let radius = task.start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l));
        // D = 0 (one action in every context) admits every step
        let theorem = || Ok(if radius > 0.0 { radius.sqrt().min(0.5) } else { 0.5 });
        let eta = omwu::resolve(self.step_size, task, theorem)?;
        let config = Self { step_size: eta.into() };
        let state = Iterates::new(task);
        let (base, next) = (state.policy.clone(), state.policy.clone());
        Ok(Built::new(&config, Onpo { state, base, next, eta }))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "onpo",
    "optimistic mirror descent in its two-sequence form; = omwu",
    "Zhang et al. 2025, arXiv:2502.16852",
)
.aims(Aim::Original, Guarantee::Both)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, identity with omwu, its average bound audited");

struct Onpo {
    state: Iterates,
    /// pi'.
    base: Policy,
    next: Policy,
    eta: f64,
}

impl Solver for Onpo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, gain, .. } = &mut self.state;
        oracle.win_rates(played, gain);
        logit_step(&mut self.next, &[(1.0, &self.base)], self.eta, gain)?;
        std::mem::swap(&mut self.base, &mut self.next);
        logit_step(policy, &[(1.0, &self.base)], self.eta, gain)?;
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
        Some(local::optimistic(self.eta, 0.0, omega))
    }
}
