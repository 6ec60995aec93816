//! GPO: general preference optimisation, multiplicative weights on the SCORE game.
//!
//! ```text
//! S_ij = clip( log (P_ij / P_ji), -rho, rho ),    theta_{t+1} = theta_t + S pi_t / beta
//! ```
//!
//! Paper: Zhang et al. 2024, arXiv:2410.02197 (the general preference model GPM learns S; here S comes from the duels
//! asked so far: the logit of each pair's mean label). Symbols: beta = `gpo_beta`, which DIVIDES the score; rho =
//! `score_bound`.
//!
//! The score game is another game: its equilibrium is not that of the probability game (margins .45, .2, .1 around a
//! triangle: (.2019, .0966, .7015) against (.2667, .1333, .6)), so `duality_gap`, which speaks of the probability game,
//! does not go to 0; ask for the equilibrium of `transformed: { game: .., psi: logit }` to see its own.
//! Guarantee: the AVERAGE iterate approaches an equilibrium of the score game, `beta` of order `rho sqrt T`. The paper
//! sets the log-partition to 0; that is a shift of all logits, without effect in the tabular class.
//! Cost: every pair once a step, `n (n - 1) / 2` duels a context. Range: `beta > 0`, `rho > 0`. The task's `tau` is not
//! used. Deviation: with 0/1 labels scores are those of the labels so far, clipped at rho.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `gpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// beta, which divides the scores; above 0.
    pub gpo_beta: f64,
    /// rho, the largest score in nats; above 0. The default stands for a win rate of 0.9999.
    pub score_bound: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { gpo_beta: 10.0, score_bound: 9.21 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let holds = self.gpo_beta > 0.0 && self.gpo_beta.recip() > 0.0 && self.gpo_beta.recip().is_finite();
        ensure(holds, "gpo_beta", self.gpo_beta, "must be a finite number above 0")?;
        let holds = self.score_bound > 0.0 && self.score_bound.is_finite();
        ensure(holds, "score_bound", self.score_bound, "must be a finite number above 0")?;
        let shape = task.shape();
        let pairs: Vec<Duel> = (0..shape.contexts())
            .flat_map(|context| {
                let n = shape.actions(context);
                (0..n).flat_map(move |left| (left + 1..n).map(move |right| Duel { context, left, right }))
            })
            .collect();
        let zeros = vec![0.0; pairs.len()];
        Ok(Built::new(
            &self,
            Gpo {
                state: Iterates::new(task),
                labels: zeros.clone(),
                wins: zeros,
                pairs,
                rounds: 0.0,
                step: self.gpo_beta.recip(),
                bound: self.score_bound,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "gpo",
    "multiplicative weights on the score game, S = logit P",
    "Zhang et al. 2024, arXiv:2410.02197",
)
.aims(Aim::Other, Guarantee::Average)
.costs("n (n - 1) / 2 duels")
.verified("identity with mwu on the transformed game, the paper's cycle whose two equilibria differ");

struct Gpo {
    /// `gain` is S pi_t.
    state: Iterates,
    /// Every unordered pair of every context.
    pairs: Vec<Duel>,
    labels: Vec<f64>,
    /// Sum of the labels of each pair over the rounds.
    wins: Vec<f64>,
    rounds: f64,
    step: f64,
    bound: f64,
}

impl Solver for Gpo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        oracle.duels(&self.pairs, &mut self.labels);
        self.rounds += 1.0;
        let Iterates { policy, played, gain, .. } = &mut self.state;
        gain.fill(0.0);
        let shape = played.shape();
        let probs = played.probs_slice();
        for ((duel, label), wins) in self.pairs.iter().zip(&self.labels).zip(&mut self.wins) {
            *wins += label;
            // the mean of equal numbers, not their sum divided, so that exact labels stay exact
            let p = if self.rounds == 1.0 { *label } else { *wins / self.rounds };
            let score = (p / (1.0 - p)).ln().clamp(-self.bound, self.bound);
            let start = shape.range(duel.context).start;
            let (i, j) = (start + duel.left, start + duel.right);
            gain[i] += score * probs[j];
            gain[j] -= score * probs[i];
        }
        logit_step(policy, &[(1.0, played)], self.step, gain)?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 0, duels: self.pairs.len() as u64 }
    }
}
