//! Policies from files: `.csv` with header `label,prob`, or `.json` with a list of numbers.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Column, DataError};
use crate::registry::{Format, Reads, format_of};
use crate::{bytes, csv_error, line_of, text};

/// Reads the probabilities of one context whose actions have these `labels`. A CSV may list them in any order, each
/// label once; a JSON list is in the order of the labels.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule. Whether the numbers are a distribution is not checked here.
pub fn read_policy(path: &Path, labels: &[String]) -> Result<Vec<f64>, DataError> {
    parse_policy(path, &bytes(path)?, labels)
}

/// [`read_policy`] from bytes.
///
/// # Errors
/// As [`read_policy`].
pub fn parse_policy(path: &Path, bytes: &[u8], labels: &[String]) -> Result<Vec<f64>, DataError> {
    let (format, text) = (format_of(path, Reads::Policy)?, text(path, bytes)?);
    match format {
        Format::Json => {
            let list: Vec<f64> = serde_json::from_str(text).map_err(|e| {
                DataError::new(path, format!("is not a list of numbers: {e}")).at(e.line().max(1))
            })?;
            if list.len() == labels.len() {
                Ok(list)
            } else {
                let message = format!("has {} numbers; the game has {} actions", list.len(), labels.len());
                Err(DataError::new(path, message))
            }
        }
        _ => csv_policy(path, text, labels),
    }
}

fn csv_policy(path: &Path, text: &str, labels: &[String]) -> Result<Vec<f64>, DataError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| csv_error(path, text, &e))?;
    if header.iter().ne(["label", "prob"]) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(DataError::new(path, format!("the header is `{found}`, must be `label,prob`")).at(1));
    }
    let numbers: BTreeMap<&str, usize> = labels.iter().map(String::as_str).zip(0..).collect();
    let mut probs = vec![None; labels.len()];
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, text, &e))?;
        let line = line_of(text, record.position());
        let (label, cell) = (&record[0], &record[1]);
        let Some(&a) = numbers.get(label) else {
            let suggestion = equipoise_core::registry::nearest(label, labels.iter().map(String::as_str));
            let hint = suggestion.map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            return Err(DataError::new(path, format!("the game has no action `{label}`{hint}")).at(line));
        };
        let refuse = || DataError::new(path, "is not a number").at(line);
        let value: f64 = cell.parse().map_err(|_| refuse().of(Column::Name("prob".to_owned()), cell))?;
        if probs[a].replace(value).is_some() {
            return Err(DataError::new(path, format!("action `{label}` is listed twice")).at(line));
        }
    }
    match probs.iter().position(Option::is_none) {
        Some(a) => {
            Err(DataError::new(path, format!("action `{}` is missing; every action needs a line", labels[a])))
        }
        None => Ok(probs.into_iter().flatten().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_and_their_errors() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let parse = |name: &str, text: &str| parse_policy(Path::new(name), text.as_bytes(), &labels);
        assert_eq!(parse("p.csv", "label,prob\nb,0.25\na,0.75\n").unwrap(), [0.75, 0.25]);
        assert_eq!(parse("p.json", "[0.75, 0.25]").unwrap(), [0.75, 0.25]);
        for (name, text, fragment) in [
            ("p.csv", "label,prob\na,1\na,0", "p.csv:3: action `a` is listed twice"),
            ("p.csv", "label,prob\r\na,1\r\na,0\r\n", "p.csv:3: action `a` is listed twice"),
            ("p.csv", "label,prob\n\na,1\r\n\r\na\n", "p.csv:5: has 1 cells"),
            ("p.csv", "label,prob\na,1", "action `b` is missing"),
            ("p.csv", "label,prob\nc,1", "no action `c`"),
            ("p.csv", "a,1", "must be `label,prob`"),
            ("p.csv", "label,prob\na,x", "p.csv:2: prob `x` is not a number"),
            ("p.json", "[1]", "has 1 numbers; the game has 2 actions"),
            ("p.json", "{", "not a list of numbers"),
        ] {
            let error = parse(name, text).unwrap_err().to_string();
            assert!(error.contains(fragment), "{text:?}: {error}");
        }
    }
}
