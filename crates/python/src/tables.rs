//! Frames in and tables out, by the Arrow PyCapsule interface: no copy is made by Python, and no package of Python is needed.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};
use pyo3_arrow::input::AnyRecordBatch;

use crate::calls::plain;
use crate::failure::Failure;

/// Whether a column can be written: as text, or, if it holds lists or records, as JSON. Conversations that are no answer to choose from
/// are not: nobody reads them, and they are most of the bytes of a log of battles.
fn is_written(field: &Field) -> bool {
    let is_answer =
        matches!(field.name().to_lowercase().as_str(), "prompt" | "chosen" | "rejected" | "messages");
    has_text(field.data_type()) && (is_answer || !is_conversation(field.data_type()))
}

/// Whether values of this type have a text, or are made of what has one.
fn has_text(kind: &DataType) -> bool {
    match kind {
        DataType::Null | DataType::Union(..) | DataType::RunEndEncoded(..) => false,
        DataType::ListView(_) | DataType::LargeListView(_) | DataType::Map(..) => false,
        DataType::Dictionary(_, values) => has_text(values),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            matches!(of.data_type(), DataType::Null) || has_text(of.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_text(field.data_type())),
        _ => true,
    }
}

/// A list of messages, each with a role and a content.
fn is_conversation(kind: &DataType) -> bool {
    let (DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _)) = kind else {
        return false;
    };
    let DataType::Struct(fields) = of.data_type() else { return false };
    ["role", "content"].iter().all(|name| fields.iter().any(|field| field.name() == name))
}

/// Whether a type is made of others.
fn is_nested(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_nested(values),
        other => other.is_nested(),
    }
}

/// A column whose cells are written. Nothing is cast: the casts of Arrow, which are between all its types, would be a tenth
/// of the wheel.
enum Cells<'a> {
    /// One value a row.
    Plain {
        /// The values.
        values: ArrayFormatter<'a>,
        /// The column.
        column: &'a dyn Array,
        /// Whether JSON has such values without quotes.
        is_bare: bool,
    },
    /// Keys, and of every row the place of its value.
    Keys { values: Box<Cells<'a>>, column: &'a dyn Array, places: Vec<usize> },
    /// Lists: where each begins and ends.
    List { values: Box<Cells<'a>>, column: &'a dyn Array, ends: Box<dyn Fn(usize) -> [usize; 2] + 'a> },
    /// Records: a column a name, which is written as JSON already.
    Record { column: &'a dyn Array, fields: Vec<(String, Cells<'a>)> },
    /// Nothing but nulls.
    Nothing,
}

impl<'a> Cells<'a> {
    fn new(column: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        let of = |values: &'a dyn Array| Self::new(values, options).map(Box::new);
        Ok(match column.data_type() {
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                let values = dictionary.values();
                // without a value every row is null, and keys have nothing to stand for
                let places = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
                Self::Keys { values: of(values.as_ref())?, column, places }
            }
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                let ends = move |row: usize| [row, row + 1].map(|k| lists.value_offsets()[k] as usize);
                Self::List { values: of(lists.values().as_ref())?, column, ends: Box::new(ends) }
            }
            DataType::LargeList(_) => {
                let lists = column.as_list::<i64>();
                let ends = move |row: usize| [row, row + 1].map(|k| lists.value_offsets()[k] as usize);
                Self::List { values: of(lists.values().as_ref())?, column, ends: Box::new(ends) }
            }
            DataType::FixedSizeList(_, length) => {
                let (lists, length) = (column.as_fixed_size_list(), *length as usize);
                let ends = move |row: usize| [row * length, (row + 1) * length];
                Self::List { values: of(lists.values().as_ref())?, column, ends: Box::new(ends) }
            }
            DataType::Struct(fields) => {
                let columns = column.as_struct().columns();
                let written = fields.iter().zip(columns).filter(|(field, _)| has_text(field.data_type()));
                let named = |(field, column): (&'a Arc<Field>, &'a ArrayRef)| {
                    Ok((json_text(field.name()), Self::new(column.as_ref(), options)?))
                };
                Self::Record { column, fields: written.map(named).collect::<Result<_, ArrowError>>()? }
            }
            DataType::Null => Self::Nothing,
            kind => {
                let is_bare = kind.is_numeric() || matches!(kind, DataType::Boolean);
                Self::Plain { values: ArrayFormatter::try_new(column, options)?, column, is_bare }
            }
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Plain { column, .. } | Self::List { column, .. } | Self::Record { column, .. } => {
                column.is_null(row)
            }
            Self::Keys { values, column, places } => column.is_null(row) || values.is_null(places[row]),
            Self::Nothing => true,
        }
    }

    /// Appends the cell of a row, nothing for null. Of a column that is not nested.
    fn write(&self, row: usize, text: &mut String) {
        use std::fmt::Write as _;
        match self {
            Self::Plain { values, .. } => _ = write!(text, "{}", values.value(row)),
            Self::Keys { values, column, places } if column.is_valid(row) => values.write(places[row], text),
            _ => {}
        }
    }

    /// Appends the value of a row as JSON.
    fn write_json(&self, row: usize, text: &mut String) {
        use std::fmt::Write as _;
        if self.is_null(row) {
            text.push_str("null");
            return;
        }
        match self {
            Self::Plain { values, is_bare, .. } => {
                let value = values.value(row).to_string();
                // JSON has no word for what is not finite
                match *is_bare && !value.contains(['N', 'i']) {
                    true => text.push_str(&value),
                    false => text.push_str(&json_text(&value)),
                }
            }
            Self::Keys { values, places, .. } => values.write_json(places[row], text),
            Self::List { values, ends, .. } => {
                let [from, to] = ends(row);
                text.push('[');
                for at in from..to {
                    if at > from {
                        text.push(',');
                    }
                    values.write_json(at, text);
                }
                text.push(']');
            }
            Self::Record { fields, .. } => {
                text.push('{');
                for (k, (name, values)) in fields.iter().enumerate() {
                    let comma = if k > 0 { "," } else { "" };
                    let _ = write!(text, "{comma}{name}:");
                    values.write_json(row, text);
                }
                text.push('}');
            }
            Self::Nothing => {}
        }
    }
}

