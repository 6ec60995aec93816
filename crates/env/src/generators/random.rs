//! Random games. Draws come from the given stream alone, context by context, in an order that is part of the meaning
//! of a seed: within a context the strict lower triangle row by row, `(1, 0), (2, 0), (2, 1), ..`.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::sample::uniform;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cycles::{check_odd, regular_sign};
use super::{
    Generator, GeneratorEntry, check_numbers, check_positive_margin, check_size, drawn, many, matrix,
};
use crate::game::Game;
use crate::matrix::PreferenceMatrix;
use crate::storage::Precision;

pub(super) const RANDOM_UNIFORM: GeneratorEntry = GeneratorEntry::of::<RandomUniform>(
    "random-uniform",
    "the published generator of the EGPO simulations: P_ij uniform on [0, 1) below the diagonal, 1 - P_ji above",
    "equilibrium unique with odd support, with probability 1; 10 actions: most often 5 in the support",
);

/// Independent uniform win rates (as in the code of Zhou et al. 2025, arXiv:2503.08942).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomUniform {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of independent contexts of the one game, at least 1.
    pub contexts: usize,
    /// What margins are kept in: `f64`, or `f32` for half the bytes; the game is then that of the rounded margins.
    pub storage: Precision,
}

impl Default for RandomUniform {
    fn default() -> Self {
        Self { actions: 10, contexts: 1, storage: Precision::F64 }
    }
}

impl Generator for RandomUniform {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        check_size(self.actions, self.contexts)?;
        Ok(many(self.contexts, |_| drawn(self.actions, self.storage, || uniform(rng) - 0.5)))
    }
}

pub(super) const RANDOM_TOURNAMENT: GeneratorEntry = GeneratorEntry::of::<RandomTournament>(
    "random-tournament",
    "every pair decided by a fair coin flip: P is 0 or 1",
    "equilibrium unique with odd support, always (all margins are odd multiples of one number)",
);

/// A uniformly random tournament.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomTournament {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Number of independent contexts of the one game, at least 1.
    pub contexts: usize,
    /// What margins are kept in: `f64`, or `f32` for half the bytes; the game is then that of the rounded margins.
    pub storage: Precision,
}

impl Default for RandomTournament {
    fn default() -> Self {
        Self { actions: 9, contexts: 1, storage: Precision::F64 }
    }
}

impl Generator for RandomTournament {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        check_size(self.actions, self.contexts)?;
        Ok(many(self.contexts, |_| {
            drawn(self.actions, self.storage, || if uniform(rng) < 0.5 { 0.5 } else { -0.5 })
        }))
    }
}

pub(super) const FULL_SUPPORT: GeneratorEntry = GeneratorEntry::of::<FullSupport>(
    "full-support",
    "a regular tournament with rescaled actions: K = D K0 D, D = diag(d), scaled to a largest margin",
    "equilibrium pi_i proportional to 1/d_i: every action has mass, and it is unique",
);

/// A game whose unique equilibrium has full support and is known: `K = c D K0 D` with `K0` the regular tournament
/// (`K0 1 = 0`), so that `K d^-1 = 0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FullSupport {
    /// The numbers d: `given: [..]`, or `log-normal: { actions, spread, contexts }`.
    pub scaling: Scaling,
    /// The largest margin P - 1/2 of each context, in (0, 0.5].
    pub margin: f64,
}

/// Where the scaling of [`FullSupport`] comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// One number above 0 an action; oddly many.
    Given(Vec<f64>),
    /// Random.
    LogNormal(LogNormalScaling),
}

/// `d_i = exp(spread z_i)` with `z_i` standard normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogNormalScaling {
    /// Number of actions, odd.
    pub actions: usize,
    /// Standard deviation of log d, in [0, 10]; 0 is the regular tournament.
    pub spread: f64,
    /// Number of independent contexts of the one game, at least 1.
    pub contexts: usize,
}

impl Default for LogNormalScaling {
    fn default() -> Self {
        Self { actions: 5, spread: 0.5, contexts: 1 }
    }
}

