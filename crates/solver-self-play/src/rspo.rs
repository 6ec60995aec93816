//! RSPO: regularised self-play with a divergence of one's choice.
//!
//! ```text
//! pi_{t+1} = argmax_pi  eta pi . P pi_t - eta lambda R(pi, mu) - KL(pi || pi_t)
//! log pi' + eta lambda dR/dpi' = log pi_t + eta P pi_t - nu           nu: sum pi' = 1
//! ```
//!
//! | `divergence` | R(pi, mu) | its derivative |
//! |---|---|---|
//! | `reverse-kl` | sum pi log(pi / mu) | log(pi / mu) + 1 |
//! | `forward-kl` | sum mu log(mu / pi) | - mu / pi |
//! | `chi-squared` | sum (pi - mu)^2 / (2 mu) | pi / mu - 1 |
//! | `euclidean` | sum (pi - mu)^2 / 2 | pi - mu |
//!
//! Paper: Tang et al. 2025, arXiv:2503.00030. Symbols: eta = `step_size`, lambda = the task's `tau`. With reverse KL it
//! is `mmd` with `mmd_eta = eta`; the others aim at the equilibrium of another regularised game, `dR` in place of the KL term.
//! Every coordinate is the root of an increasing function of log pi' for given nu, and nu the root of a falling one: two
//! nested safeguarded Newton searches, exact to rounding.
//! Guarantee: last iterate for divergences that are strongly convex relative to the entropy (as `mmd`: `eta <= 4 tau`
//! for reverse KL, `theorem`). Forward KL is not, and a review of the paper shows its equivalence proof to be circular;
//! the map here needs neither. Cost: one query a step, O(n) times some tens of evaluations. Range: `eta > 0`.
//! Deviation: the regularised subproblem is solved, not descended.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What keeps the policy near the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// KL(pi || mu).
    ReverseKl,
    /// KL(mu || pi).
    ForwardKl,
    /// Half the Pearson divergence.
    ChiSquared,
    /// Half the squared distance.
    Euclidean,
}

