//! Nash-MP: mirror-prox on the regularised game, with the regulariser taken implicitly.
//!
//! ```text
//! log h       = (log pi_t + eta_M tau log mu + eta_M P pi_t) / (1 + eta_M tau)
//! log pi_t+1  = (log pi_t + eta_M tau log mu + eta_M P h)    / (1 + eta_M tau)
//! ```
//!
//! Paper: Tiapkin et al. 2025, arXiv:2505.19731. Symbols: eta_M = `nash_mp_eta`; dividing through gives EGPO's map with
//! `eta = eta_M / (1 + eta_M tau)`, which is what runs and what is recorded as `step_size`. The paper's beta = the task's
//! `tau`, its reference = `mu`.
//! Guarantee: last iterate, `KL` falling by `1 / (1 + 2 tau)` a step with `eta_M = 2 = 1 / |K|` (the `theorem` rule),
//! independent of the number of actions.
//! Cost: two queries a step. Range: any `eta_M > 0` (then `eta tau < 1` by itself).
//! Deviation: the map is our reading of the paper's abstract (mirror-prox with the KL term inside the proximal step);
//! at its step size it reproduces the published rate `(1 + 2 tau)^(-N/2)` after `N` queries.

use equipoise_core::local::extragradient;
use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory, implicit_step};
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::look_ahead::LookAhead;

/// Parameters of `nash-mp`. Give `step_size` or `nash_mp_eta`, not both; neither means `theorem`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau < 1, `theorem` (eta_M = 2) or `stability`.
    pub step_size: Option<StepSize>,
    /// The paper's eta_M, above 0: eta = eta_M / (1 + eta_M tau).
    pub nash_mp_eta: Option<f64>,
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let canonical = |eta_m: f64| implicit_step(eta_m, task.tau);
        let step_size = match (self.step_size, self.nash_mp_eta) {
            (Some(_), Some(eta_m)) => {
                return Err(BuildError::range("nash_mp_eta", eta_m, "give this or `step_size`, not both"));
            }
            (None, Some(eta_m)) => {
                ensure(
                    eta_m > 0.0 && eta_m.is_finite(),
                    "nash_mp_eta",
                    eta_m,
                    "must be a finite number above 0",
                )?;
                canonical(eta_m).into()
            }
            (given, None) => given.unwrap_or(StepSize::Rule(StepRule::Theorem)),
        };
        let modulus = |eta, omega| extragradient(eta, task.tau, omega);
        let eta = step_size.resolve(
            task,
            &StepTheory {
                range: StepRange::UpToInverseTau,
                theorem: &|| Ok(canonical(2.0)),
                modulus: Some(&modulus),
            },
        )?;
        let config = Self { step_size: Some(eta.into()), nash_mp_eta: None };
        Ok(Built::new(&config, LookAhead::new(task, eta, task.tau)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-mp",
    "mirror-prox on the regularised game with the implicit regulariser",
    "Tiapkin et al. 2025, arXiv:2505.19731",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("2 queries")
.verified("identity with egpo, the 1 / (1 + 2 tau) rate on random games");
