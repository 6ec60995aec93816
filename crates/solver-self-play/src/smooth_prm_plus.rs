//! Smooth PRM+: predictive regret matching plus with regrets kept away from the origin, and its restarted form.
//!
//! ```text
//! R'_t = Pi(R_t + eta v_{t-1}),    x_t = R'_t / sum R'_t,    R_{t+1} = Pi(R_t + eta v_t),    v_t = q(x_t) - x_t . q(x_t)
//! Pi: Euclidean projection onto { R >= 0, sum R >= 1 }        v_0 = 0, R_1 = x_1 = the start
//! restart: once |R_{t+1} - R'_t| + |R'_t - R_t| <= 2^-k, set R_{t+1} <- R_{t+1} / sum R_{t+1} and k <- k + 1
//! ```
//!
//! Paper: Farina et al. 2023, arXiv:2305.14709 (smooth PRM+: 1 / T average); Cai et al. 2023, arXiv:2311.00676 (restarts:
//! linear last iterate). Symbols: eta = `step_size`. Near the origin of regret space a play jumps on a small change of
//! regrets; the cut-off set is what makes v a Lipschitz function of R.
//! Guarantee: average `O(1 / T)`, best play `O(1 / sqrt T)`, with restarts a linear last play, for small enough eta.
//! Cost: one query a step and two projections, O(n log n). Range: `eta > 0`; on the two-player game where PRM+ cycles the
//! last play converges at 0.3 and cycles at 1. Policies may be pure. The task's `tau` is
//! not used. Deviations: each context restarts by itself; the papers' constants in the restart rule (8 in place of 1)
//! and their proved steps are not used.

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::project;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::regret::{Answer, Averaged, normalise_into, regrets};

/// Parameters of `smooth-prm-plus`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the regrets: a number above 0.
    pub step_size: StepSize,
    /// Whether regrets are rescaled when the play hardly moves (the restarted form).
    pub restart: bool,
    /// What it answers with: `last` (the next play), `linear-average` or `quadratic-average` (of the plays).
    pub answer: Answer,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.3), restart: false, answer: Answer::Last }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let theorem = || Err("the proved steps are far too small to run; give a number".into());
        let eta = self
            .step_size
            .resolve(task, &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: None })?;
        let config = Self { step_size: eta.into(), ..self };
        let start = task.start.probs().to_vec();
        Ok(Built::new(
            &config,
            SmoothPrm {
                state: Iterates::new(task),
                next: task.start.clone(),
                predicted: start.clone(),
                before: start.clone(),
                regret: start,
                eta,
                threshold: config.restart.then(|| vec![0.5; task.shape().contexts()]),
                averaged: Averaged::new(config.answer, task.shape().len()),
                scratch: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "smooth-prm-plus",
    "predictive regret matching plus with regrets kept away from 0; restarts on request",
    "Farina et al. 2023, arXiv:2305.14709; Cai et al. 2023, arXiv:2311.00676",
)
.aims(Aim::Original, Guarantee::Both)
.reaches_boundary()
.contexts_apart()
.costs("1 query")
.verified(
    "optimality of its projection, 1 / T average, restarted last play on the game where prm-plus cycles",
);

struct SmoothPrm {
    /// `policy` is the answer, `played` x_t, `gain` becomes v_t.
    state: Iterates,
    /// x_{t+1}.
    next: Policy,
    /// R_{t+1} and R'_{t+1}, flat over the shape; `before` is R_t.
    regret: Vec<f64>,
    predicted: Vec<f64>,
    before: Vec<f64>,
    eta: f64,
    /// 2^-k of each context, if restarts are asked for.
    threshold: Option<Vec<f64>>,
    averaged: Averaged,
    scratch: Vec<f64>,
}

impl Solver for SmoothPrm {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, next, regret, predicted, before, .. } = self;
        played.copy_from(next);
        oracle.win_rates(played, gain);
        let v = gain.flat_mut();
        regrets(played, v);
        before.copy_from_slice(regret);
        for (x, range) in played.shape().ranges().enumerate() {
            let row = &mut regret[range.clone()];
            row.iter_mut().zip(&v[range.clone()]).for_each(|(r, v)| *r += self.eta * v);
            cut(row, &mut self.scratch);
            if let Some(threshold) = &mut self.threshold {
                let distance =
                    |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                let last = &predicted[range.clone()];
                let moved = distance(row, last) + distance(last, &before[range.clone()]);
                if moved <= threshold[x] {
                    threshold[x] *= 0.5;
                    let sum: f64 = row.iter().sum();
                    row.iter_mut().for_each(|r| *r /= sum);
                }
            }
            let ahead = &mut predicted[range.clone()];
            for ((p, r), v) in ahead.iter_mut().zip(&*row).zip(&v[range]) {
                *p = r + self.eta * v;
            }
            cut(ahead, &mut self.scratch);
        }
        normalise_into(next, predicted)?;
        self.averaged.answer(policy, played, next)?;
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

/// Projects onto `{ R >= 0, sum R >= 1 }`: the positive part if that sums to 1 at least, and else onto the simplex.
fn cut(row: &mut [f64], scratch: &mut Vec<f64>) {
    if row.iter().map(|r| r.max(0.0)).sum::<f64>() >= 1.0 {
        row.iter_mut().for_each(|r| *r = r.max(0.0));
    } else {
        project(row, scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_the_nearest_point_of_its_set() {
        let distance = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        for y in [[0.2, 0.3], [-1.0, 0.4], [2.0, -0.5], [0.7, 0.6], [-0.3, -0.2]] {
            let mut x = y;
            cut(&mut x, &mut Vec::new());
            assert!(x.iter().all(|r| *r >= 0.0) && x[0] + x[1] >= 1.0 - 1e-15, "{x:?}");
            // brute force over a grid of the set
            for i in 0..=300 {
                for j in 0..=300 {
                    let z = [f64::from(i) / 100.0, f64::from(j) / 100.0];
                    assert!(
                        z[0] + z[1] < 1.0 - 1e-12 || distance(&y, &x) <= distance(&y, &z) + 1e-12,
                        "{y:?} {z:?}"
                    );
                }
            }
        }
    }
}
