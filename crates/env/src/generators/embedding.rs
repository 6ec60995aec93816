//! Two-player zero-sum games as preference games: every classical hard instance becomes an alignment problem.
//!
//! `A` is `[p x q]`; the row player `x` minimises `x' A y`, the column player `y` maximises it. An action is a pair
//! `(i, j)`: what to play as `x`, what to play as `y`. Two actions meet once in each role:
//!
//! ```text
//! P_{(i,j),(k,l)} = 1/2 + (A_kj - A_il) / 2
//! ```
//!
//! with `A` first mapped onto `[0, 1]` by its smallest and largest entry. Then
//! - `2 max (K pi) = max_j (x' A)_j - min_i (A y)_i` for any `pi` with marginals `x`, `y`: the two gaps are equal;
//! - the equilibria are the policies whose marginals are equilibria of `A`;
//! - a logit method started at a product `x (x) y` stays a product, and its step `eta` is the two-player step `eta / 2`.
//!
//! Cost: `n = p q` actions, `n (n - 1) / 2` margins.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_numbers, check_size, single};
use crate::game::Game;

pub(super) const TWO_PLAYER: GeneratorEntry = GeneratorEntry::of::<TwoPlayer>(
    "two-player",
    "any zero-sum matrix game, rows minimising, embedded so that each action is a row and a column: \
     P = 1/2 + (A_kj - A_il)/2 for (i, j) against (k, l)",
    "gap = two-player duality gap of the marginals, in units of the payoff range; equilibria: the policies with \
     equilibrium marginals; products stay products, with step eta/2 for each player. 2 x 2 [[a, b], [c, d]] with full \
     support: w = sqrt(x1 x2 y1 y2) |a-b-c+d|/2",
);

/// The role-symmetrised embedding of a zero-sum matrix. Action `(i, j)` has number `i q + j` and label `x<i>y<j>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TwoPlayer {
    /// What x pays to y, one list a row: finite, all rows equally long. The smallest entry becomes 0, the largest 1.
    pub payoffs: Vec<Vec<f64>>,
}

impl Default for TwoPlayer {
    /// Matching pennies with unequal stakes.
    fn default() -> Self {
        Self { payoffs: vec![vec![3.0, -1.0], vec![-1.0, 1.0]] }
    }
}

impl Generator for TwoPlayer {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { payoffs } = self;
        ensure(!payoffs.is_empty(), "payoffs", "[]", "needs at least one row")?;
        let (p, q) = (payoffs.len(), payoffs[0].len());
        for (i, row) in payoffs.iter().enumerate() {
            let key = format!("payoffs[{i}]");
            check_numbers(&key, row)?;
            let rule = format!("has {} entries where the first row has {q}", row.len());
            ensure(row.len() == q, &key, format!("{row:?}"), &rule)?;
        }
        check_size(p * q, 1)?;
        let entries = || payoffs.iter().flatten().copied();
        let (low, high) =
            (entries().fold(f64::INFINITY, f64::min), entries().fold(f64::NEG_INFINITY, f64::max));
        let range = high - low;
        ensure(
            range.is_finite(),
            "payoffs",
            high,
            "the difference of the largest and smallest entry overflows",
        )?;
        // a constant matrix is a game of ties
        let a = |i: usize, j: usize| if range > 0.0 { (payoffs[i][j] - low) / range } else { 0.0 };
        let game = single(p * q, |s, t| 0.5 * (a(t / q, s % q) - a(s / q, t % q)));
        let labels = (0..p * q).map(|s| format!("x{}y{}", s / q, s % q)).collect();
        Ok(game.with_labels(vec![labels]).expect("pairs of numbers differ"))
    }
}

