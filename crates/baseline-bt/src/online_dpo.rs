//! Online (iterated) DPO: refit Bradley-Terry on pairs from the current policy, move by its reward.
//!
//! ```text
//! r_t = argmax sum_ij pi_t(i) pi_t(j) P_ij log sigma(r_i - r_j)
//! theta_{t+1} = theta_t + r_t / beta
//! ```
//!
//! Paper: iterated DPO as in Xu et al. 2023, arXiv:2312.16682, with the exact tabular fit. Symbols: beta = `beta`, above 0;
//! the reference of each round is the policy of the round before. On a cyclic game it spirals outward.
//! Guarantee: none. Cost: all pairs asked anew each step, `duels_per_pair` times: `n (n - 1) / 2` duels a context. The task's `tau` is not used.
//! Deviations: population fit.

use equipoise_core::kernel::logit_step;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bradley_terry::{duels, rewards, saturation};
use crate::design;
use crate::fit::fit_product;

/// Parameters of `online-dpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// KL coefficient of each round, above 0: the step on rewards is 1 / beta.
    pub beta: f64,
    /// How often every pair is asked for in each step, at least 1.
    pub duels_per_pair: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { beta: 10.0, duels_per_pair: 1 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let holds = self.beta > 0.0 && self.beta.is_finite() && self.beta.recip().is_finite();
        ensure(holds, "beta", self.beta, "must be a finite number above 0")?;
        ensure(self.duels_per_pair >= 1, "duels_per_pair", self.duels_per_pair, "must be at least 1")?;
        Ok(Built::new(
            &self,
            OnlineDpo {
                policy: task.start.clone(),
                played: task.start.clone(),
                beta: self.beta,
                duels_per_pair: self.duels_per_pair,
                notes: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "online-dpo",
    "iterated DPO: refit Bradley-Terry on the policy's own pairs",
    "Xu et al. 2023, arXiv:2312.16682",
)
.aims(Aim::Other, Guarantee::None)
.costs("n (n - 1) / 2 duels")
.verified("stationarity of the DPO loss, exact on Bradley-Terry games, spirals outward on the COMAL game");

struct OnlineDpo {
    policy: Policy,
    played: Policy,
    beta: f64,
    duels_per_pair: u32,
    notes: Vec<String>,
}

impl Solver for OnlineDpo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        std::mem::swap(&mut self.policy, &mut self.played);
        let tables = design::ask_all(oracle, self.duels_per_pair);
        let rows = (0..tables.len()).map(|x| self.played.log_probs_at(x));
        let (rewards, notes) = rewards(tables.iter().zip(rows).map(|(p, row)| fit_product(p.view(), row)))?;
        self.notes = notes;
        logit_step(&mut self.policy, &[(1.0, &self.played)], self.beta.recip(), &rewards)?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 0, duels: duels(&self.policy, 0, self.duels_per_pair) }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(saturation(&self.policy)).collect()
    }
}
