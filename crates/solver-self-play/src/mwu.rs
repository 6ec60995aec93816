//! Multiplicative weights in self-play (Hedge against itself) on the original game.
//!
//! ```text
//! pi_{t+1} propto pi_t exp(eta P pi_t)
//! ```
//!
//! Paper: Freund, Schapire 1999, Games and Economic Behavior 29; the tabular instance of SPO, DNO and of SPPO with the
//! exact normaliser. Symbols: eta = `step_size`.
//! Guarantee: the AVERAGE of the played policies, `gap <= 2 (log n / (eta T) + eta / 8)`; `theorem` is the minimiser
//! `eta = sqrt(8 log n / T)`. The last iterate spirals outward around every interior equilibrium
//! (`|lambda|^2 = 1 + eta^2 w^2`): KL to it never decreases.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviations: none.

use equipoise_core::step_size::StepRule;
use equipoise_core::{Aim, BuildError, Iterate, Solver, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::{self, Hedge};

/// Parameters of `mwu`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (sqrt(8 log n / T), T = limits.steps).
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        Ok(Self { step_size: hedge::resolve("step_size", self.step_size, task)? })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        Box::new(Hedge::new(task, self.step_size.value().expect("a resolved step size is a number")))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mwu",
    "multiplicative weights against itself",
    "Freund, Schapire 1999, doi:10.1006/game.1999.0738",
)
.aims(Aim::Original, Iterate::Average)
.costs("1 query")
.verified("golden numbers, closed forms, KL-increment identity, Hedge bound");
