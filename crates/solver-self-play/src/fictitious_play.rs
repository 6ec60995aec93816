//! Fictitious play in self-play.
//!
//! ```text
//! G_t = G_{t-1} + P p_t,    p_{t+1} = e_{argmax_i G_t(i)},    pi_{t+1} = (p_1 + ... + p_{t+1}) / (t + 1)
//! ```
//!
//! Paper: Brown 1951; Robinson 1951, doi:10.2307/1969530. p_1 = pi_1 = the start. `G_t / t` is the win rate against pi_t,
//! so each play is a best response to the average of the plays before it; adding up win rates, instead of asking at the
//! average, keeps exact ties exact. Ties go to the lowest index (another rule, another trajectory).
//! Which iterate is which: the last iterate IS the running average pi_t, the sequence that converges; the played policy is
//! p_t, so the average of the played policies is the last iterate one step before.
//! Guarantee: the average converges in gap, with no useful rate in general; `O(T^(-1/2))` is seen on rock-paper-scissors.
//! Cost: one query a step, at p_t. The task's `tau` is not used. Deviation: the first play may be mixed.

use equipoise_core::kernel::Iterates;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `fictitious-play` has no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let (response, plays) = (task.start.clone(), task.start.probs().clone());
        let total = Array1::zeros(plays.len());
        Ok(Built::new(
            &self,
            FictitiousPlay { state: Iterates::new(task), response, total, plays, count: 1.0 },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "fictitious-play",
    "best response to the average of past plays",
    "Brown 1951; Robinson 1951, doi:10.2307/1969530",
)
.aims(Aim::Original, Guarantee::Both)
.biased_fixed_point()
.reaches_boundary()
.contexts_apart()
.costs("1 query")
.verified("steps by hand, T^(-1/2) and its constant on rock-paper-scissors");

struct FictitiousPlay {
    /// `policy` is the average pi_{t+1}, `played` the play p_t, `gain` its win rates.
    state: Iterates,
    /// The next play p_{t+1}.
    response: Policy,
    /// G_t, flat over the shape.
    total: Array1<f64>,
    /// Sum of the plays up to p_{t+1}, flat over the shape, and their number.
    plays: Array1<f64>,
    count: f64,
}

impl Solver for FictitiousPlay {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, response, total, plays, count } = self;
        std::mem::swap(played, response);
        oracle.win_rates(played, gain);
        *total += &*gain;
        response.set_probs(|p| {
            p.fill(0.0);
            for range in played.shape().ranges() {
                // only a strictly larger total moves on, so the lowest index keeps a tie
                let best = range.clone().fold(range.start, |b, i| if total[i] > total[b] { i } else { b });
                p[best] = 1.0;
            }
        })?;
        *plays += response.probs();
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
