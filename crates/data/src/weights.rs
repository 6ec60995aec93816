//! Context weights from files.

use std::path::Path;

use crate::error::{Column, DataError};
use crate::{bytes, ending, text};

/// Weights of contexts, not negative, from `.json` (a list of numbers) or `.csv` (a number a line; a first line that is
/// none is a header).
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_weights(path: &Path) -> Result<Vec<f64>, DataError> {
    parse_weights(path, &bytes(path)?)
}

fn parse_weights(path: &Path, bytes: &[u8]) -> Result<Vec<f64>, DataError> {
    match ending(path).as_str() {
        "json" => serde_json::from_str(text(path, bytes)?)
            .map_err(|e| DataError::new(path, format!("is not a list of numbers: {e}")).at(e.line().max(1))),
        "csv" => lines(path, text(path, bytes)?),
        other => {
            let rule = "context weights come from .json (a list) or .csv (a number a line)";
            Err(DataError::new(path, format!("has the ending `{other}`; {rule}")))
        }
    }
}

fn lines(path: &Path, text: &str) -> Result<Vec<f64>, DataError> {
    let mut weights = Vec::new();
    let written = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    for (place, (at, line)) in written.enumerate() {
        match line.parse::<f64>() {
            Ok(weight) => weights.push(weight),
            Err(_) if place == 0 => {}
            Err(_) => {
                let error = DataError::new(path, "is not a number; a context weight a line").at(at + 1);
                return Err(error.of(Column::Number(1), line));
            }
        }
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_lines() {
        let parse = |name: &str, text: &str| {
            parse_weights(Path::new(name), text.as_bytes()).map_err(|e| e.to_string())
        };
        assert_eq!(parse("w.json", "[3, 1.5]").unwrap(), [3.0, 1.5]);
        assert_eq!(parse("w.csv", "weight\r\n3\r\n\r\n1e-2\r\n").unwrap(), [3.0, 0.01]);
        assert_eq!(parse("w.csv", "3\n1\n").unwrap(), [3.0, 1.0]);
        for (name, text, fragment) in [
            ("w.csv", "3\nx\n", "w.csv:2"),
            ("w.json", "[1,\n\"a\"]", "w.json:2"),
            ("w.json", "", "is empty"),
            ("w.txt", "1", "has the ending `txt`"),
        ] {
            let error = parse(name, text).unwrap_err();
            assert!(error.contains(fragment), "{error}");
        }
    }
}
