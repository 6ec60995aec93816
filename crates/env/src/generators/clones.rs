//! Clones: an action that appears several times, as near-duplicate responses do in every preference data set.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Generator, GeneratorEntry, check_size, generator, many, matrix};
use crate::game::Game;

pub(super) const CLONES: GeneratorEntry = GeneratorEntry::of::<Clones>(
    "clones",
    "another generator's game with one action duplicated; copies tie with each other",
    "equilibria: those of the original, with the mass of the duplicated action split among its copies in any way. The \
     regularised equilibrium keeps the mass only if the reference is split too; a Bradley-Terry fit does not keep it: \
     for the default its scores move from (.270, -.135, -.135) to (.205, .205, -.411, .001)",
);

/// A game with a duplicated action: `clones: { game: { cyclic: { margins: [..] } }, item: 0, copies: 1 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clones {
    /// The original: the name of a generator, or one key that names it with its parameters.
    pub game: Value,
    /// The action to duplicate, from 0.
    pub item: usize,
    /// How many copies are added, directly behind the original; 0 leaves the game as it is.
    pub copies: usize,
}

impl Default for Clones {
    fn default() -> Self {
        Self { game: json!({"cyclic": {"margins": [0.3, 0.2, 0.1]}}), item: 0, copies: 1 }
    }
}

impl Generator for Clones {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let Self { game, item, copies } = self;
        let original = named(&game, rng)?;
        let n = original.shape().actions(0);
        ensure(item < n, "item", item, &format!("must be below {n}, the number of actions"))?;
        let size = n.saturating_add(copies);
        check_size(size, original.contexts()).map_err(|_| too_many(copies))?;
        // copies lie at item + 1 ..= item + copies
        let source = |a: usize| if a <= item { a } else { a.saturating_sub(copies).max(item) };
        let cloned = many(original.contexts(), |x| {
            let k = original.matrix(x);
            matrix(size, |i, j| k.margin(source(i), source(j)))
        });
        let label = |a: usize| match a {
            a if a > item && a <= item + copies => format!("{} (copy {})", original.label(0, item), a - item),
            a => original.label(0, source(a)).into_owned(),
        };
        let cloned =
            cloned.with_labels(vec![(0..size).map(label).collect()]).expect("labels of copies are new");
        let worth = original.utilities().map(|all| {
            let contexts = all.chunks(n);
            contexts.flat_map(|of| (0..size).map(|a| of[source(a)])).collect()
        });
        Ok(match worth {
            Some(utilities) => cloned.valued_at(utilities),
            None => cloned,
        })
    }
}

fn too_many(copies: usize) -> BuildError {
    BuildError::range("copies", copies, "makes the game too large")
}

/// The game that a bare name or a one-key map names.
pub(super) fn named(game: &Value, rng: &mut Rng) -> Result<Game, BuildError> {
    let (name, block) = match game {
        Value::String(name) => (name, &Value::Null),
        Value::Object(map) if map.len() == 1 => map.iter().next().expect("a map of length 1 has an entry"),
        other => {
            let problem =
                format!("expected the name of a generator or one key that names it, found `{other}`");
            return Err(BuildError::Type { key: "game".into(), problem });
        }
    };
    let entry = generator(name).map_err(|e| e.within("game"))?;
    entry.build(block, rng).map_err(|e| e.within(&format!("game.{name}")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, borda, game, refusal};
    use equipoise_core::logistic::logistic_margin;
    use serde_json::{Value, json};

    #[test]
    fn copies_tie_and_share_everything_else() {
        let (original, cloned) =
            (game("perturbed-rps", Value::Null), json!({"game": "perturbed-rps", "item": 1, "copies": 2}));
        let cloned = game("clones", cloned);
        let source = [0, 1, 1, 1, 2];
        for i in 0..5 {
            for j in 0..5 {
                assert_eq!(cloned.prob(0, i, j), original.prob(0, source[i], source[j]));
            }
        }
        assert_eq!(cloned.labels(0), ["rock", "paper", "paper (copy 1)", "paper (copy 2)", "scissors"]);
        for split in [[3.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 2.5, 0.0]] {
            assert_equilibrium(&cloned, &[3.0, split[0], split[1], split[2], 1.0]);
        }
    }

    #[test]
    fn the_bradley_terry_scores_move() {
        for (copies, scores) in [(0, vec![0.270, -0.135, -0.135]), (1, vec![0.205, 0.205, -0.411, 0.001])] {
            let game = game("clones", json!({ "copies": copies }));
            for (i, borda) in borda(&game).into_iter().enumerate() {
                let fitted: f64 = scores.iter().map(|r| logistic_margin(scores[i] - r)).sum();
                // three digits of each score, times slopes that sum to at most 1
                assert!((fitted - borda).abs() < 1.5e-3, "{copies} {i}: {fitted} {borda}");
            }
        }
    }

    #[test]
    fn clones_of_clones_and_of_random_games() {
        let twice = json!({"game": {"clones": {"item": 2}}, "item": 0});
        // the inner game is 0, 1, 2, a copy of 2; the outer one adds a copy of 0
        assert_eq!(game("clones", twice).labels(0), ["0", "0 (copy 1)", "1", "2", "2 (copy 1)"]);
        let random =
            game("clones", json!({"game": {"random-uniform": {"actions": 4, "contexts": 3}}, "item": 3}));
        assert_eq!((random.contexts(), random.shape().actions(2)), (3, 5));
        for x in 0..3 {
            assert_eq!(random.prob(x, 3, 4), 0.5);
            assert_eq!(random.prob(x, 0, 3), random.prob(x, 0, 4));
        }
    }

    #[test]
    fn what_is_wrong_inside_is_named_with_its_path() {
        let message = |block| refusal("clones", block).to_string();
        assert!(message(json!({"game": {"cylic": {}}})).contains("`game.cylic`, did you mean `cyclic`?"));
        assert!(message(json!({"game": {"cyclic": {"margin": 1}}})).contains("`game.cyclic.margin`"));
        assert!(message(json!({"game": 3})).contains("`game`: expected the name of a generator"));
        assert!(message(json!({"item": 3})).contains("must be below 3"));
        assert!(message(json!({"copies": u64::MAX})).starts_with("`copies`"));
    }
}
