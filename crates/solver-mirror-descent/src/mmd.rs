//! MMD: magnetic mirror descent with the reference as magnet.
//!
//! ```text
//! theta_{t+1} = (theta_t + eta_M tau log mu + eta_M P pi_t) / (1 + eta_M tau)
//! ```
//!
//! Paper: Sokota et al. 2022, arXiv:2206.05825, section 3.2 (alpha there is the task's `tau`). Symbols: eta_M =
//! `mmd_eta`, the paper's implicit step; the canonical one is `eta = eta_M / (1 + eta_M tau)`, with which this is `omd`.
//! Guarantee: last iterate, `KL_t <= (1 + eta_M tau)^-t KL_0` for `eta_M <= tau / L^2 = 4 tau` (`theorem`).
//! Cost: one query a step. Range: `eta_M > 0`; `tau = 0` is `mwu`. Deviations: none.

use equipoise_core::{Aim, BuildError, Iterate, Solver, SolverConfig, SolverEntry, StepSize, Task, local};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mirror::Mirror;

/// Parameters of `mmd`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta_M, the paper's implicit step: a number above 0, `theorem` (4 tau) or `stability`.
    pub mmd_eta: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { mmd_eta: StepSize::Value(0.1) }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let modulus = |eta_m: f64, omega| local::mirror_descent(explicit(eta_m, task.tau), task.tau, omega);
        let theorem = || {
            if task.tau == 0.0 {
                return Err("the proved step is 4 tau, and tau is 0; give a number".into());
            }
            Ok(4.0 * task.tau)
        };
        Ok(Self { mmd_eta: self.mmd_eta.resolve("mmd_eta", task, false, theorem, Some(&modulus))? })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let eta_m = self.mmd_eta.value().expect("a resolved step size is a number");
        Box::new(Mirror::new(task, explicit(eta_m, task.tau)))
    }
}

/// The canonical step of the implicit one.
fn explicit(eta_m: f64, tau: f64) -> f64 {
    eta_m / (1.0 + eta_m * tau)
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mmd",
    "magnetic mirror descent, implicit step; = omd with eta = eta_M / (1 + eta_M tau)",
    "Sokota et al. 2022, arXiv:2206.05825",
)
.aims(Aim::Regularised, Iterate::Last)
.costs("1 query")
.verified("golden numbers, identity with omd");
