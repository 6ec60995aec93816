//! Nash-EMA: regularised mirror descent against a moving average of the policy's own past.
//!
//! ```text
//! theta_{t+1}    = (1 - eta tau) theta_t + eta tau log mu + eta P bar_t
//! log bar_{t+1}  = d log bar_t + (1 - d) theta_{t+1} + const                bar_1 = pi_1, d = `decay`
//! ```
//!
//! Paper: Munos et al. 2023, arXiv:2312.00886, Nash-EMA-PG: the opponent's parameters are an exponential average of past
//! parameters. For tabular logits that is a GEOMETRIC average of policies, not the arithmetic one of fictitious play.
//! Symbols: eta = `step_size`, d = `decay` (0.999 in the paper), tau and mu = the task's. `decay: 0` is `omd`.
//! Guarantee: none. Fixed point: the regularised equilibrium; the local multipliers solve
//! `x^2 - (a + d + (1 - d) i eta w) x + a d = 0`, `a = 1 - eta tau`.
//! Cost: one query a step, at the average. Range: `eta tau <= 1`, `0 <= decay < 1`. Deviation: the paper takes gradient
//! steps on the policy; this is the exact mirror step against the same opponent.

use equipoise_core::kernel::{Iterates, geometric_mixture, logit_step};
use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `nash-ema`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, or `stability`.
    pub step_size: StepSize,
    /// Share of the old average kept at each step, in [0, 1).
    pub decay: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1), decay: 0.9 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let d = self.decay;
        ensure((0.0..1.0).contains(&d), "decay", d, "must be in [0, 1)")?;
        let theorem = || Err("nothing is proved for this method; give a number".into());
        let modulus = |eta, omega| local::averaged_opponent(eta, task.tau, d, omega);
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: Some(&modulus) },
        )?;
        let config = Self { step_size: eta.into(), ..self };
        let state = Iterates::new(task);
        let (next, average) = (state.policy.clone(), state.policy.clone());
        Ok(Built::new(&config, NashEma { state, next, average, eta, tau: task.tau, decay: config.decay }))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-ema",
    "mirror descent against a geometric moving average of its own past",
    "Munos et al. 2023, arXiv:2312.00886",
)
.aims(Aim::Regularised, Guarantee::None)
.contexts_apart()
.costs("1 query")
.verified("identity with omd at decay 0, local slope, steps by hand");

struct NashEma {
    /// `played` is bar_t.
    state: Iterates,
    next: Policy,
    /// bar_{t+1}.
    average: Policy,
    eta: f64,
    tau: f64,
    decay: f64,
}

impl Solver for NashEma {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, reference, gain }, next, average, eta, tau, decay } =
            self;
        std::mem::swap(played, average);
        oracle.win_rates(played, gain);
        logit_step(next, &[(1.0 - *eta * *tau, policy), (*eta * *tau, reference)], *eta, gain)?;
        std::mem::swap(policy, next);
        geometric_mixture(average, played, policy, 1.0 - *decay)?;
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
        // what does not turn does not feel its opponent: there the policy shrinks by itself, whatever the average does
        let alone = local::mirror_descent(self.eta, self.tau, 0.0);
        Some(if omega == 0.0 {
            alone
        } else {
            local::averaged_opponent(self.eta, self.tau, self.decay, omega)
        })
    }
}
