//! Several rewards of a response made into one: preferences by an aggregate of them, and what a response is worth by another.

use equipoise_core::Rng;
use equipoise_core::logistic::{logistic, logistic_margin};
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::shaping::{Mean, log_sigmoid_centred, quantile};
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_count, check_size, check_weights, many, matrix};
use crate::game::Game;

pub(super) const AGGREGATED_REWARDS: GeneratorEntry = GeneratorEntry::of::<AggregatedRewards>(
    "aggregated-rewards",
    "K rewards s_k of a response made into one: P_ij = sigma(c (u_i - u_j)), u their sum, conjunction, or a mean of sigma(s_k)",
    "Bradley-Terry in every context: the best action by u has gap 0, whatever `worth` says of it; harmonic <= geometric <= arithmetic",
);

/// Rewards made into one, as in arXiv:2402.00742 (conjunction) and arXiv:2407.12164 (harmonic).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AggregatedRewards {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// K, the number of rewards of an action, in [1, 1000].
    pub rewards: usize,
    /// Number of contexts, at least 1; rewards are drawn for each anew.
    pub contexts: usize,
    /// `s_k = f_k - conflict sum of the other f`, f the features of the action, standard normal; in [0, 1e100].
    pub conflict: f64,
    /// What preferences are by.
    pub preferred: Aggregate,
    /// What an action is worth, which `welfare` measures; as `preferred` if not given.
    pub worth: Option<Aggregate>,
    /// c: by what a difference of the aggregates is multiplied, in nats; in [0, 1e100].
    pub sharpness: f64,
}

/// How rewards are made into one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Aggregate {
    /// `sum`, `conjunction`, `arithmetic`, `geometric` or `harmonic`.
    pub by: Rule,
    /// One weight a reward, not negative; all equal if not given. Means divide them by their sum.
    pub weights: Option<Vec<f64>>,
    /// The quantile of the rewards of the context that a conjunction measures them from, in [0, 1].
    pub reference: f64,
}

/// The rule of an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `sum_k w_k s_k`.
    Sum,
    /// `sum_k w_k log sigma(s_k - r_k)`, r_k a quantile of the rewards of the context: log-sigmoid-centred rewards.
    Conjunction,
    /// `sum_k w_k v_k` with `v = sigma(s)`.
    Arithmetic,
    /// `prod_k v_k^w_k`.
    Geometric,
    /// `1 / sum_k w_k / v_k`: lambda-harmonic of two rewards at weights lambda and 1 - lambda.
    Harmonic,
}

impl Default for Aggregate {
    fn default() -> Self {
        Self { by: Rule::Harmonic, weights: None, reference: 0.5 }
    }
}

impl Default for AggregatedRewards {
    fn default() -> Self {
        Self {
            actions: 8,
            rewards: 2,
            contexts: 1,
            conflict: 0.8,
            preferred: Aggregate::default(),
            worth: None,
            sharpness: 4.0,
        }
    }
}

impl Aggregate {
    fn checked(self, key: &str, rewards: usize) -> Result<Self, BuildError> {
        let weights = check_weights(self.weights, rewards).map_err(|e| e.within(key))?;
        let rule = "must be a share in [0, 1]";
        ensure((0.0..=1.0).contains(&self.reference), &format!("{key}.reference"), self.reference, rule)?;
        Ok(Self { weights: Some(weights), ..self })
    }

    /// Of rewards `[actions][K]`, by checked weights.
    fn of(&self, rewards: &[Vec<f64>]) -> Vec<f64> {
        let weights = self.weights.as_deref().expect("they are checked");
        let weighted =
            |terms: &mut dyn Iterator<Item = f64>| weights.iter().zip(terms).map(|(w, x)| w * x).sum();
        let mean = |mean: Mean| -> Vec<f64> {
            let total: f64 = weights.iter().sum();
            let shares: Vec<f64> = weights.iter().map(|w| w / total).collect();
            rewards
                .iter()
                .map(|s| mean.of(&shares, &s.iter().map(|s| logistic(*s)).collect::<Vec<_>>()))
                .collect()
        };
        match self.by {
            Rule::Sum => rewards.iter().map(|s| weighted(&mut s.iter().copied())).collect(),
            Rule::Conjunction => {
                let even = vec![1.0; rewards.len()];
                let column = |k: usize| rewards.iter().map(|s| s[k]).collect::<Vec<_>>();
                let centres: Vec<f64> =
                    (0..weights.len()).map(|k| quantile(&column(k), &even, self.reference)).collect();
                let of = |s: &Vec<f64>| {
                    weighted(&mut s.iter().zip(&centres).map(|(s, r)| log_sigmoid_centred(*s, *r)))
                };
                rewards.iter().map(of).collect()
            }
            Rule::Arithmetic => mean(Mean::Arithmetic),
            Rule::Geometric => mean(Mean::Geometric),
            Rule::Harmonic => mean(Mean::Harmonic),
        }
    }
}