pub(super) const A_DELTA: GeneratorEntry = GeneratorEntry::of::<ADelta>(
    "a-delta",
    "the 2 x 2 game [[1/2+d, 1/2], [0, 1]] on which optimistic multiplicative weights are arbitrarily slow, embedded",
    "equilibrium x (1, d)/(1+d) times y (1, 1+2d)/(2+2d), value (1+2d)/(2+2d); w = sqrt(d(1+2d))/(4(1+d)); at d = 0.01 \
     the gap of OMWU (step 0.1 a player, 0.2 here) still exceeds 0.1 after 199 718 steps",
);

/// The game `A_delta` of Cai et al. 2024 (arXiv:2406.10631), embedded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ADelta {
    /// The small number d, in (0, 0.5].
    pub delta: f64,
}

impl Default for ADelta {
    fn default() -> Self {
        Self { delta: 0.01 }
    }
}

impl Generator for ADelta {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let d = self.delta;
        ensure(d > 0.0 && d <= 0.5, "delta", d, "must be in (0, 0.5]")?;
        TwoPlayer { payoffs: vec![vec![0.5 + d, 0.5], vec![0.0, 1.0]] }.generate(rng)
    }
}

pub(super) const RM_PLUS_COUNTEREXAMPLE: GeneratorEntry = GeneratorEntry::of::<RmPlusCounterexample>(
    "rm-plus-counterexample",
    "the 3 x 3 game [[3, 0, -3], [0, 3, -4], [0, 0, 1]] (x maximising) on which regret matching+ cycles, embedded",
    "equilibrium x (1, 1, 10)/12 times y (4, 5, 3)/12; the last iterates of RM+ and PRM+ are reported to cycle",
);

/// The counterexample for last iterates of regret matching+ (Cai et al. 2023, arXiv:2311.00676), embedded with `-A`,
/// since x minimises here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RmPlusCounterexample {}

