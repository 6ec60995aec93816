//! Mirror-prox with the entropy: extragradient multiplicative weights on the original game.
//!
//! ```text
//! pi_{t+1/2} = softmax(theta_t + eta P pi_t)         theta_{t+1} = theta_t + eta P pi_{t+1/2}
//! ```
//!
//! Paper: Nemirovski 2004, doi:10.1137/S1052623403425629, eq. (1.8); the look-ahead is Korpelevich's (1976). Symbols:
//! his step gamma = `step_size`, his operator F = -K (margins), his mean of the look-ahead points = the average iterate.
//! Guarantee: for `eta <= 2`, the inverse of the norm of K from l1 to l-inf, the average of the half points has
//! `gap <= 2 D / (eta T)`, `D = max_i -log pi_0(i)`; `theorem` is that 2. Near an interior equilibrium the last iterate
//! contracts too while `eta w < 1`, and `w` is at most about `1 / pi` on cyclic games.
//! Cost: two queries a step. The task's `tau` is not used. Deviation: none.

use equipoise_core::local::extragradient;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{Aim, BuildError, Built, Guarantee, SolverConfig, SolverEntry, StepSize, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::look_ahead::LookAhead;

/// Parameters of `mirror-prox`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (2) or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let modulus = |eta, omega| extragradient(eta, 0.0, omega);
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::Positive, theorem: &|| Ok(2.0), modulus: Some(&modulus) },
        )?;
        let config = Self { step_size: eta.into() };
        Ok(Built::new(&config, LookAhead::new(task, eta, 0.0)))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mirror-prox",
    "extragradient multiplicative weights on the original game",
    "Nemirovski 2004, doi:10.1137/S1052623403425629",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("2 queries")
.verified("golden numbers, the 2 D / (eta T) bound on random games, local slopes");
