//! OMWU: optimistic multiplicative weights in self-play on the original game.
//!
//! ```text
//! theta_{t+1} = theta_t + eta (2 q_t - q_{t-1}),   q_t = P pi_t,   q_0 = 0
//! ```
//!
//! `q_0 = 0` because nothing is predicted before the first answer: then `theta_{t+1} = theta_1 + eta (q_1 + ... + q_t + q_t)`, every
//! answer once and the last one again as the prediction of the next. `q_0 = q_1` would leave q_1 out of that sum.
//!
//! Paper: Rakhlin, Sridharan 2013, arXiv:1311.1869; Daskalakis, Panageas 2019, arXiv:1807.04252; for preferences
//! arXiv:2512.24818. Symbols: eta = `step_size`.
//!
//! Guarantee, average: `gap <= 2 D / (eta T) + eta / (2 T)` with `D = max_i -log pi_1(i)`, for `eta <= 1 / sqrt 2`, which
//! is `theorem`. Derivation in this scale: the regret of optimistic mirror descent with a regulariser 1-strongly convex
//! in l1 is at most `D / eta + eta sum |g_t - g_{t-1}|^2 - sum |x_t - x_{t-1}|_1^2 / (8 eta)` (Syrgkanis et al. 2015,
//! arXiv:1507.00407). Modulo constants `|K d| <= |d|_1 / 2`, so `g_1` costs `eta / 4` and every later term
//! `eta |x_t - x_{t-1}|^2 / 4`, which the last sum covers while `eta / 4 <= 1 / (8 eta)`; the gap is twice the regret
//! over T. With payoffs in [0, 1] of norm 1 the same argument gives half that step.
//! Last iterate: linear where the equilibrium is unique, at a rate that can be arbitrarily slow (arXiv:2406.10631).
//! Locally stable exactly for `eta w < 1 / sqrt 3`.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviations: none.

use std::f64::consts::FRAC_1_SQRT_2;

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `omwu`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (1 / sqrt 2) or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = resolve(self.step_size, task, || Ok(FRAC_1_SQRT_2))?;
        let config = Self { step_size: eta.into() };
        let state = Iterates::new(task);
        let zeros = Array1::zeros(task.shape().len());
        Ok(Built::new(&config, Omwu { state, previous: zeros.clone(), prediction: zeros, eta }))
    }
}

/// Resolves the step of an optimistic method on the original game.
pub(crate) fn resolve(
    step: StepSize,
    task: &Task,
    theorem: impl Fn() -> Result<f64, String>,
) -> Result<f64, BuildError> {
    if step == StepSize::Rule(StepRule::Stability) && task.tau > 0.0 {
        let rule = "needs the spectrum at the equilibrium of the original game, and with tau above 0 only that of the \
                    regularised one is known; give a number";
        return Err(BuildError::range("step_size", "stability", rule));
    }
    let modulus = |eta, omega| local::optimistic(eta, 0.0, omega);
    step.resolve(task, &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: Some(&modulus) })
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "omwu",
    "optimistic multiplicative weights: predicts the next win rates by the last",
    "Rakhlin, Sridharan 2013, arXiv:1311.1869; Daskalakis, Panageas 2019, arXiv:1807.04252",
)
.aims(Aim::Original, Guarantee::Both)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, two-sequence and FTRL forms, average bound, local slopes, stability boundary");

struct Omwu {
    state: Iterates,
    /// q_{t-1}; 0 before the first step.
    previous: Array1<f64>,
    /// 2 q_t - q_{t-1}.
    prediction: Array1<f64>,
    eta: f64,
}

impl Solver for Omwu {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, gain, .. } = &mut self.state;
        oracle.win_rates(played, gain);
        for ((p, q), last) in self.prediction.iter_mut().zip(&*gain).zip(&self.previous) {
            *p = 2.0 * q - last;
        }
        logit_step(policy, &[(1.0, played)], self.eta, &self.prediction)?;
        std::mem::swap(gain, &mut self.previous);
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        Some(local::optimistic(self.eta, 0.0, omega))
    }
}
