//! Online IPO, first version: pairs from the uniform distribution, opponent from the policy.
//!
//! ```text
//! loss  = E_{y, y' ~ rho, y'' ~ pi_t} ( h_y - h_y' - (P(y > y'') - P(y' > y'')) / tau )^2,   h = log(pi / mu)
//! theta <- theta - lr (4/n) (x - mean x),    x = h - q(pi_t) / tau      (rho uniform)
//! ```
//!
//! Paper: Calandriello et al. 2024, arXiv:2403.08635, in the form of the simulation published with EGPO
//! (arXiv:2503.08942). Symbols: lr = `learning_rate` of plain gradient descent on that loss.
//! In the tabular case this is `omd` with `eta tau = 4 lr / n`, in each context with its own n.
//! Guarantee: last iterate, as that of `omd` for that step. Cost: one query a step. Range: `learning_rate > 0` with
//! `4 lr / n <= 1`, `tau > 0`. Deviations: population gradient; losses of several contexts are summed, not averaged.

use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `online-ipo-1`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Step of plain gradient descent on the published loss, above 0 and at most n / 4 for the smallest n. The
    /// canonical eta is 4 learning_rate / (n tau).
    pub learning_rate: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { learning_rate: 0.01 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let lr = self.learning_rate;
        ensure(lr > 0.0 && lr.is_finite(), "learning_rate", lr, "must be a finite number above 0")?;
        ensure(
            task.tau > 0.0,
            "tau",
            task.tau,
            "online-ipo-1 regresses on win rates over tau: it must be above 0",
        )?;
        // a context with one action has nothing to overshoot
        let smallest = task.shape().ranges().map(|r| r.len()).filter(|&n| n > 1).min();
        if let Some(n) = smallest.filter(|&n| 4.0 * lr > n as f64) {
            let rule = format!(
                "must be at most n / 4 = {} (there a step jumps to the best response)",
                n as f64 / 4.0
            );
            return Err(BuildError::range("learning_rate", lr, rule));
        }
        Ok(Built::new(
            &self,
            OnlineIpo1 { state: Iterates::new(task), rate: self.learning_rate, tau: task.tau },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "online-ipo-1",
    "gradient steps on the online IPO loss with uniform pairs; = omd with eta tau = 4 lr / n",
    "Calandriello et al. 2024, arXiv:2403.08635; form of arXiv:2503.08942",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("the published EGPO simulation to 1e-10, identity with omd, finite differences of the loss");

struct OnlineIpo1 {
    state: Iterates,
    rate: f64,
    tau: f64,
}

impl Solver for OnlineIpo1 {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, reference, gain } = &mut self.state;
        oracle.win_rates(played, gain);
        let (log_pi, log_mu) = (played.log_probs_slice(), reference.log_probs_slice());
        policy.set_logits(|logits| {
            for range in played.shape().ranges() {
                // the mean of x moves all logits of the context alike: the normaliser takes it out
                let pull = 4.0 * self.rate / range.len() as f64;
                for k in range {
                    let x = log_pi[k] - log_mu[k] - gain[k] / self.tau;
                    logits[k] = log_pi[k] - pull * x;
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

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        // contexts of different sizes have different steps, and omega does not say whose it is
        let mut sizes = self.state.policy.shape().ranges().map(|r| r.len());
        let n = sizes.next()?;
        let eta = 4.0 * self.rate / (n as f64 * self.tau);
        sizes.all(|m| m == n).then(|| local::mirror_descent(eta, self.tau, omega))
    }
}
