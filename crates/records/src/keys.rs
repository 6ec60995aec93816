//! Which keys of a record hold a word of which vocabulary.

use serde_json::Value;

use crate::metric::{Direction, Scale};
use crate::vocabulary::{Aim, Behaviour, Guarantee, Iterate, StopKind, UnknownWord};

/// Whether `word` is in the vocabulary that records write under `key`; keys that hold no word of a vocabulary pass.
pub(crate) fn check(key: &str, word: &str) -> Result<(), UnknownWord> {
    match key {
        "iterate" => word.parse::<Iterate>().map(drop),
        "guarantee" | "proved" => word.parse::<Guarantee>().map(drop),
        "aim" => word.parse::<Aim>().map(drop),
        "behaviour" => word.parse::<Behaviour>().map(drop),
        "stop_reason" => word.parse::<StopKind>().map(drop),
        "scale" => word.parse::<Scale>().map(drop),
        "direction" => word.parse::<Direction>().map(drop),
        _ => Ok(()),
    }
}

/// The first word of a JSON record that its vocabulary does not have. What a user typed (`spec`, `parameters`) is not
/// searched.
pub(crate) fn unknown_in(record: &Value) -> Option<UnknownWord> {
    match record {
        Value::Array(items) => items.iter().find_map(unknown_in),
        Value::Object(entries) => entries.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("spec" | "parameters", _) => None,
            ("final_metrics", Value::Object(iterates)) => {
                iterates.keys().find_map(|iterate| check("iterate", iterate).err())
            }
            (key, Value::String(word)) => check(key, word).err(),
            (_, value) => unknown_in(value),
        }),
        _ => None,
    }
}
