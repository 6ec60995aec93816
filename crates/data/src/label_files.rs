//! Labels out: a data set of comparisons or rankings as a file that every reader of this crate takes.
//!
//! ```text
//! comparisons   item_a,item_b,outcome[,context][,timestamp][,annotator][,weight][,magnitude]        outcome: a, b, tie, both_bad
//! rankings      ranking[,context]                                           as `x > y > z`
//! ```
//!
//! `.csv`, `.jsonl` or `.parquet`, told by the ending. A column is there if some label has what it says: a context if the game
//! has several, a timestamp (in seconds, a day between contexts) if its contexts are times, an annotator if it is known who answered, a weight
//! if one is not 1, a magnitude if one was recorded.

use std::path::Path;

use equipoise_env::{Game, Labels, Outcome};

use crate::error::DataError;
use crate::table_files::{Values, table_as_file};

/// Seconds between contexts that are times.
const DAY: f64 = 86_400.0;

/// Labels of `game` as the bytes of a file with the ending of `path`.
///
/// # Errors
/// [`DataError`]: another ending, no label at all, or an action whose name a ranking cannot hold.
pub fn labels_as_file(path: &Path, game: &Game, labels: &Labels) -> Result<Vec<u8>, DataError> {
    table_as_file(path, "labels", &columns(path, game, labels)?)
}