impl Generator for AggregatedRewards {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, rewards: count, contexts, conflict, preferred, worth, sharpness } = self;
        check_size(n, contexts)?;
        ensure((1..=1000).contains(&count), "rewards", count, "must be in [1, 1000]")?;
        check_count("rewards", count, n)?;
        for (key, value) in [("conflict", conflict), ("sharpness", sharpness)] {
            ensure((0.0..=1e100).contains(&value), key, value, "must be in [0, 1e100]")?;
        }
        let preferred = preferred.checked("preferred", count)?;
        let worth = worth.map(|worth| worth.checked("worth", count)).transpose()?;
        let worth = worth.unwrap_or_else(|| preferred.clone());
        let (mut described, mut utilities) = (Vec::new(), Vec::new());
        let game = many(contexts, |_| {
            let features: Vec<Vec<f64>> =
                (0..n).map(|_| (0..count).map(|_| StandardNormal.sample(rng)).collect()).collect();
            let rewards: Vec<Vec<f64>> = features
                .iter()
                .map(|f| {
                    let all: f64 = f.iter().sum();
                    f.iter().map(|x| x - conflict * (all - x)).collect()
                })
                .collect();
            let u = preferred.of(&rewards);
            utilities.extend(worth.of(&rewards));
            described.extend(features);
            matrix(n, |i, j| logistic_margin(sharpness * (u[i] - u[j])))
        });
        let game = game.described_by(described);
        Ok(super::valued(game, utilities))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{game, refusal};
    use equipoise_core::logistic::logistic;
    use serde_json::json;

    /// Rewards of each action, from its features.
    fn rewards(features: &[Vec<f64>], conflict: f64) -> Vec<[f64; 2]> {
        features.iter().map(|f| [f[0] - conflict * f[1], f[1] - conflict * f[0]]).collect()
    }

    #[test]
    fn preferences_and_worth_are_what_the_aggregates_say() {
        let block = |by: &str, worth: &str| {
            json!({"actions": 5, "contexts": 2, "sharpness": 3.0, "conflict": 0.6,
                "preferred": {"by": by, "weights": [0.3, 0.7]}, "worth": {"by": worth, "weights": [0.3, 0.7]}})
        };
        let names = ["sum", "conjunction", "arithmetic", "geometric", "harmonic"];
        for by in names {
            for worth in names {
                let game = game("aggregated-rewards", block(by, worth));
                let s = rewards(game.features().unwrap(), 0.6);
                for x in 0..2 {
                    let at = |k: usize, i: usize| s[5 * x + i][k];
                    let centre = |k: usize| {
                        let mut all: Vec<f64> = (0..5).map(|i| at(k, i)).collect();
                        all.sort_by(f64::total_cmp);
                        all[2]
                    };
                    let of = |name: &str, i: usize| -> f64 {
                        let (a, b) = (at(0, i), at(1, i));
                        let (v, w) = (logistic(a), logistic(b));
                        match name {
                            "sum" => 0.3 * a + 0.7 * b,
                            "conjunction" => {
                                0.3 * logistic(a - centre(0)).ln() + 0.7 * logistic(b - centre(1)).ln()
                            }
                            "arithmetic" => 0.3 * v + 0.7 * w,
                            "geometric" => v.powf(0.3) * w.powf(0.7),
                            _ => 1.0 / (0.3 / v + 0.7 / w),
                        }
                    };
                    for i in 0..5 {
                        let value = game.utilities().unwrap()[5 * x + i];
                        assert!((value - of(worth, i)).abs() < 1e-13, "{worth} {i}: {value}");
                        for j in 0..5 {
                            let p = logistic(3.0 * (of(by, i) - of(by, j)));
                            assert!((game.prob(x, i, j) - p).abs() < 1e-13, "{by} {i} {j}");
                        }
                    }
                }
            }
        }
        // without a word of its own, worth is what preferences are by
        let plain = game("aggregated-rewards", json!({"actions": 5, "sharpness": 3.0}));
        let u = plain.utilities().unwrap();
        assert!((plain.prob(0, 0, 1) - logistic(3.0 * (u[0] - u[1]))).abs() < 1e-15);
    }

    #[test]
    fn one_reward_is_itself_and_weights_are_those_of_their_reward() {
        let only = |weights| json!({"preferred": {"by": "arithmetic", "weights": weights}, "conflict": 0.0});
        let game = game("aggregated-rewards", only([0.0, 2.0]));
        let s = game.features().unwrap();
        let d = logistic(s[0][1]) - logistic(s[1][1]);
        assert!((game.prob(0, 0, 1) - logistic(4.0 * d)).abs() < 1e-15);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let key = |block| refusal("aggregated-rewards", block).key().to_owned();
        assert_eq!(key(json!({"rewards": 0})), "rewards");
        assert_eq!(key(json!({"conflict": -1.0})), "conflict");
        assert_eq!(key(json!({"sharpness": -1.0})), "sharpness");
        assert_eq!(key(json!({"preferred": {"weights": [1.0]}})), "preferred.weights");
        assert_eq!(key(json!({"preferred": {"weights": [1.0, -1.0]}})), "preferred.weights[1]");
        assert_eq!(key(json!({"worth": {"reference": 1.5}})), "worth.reference");
    }
}
