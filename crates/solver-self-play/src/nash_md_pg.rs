//! Nash-MD-PG: the policy gradient of the regularised objective against the mixture, on logits.
//!
//! ```text
//! rho propto pi^(1 - m) mu^m,    v = P rho - tau log(pi / mu)
//! theta_k <- theta_k + lr pi_k (v_k - pi . v)
//! ```
//!
//! Paper: Munos et al. 2023, arXiv:2312.00886, section 7.2; population form of its gradient with the opponent held
//! fixed. Symbols: lr = `learning_rate` on the paper's own loss; m = `mixture`, a free coefficient in [0, 1]: 0 is
//! self-play, 1 the best response to mu. Unset it is `learning_rate * tau`, the exponent that Nash-MD would use for a
//! step of that size.
//! Guarantee: none. Cost: one query a step, at rho. Range: `learning_rate > 0`. The update is weighted by pi_k, so
//! actions that have become rare hardly recover: far slower than Nash-MD at the same learning rate, by about
//! `4 / (tau n pi_k)`. Deviations: none; the centring `pi . v` is the usual baseline and changes no expectation.

use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nash_md::mix;

/// Parameters of `nash-md-pg`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Step of plain gradient ascent on the logits, above 0.
    pub learning_rate: f64,
    /// Exponent of the reference in the opponent mixture, in [0, 1]; unset: learning_rate * tau, at most 1.
    pub mixture: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 0.1, mixture: None }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let lr = self.learning_rate;
        ensure(lr > 0.0 && lr.is_finite(), "learning_rate", lr, "must be a finite number above 0")?;
        let mixture = self.mixture.unwrap_or((lr * task.tau).min(1.0));
        ensure((0.0..=1.0).contains(&mixture), "mixture", mixture, "must lie in [0, 1]")?;
        Ok(Self { mixture: Some(mixture), ..self })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let mixture = self.mixture.expect("a resolved mixture is a number");
        Box::new(NashMdPg { state: Iterates::new(task), rate: self.learning_rate, tau: task.tau, mixture })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-md-pg",
    "policy gradient against the mixture with the reference",
    "Munos et al. 2023, arXiv:2312.00886, section 7.2",
)
.aims(Aim::Regularised, Iterate::None)
.costs("1 query")
.verified("published EGPO simulation, finite differences");

struct NashMdPg {
    state: Iterates,
    rate: f64,
    tau: f64,
    mixture: f64,
}

impl Solver for NashMdPg {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Iterates { policy, played: rho, reference, gain } = &mut self.state;
        rho.set_logits(|logits| mix(logits, policy, reference, self.mixture))?;
        oracle.win_rates(rho, gain);
        // v, in place of the win rates
        let log_ratio = policy.log_probs_slice().iter().zip(reference.log_probs_slice()).map(|(l, m)| l - m);
        gain.iter_mut().zip(log_ratio).for_each(|(v, h)| *v -= self.tau * h);
        let probs = policy.probs().clone();
        let (shape, rate) = (policy.shape().clone(), self.rate);
        policy.set_logits(|logits| {
            for range in shape.ranges() {
                let mean: f64 = range.clone().map(|k| probs[k] * gain[k]).sum();
                for k in range {
                    logits[k] += rate * probs[k] * (gain[k] - mean);
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
