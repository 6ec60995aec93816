//! TD-MNPO: one player against its own past, weighted, and anchored to the reference.
//!
//! ```text
//! theta_{t+1} = r log mu + (1 - r) sum_j w_j theta_{t-j} + eta g_t,      r = `reference_ratio`
//! weighted:  g_t = sum_j w_j P pi_{t-j}             current:  g_t = P pi_t
//! ```
//!
//! Paper: Wu et al. 2025, arXiv:2509.23102, time-dependent MNPO. Symbols: w = `history_weights` (j = 0 is the present
//! policy; policies before the start are the start), eta = `step_size` multiplies the win rate, where the released code divides.
//! Paper and code differ: the equations average the opponents' win rates (`weighted`), while the duels drawn in practice
//! are between answers of pi_t and so measure `P pi_t` (`current`); the paper's proposition 1 needs all policies equal.
//! The released code never reads its configured weights (equal ones are used, the default here).
//! Unset, `reference_ratio` is `eta tau`: the fixed point is then the regularised equilibrium of the task, and one weight
//! gives `omd` = INPO. In general it is the equilibrium of `tau = r / eta`.
//! Guarantee: none here. Cost: one query a step (past win rates are kept). Range: `eta tau <= 1`, `0 <= r <= 1`.

use std::collections::VecDeque;

use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose win rates a step uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Opponents {
    /// Those of the past policies, weighted: the paper's equations.
    Weighted,
    /// That of the present policy: what the released sampling measures.
    Current,
}

/// Parameters of `td-mnpo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1.
    pub step_size: StepSize,
    /// Weights of the present and the past policies, newest first: not negative, with a positive sum, divided by it.
    pub history_weights: Vec<f64>,
    /// Weight of the reference in the anchor, in [0, 1]; unset: step_size * tau.
    pub reference_ratio: Option<f64>,
    /// `weighted` (past policies, as the equations say) or `current` (the present one, as the code samples).
    pub opponents: Opponents,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            step_size: StepSize::Value(0.1),
            history_weights: vec![1.0, 1.0, 1.0],
            reference_ratio: None,
            opponents: Opponents::Weighted,
        }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let weights = &self.history_weights;
        let sum: f64 = weights.iter().sum();
        let holds = weights.iter().all(|w| *w >= 0.0) && sum > 0.0 && sum.is_finite();
        let rule = "needs weights that are not negative, with a finite sum above 0";
        ensure(holds, "history_weights", format!("{weights:?}"), rule)?;
        let theorem = || Err("no step is proved for the last iterate; give a number".into());
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: None },
        )?;
        let ratio = self.reference_ratio.unwrap_or(eta * task.tau);
        ensure((0.0..=1.0).contains(&ratio), "reference_ratio", ratio, "must be in [0, 1]")?;
        let config = Self { step_size: eta.into(), reference_ratio: Some(ratio), ..self };
        let sum: f64 = config.history_weights.iter().sum();
        Ok(Built::new(
            &config,
            TdMnpo {
                state: Iterates::new(task),
                weights: config.history_weights.iter().map(|w| w / sum).collect(),
                past: VecDeque::new(),
                eta,
                ratio,
                opponents: config.opponents,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "td-mnpo",
    "one player anchored to a weighted history of its own policies and the reference",
    "Wu et al. 2025, arXiv:2509.23102",
)
.aims(Aim::Regularised, Guarantee::None)
.contexts_apart()
.costs("1 query")
.verified("identity with omd for a history of one, fixed point, steps by hand");

struct TdMnpo {
    state: Iterates,
    /// Of the present and the past, newest first; they sum to 1.
    weights: Vec<f64>,
    /// Log-probabilities and win rates, newest first, as many as there are weights (fewer at the start).
    past: VecDeque<(Vec<f64>, Vec<f64>)>,
    eta: f64,
    ratio: f64,
    opponents: Opponents,
}

impl Solver for TdMnpo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, reference, gain } = &mut self.state;
        oracle.win_rates(played, gain);
        if self.past.len() == self.weights.len() {
            self.past.pop_back();
        }
        self.past.push_front((played.log_probs().to_vec(), gain.to_vec()));
        policy.set_logits(|logits| {
            let current = if self.opponents == Opponents::Current { self.eta } else { 0.0 };
            for ((t, l), q) in logits.iter_mut().zip(reference.log_probs_slice()).zip(&*gain) {
                *t = self.ratio * l + current * q;
            }
            let weighted = self.eta - current;
            for (j, w) in self.weights.iter().enumerate() {
                // what lies before the start is the start
                let (theta, q) = &self.past[j.min(self.past.len() - 1)];
                for ((t, l), q) in logits.iter_mut().zip(theta).zip(q) {
                    *t += w * ((1.0 - self.ratio) * l + weighted * q);
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
