//! Preference matrices from files: entries are Pr(row beats column).

use std::path::Path;

use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array2;
use serde::Deserialize;

use crate::error::{Column, DataError};
use crate::registry::{Format, Reads, format_of};
use crate::{bytes, csv_error, line_of, npy, panels, text};

/// Largest matrix that is read: 20,000 actions are 1.6 GB of margins.
const MAX_ACTIONS: usize = 20_000;

/// Reads a game from `.csv` (n lines of n numbers; labels in a first row or column are optional; a blank diagonal is
/// 1/2), `.json` (`{"labels": [..], "matrix": [[..]]}` or `[[..]]`), `.npy` (n x n, or contexts x n x n) or
/// `.npz` with one such array, or one named `matrix`. A `.panels` file ([`write_panels`](crate::write_panels)) is not
/// read into memory but fetched for every product, however large it is.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_matrix(path: &Path) -> Result<Game, DataError> {
    if format_of(path, Reads::Matrix)? == Format::Panels {
        return panels::open(path);
    }
    parse_matrix(path, &bytes(path)?)
}

/// [`read_matrix`] from bytes; `path` tells the format and stands in messages.
///
/// # Errors
/// As [`read_matrix`].
pub fn parse_matrix(path: &Path, bytes: &[u8]) -> Result<Game, DataError> {
    match format_of(path, Reads::Matrix)? {
        Format::Csv => csv_matrix(path, text(path, bytes)?),
        Format::Json => json_matrix(path, text(path, bytes)?),
        Format::Npy => npy::parse(path, bytes),
        Format::Npz => npy::parse_archive(path, bytes),
        Format::Panels => {
            Err(DataError::new(path, "is fetched from its file, not from bytes; use read_matrix"))
        }
        Format::JsonLines | Format::Parquet | Format::PrefLib => {
            unreachable!("no row of the registry reads a matrix from these")
        }
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
    let matrix = matrix_from_rows(rows).map_err(|e| {
        let whole = |x: &f64| *x >= 0.0 && x.fract() == 0.0;
        let counts =
            rows.iter().enumerate().all(|(i, row)| row.iter().enumerate().all(|(j, x)| i == j || whole(x)));
        let large = rows.iter().flatten().any(|x| *x > 1.0);
        let hint = if counts && large {
            "\nthese look like counts: give comparisons (item_a,item_b,outcome,weight) instead"
        } else {
            ""
        };
        DataError::new(path, format!("{e}{hint}"))
    })?;
    let game = Game::single(matrix);
    match labels {
        Some(labels) => game.with_labels(vec![labels]).map_err(|e| DataError::new(path, e.to_string())),
        None => Ok(game),
    }
}

/// A line of a table: its number in the file, from 1, and its cells.
type Line = (usize, Vec<String>);

/// Splits a table into labels and numbers.
///
/// A first row of labels, a first column of labels, both or none: the shape decides where it can. A table with a row
/// more than columns has a header, one with a column more has a label column. A square one has both if neither its first
/// row nor its first column is all numbers, or if both list the same numbers (labels `0, 1, 2`) that cannot be a row and a
/// column of one preference matrix, since they are not all 1/2; else none.
fn csv_matrix(path: &Path, text: &str) -> Result<Game, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines: Vec<Line> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, text, &e))?;
        // spreadsheets leave lines of nothing but commas
        if record.iter().any(|cell| !cell.is_empty()) {
            lines.push((line_of(text, record.position()), record.iter().map(str::to_owned).collect()));
        }
    }
    let (height, width) = (lines.len(), lines.first().map_or(0, |(_, cells)| cells.len()));
    if let Some((line, cells)) = lines.iter().find(|(_, cells)| cells.len() != width) {
        let message = format!(
            "has {} cells where the first line has {width}; all lines need equally many",
            cells.len()
        );
        return Err(DataError::new(path, message).at(*line));
    }
    let (header, label_column) = match height as isize - width as isize {
        1 => (true, false),
        -1 => (false, true),
        0 => {
            let both = is_framed(&lines);
            (both, both)
        }
        _ => {
            let message = format!(
                "has {height} lines of {width} cells; a matrix is square, labels in a first row or column aside"
            );
            return Err(DataError::new(path, message));
        }
    };
    let body = &lines[usize::from(header)..];
    let skip = usize::from(label_column);
    let row_labels: Option<Vec<String>> =
        label_column.then(|| body.iter().map(|(_, cells)| cells[0].clone()).collect());
    let column_labels = header.then(|| lines[0].1[skip..].to_vec());
    if let (Some(rows), Some(columns)) = (&row_labels, &column_labels)
        && let Some(i) = rows.iter().zip(columns).position(|(r, c)| r != c)
    {
        let message = format!(
            "is labelled `{}`, but column {} is `{}`; both need the same order",
            rows[i],
            i + 1,
            columns[i]
        );
        return Err(DataError::new(path, message).at(body[i].0));
    }
    if body.is_empty() {
        return Err(DataError::new(path, "has a header and no rows"));
    }
    let mut rows = Vec::with_capacity(body.len());
    for (i, (line, cells)) in body.iter().enumerate() {
        let numbers = cells[skip..].iter().enumerate().map(|(j, cell)| match number(cell) {
            Some(value) => Ok(value),
            None if i == j && cell.is_empty() => Ok(0.5),
            None => {
                let rule =
                    "entries are Pr(row beats column), with a decimal point; only the diagonal may be blank";
                let error = DataError::new(path, format!("is not a number; {rule}")).at(*line);
                Err(error.of(Column::Number(j + 1 + skip), cell))
            }
        });
        rows.push(numbers.collect::<Result<Vec<_>, _>>()?);
    }
    game(path, &rows, row_labels.or(column_labels))
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// Whether a square table has both a row and a column of labels.
fn is_framed(lines: &[Line]) -> bool {
    let row: Vec<&str> =
        lines.iter().take(1).flat_map(|(_, cells)| &cells[1..]).map(String::as_str).collect();
    let column: Vec<&str> = lines.iter().skip(1).map(|(_, cells)| cells[0].as_str()).collect();
    let named = |cells: &[&str]| cells.iter().any(|c| !c.is_empty() && number(c).is_none());
    let numbered = row == column && row.iter().any(|c| number(c).is_some_and(|v| v != 0.5));
    // a word in the corner of an otherwise numeric table names the frame
    let corner = lines.first().is_some_and(|(_, cells)| !cells[0].is_empty() && number(&cells[0]).is_none());
    (named(&row) && named(&column)) || numbered || (corner && row == column)
}

