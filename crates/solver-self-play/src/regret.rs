//! Regret matching plus, written once for its plain and its predictive form.
//!
//! ```text
//! v_t = q(x_t) - x_t . q(x_t),    R_t = [R_{t-1} + v_t]+,    x_{t+1} = S / sum S        R_0 = 0
//! plain: S = R_t          predictive: S = [R_t + v_t]+
//! ```
//!
//! A row whose S vanishes keeps its play. Rows of different contexts do not interact.

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::NonFinite;
use equipoise_core::{Cost, Oracle, Policy, Progress, Rng, Solver, StepError, Task, Weighting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a regret-matching method answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The next play.
    Last,
    /// The average of the plays, weighted by t: the iterate that is proved for RM+.
    LinearAverage,
    /// The average of the plays, weighted by t^2: what predictive methods use in practice.
    QuadraticAverage,
}

/// The running weighted average of plays, as an answer.
pub(crate) struct Averaged {
    weighting: Option<Weighting>,
    sum: Vec<f64>,
    weight: f64,
    plays: f64,
}

impl Averaged {
    pub(crate) fn new(answer: Answer, len: usize) -> Self {
        let weighting = match answer {
            Answer::Last => None,
            Answer::LinearAverage => Some(Weighting::Linear),
            Answer::QuadraticAverage => Some(Weighting::Quadratic),
        };
        Self { weighting, sum: vec![0.0; len], weight: 0.0, plays: 0.0 }
    }

    /// Writes the answer after `played`, when `next` is the play to come.
    pub(crate) fn answer(
        &mut self,
        policy: &mut Policy,
        played: &Policy,
        next: &Policy,
    ) -> Result<(), NonFinite> {
        let Some(weighting) = self.weighting else {
            policy.copy_from(next);
            return Ok(());
        };
        self.plays += 1.0;
        let w = weighting.of(self.plays);
        self.weight += w;
        self.sum.iter_mut().zip(played.probs_slice()).for_each(|(s, p)| *s += w * p);
        let (sum, total) = (&self.sum, self.weight);
        policy.set_probs(|average| average.iter_mut().zip(sum).for_each(|(a, s)| *a = s / total))
    }
}

/// Replaces win rates by the regrets `q - x . q`, row by row.
pub(crate) fn regrets(played: &Policy, gain: &mut [f64]) {
    let probs = played.probs_slice();
    for range in played.shape().ranges() {
        let mean: f64 = range.clone().map(|k| probs[k] * gain[k]).sum();
        gain[range].iter_mut().for_each(|v| *v -= mean);
    }
}

/// `x propto weights` in every row that has any; other rows stay.
pub(crate) fn normalise_into(x: &mut Policy, weights: &[f64]) -> Result<(), NonFinite> {
    let shape = x.shape().clone();
    x.set_probs(|probs| {
        for range in shape.ranges() {
            let sum: f64 = weights[range.clone()].iter().sum();
            if sum > 0.0 {
                range.for_each(|k| probs[k] = weights[k] / sum);
            }
        }
    })
}

/// Regret matching plus in self-play.
pub(crate) struct RegretMatching {
    /// `policy` is the answer, `played` x_t, `gain` becomes v_t.
    state: Iterates,
    /// x_{t+1}.
    next: Policy,
    /// R_t, flat over the shape.
    regret: Vec<f64>,
    predictive: bool,
    averaged: Averaged,
}

impl RegretMatching {
    pub(crate) fn new(task: &Task, predictive: bool, answer: Answer) -> Self {
        let len = task.shape().len();
        Self {
            state: Iterates::new(task),
            next: task.start.clone(),
            regret: vec![0.0; len],
            predictive,
            averaged: Averaged::new(answer, len),
        }
    }
}

impl Solver for RegretMatching {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, next, regret, predictive, averaged } = self;
        played.copy_from(next);
        oracle.win_rates(played, gain);
        let v = gain.flat_mut();
        regrets(played, v);
        regret.iter_mut().zip(&*v).for_each(|(r, v)| *r = (*r + v).max(0.0));
        if *predictive {
            v.iter_mut().zip(&*regret).for_each(|(v, r)| *v = (r + *v).max(0.0));
            normalise_into(next, v)?;
        } else {
            normalise_into(next, regret)?;
        }
        averaged.answer(policy, played, next)?;
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
