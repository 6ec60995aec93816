//! Tables out: columns of texts and numbers as a file.
//!
//! `.csv`, `.jsonl` or `.parquet`, told by the ending. What is missing is an empty cell, `null`, or a null of the column.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value, json};

use crate::ending;
use crate::error::DataError;

/// A column, a value a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Texts.
    Text(Vec<String>),
    /// Texts, some of which are missing.
    MaybeText(Vec<Option<String>>),
    /// Numbers.
    Numbers(Vec<f64>),
    /// Numbers, some of which are missing.
    MaybeNumbers(Vec<Option<f64>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::MaybeText(v) => v.len(),
            Self::Numbers(v) => v.len(),
            Self::MaybeNumbers(v) => v.len(),
        }
    }

    /// The value of a row, as JSON has it.
    fn json(&self, k: usize) -> Value {
        match self {
            Self::Text(v) => json!(v[k]),
            Self::MaybeText(v) => json!(v[k]),
            Self::Numbers(v) => json!(v[k]),
            Self::MaybeNumbers(v) => json!(v[k]),
        }
    }

    /// The cell of a row; empty if it is missing.
    fn cell(&self, k: usize) -> String {
        match self {
            Self::Text(v) => v[k].clone(),
            Self::MaybeText(v) => v[k].clone().unwrap_or_default(),
            Self::Numbers(v) => v[k].to_string(),
            Self::MaybeNumbers(v) => v[k].map_or_else(String::new, |x| x.to_string()),
        }
    }
}

/// Columns of equal length as the bytes of a file with the ending of `path`; names are those of a Parquet field: letters, digits and
/// underscores. `what`: what goes into the file, in the plural.
///
/// # Errors
/// [`DataError`] for another ending, and for names that are none.
pub fn table_as_file(
    path: &Path,
    what: &str,
    columns: &[(&'static str, Values)],
) -> Result<Vec<u8>, DataError> {
    let unwritable = |e: &dyn std::error::Error| DataError::new(path, format!("cannot be written: {e}"));
    match ending(path).as_str() {
        "csv" => csv_bytes(columns).map_err(|e| unwritable(&e)),
        "jsonl" => Ok(json_lines(columns)),
        "parquet" => parquet_bytes(what, columns).map_err(|e| unwritable(&e)),
        other => {
            let message = format!("has the ending `{other}`; {what} go to .csv, .jsonl or .parquet files");
            Err(DataError::new(path, message))
        }
    }
}

fn rows(columns: &[(&'static str, Values)]) -> usize {
    columns.first().map_or(0, |(_, values)| values.len())
}

fn csv_bytes(columns: &[(&'static str, Values)]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|(name, _)| *name))?;
    for k in 0..rows(columns) {
        writer.write_record(columns.iter().map(|(_, values)| values.cell(k)))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

fn json_lines(columns: &[(&'static str, Values)]) -> Vec<u8> {
    let mut out = String::new();
    for k in 0..rows(columns) {
        let cells = columns.iter().map(|(name, values)| ((*name).to_owned(), values.json(k)));
        out += &Value::Object(Map::from_iter(cells)).to_string();
        out.push('\n');
    }
    out.into_bytes()
}

fn parquet_bytes(what: &str, columns: &[(&'static str, Values)]) -> Result<Vec<u8>, ParquetError> {
    let field = |(name, values): &(&'static str, Values)| match values {
        Values::Text(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8);"),
        Values::MaybeText(_) => format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"),
        Values::Numbers(_) => format!("REQUIRED DOUBLE {name};"),
        Values::MaybeNumbers(_) => format!("OPTIONAL DOUBLE {name};"),
    };
    let fields: Vec<String> = columns.iter().map(field).collect();
    let schema = parse_message_type(&format!("message {what} {{ {} }}", fields.join(" ")))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, values) in columns {
        let mut column = group.next_column()?.expect("as many columns as the schema has");
        let bytes = |text: &String| ByteArray::from(text.as_str());
        match values {
            Values::Text(v) => {
                let bytes: Vec<ByteArray> = v.iter().map(bytes).collect();
                column.typed::<ByteArrayType>().write_batch(&bytes, None, None)?;
            }
            Values::MaybeText(v) => {
                let bytes: Vec<ByteArray> = v.iter().flatten().map(bytes).collect();
                column.typed::<ByteArrayType>().write_batch(&bytes, Some(&levels(v)), None)?;
            }
            Values::Numbers(v) => {
                column.typed::<DoubleType>().write_batch(v, None, None)?;
            }
            Values::MaybeNumbers(v) => {
                let held: Vec<f64> = v.iter().copied().flatten().collect();
                column.typed::<DoubleType>().write_batch(&held, Some(&levels(v)), None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// Definition levels: 1 where there is a value.
fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
    values.iter().map(|v| i16::from(v.is_some())).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    fn columns() -> Vec<(&'static str, Values)> {
        vec![
            ("item", Values::Text(vec!["a, the \"first\"".into(), "b".into()])),
            ("reason", Values::MaybeText(vec![None, Some("met nobody".into())])),
            ("rating", Values::Numbers(vec![1000.0, 0.1 + 0.2])),
            ("low", Values::MaybeNumbers(vec![Some(-1.5), None])),
        ]
    }

    #[test]
    fn what_is_missing_is_missing_in_every_format() {
        let of = |file: &str| table_as_file(Path::new(file), "ratings", &columns());
        let csv = String::from_utf8(of("b.csv").unwrap()).unwrap();
        assert_eq!(
            csv,
            "item,reason,rating,low\n\"a, the \"\"first\"\"\",,1000,-1.5\nb,met nobody,0.30000000000000004,\n"
        );
        let lines = String::from_utf8(of("b.jsonl").unwrap()).unwrap();
        let second: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
        assert_eq!(second, json!({ "item": "b", "reason": "met nobody", "rating": 0.1 + 0.2, "low": null }));
        let reader = SerializedFileReader::new(Bytes::from(of("b.parquet").unwrap())).unwrap();
        let rows: Vec<Vec<Field>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
            .collect();
        let text = |t: &str| Field::Str(t.to_owned());
        assert_eq!(
            rows,
            [
                vec![text("a, the \"first\""), Field::Null, Field::Double(1000.0), Field::Double(-1.5)],
                vec![text("b"), text("met nobody"), Field::Double(0.1 + 0.2), Field::Null],
            ]
        );
        assert!(of("b.xlsx").unwrap_err().to_string().contains("ratings go to .csv, .jsonl or .parquet"));
    }
}
