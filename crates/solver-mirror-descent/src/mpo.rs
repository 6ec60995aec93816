//! MPO: magnetic preference optimisation, MMD whose magnet is renewed by the policy every so many steps.
//!
//! ```text
//! theta_{t+1} = (theta_t + eta_M alpha log sigma + eta_M P pi_t) / (1 + eta_M alpha);   sigma <- pi every `period` steps
//! ```
//!
//! Paper: Wang et al. 2024, arXiv:2410.16714. Symbols: eta_M = `mpo_eta`, alpha = `alpha` (not the task's tau), canonical
//! `eta = eta_M / (1 + eta_M alpha)`. Renewed every step it is multiplicative weights with that eta: moved too fast, a
//! magnet holds nothing.
//! Guarantee: last iterate, towards the ORIGINAL game, if each inner game is solved. Cost: one query a step. Range:
//! `eta_M > 0`, `alpha > 0`, `period >= 1`. The task's `tau` is not used. Deviations: none in the tabular map.

use equipoise_core::registry::ensure;
use equipoise_core::step_size::implicit_step;
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::magnet::{Inner, Magnet, Move, Period};

/// Parameters of `mpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta_M of the paper, above 0: eta = eta_M / (1 + eta_M alpha).
    pub mpo_eta: f64,
    /// Strength of the magnet, above 0.
    pub alpha: f64,
    /// Steps after which the magnet is renewed, at least 1.
    pub period: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { mpo_eta: 0.4, alpha: 0.1, period: 100 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let above = |key, v: f64| ensure(v > 0.0 && v.is_finite(), key, v, "must be a finite number above 0");
        above("mpo_eta", self.mpo_eta)?;
        above("alpha", self.alpha)?;
        ensure(self.period >= 1, "period", self.period, "must be at least 1")?;
        let eta = implicit_step(self.mpo_eta, self.alpha);
        Ok(Built::new(
            &self,
            Magnet::new(task, eta, self.alpha, Inner::Omd, Period::Steps(self.period), Move::Replace),
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mpo",
    "magnetic mirror descent whose magnet is renewed every so many steps",
    "Wang et al. 2024, arXiv:2410.16714",
)
.aims(Aim::Original, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("identity with mwu at period 1, convergence on cyclic games");
