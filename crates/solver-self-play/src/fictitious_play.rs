//! Fictitious play in self-play.
//!
//! ```text
//! b_t = argmax_i (P pi_t)_i,    pi_{t+1} = pi_t + (e_{b_t} - pi_t) / (t + 1)      pi_1 = the start
//! ```
//!
//! Paper: Brown 1951; Robinson 1951. Ties go to the lowest index (another rule gives another trajectory).
//! The last iterate here IS the empirical average of the best responses (with the start as its first entry): that is
//! the sequence which converges, at `O(T^(-1/2))` on rock-paper-scissors. Feedback is taken at that average, so the
//! average iterate of the instrument averages it once more.
//! Cost: one query a step. Original game; the task's `tau` is not used. Context by context. Deviations: none.

use equipoise_core::kernel::Iterates;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `fictitious-play` has no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl SolverConfig for Config {
    fn resolve(self, _task: &Task) -> Result<Self, BuildError> {
        Ok(self)
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        Box::new(FictitiousPlay { state: Iterates::new(task), steps: 0 })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "fictitious-play",
    "best response to the average of past best responses",
    "Brown 1951; Robinson 1951, doi:10.2307/1969530",
)
.aims(Aim::Original, Iterate::Last)
.costs("1 query")
.verified("hand-computed steps, T^(-1/2) on rock-paper-scissors");

struct FictitiousPlay {
    state: Iterates,
    steps: u64,
}

impl Solver for FictitiousPlay {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        self.steps += 1;
        let weight = 1.0 / (self.steps as f64 + 1.0);
        let Iterates { policy, played, gain, .. } = &mut self.state;
        oracle.win_rates(played, gain);
        policy.set_probs(|probs| {
            for range in played.shape().ranges() {
                // the first of the largest: `>` keeps the lowest index
                let mut best = range.start;
                for i in range.clone() {
                    if gain[i] > gain[best] {
                        best = i;
                    }
                }
                for i in range {
                    let hit = if i == best { 1.0 } else { 0.0 };
                    probs[i] = played.probs_slice()[i] * (1.0 - weight) + weight * hit;
                }
            }
        })?;
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
}
