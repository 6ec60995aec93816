//! Estimators of the gradient that distils a posterior `a` into a policy `q`, from draws of a proposal `q'`.
//!
//! ```text
//! descent direction of KL(a || q): sum_y a(y) S_y      S_y = grad log q(y), q a table of logits
//! DPG      (1/n) sum_i (a/q')(y_i) S_i                                    unbiased
//! GDC++    (1/n) sum_i ((a - q)/q')(y_i) S_i                              unbiased: the mean of a score is 0
//! SNIS     sum_i a^_i S_i,  a^_i = (a/q')(y_i) / sum_j (a/q')(y_j)        biased
//! BRAIn    sum_i (a^_i - b^_i) S_i,  b^ of q as a^ of a                   biased; exact for E KL(a^ || b^)
//! ```
//!
//! Sources: DPG as in GDC (2012.11635), GDC++ (2206.00761), BRAIn (2402.02479).

use equipoise_core::simplex::log_sum_exp;

use crate::audit::{AuditError, MOST_OPERATIONS, is_zero, next};

/// How the draws are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PosteriorEstimator {
    /// Importance weights of the posterior.
    Dpg,
    /// The same with a baseline.
    GdcPlusPlus,
    /// Self-normalised weights of the posterior.
    Snis,
    /// Self-normalised weights of posterior and policy.
    Brain,
}

impl PosteriorEstimator {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dpg, Self::GdcPlusPlus, Self::Snis, Self::Brain];
}

/// Policy, posterior and proposal over the same outcomes, each by its logits.
#[derive(Clone, Debug)]
pub struct Posterior {
    policy: Vec<f64>,
    posterior: Vec<f64>,
    proposal: Vec<f64>,
}

/// What is found of an estimator by listing all draws.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PosteriorAudit {
    /// Its expectation, one a logit of the policy.
    pub expectation: Vec<f64>,
    /// `|E g - target| / |target|`; none if the target is 0 up to rounding: policy and posterior are one law, and nothing is left to
    /// learn.
    pub relative_bias: Option<f64>,
    /// Between expectation and target; none if either is 0 up to rounding.
    pub cosine: Option<f64>,
    /// Trace of the covariance.
    pub covariance_trace: f64,
}

fn normalised(logits: &[f64]) -> Vec<f64> {
    let norm = log_sum_exp(logits.iter().copied());
    logits.iter().map(|l| l - norm).collect()
}

impl Posterior {
    /// The three laws by their logits.
    ///
    /// # Errors
    /// [`AuditError::Design`] if they differ in length, are empty or hold a number that is not finite.
    pub fn new(policy: &[f64], posterior: &[f64], proposal: &[f64]) -> Result<Self, AuditError> {
        let refuse = |value: String, rule| Err(AuditError::Design { key: "logits", value, rule });
        let lengths = [policy.len(), posterior.len(), proposal.len()];
        if lengths.iter().any(|&n| n == 0 || n != lengths[0]) {
            return refuse(
                format!("{lengths:?}"),
                "policy, posterior and proposal have equally many outcomes",
            );
        }
        if let Some(l) = [policy, posterior, proposal].into_iter().flatten().find(|l| !l.is_finite()) {
            return refuse(l.to_string(), "logits are finite");
        }
        let [policy, posterior, proposal] = [policy, posterior, proposal].map(normalised);
        Ok(Self { policy, posterior, proposal })
    }

    /// Bias and covariance of an estimator from `draws` draws.
    ///
    /// # Errors
    /// [`AuditError`] for no draw, and for more lists of draws than can be enumerated.
    pub fn audit(&self, estimator: PosteriorEstimator, draws: usize) -> Result<PosteriorAudit, AuditError> {
        if draws == 0 {
            let rule = "is 1 or more";
            return Err(AuditError::Design { key: "draws", value: "0".into(), rule });
        }
        let n = self.policy.len();
        let operations = (n as f64).powi(i32::try_from(draws).unwrap_or(i32::MAX)) * n as f64;
        if operations > MOST_OPERATIONS {
            return Err(AuditError::TooLarge { operations });
        }
        let probs = |l: &[f64]| -> Vec<f64> { l.iter().map(|l| l.exp()).collect() };
        let (q, proposal) = (probs(&self.policy), probs(&self.proposal));
        let ratio =
            |l: &[f64]| -> Vec<f64> { l.iter().zip(&self.proposal).map(|(l, p)| (l - p).exp()).collect() };
        let (a, b) = (ratio(&self.posterior), ratio(&self.policy));
        // sum_i c_i S_i = c - q sum c
        let pull = |c: &[f64]| -> Vec<f64> {
            let total: f64 = c.iter().sum();
            c.iter().zip(&q).map(|(c, q)| c - q * total).collect()
        };
        let target = pull(&probs(&self.posterior));
        let (mut mean, mut square) = (vec![0.0; n], 0.0);
        let mut drawn = vec![0; draws];
        loop {
            let weight: f64 = drawn.iter().map(|&y| proposal[y]).product();
            let sum = |r: &[f64]| drawn.iter().map(|&y| r[y]).sum::<f64>();
            let (all, own) = (sum(&a), sum(&b));
            let mut c = vec![0.0; n];
            for &y in &drawn {
                c[y] += match estimator {
                    PosteriorEstimator::Dpg => a[y] / draws as f64,
                    PosteriorEstimator::GdcPlusPlus => (a[y] - b[y]) / draws as f64,
                    PosteriorEstimator::Snis => a[y] / all,
                    PosteriorEstimator::Brain => a[y] / all - b[y] / own,
                };
            }
            let g = pull(&c);
            mean.iter_mut().zip(&g).for_each(|(m, g)| *m += weight * g);
            square += weight * g.iter().map(|g| g * g).sum::<f64>();
            if !next(&mut drawn, n) {
                break;
            }
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let apart: f64 = mean.iter().zip(&target).map(|(m, t)| (m - t).powi(2)).sum();
        let (own, length) = (dot(&mean, &mean), dot(&target, &target));
        let size = square.sqrt();
        let (target_is_zero, own_is_zero) = (is_zero(length.sqrt(), size), is_zero(own.sqrt(), size));
        Ok(PosteriorAudit {
            relative_bias: (!target_is_zero).then(|| (apart / length).sqrt()),
            cosine: (!target_is_zero && !own_is_zero).then(|| dot(&mean, &target) / (own * length).sqrt()),
            covariance_trace: (square - own).max(0.0),
            expectation: mean,
        })
    }
}
