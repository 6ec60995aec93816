//! Preference rows of TRL and of data sets on the Hugging Face Hub: `prompt`, `chosen`, `rejected`.
//!
//! Answers are text, or lists of messages. The context is the prompt, given or implicit (the common beginning of both); the
//! items are the answers, named by a hash of their text, since they have no other name. With `score_chosen` and
//! `score_rejected` (UltraFeedback binarized) the difference is the magnitude, and equal scores are a tie. The answer that was
//! chosen stands first in the file; the lesser name is listed first here, so that none is a position.

use serde_json::Value;

use crate::columns::{CONTEXT, MAGNITUDE};
use crate::records::{Made, Pair, Record, RecordFormat, number, word};

/// Longest prompt that stands for itself; of a longer one it is the hash.
const LONGEST_PROMPT: usize = 200;
/// What begins the last answer of a conversation that is written as one text.
const TURN: &str = "\n\nAssistant:";

pub(super) const FORMAT: RecordFormat = RecordFormat {
    name: "preferences",
    summary: "a comparison of two answers to a prompt, named by a hash of their text; chosen beats rejected",
    needed: &["chosen", "rejected"],
    keys: &["prompt", "prompt_id", "chosen", "rejected", "score_chosen", "score_rejected"],
    holds: &[CONTEXT, MAGNITUDE],
    rated: false,
    convert,
};

fn convert(record: &Record) -> Result<Vec<Made>, String> {
    let text = |key: &str| match record.get(key) {
        None | Some(Value::Null) => Err(format!("`{key}` is missing or empty")),
        Some(value) => Ok(value),
    };
    let (chosen, rejected) = (text("chosen")?, text("rejected")?);
    let given = record.get("prompt").filter(|p| !p.is_null()).map(plain);
    let (prompt, answers) = match (chosen, rejected) {
        (Value::Array(c), Value::Array(r)) => {
            let common = c.iter().zip(r).take_while(|(a, b)| a == b).count();
            let rest = |list: &[Value]| list[common..].iter().map(plain).collect::<Vec<_>>().join("\n");
            let prompt =
                given.unwrap_or_else(|| c[..common].iter().map(plain).collect::<Vec<_>>().join("\n"));
            (prompt, [rest(c), rest(r)])
        }
        (c, r) => {
            let (c, r) = (plain(c), plain(r));
            match given {
                Some(prompt) => (prompt, [c, r]),
                None => {
                    let common = c.char_indices().zip(r.chars()).take_while(|((_, a), b)| a == b);
                    let end = common.last().map_or(0, |((k, a), _)| k + a.len_utf8());
                    let end = c[..end].rfind(TURN).map_or(0, |k| k + TURN.len());
                    (c[..end].to_owned(), [c[end..].to_owned(), r[end..].to_owned()])
                }
            }
        }
    };
    let context = match word(record, "prompt_id") {
        Some(id) => id,
        None if prompt.trim().is_empty() => String::new(),
        None if prompt.len() <= LONGEST_PROMPT => prompt.trim().to_owned(),
        None => format!("prompt-{}", hash(&prompt)),
    };
    let [chosen, rejected] = answers.map(|answer| format!("answer-{}", hash(answer.trim())));
    let scores = (number(record, "score_chosen")?, number(record, "score_rejected")?);
    let difference = scores.0.zip(scores.1).map(|(c, r)| c - r);
    let (winner_first, tie) = (chosen <= rejected, difference == Some(0.0));
    let outcome = match (tie, winner_first) {
        (true, _) => "tie",
        (false, true) => "a",
        (false, false) => "b",
    };
    Ok(vec![Made::Pair(Pair {
        items: if winner_first { [chosen, rejected] } else { [rejected, chosen] },
        outcome: outcome.to_owned(),
        magnitude: difference.map(f64::abs).filter(|d| *d > 0.0),
        context: Some(context),
        ..Pair::default()
    })])
}

/// The text of an answer or of a message.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(message) => match message.get("content").or_else(|| message.get("value")) {
            Some(Value::String(text)) => text.clone(),
            _ => value.to_string(),
        },
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// Sixteen digits that stand for a text.
fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}