impl Generator for RmPlusCounterexample {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let payoffs = vec![vec![-3.0, 0.0, 3.0], vec![0.0, -3.0, 4.0], vec![0.0, 0.0, -1.0]];
        TwoPlayer { payoffs }.generate(rng)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, gap, refusal};
    use equipoise_core::Policy;
    use ndarray::Array1;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn product(x: &[f64], y: &[f64]) -> Vec<f64> {
        x.iter().flat_map(|x| y.iter().map(move |y| x * y)).collect()
    }

    fn row() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-3.0..5.0f64, 4)
    }

    proptest! {
        #[test]
        fn the_gap_is_the_two_player_gap(
            rows in prop::collection::vec(row(), 3), weights in prop::collection::vec(0.01..1.0f64, 12),
        ) {
            let game = game("two-player", json!({ "payoffs": rows }));
            let sum: f64 = weights.iter().sum();
            // any policy, not only a product
            let pi: Vec<f64> = weights.iter().map(|w| w / sum).collect();
            let x: Vec<f64> = (0..3).map(|i| pi[4 * i..4 * i + 4].iter().sum()).collect();
            let y: Vec<f64> = (0..4).map(|j| (0..3).map(|i| pi[4 * i + j]).sum()).collect();
            let all = || rows.iter().flatten().copied();
            let range = all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min);
            let paid = |j: usize| (0..3).map(|i| x[i] * rows[i][j]).sum::<f64>();
            let pays = |i: usize| (0..4).map(|j| rows[i][j] * y[j]).sum::<f64>();
            let expect = (0..4).map(paid).fold(f64::MIN, f64::max) - (0..3).map(pays).fold(f64::MAX, f64::min);
            prop_assert!((gap(&game, &pi) - expect / range).abs() < 1e-13);
        }

        #[test]
        fn a_logit_step_keeps_products_and_halves_the_step(
            rows in prop::collection::vec(row(), 3),
            a in prop::collection::vec(-1.0..1.0f64, 3), b in prop::collection::vec(-1.0..1.0f64, 4),
            eta in 0.01..2.0f64,
        ) {
            let game = game("two-player", json!({ "payoffs": rows }));
            let all = || rows.iter().flatten().copied();
            let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
            let payoff = |i: usize, j: usize| (rows[i][j] - low) / (high - low);
            let softmax = |v: &[f64]| -> Vec<f64> {
                let sum: f64 = v.iter().map(|v| v.exp()).sum();
                v.iter().map(|v| v.exp() / sum).collect()
            };
            let (x, y) = (softmax(&a), softmax(&b));
            let policy = Policy::from_probs(game.shape(), product(&x, &y).into()).unwrap();
            let mut margins = Array1::zeros(12);
            game.margins(&policy, &mut margins);
            let next = Policy::from_logits(game.shape(), policy.log_probs() + &(margins * eta)).unwrap();
            let x_next: Vec<f64> =
                (0..3).map(|i| a[i] - eta / 2.0 * (0..4).map(|j| payoff(i, j) * y[j]).sum::<f64>()).collect();
            let y_next: Vec<f64> =
                (0..4).map(|j| b[j] + eta / 2.0 * (0..3).map(|i| payoff(i, j) * x[i]).sum::<f64>()).collect();
            let expect = product(&softmax(&x_next), &softmax(&y_next));
            prop_assert!(next.probs().iter().zip(expect).all(|(p, e)| (p - e).abs() < 1e-14));
        }
    }

    #[test]
    fn a_delta_is_taken_as_it_is() {
        for d in [0.001, 0.01, 0.1, 0.5] {
            let game = game("a-delta", json!({ "delta": d }));
            // x0y0 against x1y1: as x pays A_01 = 1/2, as y gets A_10 = 0
            assert_eq!(game.prob(0, 0, 3), 0.25);
            assert_equilibrium(&game, &product(&[1.0, d], &[1.0, 1.0 + 2.0 * d]));
        }
        assert_eq!(game("a-delta", Value::Null).label(0, 2), "x1y0");
    }

    #[test]
    fn the_counterexample_is_one_minus_a_plus_four_sevenths() {
        let a = [[3.0, 0.0, -3.0], [0.0, 3.0, -4.0], [0.0, 0.0, 1.0]];
        let game = game("rm-plus-counterexample", Value::Null);
        let unit = |i: usize, j: usize| 1.0 - (a[i][j] + 4.0) / 7.0;
        for s in 0..9 {
            for t in 0..9 {
                let expect = 0.5 + 0.5 * (unit(t / 3, s % 3) - unit(s / 3, t % 3));
                assert!((game.prob(0, s, t) - expect).abs() < 1e-15);
            }
        }
        assert_equilibrium(&game, &product(&[1.0, 1.0, 10.0], &[4.0, 5.0, 3.0]));
        // anything with these marginals, product or not
        let mut tilted = product(&[1.0, 1.0, 10.0], &[4.0, 5.0, 3.0]);
        for (s, sign) in [(0, 1.0), (1, -1.0), (3, -1.0), (4, 1.0)] {
            tilted[s] += sign;
        }
        assert_equilibrium(&game, &tilted);
    }

    #[test]
    fn degenerate_and_bad_matrices() {
        assert_eq!(game("two-player", json!({"payoffs": [[7]]})).shape().len(), 1);
        assert_eq!(game("two-player", json!({"payoffs": [[7, 7], [7, 7]]})).prob(0, 0, 3), 0.5);
        let message = |block| refusal("two-player", block).to_string();
        assert_eq!(
            message(json!({"payoffs": [[1, 2], [3]]})),
            "`payoffs[1]` = [3.0]: has 1 entries where the first row has 2"
        );
        assert!(message(json!({"payoffs": []})).starts_with("`payoffs`"));
        assert!(message(json!({"payoffs": [[]]})).starts_with("`payoffs[0]`"));
        assert!(message(json!({"payoffs": [[1e308, -1e308]]})).contains("overflows"));
        assert_eq!(refusal("a-delta", json!({"delta": 0.0})).key(), "delta");
    }
}
