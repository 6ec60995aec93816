//! Comparisons from files -> counts -> a preference matrix.
//!
//! `P_ij = (wins of i over j + ties/2) / comparisons of the pair`, 1/2 where a pair never met; such pairs are listed.

use std::path::Path;

use equipoise_core::registry::nearest;
use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array2;
use serde_json::Value;

use crate::error::DataError;
use crate::{bytes, ending, text};

/// Most items that are counted: two dense tables of this side.
const MAX_ITEMS: usize = 5_000;

/// What a tie counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Half a win to each side.
    #[default]
    Half,
    /// Nothing: the comparison is left out.
    Drop,
}

/// Which comparisons are counted, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this context.
    pub context: Option<String>,
    /// Only this annotator.
    pub annotator: Option<String>,
    /// What a tie counts.
    pub ties: Ties,
}

/// Counted comparisons of one game.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparisons {
    /// Items, in the order of their first appearance.
    pub labels: Vec<String>,
    /// `wins[[i, j]]`: weight with which i beat j, `[items x items]`.
    pub wins: Array2<f64>,
    /// `ties[[i, j]] = ties[[j, i]]`: weight of ties, `[items x items]`; zero if dropped.
    pub ties: Array2<f64>,
    /// Weight of all comparisons counted.
    pub total: f64,
    /// Weight of all ties seen, counted or not.
    pub total_ties: f64,
}

impl Comparisons {
    /// The preference matrix; unmet pairs are 1/2.
    ///
    /// # Panics
    /// Never: counted wins give probabilities.
    #[must_use]
    pub fn matrix(&self) -> PreferenceMatrix {
        let margin = |i: usize, j: usize| {
            let met = self.met(i, j);
            if met > 0.0 { (self.wins[[i, j]] - self.wins[[j, i]]) / (2.0 * met) } else { 0.0 }
        };
        PreferenceMatrix::from_margins(self.labels.len(), margin).expect("counts give margins in [-1/2, 1/2]")
    }

    /// The game, with its labels.
    ///
    /// # Panics
    /// Never: labels are distinct and not empty.
    #[must_use]
    pub fn game(&self) -> Game {
        Game::single(self.matrix()).with_labels(vec![self.labels.clone()]).expect("labels are distinct")
    }

    /// Weight of the comparisons between i and j.
    #[must_use]
    pub fn met(&self, i: usize, j: usize) -> f64 {
        self.wins[[i, j]] + self.wins[[j, i]] + self.ties[[i, j]]
    }

    /// Pairs (by index, `i < j`) that never met and stand at 1/2.
    #[must_use]
    pub fn unmet_pairs(&self) -> Vec<(usize, usize)> {
        let n = self.labels.len();
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).filter(|&(i, j)| self.met(i, j) == 0.0).collect()
    }
}

/// Reads comparisons from `.csv` or `.jsonl` with `item_a, item_b, outcome` (`a`, `b`, `tie`) and optional `context`,
/// `annotator`, `timestamp`, `weight`; `model_a, model_b, winner` (`model_a`, `model_b`, `tie`, `tie (bothbad)`) are
/// understood. Other columns are passed over.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_comparisons(path: &Path, selection: &Selection) -> Result<Comparisons, DataError> {
    parse_comparisons(path, &bytes(path)?, selection)
}

/// [`read_comparisons`] from bytes.
///
/// # Errors
/// As [`read_comparisons`].
pub fn parse_comparisons(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Comparisons, DataError> {
    let kind = ending(path);
    let mut tally = Tally { path, selection, labels: Vec::new(), counted: Vec::new(), skipped: 0 };
    match kind.as_str() {
        "csv" => csv_rows(path, text(path, bytes)?, &mut tally)?,
        "jsonl" => json_rows(path, text(path, bytes)?, &mut tally)?,
        "parquet" => {
            return Err(DataError::new(path, "Parquet is not read yet; convert it to .csv or .jsonl"));
        }
        other => {
            let message = format!("has the ending `{other}`; comparisons are a .csv or .jsonl file");
            return Err(DataError::new(path, message));
        }
    }
    tally.finish()
}

/// One row as it stands in the file.
#[derive(Default)]
struct Row<'a> {
    item_a: Option<&'a str>,
    item_b: Option<&'a str>,
    outcome: Option<&'a str>,
    context: Option<&'a str>,
    annotator: Option<&'a str>,
    weight: Option<f64>,
}

/// A column and its meaning.
fn column(name: &str) -> Option<&'static str> {
    Some(match name {
        "item_a" | "model_a" => "item_a",
        "item_b" | "model_b" => "item_b",
        "outcome" | "winner" => "outcome",
        "context" => "context",
        "annotator" => "annotator",
        "weight" => "weight",
        _ => return None,
    })
}

