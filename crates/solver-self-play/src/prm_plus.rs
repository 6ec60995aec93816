//! PRM+: predictive regret matching plus in self-play on the original game.
//!
//! ```text
//! v_t = K x_t - x_t . K x_t,    R_t = [R_{t-1} + v_t]+,    x_{t+1} propto [R_t + v_t]+         R_0 = 0
//! ```
//!
//! Paper: Farina, Kroer, Sandholm 2021, arXiv:2007.14358 (the prediction is the last v). Last plays: Cai et al. 2023,
//! arXiv:2311.00676. No step size. x_1 = the start, which only chooses the first regret.
//! Guarantee: the average, `O(1 / sqrt T)` at worst; weighted by t^2 it is among the fastest to low accuracy. The last
//! play may cycle. Started AT an equilibrium it does not stay, see `rm-plus`.
//! Cost: one query a step. Policies may be pure. The task's `tau` is not used. Deviations: none.

use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::regret::{Answer, RegretMatching};

/// Parameters of `prm-plus`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it answers with: `last` (the next play), `linear-average` or `quadratic-average` (of the plays).
    pub answer: Answer,
}

impl Default for Config {
    fn default() -> Self {
        Self { answer: Answer::QuadraticAverage }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        Ok(Built::new(&self, RegretMatching::new(task, true, self.answer)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "prm-plus",
    "predictive regret matching plus",
    "Farina, Kroer, Sandholm 2021, arXiv:2007.14358",
)
.aims(Aim::Original, Guarantee::Average)
.biased_fixed_point()
.reaches_boundary()
.contexts_apart()
.costs("1 query")
.verified("golden numbers, convergence of the averages");
