//! Labels out: a data set of comparisons or rankings as a file that every reader of this crate takes.
//!
//! ```text
//! comparisons   item_a,item_b,outcome[,context][,weight][,magnitude]        outcome: a, b, tie, both_bad
//! rankings      ranking[,context]                                           as `x > y > z`
//! ```
//!
//! `.csv`, `.jsonl` or `.parquet`, told by the ending. A column is there if some label has what it says: a context if the game
//! has several, a weight if one is not 1, a magnitude if one was recorded.

use std::path::Path;
use std::sync::Arc;

use equipoise_env::{Game, Labels, Outcome};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value, json};

use crate::ending;
use crate::error::DataError;

/// A column with its name, a value a row.
enum Values {
    Text(Vec<String>),
    Numbers(Vec<f64>),
}

/// Labels of `game` as the bytes of a file with the ending of `path`.
///
/// # Errors
/// [`DataError`]: another ending, no label at all, or an action whose name a ranking cannot hold.
pub fn labels_as_file(path: &Path, game: &Game, labels: &Labels) -> Result<Vec<u8>, DataError> {
    let format = ending(path);
    if !["csv", "jsonl", "parquet"].contains(&format.as_str()) {
        let message = format!("has the ending `{format}`; labels go to .csv, .jsonl or .parquet files");
        return Err(DataError::new(path, message));
    }
    let columns = columns(path, game, labels)?;
    let unwritable = |e: &dyn std::error::Error| DataError::new(path, format!("cannot be written: {e}"));
    match format.as_str() {
        "csv" => csv_bytes(&columns).map_err(|e| unwritable(&e)),
        "jsonl" => Ok(json_lines(&columns)),
        _ => parquet_bytes(&columns).map_err(|e| unwritable(&e)),
    }
}

fn columns(path: &Path, game: &Game, labels: &Labels) -> Result<Vec<(&'static str, Values)>, DataError> {
    if labels.lines() == 0 {
        return Err(DataError::new(path, "would hold no label: every row was lost"));
    }
    let names: Vec<Vec<String>> = (0..game.contexts()).map(|x| game.labels(x)).collect();
    let name = |context: u32, action: u32| names[context as usize][action as usize].clone();
    let several = game.contexts() > 1;
    let contexts = |all: Vec<u32>| Values::Text(all.into_iter().map(|x| x.to_string()).collect());
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
            columns.push(("context", contexts(labels.rankings.iter().map(|r| r.context).collect())));
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
        columns.push(("context", contexts(pairs.iter().map(|l| l.context).collect())));
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

fn rows(columns: &[(&'static str, Values)]) -> usize {
    columns.first().map_or(0, |(_, values)| match values {
        Values::Text(v) => v.len(),
        Values::Numbers(v) => v.len(),
    })
}

fn csv_bytes(columns: &[(&'static str, Values)]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|(name, _)| *name))?;
    for k in 0..rows(columns) {
        writer.write_record(columns.iter().map(|(_, values)| match values {
            Values::Text(v) => v[k].clone(),
            Values::Numbers(v) => v[k].to_string(),
        }))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

fn json_lines(columns: &[(&'static str, Values)]) -> Vec<u8> {
    let mut out = String::new();
    for k in 0..rows(columns) {
        let cells = columns.iter().map(|(name, values)| match values {
            Values::Text(v) => ((*name).to_owned(), json!(v[k])),
            Values::Numbers(v) => ((*name).to_owned(), json!(v[k])),
        });
        out += &Value::Object(Map::from_iter(cells)).to_string();
        out.push('\n');
    }
    out.into_bytes()
}

fn parquet_bytes(columns: &[(&'static str, Values)]) -> Result<Vec<u8>, ParquetError> {
    let field = |(name, values): &(&'static str, Values)| match values {
        Values::Text(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8);"),
        Values::Numbers(_) => format!("REQUIRED DOUBLE {name};"),
    };
    let fields: Vec<String> = columns.iter().map(field).collect();
    let schema = parse_message_type(&format!("message labels {{ {} }}", fields.join(" ")))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, values) in columns {
        let mut column = group.next_column()?.expect("as many columns as the schema has");
        match values {
            Values::Text(v) => {
                let bytes: Vec<ByteArray> = v.iter().map(|s| ByteArray::from(s.as_str())).collect();
                column.typed::<ByteArrayType>().write_batch(&bytes, None, None)?;
            }
            Values::Numbers(v) => {
                column.typed::<DoubleType>().write_batch(v, None, None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
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
        assert!(refused("d.xlsx", &none).contains(".csv, .jsonl or .parquet"));
    }
}
