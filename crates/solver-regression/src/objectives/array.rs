//! Nested lists of numbers: what an objective is given, and its gradient in the same shape.

use std::collections::BTreeMap;

use equipoise_core::registry::nearest;
use serde::Serialize;
use serde_json::Value;

use super::ObjectiveError;

/// A number, or a list of arrays; rows may differ in length.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Array {
    /// One number.
    Number(f64),
    /// A list.
    List(Vec<Array>),
}

impl Array {
    /// A list of numbers.
    #[must_use]
    pub fn column(values: &[f64]) -> Self {
        Self::List(values.iter().copied().map(Self::Number).collect())
    }

    /// Whether it holds no number, at whatever depth.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Number(_) => false,
            Self::List(list) => list.iter().all(Self::is_empty),
        }
    }

    /// A list of lists of numbers.
    #[must_use]
    pub fn rows(values: &[Vec<f64>]) -> Self {
        Self::List(values.iter().map(|row| Self::column(row)).collect())
    }

    /// A list of lists of lists of numbers.
    #[must_use]
    pub fn cubes(values: &[Vec<Vec<f64>>]) -> Self {
        Self::List(values.iter().map(|rows| Self::rows(rows)).collect())
    }

    /// Every number times `factor`.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        match self {
            Self::Number(x) => Self::Number(factor * x),
            Self::List(list) => Self::List(list.iter().map(|a| a.times(factor)).collect()),
        }
    }

    /// All numbers, in order.
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Number(x) => vec![*x],
            Self::List(list) => list.iter().flat_map(Self::numbers).collect(),
        }
    }

    fn from_json(value: &Value, name: &str) -> Result<Self, ObjectiveError> {
        match value {
            Value::Number(number) => match number.as_f64() {
                Some(x) if x.is_finite() => Ok(Self::Number(x)),
                _ => Err(ObjectiveError::input(name, format!("{number} is not a finite double"))),
            },
            Value::Bool(b) => Ok(Self::Number(f64::from(u8::from(*b)))),
            Value::Array(list) => {
                list.iter().map(|v| Self::from_json(v, name)).collect::<Result<_, _>>().map(Self::List)
            }
            other => {
                Err(ObjectiveError::input(name, format!("`{other}` where a number or a list was expected")))
            }
        }
    }
}

/// The arrays that an objective is evaluated on, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    arrays: BTreeMap<String, Array>,
}

impl Inputs {
    /// No arrays yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an array.
    #[must_use]
    pub fn with(mut self, name: &str, array: Array) -> Self {
        self.arrays.insert(name.to_owned(), array);
        self
    }

    /// Reads one JSON object of arrays. Keys whose value is text or `null` are comments.
    ///
    /// # Errors
    /// [`ObjectiveError::Input`] for anything that is neither an array of finite numbers nor text.
    pub fn from_json(value: &Value) -> Result<Self, ObjectiveError> {
        let Value::Object(object) = value else {
            return Err(ObjectiveError::input("input", "must be one JSON object of arrays".to_owned()));
        };
        let mut inputs = Self::new();
        for (name, value) in object.iter().filter(|(_, v)| !v.is_string() && !v.is_null()) {
            inputs.arrays.insert(name.clone(), Array::from_json(value, name)?);
        }
        Ok(inputs)
    }

    /// Whether an array of that name was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// Names of all arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The array called `name`.
    ///
    /// # Errors
    /// [`ObjectiveError::Missing`] with the names that were given.
    pub fn array(&self, name: &str) -> Result<&Array, ObjectiveError> {
        self.arrays.get(name).ok_or_else(|| ObjectiveError::Missing {
            name: name.to_owned(),
            nearest: nearest(name, self.names()).map(str::to_owned),
            given: self.names().map(str::to_owned).collect(),
        })
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or has another shape.
    pub fn column(&self, name: &str) -> Result<Vec<f64>, ObjectiveError> {
        numbers(self.array(name)?, name)
    }

    /// A list of numbers, one a row of `rows`.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or has another length.
    pub fn column_of(&self, name: &str, rows: usize) -> Result<Vec<f64>, ObjectiveError> {
        let column = self.column(name)?;
        same_length(name, column.len(), rows)?;
        Ok(column)
    }

    /// One number, alone or the only one of a list.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or not one number.
    pub fn number(&self, name: &str) -> Result<f64, ObjectiveError> {
        match self.array(name)? {
            Array::Number(x) => Ok(*x),
            Array::List(list) => match list[..] {
                [Array::Number(x)] => Ok(x),
                _ => Err(ObjectiveError::input(name, "must be one number".to_owned())),
            },
        }
    }

    /// A list of lists of numbers.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or has another shape.
    pub fn rows(&self, name: &str) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        list(self.array(name)?, name)?.iter().map(|row| numbers(row, name)).collect()
    }

    /// A list of lists of lists of numbers.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or has another shape.
    pub fn cubes(&self, name: &str) -> Result<Vec<Vec<Vec<f64>>>, ObjectiveError> {
        let outer = list(self.array(name)?, name)?.iter();
        outer.map(|rows| list(rows, name)?.iter().map(|row| numbers(row, name)).collect()).collect()
    }

    /// A list of lists with the shape of `like`.
    ///
    /// # Errors
    /// [`ObjectiveError`] if it is missing or has another shape.
    pub fn rows_like(&self, name: &str, like: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let rows = self.rows(name)?;
        same_length(name, rows.len(), like.len())?;
        for (k, (row, other)) in rows.iter().zip(like).enumerate() {
            same_length(&format!("{name}[{k}]"), row.len(), other.len())?;
        }
        Ok(rows)
    }
}

fn list<'a>(array: &'a Array, name: &str) -> Result<&'a [Array], ObjectiveError> {
    match array {
        Array::List(list) => Ok(list),
        Array::Number(x) => Err(ObjectiveError::input(name, format!("{x} where a list was expected"))),
    }
}

fn numbers(array: &Array, name: &str) -> Result<Vec<f64>, ObjectiveError> {
    let number = |entry: &Array| match entry {
        Array::Number(x) => Ok(*x),
        Array::List(_) => Err(ObjectiveError::input(
            name,
            "a list where a number was expected: one level too deep".to_owned(),
        )),
    };
    list(array, name)?.iter().map(number).collect()
}

/// Refuses two lengths that differ.
pub(super) fn same_length(name: &str, found: usize, expected: usize) -> Result<(), ObjectiveError> {
    match found == expected {
        true => Ok(()),
        false => {
            Err(ObjectiveError::input(name, format!("has {found} entries where {expected} were expected")))
        }
    }
}
