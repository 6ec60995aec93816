//! Judgements of Arena-Hard (`model_judgment/JUDGE/MODEL.jsonl` of arena-hard-auto).
//!
//! A line holds the games of a model against the baseline on one question: `score` is `A>>B`, `A>B`, `A=B`, `B>A`, `B>>A` or
//! null. In the first game the baseline is A, in the second the model is. A strong verdict counts as one vote, unless
//! `--outcomes A>>B=a*3,B>>A=b*3` says otherwise; three votes is what the published board gives it.

use serde_json::Value;

use crate::columns::{ANNOTATOR, CONTEXT, TIMESTAMP};
use crate::records::{Made, Pair, Record, RecordFormat, needed, word};

/// The item that a judgement is against, where the record does not name it.
const BASELINE: &str = "baseline";

pub(super) const FORMAT: RecordFormat = RecordFormat {
    name: "arena-hard",
    summary: "a comparison a game against the baseline, in both orders; games without a verdict are left out",
    needed: &["model", "games"],
    keys: &["model", "games", "baseline", "question_id", "uid", "judge", "tstamp"],
    holds: &[CONTEXT, ANNOTATOR, TIMESTAMP],
    rated: false,
    convert,
};

fn convert(record: &Record) -> Result<Vec<Made>, String> {
    let model = needed(record, "model")?;
    let baseline = word(record, "baseline").unwrap_or_else(|| BASELINE.to_owned());
    let Some(Value::Array(games)) = record.get("games") else {
        return Err("`games` is not a list".to_owned());
    };
    let made = games.iter().enumerate().map(|(k, game)| {
        let score = game.as_object().and_then(|game| word(game, "score"));
        let Some(score) = score else { return Made::LeftOut("game without a verdict".to_owned()) };
        let items = [baseline.clone(), model.clone()];
        Made::Pair(Pair {
            // the answers change places from game to game
            items: if k % 2 == 0 { items } else { [model.clone(), baseline.clone()] },
            outcome: score,
            context: word(record, "question_id").or_else(|| word(record, "uid")),
            annotator: word(record, "judge"),
            time: word(record, "tstamp"),
            ..Pair::default()
        })
    });
    Ok(made.collect())
}
