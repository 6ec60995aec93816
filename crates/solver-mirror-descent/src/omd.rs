//! OMD: online mirror descent on the regularised game in self-play.
//!
//! ```text
//! theta_{t+1} = (1 - eta tau) theta_t + eta tau log mu + eta P pi_t
//! ```
//!
//! Paper: the exact step of INPO (Zhang et al. 2024, arXiv:2407.00617, whose eta is `1 / step_size`) and of online IPO,
//! version 1; contraction from Sokota et al. 2022, arXiv:2206.05825. Symbols: eta = `step_size`, tau and mu = the task's.
//! Guarantee: last iterate, `KL(pi* || pi_t) <= (1 - eta tau)^t KL(pi* || pi_0)` for `eta <= tau / (tau^2 + 1/4)`, which
//! is `theorem`. Locally it is stable exactly for `eta < 2 tau / (tau^2 + w^2)`; above that it ends in a limit cycle.
//! Cost: one query a step. Range: `eta tau <= 1`; `tau = 0` is `mwu`. Deviations: none.

use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mirror::{self, Mirror};

/// Parameters of `omd`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, `theorem` (tau / (tau^2 + 1/4)) or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = mirror::resolve(self.step_size, task, "tau / (tau^2 + 1/4)")?;
        let config = Self { step_size: eta.into() };
        Ok(Built::new(&config, Mirror::new(task, eta)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "omd",
    "online mirror descent towards the regularised equilibrium (INPO's exact step)",
    "Zhang et al. 2024, arXiv:2407.00617",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, local slopes, stability boundary, contraction bound");
