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

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
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
        let len = start.len();
        Ok(Built::new(
            &config,
            EgRestart {
                state: Iterates::new(task),
                gain_before: vec![0.5; len],
                plays: vec![0.0; len],
                answers: vec![0.0; len],
                counts: vec![0.0; task.shape().contexts()],
                gaps: vec![f64::NAN; task.shape().contexts()],
                buffer: start.clone(),
                half: task.start.clone(),
                base: start,
                kind: config.base,
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
.costs("2 queries (1 if optimistic)")
.verified("linear convergence on random games and on games with many equilibria");

struct EgRestart {
    /// `policy` is the average, `played` the last play.
    state: Iterates,
    /// The next play (optimistic) or the half point.
    half: Policy,
    /// z, flat over the shape.
    base: Vec<f64>,
    /// Win rates of the play before (optimistic).
    gain_before: Vec<f64>,
    /// Sums of plays and of their win rates since the last restart, flat over the shape.
    plays: Vec<f64>,
    answers: Vec<f64>,
    /// Plays since the last restart, and the gap there, of each context; NaN before anything is known.
    counts: Vec<f64>,
    gaps: Vec<f64>,
    buffer: Vec<f64>,
    kind: Base,
    eta: f64,
    scratch: Vec<f64>,
}

/// `2 max q - 1`, exactly zero or more at true win rates.
fn gap(win_rates: impl Iterator<Item = f64>) -> f64 {
    2.0 * (win_rates.fold(f64::NEG_INFINITY, f64::max) - 0.5)
}

impl Solver for EgRestart {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self {
            state: Iterates { policy, played, gain, .. }, half, base, kind, eta, scratch, buffer, ..
        } = self;
        let shape = played.shape().clone();
        // the play h: from the win rates at z, or from those of the last play
        if *kind == Base::Extragradient {
            played.set_probs(|p| p.copy_from_slice(base))?;
            oracle.win_rates(played, gain);
            self.gain_before.copy_from_slice(gain.as_slice().expect("contiguous"));
            for (x, range) in shape.ranges().enumerate() {
                if self.gaps[x].is_nan() {
                    self.gaps[x] = gap(gain.iter().skip(range.start).take(range.len()).copied());
                }
            }
        }
        half.set_probs(|h| {
            for range in shape.ranges() {
                ascend(&mut h[range.clone()], &base[range.clone()], &self.gain_before[range], *eta, scratch);
            }
        })?;
        std::mem::swap(played, half);
        oracle.win_rates(played, gain);
        let gain = gain.flat();
        let probs = played.probs_slice();
        for (x, range) in shape.ranges().enumerate() {
            let row = &mut buffer[range.clone()];
            ascend(row, &base[range.clone()], &gain[range.clone()], *eta, scratch);
            base[range.clone()].copy_from_slice(row);
            self.counts[x] += 1.0;
            for k in range.clone() {
                self.plays[k] += probs[k];
                self.answers[k] += gain[k];
            }
            let count = self.counts[x];
            let averaged = gap(range.clone().map(|k| self.answers[k] / count));
            if self.gaps[x].is_nan() {
                // optimistic: the first play is the start
                self.gaps[x] = averaged;
            }
            for k in range.clone() {
                self.gain_before[k] = gain[k];
                buffer[k] = self.plays[k] / count;
            }
            if averaged <= 0.5 * self.gaps[x] {
                self.gaps[x] = averaged;
                self.counts[x] = 0.0;
                for k in range {
                    base[k] = buffer[k];
                    self.gain_before[k] = self.answers[k] / count;
                    (self.plays[k], self.answers[k]) = (0.0, 0.0);
                }
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
        let queries = match self.kind {
            Base::Extragradient => 2,
            Base::Optimistic => 1,
        };
        Cost { queries, duels: 0 }
    }
}
