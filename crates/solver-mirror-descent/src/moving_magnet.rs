//! Moving magnet: regularised steps towards a reference that moves, with schedules of one's choice.
//!
//! ```text
//! inner:  theta <- (1 - eta tau) theta + eta tau log sigma_k + eta P pi         (or the two half steps of extragradient)
//! outer:  every `period` steps   replace:  sigma_{k+1} = pi        anchored:  sigma_{k+1} = ((k + 1) pi + sigma_1) / (k + 2)
//! ```
//!
//! Papers: Abe et al. 2023, arXiv:2208.09855 and arXiv:2305.16610 (APMD: replace); Abe et al. 2024, arXiv:2410.02388 (GABP: a rest of the first
//! anchor is kept: the anchor of period k is `(k sigma^k + sigma^1) / (k + 1)` with sigma^k the policy at its beginning, so
//! `(2 pi + sigma^1) / 3` after the first period). R-NaD, MPO and COMAL are the same family. Symbols: eta = `step_size`, perturbation strength =
//! `magnet_tau` (not the task's tau), T_sigma = `period`.
//! Guarantee: last iterate towards the ORIGINAL game, about `1 / sqrt T` (replace) and `1 / T` (anchored) for gradient
//! versions of these methods; entropic steps are ours. Cost: one query a step (omd) or two (egpo). Range: `tau > 0`,
//! `eta tau <= 1`, `period >= 1`. Deviation: entropic instead of Euclidean steps.

use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::magnet::{Inner, Magnet, Move, Period, proved_step};

/// Parameters of `moving-magnet`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Strength of the magnet, above 0.
    pub magnet_tau: f64,
    /// eta of the inner steps: a number above 0 with eta tau <= 1, or `theorem` (that of omd or egpo).
    pub step_size: StepSize,
    /// The inner method: `omd` or `egpo`.
    pub inner: Inner,
    /// Steps after which the magnet moves, at least 1.
    pub period: u32,
    /// Where it moves to: `replace` (the policy) or `anchored` (with a rest of the first magnet).
    pub target: Move,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            magnet_tau: 0.1,
            step_size: StepSize::Rule(StepRule::Theorem),
            inner: Inner::Egpo,
            period: 40,
            target: Move::Anchored,
        }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let tau = self.magnet_tau;
        ensure(tau > 0.0 && tau.is_finite(), "magnet_tau", tau, "must be a finite number above 0")?;
        ensure(self.period >= 1, "period", self.period, "must be at least 1")?;
        let inner_game = Task { tau, ..task.clone() };
        let theorem = || Ok(proved_step(self.inner, tau));
        let eta = self.step_size.resolve(
            &inner_game,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: None },
        )?;
        let config = Self { step_size: eta.into(), ..self };
        let period = Period::Steps(config.period);
        Ok(Built::new(
            &config,
            Magnet::new(task, eta, config.magnet_tau, config.inner, period, config.target),
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "moving-magnet",
    "regularised steps towards a reference that follows the policy (APMD, GABP)",
    "Abe et al. 2023, arXiv:2305.16610; Abe et al. 2024, arXiv:2410.02388",
)
.aims(Aim::Original, Guarantee::Last)
.contexts_apart()
.costs("1 query (inner: omd) or 2 (egpo)")
.verified("identity with mpo, convergence of both schedules on cyclic games");
