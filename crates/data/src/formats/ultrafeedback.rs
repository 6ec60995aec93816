//! Rows of UltraFeedback as published: a prompt with the rated completions of several models.
//!
//! A row is a ranking of its models by the mean of their fine-grained ratings (`annotations.*.Rating`, or
//! `fine-grained_score`); `overall_score` is not used: it is wrong in hundreds of rows of the published file. Completions
//! without a rating are left out and counted.

use serde_json::Value;

use super::score_table::ranking_of;
use crate::columns::CONTEXT;
use crate::records::{Made, Record, RecordFormat, number, word};

pub(super) const FORMAT: RecordFormat = RecordFormat {
    name: "ultrafeedback",
    summary: "a ranking of the models of a prompt by the mean of their fine-grained ratings",
    needed: &["completions", "instruction"],
    keys: &["completions", "instruction"],
    holds: &[CONTEXT],
    rated: false,
    convert,
};

fn convert(record: &Record) -> Result<Vec<Made>, String> {
    let Some(Value::Array(completions)) = record.get("completions") else {
        return Err("`completions` is not a list".to_owned());
    };
    let (mut made, mut rated) = (Vec::new(), Vec::new());
    for completion in completions {
        let completion = completion.as_object().ok_or("a completion is not an object")?;
        let model = word(completion, "model").ok_or("`model` of a completion is missing or empty")?;
        let of_aspect = |aspect: &Value| number(aspect.as_object()?, "Rating").ok().flatten();
        let annotations = completion.get("annotations").and_then(Value::as_object);
        let ratings: Option<Vec<f64>> = annotations.map(|a| a.values().filter_map(of_aspect).collect());
        let mean = match ratings.filter(|r| !r.is_empty()) {
            Some(ratings) => Some(ratings.iter().sum::<f64>() / ratings.len() as f64),
            None => number(completion, "fine-grained_score")?,
        };
        match mean {
            Some(mean) => rated.push((model, mean)),
            None => made.push(Made::LeftOut("completion without a rating".to_owned())),
        }
    }
    made.push(Made::Ranking {
        groups: ranking_of(rated, true),
        weight: 1.0,
        context: word(record, "instruction"),
        annotator: None,
    });
    Ok(made)
}
