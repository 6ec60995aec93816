//! Games from attributes of responses: voters who weigh them, majorities of them, features of contexts, strengths that drift.

use equipoise_core::Rng;
use equipoise_core::logistic::{logistic, logistic_margin};
use equipoise_core::registry::{BuildError, ensure};
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::populations::worth;
use super::{
    Generator, GeneratorEntry, MOST_PAIRS, check_count, check_magnitudes, check_numbers, check_size, many,
    matrix, valued,
};
use crate::game::{Game, Judgement, Voters};

fn normal(rows: usize, columns: usize, scale: f64, rng: &mut Rng) -> Vec<Vec<f64>> {
    let one = |rng: &mut Rng| -> f64 { StandardNormal.sample(rng) };
    (0..rows).map(|_| (0..columns).map(|_| scale * one(rng)).collect()).collect()
}

fn check_scale(key: &str, value: f64) -> Result<(), BuildError> {
    ensure((0.0..=1e100).contains(&value), key, value, "must be in [0, 1e100]")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(super) const ATTRIBUTE_VOTERS: GeneratorEntry = GeneratorEntry::of::<AttributeVoters>(
    "attribute-voters",
    "voters who weigh attributes: P_ij = mean over voters u of sigma(w_u . (v_i - v_j)), attributes v and weights w normal",
    "every voter is a Bradley-Terry judge whose scores are linear in the attributes; with one attribute all voters agree up to sign",
);

/// Voters who weigh the attributes of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeVoters {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Attributes of an action, at least 1.
    pub attributes: usize,
    /// Number of voters, at least 1.
    pub voters: usize,
    /// Standard deviation of a weight; those of the attributes have 1.
    pub scale: f64,
    /// Number of contexts, each with attributes of its own and the same voters.
    pub contexts: usize,
}

impl Default for AttributeVoters {
    fn default() -> Self {
        Self { actions: 8, attributes: 3, voters: 5, scale: 2.0, contexts: 1 }
    }
}

impl Generator for AttributeVoters {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, attributes, voters, scale, contexts } = self;
        check_size(n, contexts)?;
        check_count("attributes", attributes, n)?;
        check_count("voters", voters, attributes.max(n))?;
        check_scale("scale", scale)?;
        let weights = normal(voters, attributes, scale, rng);
        let mut described = Vec::with_capacity(n * contexts);
        let mut strengths = vec![Vec::new(); voters];
        let (alike, mut utilities) = (vec![1.0; voters], Vec::with_capacity(n * contexts));
        let game = many(contexts, |_| {
            let v = normal(n, attributes, 1.0, rng);
            let scores: Vec<Vec<f64>> =
                weights.iter().map(|w| v.iter().map(|v| dot(w, v)).collect()).collect();
            let matrix = matrix(n, |i, j| {
                let sum: f64 = scores.iter().map(|r| 2.0 * logistic_margin(r[i] - r[j])).sum();
                0.5 * (sum / voters as f64)
            });
            utilities.extend(worth(&scores, &alike));
            described.extend(v);
            strengths.iter_mut().zip(&scores).for_each(|(all, r)| all.extend(r));
            matrix
        });
        let voters = Voters::new(Judgement::Logistic, &alike, strengths);
        Ok(valued(game.described_by(described), utilities).judged_by(voters))
    }
}

pub(super) const ATTRIBUTES: GeneratorEntry = GeneratorEntry::of::<Attributes>(
    "attributes",
    "K attributes compared one by one, and their majority: Pr(i wins more of K comparisons with sigma(c (v_ik - v_jk))), ties half",
    "one attribute is a Bradley-Terry game; three attributes in the order of a Latin square are a cycle that sharpens with c",
);

