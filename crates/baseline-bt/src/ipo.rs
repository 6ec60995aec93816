//! IPO, offline, in closed form.
//!
//! ```text
//! pi = argmin E_{y, y' ~ mu} ( h_y - h_y' - (P(y > mu) - P(y' > mu)) / ipo_tau )^2,   h = log(pi / mu)
//!    = softmax(log mu + P mu / ipo_tau)
//! ```
//!
//! Paper: Azar et al. 2023, arXiv:2310.12036, theorem 2 with Psi = identity and opponent mu. Symbols: tau = `ipo_tau`.
//! It is the best response to the reference: not an equilibrium, unless the win rates do not depend on the opponent.
//! Cost: one query, once. Range: `ipo_tau > 0`. Deviations: none.

use equipoise_core::kernel::logit_step;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `ipo`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// tau of the paper, above 0; unset: the task's tau, or 0.1 if that is 0.
    pub ipo_tau: Option<f64>,
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let tau = self.ipo_tau.unwrap_or(if task.tau > 0.0 { task.tau } else { 0.1 });
        ensure(tau > 0.0 && tau.is_finite(), "ipo_tau", tau, "must be a finite number above 0")?;
        let config = Self { ipo_tau: Some(tau) };
        Ok(Built::new(
            &config,
            Ipo {
                policy: task.start.clone(),
                played: task.start.clone(),
                reference: task.reference.clone(),
                tau,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "ipo",
    "offline IPO in closed form: the best response to the reference",
    "Azar et al. 2023, arXiv:2310.12036",
)
.aims(Aim::Other, Guarantee::None)
.costs("1 query, once")
.verified("golden gaps, closed form");

struct Ipo {
    policy: Policy,
    played: Policy,
    reference: Policy,
    tau: f64,
}

impl Solver for Ipo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let mut gain = Array1::zeros(self.reference.probs().len());
        self.played.copy_from(&self.reference);
        oracle.win_rates(&self.played, &mut gain);
        logit_step(&mut self.policy, &[(1.0, &self.reference)], self.tau.recip(), &gain)?;
        Ok(Progress::Finished)
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }
}
