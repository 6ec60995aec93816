//! Regularised OMWU: one query a step, and each predicts the next.
//!
//! ```text
//! bar_{t+1}   = (1 - eta tau) theta_t + eta tau log mu + eta P bar_t          bar_0 = theta_0 = the start
//! theta_{t+1} = (1 - eta tau) theta_t + eta tau log mu + eta P bar_{t+1}
//! ```
//!
//! Paper: Cen, Wei, Chi 2021, arXiv:2105.15186 (their OMWU), in self-play. Symbols: eta = `step_size`, tau and mu = the
//! task's. The policy is bar, where the next query is made; the first step only predicts, theta moves from the second on.
//! Guarantee: last iterate, linear to the regularised equilibrium for small enough steps; the paper's limit is not
//! used. Local multipliers: the roots of `x^2 - (a + z (1 + a)) x + a z = 0`, `a = 1 - eta tau`, `z = i eta w`.
//! Cost: one query a step. Range: `eta tau <= 1`; `tau = 0` is optimistic multiplicative weights in Popov's form.
//! Deviations: none.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `regularized-omwu`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let theorem =
            || Err("the published limit was not verified here; give a number or `stability`".into());
        let modulus = |eta, omega| local::optimistic(eta, task.tau, omega);
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: Some(&modulus) },
        )?;
        let config = Self { step_size: eta.into() };
        let state = Iterates::new(task);
        let (base, next) = (state.policy.clone(), state.policy.clone());
        Ok(Built::new(&config, RegularizedOmwu { state, base, next, started: false, eta, tau: task.tau }))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "regularized-omwu",
    "optimistic mirror descent towards the regularised equilibrium, one query a step",
    "Cen, Wei, Chi 2021, arXiv:2105.15186",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("golden numbers, local slopes");

struct RegularizedOmwu {
    /// `policy` is bar_{t+1}, `played` bar_t.
    state: Iterates,
    /// theta_t.
    base: Policy,
    next: Policy,
    started: bool,
    eta: f64,
    tau: f64,
}

impl Solver for RegularizedOmwu {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Self { state: Iterates { policy, played, reference, gain }, base, next, started, eta, tau } =
            self;
        oracle.win_rates(played, gain);
        let pull = *eta * *tau;
        if *started {
            logit_step(next, &[(1.0 - pull, base), (pull, reference)], *eta, gain)?;
            std::mem::swap(base, next);
        }
        *started = true;
        logit_step(policy, &[(1.0 - pull, base), (pull, reference)], *eta, gain)?;
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
        Some(local::optimistic(self.eta, self.tau, omega))
    }
}