impl Default for FullSupport {
    fn default() -> Self {
        Self { scaling: Scaling::LogNormal(LogNormalScaling::default()), margin: 0.5 }
    }
}

impl Generator for FullSupport {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        check_positive_margin("margin", self.margin)?;
        match self.scaling {
            Scaling::Given(d) => {
                check_numbers("scaling.given", &d)?;
                check_odd(d.len()).map_err(|e| e.within("scaling"))?;
                if let Some(i) = d.iter().position(|&d| d <= 0.0) {
                    return Err(BuildError::range(&format!("scaling.given[{i}]"), d[i], "must be above 0"));
                }
                let largest = d.iter().copied().fold(0.0, f64::max);
                let smallest = d.iter().copied().fold(f64::INFINITY, f64::min);
                let rule = "the largest may exceed the smallest 1e100 times, or margins vanish";
                ensure(largest / smallest <= 1e100, "scaling.given", format!("{d:?}"), rule)?;
                Ok(Game::single(full_support(&d, self.margin)))
            }
            Scaling::LogNormal(LogNormalScaling { actions, spread, contexts }) => {
                check_size(actions, contexts)
                    .and_then(|()| check_odd(actions))
                    .and_then(|()| {
                        ensure((0.0..=10.0).contains(&spread), "spread", spread, "must be in [0, 10]")
                    })
                    .map_err(|e| e.within("scaling.log-normal"))?;
                Ok(many(contexts, |_| {
                    let normal = |rng: &mut Rng| -> f64 { StandardNormal.sample(rng) };
                    let d: Vec<f64> = (0..actions).map(|_| (spread * normal(rng)).exp()).collect();
                    full_support(&d, self.margin)
                }))
            }
        }
    }
}

