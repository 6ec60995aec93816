//! Tables of numbers as text: the separator, comments and decimal commas are told by the text itself.

use std::path::Path;

use crate::csv_rows::SEPARATORS;
use crate::error::DataError;
use crate::{csv_error, line_of};

/// Longest line that is read: 20,000 numbers of 25 characters and as many long names.
const LONGEST_LINE: usize = 4 << 20;

/// A line of a table: its number in the file, from 1, and its cells.
pub(crate) type Line = (usize, Vec<String>);

/// The lines of a table that hold something, all of one width. A first line that begins with `#` and is of another width is
/// a comment. Where cells are separated by tabs, semicolons or bars, a comma in a number is a decimal comma.
pub(crate) fn lines(path: &Path, text: &str) -> Result<Vec<Line>, DataError> {
    if let Some(k) = text.lines().position(|line| line.len() > LONGEST_LINE) {
        let rule = format!("is longer than {} MiB; look for a quote that is not closed", LONGEST_LINE >> 20);
        return Err(DataError::new(path, rule).at(k + 1));
    }
    let separator = separator(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines: Vec<Line> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, text, &e))?;
        // spreadsheets leave lines of nothing but separators
        if record.iter().any(|cell| !cell.is_empty()) {
            let cells = record.iter().map(|cell| decimal(cell, separator)).collect();
            lines.push((line_of(text, record.position()), cells));
        }
    }
    let is_comment = |lines: &[Line]| match lines {
        [(_, first), (_, second), ..] => first[0].starts_with('#') && first.len() != second.len(),
        _ => false,
    };
    while is_comment(&lines) {
        lines.remove(0);
    }
    let width = lines.first().map_or(0, |(_, cells)| cells.len());
    match lines.iter().find(|(_, cells)| cells.len() != width) {
        None => Ok(lines),
        Some((line, cells)) => {
            let cells = cells.len();
            let message =
                format!("has {cells} cells where the first line has {width}; all lines need equally many");
            Err(DataError::new(path, message).at(*line))
        }
    }
}

/// The number that a cell holds.
pub(crate) fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// What separates the cells of the first line that is no comment: a separator other than a comma, if it is there outside
/// quotes, since a comma may stand in a number.
fn separator(text: &str) -> u8 {
    let line = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with("# ")).unwrap_or_default();
    let (mut quoted, mut counts) = (false, [0usize; SEPARATORS.len()]);
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        if let Some(k) = SEPARATORS.iter().position(|s| *s == byte).filter(|_| !quoted) {
            counts[k] += 1;
        }
    }
    // tabs before semicolons before bars before commas, which are the first of the list
    let found = (1..SEPARATORS.len()).find(|&k| counts[k] > 0);
    SEPARATORS[found.unwrap_or(0)]
}

/// A cell, with a point for a decimal comma.
fn decimal(cell: &str, separator: u8) -> String {
    let comma = separator != b',' && cell.matches(',').count() == 1 && number(cell).is_none();
    let pointed = if comma { cell.replace(',', ".") } else { String::new() };
    if number(&pointed).is_some() { pointed } else { cell.to_owned() }
}
