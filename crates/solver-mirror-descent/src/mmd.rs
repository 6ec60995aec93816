//! MMD: magnetic mirror descent with the reference as magnet.
//!
//! ```text
//! theta_{t+1} = (theta_t + eta_M tau log mu + eta_M P pi_t) / (1 + eta_M tau)
//! ```
//!
//! Paper: Sokota et al. 2022, arXiv:2206.05825. Symbols: eta_M = `mmd_eta`, its step, with the KL to the magnet taken
//! implicitly; alpha = the task's `tau`, the magnet = `mu`. Dividing through gives `omd` with
//! `eta = eta_M / (1 + eta_M tau)`, which is what runs and what is recorded as `step_size`.
//! Guarantee: last iterate, `KL(pi* || pi_t) <= (1 + eta_M tau)^-t KL(pi* || pi_0)` for `eta_M <= tau / L^2 = 4 tau`
//! (margins have norm `L = 1/2`), which is `theorem`.
//! Cost: one query a step. Range: any `eta_M > 0` (then `eta tau < 1` by itself); `tau = 0` is `mwu`. Deviations: none.

use equipoise_core::registry::ensure;
use equipoise_core::step_size::implicit_step;
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mirror::{self, Mirror};

/// Parameters of `mmd`. Give `step_size` or `mmd_eta`, not both; neither means `step_size: 0.1`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, `theorem` (eta_M = 4 tau) or `stability`.
    pub step_size: Option<StepSize>,
    /// The paper's eta_M, above 0: eta = eta_M / (1 + eta_M tau).
    pub mmd_eta: Option<f64>,
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let step_size = match (self.step_size, self.mmd_eta) {
            (Some(_), Some(eta_m)) => {
                return Err(BuildError::range("mmd_eta", eta_m, "give this or `step_size`, not both"));
            }
            (None, Some(eta_m)) => {
                ensure(
                    eta_m > 0.0 && eta_m.is_finite(),
                    "mmd_eta",
                    eta_m,
                    "must be a finite number above 0",
                )?;
                StepSize::Value(implicit_step(eta_m, task.tau))
            }
            (given, None) => given.unwrap_or(StepSize::Value(0.1)),
        };
        let eta =
            mirror::resolve(step_size, task, "eta_M = 4 tau, which is step_size = 4 tau / (1 + 4 tau^2)")?;
        let config = Self { step_size: Some(eta.into()), mmd_eta: None };
        Ok(Built::new(&config, Mirror::new(task, eta)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mmd",
    "magnetic mirror descent; = omd with eta = eta_M / (1 + eta_M tau)",
    "Sokota et al. 2022, arXiv:2206.05825",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, identity with omd, contraction bound on random games");
