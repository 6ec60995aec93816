//! MNPO: several players, each answering the average of the others.
//!
//! ```text
//! log pi_i' = mean_{j != i} ( log pi_j + eta P pi_j ) + const            i = 1..N
//! ```
//!
//! Paper: Wu et al. 2025, arXiv:2509.23102, the homogeneous N-player game (its time-dependent form is `td-mnpo`). Symbols:
//! eta = `step_size`, N = `players`. The paper's two displayed equations use inverse conventions for eta; here it
//! multiplies the win rate. Player i starts at `start^(1 - s_i) mu^(s_i)`, `s_i = spread (i - 1) / (N - 1)`.
//! With equal starts all players stay equal and each is `mwu`, for every N; with different ones the differences of
//! logits shrink by `1 / (N - 1)` a step (N > 2), so that soon nothing is left of the players.
//! Guarantee: the AVERAGE, as for `mwu`. The policy is that of the first player. Cost: N queries a step. Range: `N >= 2`,
//! any `eta > 0`, spread in [0, 1]. The task's `tau` is not used. Deviations: none from the population step.

use equipoise_core::kernel::{Iterates, geometric_mixture};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::{self, hedge_step};

/// Parameters of `mnpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, or `theorem` (sqrt(8 D / T), as for mwu).
    pub step_size: StepSize,
    /// N, the number of players, from 2 to 1000.
    pub players: u32,
    /// How far the starts are spread from the start (0) to the reference (1).
    pub spread: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1), players: 3, spread: 0.0 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        ensure((2..=1000).contains(&self.players), "players", self.players, "must be from 2 to 1000")?;
        ensure((0.0..=1.0).contains(&self.spread), "spread", self.spread, "must be in [0, 1]")?;
        let eta = hedge::resolve(self.step_size, task, hedge_step)?;
        let config = Self { step_size: eta.into(), ..self };
        let last = f64::from(config.players - 1);
        let players: Vec<Policy> = (0..config.players)
            .map(|i| {
                let mut player = task.start.clone();
                let share = config.spread * f64::from(i) / last;
                if share > 0.0 {
                    geometric_mixture(&mut player, &task.start, &task.reference, share)
                        .expect("both have full support");
                }
                player
            })
            .collect();
        let len = task.shape().len();
        Ok(Built::new(
            &config,
            Mnpo { state: Iterates::new(task), players, moved: vec![vec![0.0; len]; last as usize + 1], eta },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "mnpo",
    "several players, each moving from the others' average; equal starts: mwu",
    "Wu et al. 2025, arXiv:2509.23102",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("one query a player")
.verified("identity with mwu for every number of players, collapse of different starts");

struct Mnpo {
    /// `policy` is the first player, `played` what it was.
    state: Iterates,
    players: Vec<Policy>,
    /// `log pi_j + eta q(pi_j)` of every player, flat over the shape.
    moved: Vec<Vec<f64>>,
    eta: f64,
}

impl Solver for Mnpo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, players, moved, eta } = self;
        for (player, moved) in players.iter().zip(moved.iter_mut()) {
            oracle.win_rates(player, gain);
            for ((m, l), q) in moved.iter_mut().zip(player.log_probs_slice()).zip(&*gain) {
                *m = l + *eta * q;
            }
        }
        played.copy_from(&players[0]);
        let others = 1.0 / (players.len() - 1) as f64;
        for (i, player) in players.iter_mut().enumerate() {
            player.set_logits(|logits| {
                logits.fill(0.0);
                for moved in moved.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, m)| m) {
                    logits.iter_mut().zip(moved).for_each(|(t, m)| *t += others * m);
                }
            })?;
        }
        policy.copy_from(&players[0]);
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: self.players.len() as u64, duels: 0 }
    }
}
