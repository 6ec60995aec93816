//! Fictitious play in self-play.
//!
//! ```text
//! b_t = argmax_i (P pi_t)_i,      pi_{t+1} = (pi_1 + e_{b_1} + ... + e_{b_t}) / (t + 1)
//! ```
//!
//! Paper: Brown 1951; Robinson 1951, doi:10.2307/1969530. Ties go to the lowest index (another rule, another
//! trajectory). Which iterate is which: the last iterate IS the running average pi_t, the sequence that converges; what
//! is played is the best response e_{b_t}, so the average of the played policies is the same average without the start.
//! Guarantee: both converge in gap, with no useful rate in general; `O(T^(-1/2))` is seen on rock-paper-scissors.
//! Cost: one query a step, at pi_t. The task's `tau` is not used. Deviation: the start counts as the first play and may
//! be mixed.

use equipoise_core::kernel::Iterates;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry,
    StepError, Task,
};
use ndarray::Array1;
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
        Box::new(FictitiousPlay { state: Iterates::new(task), plays: task.start.probs().clone(), count: 1.0 })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "fictitious-play",
    "best response to the average of past plays",
    "Brown 1951; Robinson 1951, doi:10.2307/1969530",
)
.aims(Aim::Original, Iterate::Both)
.costs("1 query")
.verified("steps by hand, T^(-1/2) and its constant on rock-paper-scissors");

struct FictitiousPlay {
    /// `policy` is the average pi_t, `played` the last best response.
    state: Iterates,
    /// Sum of the plays, flat over the shape; the start is the first.
    plays: Array1<f64>,
    /// Number of plays.
    count: f64,
}

impl Solver for FictitiousPlay {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, plays, count } = self;
        oracle.win_rates(policy, gain);
        played.set_probs(|response| {
            response.fill(0.0);
            for range in policy.shape().ranges() {
                // only a strictly larger win rate moves on, so the lowest index keeps a tie
                let best = range.clone().fold(range.start, |b, i| if gain[i] > gain[b] { i } else { b });
                response[best] = 1.0;
            }
        })?;
        *plays += played.probs();
        *count += 1.0;
        policy.set_probs(|average| {
            for (p, sum) in average.iter_mut().zip(&*plays) {
                *p = sum / *count;
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
