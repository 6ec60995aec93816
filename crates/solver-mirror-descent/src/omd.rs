//! OMD: online mirror descent on the regularised game in self-play.
//!
//! ```text
//! theta_{t+1} = (1 - eta tau) theta_t + eta tau log mu + eta P pi_t
//! ```
//!
//! Paper: the tabular form of INPO's population step (Zhang et al. 2024, arXiv:2407.00617, eq. (5)) and of online IPO 1;
//! bound as in Sokota et al. 2022, arXiv:2206.05825, theorem 3.4. Symbols: eta = `step_size` (INPO writes `1/eta`).
//! Guarantee: last iterate, `KL_t <= (1 - eta tau)^t KL_0` for `eta <= tau / (tau^2 + 1/4)` (`theorem`); locally stable
//! iff `eta < 2 tau / (tau^2 + w^2)`, and a limit cycle above that.
//! Cost: one query a step. Range: `eta tau <= 1`; `tau = 0` is `mwu`. Deviations: none.

use equipoise_core::{Aim, BuildError, Iterate, Solver, SolverConfig, SolverEntry, StepSize, Task, local};
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
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let modulus = |eta, omega| local::mirror_descent(eta, task.tau, omega);
        let theorem = || mirror::theorem(task);
        Ok(Self { step_size: self.step_size.resolve("step_size", task, true, theorem, Some(&modulus))? })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        Box::new(Mirror::new(task, self.step_size.value().expect("a resolved step size is a number")))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "omd",
    "online mirror descent towards the regularised equilibrium (INPO's population step)",
    "Zhang et al. 2024, arXiv:2407.00617, eq. (5)",
)
.aims(Aim::Regularised, Iterate::Last)
.costs("1 query")
.verified("golden numbers, local slopes, stability boundary, contraction bound");
