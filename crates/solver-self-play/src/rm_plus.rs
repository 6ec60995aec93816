//! RM+: regret matching plus in self-play on the original game.
//!
//! ```text
//! v_t = K x_t - x_t . K x_t,    R_t = [R_{t-1} + v_t]+,    x_{t+1} = R_t / sum R_t            R_0 = 0
//! ```
//!
//! Paper: Tammelin 2014, arXiv:1407.5042; last plays: Cai et al. 2023, arXiv:2311.00676. No step size: the method is
//! invariant to the scale of the payoffs. x_1 = the start, which only chooses the first regret.
//! Guarantee: the average, uniform or weighted by t: `gap <= 2 |R_T| / T <= 2 sqrt(n / T)` here (each `|v_t| <= sqrt(n)`
//! at most, much less in practice). The last play may cycle for ever; started AT an equilibrium rounding errors decide the first
//! regret, so the method does not stay there. Cost: one query a step. Policies may be pure. The task's `tau` is not
//! used. Deviations: none.

use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::regret::{Answer, RegretMatching};

/// Parameters of `rm-plus`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it answers with: `last` (the next play), `linear-average` or `quadratic-average` (of the plays).
    pub answer: Answer,
}

impl Default for Config {
    fn default() -> Self {
        Self { answer: Answer::LinearAverage }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        Ok(Built::new(&self, RegretMatching::new(task, false, self.answer)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry =
    SolverEntry::of::<Config>("rm-plus", "regret matching plus", "Tammelin 2014, arXiv:1407.5042")
        .aims(Aim::Original, Guarantee::Average)
        .biased_fixed_point()
        .reaches_boundary()
        .costs("1 query")
        .verified("golden numbers, its regret bound, the last play that cycles");
