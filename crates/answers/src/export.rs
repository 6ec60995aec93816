//! Leaderboards as files for other programs.

use std::path::Path;

use equipoise::data::{Values, table_as_file};
use equipoise_records::latex::tabular;

use crate::error::AnswerError;

/// Columns of a table, a value a row.
pub(crate) type Columns = Vec<(&'static str, Values)>;

/// The bytes of a file with the ending of `path`: `.tex`, or what tables of numbers are written to.
pub(crate) fn as_file(
    path: &Path,
    columns: &Columns,
    latex: impl FnOnce() -> String,
) -> Result<Vec<u8>, AnswerError> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "tex" => Ok(latex().into_bytes()),
        "csv" | "jsonl" | "parquet" => Ok(table_as_file(path, "leaderboards", columns)?),
        other => {
            let rule =
                format!("has the ending `{other}`; leaderboards go to .csv, .jsonl, .parquet or .tex files");
            Err(AnswerError::option("export", path.display(), rule))
        }
    }
}

/// A table for a paper, under one row of head; numbers stand to the right.
pub(crate) fn latex(rows: &[Vec<String>], numeric: impl Fn(usize) -> bool) -> String {
    tabular(rows, 1, numeric).replace(" +- ", " $\\pm$ ")
}

/// Whole numbers.
pub(crate) fn counts(values: impl Iterator<Item = Option<usize>>) -> Values {
    Values::MaybeNumbers(values.map(|k| k.map(|k| k as f64)).collect())
}