fn csv_rows(path: &Path, text: &str, tally: &mut Tally<'_>) -> Result<(), DataError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| DataError::new(path, e.to_string()))?.clone();
    let find = |wanted: &str| header.iter().position(|h| column(h) == Some(wanted));
    let [a, b, outcome] = ["item_a", "item_b", "outcome"].map(find);
    let (Some(a), Some(b), Some(outcome)) = (a, b, outcome) else {
        let found = header.iter().collect::<Vec<_>>().join(",");
        let message =
            format!("the header is `{found}`; item_a,item_b,outcome (or model_a,model_b,winner) are needed");
        return Err(DataError::new(path, message).at(1));
    };
    let [context, annotator, weight] = ["context", "annotator", "weight"].map(find);
    for record in reader.records() {
        let record = record.map_err(|e| DataError::new(path, e.to_string()))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        let weight = match weight.map(|k| &record[k]).filter(|w| !w.is_empty()) {
            None => None,
            Some(w) => Some(
                w.parse::<f64>()
                    .map_err(|_| DataError::new(path, format!("weight `{w}` is not a number")).at(line))?,
            ),
        };
        let row = Row {
            item_a: Some(&record[a]),
            item_b: Some(&record[b]),
            outcome: Some(&record[outcome]),
            context: context.map(|k| &record[k]),
            annotator: annotator.map(|k| &record[k]),
            weight,
        };
        tally.add(line, &row)?;
    }
    Ok(())
}

fn json_rows(path: &Path, text: &str, tally: &mut Tally<'_>) -> Result<(), DataError> {
    for (k, json) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line = k + 1;
        let value: Value =
            serde_json::from_str(json).map_err(|e| DataError::new(path, e.to_string()).at(line))?;
        let Value::Object(map) = &value else {
            return Err(DataError::new(path, "each line must be a JSON object").at(line));
        };
        let mut row = Row::default();
        for (name, value) in map {
            let Some(meaning) = column(name) else { continue };
            if value.is_null() {
                continue;
            }
            if meaning == "weight" {
                let Some(w) = value.as_f64() else {
                    return Err(DataError::new(path, format!("weight `{value}` is not a number")).at(line));
                };
                row.weight = Some(w);
                continue;
            }
            let Some(word) = value.as_str() else {
                return Err(DataError::new(path, format!("`{name}` is `{value}`, must be text")).at(line));
            };
            match meaning {
                "item_a" => row.item_a = Some(word.trim()),
                "item_b" => row.item_b = Some(word.trim()),
                "outcome" => row.outcome = Some(word.trim()),
                "context" => row.context = Some(word.trim()),
                _ => row.annotator = Some(word.trim()),
            }
        }
        tally.add(line, &row)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    A,
    B,
    Tie,
}

struct Tally<'a> {
    path: &'a Path,
    selection: &'a Selection,
    labels: Vec<String>,
    counted: Vec<(usize, usize, Outcome, f64)>,
    skipped: usize,
}

