//! COMAL: a sequence of regularised games, each with the last answer as its reference, towards the original game.
//!
//! ```text
//! mu_{k+1} = equilibrium of the tau-regularised game with reference mu_k         a KL-proximal point step
//! ```
//!
//! Paper: Liu et al. 2024, arXiv:2410.23223. Symbols: tau = `comal_tau` (not the task's), eta = `step_size`. Inner steps are
//! INPO = mirror descent (`inner: omd`) or extragradient (`inner: egpo`); one solver step is ONE inner step, so the inner
//! loop is charged in full. Exact inner solves: `inner_tolerance`, the share to which the inner gap must fall (it
//! comes with the query, at no cost); inexact ones: `inner_steps`. mu_1 = the start.
//! Guarantee: `KL(p || mu_k)` to any equilibrium p never rises, for any tau, and the last iterate converges; inner
//! contraction `KL <= (1 - eta tau)^k` for the `theorem` step, tau / (tau^2 + 1/4) (omd) or min(1/(2 tau + 1), 1/2) (egpo).
//! Near an interior equilibrium an outer step contracts by `1 / sqrt(1 + w^2 / tau^2)`.
//! Cost: one query a step (omd) or two (egpo). Range: `tau > 0`, `eta tau <= 1`. The released script renews its reference
//! every 12 iterations, the paper's text says every 6. Deviations: none; the inner start is the reference, as there.

use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::magnet::{Inner, Magnet, Move, Period, proved_step};

/// Parameters of `comal`. Give `inner_tolerance` (exact inner solves) or `inner_steps` (inexact ones), not both; neither
/// means a tolerance of 1e-6.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// tau of the inner games, above 0.
    pub comal_tau: f64,
    /// eta of the inner steps: a number above 0 with eta tau <= 1, or `theorem`.
    pub step_size: StepSize,
    /// The inner method: `omd` (INPO, as published) or `egpo`.
    pub inner: Inner,
    /// The share of its first value to which the inner gap must fall before the reference moves, in (0, 1).
    pub inner_tolerance: Option<f64>,
    /// Inner steps after which the reference moves, at least 1.
    pub inner_steps: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            comal_tau: 0.1,
            step_size: StepSize::Rule(StepRule::Theorem),
            inner: Inner::Omd,
            inner_tolerance: None,
            inner_steps: None,
        }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let tau = self.comal_tau;
        ensure(tau > 0.0 && tau.is_finite(), "comal_tau", tau, "must be a finite number above 0")?;
        let inner_game = Task { tau, ..task.clone() };
        let theorem = || Ok(proved_step(self.inner, tau));
        let eta = self.step_size.resolve(
            &inner_game,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: None },
        )?;
        let period = match (self.inner_tolerance, self.inner_steps) {
            (Some(_), Some(steps)) => {
                let rule = "give this or `inner_tolerance`, not both";
                return Err(BuildError::range("inner_steps", steps, rule));
            }
            (None, Some(steps)) => {
                ensure(steps >= 1, "inner_steps", steps, "must be at least 1")?;
                Period::Steps(steps)
            }
            (share, None) => {
                let share = share.unwrap_or(1e-6);
                ensure(share > 0.0 && share < 1.0, "inner_tolerance", share, "must be in (0, 1)")?;
                Period::Solved(share)
            }
        };
        let (inner_tolerance, inner_steps) = match period {
            Period::Steps(steps) => (None, Some(steps)),
            Period::Solved(share) => (Some(share), None),
        };
        let config = Self { step_size: eta.into(), inner_tolerance, inner_steps, ..self };
        Ok(Built::new(&config, Magnet::new(task, eta, config.comal_tau, config.inner, period, Move::Replace)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "comal",
    "regularised games solved one after the other, each with the last answer as reference",
    "Liu et al. 2024, arXiv:2410.23223",
)
.aims(Aim::Original, Guarantee::Last)
.contexts_apart()
.costs("1 query (inner: omd) or 2 (egpo), inner steps charged")
.verified("golden numbers, KL to the equilibrium never rises, outer factor");