fn full_support(d: &[f64], margin: f64) -> PreferenceMatrix {
    let n = d.len();
    // the two largest d meet in the largest product; dividing first keeps every product within (0, 1]
    let mut sorted = d.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (first, second) = (sorted[0], sorted.get(1).copied().unwrap_or(sorted[0]));
    matrix(n, |i, j| {
        let (low, high) = if d[i] < d[j] { (d[i], d[j]) } else { (d[j], d[i]) };
        margin * regular_sign(n, i, j) * ((high / first) * (low / second))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, gap_in, refusal};
    use super::*;
    use equipoise_core::seed::stream;
    use serde_json::json;

    #[test]
    fn equal_streams_give_equal_games_and_values_are_frozen() {
        let make = || {
            RandomUniform { actions: 4, contexts: 3, ..Default::default() }
                .generate(&mut stream(7, "game", &[]))
                .unwrap()
        };
        let (game, again) = (make(), make());
        let mut rng = stream(7, "game", &[]);
        for x in 0..3 {
            assert_eq!(game.matrix(x), again.matrix(x));
            for i in 1..4 {
                for j in 0..i {
                    assert!(
                        (game.prob(x, i, j) - uniform(&mut rng)).abs() < 1e-16,
                        "drawn below the diagonal"
                    );
                }
            }
        }
        assert_ne!(game.matrix(0), game.matrix(1));
    }

    #[test]
    fn f32_is_the_same_draw_rounded_whatever_the_size() {
        for actions in [40, 1030] {
            let of = |storage: &str| game("random-uniform", json!({"actions": actions, "storage": storage}));
            let (wide, narrow) = (of("f64"), of("f32"));
            for (i, j) in [(0, 1), (7, 3), (actions - 1, 0), (actions - 2, actions - 1)] {
                let margin = |g: &crate::Game| g.prob(0, i, j) - 0.5;
                assert_eq!(narrow.matrix(0).margin(i, j), f64::from(wide.matrix(0).margin(i, j) as f32));
                assert!((margin(&wide) - margin(&narrow)).abs() < 2f64.powi(-25));
            }
            assert_eq!(wide.in_f32().matrix(0), narrow.matrix(0));
            assert_eq!(wide.in_f32().storage_names(), narrow.storage_names());
        }
        assert_eq!(refusal("random-uniform", json!({"storage": "f16"})).key(), "storage");
    }

    #[test]
    fn uniform_win_rates_have_the_moments_of_uniform_numbers() {
        let game = game("random-uniform", json!({"actions": 200}));
        let (mut mean, mut square, count) = (0.0, 0.0, 19_900.0);
        for i in 0..200 {
            for j in 0..i {
                mean += game.prob(0, i, j) / count;
                square += (game.prob(0, i, j) - 0.5).powi(2) / count;
            }
        }
        // five standard errors: sqrt(1/12/19900) = .00205, sqrt(1/180/19900) = .00053
        assert!((mean - 0.5).abs() < 0.0103 && (square - 1.0 / 12.0).abs() < 0.0027, "{mean} {square}");
    }

    #[test]
    fn tournaments_are_decided_by_fair_coins() {
        let game = game("random-tournament", json!({"actions": 100, "contexts": 2}));
        let mut wins = 0;
        for x in 0..2 {
            for i in 0..100 {
                for j in 0..i {
                    assert!([0.0, 1.0].contains(&game.prob(x, i, j)));
                    wins += u32::from(game.prob(x, i, j) == 1.0);
                }
            }
        }
        // five standard deviations of 9900 fair draws
        assert!((f64::from(wins) - 4950.0).abs() < 5.0 * 49.8, "{wins}");
    }

    #[test]
    fn full_support_games_have_the_equilibrium_they_were_made_for() {
        let d = [1.0, 3.0, 0.2, 2.0, 0.7];
        let weights = d.map(|d| 1.0 / d);
        assert_equilibrium(&game("full-support", json!({"scaling": {"given": d}, "margin": 0.4})), &weights);
        let matrix = full_support(&d, 0.4);
        assert_eq!(matrix.pair_margins().fold(0.0, |a: f64, m| a.max(m.abs())), 0.4);
        let contexts =
            game("full-support", json!({"scaling": {"log-normal": {"actions": 7, "contexts": 4}}}));
        for x in 0..4 {
            // 1/d from the margins: |K_ij| = c d_i d_j, so d_i is |K_ij K_ik / K_jk|^(1/2) / c^(1/2)
            let k = contexts.matrix(x);
            let pi: Vec<f64> = (0..7)
                .map(|i| {
                    let (j, l) = ((i + 1) % 7, (i + 2) % 7);
                    (k.margin(j, l) / (k.margin(i, j) * k.margin(i, l))).abs().sqrt()
                })
                .collect();
            let sum: f64 = pi.iter().sum();
            let pi: Vec<f64> = pi.iter().map(|p| p / sum).collect();
            assert!(gap_in(&contexts, x, &pi).abs() <= 1e-15);
        }
    }

    #[test]
    fn normal_draws_are_frozen() {
        // recorded results of every game with normal scores depend on these values
        let mut rng = stream(7, "normal", &[]);
        let draws: Vec<f64> = (0..3).map(|_| StandardNormal.sample(&mut rng)).collect();
        assert_eq!(draws, [2.412_096_474_471_568, 0.082_763_108_916_581_37, -0.018_161_763_378_226_458]);
    }

    #[test]
    fn one_action_is_a_game() {
        assert_eq!(game("random-uniform", json!({"actions": 1, "contexts": 5})).shape().len(), 5);
        assert_eq!(game("random-tournament", json!({"actions": 1})).shape().len(), 1);
        assert_eq!(game("full-support", json!({"scaling": {"given": [2.0]}})).shape().len(), 1);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let key = |block| refusal("full-support", block).key().to_owned();
        assert_eq!(key(json!({"margin": 0.0})), "margin");
        assert_eq!(key(json!({"scaling": {"given": [1.0, -1.0, 1.0]}})), "scaling.given[1]");
        assert_eq!(key(json!({"scaling": {"given": [1.0, 1.0]}})), "scaling.actions");
        assert_eq!(key(json!({"scaling": {"given": [1e-300, 1.0, 1e300]}})), "scaling.given");
        assert_eq!(key(json!({"scaling": {"log-normal": {"spread": -1.0}}})), "scaling.log-normal.spread");
    }
}
