//! Restarted averaging: projected gradient steps that start again from their average once its gap has halved.
//!
//! ```text
//! extragradient:  h = Proj(z + eta K z),  z <- Proj(z + eta K h),  plays h
//! optimistic:     x_t = Proj(z_{t-1} + eta g_{t-1}),  z_t = Proj(z_{t-1} + eta g_t),  g_t = K x_t,  plays x
//! average = mean of the plays since the last restart;  restart: z <- average  once  gap(average) <= gap(last restart) / 2
//! ```
//!
//! Paper: Applegate et al. 2021, arXiv:2105.12715 (restarts for linear programs, matrix games among them). Symbols: eta =
//! `step_size`, `base` = which of the two. The gap of the average is the average of the win rates already asked for, so
//! restarts cost nothing. The policy is the average: that is the iterate with the guarantee.
//! Guarantee: linear on every matrix game, at a rate of 1 / sharpness instead of its square; steps up to `1 / |K|_2`
//! (extragradient; `theorem` is 0.9 of it) and half of that (optimistic).
//! Cost: two queries a step (extragradient) or one (optimistic), and two projections. Range: `eta > 0`. Policies leave the
//! interior. The task's `tau` is not used. Deviations: the restart rule halves the gap of the game itself instead of the
//! paper's normalised gap; each context restarts by itself.

use std::ops::Range;

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Shape, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::euclid::{self, ascend};

/// The method between restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Two queries a step.
    Extragradient,
    /// One query a step (Popov).
    Optimistic,
}

/// Parameters of `eg-restart`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (0.9 / |K|_2, half of that if optimistic).
    pub step_size: StepSize,
    /// The method between restarts: `extragradient` (2 queries a step) or `optimistic` (1).
    pub base: Base,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem), base: Base::Extragradient }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let share = if self.base == Base::Optimistic { 0.5 } else { 1.0 };
        let eta = match (self.step_size, euclid::resolve(self.step_size, task)?) {
            (StepSize::Rule(_), eta) => share * eta,
            (StepSize::Value(_), eta) => eta,
        };
        let config = Self { step_size: eta.into(), ..self };
        let start = task.start.probs().to_vec();
        Ok(Built::new(
            &config,
            EgRestart {
                state: Iterates::new(task),
                gain_before: vec![0.5; start.len()],
                average: Average::new(task.shape()),
                buffer: start.clone(),
                half: task.start.clone(),
                z: start,
                base: config.base,
                eta,
                scratch: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "eg-restart",
    "projected extragradient, restarted from its average whenever that has halved its gap",
    "Applegate et al. 2021, arXiv:2105.12715",
)
.aims(Aim::Original, Guarantee::Last)
.reaches_boundary()
.contexts_apart()
.costs("2 queries (1 if optimistic)")
.verified("linear convergence on random games and on games with many equilibria");

struct EgRestart {
    /// `policy` is the average, `played` the last play.
    state: Iterates,
    /// The next play (optimistic) or the half point.
    half: Policy,
    /// z, flat over the shape.
    z: Vec<f64>,
    /// Win rates at z (extragradient) or of the play before (optimistic).
    gain_before: Vec<f64>,
    average: Average,
    /// The average play, flat over the shape.
    buffer: Vec<f64>,
    base: Base,
    eta: f64,
    scratch: Vec<f64>,
}

/// `2 max q - 1`, exactly zero or more at true win rates.
fn gap(win_rates: impl Iterator<Item = f64>) -> f64 {
    2.0 * (win_rates.fold(f64::NEG_INFINITY, f64::max) - 0.5)
}

/// The plays since the last restart of each context.
struct Average {
    /// Sums of the plays and of their win rates, flat over the shape.
    plays: Vec<f64>,
    win_rates: Vec<f64>,
    /// Plays of each context.
    counts: Vec<f64>,
    /// The gap at the last restart of each context, before the first that of the start; NaN before anything is known.
    gaps: Vec<f64>,
}

impl Average {
    fn new(shape: &Shape) -> Self {
        Self {
            plays: vec![0.0; shape.len()],
            win_rates: vec![0.0; shape.len()],
            counts: vec![0.0; shape.contexts()],
            gaps: vec![f64::NAN; shape.contexts()],
        }
    }

    /// Takes `gap` for that of the start of context `x`, unless one is known.
    fn start_from(&mut self, x: usize, gap: f64) {
        if self.gaps[x].is_nan() {
            self.gaps[x] = gap;
        }
    }

    /// Adds a play of context `x`; the gap of the average.
    fn add(&mut self, x: usize, range: Range<usize>, play: &[f64], win_rates: &[f64]) -> f64 {
        self.counts[x] += 1.0;
        for k in range.clone() {
            self.plays[k] += play[k];
            self.win_rates[k] += win_rates[k];
        }
        gap(self.mean(&self.win_rates, x, range))
    }

    /// The mean, over the plays of context `x`, of what `sums` adds up.
    fn mean<'a>(
        &self,
        sums: &'a [f64],
        x: usize,
        range: Range<usize>,
    ) -> impl Iterator<Item = f64> + use<'a> {
        let count = self.counts[x];
        sums[range].iter().map(move |sum| sum / count)
    }

    /// Begins anew in context `x`, from a point of this gap.
    fn restart(&mut self, x: usize, range: Range<usize>, gap: f64) {
        (self.gaps[x], self.counts[x]) = (gap, 0.0);
        self.plays[range.clone()].fill(0.0);
        self.win_rates[range].fill(0.0);
    }
}