impl Tally<'_> {
    fn add(&mut self, line: usize, row: &Row<'_>) -> Result<(), DataError> {
        let refuse = |message: String| Err(DataError::new(self.path, message).at(line));
        let wanted =
            |want: &Option<String>, have: Option<&str>| want.as_deref().is_none_or(|w| have == Some(w));
        if !wanted(&self.selection.context, row.context) || !wanted(&self.selection.annotator, row.annotator)
        {
            self.skipped += 1;
            return Ok(());
        }
        let (a, b) = match (row.item_a, row.item_b) {
            (Some(a), Some(b)) if !a.is_empty() && !b.is_empty() => (a, b),
            _ => return refuse("an item has no name; item_a and item_b must not be empty".into()),
        };
        if a == b {
            return refuse(format!("`{a}` is compared with itself; leave such rows out"));
        }
        const KNOWN: [&str; 6] = ["a", "b", "tie", "model_a", "model_b", "tie (bothbad)"];
        let outcome = match row.outcome {
            Some("a" | "model_a") => Outcome::A,
            Some("b" | "model_b") => Outcome::B,
            Some("tie" | "tie (bothbad)") => Outcome::Tie,
            other => {
                let word = other.unwrap_or_default();
                let hint = nearest(word, KNOWN).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
                return refuse(format!("outcome `{word}` is not known{hint}; known: {}", KNOWN.join(", ")));
            }
        };
        let weight = row.weight.unwrap_or(1.0);
        if !(weight >= 0.0 && weight.is_finite()) {
            return refuse(format!("weight {weight} must be a finite number of at least 0"));
        }
        let (i, j) = (self.index(a), self.index(b));
        if self.labels.len() > MAX_ITEMS {
            return refuse(format!("more than {MAX_ITEMS} items; select a part of the data"));
        }
        self.counted.push((i, j, outcome, weight));
        Ok(())
    }

    fn index(&mut self, label: &str) -> usize {
        self.labels.iter().position(|l| l == label).unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        })
    }

    fn finish(self) -> Result<Comparisons, DataError> {
        if self.counted.is_empty() {
            let message = match self.skipped {
                0 => "has no comparisons".to_owned(),
                k => format!("has {k} comparisons, none of the selected context and annotator"),
            };
            return Err(DataError::new(self.path, message));
        }
        let n = self.labels.len();
        let (mut wins, mut ties) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
        let (mut total, mut total_ties) = (0.0, 0.0);
        for (i, j, outcome, weight) in self.counted {
            if outcome == Outcome::Tie {
                total_ties += weight;
                if self.selection.ties == Ties::Drop {
                    continue;
                }
                ties[[i, j]] += weight;
                ties[[j, i]] += weight;
            } else {
                let (winner, loser) = if outcome == Outcome::A { (i, j) } else { (j, i) };
                wins[[winner, loser]] += weight;
            }
            total += weight;
        }
        if !f64::is_finite(total) {
            return Err(DataError::new(self.path, "the weights sum to infinity"));
        }
        Ok(Comparisons { labels: self.labels, wins, ties, total, total_ties })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str, selection: &Selection) -> Result<Comparisons, String> {
        parse_comparisons(Path::new(name), text.as_bytes(), selection).map_err(|e| e.to_string())
    }

    #[test]
    fn ties_are_half_wins_and_filters_hold() {
        let text = "item_a,item_b,outcome,weight,context\nx,y,a,3,p\ny,x,tie,1,p\nx,z,b,2,p\nx,y,b,9,q\n";
        let selection = Selection { context: Some("p".into()), ..Selection::default() };
        let data = parse("d.csv", text, &selection).unwrap();
        assert_eq!(data.labels, ["x", "y", "z"]);
        assert_eq!((data.total, data.total_ties), (6.0, 1.0));
        assert_eq!(data.matrix().prob(0, 1), 3.5 / 4.0);
        assert_eq!(data.unmet_pairs(), [(1, 2)]);
        let dropped = parse("d.csv", text, &Selection { ties: Ties::Drop, ..selection }).unwrap();
        assert_eq!((dropped.matrix().prob(0, 1), dropped.total), (1.0, 5.0));
        let json = "{\"model_a\": \"x\", \"model_b\": \"y\", \"winner\": \"tie (bothbad)\", \"turn\": 1}\n";
        assert_eq!(parse("d.jsonl", json, &Selection::default()).unwrap().matrix().prob(0, 1), 0.5);
    }

    #[test]
    fn bad_rows_are_named_by_line() {
        let rows = |r: &str| format!("item_a,item_b,outcome,weight\n{r}\n");
        for (name, text, fragment) in [
            ("d.csv", rows("x,y,c,1"), "d.csv:2: outcome `c` is not known"),
            ("d.csv", rows("x,x,a,1"), "d.csv:2: `x` is compared with itself"),
            ("d.csv", rows(",x,a,1"), "d.csv:2: an item has no name"),
            ("d.csv", rows("x,y,a,-1"), "weight -1 must be"),
            ("d.csv", rows("x,y,a,one"), "weight `one` is not a number"),
            ("d.csv", rows("x,y,a"), "d.csv"),
            ("d.csv", "a,b\n1,2\n".into(), "item_a,item_b,outcome"),
            ("d.csv", "item_a,item_b,outcome\n".into(), "has no comparisons"),
            ("d.jsonl", "[]\n".into(), "d.jsonl:1: each line must be a JSON object"),
            ("d.jsonl", "{}\n".into(), "an item has no name"),
            ("d.parquet", "PAR1".into(), "not read yet"),
        ] {
            let error = parse(name, &text, &Selection::default()).unwrap_err();
            assert!(error.contains(fragment), "{text:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            for name in ["x.csv", "x.json", "x.jsonl", "x.npy"] {
                let path = Path::new(name);
                let _ = crate::parse_matrix(path, &bytes);
                let _ = crate::parse_policy(path, &bytes, &["a".into(), "b".into()]);
                let _ = parse_comparisons(path, &bytes, &Selection::default());
            }
        }

        #[test]
        fn no_text_panics(text in "([ab,.0-9\\-\"\n{}:\\[\\]]|item_a,item_b,outcome|label,prob|nan|inf|1e999){0,40}") {
            for name in ["x.csv", "x.json", "x.jsonl"] {
                let path = Path::new(name);
                let _ = crate::parse_matrix(path, text.as_bytes());
                let _ = crate::parse_policy(path, text.as_bytes(), &["a".into(), "b".into()]);
                let _ = parse_comparisons(path, text.as_bytes(), &Selection::default());
            }
        }
    }
}
