//! Annotations of AlpacaEval (`annotations.json` of alpaca_eval).
//!
//! `preference` is in [1, 2]: 1 plus the probability that the second output is better; null where the annotator gave none.
//! Such a row is two comparisons whose weights are the probabilities; a probability below 1e-9 counts as 0. 1.5 is half a vote
//! for each. Names of the generators are `generator_1` (`generator` in some releases) and `generator_2`.

use crate::columns::{ANNOTATOR, CONTEXT};
use crate::records::{Made, Pair, Record, RecordFormat, needed, number, word};

/// Weights below are not told from 0.
const LEAST: f64 = 1e-9;

pub(super) const FORMAT: RecordFormat = RecordFormat {
    name: "alpaca-eval",
    summary: "the preference, 1 to 2, as a vote divided by its probability; null is left out",
    needed: &["generator_2", "preference"],
    keys: &["generator_1", "generator", "generator_2", "preference", "annotator", "instruction"],
    holds: &[CONTEXT, ANNOTATOR],
    rated: false,
    convert,
};

fn convert(record: &Record) -> Result<Vec<Made>, String> {
    let second = needed(record, "generator_2")?;
    let first = word(record, "generator_1").or_else(|| word(record, "generator"));
    let first = first.ok_or("`generator_1` is missing or empty")?;
    let preference = match number(record, "preference") {
        Ok(Some(preference)) if (1.0..=2.0).contains(&preference) => preference,
        Ok(Some(other)) => return Err(format!("`preference` is {other}, must be between 1 and 2")),
        Ok(None) => return Ok(vec![Made::LeftOut("no preference".to_owned())]),
        // pandas writes NaN for null
        Err(_) if word(record, "preference").is_some_and(|p| p.eq_ignore_ascii_case("nan")) => {
            return Ok(vec![Made::LeftOut("no preference".to_owned())]);
        }
        Err(rule) => return Err(rule),
    };
    let vote = |outcome: &str, weight: f64| {
        Made::Pair(Pair {
            items: [first.clone(), second.clone()],
            outcome: outcome.to_owned(),
            weight: Some(weight),
            context: word(record, "instruction"),
            annotator: word(record, "annotator"),
            ..Pair::default()
        })
    };
    let second = preference - 1.0;
    Ok(match second {
        p if p < LEAST => vec![vote("a", 1.0)],
        p if 1.0 - p < LEAST => vec![vote("b", 1.0)],
        p => vec![vote("a", 1.0 - p), vote("b", p)],
    })
}
