//! Preference matrices from files: entries are Pr(row beats column).

use std::path::Path;

use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array2;
use serde::Deserialize;

use crate::error::{Column, DataError};
use crate::reading::Reading;
use crate::registry::{Format, READERS, Reads, format_of};
use crate::square::{MatrixRead, matrix_of, symmetrised};
use crate::table::{Line, lines, number};
use crate::{input, npy, panels, text};

/// Largest matrix that is read: 20,000 actions are 1.6 GB of margins.
pub(crate) const MAX_ACTIONS: usize = 20_000;

/// Reads a game from `.csv` or `.tsv` (n lines of n numbers; labels in a first row or column are optional; a blank diagonal
/// is 1/2), `.json` (`{"labels": [..], "matrix": [[..]]}` or `[[..]]`), `.npy` (n x n, or contexts x n x n) or
/// `.npz` with one such array, or one named `matrix`; any of them may be compressed (`.gz`, `.zst`). A `.panels` file
/// ([`write_panels`](crate::write_panels)) is not read into memory but fetched for every product, however large it is.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_matrix(path: &Path) -> Result<Game, DataError> {
    Ok(read_matrix_as(path, &Reading::default())?.game)
}

/// [`read_matrix`], read as is said.
///
/// # Errors
/// As [`read_matrix`].
pub fn read_matrix_as(path: &Path, reading: &Reading) -> Result<MatrixRead, DataError> {
    if asked(reading).is_none_or(|f| f == Format::Panels)
        && format_of(path, Reads::Matrix) == Ok(Format::Panels)
    {
        return Ok(MatrixRead { game: panels::open(path)?, remarks: Vec::new(), text: None });
    }
    let bytes = input::open(path)?.whole(input::shown(path))?;
    let read = parse_matrix_as(path, &bytes, reading)?;
    Ok(MatrixRead { text: String::from_utf8(bytes).ok(), ..read })
}

/// [`read_matrix`] from bytes; `path` tells the format and stands in messages.
///
/// # Errors
/// As [`read_matrix`].
pub fn parse_matrix(path: &Path, bytes: &[u8]) -> Result<Game, DataError> {
    Ok(parse_matrix_as(path, bytes, &Reading::default())?.game)
}

/// The format of matrices that is asked for, whatever the ending.
fn asked(reading: &Reading) -> Option<Format> {
    let row = READERS.iter().find(|row| reading.format.as_deref() == Some(row.name))?;
    (row.reads == Reads::Matrix).then_some(row.format)
}

fn parse_matrix_as(path: &Path, bytes: &[u8], reading: &Reading) -> Result<MatrixRead, DataError> {
    let named = input::unpacked(path);
    let format = match asked(reading) {
        Some(format) => format,
        None if input::is_standard_input(path) => input::sniffed(bytes, Reads::Matrix),
        None => format_of(&named, Reads::Matrix)?,
    };
    let path = input::shown(path);
    match format {
        Format::Csv => csv_matrix(path, text(path, bytes)?, reading),
        Format::Json => json_matrix(path, text(path, bytes)?, reading),
        Format::Npy => npy::parse(path, bytes, reading),
        Format::Npz => npy::parse_archive(path, bytes, reading),
        Format::Panels => {
            Err(DataError::new(path, "is fetched from its file, not from bytes; use read_matrix"))
        }
        Format::Parquet | Format::PrefLib | Format::Nfg | Format::Records | Format::Table => {
            unreachable!("no row of the registry reads a matrix from these")
        }
    }
}

/// A matrix from rows of numbers, `[n x n]`.
///
/// # Errors
/// A message naming the row of the wrong length, or every violation with its cell.
pub fn matrix_from_rows(rows: &[Vec<f64>]) -> Result<PreferenceMatrix, String> {
    square(rows)?;
    let p = Array2::from_shape_fn((rows.len(), rows.len()), |(i, j)| rows[i][j]);
    PreferenceMatrix::new(p.view()).map_err(|e| e.to_string())
}

