//! SPPO: self-play preference optimisation by squared regression, its log-partition constant or exact.
//!
//! ```text
//! constant:  pi_{t+1} = argmin_{pi in simplex}  E_{y ~ pi_t} [ log pi(y)/pi_t(y) - eta (P(y > pi_t) - 1/2) ]^2
//! exact:     pi_{t+1} propto pi_t exp(eta P pi_t)
//! ```
//!
//! Paper: Wu et al. 2024, arXiv:2405.00675. Symbols: eta = `step_size`. The exact regression carries `log Z`; the
//! published loss replaces it by the constant `eta / 2`, and that is the default here.
//!
//! With the constant no policy has residual zero: at the multiplicative-weights step every residual is
//! `-log sum pi_t exp(eta (q - 1/2)) <= 0`. Let `g = eta (q - 1/2)`, `x = log pi/pi_t`. The objective is convex in x and
//! the mean of g under pi_t is 0 (P + P' = 1), so by Jensen the constraint `sum pi_t exp(x) <= 1` binds, and the
//! minimiser is unique:
//!
//! ```text
//! x_y + nu exp(x_y) = g_y  for every y,      sum_y pi_t(y) exp(x_y) = 1,      nu = KL(pi_t || pi_{t+1})
//! ```
//!
//! It UNDERSHOOTS: win rates that lift an action by g nats in the exact step lift it by only x in this one. Each x is a
//! Wright omega value; the multiplier nu lies in `[0, max g]` (at the right end every `x <= 0`) and is found by
//! safeguarded Newton on the logarithm of the sum, which is convex and falling in nu.
//!
//! Guarantee: the AVERAGE iterate of the exact form, `gap <= 1 - (1 - exp(-eta))/eta + 2 D/(eta T)` with
//! `D = max_i -log pi_1(i)`; `theorem` is the paper's `eta = D / sqrt T`. Nothing is proved for the constant form.
//! Cost: one query a step. Range: any `eta > 0`. The task's `tau` is not used. Deviation: sampled win rates are centred
//! by their mean under pi_t instead of 1/2, which the published estimator, one duel table for all answers, does by
//! itself.

use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::log_sum_exp;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge;

/// Parameters of `sppo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, or `theorem` (D / sqrt T, T = limits.steps,
    /// D = max -log start, which is log n for a uniform start).
    pub step_size: StepSize,
    /// What stands for log Z in the loss: `constant` (eta / 2, as published) or `exact` (then it is mwu).
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
        Self { step_size: StepSize::Value(0.1), log_partition: LogPartition::Constant }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = hedge::resolve(self.step_size, task, |radius, horizon| radius / horizon.sqrt())?;
        let config = Self { step_size: eta.into(), ..self };
        let (state, log_partition) = (Iterates::new(task), config.log_partition);
        let lifts = vec![0.0; state.gain.len()];
        Ok(Built::new(&config, Sppo { state, eta, log_partition, lifts }))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "sppo",
    "squared regression on win rates, log-partition set to eta / 2 as published",
    "Wu et al. 2024, arXiv:2405.00675",
)
.aims(Aim::Original, Guarantee::Average)
.contexts_apart()
.costs("1 query")
.verified("stationarity of the published loss, identity of the exact form with mwu, its average bound");

struct Sppo {
    state: Iterates,
    eta: f64,
    log_partition: LogPartition,
    /// eta (q - 1/2) of the step, one for every entry of the policy.
    lifts: Vec<f64>,
}

