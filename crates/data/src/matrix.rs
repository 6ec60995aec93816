//! Preference matrices from files: entries are Pr(row beats column).

use std::io::Cursor;
use std::path::Path;

use equipoise_env::{Game, PreferenceMatrix};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};
use ndarray_npy::{ReadNpyError, ReadNpyExt as _};
use serde::Deserialize;

use crate::error::DataError;
use crate::{bytes, ending, text};

/// Largest matrix that is read: 20,000 actions are 1.6 GB of margins.
const MAX_ACTIONS: usize = 20_000;

/// Reads a game from `.csv` (n lines of n numbers; labels in a first row or column are optional; a blank diagonal is
/// 1/2), `.json` (`{"labels": [..], "matrix": [[..]]}` or `[[..]]`) or `.npy` (n x n, or contexts x n x n).
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_matrix(path: &Path) -> Result<Game, DataError> {
    parse_matrix(path, &bytes(path)?)
}

/// [`read_matrix`] from bytes; `path` tells the format and stands in messages.
///
/// # Errors
/// As [`read_matrix`].
pub fn parse_matrix(path: &Path, bytes: &[u8]) -> Result<Game, DataError> {
    match ending(path).as_str() {
        "csv" => csv_matrix(path, text(path, bytes)?),
        "json" => json_matrix(path, text(path, bytes)?),
        "npy" => npy_matrix(path, bytes),
        other => Err(DataError::new(
            path,
            format!("has the ending `{other}`; a preference matrix is a .csv, .json or .npy file"),
        )),
    }
}

/// A matrix from rows of numbers, `[n x n]`.
///
/// # Errors
/// A message naming the row of the wrong length, or every violation with its cell.
pub fn matrix_from_rows(rows: &[Vec<f64>]) -> Result<PreferenceMatrix, String> {
    let n = rows.len();
    if n > MAX_ACTIONS {
        return Err(format!("{n} rows; at most {MAX_ACTIONS} are read"));
    }
    if let Some(i) = rows.iter().position(|row| row.len() != n) {
        return Err(format!(
            "row {} has {} numbers; a matrix of {n} rows needs {n} in each",
            i + 1,
            rows[i].len()
        ));
    }
    let p = Array2::from_shape_fn((n, n), |(i, j)| rows[i][j]);
    PreferenceMatrix::new(p.view()).map_err(|e| e.to_string())
}

fn game(path: &Path, rows: &[Vec<f64>], labels: Option<Vec<String>>) -> Result<Game, DataError> {
    let matrix = matrix_from_rows(rows).map_err(|e| DataError::new(path, e))?;
    let game = Game::single(matrix);
    match labels {
        Some(labels) => game.with_labels(vec![labels]).map_err(|e| DataError::new(path, e.to_string())),
        None => Ok(game),
    }
}

