//! What is wrong with a file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use equipoise_records::text::printable;

/// Where in a row an error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// A column or key, by its name.
    Name(String),
    /// A column by its number, from 1.
    Number(usize),
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// The column or key, where the error is about the value in one.
    pub column: Option<Column>,
    /// That value, shortened if it is long.
    pub value: Option<String>,
    /// What it breaks, and the way out: goes on behind the value, as `is not a number; ..`.
    pub rule: String,
    /// Of a row that could be left out: why, in short, for counting.
    pub(crate) reason: Option<String>,
}

impl DataError {
    /// An error of the file as a whole.
    #[must_use]
    pub fn new(path: &Path, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, column: None, value: None, rule: rule.into(), reason: None }
    }

    /// The same error, on a line.
    #[must_use]
    pub fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// The same error, of a row that could be left out for this reason.
    pub(crate) fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// The same error, about the value in a column.
    pub(crate) fn of(self, column: Column, value: &str) -> Self {
        Self { column: Some(column), value: Some(excerpt(value)), ..self }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.path.display().to_string()))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        match &self.column {
            Some(Column::Name(name)) => write!(f, "{} ", printable(name))?,
            Some(Column::Number(k)) => write!(f, "column {k}: ")?,
            None => {}
        }
        if let Some(value) = &self.value {
            write!(f, "`{}` ", printable(value))?;
        }
        f.write_str(&printable(&self.rule))
    }
}

impl std::error::Error for DataError {}

/// The beginning of a value, for a message.
pub(crate) fn excerpt(value: &str) -> String {
    let mut chars = value.chars();
    let start: String = chars.by_ref().take(77).collect();
    let rest: String = chars.by_ref().take(3).collect();
    if chars.next().is_none() { start + &rest } else { start + "..." }
}
