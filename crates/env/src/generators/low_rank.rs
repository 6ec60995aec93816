//! Games of low rank, of any size: no matrix is ever written down.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_numbers, check_positive_margin};
use crate::game::Game;
use crate::storage;

/// Most numbers that the vectors of a game may have: 16 GiB.
const MOST_NUMBERS: usize = 1 << 31;

pub(super) const LOW_RANK: GeneratorEntry = GeneratorEntry::of::<LowRank>(
    "low-rank",
    "a vector an action: K_ij = sum_m u_i[2m] u_j[2m+1] - u_i[2m+1] u_j[2m]; a product costs O(n rank), not O(n^2)",
    "rank 2 with equal lengths is a disc game; 0 is an equilibrium's image, sum_j pi_j u_j = 0, if it lies in the hull of \
     the vectors. The margins have the rank, not the scores: the logistic of such scores has full rank and no fast product",
);

/// A game whose margins have low rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LowRank {
    /// The vectors: `explicit: [[..], ..]`, one list an action, or `random-normal: { actions, rank, contexts }`.
    pub vectors: Vectors,
    /// Bound on the margins, in (0, 0.5]: all vectors are scaled so that the longest has this squared length.
    pub margin: f64,
}

/// Where the vectors come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Vectors {
    /// One list an action, of an even number of numbers, equally many.
    Explicit(Vec<Vec<f64>>),
    /// Independent standard normal numbers.
    RandomNormal(NormalVectors),
}

/// Standard normal vectors, drawn context by context, action by action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NormalVectors {
    /// Number of actions, at least 1.
    pub actions: usize,
    /// Numbers of a vector, even, at least 2.
    pub rank: usize,
    /// Number of independent contexts of the one game, at least 1.
    pub contexts: usize,
}

impl Default for NormalVectors {
    fn default() -> Self {
        Self { actions: 10, rank: 4, contexts: 1 }
    }
}

impl Default for LowRank {
    fn default() -> Self {
        Self { vectors: Vectors::RandomNormal(NormalVectors::default()), margin: 0.5 }
    }
}

/// Scales `u` to a largest squared length of `margin`.
fn scaled(mut u: Array2<f64>, margin: f64) -> Result<storage::LowRank, BuildError> {
    let longest = u.outer_iter().map(|row| row.iter().map(|v| v * v).sum()).fold(0.0, f64::max);
    ensure(longest.is_finite(), "vectors", longest, "a squared length overflows; scale them down")?;
    if longest > 0.0 {
        u *= (margin / longest).sqrt();
    }
    storage::LowRank::new(u.view()).map_err(|e| BuildError::range("vectors", "..", e.to_string()))
}

fn check_rank(key: &str, rank: usize) -> Result<(), BuildError> {
    ensure(rank >= 2 && rank.is_multiple_of(2), key, rank, "must be even and at least 2")
}

impl Generator for LowRank {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        check_positive_margin("margin", self.margin)?;
        match self.vectors {
            Vectors::Explicit(rows) => {
                ensure(!rows.is_empty(), "vectors.explicit", "[]", "needs at least one vector")?;
                let rank = rows[0].len();
                for (i, row) in rows.iter().enumerate() {
                    let key = format!("vectors.explicit[{i}]");
                    check_numbers(&key, row)?;
                    let rule = format!("has {} numbers where the first vector has {rank}", row.len());
                    ensure(row.len() == rank, &key, format!("{row:?}"), &rule)?;
                }
                check_rank("vectors.explicit", rank)?;
                let u = Array2::from_shape_fn((rows.len(), rank), |(i, a)| rows[i][a]);
                Ok(Game::single(scaled(u, self.margin)?))
            }
            Vectors::RandomNormal(NormalVectors { actions, rank, contexts }) => {
                let all = actions.checked_mul(rank).and_then(|n| n.checked_mul(contexts));
                let rule = format!("too large: contexts * actions * rank must be at most {MOST_NUMBERS}");
                ensure(actions >= 1, "actions", actions, "must be at least 1")
                    .and_then(|()| check_rank("rank", rank))
                    .and_then(|()| ensure(contexts >= 1, "contexts", contexts, "must be at least 1"))
                    .and_then(|()| ensure(all.is_some_and(|n| n <= MOST_NUMBERS), "actions", actions, &rule))
                    .map_err(|e| e.within("vectors.random-normal"))?;
                let draw = |_| {
                    let normal: Vec<f64> = (0..actions * rank).map(|_| StandardNormal.sample(rng)).collect();
                    let u =
                        Array2::from_shape_vec((actions, rank), normal).expect("as many as the shape holds");
                    scaled(u, self.margin)
                };
                let contexts = (0..contexts).map(draw).collect::<Result<Vec<_>, _>>()?;
                Ok(Game::new(contexts).expect("there is a context"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, refusal};
    use serde_json::{Value, json};

    #[test]
    fn equal_lengths_in_the_plane_are_a_disc_game() {
        let angles = [0.0f64, 1.8, 4.0];
        let rows: Vec<_> = angles.iter().map(|a| [3.0 * a.sin(), 3.0 * a.cos()]).collect();
        let low = game("low-rank", json!({"vectors": {"explicit": rows}, "margin": 0.4}));
        let disc = game("disc", json!({"angles": angles, "strength": 0.4}));
        for i in 0..3 {
            for j in 0..3 {
                assert!((low.prob(0, i, j) - disc.prob(0, i, j)).abs() < 1e-15);
            }
        }
        // each as the sine of the angle between the other two
        assert_equilibrium(&low, &[(4.0f64 - 1.8).sin(), (-4.0f64).sin(), 1.8f64.sin()]);
    }

    #[test]
    fn normal_vectors_reach_the_margin_that_was_asked_for_and_no_further() {
        let game = game(
            "low-rank",
            json!({"vectors": {"random-normal": {"actions": 60, "rank": 2, "contexts": 2}}}),
        );
        assert_eq!((game.contexts(), game.storage_names()), (2, vec!["low rank"]));
        let largest = game.matrix(1).pair_margins().fold(0.0, |m: f64, k| m.max(k.abs()));
        assert!(largest > 0.3 && largest <= 0.5, "{largest}");
        assert_ne!(game.matrix(0), game.matrix(1));
        let vectors = |n| json!({"vectors": {"random-normal": {"actions": n, "rank": 2}}});
        assert_eq!(super::super::tests::game("low-rank", vectors(1)).prob(0, 0, 0), 0.5);
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let key = |block: Value| refusal("low-rank", block).key().to_owned();
        assert_eq!(key(json!({"margin": 0.0})), "margin");
        assert_eq!(key(json!({"vectors": {"random-normal": {"rank": 3}}})), "vectors.random-normal.rank");
        assert_eq!(key(json!({"vectors": {"explicit": []}})), "vectors.explicit");
        assert_eq!(key(json!({"vectors": {"explicit": [[1.0, 2.0], [1.0]]}})), "vectors.explicit[1]");
        assert_eq!(key(json!({"vectors": {"explicit": [[1.0]]}})), "vectors.explicit");
        assert_eq!(key(json!({"vectors": {"explicit": [[1e200, 0.0]]}})), "vectors");
    }
}
