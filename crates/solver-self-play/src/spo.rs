//! SPO: self-play preference optimisation towards the minimax winner, in its tabular instance.
//!
//! ```text
//! pi_{t+1} propto pi_t exp(eta P(. beats pi_t)),   the reward of an answer is its win rate against pi_t
//! ```
//!
//! Paper: Swamy et al. 2024, arXiv:2401.04056 (any no-regret learner against itself; multiplicative weights here).
//! Symbols: eta = `step_size`. It is `mwu` with the paper's reading: an exact alias in the tabular case.
//! Guarantee: the AVERAGE iterate is a `2 Reg(T) / T`-approximate minimax winner. Cost: one query a step. Range: any
//! `eta > 0`. The task's `tau` is not used. Deviations: the paper's learner is a policy-gradient method on trajectories.

use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::{self, Hedge, hedge_step};

/// Parameters of `spo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, or `theorem` (sqrt(8 D / T), T = limits.steps,
    /// D = max -log start, which is log n for a uniform start).
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = hedge::resolve(self.step_size, task, hedge_step)?;
        let config = Self { step_size: eta.into() };
        Ok(Built::new(&config, Hedge::new(task, eta)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "spo",
    "self-play towards the minimax winner; tabular instance = mwu",
    "Swamy et al. 2024, arXiv:2401.04056",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("1 query")
.verified("identity with mwu");
