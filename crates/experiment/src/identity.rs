//! Names of randomness and of runs: which stream draws what, and when two runs are the same run.
//!
//! | stream | named by | so that |
//! |---|---|---|
//! | game | seed, game name | adding a game moves no other |
//! | reference | seed, game name | a random reference is drawn once a game |
//! | oracle | seed, game name, repetition | every solver meets the same noise (`noise: independent`: also the method, as below) |
//! | solver | seed, game name, method (name, parameters, tau), repetition | longer limits or more metrics draw the same numbers |
//!
//! A run id is the first 16 hexadecimal digits of the BLAKE3 hash of the canonical JSON of everything that decides what
//! the run's folder holds: [`SEMANTICS`], the seed, the name and the content of the game, reference and start, tau,
//! method, oracle, limits, schedule, metrics, saved policies, repetition. Games count by content (their margins, bit by
//! bit), so a changed data file or generator changes the id, and moving a file does not.

use equipoise::core::{Rng, seed};
use equipoise::env::Game;
use serde_json::{Map, Value};

/// Version of what numbers mean. It moves with every change that moves a recorded number; only results of one version
/// are compared, and runs of another are not resumed.
pub const SEMANTICS: u32 = 1;

/// The stream that generates the game called `game`.
#[must_use]
pub fn game_rng(seed: u64, game: &str) -> Rng {
    seed::stream(seed, "game", &[game])
}

/// The stream that draws the random reference of the game called `game`.
#[must_use]
pub fn reference_rng(seed: u64, game: &str) -> Rng {
    seed::stream(seed, "reference", &[game])
}

/// The ids of the stream behind a sampled oracle.
#[must_use]
pub fn oracle_stream(game: &str, repetition: u64) -> [String; 2] {
    [game.into(), repetition.to_string()]
}

/// The ids of the stream behind a sampled oracle that one method meets alone.
#[must_use]
pub fn own_oracle_stream(
    game: &str,
    solver: &str,
    parameters: &Value,
    tau: f64,
    repetition: u64,
) -> [String; 3] {
    solver_stream(game, solver, parameters, tau, repetition)
}

/// The ids of a solver's own stream.
#[must_use]
pub fn solver_stream(game: &str, solver: &str, parameters: &Value, tau: f64, repetition: u64) -> [String; 3] {
    let method = serde_json::json!({ "solver": solver, "parameters": parameters, "tau": tau });
    [game.into(), canonical(&method), repetition.to_string()]
}

/// The id of what `value` describes.
#[must_use]
pub fn id(value: &Value) -> String {
    blake3::hash(canonical(value).as_bytes()).to_hex().as_str()[..16].to_owned()
}

/// The digest of a record, for who reads it back.
#[must_use]
pub fn digest(value: &Value) -> String {
    blake3::hash(canonical(value).as_bytes()).to_hex().to_string()
}

/// The content of a game: sizes, context weights and margins, bit by bit ([`Game::content`]). Labels decide nothing.
#[must_use]
pub fn content(game: &Game) -> String {
    let mut hasher = blake3::Hasher::new();
    game.content(&mut |bytes| {
        hasher.update(bytes);
    });
    hasher.finalize().to_hex().to_string()
}

/// JSON with sorted keys and one spelling for each number: `1`, `1.0` and `1e0` are the same.
#[must_use]
pub fn canonical(value: &Value) -> String {
    fn normal(value: &Value) -> Value {
        match value {
            Value::Number(n) => match n.as_f64() {
                Some(x)
                    if !n.is_u64()
                        && !n.is_i64()
                        && x.fract() == 0.0
                        && x.abs() < 9_007_199_254_740_992.0 =>
                {
                    Value::from(x as i64)
                }
                _ => value.clone(),
            },
            Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
            Value::Object(map) => {
                let mut pairs: Vec<_> = map.iter().map(|(k, v)| (k.clone(), normal(v))).collect();
                pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                Value::Object(pairs.into_iter().collect::<Map<_, _>>())
            }
            _ => value.clone(),
        }
    }
    normal(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise::env::PreferenceMatrix;
    use serde_json::json;

    #[test]
    fn one_number_one_spelling() {
        let a = json!({ "b": 1.0, "a": [2, 0.1, -0.0] });
        let b = json!({ "a": [2.0, 0.1, 0], "b": 1 });
        assert_eq!(canonical(&a), r#"{"a":[2,0.1,0],"b":1}"#);
        assert_eq!(id(&a), id(&b));
        // frozen: it names the folders of recorded runs
        assert_eq!(id(&a), "819e246df2a03988");
        assert_ne!(id(&json!(u64::MAX)), id(&json!(u64::MAX - 1)));
    }

    #[test]
    fn content_is_margins_and_weights() {
        let pair = |m: f64| PreferenceMatrix::from_margins(2, |_, _| m).unwrap();
        let game = |ms: &[f64]| Game::new(ms.iter().map(|&m| pair(m))).unwrap();
        assert_eq!(content(&game(&[0.0])), content(&game(&[-0.0])));
        assert_ne!(content(&game(&[0.1])), content(&game(&[0.1 + f64::EPSILON])));
        assert_ne!(content(&game(&[0.1])), content(&game(&[0.1, 0.1])));
        let labelled = game(&[0.1]).with_labels(vec![vec!["a".into(), "b".into()]]).unwrap();
        assert_eq!(content(&labelled), content(&game(&[0.1])));
        let weighted = game(&[0.1, 0.1]).with_weights(vec![1.0, 3.0]).unwrap();
        assert_ne!(content(&weighted), content(&game(&[0.1, 0.1])));
    }
}
