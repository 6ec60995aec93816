//! Payoff transforms Psi(P): the same duels, other payoffs. A transform that is odd about 1/2 and stays within +-1/2 gives
//! a game again; it keeps who beats whom, and so Condorcet winners and Smith sets, but moves the equilibrium.
//!
//! | `psi` | margin of the new game, m = P - 1/2 |
//! |---|---|
//! | `logit: { bound: B }` | `clip(log(P / (1 - P)), -B, B) / (2 B)`: the score game of GPO (arXiv:2410.02197), the Psi of RLHF |
//! | `power: { exponent: a }` | `sign(m) abs(2 m)^a / 2` |
//! | `majority` | `sign(m) / 2`: the 0/1 tournament |

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clones::named;
use super::{Generator, GeneratorEntry, many, matrix};
use crate::game::Game;

pub(super) const TRANSFORMED: GeneratorEntry = GeneratorEntry::of::<Transformed>(
    "transformed",
    "another generator's game with payoffs Psi(P) in place of P",
    "keeps who beats whom; for the default (scores of the cycle .45, .2, .1) the equilibrium is (.2019, .0966, .7015), \
     that of the cycle itself (.2667, .1333, .6)",
);

/// A transform of the payoffs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Psi {
    /// Clipped log-odds.
    Logit {
        /// Largest score in nats, above 0; the new margins are scores over twice this.
        bound: f64,
    },
    /// A power of the margin.
    Power {
        /// Exponent, above 0; 1 changes nothing.
        exponent: f64,
    },
    /// Who wins, not by how much.
    Majority,
}

/// A game with other payoffs: `transformed: { game: .., psi: { logit: { bound: 3 } } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transformed {
    /// The original: the name of a generator, or one key that names it with its parameters.
    pub game: Value,
    /// The transform: `logit: { bound }`, `power: { exponent }` or `majority`.
    pub psi: Psi,
}

impl Default for Transformed {
    fn default() -> Self {
        Self { game: json!({"cyclic": {"margins": [0.45, 0.2, 0.1]}}), psi: Psi::Logit { bound: 3.0 } }
    }
}

impl Generator for Transformed {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        match self.psi {
            Psi::Logit { bound: v } => {
                ensure(v > 0.0 && v.is_finite(), "psi.logit.bound", v, "must be a finite number above 0")?;
            }
            Psi::Power { exponent: v } => {
                ensure(v > 0.0 && v.is_finite(), "psi.power.exponent", v, "must be a finite number above 0")?;
            }
            Psi::Majority => {}
        }
        let original = named(&self.game, rng)?;
        let psi = |m: f64| match self.psi {
            // log((1/2 + m) / (1/2 - m)) = 2 atanh(2 m), which is odd to the last bit
            Psi::Logit { bound } => (2.0 * (2.0 * m).atanh()).clamp(-bound, bound) / (2.0 * bound),
            Psi::Power { exponent } => (0.5 * (2.0 * m).abs().powf(exponent)).copysign(m),
            Psi::Majority if m == 0.0 => 0.0,
            Psi::Majority => 0.5f64.copysign(m),
        };
        let contexts = original.contexts();
        let transformed = many(contexts, |x| {
            let k = original.matrix(x);
            matrix(k.n(), |i, j| psi(k.margin(i, j)))
        });
        let labels =
            |x: usize| (0..original.shape().actions(x)).map(|a| original.label(x, a).into_owned()).collect();
        let transformed =
            transformed.with_labels((0..contexts).map(labels).collect()).expect("labels of the original");
        // other payoffs of the same population
        Ok(match original.utilities() {
            Some(utilities) => transformed.valued_at(utilities.to_vec()),
            None => transformed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_equilibrium, game, refusal};
    use serde_json::{Value, json};

    #[test]
    fn scores_and_their_equilibrium() {
        let scored = game("transformed", Value::Null);
        let logit = |p: f64| (p / (1.0 - p)).ln() / 6.0;
        let scores = [logit(0.95), logit(0.7), logit(0.6)];
        approx::assert_relative_eq!(scored.prob(0, 0, 1) - 0.5, scores[0], max_relative = 1e-14);
        // the equilibrium of a cycle x, y, z is (y, z, x) over its sum
        assert_equilibrium(&scored, &[scores[1], scores[2], scores[0]]);
        let sum: f64 = scores.iter().sum();
        approx::assert_abs_diff_eq!(scores[1] / sum, 0.2019, epsilon = 5e-5);
    }

    #[test]
    fn every_transform_keeps_who_beats_whom() {
        let original = game("random-uniform", json!({"actions": 6, "contexts": 2}));
        for psi in [json!("majority"), json!({"power": {"exponent": 0.3}}), json!({"logit": {"bound": 2.0}})]
        {
            let block = json!({"game": {"random-uniform": {"actions": 6, "contexts": 2}}, "psi": psi});
            let transformed = game("transformed", block);
            for x in 0..2 {
                for i in 0..6 {
                    for j in 0..6 {
                        let (before, after) = (original.prob(x, i, j) - 0.5, transformed.prob(x, i, j) - 0.5);
                        assert!(before * after > 0.0 || (before == 0.0 && after == 0.0), "{before} {after}");
                    }
                }
            }
        }
        let same = json!({"game": "perturbed-rps", "psi": {"power": {"exponent": 1.0}}});
        assert_eq!(game("transformed", same).matrix(0), game("perturbed-rps", Value::Null).matrix(0));
    }

    #[test]
    fn bad_transforms_are_refused_by_name() {
        let key = |block| refusal("transformed", block).key().to_owned();
        assert_eq!(key(json!({"psi": {"logit": {"bound": 0.0}}})), "psi.logit.bound");
        assert_eq!(key(json!({"psi": {"power": {"exponent": -1.0}}})), "psi.power.exponent");
        assert_eq!(key(json!({"game": {"cyclic": {"margin": 1}}})), "game.cyclic.margin");
    }
}