impl EgRestart {
    /// The play h: a step from z along the win rates at z, or along those of the last play. Its win rates are the gain.
    fn play(&mut self, oracle: &mut dyn Oracle) -> Result<(), StepError> {
        let Self { state: Iterates { played, gain, .. }, half, z, gain_before, eta, scratch, .. } = self;
        let shape = played.shape().clone();
        if self.base == Base::Extragradient {
            played.set_probs(|p| p.copy_from_slice(z))?;
            oracle.win_rates(played, gain);
            gain_before.copy_from_slice(gain.flat());
            for (x, range) in shape.ranges().enumerate() {
                self.average.start_from(x, gap(gain_before[range].iter().copied()));
            }
        }
        half.set_probs(|h| {
            for range in shape.ranges() {
                ascend(&mut h[range.clone()], &z[range.clone()], &gain_before[range], *eta, scratch);
            }
        })?;
        std::mem::swap(played, half);
        oracle.win_rates(played, gain);
        Ok(())
    }
}

impl Solver for EgRestart {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.play(oracle)?;
        let Self { state: Iterates { policy, played, gain, .. }, z, gain_before, average, buffer, .. } = self;
        let (gain, probs) = (gain.flat(), played.probs_slice());
        for (x, range) in played.shape().ranges().enumerate() {
            let row = &mut buffer[range.clone()];
            ascend(row, &z[range.clone()], &gain[range.clone()], self.eta, &mut self.scratch);
            z[range.clone()].copy_from_slice(row);
            gain_before[range.clone()].copy_from_slice(&gain[range.clone()]);
            let averaged = average.add(x, range.clone(), probs, gain);
            // optimistic: the first play is the start
            average.start_from(x, averaged);
            row.iter_mut()
                .zip(average.mean(&average.plays, x, range.clone()))
                .for_each(|(b, mean)| *b = mean);
            if averaged <= 0.5 * average.gaps[x] {
                z[range.clone()].copy_from_slice(row);
                let win_rates = average.mean(&average.win_rates, x, range.clone());
                gain_before[range.clone()].iter_mut().zip(win_rates).for_each(|(g, mean)| *g = mean);
                average.restart(x, range, averaged);
            }
        }
        policy.set_probs(|p| p.copy_from_slice(buffer))?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        let queries = match self.base {
            Base::Extragradient => 2,
            Base::Optimistic => 1,
        };
        Cost { queries, duels: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use equipoise_core::seed;
    use equipoise_env::{Game, GameOracle};
    use equipoise_testing::{cycle, gap, policy};

    use super::*;

    #[test]
    fn a_restart_halves_the_gap_and_starts_from_the_average() {
        let game: Arc<Game> = cycle(0.1, 0.2, 0.4);
        let task = Task::new(policy(&[0.6, 0.3, 0.1]));
        for base in [Base::Extragradient, Base::Optimistic] {
            let config = Config { base, ..Config::default() };
            let mut solver = config.build(&task).expect("valid parameters").solver;
            let mut oracle = GameOracle::exact(game.clone());
            let mut rng = seed::stream(0, "test", &[]);
            let start = gap(&game, solver.policy());
            for _ in 0..2000 {
                solver.step(&mut oracle, &mut rng).expect("finite");
            }
            let after = gap(&game, solver.policy());
            assert!(after < 1e-6 * start, "{base:?}: {start:e} {after:e}");
        }
    }

    #[test]
    fn the_average_is_the_mean_since_the_restart() {
        let mut average = Average::new(&Shape::single(2).expect("not empty"));
        average.start_from(0, 0.4);
        average.start_from(0, 0.9);
        assert_eq!(average.gaps, [0.4]);
        assert_eq!(average.add(0, 0..2, &[1.0, 0.0], &[0.5, 0.25]), 0.0);
        // win rates (.75, .5) on average
        assert_eq!(average.add(0, 0..2, &[0.0, 1.0], &[1.0, 0.75]), 0.5);
        assert_eq!(average.mean(&average.plays, 0, 0..2).collect::<Vec<_>>(), [0.5, 0.5]);
        average.restart(0, 0..2, 0.2);
        assert_eq!((average.gaps[0], average.counts[0], average.plays[1]), (0.2, 0.0, 0.0));
    }
}