/// Parameters of `rspo`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: any number above 0 (the divergence is taken implicitly), or, for reverse KL,
    /// `theorem` (4 tau).
    pub step_size: StepSize,
    /// R: `reverse-kl`, `forward-kl`, `chi-squared` or `euclidean`.
    pub divergence: Divergence,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1), divergence: Divergence::ReverseKl }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let theorem = || match (self.divergence, task.tau) {
            (Divergence::ReverseKl, tau) if tau > 0.0 => Ok(4.0 * tau),
            (Divergence::ReverseKl, _) => Err("the proved step is 4 tau, and tau is 0; give a number".into()),
            _ => Err("a step is proved for reverse KL only; give a number".into()),
        };
        let eta = self
            .step_size
            .resolve(task, &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: None })?;
        let config = Self { step_size: eta.into(), ..self };
        Ok(Built::new(
            &config,
            Rspo { state: Iterates::new(task), eta, tau: task.tau, divergence: config.divergence },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "rspo",
    "mirror descent with another divergence to the reference",
    "Tang et al. 2025, arXiv:2503.00030",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("identity with mmd for reverse KL, optimality of every divergence's step by brute force");

struct Rspo {
    state: Iterates,
    eta: f64,
    tau: f64,
    divergence: Divergence,
}

impl Solver for Rspo {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, reference, gain } = &mut self.state;
        oracle.win_rates(played, gain);
        let c = self.eta * self.tau;
        if self.divergence == Divergence::ReverseKl || c == 0.0 {
            let scale = 1.0 / (1.0 + c);
            logit_step(policy, &[(scale, played), (c * scale, reference)], self.eta * scale, gain)?;
            return Ok(Progress::Continue);
        }
        let (divergence, eta) = (self.divergence, self.eta);
        let mu = reference.probs_slice();
        policy.set_logits(|logits| {
            for range in played.shape().ranges() {
                let row = &mut logits[range.clone()];
                for (k, t) in range.clone().zip(row.iter_mut()) {
                    *t = played.log_probs_slice()[k] + eta * gain[k];
                }
                solve(row, &mu[range], c, divergence);
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
        // the spectrum known to the instrument is that of the KL game
        (self.divergence == Divergence::ReverseKl)
            .then(|| local::mirror_descent(self.eta / (1.0 + self.eta * self.tau), self.tau, omega))
    }
}

/// `c dR/dp` and its derivative in `x = log p`.
fn pull(divergence: Divergence, c: f64, mu: f64, x: f64) -> (f64, f64) {
    match divergence {
        Divergence::ReverseKl => (c * (x - mu.ln()), c),
        Divergence::ForwardKl => {
            let ratio = c * (mu.ln() - x).exp();
            (-ratio, ratio)
        }
        Divergence::ChiSquared => {
            let ratio = c * (x - mu.ln()).exp();
            (ratio - c, ratio)
        }
        Divergence::Euclidean => (c * (x.exp() - mu), c * x.exp()),
    }
}

/// Replaces the logits `b` of one row by the logarithms of the step. A row that is not finite is left as it is, for the
/// normaliser to find.
fn solve(b: &mut [f64], mu: &[f64], c: f64, divergence: Divergence) {
    if b.iter().any(|b| !b.is_finite()) {
        return;
    }
    // x + pull(x) = b - nu with sum exp(x) = 1: at the least nu some coordinate has p >= 1, at the largest all p <= 1/n
    let n = b.len() as f64;
    let level = |k: usize, x: f64| b[k] - x - pull(divergence, c, mu[k], x).0;
    let low = (0..b.len()).map(|k| level(k, 0.0)).fold(f64::NEG_INFINITY, f64::max);
    let high = (0..b.len()).map(|k| level(k, -n.ln())).fold(f64::NEG_INFINITY, f64::max);
    let (mut low, mut high) = (low.min(high), high.max(low));
    let mut nu = 0.5 * (low + high);
    let mut x: Vec<f64> = b.iter().map(|b| b - nu).collect();
    // each pass halves the bracket or lets Newton do better; 200 halvings exhaust any f64 bracket
    for _ in 0..200 {
        let (mut sum, mut slope) = (0.0, 0.0);
        for k in 0..b.len() {
            x[k] = coordinate(b[k] - nu, mu[k], c, divergence, x[k]);
            let p = x[k].exp();
            sum += p;
            slope -= p / (1.0 + pull(divergence, c, mu[k], x[k]).1);
        }
        if (sum - 1.0).abs() <= 2.0 * f64::EPSILON * n || high - low <= f64::EPSILON * (1.0 + nu.abs()) {
            break;
        }
        if sum > 1.0 {
            low = nu
        } else {
            high = nu
        }
        // Newton on log sum, which is the flatter function
        let newton = nu - sum * sum.ln() / slope;
        nu = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    b.copy_from_slice(&x);
}

/// The root of the increasing `x + pull(x) - target`, from a guess.
fn coordinate(target: f64, mu: f64, c: f64, divergence: Divergence, guess: f64) -> f64 {
    let value = |x: f64| x + pull(divergence, c, mu, x).0 - target;
    // bracket: pull(log mu) is 0 or a constant, and pull is monotone, so the root lies between target and the other side
    let (mut low, mut high) = (guess.min(target) - 1.0, guess.max(target) + 1.0);
    let mut width = 1.0;
    while value(low) > 0.0 {
        low -= width;
        width *= 2.0;
    }
    width = 1.0;
    while value(high) < 0.0 {
        high += width;
        width *= 2.0;
    }
    let mut x = guess.clamp(low, high);
    for _ in 0..200 {
        let f = value(x);
        if f > 0.0 {
            high = x
        } else {
            low = x
        }
        let step = f / (1.0 + pull(divergence, c, mu, x).1);
        let next = if x - step > low && x - step < high { x - step } else { 0.5 * (low + high) };
        if (next - x).abs() <= f64::EPSILON * (1.0 + x.abs()) {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Divergence; 4] =
        [Divergence::ReverseKl, Divergence::ForwardKl, Divergence::ChiSquared, Divergence::Euclidean];

    fn divergence_to(divergence: Divergence, p: &[f64], mu: &[f64]) -> f64 {
        p.iter()
            .zip(mu)
            .map(|(p, m)| match divergence {
                Divergence::ReverseKl => p * (p / m).ln(),
                Divergence::ForwardKl => m * (m / p).ln(),
                Divergence::ChiSquared => (p - m).powi(2) / (2.0 * m),
                Divergence::Euclidean => 0.5 * (p - m).powi(2),
            })
            .sum()
    }

    #[test]
    fn every_step_maximises_its_objective() {
        let (prior, mu, q) = ([0.5f64, 0.3, 0.2], [0.2, 0.2, 0.6], [0.7, 0.2, 0.4]);
        let (eta, lambda) = (3.0, 0.4);
        for divergence in ALL {
            let mut b: Vec<f64> = (0..3).map(|k| prior[k].ln() + eta * q[k]).collect();
            solve(&mut b, &mu, eta * lambda, divergence);
            let pi: Vec<f64> = b.iter().map(|x| x.exp()).collect();
            assert!((pi.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{divergence:?}: {pi:?}");
            let value = |p: &[f64]| {
                let kl: f64 = (0..3).map(|k| p[k] * (p[k] / prior[k]).ln()).sum();
                let win: f64 = (0..3).map(|k| p[k] * q[k]).sum();
                eta * win - eta * lambda * divergence_to(divergence, p, &mu) - kl
            };
            // brute force over a grid of the simplex
            let best = (1..500)
                .flat_map(|i| (1..500 - i).map(move |j| [i, j, 500 - i - j].map(|k| f64::from(k) / 500.0)))
                .map(|p| value(&p))
                .fold(f64::NEG_INFINITY, f64::max);
            assert!(value(&pi) >= best && value(&pi) - best < 1e-4, "{divergence:?}: {} {best}", value(&pi));
        }
    }

    #[test]
    fn extreme_rows_are_solved() {
        for divergence in ALL {
            for scale in [1e-9, 1.0, 1e3] {
                let mut b = vec![scale, -scale, 0.0, -300.0];
                solve(&mut b, &[0.1, 0.2, 0.3, 0.4], 0.5, divergence);
                let sum: f64 = b.iter().map(|x| x.exp()).sum();
                assert!((sum - 1.0).abs() < 1e-13, "{divergence:?} {scale}: {b:?} {sum}");
            }
        }
    }
}
