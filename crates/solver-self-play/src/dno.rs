//! DNO: direct Nash optimisation, exact step.
//!
//! ```text
//! pi_{t+1} = argmin_pi  - E_{(y, y') ~ W} [ s log sigma(D) + (1 - s) log sigma(-D) ],
//!     s = sigma(q_y - q_y'),  D = eta_D (log pi(y)/pi_t(y) - log pi(y')/pi_t(y')),  q = P pi_t
//!          propto  pi_t exp(q / eta_D)
//! ```
//!
//! The cross entropy is least where `sigma(D) = s` for every pair, which the second line attains for any pair
//! distribution W of full support: the minimiser is the multiplicative-weights step exactly.
//!
//! Paper: Rosset et al. 2024, arXiv:2404.03715, algorithm 1. Symbols: eta_D = `dno_eta` DIVIDES the win rate; ours is
//! `eta = 1 / eta_D`. Guarantee: the AVERAGE iterate (inherited from SPO). Cost: one query a step. Range: `dno_eta > 0`.
//! The task's `tau` is not used. Deviations: the practical variant (thresholded duels) is iterated DPO, see
//! `online-dpo`.

use equipoise_core::registry::ensure;
use equipoise_core::{Aim, BuildError, Iterate, Solver, SolverConfig, SolverEntry, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::Hedge;

/// Parameters of `dno`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta_D of the paper: divides the win rates. The canonical step size is 1 / dno_eta. Above 0.
    pub dno_eta: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { dno_eta: 10.0 }
    }
}

impl SolverConfig for Config {
    fn resolve(self, _task: &Task) -> Result<Self, BuildError> {
        let holds = self.dno_eta > 0.0 && self.dno_eta.recip().is_normal() && self.dno_eta.is_finite();
        ensure(holds, "dno_eta", self.dno_eta, "must be a finite number above 0")?;
        Ok(self)
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        Box::new(Hedge::new(task, self.dno_eta.recip()))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "dno",
    "cross-entropy regression on win-rate differences; exact step = mwu",
    "Rosset et al. 2024, arXiv:2404.03715",
)
.aims(Aim::Original, Iterate::Average)
.costs("1 query")
.verified("identity with mwu, stationarity of the regression");
