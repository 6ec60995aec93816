//! Dice: the simplest physical intransitivity.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_numbers, check_size, labelled, single};
use crate::game::Game;

pub(super) const DICE: GeneratorEntry = GeneratorEntry::of::<Dice>(
    "dice",
    "fair dice with the given faces: P_ij = Pr(die i shows more than die j), equal faces count half",
    "default {2,4,9}, {1,6,8}, {3,5,7}: each beats the next with 5/9, equilibrium uniform. DANGER: the uniform policy \
     solves the default at step 0",
);

/// Fair dice, each given by its faces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dice {
    /// The faces of each die: finite numbers, at least one a die; dice may have unequally many faces.
    pub faces: Vec<Vec<f64>>,
}

impl Default for Dice {
    /// The dice of the Nash-learning paper (Munos et al. 2024, arXiv:2312.00886).
    fn default() -> Self {
        Self { faces: vec![vec![2.0, 4.0, 9.0], vec![1.0, 6.0, 8.0], vec![3.0, 5.0, 7.0]] }
    }
}

impl Generator for Dice {
    fn generate(self, _: &mut Rng) -> Result<Game, BuildError> {
        let Self { faces } = self;
        ensure(!faces.is_empty(), "faces", "[]", "needs at least one die")?;
        check_size(faces.len(), 1)?;
        for (i, die) in faces.iter().enumerate() {
            check_numbers(&format!("faces[{i}]"), die)?;
        }
        Ok(single(faces.len(), |i, j| {
            // throws won minus throws lost, an integer: the margin is rounded once
            let balance: i64 = faces[i]
                .iter()
                .flat_map(|a| faces[j].iter().map(move |b| i64::from(a > b) - i64::from(a < b)))
                .sum();
            balance as f64 / (2 * faces[i].len() * faces[j].len()) as f64
        }))
    }
}

pub(super) const EFRON: GeneratorEntry = GeneratorEntry::of::<Efron>(
    "efron",
    "Efron's four dice, each of which beats the next with 2/3",
    "36 P = [[18,24,16,12],[12,18,24,18],[20,12,18,24],[24,18,12,18]]; the equilibria are the segment from \
     (0, 1/2, 0, 1/2) to (3, 1, 3, 0)/7; as tau -> 0 with uniform reference the regularised equilibrium tends to its \
     point of largest entropy, (.24501151, .29582374, .24501151, .21415324)",
);

/// Efron's dice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Efron {}

impl Generator for Efron {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let faces = [[4, 4, 4, 4, 0, 0], [3, 3, 3, 3, 3, 3], [6, 6, 2, 2, 2, 2], [5, 5, 5, 1, 1, 1]];
        let faces = faces.iter().map(|die| die.iter().map(|&f| f64::from(f)).collect()).collect();
        Ok(labelled(Dice { faces }.generate(rng)?, &["A", "B", "C", "D"]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, gap, refusal};
    use serde_json::{Value, json};

    #[test]
    fn the_default_dice_beat_each_other_five_to_four() {
        let game = game("dice", Value::Null);
        assert_equilibrium(&game, &[1.0; 3]);
        // 2,4,9 beats 1,6,8 beats 3,5,7 beats 2,4,9
        for (i, j) in [(0, 1), (1, 2), (2, 0)] {
            assert!((game.prob(0, i, j) - 5.0 / 9.0).abs() < 1e-16);
        }
    }

    #[test]
    fn efron_is_the_published_table_with_a_segment_of_equilibria() {
        let game = game("efron", Value::Null);
        let table = [[18, 24, 16, 12], [12, 18, 24, 18], [20, 12, 18, 24], [24, 18, 12, 18]];
        for (i, row) in table.iter().enumerate() {
            for (j, &entry) in row.iter().enumerate() {
                assert!((game.prob(0, i, j) - f64::from(entry) / 36.0).abs() < 1e-16, "{i} {j}");
            }
        }
        for t in [0.0, 0.25, 0.5, 1.0] {
            let (p, q) = ([0.0, 0.5, 0.0, 0.5], [3.0 / 7.0, 1.0 / 7.0, 3.0 / 7.0, 0.0]);
            let point: Vec<f64> = p.iter().zip(q).map(|(a, b)| (1.0 - t) * a + t * b).collect();
            assert_equilibrium(&game, &point);
        }
        // the point of largest entropy, to its eight digits
        assert!(gap(&game, &[0.24501151, 0.29582374, 0.24501151, 0.21415324]) < 1e-8);
        assert!(gap(&game, &[0.25; 4]) > 1e-3);
    }

    #[test]
    fn ties_count_half_and_sizes_may_differ() {
        let game = game("dice", json!({"faces": [[1, 2], [2], [0, 2, 2, 4]]}));
        assert_eq!(game.prob(0, 0, 1), 0.25);
        // (1 vs 0,2,2,4): 1 win; (2 vs ..): 1 win, 2 ties -> 3 of 8
        assert_eq!(game.prob(0, 0, 2), 0.375);
        assert_eq!(super::super::tests::game("dice", json!({"faces": [[1]]})).shape().len(), 1);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        assert_eq!(refusal("dice", json!({"faces": []})).key(), "faces");
        assert_eq!(refusal("dice", json!({"faces": [[1], []]})).key(), "faces[1]");
        assert_eq!(refusal("dice", json!({"faces": [[1], ["six"]]})).key(), "faces[1][0]");
    }
}