/// Majorities of attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attributes {
    /// Attributes of the actions, `[actions][attributes]`, within 1e100; if not given, standard normal ones.
    pub values: Option<Vec<Vec<f64>>>,
    /// Number of actions, where attributes are drawn.
    pub actions: usize,
    /// Attributes of an action, where they are drawn; at most 1000.
    pub attributes: usize,
    /// By what a difference of attributes is multiplied, in nats; in [0, 1e100].
    pub sharpness: f64,
    /// Number of contexts; attributes that are not given are drawn for each anew.
    pub contexts: usize,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { values: None, actions: 8, attributes: 3, sharpness: 3.0, contexts: 1 }
    }
}

/// `(Pr(more successes than failures) - Pr(fewer)) / 2` of independent trials: a margin. By the law of successes less failures,
/// which is exchanged with its mirror image as the trials are.
fn majority_margin(d: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = d.clone().count();
    // law[k]: successes less failures is k - count
    let mut law = vec![0.0; 2 * count + 1];
    law[count] = 1.0;
    for d in d {
        let (p, q) = (logistic(d), logistic(-d));
        let mut next = vec![0.0; law.len()];
        for (k, mass) in law.iter().enumerate().filter(|(_, m)| **m > 0.0) {
            next[k + 1] += p * mass;
            next[k - 1] += q * mass;
        }
        law = next;
    }
    let (below, above) = (&law[..count], &law[count + 1..]);
    let lead: f64 = above.iter().zip(below.iter().rev()).map(|(a, b)| a - b).sum();
    (0.5 * lead).clamp(-0.5, 0.5)
}

impl Generator for Attributes {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { values, actions, attributes, sharpness, contexts } = self;
        check_scale("sharpness", sharpness)?;
        if let Some(values) = &values {
            let columns = values.first().map_or(0, Vec::len);
            for (k, row) in values.iter().enumerate() {
                let key = format!("values[{k}]");
                check_magnitudes(&key, row)?;
                let rule = format!("has {} attributes where the first action has {columns}", row.len());
                ensure(row.len() == columns, &key, format!("{row:?}"), &rule)?;
            }
        }
        let n = values.as_ref().map_or(actions, Vec::len);
        let columns = values.as_ref().and_then(|v| v.first()).map_or(attributes, Vec::len);
        check_size(n, contexts)?;
        ensure((1..=1000).contains(&columns), "attributes", columns, "must be in [1, 1000]")?;
        Ok(many(contexts, |_| {
            let v = values.clone().unwrap_or_else(|| normal(n, columns, 1.0, rng));
            matrix(n, |i, j| majority_margin(v[i].iter().zip(&v[j]).map(|(a, b)| sharpness * (a - b))))
        }))
    }
}

pub(super) const CONTEXTUAL_FEATURES: GeneratorEntry = GeneratorEntry::of::<ContextualFeatures>(
    "contextual-features",
    "strengths that move with features of the context: r_i(z) = b_i + t_i . z, P(z)_ij = sigma(r_i(z) - r_j(z)), all normal",
    "Bradley-Terry in every context; the mean over contexts is in general not, and may be cyclic",
);

/// Contextual Bradley-Terry, as Prompt-to-Leaderboard (arXiv:2502.14855) assumes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextualFeatures {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of contexts, at least 1.
    pub contexts: usize,
    /// Features of a context, at least 1.
    pub features: usize,
    /// Standard deviation of the base strengths b.
    pub base: f64,
    /// Standard deviation of the coefficients t; the features have 1.
    pub scale: f64,
}

impl Default for ContextualFeatures {
    fn default() -> Self {
        Self { actions: 6, contexts: 10, features: 3, base: 0.5, scale: 1.0 }
    }
}

impl Generator for ContextualFeatures {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, contexts, features, base, scale } = self;
        check_size(n, contexts)?;
        check_count("features", features, n.max(contexts))?;
        check_scale("base", base)?;
        check_scale("scale", scale)?;
        let bases = normal(n, 1, base, rng);
        let coefficients = normal(n, features, scale, rng);
        let z = normal(contexts, features, 1.0, rng);
        let mut utilities = Vec::with_capacity(n * contexts);
        let game = many(contexts, |x| {
            let r: Vec<f64> = (0..n).map(|i| bases[i][0] + dot(&coefficients[i], &z[x])).collect();
            let matrix = matrix(n, |i, j| logistic_margin(r[i] - r[j]));
            utilities.extend(r);
            matrix
        });
        Ok(valued(game, utilities))
    }
}