/// Refuses rows that are no square.
fn square(rows: &[Vec<f64>]) -> Result<(), String> {
    let n = rows.len();
    if n > MAX_ACTIONS {
        return Err(format!("{n} rows; at most {MAX_ACTIONS} are read"));
    }
    match rows.iter().position(|row| row.len() != n) {
        None => Ok(()),
        Some(i) => Err(format!(
            "row {} has {} numbers; a matrix of {n} rows needs {n} in each",
            i + 1,
            rows[i].len()
        )),
    }
}

fn game(
    path: &Path,
    rows: &[Vec<f64>],
    labels: Option<Vec<String>>,
    reading: &Reading,
) -> Result<MatrixRead, DataError> {
    let mut remarks = Vec::new();
    let matrix = if let Some(payoffs) = skew_payoffs(rows) {
        remarks.push(format!(
            "read as payoffs, A = -A': margins are A / {}, so that a duality gap of 1 is {} in payoffs",
            payoffs.unit, payoffs.unit
        ));
        payoffs.matrix
    } else {
        square(rows).map_err(|e| DataError::new(path, e))?;
        let p = Array2::from_shape_fn((rows.len(), rows.len()), |(i, j)| rows[i][j]);
        let (matrix, change) = matrix_of(p.view(), reading.symmetrise)
            .map_err(|e| DataError::new(path, format!("{e}{}", way_out(rows))))?;
        remarks.extend(change.map(symmetrised));
        matrix
    };
    let game = Game::single(matrix);
    let game = match labels {
        Some(labels) => game.with_labels(vec![labels]).map_err(|e| DataError::new(path, e.to_string()))?,
        None => game,
    };
    Ok(MatrixRead { game, remarks, text: None })
}

/// Payoffs of a symmetric game of two, scaled to margins.
struct SkewPayoffs {
    matrix: PreferenceMatrix,
    /// A margin of 1/2 is half of it.
    unit: f64,
}

/// Payoffs where they are plain to see: `A = -A'`, and some are negative, which no probability is. They are divided by twice
/// the next power of ten, which keeps decimals what they are.
fn skew_payoffs(rows: &[Vec<f64>]) -> Option<SkewPayoffs> {
    let n = rows.len();
    let finite = n > 0 && rows.iter().all(|r| r.len() == n && r.iter().all(|x| x.is_finite()));
    let largest = rows.iter().flatten().fold(0.0, |m: f64, x| m.max(x.abs()));
    let skew = |i: usize, j: usize| (rows[i][j] + rows[j][i]).abs() <= 1e-12 * largest;
    if !finite || largest == 0.0 || !(0..n).all(|i| (0..=i).all(|j| skew(i, j))) {
        return None;
    }
    let mut unit = 2.0 * 10f64.powi(largest.log10().ceil() as i32);
    while unit < 2.0 * largest {
        unit *= 10.0;
    }
    if !unit.is_finite() || unit < f64::MIN_POSITIVE / f64::EPSILON {
        return None;
    }
    let matrix = PreferenceMatrix::from_margins(n, |i, j| rows[i][j] / unit).ok()?;
    Some(SkewPayoffs { matrix, unit })
}

/// What a table that is no matrix of win rates may be, and how it is read then.
fn way_out(rows: &[Vec<f64>]) -> String {
    let entries =
        || rows.iter().enumerate().flat_map(|(i, r)| r.iter().enumerate().map(move |(j, x)| (i, j, *x)));
    let whole = entries().all(|(i, j, x)| i == j || (x >= 0.0 && x.fract() == 0.0));
    let large = entries().any(|(_, _, x)| x > 1.0);
    let apart = entries().map(|(i, j, x)| (x + rows[j][i] - 1.0).abs() / 2.0).fold(0.0, f64::max);
    match (whole && large, entries().all(|(_, _, x)| (0.0..=1.0).contains(&x))) {
        (true, _) => "\nthese look like counts of wins: --format win-counts reads them (comparisons in an experiment file)".to_owned(),
        (false, true) if apart > 0.0 => format!(
            "\na table that was rounded is read by --symmetrise (symmetrise: true in an experiment file), which takes \
             (P - P')/2; no entry would move by more than {apart:.3e}"
        ),
        (false, false) if entries().all(|(_, _, x)| x.is_finite()) => {
            "\npayoffs of a zero-sum game of two players are read by solve with --format payoffs-csv".to_owned()
        }
        _ => String::new(),
    }
}

