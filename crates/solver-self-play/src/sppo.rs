//! SPPO: self-play preference optimisation by squared regression, with its log-partition constant or exact.
//!
//! ```text
//! pi_{t+1} = argmin_{pi in simplex}  sum_y pi_t(y) ( log pi(y)/pi_t(y) - eta (q_y - 1/2) - c )^2,   q = P pi_t
//!     log_partition: constant   c = 0: the paper replaces log Z by eta/2, which centres the win rate
//!     log_partition: exact      c = -log Z(eta (q - 1/2)): the residual vanishes, pi_{t+1} propto pi_t exp(eta q)
//! ```
//!
//! Paper: Wu et al. 2024, arXiv:2405.00675, eq. (4.4) and the text below it. Symbols: eta = `step_size`.
//!
//! With the constant, normalisation forbids a zero residual: at the multiplicative-weights point every residual equals
//! `-log sum pi_t exp(eta (q - 1/2)) <= 0`, and its gradient in the logits is `2 (eta/2 - log Z)(pi_t - pi_{t+1})`, not
//! zero. So the constant UNDERSHOOTS the step. The minimiser, with `x = log pi/pi_t` and `g = eta (q - 1/2)`, satisfies
//!
//! ```text
//! x_y - g_y + nu exp(x_y) = 0   for every y,     sum_y pi_t(y) exp(x_y) = 1     (nu a multiplier)
//! ```
//!
//! For `nu >= 0` each equation has one root, decreasing in nu; at `nu = 0` the sum is `Z(g) >= 1` by Jensen (the mean of
//! g under pi_t is zero), so one `nu >= 0` exists and is found by bisection-safeguarded Newton.
//!
//! Guarantee: the AVERAGE iterate of the exact form, `gap <= 1 - (1 - exp(-eta))/eta + 2 D/(eta T)`; `theorem` is the
//! paper's `eta = D / sqrt T`. Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used.
//! Deviations: population loss; the released code ranks by a scalar reward model, which is transitive.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge::log_range;

/// Parameters of `sppo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (D / sqrt T, T = limits.steps).
    pub step_size: StepSize,
    /// What stands for log Z in the loss: `constant` (eta/2, as published) or `exact` (then it is mwu).
    pub log_partition: LogPartition,
}

/// What stands for the log-partition function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogPartition {
    /// eta / 2, as published.
    Constant,
    /// log Z itself.
    Exact,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem), log_partition: LogPartition::Constant }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let theorem = || {
            let horizon =
                task.horizon.ok_or("the proved step needs the number of steps; set limits.steps or give a number")?;
            Ok(log_range(task).max(f64::MIN_POSITIVE) / (horizon as f64).sqrt())
        };
        let modulus = |eta, omega| local::mirror_descent(eta, 0.0, omega);
        let step_size = self.step_size.resolve("step_size", task, false, theorem, Some(&modulus))?;
        Ok(Self { step_size, ..self })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let eta = self.step_size.value().expect("a resolved step size is a number");
        Box::new(Sppo { state: Iterates::new(task), eta, log_partition: self.log_partition })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "sppo",
    "squared regression on win rates, log-partition set to eta/2 as published",
    "Wu et al. 2024, arXiv:2405.00675, eq. (4.4)",
)
.aims(Aim::Original, Iterate::Average)
.costs("1 query")
.verified("stationarity of the published loss, identity of the exact form with mwu");

struct Sppo {
    state: Iterates,
    eta: f64,
    log_partition: LogPartition,
}

impl Solver for Sppo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, gain, .. } = &mut self.state;
        oracle.win_rates(played, gain);
        if self.log_partition == LogPartition::Exact {
            logit_step(policy, &[(1.0, played)], self.eta, gain)?;
            return Ok(Progress::Continue);
        }
        let eta = self.eta;
        policy.set_logits(|logits| {
            for range in played.shape().ranges() {
                let prior = &played.probs_slice()[range.clone()];
                let target: Vec<f64> = range.clone().map(|i| eta * (gain[i] - 0.5)).collect();
                let nu = multiplier(prior, &target);
                for (i, g) in range.zip(target) {
                    logits[i] = played.log_probs_slice()[i] + shrink(g, nu);
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
        // at an equilibrium g = 0 on the support, where the constant is exact to first order
        Some(local::mirror_descent(self.eta, 0.0, omega))
    }
}

/// The root of `x + nu exp(x) = g` for `nu >= 0`: `g - W(nu exp(g))`, by Newton on a convex increasing function.
fn shrink(g: f64, nu: f64) -> f64 {
    if nu == 0.0 {
        return g;
    }
    // start right of the root, where Newton descends monotonically: x <= g always, and nu exp(x) <= g where x >= 0
    let mut x = if g > 0.0 { g.min((g / nu).ln().max(0.0)) } else { g };
    for _ in 0..200 {
        let e = nu * x.exp();
        let next = x - (x + e - g) / (1.0 + e);
        if !(next < x) {
            break;
        }
        x = next;
    }
    x
}

/// The `nu >= 0` for which `sum_y prior_y exp(shrink(g_y, nu)) = 1`; 0 where the sum is at most 1 already (then only
/// by rounding, or because sampled win rates need not average to 1/2).
fn multiplier(prior: &[f64], g: &[f64]) -> f64 {
    let excess = |nu: f64| prior.iter().zip(g).map(|(p, g)| p * shrink(*g, nu).exp()).sum::<f64>() - 1.0;
    if excess(0.0) <= 0.0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while excess(high) > 0.0 {
        (low, high) = (high, 2.0 * high);
    }
    while high - low > 4.0 * f64::EPSILON * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if excess(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_minimiser_is_stationary_and_undershoots() {
        let prior = [0.5f64, 0.3, 0.2];
        let q = [0.55, 0.4833333333333333, 0.4];
        let mean: f64 = prior.iter().zip(q).map(|(p, q)| p * q).sum();
        for eta in [0.5, 3.0, 50.0] {
            let g: Vec<f64> = q.iter().map(|q| eta * (q - mean)).collect();
            let nu = multiplier(&prior, &g);
            let x: Vec<f64> = g.iter().map(|g| shrink(*g, nu)).collect();
            let pi: Vec<f64> = prior.iter().zip(&x).map(|(p, x)| p * x.exp()).collect();
            assert!((pi.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            // gradient of the loss in the logits (notes 4.2): 2 pi_t e - 2 pi sum pi_t e
            let e: Vec<f64> = x.iter().zip(&g).map(|(x, g)| x - g).collect();
            let total: f64 = prior.iter().zip(&e).map(|(p, e)| p * e).sum();
            for k in 0..3 {
                let gradient = 2.0 * prior[k] * e[k] - 2.0 * pi[k] * total;
                assert!(gradient.abs() < 1e-12, "eta {eta}: {gradient}");
            }
            let z: f64 = prior.iter().zip(&g).map(|(p, g)| p * g.exp()).sum();
            assert!(pi[0] < prior[0] * g[0].exp() / z, "the best answer gains less than under mwu");
            assert!(nu > 0.0);
        }
    }
}