/// A text as JSON has it.
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a frame into a folder, row by row: as `data.csv`, or as `data.jsonl` if columns hold lists or records. The path of the
/// file, and the names of the columns that were left out.
#[pyfunction]
pub(crate) fn write_rows(
    py: Python<'_>,
    frame: AnyRecordBatch,
    folder: PathBuf,
) -> PyResult<(PathBuf, Vec<String>)> {
    let reader = frame.into_reader()?;
    plain(py, move || {
        let schema = reader.schema();
        let named = |(_, field): &(usize, &Arc<Field>)| !field.name().starts_with("__index_level_");
        let (kept, left): (Vec<_>, Vec<_>) =
            schema.fields().iter().enumerate().filter(named).partition(|(_, field)| is_written(field));
        let as_json = kept.iter().any(|(_, field)| is_nested(field.data_type()));
        let path = folder.join(if as_json { "data.jsonl" } else { "data.csv" });
        let system = |source: std::io::Error| Failure::System { path: path.display().to_string(), source };
        let written = |e: csv::Error| system(std::io::Error::other(e));
        let file = std::fs::File::create(&path).map_err(system)?;
        let mut out = std::io::BufWriter::with_capacity(1 << 20, file);
        let options = FormatOptions::default();
        let mut text = String::new();
        if as_json {
            let names: Vec<String> = kept.iter().map(|(_, field)| json_text(field.name())).collect();
            for batch in reader {
                let batch = batch.map_err(refused)?;
                let columns = columns_of(&batch, &kept, &options)?;
                for row in 0..batch.num_rows() {
                    text.clear();
                    for (name, column) in names.iter().zip(&columns) {
                        text.push(if text.is_empty() { '{' } else { ',' });
                        text.push_str(name);
                        text.push(':');
                        column.write_json(row, &mut text);
                    }
                    text.push_str("}\n");
                    out.write_all(text.as_bytes()).map_err(system)?;
                }
            }
            out.flush().map_err(system)?;
        } else {
            let mut out = csv::Writer::from_writer(out);
            out.write_record(kept.iter().map(|(_, field)| field.name())).map_err(written)?;
            for batch in reader {
                let batch = batch.map_err(refused)?;
                let columns = columns_of(&batch, &kept, &options)?;
                for row in 0..batch.num_rows() {
                    for column in &columns {
                        text.clear();
                        column.write(row, &mut text);
                        out.write_field(&text).map_err(written)?;
                    }
                    out.write_record(None::<&[u8]>).map_err(written)?;
                }
            }
            out.flush().map_err(system)?;
        }
        Ok((path.clone(), left.iter().map(|(_, field)| field.name().clone()).collect()))
    })
}

/// The cells of the columns that are kept.
fn columns_of<'a>(
    batch: &'a RecordBatch,
    kept: &[(usize, &Arc<Field>)],
    options: &FormatOptions<'a>,
) -> Result<Vec<Cells<'a>>, Failure> {
    kept.iter().map(|(at, _)| Cells::new(batch.column(*at).as_ref(), options).map_err(refused)).collect()
}

fn refused(e: ArrowError) -> Failure {
    Failure::argument("data", "", &format!("cannot be read as an Arrow table: {e}"))
}

/// A table of columns (arrays of numbers, lists of text or of booleans) as an Arrow stream.
#[pyfunction]
pub(crate) fn arrow_stream<'py>(
    py: Python<'py>,
    names: Vec<String>,
    columns: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (name, column) in names.into_iter().zip(&columns) {
        let array: ArrayRef = if let Ok(numbers) = column.extract::<PyReadonlyArray1<'_, f64>>() {
            Arc::new(Float64Array::from_iter_values(numbers.as_array().iter().copied()))
        } else if let Ok(numbers) = column.extract::<PyReadonlyArray1<'_, i64>>() {
            Arc::new(Int64Array::from_iter_values(numbers.as_array().iter().copied()))
        } else if let Ok(flags) = column.extract::<PyReadonlyArray1<'_, bool>>() {
            Arc::new(BooleanArray::from_iter(flags.as_array().iter().map(|flag| Some(*flag))))
        } else {
            let texts = column.cast::<PyList>()?.iter().map(|text| text.extract::<Option<String>>());
            Arc::new(StringArray::from_iter(texts.collect::<PyResult<Vec<_>>>()?))
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let wrong = |e: ArrowError| refused(e).into_pyerr(py);
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(wrong)?;
    let stream = FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}
