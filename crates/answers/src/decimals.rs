//! The win rates that a text states, digit by digit: decimal numbers are fractions, whatever a double makes of them.

use equipoise::env::Game;
use equipoise::reference::RationalMargins;

/// Digits of a number that is read exactly; more are left to the double.
const DIGITS: usize = 30;
/// Largest difference between a margin and the double that was read for it: rounding of two win rates.
const READ: f64 = 4e-16;

/// The margins of a matrix of one context as its CSV or JSON text states them. A pair whose two win rates do not sum to 1 to the
/// last digit holds rounding of its own, and is read to fifteen places. `None` if the text is not laid out as a table of
/// decimal numbers behind its labels, or says something else than what was read.
pub(crate) fn stated(text: &str, game: &Game) -> Option<RationalMargins> {
    let n = game.shape().actions(0);
    // a table whose first label begins so is left to the double
    let json = text.trim_start().starts_with(['[', '{']);
    let cells = if json { json_cells(text) } else { csv_cells(text, n)? };
    if game.contexts() != 1 || cells.len() != n * n {
        return None;
    }
    let matrix = game.matrix(0);
    let rounded = RationalMargins::from_decimals(&matrix);
    let margin = |i: usize, j: usize| -> Option<(i128, i128)> {
        let ((a, p), (b, q)) = (decimal(cells[i * n + j])?, decimal(cells[j * n + i])?);
        let unit = 10i128.pow(p.max(q));
        let (a, b) = (a.checked_mul(10i128.pow(p.max(q) - p))?, b.checked_mul(10i128.pow(p.max(q) - q))?);
        let (numerator, denominator) = match a + b == unit {
            true => (a - b, 2 * unit),
            false => rounded.margin(i, j),
        };
        let read = matrix.margin(i, j);
        ((numerator as f64 / denominator as f64 - read).abs() <= READ).then_some((numerator, denominator))
    };
    RationalMargins::new(n, margin)
}

/// The last `n` cells of each of the last `n` lines.
fn csv_cells(text: &str, n: usize) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text.lines().filter(|line| line.chars().any(|c| c.is_ascii_digit())).collect();
    let body = lines.get(lines.len().checked_sub(n)?..)?;
    let mut cells = Vec::with_capacity(n * n);
    for line in body {
        let row: Vec<&str> = line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"')).collect();
        cells.extend(row.get(row.len().checked_sub(n)?..)?);
    }
    Some(cells)
}

/// The numbers and nulls of a JSON text, in their order; what stands in quotes is none.
fn json_cells(text: &str) -> Vec<&str> {
    // behind an escaped quote a string goes on
    let mut outside = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => {
                if !quoted {
                    outside.push(&text[start..at]);
                }
                (quoted, start) = (!quoted, at + 1);
            }
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    outside.push(&text[start..]);
    let cells = outside.into_iter().flat_map(|part| part.split(['[', ']', '{', '}', ',', ':']));
    cells.map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// A number as a whole number over a power of ten; a blank, which stands on the diagonal alone, is not looked at.
fn decimal(cell: &str) -> Option<(i128, u32)> {
    let (number, exponent) = match cell.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (cell, 0),
    };
    let (whole, places) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{}{places}", whole.strip_prefix('+').unwrap_or(whole));
    let value: i128 = digits.parse().ok()?;
    let exponent = places.len() as i64 - i64::from(exponent);
    let fits = value >= 0 && digits.trim_start_matches('0').len() <= DIGITS;
    match u32::try_from(exponent) {
        Ok(power) if fits && power as usize <= DIGITS => Some((value, power)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use equipoise::data::parse_matrix;

    fn read(name: &str, text: &str) -> Option<Vec<(i128, i128)>> {
        let game = parse_matrix(Path::new(name), text.as_bytes()).expect("a matrix");
        let n = game.shape().actions(0);
        let found = stated(text, &game)?;
        Some((0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| found.margin(i, j)).collect())
    }

    #[test]
    fn every_digit_counts() {
        // more than a double holds
        let unit = 10i128.pow(20);
        let text = "x,a,b\na,,0.50000000000000000001\nb,0.49999999999999999999,\n";
        assert_eq!(read("g.csv", text), Some(vec![(1, unit)]));
        let text = "{\"labels\": [\"1 \\\" 2\", \"b\"], \"matrix\": [[null, 0.50000000000000000001], [0.49999999999999999999, 0.5]]}";
        assert_eq!(read("g.json", text), Some(vec![(1, unit)]));
        assert_eq!(read("g.csv", "0.5,2.5e-1\n7.5E-01,.5\n"), Some(vec![(-1, 4)]));
        assert_eq!(read("g.csv", "1,2\n0.5,1\n0,0.5\n"), Some(vec![(1, 2)]));
        // one side computed in floating point, one typed
        assert_eq!(read("g.csv", "0.5,0.9\n0.09999999999999998,0.5\n"), Some(vec![(2, 5)]));
        assert_eq!(read("g.csv", "0.5,0.33333\n0.66667,0.5\n"), Some(vec![(-16667, 100_000)]));
    }

    #[test]
    fn numbers_beyond_reason_are_left_to_the_double() {
        for cell in ["1e400", "1e-400", "0.1e", "nan", "-0.5", "", "0.1234567890123456789012345678901234567"]
        {
            assert_eq!(decimal(cell), None, "{cell}");
        }
        assert_eq!(decimal("0.10"), Some((10, 2)));
        assert_eq!(decimal("1E0"), Some((1, 0)));
    }
}
