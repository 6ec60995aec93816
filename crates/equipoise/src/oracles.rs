//! What answers a solver's questions, by name: the oracles of a game ([`env::ORACLES`](equipoise_env::ORACLES)), and the learned
//! one, which knows preference models and therefore stands here.

use std::fmt;
use std::sync::Arc;

use equipoise_core::registry::{BuildError, nearest};
use equipoise_core::{Policy, Rng};
use equipoise_env::batcher::BatchHandle;
use equipoise_env::{Feedback, Game, GameOracle, MeasuredOracle, ORACLES};
use equipoise_models::learned::{LearnError, Learned, LearnedOracle};
use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An oracle as it is written down: `exact`, `sampled: { .. }` or `learned: { .. }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OracleSpec {
    /// The game itself, exact or sampled.
    Game(Feedback),
    /// A model fitted to labels of the game.
    Learned {
        /// What it is made of.
        learned: Learned,
    },
}

impl OracleSpec {
    /// Whether every answer is a win rate of the game, to rounding.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        *self == Self::Game(Feedback::Exact)
    }

    /// Whether it answers from a fitted model.
    #[must_use]
    pub fn is_learned(&self) -> bool {
        matches!(self, Self::Learned { .. })
    }

    /// The oracle about `game`, through `batch` if that is there, for a method that starts at `start`; `rng` is its own
    /// stream.
    ///
    /// # Errors
    /// [`LearnError`] if no model can be learned.
    pub fn build(
        &self,
        game: &Arc<Game>,
        batch: Option<BatchHandle>,
        (reference, start): (&Policy, &Policy),
        rng: Rng,
    ) -> Result<Box<dyn MeasuredOracle>, LearnError> {
        let of_game = |feedback: Feedback, rng: Rng| match batch {
            Some(handle) => GameOracle::batched(handle, feedback, rng),
            None => GameOracle::new(Arc::clone(game), feedback, rng),
        };
        Ok(match self {
            Self::Game(feedback) => Box::new(of_game(feedback.clone(), rng)),
            Self::Learned { learned } => {
                let truth = of_game(Feedback::Exact, rng.clone());
                Box::new(LearnedOracle::new(learned.clone(), truth, reference, start, rng)?)
            }
        })
    }
}

impl fmt::Display for OracleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Game(Feedback::Exact) => f.write_str("exact"),
            Self::Game(Feedback::Sampled(s)) => write!(f, "{} duels", s.duels_per_query),
            Self::Learned { learned } => learned.fmt(f),
        }
    }
}

/// A registry row.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct OracleRow {
    /// YAML key.
    pub name: &'static str,
    /// One line: what its answers are.
    pub summary: &'static str,
    /// Reference, or where it is used.
    pub source: &'static str,
    /// Its parameters with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its parameters, with their documentation.
    pub schema: fn() -> Schema,
}

impl OracleRow {
    /// The oracle of a parameter block (`null` for all defaults).
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, block: &Value) -> Result<OracleSpec, BuildError> {
        match ORACLES.iter().find(|entry| entry.name == self.name) {
            Some(entry) => entry.build(block).map(OracleSpec::Game),
            None => Ok(OracleSpec::Learned { learned: Learned::of_json(block)? }),
        }
    }
}

/// Every oracle.
#[must_use]
pub fn oracles() -> Vec<OracleRow> {
    let of_games = ORACLES.iter().map(|entry| OracleRow {
        name: entry.name,
        summary: entry.summary,
        source: entry.source,
        defaults: entry.defaults,
        schema: entry.schema,
    });
    let learned = OracleRow {
        name: "learned",
        summary: "win rates of a preference model that is fitted to labels bought from the game; measured on the true game",
        source: "reward and preference models between labels and policy, as of RLHF, arXiv:2203.02155",
        defaults: Learned::defaults,
        schema: Learned::schema,
    };
    of_games.chain([learned]).collect()
}

/// The oracle called `name`.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn oracle(name: &str) -> Result<OracleRow, BuildError> {
    let all = oracles();
    let names = || all.iter().map(|row| row.name);
    all.iter().find(|row| row.name == name).copied().ok_or_else(|| BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, names()).map(str::to_owned),
        known: names().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_row_builds_its_defaults_and_is_recorded_by_its_name() {
        for row in oracles() {
            let built = row.build(&Value::Null).unwrap();
            assert_eq!(row.build(&(row.defaults)()).unwrap(), built, "{}", row.name);
            let recorded = json!(built);
            let key = recorded.as_object().and_then(|o| o.keys().next()).map(String::as_str);
            assert_eq!(recorded.as_str().or(key), Some(row.name));
            assert_eq!(serde_json::from_value::<OracleSpec>(recorded).unwrap(), built);
            assert_eq!(oracle(row.name).unwrap().name, row.name);
        }
        let error = oracle("lerned").err().unwrap().to_string();
        assert!(error.contains("did you mean `learned`"), "{error}");
    }
}