pub(super) const DRIFTING: GeneratorEntry = GeneratorEntry::of::<Drifting>(
    "drifting",
    "strengths that drift: context t is Bradley-Terry with r_i(t) = r_i(t - 1) + s z, z standard normal, s the step",
    "a Wiener process at unit times: Var(r_i(t) - r_i(0)) = s^2 t; step 0 is one Bradley-Terry game in every context",
);

/// Strengths that drift, as whole-history rating assumes it (Coulom 2008).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drifting {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of times, each a context; at least 1.
    pub times: usize,
    /// Standard deviation of the strengths at the first time.
    pub scale: f64,
    /// Standard deviation of the change from one time to the next.
    pub step: f64,
}

impl Default for Drifting {
    fn default() -> Self {
        Self { actions: 6, times: 10, scale: 1.0, step: 0.3 }
    }
}

impl Generator for Drifting {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { actions: n, times, scale, step } = self;
        check_size(n, times).map_err(|e| match e.key() {
            "contexts" => BuildError::range("times", times, "must be at least 1"),
            // one time alone would fit: the actions are not to blame
            _ if check_size(n, 1).is_ok() => {
                let rule = "too large: times * actions * (actions - 1) / 2 must be at most";
                BuildError::range("times", times, format!("{rule} {MOST_PAIRS}"))
            }
            _ => e,
        })?;
        check_scale("scale", scale)?;
        check_scale("step", step)?;
        let mut r = normal(1, n, scale, rng).remove(0);
        let mut utilities = Vec::with_capacity(n * times);
        let game = many(times, |t| {
            if t > 0 {
                r.iter_mut().zip(normal(1, n, step, rng).remove(0)).for_each(|(r, z)| *r += z);
            }
            utilities.extend(&r);
            matrix(n, |i, j| logistic_margin(r[i] - r[j]))
        });
        Ok(valued(game.in_time(), utilities))
    }
}

pub(super) const PASS_RATES: GeneratorEntry = GeneratorEntry::of::<PassRates>(
    "pass-rates",
    "programs compared by tests they pass: Pr(A > B) + Pr(A = B) / 2, A, B independent, binomial with m tests; a share of the tests may be wrong",
    "ordered by the true pass rates, whatever the tests: transitive by construction; one test: P_ij = 1/2 + (q_i - q_j) / 2",
);

/// Programs compared by the tests that they pass, as in ACECODER (arXiv:2502.01718).
///
/// Every program meets wrong tests of its own: each of its `m` tests is wrong with probability `wrong`, whatever the other
/// program meets, so that its number of passed tests is binomial with `(1 - wrong) q + wrong * wrong_passed`. (Tests that are
/// wrong for both at once would leave a little more to the true rates.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PassRates {
    /// Probability of each program to pass a right test, in [0, 1].
    pub rates: Vec<f64>,
    /// Number of tests, in [1, 1000].
    pub tests: usize,
    /// Probability of a test to be wrong, drawn for each program by itself, in [0, 1].
    pub wrong: f64,
    /// Probability of any program to pass a wrong test, in [0, 1].
    pub wrong_passed: f64,
}

impl Default for PassRates {
    fn default() -> Self {
        Self { rates: vec![0.9, 0.7, 0.6, 0.4, 0.1], tests: 16, wrong: 0.0, wrong_passed: 0.5 }
    }
}

/// The binomial law of `m` trials with success `q`, trial by trial.
fn passed(m: usize, q: f64) -> Vec<f64> {
    let mut law = vec![1.0];
    for _ in 0..m {
        let mut next = vec![0.0; law.len() + 1];
        for (k, mass) in law.iter().enumerate() {
            next[k] += (1.0 - q) * mass;
            next[k + 1] += q * mass;
        }
        law = next;
    }
    law
}