impl Solver for Sppo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        oracle.win_rates(&self.state.played, &mut self.state.gain);
        if self.log_partition == LogPartition::Exact {
            self.state.mirror_step(self.eta, 0.0)?;
            return Ok(Progress::Continue);
        }
        let Iterates { policy, played, gain, .. } = &mut self.state;
        let (probs, log_probs) = (played.probs_slice(), played.log_probs_slice());
        policy.set_logits(|logits| {
            for range in played.shape().ranges() {
                let mean: f64 = range.clone().map(|y| probs[y] * gain[y]).sum();
                let lifts = &mut self.lifts[range.clone()];
                for (g, y) in lifts.iter_mut().zip(range.clone()) {
                    *g = self.eta * (gain[y] - mean);
                }
                let logits = &mut logits[range.clone()];
                shrink(&log_probs[range.clone()], lifts, logits);
                for (x, y) in logits.iter_mut().zip(range) {
                    *x += log_probs[y];
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
        // nu is of second order in g, and g = 0 at an interior equilibrium: both forms turn alike
        Some(local::mirror_descent(self.eta, 0.0, omega))
    }

    fn notes(&self) -> Vec<String> {
        hedge::notes()
    }
}

/// Writes to `x` the solution of `x + nu exp(x) = g` for the lifts `g` of one row (mean 0 under the prior), with the nu
/// that keeps `sum prior exp(x) = 1`. A row that is not finite is copied as it is, for the normaliser to find.
fn shrink(log_prior: &[f64], g: &[f64], x: &mut [f64]) {
    let mut high = g.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !(high > 0.0 && high.is_finite()) {
        x.copy_from_slice(g);
        return; // all win rates equal: nothing moves
    }
    let (mut low, mut nu) = (0.0, high);
    // each pass halves the bracket or takes a Newton step inside it; f64 has no more than 2100 halvings
    for _ in 0..2100 {
        for (x, &g) in x.iter_mut().zip(g) {
            *x = lifted(g, nu);
        }
        // log sum prior exp(x), and minus its derivative: dx/dnu = -exp(x) / (1 + nu exp(x))
        let level = log_sum_exp(log_prior.iter().zip(&*x).map(|(l, x)| l + x));
        let fall: f64 = log_prior
            .iter()
            .zip(&*x)
            .map(|(l, x)| (l + x - level).exp() * (x.exp().recip() + nu).recip())
            .sum();
        if level > 0.0 {
            low = nu;
        } else {
            high = nu;
        }
        let newton = nu + level / fall;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - nu).abs() <= 2.0 * f64::EPSILON * nu {
            break; // x belongs to this nu
        }
        nu = next;
    }
}

/// The root x of `x + nu exp(x) = g`, for `nu > 0`.
fn lifted(g: f64, nu: f64) -> f64 {
    // v = x + log nu solves v + exp(v) = y; convex and rising, so Newton from the right of the root falls onto it
    let (log_nu, y) = (nu.ln(), g + nu.ln());
    let mut v = if y > 1.0 { y.ln() } else { y };
    loop {
        let e = v.exp();
        let next = v - (v + e - y) / (1.0 + e);
        if next >= v || next.is_nan() {
            break;
        }
        v = next;
    }
    // one step in x itself: g - exp(v) cancels where g is large, v - log nu where x is small
    let x = g - v.exp();
    let e = (x + log_nu).exp();
    x - (x + e - g) / (1.0 + e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centred(prior: &[f64], q: &[f64], eta: f64) -> Vec<f64> {
        let mean: f64 = prior.iter().zip(q).map(|(p, q)| p * q).sum();
        q.iter().map(|q| eta * (q - mean)).collect()
    }

    #[test]
    fn lifted_solves_its_equation() {
        for nu in [1e-300, 1e-12, 1e-3, 1.0, 40.0, 1e6] {
            for g in [-700.0, -3.0, -1e-9, 0.0, 1e-9, 0.3, 5.0, 650.0] {
                let x = lifted(g, nu);
                let residual = x + nu * x.exp() - g;
                // rounding of x and of log nu, multiplied by the slope 1 + nu exp(x), and of g
                let scale = (1.0 + x.abs() + nu.ln().abs()) * (1.0 + nu * x.exp()) + f64::abs(g);
                assert!(residual.abs() <= 4e-16 * scale, "nu {nu}, g {g}: x {x}, residual {residual}");
            }
        }
    }

    #[test]
    fn the_published_loss_is_stationary_and_undershoots() {
        let prior = [0.5f64, 0.3, 0.2];
        let log_prior = prior.map(f64::ln);
        for eta in [1e-3, 0.5, 3.0, 50.0, 1e3, 5e3] {
            let g = centred(&prior, &[0.55, 0.48, 0.4], eta);
            let mut x = g.clone();
            shrink(&log_prior, &g, &mut x);
            let pi: Vec<f64> = prior.iter().zip(&x).map(|(p, x)| p * x.exp()).collect();
            assert!((pi.iter().sum::<f64>() - 1.0).abs() < 1e-14, "eta {eta}: {pi:?}");
            // gradient of the loss in the logits of pi: 2 pi_t e - 2 pi (pi_t . e), with e the residuals
            let e: Vec<f64> = x.iter().zip(&g).map(|(x, g)| x - g).collect();
            let total: f64 = prior.iter().zip(&e).map(|(p, e)| p * e).sum();
            for k in 0..3 {
                let gradient = 2.0 * prior[k] * e[k] - 2.0 * pi[k] * total;
                assert!(gradient.abs() < 1e-14 * (1.0 + eta), "eta {eta}: {gradient}");
            }
            // the multiplier is KL(pi_t || pi), and the exact step lifts the best answer further
            let kl: f64 = -prior.iter().zip(&x).map(|(p, x)| p * x).sum::<f64>();
            let nu = (g[0] - x[0]) / x[0].exp();
            assert!((kl - nu).abs() < 1e-12 * (1.0 + kl), "eta {eta}: {kl} {nu}");
            let log_z = log_sum_exp((0..3).map(|k| log_prior[k] + g[k]));
            assert!(x[0] < g[0] - log_z, "eta {eta}");
        }
    }

    #[test]
    fn no_other_policy_has_a_smaller_loss() {
        let prior = [0.1f64, 0.2, 0.3, 0.4];
        let g = centred(&prior, &[0.9, 0.2, 0.6, 0.4], 2.0);
        let mut x = g.clone();
        shrink(&prior.map(f64::ln), &g, &mut x);
        let loss = |x: &[f64]| (0..4).map(|k| prior[k] * (x[k] - g[k]).powi(2)).sum::<f64>();
        // every policy of a grid of the simplex, brute force
        let (steps, mut best) = (200, f64::INFINITY);
        for a in 1..steps {
            for b in 1..steps - a {
                for c in 1..steps - a - b {
                    let counts = [a, b, c, steps - a - b - c];
                    let ratio: Vec<f64> =
                        (0..4).map(|k| (f64::from(counts[k]) / f64::from(steps) / prior[k]).ln()).collect();
                    best = best.min(loss(&ratio));
                }
            }
        }
        assert!(loss(&x) <= best, "{} {best}", loss(&x));
        assert!(loss(&x) > 0.98 * best, "the grid comes close: {} {best}", loss(&x));
    }
}
