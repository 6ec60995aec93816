//! How far a policy of a class is from an equilibrium, when deviations must stay in the class too, and how near the class comes to
//! one at all.
//!
//! ```text
//! gap(pi)        = 2 max_{pi'} [ <pi', K pi> - tau KL(pi' || mu) ] + 2 tau KL(pi || mu)            over all policies
//! gap_class(pi)  = the same with pi' = pi_theta'
//! realisability  = min_theta gap(pi_theta),      d gap / d log pi = 2 pi ( K' BR + tau (log pi - log mu) )
//! ```
//!
//! with `BR` proportional to `mu exp(K pi / tau)` and `K` skew, so `K' = -K`. All are weighted means over contexts. The problems in theta are not convex: L-BFGS from several
//! starts gives a value that was found, hence brackets and never their lower end alone. `tau > 0`.

use equipoise_core::{Policy, PolicyClass, lbfgs, sample, seed, simplex};
use ndarray::Array1;

/// Steps of a search, at most.
const MOST_STEPS: u32 = 2_000;
/// Largest entry of the gradient at which a search ends.
const TOLERANCE: f64 = 1e-11;

/// A game and the task on it, as the gaps need them.
pub struct Setting<'a> {
    /// Writes `K pi`, flat over the shape.
    pub margins: &'a dyn Fn(&Policy, &mut Array1<f64>),
    /// The reference.
    pub reference: &'a Policy,
    /// Regularisation, above 0.
    pub tau: f64,
    /// Weights of the contexts, which sum to 1.
    pub weights: &'a [f64],
}

impl std::fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("tau", &self.tau).finish_non_exhaustive()
    }
}

/// A number between what was found and what cannot be passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// Lower end.
    pub least: f64,
    /// Upper end.
    pub most: f64,
}

impl Setting<'_> {
    fn of(&self, policy: &Policy) -> Array1<f64> {
        let mut margins = Array1::zeros(policy.shape().len());
        (self.margins)(policy, &mut margins);
        margins
    }

    /// `sum_x w_x tau KL(pi || mu)`.
    fn pull(&self, policy: &Policy) -> f64 {
        let (p, l) = (policy.probs_slice(), policy.log_probs_slice());
        let (r, m) = (self.reference.probs_slice(), self.reference.log_probs_slice());
        let rows = policy.shape().ranges().zip(self.weights);
        rows.map(|(at, w)| w * self.tau * simplex::kl(&p[at.clone()], &l[at.clone()], &r[at.clone()], &m[at]))
            .sum()
    }

    /// The regularised gap over all policies, `2 tau KL(pi || BR)`.
    #[must_use]
    pub fn gap(&self, policy: &Policy) -> f64 {
        let margins = self.of(policy);
        let (p, l, m) = (policy.probs_slice(), policy.log_probs_slice(), self.reference.log_probs_slice());
        let q = margins.as_slice().expect("contiguous");
        let rows = policy.shape().ranges().zip(self.weights);
        rows.map(|(at, w)| {
            let kl = simplex::kl_to_best_response(
                &p[at.clone()],
                &l[at.clone()],
                &q[at.clone()],
                &m[at],
                self.tau,
            );
            2.0 * w * self.tau * kl
        })
        .sum()
    }

    /// The gap when deviations stay in the class: between the best one found from `starts` starts, of which the first is `theta`,
    /// and the gap over all policies.
    #[must_use]
    pub fn class_gap(&self, class: &dyn PolicyClass, theta: &[f64], starts: u32) -> Bracket {
        let mut policy = self.reference.clone();
        if class.evaluate(theta, &mut policy).is_err() {
            return Bracket { least: 0.0, most: f64::INFINITY };
        }
        let (q, own) = (self.of(&policy), self.pull(&policy));
        let shape = class.shape();
        let most = self.gap(&policy);
        let best = search(class, theta, starts, |pi, g| {
            let ratio = |k: usize| pi.log_probs_slice()[k] - self.reference.log_probs_slice()[k];
            let mut value = self.pull(pi);
            for (at, w) in shape.ranges().zip(self.weights) {
                for k in at {
                    let p = pi.probs_slice()[k];
                    value -= w * p * q[k];
                    g[k] = w * p * (self.tau * ratio(k) - q[k]);
                }
            }
            value
        });
        // a policy is its own deviation, of value 0
        Bracket { least: (2.0 * (own - best.0)).max(0.0).min(most), most }
    }

    /// The least gap over all policies that a policy of the class was found to have, from `starts` starts of which the first is
    /// `theta`; with its parameters. The least there is lies between 0 and it.
    #[must_use]
    pub fn realisability(&self, class: &dyn PolicyClass, theta: &[f64], starts: u32) -> (Bracket, Vec<f64>) {
        let shape = class.shape();
        let (value, theta) = search(class, theta, starts, |pi, g| {
            let q = self.of(pi);
            let logits =
                (0..shape.len()).map(|k| self.reference.log_probs_slice()[k] + q[k] / self.tau).collect();
            let Ok(response) = Policy::from_logits(shape, logits) else { return f64::INFINITY };
            let back = self.of(&response);
            for (at, w) in shape.ranges().zip(self.weights) {
                for k in at {
                    let ratio = pi.log_probs_slice()[k] - self.reference.log_probs_slice()[k];
                    g[k] = 2.0 * w * pi.probs_slice()[k] * (self.tau * ratio - back[k]);
                }
            }
            self.gap(pi)
        });
        (Bracket { least: 0.0, most: value }, theta)
    }
}

/// The least value found, with its parameters. `at` writes the gradient by the log-probabilities.
fn search(
    class: &dyn PolicyClass,
    theta: &[f64],
    starts: u32,
    mut at: impl FnMut(&Policy, &mut [f64]) -> f64,
) -> (f64, Vec<f64>) {
    let mut policy = Policy::uniform(class.shape());
    let mut best = (f64::INFINITY, theta.to_vec());
    for start in 0..starts.max(1) {
        let mut rng = seed::stream(u64::from(start), "class gap", &[]);
        let mut there: Vec<f64> = match start {
            0 => theta.to_vec(),
            _ => class.initial().iter().map(|t| t + sample::normal(&mut rng)).collect(),
        };
        let mut g = vec![0.0; class.shape().len()];
        let found = lbfgs::minimise(&mut there, TOLERANCE, MOST_STEPS, |theta, gradient| {
            if class.evaluate(theta, &mut policy).is_err() {
                return f64::INFINITY;
            }
            let value = at(&policy, &mut g);
            gradient.fill(0.0);
            class.pull(theta, &policy, &g, gradient);
            value
        });
        if found.value < best.0 {
            best = (found.value, there);
        }
    }
    best
}
