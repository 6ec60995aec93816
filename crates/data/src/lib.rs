//! Preference data in: matrix files, comparison files, policy files -> checked values -> games.
//!
//! Formats are told by the ending. Every error names the file, the line where there is one, the value, the rule and the
//! way out; nothing here panics on any input.

mod comparisons;
mod error;
mod matrix;
mod policy;

pub use comparisons::{Comparisons, Selection, Ties, parse_comparisons, read_comparisons};
pub use error::DataError;
pub use matrix::{matrix_from_rows, parse_matrix, read_matrix};
pub use policy::{parse_policy, read_policy};

use std::path::Path;

/// The bytes of a file, or why they could not be read.
fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(|e| DataError::new(path, format!("cannot be read: {e}")))
}

/// The text of `bytes`, without a byte-order mark.
fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        DataError::new(path, "is not UTF-8; save it as UTF-8").at(line)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(DataError::new(path, "is empty")) } else { Ok(text) }
}

/// The ending of a path, in lower case.
fn ending(path: &Path) -> String {
    path.extension().map_or(String::new(), |e| e.to_string_lossy().to_ascii_lowercase())
}
