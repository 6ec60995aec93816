//! Nash-MD-PG: the policy gradient of the regularised objective against the mixture, on logits.
//!
//! ```text
//! rho propto pi^(1 - m) mu^m,    v = P rho - tau log(pi / mu)
//! theta_k <- theta_k + lr pi_k (v_k - pi . v)
//! ```
//!
//! Paper: Munos et al. 2023, arXiv:2312.00886; population form of its gradient, the opponent held fixed. Symbols: lr =
//! `learning_rate` on the paper's own loss, tau and mu = the task's; m = `mixture`, the paper's free beta in [0, 1]: 0 is
//! self-play, 1 plays against mu. Unset it is `learning_rate * tau` (at most 1), what `nash-md` takes for a step of that
//! size: without the weight pi_k this update is its step. The paper's best value for language models is 0.125; the
//! simulation published with EGPO (arXiv:2503.08942) takes `2 lr / n`.
//! Guarantee: none. Cost: one query a step, at rho. Range: `learning_rate > 0`; `tau = 0` drops the KL term. The weight
//! pi_k makes rare actions hardly recover, and at equal `lr` the step is `4 / (tau n pi_k)` times shorter than that of
//! `online-ipo-1`. Deviations: none.

use equipoise_core::kernel::{Iterates, geometric_mixture};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let lr = self.learning_rate;
        ensure(lr > 0.0 && lr.is_finite(), "learning_rate", lr, "must be a finite number above 0")?;
        let mixture = self.mixture.unwrap_or((lr * task.tau).min(1.0));
        ensure((0.0..=1.0).contains(&mixture), "mixture", mixture, "must be in [0, 1]")?;
        let config = Self { mixture: Some(mixture), ..self };
        let next = task.start.clone();
        Ok(Built::new(
            &config,
            NashMdPg { state: Iterates::new(task), next, rate: config.learning_rate, tau: task.tau, mixture },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-md-pg",
    "policy gradient against the mixture with the reference",
    "Munos et al. 2023, arXiv:2312.00886",
)
.aims(Aim::Regularised, Guarantee::None)
.biased_fixed_point()
.contexts_apart()
.costs("1 query")
.verified("the published EGPO simulation to 1e-10, finite differences of the objective");

struct NashMdPg {
    /// `played` is the mixture rho_t, `gain` becomes v.
    state: Iterates,
    next: Policy,
    rate: f64,
    tau: f64,
    mixture: f64,
}

impl Solver for NashMdPg {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played: rho, reference, gain }, next, rate, tau, mixture } =
            self;
        geometric_mixture(rho, policy, reference, *mixture)?;
        oracle.win_rates(rho, gain);
        let (pi, log_pi, log_mu) =
            (policy.probs_slice(), policy.log_probs_slice(), reference.log_probs_slice());
        for (v, (l, m)) in gain.iter_mut().zip(log_pi.iter().zip(log_mu)) {
            *v -= *tau * (l - m);
        }
        next.set_logits(|logits| {
            for range in policy.shape().ranges() {
                let mean: f64 = range.clone().map(|k| pi[k] * gain[k]).sum();
                for k in range {
                    logits[k] = log_pi[k] + *rate * pi[k] * (gain[k] - mean);
                }
            }
        })?;
        std::mem::swap(policy, next);
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
