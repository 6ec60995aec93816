//! MT-bench judgements of pairs (`model_judgment/*_pair.jsonl` of FastChat, `gen_judgment.py --mode pairwise-all`).
//!
//! A line holds two games of `model_1` and `model_2`, the second with the answers in the other order; `g1_winner` and
//! `g2_winner` name the winner as `model_1`, `model_2` or `tie`, or `error` where the judge gave none. `judge` is a list.

use crate::columns::{ANNOTATOR, CONTEXT, TIMESTAMP};
use crate::records::{Made, Pair, Record, RecordFormat, needed, word};

pub(super) const FORMAT: RecordFormat = RecordFormat {
    name: "mt-bench-pairs",
    summary: "two comparisons a record, the second in the other order; errors of the judge are left out",
    needed: &["model_1", "model_2", "g1_winner", "g2_winner"],
    keys: &["model_1", "model_2", "g1_winner", "g2_winner", "question_id", "judge", "tstamp"],
    holds: &[CONTEXT, ANNOTATOR, TIMESTAMP],
    rated: false,
    convert,
};

fn convert(record: &Record) -> Result<Vec<Made>, String> {
    let models = [needed(record, "model_1")?, needed(record, "model_2")?];
    let mut made = Vec::new();
    for (key, swapped) in [("g1_winner", false), ("g2_winner", true)] {
        let outcome = match needed(record, key)?.as_str() {
            "error" => {
                made.push(Made::LeftOut("outcome `error`".to_owned()));
                continue;
            }
            // the winner is named, whatever the order
            "model_1" => if swapped { "b" } else { "a" }.to_owned(),
            "model_2" => if swapped { "a" } else { "b" }.to_owned(),
            other => other.to_owned(),
        };
        let [first, second] = models.clone();
        made.push(Made::Pair(Pair {
            items: if swapped { [second, first] } else { [first, second] },
            outcome,
            context: word(record, "question_id"),
            annotator: word(record, "judge"),
            time: word(record, "tstamp"),
            ..Pair::default()
        }));
    }
    Ok(made)
}
