//! A2L: average as last. Optimistic multiplicative weights that PLAYS its running average.
//!
//! ```text
//! y_t = (w_1 x_1 + .. + w_t x_t) / W_t,   W_t = w_1 + .. + w_t            what is played, and the answer
//! u_t = (W_t P y_t - W_{t-1} P y_{t-1}) / w_t  =  P x_t                   the feedback that x_t would have got
//! log x_{t+1} = log x_t + eta (2 u_t - u_{t-1}) + const                   u_0 = 0, x_1 = the start
//! ```
//!
//! Paper: A2L reduction, 2025, arXiv:2506.03464 (uniform weights). Symbols: eta = `step_size`, w = `weights`. Win rates are
//! linear in the opponent, so the hidden iterates are those of `omwu` exactly and the last iterate here is the average
//! there: one method, two labels.
//! Guarantee (uniform weights): the LAST iterate has omwu's average bound, `gap <= 2 D / (eta T) + eta / (2 T)` for
//! `eta <= 1 / sqrt 2` (`theorem`), `D = max_i -log pi_1(i)`.
//! Cost: one query a step. Range: `eta > 0`. With sampled win rates the differences multiply the noise by t. The task's
//! `tau` is not used. Deviations: weights other than uniform are ours (nothing is proved for them).

use std::f64::consts::FRAC_1_SQRT_2;

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, Weighting,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::omwu;

/// Parameters of `a2l`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (1 / sqrt 2) or `stability`.
    pub step_size: StepSize,
    /// How much iterate t counts: `uniform`, `linear` (t) or `quadratic` (t^2).
    pub weights: Weighting,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem), weights: Weighting::Uniform }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = omwu::resolve(self.step_size, task, || Ok(FRAC_1_SQRT_2))?;
        let config = Self { step_size: eta.into(), ..self };
        let zeros = Array1::zeros(task.shape().len());
        let (hidden, next) = (task.start.clone(), task.start.clone());
        Ok(Built::new(
            &config,
            A2l {
                state: Iterates::new(task),
                hidden,
                next,
                sums: (task.start.probs().to_vec(), Array1::zeros(task.shape().len())),
                feedback: zeros.clone(),
                prediction: zeros,
                rounds: 0.0,
                weight: 0.0,
                eta,
                weighting: config.weights,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "a2l",
    "optimistic multiplicative weights that plays its running average",
    "Cai, Luo, Wei, Zheng 2025, arXiv:2506.03464 (average-to-last reduction)",
)
.aims(Aim::Original, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("last iterate = average of omwu, its bound");

struct A2l {
    /// `policy` is y_{t+1}, `played` y_t.
    state: Iterates,
    /// x_t.
    hidden: Policy,
    next: Policy,
    /// `w_1 x_1 + .. ` up to the next play, and `W_{t-1} P y_{t-1}`.
    sums: (Vec<f64>, Array1<f64>),
    /// u_{t-1}.
    feedback: Array1<f64>,
    prediction: Array1<f64>,
    rounds: f64,
    /// W_t.
    weight: f64,
    eta: f64,
    weighting: Weighting,
}

impl Solver for A2l {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, gain, .. } = &mut self.state;
        oracle.win_rates(played, gain);
        self.rounds += 1.0;
        let w = self.weighting.of(self.rounds);
        self.weight += w;
        let (plays, answered) = &mut self.sums;
        for (k, q) in gain.iter().enumerate() {
            // margins instead of win rates: smaller numbers, smaller rounding
            let total = self.weight * (q - 0.5);
            let u = (total - answered[k]) / w;
            self.prediction[k] = 2.0 * u - self.feedback[k];
            (answered[k], self.feedback[k]) = (total, u);
        }
        logit_step(&mut self.next, &[(1.0, &self.hidden)], self.eta, &self.prediction)?;
        std::mem::swap(&mut self.hidden, &mut self.next);
        let ahead = self.weighting.of(self.rounds + 1.0);
        plays.iter_mut().zip(self.hidden.probs_slice()).for_each(|(s, p)| *s += ahead * p);
        let total = self.weight + ahead;
        policy.set_probs(|y| y.iter_mut().zip(&*plays).for_each(|(y, s)| *y = s / total))?;
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