fn csv_matrix(path: &Path, text: &str) -> Result<Game, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| DataError::new(path, e.to_string()))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        if record.iter().any(|cell| !cell.is_empty()) {
            records.push((line, record.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
    }
    let number = |cell: &str| cell.parse::<f64>().ok();
    // a header is a first row in which no cell but possibly blank ones is a number; a label column likewise
    let is_label_row =
        |cells: &[String]| cells.iter().all(|c| number(c).is_none()) && cells.iter().any(|c| !c.is_empty());
    let header = records.first().is_some_and(|(_, cells)| is_label_row(cells));
    let body = &records[usize::from(header)..];
    if body.is_empty() {
        return Err(DataError::new(path, "has a header and no rows"));
    }
    let n = body.len();
    let label_column =
        body.iter().all(|(_, cells)| cells.first().is_some_and(|c| number(c).is_none() && !c.is_empty()))
            || body.iter().all(|(_, cells)| cells.len() == n + 1);
    let column_labels = header.then(|| {
        let cells = &records[0].1;
        // the corner above a label column belongs to neither
        cells[usize::from(label_column && cells.len() == n + 1)..].to_vec()
    });
    let row_labels = label_column.then(|| body.iter().map(|(_, cells)| cells[0].clone()).collect::<Vec<_>>());
    if let (Some(rows), Some(columns)) = (&row_labels, &column_labels)
        && rows != columns
    {
        return Err(DataError::new(
            path,
            "labels the rows otherwise than the columns; both must be in the same order",
        ));
    }
    let mut rows = Vec::with_capacity(n);
    for (i, (line, cells)) in body.iter().enumerate() {
        let cells = &cells[usize::from(label_column)..];
        if cells.len() != n {
            let message = format!("{} numbers where the matrix has {n} rows; it must be square", cells.len());
            return Err(DataError::new(path, message).at(*line));
        }
        let row = cells.iter().enumerate().map(|(j, cell)| match number(cell) {
            Some(value) => Ok(value),
            None if i == j && cell.is_empty() => Ok(0.5),
            None => Err(DataError::new(
                path,
                format!("column {}: `{cell}` is not a number; entries are Pr(row beats column), with a decimal point", j + 1),
            )
            .at(*line)),
        });
        rows.push(row.collect::<Result<Vec<_>, _>>()?);
    }
    game(path, &rows, row_labels.or(column_labels))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonMatrix {
    Bare(Vec<Vec<f64>>),
    Labelled(Labelled),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    #[serde(default)]
    labels: Option<Vec<String>>,
    matrix: Vec<Vec<f64>>,
}

fn json_matrix(path: &Path, text: &str) -> Result<Game, DataError> {
    // syntax first: it has a line
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| DataError::new(path, e.to_string()).at(e.line().max(1)))?;
    let parsed = serde_json::from_value(value).map_err(|_| {
        DataError::new(
            path,
            "is neither {\"labels\": [..], \"matrix\": [[..]]} nor [[..]] with numbers in every row",
        )
    })?;
    match parsed {
        JsonMatrix::Bare(rows) => game(path, &rows, None),
        JsonMatrix::Labelled(Labelled { labels, matrix }) => game(path, &matrix, labels),
    }
}

fn npy_matrix(path: &Path, bytes: &[u8]) -> Result<Game, DataError> {
    let read = match ArrayD::<f64>::read_npy(Cursor::new(bytes)) {
        Err(ReadNpyError::WrongDescriptor(_)) => {
            ArrayD::<f32>::read_npy(Cursor::new(bytes)).map(|a| a.mapv(f64::from))
        }
        other => other,
    };
    let array =
        read.map_err(|e| DataError::new(path, format!("{e}; a float64 or float32 array is needed")))?;
    let shape = array.shape().to_vec();
    let one = |m: ndarray::ArrayView2<'_, f64>, context: Option<usize>| {
        PreferenceMatrix::new(m).map_err(|e| {
            let place = context.map_or(String::new(), |x| format!("context {x}: "));
            DataError::new(path, format!("{place}{e}"))
        })
    };
    if let Ok(matrix) = array.view().into_dimensionality::<Ix2>() {
        return Ok(Game::single(one(matrix, None)?));
    }
    if let Ok(cube) = array.view().into_dimensionality::<Ix3>() {
        let matrices = cube.axis_iter(Axis(0)).enumerate().map(|(x, m)| one(m, Some(x)));
        let matrices = matrices.collect::<Result<Vec<_>, _>>()?;
        return Game::new(matrices).map_err(|e| DataError::new(path, e.to_string()));
    }
    Err(DataError::new(path, format!("has shape {shape:?}; n x n or contexts x n x n is needed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Game, String> {
        parse_matrix(Path::new(name), text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn csv_with_and_without_labels() {
        let labelled = parse("g.csv", "\u{feff}x,a,b\r\na,,0.7\r\nb,0.3,\r\n").unwrap();
        assert_eq!((labelled.prob(0, 0, 1), labelled.label(0, 1).into_owned()), (0.7, "b".to_owned()));
        assert_eq!(parse("g.csv", "0.5,0.75\n0.25,0.5\n").unwrap().prob(0, 1, 0), 0.25);
        assert_eq!(parse("g.csv", "a,b\n0.5,0.7\n0.3,0.5\n").unwrap().label(0, 0), "a");
        assert_eq!(parse("g.csv", "a,0.5,0.7\nb,0.3,0.5\n").unwrap().label(0, 1), "b");
        assert_eq!(parse("g.csv", "0.5").unwrap().shape().len(), 1);
    }

    #[test]
    fn bad_files_are_told_where_and_why() {
        for (name, text, fragment) in [
            ("g.csv", "", "is empty"),
            ("g.csv", "0.5,0.7\n0.3", "g.csv:2: 1 numbers where the matrix has 2 rows"),
            ("g.csv", "0.5,x\n0.3,0.5", "g.csv:1: column 2: `x` is not a number"),
            ("g.csv", "0.5,nan\n0.3,0.5", "row 1, column 2: NaN is not a finite number"),
            ("g.csv", "0.5,0.7\n0.4,0.5", "sum to 1.1, must be 1"),
            ("g.csv", "0.5,1.7\n-0.7,0.5", "1.7 is not a probability in [0, 1]"),
            ("g.csv", "x,a,b\nb,0.5,0.7\na,0.3,0.5", "labels the rows otherwise"),
            ("g.csv", "x,a,a\na,0.5,0.7\na,0.3,0.5", "stands for two actions"),
            ("g.csv", "a,b", "has a header and no rows"),
            ("g.json", "{\"matrix\": [[0.5, 1], [0]]}", "row 2 has 1 numbers"),
            ("g.json", "[[0.5,", "g.json:1"),
            ("g.json", "{\"matrx\": []}", "is neither"),
            ("g.json", "[]", "the matrix is empty"),
            ("g.txt", "0.5", "has the ending `txt`"),
            ("g.npy", "0.5", "float64 or float32"),
        ] {
            let error = parse(name, text).unwrap_err();
            assert!(error.contains(fragment), "{name} {text:?}: {error}");
        }
        let error = parse_matrix(Path::new("g.csv"), b"0.5\n\xff").unwrap_err();
        assert_eq!(error.to_string(), "g.csv:2: is not UTF-8; save it as UTF-8");
    }

    #[test]
    fn npy_of_one_and_of_many_contexts() {
        use ndarray_npy::WriteNpyExt as _;
        let p = ndarray::arr2(&[[0.5, 0.75], [0.25, 0.5]]);
        let mut bytes = Vec::new();
        p.write_npy(&mut bytes).unwrap();
        assert_eq!(parse_matrix(Path::new("g.npy"), &bytes).unwrap().prob(0, 0, 1), 0.75);
        let cube = ndarray::stack(Axis(0), &[p.view(), p.t()]).unwrap().mapv(|x| x as f32);
        bytes.clear();
        cube.write_npy(&mut bytes).unwrap();
        let game = parse_matrix(Path::new("g.npy"), &bytes).unwrap();
        assert_eq!((game.contexts(), game.prob(1, 0, 1)), (2, 0.25));
    }
}