impl Generator for PassRates {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { rates, tests, wrong, wrong_passed } = self;
        check_numbers("rates", &rates)?;
        for (k, rate) in rates.iter().enumerate() {
            ensure((0.0..=1.0).contains(rate), &format!("rates[{k}]"), rate, "must be in [0, 1]")?;
        }
        check_size(rates.len(), 1)?;
        ensure((1..=1000).contains(&tests), "tests", tests, "must be in [1, 1000]")?;
        ensure((0.0..=1.0).contains(&wrong), "wrong", wrong, "must be in [0, 1]")?;
        ensure((0.0..=1.0).contains(&wrong_passed), "wrong_passed", wrong_passed, "must be in [0, 1]")?;
        let laws: Vec<Vec<f64>> =
            rates.iter().map(|q| passed(tests, (1.0 - wrong) * q + wrong * wrong_passed)).collect();
        Ok(super::single(rates.len(), |i, j| {
            let (mut more, mut fewer, mut below) = (0.0, 0.0, [0.0; 2]);
            for (a, b) in laws[i].iter().zip(&laws[j]) {
                more += a * below[1];
                fewer += b * below[0];
                below[0] += a;
                below[1] += b;
            }
            (0.5 * (more - fewer)).clamp(-0.5, 0.5)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, refusal};
    use equipoise_core::logistic::logistic;
    use serde_json::json;

    #[test]
    fn one_attribute_is_bradley_terry_and_a_latin_square_a_cycle() {
        let one = game("attributes", json!({"values": [[0.3], [-0.1], [0.9]], "sharpness": 2.0}));
        assert!((one.prob(0, 2, 1) - logistic(2.0)).abs() < 1e-15);
        let latin = json!({"values": [[2, 0, 1], [1, 2, 0], [0, 1, 2]], "sharpness": 1.5});
        let cycle = game("attributes", latin);
        assert_equilibrium(&cycle, &[1.0, 1.0, 1.0]);
        assert!(cycle.prob(0, 0, 1) > 0.6);
        // by enumeration of the eight outcomes
        let p = [(2.0, 1.0), (0.0, 2.0), (1.0, 0.0)].map(|(a, b)| logistic(1.5 * (a - b)));
        let mut wins = 0.0;
        for outcome in 0..8u32 {
            let mass: f64 = (0..3).map(|k| if outcome >> k & 1 == 1 { p[k] } else { 1.0 - p[k] }).product();
            wins += if outcome.count_ones() >= 2 { mass } else { 0.0 };
        }
        assert!((cycle.prob(0, 0, 1) - wins).abs() < 1e-15);
        // an even number of attributes ties half
        let even = game("attributes", json!({"values": [[1, 0], [0, 1]], "sharpness": 0.8}));
        assert!((even.prob(0, 0, 1) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn programs_are_ordered_by_their_rates_and_wrong_tests_blur_them() {
        let one = game("pass-rates", json!({"rates": [0.9, 0.2], "tests": 1}));
        assert!((one.prob(0, 0, 1) - 0.85).abs() < 1e-15);
        // the double sum
        let (m, q) = (7, [0.7, 0.55]);
        let choose = |k: usize| (0..k).map(|i| (m - i) as f64 / (k - i) as f64).product::<f64>();
        let mass = |q: f64, k: usize| choose(k) * q.powi(k as i32) * (1.0 - q).powi((m - k) as i32);
        let mut wins = 0.0;
        for a in 0..=m {
            for b in 0..=m {
                let share = if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                wins += share * mass(q[0], a) * mass(q[1], b);
            }
        }
        let block = |wrong: f64| json!({"rates": q, "tests": m, "wrong": wrong});
        let clean = game("pass-rates", block(0.0)).prob(0, 0, 1);
        assert!((clean - wins).abs() < 1e-14, "{clean} {wins}");
        let blurred = game("pass-rates", block(0.5)).prob(0, 0, 1);
        assert!(blurred > 0.5 && blurred < clean);
        assert!((game("pass-rates", block(1.0)).prob(0, 0, 1) - 0.5).abs() < 1e-15);
        // each program meets wrong tests of its own: of one test, the mean over what either meets
        let one =
            game("pass-rates", json!({"rates": [0.9, 0.2], "tests": 1, "wrong": 0.3, "wrong_passed": 0.5}));
        let (a, b) = (0.7 * 0.9 + 0.3 * 0.5, 0.7 * 0.2 + 0.3 * 0.5);
        assert!((one.prob(0, 0, 1) - (a * (1.0 - b) + 0.5 * (a * b + (1.0 - a) * (1.0 - b)))).abs() < 1e-15);
    }

    #[test]
    fn magnitudes_that_overflow_are_refused_by_their_place() {
        let values = json!({"values": [[1.0e308], [-1.0e308], [0.0]], "sharpness": 0.0});
        assert_eq!(refusal("attributes", values).key(), "values[0][0]");
        let largest = json!({"values": [[1.0e100], [-1.0e100]], "sharpness": 1.0e100});
        assert_eq!(game("attributes", largest).prob(0, 0, 1), 1.0);
    }

    #[test]
    fn too_many_times_are_blamed_on_times_and_too_many_actions_on_actions() {
        assert_eq!(refusal("drifting", json!({"times": 1_000_000_000_000_u64})).key(), "times");
        assert_eq!(refusal("drifting", json!({"times": 0})).key(), "times");
        assert_eq!(refusal("drifting", json!({"actions": 1_000_000})).key(), "actions");
    }

    #[test]
    fn contexts_are_bradley_terry_and_drift_as_a_wiener_process() {
        // in every context log-odds add up along a triangle
        for name in ["contextual-features", "drifting"] {
            let game = game(name, json!({"actions": 4}));
            assert_eq!(game.contexts(), 10);
            for x in 0..10 {
                let d = |i, j| game.prob(x, i, j).ln() - game.prob(x, j, i).ln();
                assert!((d(0, 1) + d(1, 2) + d(2, 0)).abs() < 1e-12, "{name}");
            }
            assert_ne!(game.prob(0, 0, 1), game.prob(9, 0, 1), "{name}");
        }
        let still = game("drifting", json!({"step": 0.0, "times": 3}));
        assert_eq!(still.matrix(0), still.matrix(2));
        // the mean square of changes of differences over t times is 2 s^2 t
        let game = game("drifting", json!({"actions": 200, "times": 5, "scale": 0.1, "step": 0.2}));
        let d = |x, i, j| game.prob(x, i, j).ln() - game.prob(x, j, i).ln();
        let pairs: Vec<f64> =
            (0..100).map(|k| (d(4, 2 * k, 2 * k + 1) - d(0, 2 * k, 2 * k + 1)).powi(2)).collect();
        let mean = pairs.iter().sum::<f64>() / 100.0;
        // 2 * 0.04 * 4 = 0.32, with a standard error of 0.32 sqrt(2 / 100)
        assert!((mean - 0.32).abs() < 5.0 * 0.0453, "{mean}");
    }

    #[test]
    fn voters_are_judges_linear_in_the_attributes() {
        let one = game("attribute-voters", json!({"voters": 1, "actions": 4}));
        let d = |i, j| one.prob(0, i, j).ln() - one.prob(0, j, i).ln();
        assert!((d(0, 1) + d(1, 2) + d(2, 0)).abs() < 1e-12);
        let key = |name, block| refusal(name, block).key().to_owned();
        assert_eq!(key("attribute-voters", json!({"voters": 0})), "voters");
        assert_eq!(key("attributes", json!({"values": [[1], [1, 2]]})), "values[1]");
        assert_eq!(key("contextual-features", json!({"features": 0})), "features");
        assert_eq!(key("drifting", json!({"times": 0})), "times");
        assert_eq!(key("pass-rates", json!({"rates": [1.5]})), "rates[0]");
        assert_eq!(key("pass-rates", json!({"tests": 0})), "tests");
    }
}
