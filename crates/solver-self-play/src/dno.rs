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
//! Paper: Rosset et al. 2024, arXiv:2404.03715. Symbols: eta_D = `dno_eta` DIVIDES the win rate; the canonical step,
//! which runs and is recorded, is `step_size = 1 / eta_D`. Guarantee: the AVERAGE iterate (inherited from SPO). Every
//! step beats its predecessor, `P(pi_t+1 > pi_t) - 1/2 = (KL(pi_t+1 || pi_t) + KL(pi_t || pi_t+1)) / eta`, which does not
//! make the last iterate converge: on a cycle it improves on itself for ever.
//! Cost: one query a step. Range: `dno_eta > 0`. The task's `tau` is not used. Deviations: none from the exact step; the
//! practical variant (thresholded duels, hence iterated DPO) has another fixed point and is not this.

use equipoise_core::registry::ensure;
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::{self, Hedge, hedge_step};

/// Parameters of `dno`. Give `step_size` or `dno_eta`, not both; neither means `step_size: 0.1`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, or `theorem` (sqrt(8 D / T), T = limits.steps,
    /// D = max -log start, which is log n for a uniform start).
    pub step_size: Option<StepSize>,
    /// The paper's eta_D, above 0: it divides the win rates, so eta = 1 / dno_eta.
    pub dno_eta: Option<f64>,
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let step_size = match (self.step_size, self.dno_eta) {
            (Some(_), Some(eta_d)) => {
                return Err(BuildError::range("dno_eta", eta_d, "give this or `step_size`, not both"));
            }
            (None, Some(eta_d)) => {
                ensure(
                    eta_d > 0.0 && eta_d.is_finite(),
                    "dno_eta",
                    eta_d,
                    "must be a finite number above 0",
                )?;
                StepSize::Value(eta_d.recip())
            }
            (given, None) => given.unwrap_or(StepSize::Value(0.1)),
        };
        let eta = hedge::resolve(step_size, task, hedge_step)?;
        let config = Self { step_size: Some(eta.into()), dno_eta: None };
        Ok(Built::new(&config, Hedge::new(task, eta)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "dno",
    "cross-entropy regression on win-rate differences; exact step = mwu",
    "Rosset et al. 2024, arXiv:2404.03715",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("1 query")
.verified("identity with mwu, stationarity of the regression");
