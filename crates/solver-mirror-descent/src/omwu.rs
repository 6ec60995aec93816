//! OMWU: optimistic multiplicative weights in self-play on the original game.
//!
//! ```text
//! theta_{t+1} = theta_t + eta (2 q_t - q_{t-1}),   q_t = P pi_t,   q_0 = 0
//! ```
//!
//! Paper: Daskalakis, Panageas 2019, arXiv:1807.04252; for preferences arXiv:2512.24818. Symbols: eta = `step_size`.
//! Guarantee: the AVERAGE, `gap <= 2 D/(eta T) + eta/(2 T)` for `eta <= 1/sqrt 2` (margins have sup norm 1/2), `theorem`
//! is `1/2`; the last iterate converges linearly where the equilibrium is unique, at a rate that can be arbitrarily slow.
//! Locally stable iff `eta w < 1 / sqrt 3`.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviations: none.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    StepSize, Task, local,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `omwu`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (1/2) or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let modulus = |eta, omega| local::optimistic(eta, 0.0, omega);
        Ok(Self { step_size: self.step_size.resolve("step_size", task, false, || Ok(0.5), Some(&modulus))? })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let state = Iterates::new(task);
        let zeros = Array1::zeros(task.shape().len());
        let eta = self.step_size.value().expect("a resolved step size is a number");
        Box::new(Omwu { state, previous: zeros.clone(), prediction: zeros, eta })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "omwu",
    "optimistic multiplicative weights: predicts the next win rates by the last",
    "Daskalakis, Panageas 2019, arXiv:1807.04252",
)
.aims(Aim::Original, Iterate::Both)
.costs("1 query")
.verified("golden numbers, identity with onpo, local slopes");

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
