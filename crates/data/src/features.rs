//! Features of items or contexts.

use std::path::Path;

use ndarray::Array2;

use crate::error::{Column, DataError};
use crate::{bytes, csv_error, line_of, text};

/// Features of named things.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Names of the features.
    pub names: Vec<String>,
    /// Their values, `[things x features]`.
    pub values: Array2<f64>,
}

/// Reads a CSV file with a column `key` (`item` or `context`) first and one column a feature, for the given names.
///
/// Rows of other names are ignored.
///
/// # Errors
/// [`DataError`]: another header, a value that is no finite number, a name listed twice or not at all.
pub fn read_features(path: &Path, key: &str, names: &[String]) -> Result<Features, DataError> {
    let bytes = bytes(path)?;
    let text = text(path, &bytes)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| csv_error(path, text, &e))?.clone();
    if header.get(0) != Some(key) || header.len() < 2 {
        let message =
            format!("the header must be `{key}` and then one column a feature, separated by commas");
        return Err(DataError::new(path, message).at(1));
    }
    let mut table: Vec<Option<Vec<f64>>> = vec![None; names.len()];
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, text, &e))?;
        let line = line_of(text, record.position());
        let Some(place) = names.iter().position(|l| *l == record[0]) else { continue };
        let numbers = header.iter().zip(record.iter()).skip(1).map(|(feature, cell)| {
            let finite = cell.parse().ok().filter(|x: &f64| x.is_finite());
            let refuse = || DataError::new(path, "is not a finite number").at(line);
            finite.ok_or_else(|| refuse().of(Column::Name(feature.to_owned()), cell))
        });
        if table[place].replace(numbers.collect::<Result<_, _>>()?).is_some() {
            return Err(DataError::new(path, format!("`{}` is listed twice", &record[0])).at(line));
        }
    }
    if let Some(missing) = table.iter().position(Option::is_none) {
        let message = format!("`{}` has no features; every {key} needs a line", names[missing]);
        return Err(DataError::new(path, message));
    }
    let flat: Vec<f64> = table.into_iter().flatten().flatten().collect();
    let shape = (names.len(), header.len() - 1);
    let values = Array2::from_shape_vec(shape, flat).expect("the CSV reader gives rows of equal length");
    Ok(Features { names: header.iter().skip(1).map(str::to_owned).collect(), values })
}

/// Reads a CSV file of numbers without a header, all lines of one length: `[lines][numbers]`.
///
/// # Errors
/// [`DataError`]: a cell that is no finite number, lines of unequal length, no line at all.
pub fn read_numbers(path: &Path) -> Result<Vec<Vec<f64>>, DataError> {
    let bytes = bytes(path)?;
    let text = text(path, &bytes)?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).has_headers(false).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, text, &e))?;
        let line = line_of(text, record.position());
        let numbers = record.iter().enumerate().map(|(k, cell)| {
            let finite = cell.parse().ok().filter(|x: &f64| x.is_finite());
            let refuse = || DataError::new(path, "is not a finite number").at(line);
            finite.ok_or_else(|| refuse().of(Column::Number(k + 1), cell))
        });
        rows.push(numbers.collect::<Result<Vec<_>, _>>()?);
    }
    match rows.is_empty() {
        true => Err(DataError::new(path, "holds no line of numbers")),
        false => Ok(rows),
    }
}
