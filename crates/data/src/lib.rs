//! Preference data in (and labels out): matrix files, comparison files, ranking files, policy files -> checked values -> games.
//!
//! Formats are told by the ending, or by what stands in a file, [`READERS`]; [`Reading`] says what a file does not. Every error names the file, the line where there is one, the value, the rule and the
//! way out; nothing here panics on any input. Comparisons are read as a stream: counting them takes memory for their
//! pairs, not for their rows.
//!
//! Reading order: [`Selection`] (which rows count), [`Comparisons`] (rows counted by pair), [`Grouped`] (and by context or
//! annotator), [`Battles`] (rows kept), [`Observations`] (which comparisons are one observation).

mod battles;
mod checks;
mod chunks;
mod collector;
mod columns;
mod comparisons;
mod csv_rows;
mod duplicates;
mod error;
mod features;
mod formats;
mod game_files;
mod grouped;
mod input;
mod json_rows;
mod label_files;
mod layout;
mod matrix;
mod names;
mod npy;
mod observations;
mod panels;
mod parquet_pages;
mod parquet_rows;
mod payoffs;
mod policy;
mod preflib;
mod rankings;
mod read;
mod reading;
mod records;
mod registry;
mod selection;
mod shared_file;
mod square;
mod stream;
mod table;
mod table_files;
mod timestamp;
mod weights;

pub use battles::{Battle, Battles, Covaried};
pub use checks::{Checks, Lines};
pub use columns::Outcome;
pub use comparisons::{Comparisons, Count, PairCount};
pub use error::{Column, DataError};
pub use features::{Features, read_features, read_numbers};
pub use game_files::{FileGame, FileGames, FileGroup, GAME_FILES, GameFile, GameFileEntry, OptionError};
pub use grouped::{Grouped, Grouping};
pub use input::{input_files, nearest_file};
pub use label_files::labels_as_file;
pub use matrix::{matrix_from_rows, parse_matrix, read_matrix, read_matrix_as};
pub use observations::{Cell, Observation, Observations, Unit};
pub use panels::write_panels;
pub use payoffs::{Payoffs, parse_payoffs, read_payoffs};
pub use policy::{parse_policy, read_policy};
pub use rankings::{Ranking, Rankings};
pub use read::{
    Collected, Contents, Keep, collect_comparisons, contents, parse_battles, parse_comparisons,
    parse_covariates, parse_grouped, parse_grouped_observations, parse_observations, parse_rankings,
    read_battles, read_comparisons, read_covariates, read_grouped, read_grouped_observations,
    read_observations, read_rankings,
};
pub use reading::{ColumnName, CovariateColumns, Invalid, OutcomeWord, Reading, Repetitions};
pub use registry::{READERS, ReaderEntry, Reads};
pub use selection::{Selection, Ties};
pub use square::MatrixRead;
pub use stream::{AnswerWriter, Extent, games_extent, holds_many_games, stream_games};
pub use table_files::{Values, table_as_file};
pub use timestamp::date;
pub use weights::read_weights;

use std::path::Path;

/// The bytes of a file, or why they could not be read.
fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    input::open(path)?.whole(input::shown(path))
}

/// A text that the CSV reader refuses, with its line.
fn csv_error(path: &Path, text: &str, error: &csv::Error) -> DataError {
    let line = error.position().map(|p| line_of(text, Some(p)));
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells where the header has {expected_len}; quote cells that hold commas")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save it as UTF-8".to_owned(),
        csv::ErrorKind::Io(e) => format!("cannot be read on: {e}"),
        other => format!("is not CSV: {other:?}"),
    };
    DataError { line, ..DataError::new(path, message) }
}

/// The line on which a record begins, from 1. The reader names the place where the one before ends, which is the CR of
/// its CRLF; empty lines may follow.
fn line_of(text: &str, position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 0 };
    let rest = text.as_bytes().get(position.byte() as usize..).unwrap_or_default();
    let empty = rest.iter().take_while(|b| matches!(b, b'\n' | b'\r'));
    position.line() as usize + empty.filter(|b| **b == b'\n').count()
}

/// The text of `bytes`.
fn text_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        DataError::new(path, "is not UTF-8; save it as UTF-8").at(line)
    })
}

/// The text of `bytes`, without a byte-order mark; there must be some.
fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    refuse_utf16(path, bytes)?;
    let text = text_of(path, bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(DataError::new(path, "is empty")) } else { Ok(text) }
}

fn refuse_utf16(path: &Path, start: &[u8]) -> Result<(), DataError> {
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(DataError::new(path, "is UTF-16; save it as UTF-8"));
    }
    Ok(())
}

/// The ending of a path, in lower case.
fn ending(path: &Path) -> String {
    path.extension().map_or(String::new(), |e| e.to_string_lossy().to_ascii_lowercase())
}
