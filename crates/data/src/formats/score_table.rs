//! Scores of items: a row a context and a column an item, or a row a score.
//!
//! A row a context (`score-table`, `rank-table`): each is a ranking of its columns. Scores are read by `--format score-table`
//! alone, since a table of numbers does not say what they are; ranks, 1 the best, are told by what stands in them.
//!
//! A row a score (`ratings`): `item` (or `model`), `score` (or `rating`), with `context` and `annotator` if need be. The
//! items of one context and annotator are a ranking.

use crate::columns::{ANNOTATOR, CONTEXT, WEIGHT, folded};
use crate::records::{Made, Record, RecordFormat, column_of, meaning, number, word};

const ITEMS: [&str; 4] = ["item", "model", "generator", "system"];
const SCORES: [&str; 2] = ["score", "rating"];

pub(super) const SCORE_TABLE: RecordFormat = RecordFormat {
    name: "score-table",
    summary: "a ranking of the columns of a row by their scores, the highest first; blank cells are left out",
    needed: &[],
    keys: &[],
    holds: &[CONTEXT, ANNOTATOR, WEIGHT],
    rated: false,
    convert: |record| ranking(record, true),
};

pub(super) const RANK_TABLE: RecordFormat = RecordFormat {
    name: "rank-table",
    summary: "a ranking of the columns of a row by their ranks, 1 the best; blank cells are left out",
    needed: &[],
    keys: &[],
    holds: &[CONTEXT, ANNOTATOR, WEIGHT],
    rated: false,
    convert: |record| ranking(record, false),
};

pub(super) const RATINGS: RecordFormat = RecordFormat {
    name: "ratings",
    summary: "a ranking of the items of each context and annotator by their scores, the highest first",
    needed: &[],
    keys: &["item", "model", "generator", "system", "score", "rating"],
    holds: &[CONTEXT, ANNOTATOR],
    rated: true,
    convert: rating,
};

/// Whether these are the keys of [`RATINGS`].
pub(super) fn are_ratings(keys: &[&str]) -> bool {
    let one_of = |names: &[&str]| keys.iter().filter(|k| names.contains(&folded(k).as_str())).count() == 1;
    one_of(&ITEMS) && one_of(&SCORES)
}

/// The words of the columns with a meaning.
fn details(record: &Record, wanted: usize) -> Option<String> {
    column_of(record.keys().map(String::as_str), wanted).and_then(|key| word(record, key))
}

fn ranking(record: &Record, highest_first: bool) -> Result<Vec<Made>, String> {
    let mut rated = Vec::new();
    for key in record.keys().filter(|key| meaning(key).is_none()) {
        if let Some(score) = number(record, key)? {
            rated.push((key.clone(), score));
        }
    }
    if !highest_first && !is_ranking(&rated.iter().map(|r| r.1).collect::<Vec<_>>()) {
        return Err("the ranks of a row are whole numbers from 1 on".to_owned());
    }
    let weight = match details(record, WEIGHT) {
        None => 1.0,
        Some(text) => text.parse().map_err(|_| format!("weight `{text}` is not a number"))?,
    };
    Ok(vec![Made::Ranking {
        groups: ranking_of(rated, highest_first),
        weight,
        context: details(record, CONTEXT),
        annotator: details(record, ANNOTATOR),
    }])
}

fn rating(record: &Record) -> Result<Vec<Made>, String> {
    let one_of = |names: &[&str]| record.keys().find(|k| names.contains(&folded(k).as_str()));
    let (item, score) = (one_of(&ITEMS), one_of(&SCORES));
    let item = item.and_then(|key| word(record, key)).ok_or("`item` is missing or empty")?;
    let score = match score {
        Some(key) => number(record, key)?,
        None => None,
    };
    let Some(score) = score else { return Ok(vec![Made::LeftOut("no score".to_owned())]) };
    Ok(vec![Made::Rated {
        item,
        score,
        context: details(record, CONTEXT),
        annotator: details(record, ANNOTATOR),
    }])
}

/// Whether numbers are the ranks of a row: whole, and each at most one more than there are lower ones, counted singly (1, 2,
/// 2, 4) or by value (1, 2, 2, 3).
pub(crate) fn is_ranking(ranks: &[f64]) -> bool {
    let mut sorted = ranks.to_vec();
    sorted.sort_by(f64::total_cmp);
    let singly = |k: usize| 1.0 + sorted.iter().filter(|r| **r < sorted[k]).count() as f64;
    let mut distinct = sorted.clone();
    distinct.dedup();
    let by_value = distinct.iter().enumerate().all(|(k, r)| *r == 1.0 + k as f64);
    by_value || (0..sorted.len()).all(|k| sorted[k] == singly(k))
}

/// Items in groups of equal numbers, the best first: the highest, or else the lowest.
pub(crate) fn ranking_of(mut rated: Vec<(String, f64)>, highest_first: bool) -> Vec<Vec<String>> {
    rated.sort_by(|(_, a), (_, b)| if highest_first { b.total_cmp(a) } else { a.total_cmp(b) });
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut before = None;
    for (item, number) in rated {
        if before != Some(number) {
            groups.push(Vec::new());
        }
        groups.last_mut().expect("one was pushed").push(item);
        before = Some(number);
    }
    groups
}