fn columns(path: &Path, game: &Game, labels: &Labels) -> Result<Vec<(&'static str, Values)>, DataError> {
    if labels.lines() == 0 {
        return Err(DataError::new(path, "would hold no label: every row was lost"));
    }
    let names: Vec<Vec<String>> = (0..game.contexts()).map(|x| game.labels(x)).collect();
    let name = |context: u32, action: u32| names[context as usize][action as usize].clone();
    let several = game.contexts() > 1;
    let numbered = |all: Vec<u32>| Values::Text(all.into_iter().map(|x| x.to_string()).collect());
    if labels.pairs.is_empty() {
        let held = |c: char| matches!(c, '>' | '=' | '<' | '\u{227b}' | '\u{2265}' | ';' | '|' | '\t' | ',');
        if let Some(odd) = names.iter().flatten().find(|n| n.contains(held)) {
            let message = format!(
                "cannot hold rankings of `{odd}`: names of items may not contain signs that separate those of a ranking \
                 (> = < ; | , and tabs)"
            );
            return Err(DataError::new(path, message));
        }
        let line = |r: &equipoise_env::Ranked| {
            let order: Vec<String> = r.order.iter().map(|&a| name(r.context, a)).collect();
            order.join(" > ")
        };
        let mut columns = vec![("ranking", Values::Text(labels.rankings.iter().map(line).collect()))];
        if several {
            columns.push(("context", numbered(labels.rankings.iter().map(|r| r.context).collect())));
        }
        return Ok(columns);
    }
    let word = |outcome: Outcome| match outcome {
        Outcome::First => "a",
        Outcome::Second => "b",
        Outcome::Tie => "tie",
        Outcome::BothBad => "both_bad",
    };
    let pairs = &labels.pairs;
    let text = |of: &dyn Fn(&equipoise_env::Label) -> String| Values::Text(pairs.iter().map(of).collect());
    let mut columns = vec![
        ("item_a", text(&|l| name(l.context, l.first))),
        ("item_b", text(&|l| name(l.context, l.second))),
        ("outcome", text(&|l| word(l.outcome).to_owned())),
    ];
    if several {
        columns.push(("context", numbered(pairs.iter().map(|l| l.context).collect())));
    }
    if game.is_dated() {
        columns
            .push(("timestamp", Values::Numbers(pairs.iter().map(|l| DAY * f64::from(l.context)).collect())));
    }
    if labels.annotators.len() == pairs.len() {
        columns.push(("annotator", numbered(labels.annotators.clone())));
    }
    if pairs.iter().any(|l| l.weight != 1.0) {
        columns.push(("weight", Values::Numbers(pairs.iter().map(|l| l.weight).collect())));
    }
    if pairs.iter().any(|l| l.magnitude.is_some()) {
        let magnitudes = pairs.iter().map(|l| l.magnitude.unwrap_or(1.0)).collect();
        columns.push(("magnitude", Values::Numbers(magnitudes)));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Selection, parse_battles, parse_rankings};
    use equipoise_env::{Label, PreferenceMatrix, Ranked};

    fn game() -> Game {
        let labels = ["left, first", "middle", "right"].map(str::to_owned).to_vec();
        Game::single(PreferenceMatrix::from_margins(3, |_, _| 0.1).unwrap())
            .with_labels(vec![labels])
            .unwrap()
    }

    #[test]
    fn every_format_is_read_back_as_it_was_written() {
        let label = |first, second, outcome, weight, magnitude| Label {
            context: 0,
            first,
            second,
            outcome,
            weight,
            magnitude: Some(magnitude),
        };
        let pairs = vec![
            label(0, 1, Outcome::First, 1.0, 2.0),
            label(2, 0, Outcome::Second, 0.1 + 0.2, 0.0),
            label(1, 2, Outcome::Tie, 0.5, 1.0),
            label(1, 0, Outcome::BothBad, 1.0, 3.0),
        ];
        let labels = Labels { pairs: pairs.clone(), ..Labels::default() };
        for ending in ["csv", "jsonl", "parquet"] {
            let path = format!("d.{ending}");
            let bytes = labels_as_file(Path::new(&path), &game(), &labels).unwrap();
            let read = parse_battles(Path::new(&path), &bytes, &Selection::default()).unwrap();
            assert_eq!(read.rows.len(), 4, "{ending}");
            for (row, label) in read.rows.iter().zip(&pairs) {
                let name = |k: u32| game().labels(0)[k as usize].clone();
                assert_eq!(read.labels[row.first as usize], name(label.first), "{ending}");
                assert_eq!(read.labels[row.second as usize], name(label.second), "{ending}");
                assert_eq!((row.outcome, row.weight), (label.outcome, label.weight), "{ending}");
                assert_eq!(Some(row.magnitude), label.magnitude, "{ending}");
            }
            let rankings = Labels {
                rankings: vec![
                    Ranked { context: 0, order: vec![1, 0, 2] },
                    Ranked { context: 0, order: vec![2, 1] },
                ],
                ..Labels::default()
            };
            let refused = labels_as_file(Path::new(&path), &game(), &rankings).unwrap_err().to_string();
            assert!(refused.contains("left, first"), "{refused}");
            let plain = ["left", "middle", "right"].map(str::to_owned).to_vec();
            let plain = game().with_labels(vec![plain]).unwrap();
            let bytes = labels_as_file(Path::new(&path), &plain, &rankings).unwrap();
            let read = parse_rankings(Path::new(&path), &bytes, &Selection::default()).unwrap();
            let orders: Vec<Vec<&str>> = read
                .rankings
                .iter()
                .map(|r| r.groups.iter().map(|g| read.labels[g[0] as usize].as_str()).collect())
                .collect();
            assert_eq!(orders, [vec!["middle", "left", "right"], vec!["right", "middle"]], "{ending}");
        }
    }

    #[test]
    fn what_no_file_can_hold_is_refused() {
        let refused = |path: &str, labels: &Labels| {
            labels_as_file(Path::new(path), &game(), labels).unwrap_err().to_string()
        };
        let none = Labels::default();
        assert!(refused("d.csv", &none).contains("no label"));
        let pair = Label {
            context: 0,
            first: 0,
            second: 1,
            outcome: crate::Outcome::First,
            weight: 1.0,
            magnitude: None,
        };
        let one = Labels { pairs: vec![pair], ..Labels::default() };
        assert!(refused("d.xlsx", &one).contains("labels go to .csv, .jsonl or .parquet"));
    }
}
