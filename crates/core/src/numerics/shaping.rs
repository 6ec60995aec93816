//! Reward shaping: what becomes of rewards before a policy is made for them.
//!
//! ```text
//! log-sigmoid-centred    u = log sigma(r - r_ref)             the log-probability of being better than the reference response
//! conjunction            u = sum_k log sigma(r_k - r_ref,k)   the log-probability of being so in every attribute
//! means of attributes    1 / sum_k w_k / r_k <= prod_k r_k^w_k <= sum_k w_k r_k
//! ```
//!
//! Wang et al. 2024, arXiv:2402.00742 (LSC): the policy `mu exp(u / gamma)` is at gamma = 1 the posterior of `mu` given that the response is good
//! in all attributes. Miao et al. 2024, arXiv:2407.12164 (RPO, lambda-harmonic): the harmonic mean of two similarities at weights lambda and 1 - lambda.

use super::logistic::log_sigmoid;

/// `log sigma(reward - reference)`, at most 0.
#[must_use]
pub fn log_sigmoid_centred(reward: f64, reference: f64) -> f64 {
    log_sigmoid(reward - reference)
}

/// `sum_k log sigma(r_k - r_ref,k)` over the attributes of a response.
///
/// # Panics
/// If the lengths differ.
#[must_use]
pub fn conjunction(rewards: &[f64], references: &[f64]) -> f64 {
    assert_eq!(rewards.len(), references.len(), "a reference an attribute");
    rewards.iter().zip(references).map(|(r, reference)| log_sigmoid_centred(*r, *reference)).sum()
}

/// The least reward that responses at most as good have a mass of at least `share` of, with the mass of each given.
///
/// # Panics
/// If the lengths differ, there is no reward, or one is not a number.
#[must_use]
pub fn quantile(rewards: &[f64], mass: &[f64], share: f64) -> f64 {
    assert!(rewards.len() == mass.len() && !rewards.is_empty(), "a mass a reward, and a reward");
    let mut order: Vec<usize> = (0..rewards.len()).collect();
    order.sort_by(|&a, &b| rewards[a].total_cmp(&rewards[b]));
    assert!(rewards.iter().all(|r| !r.is_nan()), "rewards are numbers");
    // a share that is a sum of masses is met within rounding
    let wanted = share * mass.iter().sum::<f64>() * (1.0 - 1e-12);
    let mut below = 0.0;
    let reached = |&k: &usize| {
        below += mass[k];
        below >= wanted
    };
    rewards[order.iter().copied().find(reached).unwrap_or(order[order.len() - 1])]
}

/// A mean of attributes that are not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mean {
    /// `1 / sum_k w_k / r_k`: 0 where an attribute of some weight is 0.
    Harmonic,
    /// `prod_k r_k^w_k`: likewise.
    Geometric,
    /// `sum_k w_k r_k`.
    Arithmetic,
}

impl Mean {
    /// The mean of `values` at `weights`, which sum to 1; what has no weight does not count.
    ///
    /// # Panics
    /// If the lengths differ.
    #[must_use]
    pub fn of(self, weights: &[f64], values: &[f64]) -> f64 {
        assert_eq!(weights.len(), values.len(), "a weight a value");
        let terms = weights.iter().zip(values).filter(|(w, _)| **w > 0.0);
        match self {
            Self::Harmonic => terms.map(|(w, v)| w / v).sum::<f64>().recip(),
            Self::Geometric => terms.map(|(w, v)| w * v.ln()).sum::<f64>().exp(),
            Self::Arithmetic => terms.map(|(w, v)| w * v).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::logistic::logistic;
    use crate::{sample, seed::stream};

    #[test]
    fn the_policy_of_a_conjunction_is_the_posterior_given_that_all_is_good() {
        let mut rng = stream(1, "shaping", &[]);
        for _ in 0..50 {
            let (n, k) = (6, 3);
            let mut draw = || -> Vec<f64> { (0..k).map(|_| 3.0 * sample::normal(&mut rng)).collect() };
            let (rewards, references): (Vec<_>, _) = ((0..n).map(|_| draw()).collect(), draw());
            let good = |r: &[f64]| r.iter().zip(&references).map(|(r, c)| logistic(r - c)).product::<f64>();
            let of = |r: &Vec<f64>| conjunction(r, &references).exp();
            let (posterior, policy): (f64, f64) =
                (rewards.iter().map(|r| good(r)).sum(), rewards.iter().map(of).sum());
            for r in &rewards {
                assert!((good(r) / posterior - of(r) / policy).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn the_slope_falls_from_one_to_nothing_and_the_order_stays() {
        let u = |r: f64| log_sigmoid_centred(r, 0.7);
        for k in -40..40 {
            let r = f64::from(k) / 4.0;
            let slope = (u(r + 1e-5) - u(r - 1e-5)) / 2e-5;
            assert!((slope - logistic(0.7 - r)).abs() < 1e-9, "{r}: {slope}");
            assert!(u(r + 0.25) > u(r));
        }
        // far below it is the reward itself, shifted; far above nothing is left to gain
        assert_eq!(u(-1e6), -1e6 - 0.7);
        assert!(u(60.0) < 0.0 && u(60.0) > -1e-25);
    }

    #[test]
    fn means_are_ordered_monotone_and_scale() {
        let mut rng = stream(2, "shaping", &[]);
        for _ in 0..200 {
            let (lambda, a, b) =
                (sample::uniform(&mut rng), sample::uniform(&mut rng), sample::uniform(&mut rng));
            let (w, v) = ([lambda, 1.0 - lambda], [a, b]);
            let [h, g, m] = [Mean::Harmonic, Mean::Geometric, Mean::Arithmetic].map(|mean| mean.of(&w, &v));
            assert!(h <= g * (1.0 + 1e-14) && g <= m * (1.0 + 1e-14), "{h} {g} {m}");
            for mean in [Mean::Harmonic, Mean::Geometric, Mean::Arithmetic] {
                let twice = mean.of(&w, &[2.0 * a, 2.0 * b]);
                assert!((twice - 2.0 * mean.of(&w, &v)).abs() < 1e-14);
                assert!(mean.of(&w, &[a + 0.1, b]) > mean.of(&w, &v));
                // all weight on one attribute
                assert!((mean.of(&[1.0, 0.0], &[a, 0.0]) - a).abs() < 1e-15);
            }
        }
        assert_eq!(Mean::Harmonic.of(&[0.5, 0.5], &[0.9, 0.0]), 0.0);
        assert_eq!(Mean::Geometric.of(&[0.5, 0.5], &[0.9, 0.0]), 0.0);
    }

    #[test]
    fn a_quantile_is_a_reward() {
        let (rewards, mass) = ([3.0, 1.0, 2.0], [0.2, 0.5, 0.3]);
        let shares = [0.0, 0.5, 0.6, 0.8, 0.81, 1.0];
        assert_eq!(shares.map(|share| quantile(&rewards, &mass, share)), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    }
}
