//! Multiplicative weights in self-play (Hedge against itself) on the original game.
//!
//! ```text
//! pi_{t+1} propto pi_t exp(eta P pi_t)
//! ```
//!
//! Paper: Freund, Schapire 1999, Games and Economic Behavior 29; the tabular instance of SPO, DNO and of SPPO with the
//! exact normaliser. Symbols: eta = `step_size`.
//! Guarantee: the AVERAGE of the played policies, `gap <= 2 (D / (eta T) + eta / 8)` with `D = max_i -log pi_1(i)`
//! (`log n` from the uniform start); `theorem` is the minimiser `eta = sqrt(8 D / T)`. The last iterate moves away from
//! every interior equilibrium p, exactly by `KL(p || pi_t+1) - KL(p || pi_t) = log sum_i pi_t(i) exp(eta (q_i - 1/2))`,
//! which is not negative; locally `|lambda|^2 = 1 + eta^2 w^2`.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviations: none.

use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::{self, Hedge, hedge_step};

/// Parameters of `mwu`.
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
    "mwu",
    "multiplicative weights against itself",
    "Freund, Schapire 1999, doi:10.1006/game.1999.0738",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, closed forms, KL-increment identity, Hedge bound");