/// Splits a table into labels and numbers.
///
/// A first row of labels, a first column of labels, both or none: the shape decides where it can. A table with a row
/// more than columns has a header, one with a column more has a label column. A square one has both if neither its first
/// row nor its first column is all numbers, or if both list the same numbers (labels `0, 1, 2`) that cannot be a row and a
/// column of one preference matrix, since they are not all 1/2; else none.
fn csv_matrix(path: &Path, text: &str, reading: &Reading) -> Result<MatrixRead, DataError> {
    let table = Square::read(path, text)?;
    let rows = table.win_rates(path)?;
    game(path, &rows, table.labels, reading)
}

/// A square table: numbers, and labels if there are some.
pub(crate) struct Square {
    pub(crate) labels: Option<Vec<String>>,
    /// Of each row its line and cells, as text.
    pub(crate) rows: Vec<Line>,
    /// Columns before the first number.
    skip: usize,
}

impl Square {
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, DataError> {
        let lines = lines(path, text)?;
        let (height, width) = (lines.len(), lines.first().map_or(0, |(_, cells)| cells.len()));
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
        let skip = usize::from(label_column);
        let column_labels = header.then(|| lines[0].1[skip..].to_vec());
        let body: Vec<Line> = lines.into_iter().skip(usize::from(header)).collect();
        let row_labels: Option<Vec<String>> =
            label_column.then(|| body.iter().map(|(_, cells)| cells[0].clone()).collect());
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
        let rows = body.into_iter().map(|(line, cells)| (line, cells[skip..].to_vec())).collect();
        Ok(Self { labels: row_labels.or(column_labels), rows, skip })
    }

    fn win_rates(&self, path: &Path) -> Result<Vec<Vec<f64>>, DataError> {
        let mut rows = Vec::with_capacity(self.rows.len());
        for (i, (line, cells)) in self.rows.iter().enumerate() {
            let numbers = cells.iter().enumerate().map(|(j, cell)| match number(cell) {
                Some(value) => Ok(value),
                None if i == j && cell.is_empty() => Ok(0.5),
                None => {
                    let rule =
                        "entries are Pr(row beats column), with a decimal point; only the diagonal may be blank";
                    let error = DataError::new(path, format!("is not a number; {rule}")).at(*line);
                    Err(error.of(Column::Number(j + 1 + self.skip), cell))
                }
            });
            rows.push(numbers.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(rows)
    }

    /// The numbers as counts of wins, `[n x n]`, if that is what they are: whole off the diagonal, or with halves for ties,
    /// one of them above 1; blanks on the diagonal are 0.
    pub(crate) fn wins(&self) -> Option<Vec<Vec<f64>>> {
        let mut wins = Vec::with_capacity(self.rows.len());
        for (i, (_, cells)) in self.rows.iter().enumerate() {
            let read = |(j, cell): (usize, &String)| match number(cell) {
                Some(x) if i == j || (x >= 0.0 && (2.0 * x).fract() == 0.0) => Some(x),
                None if i == j && (cell.is_empty() || cell == "-") => Some(0.0),
                _ => None,
            };
            wins.push(cells.iter().enumerate().map(read).collect::<Option<Vec<f64>>>()?);
        }
        let off = |(i, row): (usize, &Vec<f64>)| row.iter().enumerate().any(|(j, x)| i != j && *x > 1.0);
        wins.iter().enumerate().any(off).then_some(wins)
    }
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

fn json_matrix(path: &Path, text: &str, reading: &Reading) -> Result<MatrixRead, DataError> {
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
    game(path, &rows, labels, reading)
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
        // decimal commas, where they do not separate
        assert_eq!(parse("g.csv", "m;x;y\nx;0,5;0,7\ny;0,3;0,5\n").unwrap().prob(0, 0, 1), 0.7);
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
        assert!(read_matrix(folder.path()).unwrap_err().to_string().contains("is a folder"));
        let missing = folder.path().join("none.json");
        assert!(read_matrix(&missing).unwrap_err().to_string().contains("none.json: cannot be read"));
    }
}