/// A matrix in JSON; `null` stands for a blank.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    #[serde(default)]
    labels: Option<Vec<String>>,
    matrix: Vec<Vec<Option<f64>>>,
}

fn json_matrix(path: &Path, text: &str) -> Result<Game, DataError> {
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map(|matrix| Labelled { labels: None, matrix })
    } else {
        serde_json::from_str(text)
    };
    let Labelled { labels, matrix } = parsed.map_err(|e| {
        let forms = "{\"labels\": [..], \"matrix\": [[..]]} or [[..]] with numbers in every row";
        DataError::new(path, format!("is not {forms}: {e}")).at(e.line().max(1))
    })?;
    let mut rows = Vec::with_capacity(matrix.len());
    for (i, row) in matrix.into_iter().enumerate() {
        let numbers = row.into_iter().enumerate().map(|(j, cell)| match cell {
            Some(value) => Ok(value),
            None if i == j => Ok(0.5),
            None => {
                let message =
                    format!("row {}, column {} is null; only the diagonal may be blank", i + 1, j + 1);
                Err(DataError::new(path, message))
            }
        });
        rows.push(numbers.collect::<Result<Vec<_>, _>>()?);
    }
    game(path, &rows, labels)
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
        assert_eq!(parse("g.json", "[[null, 0.7], [0.3, null]]").unwrap().prob(0, 0, 1), 0.7);
        let json = parse("g.json", "{\"labels\": [\"x\", \"y\"], \"matrix\": [[0.5, 1], [0, 0.5]]}").unwrap();
        assert_eq!((json.prob(0, 0, 1), json.label(0, 1).into_owned()), (1.0, "y".to_owned()));
    }

    #[test]
    fn numbers_may_be_labels() {
        for (text, labels) in [
            (",0,1\n0,,0.7\n1,0.3,\n", ["0", "1"]),
            ("row_beats_column,7,8\n7,0.5,0.7\n8,0.3,0.5\n", ["7", "8"]),
            ("0,1\n,0.7\n0.3,\n", ["0", "1"]),
            ("2024,,0.7\n2025,0.3,\n", ["2024", "2025"]),
            (",gpt-4,7\ngpt-4,0.5,0.7\n7,0.3,0.5\n", ["gpt-4", "7"]),
            // a blank diagonal is not a frame
            (",0.7\n0.3,\n", ["0", "1"]),
        ] {
            let game = parse("g.csv", text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            assert_eq!(
                (game.prob(0, 0, 1), game.labels(0)),
                (0.7, labels.map(str::to_owned).to_vec()),
                "{text:?}"
            );
        }
        // all ties with a blank diagonal: the first row and column agree, and are not labels
        assert_eq!(parse("g.csv", ",0.5,0.5\n0.5,,0.5\n0.5,0.5,\n").unwrap().shape().len(), 3);
        assert_eq!(parse("g.csv", "x,a\na,0.5\n").unwrap().labels(0), ["a"]);
    }

    #[test]
    fn bad_files_are_told_where_and_why() {
        for (name, text, fragment) in [
            ("g.csv", "", "is empty"),
            ("g.csv", "0.5,0.7\n0.3", "g.csv:2: has 1 cells where the first line has 2"),
            ("g.csv", "0.5,0.7\r\n\r\n0.3", "g.csv:3: has 1 cells where the first line has 2"),
            ("g.csv", "0.5,x\n0.3,0.5", "g.csv:1: column 2: `x` is not a number"),
            ("g.csv", "r,a,b\na,0.5,o.7\nb,0.3,0.5", "g.csv:2: column 3: `o.7` is not a number"),
            ("g.csv", "0.5,\n0.3,0.5", "g.csv:1: column 2: `` is not a number"),
            ("g.csv", "0,5;0,7\n0,3;0,5", "g.csv"),
            ("g.csv", "0.5,nan\n0.3,0.5", "row 1, column 2: NaN is not a finite number"),
            ("g.csv", "0.5,1e999\n0.3,0.5", "row 1, column 2: inf is not a finite number"),
            ("g.csv", "0.5,0.7\n0.4,0.5", "sum to 1.1, must be 1"),
            ("g.csv", "0.5,1.7\n-0.7,0.5", "1.7 is not a probability in [0, 1]"),
            ("g.csv", ",40\n5,", "these look like counts"),
            ("g.csv", "x,a,b\nb,0.5,0.7\na,0.3,0.5", "g.csv:2: is labelled `b`, but column 1 is `a`"),
            ("g.csv", "x,a,a\na,0.5,0.7\na,0.3,0.5", "stands for two actions"),
            ("g.csv", "a,b,c", "has 1 lines of 3 cells"),
            ("g.csv", "a,b", "g.csv:1: column 2: `b` is not a number"),
            ("g.json", "{\"matrix\": [[0.5, 1], [0]]}", "row 2 has 1 numbers"),
            (
                "g.json",
                "{\"labels\": [\"x\"], \"matrix\": [[0.5, 1], [0, 0.5]]}",
                "1 labels given for 2 actions",
            ),
            ("g.json", "[[0.5,", "g.json:1"),
            ("g.json", "[[0.5, null], [0.3, 0.5]]", "row 1, column 2 is null"),
            ("g.json", "[[0.5, NaN]]", "g.json:1"),
            ("g.json", "[[0.5,\n1e999]]", "g.json:2"),
            ("g.json", "{\"matrx\": []}", "unknown field `matrx`, expected `labels` or `matrix`"),
            ("g.json", "[]", "the matrix is empty"),
            ("g.txt", "0.5", "has the ending `txt`"),
        ] {
            let error = parse(name, text).unwrap_err();
            assert!(error.contains(fragment), "{name} {text:?}: {error}");
        }
        let error = parse_matrix(Path::new("g.csv"), b"0.5\n\xff").unwrap_err();
        assert_eq!(error.to_string(), "g.csv:2: is not UTF-8; save it as UTF-8");
        let error = parse_matrix(Path::new("g.csv"), b"\xff\xfe0\x00").unwrap_err();
        assert_eq!(error.to_string(), "g.csv: is UTF-16; save it as UTF-8");
        let folder = tempfile::Builder::new().suffix(".csv").tempdir().unwrap();
        assert!(read_matrix(folder.path()).unwrap_err().to_string().contains("cannot be read"));
        let missing = folder.path().join("none.json");
        assert!(read_matrix(&missing).unwrap_err().to_string().contains("none.json: cannot be read"));
    }
}
