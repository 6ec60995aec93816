//! Frames in and tables out, by the Arrow PyCapsule interface: no copy is made by Python, and no package of Python is needed.

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

/// Whether a column has one value a row that a text can hold.
fn is_plain(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_plain(values),
        other => !other.is_nested() && !matches!(other, DataType::Null),
    }
}

/// A column whose cells are written. Nothing is cast: the casts of Arrow, which are between all its types, would be a tenth
/// of the wheel.
struct Cells<'a> {
    /// The values: of the column, or of its dictionary.
    values: ArrayFormatter<'a>,
    /// Of a column of keys: the column, and of every row the place of its value.
    keys: Option<(&'a dyn Array, Vec<usize>)>,
}

impl<'a> Cells<'a> {
    fn new(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        let Some(dictionary) = column.as_any_dictionary_opt() else {
            return Ok(Self { values: ArrayFormatter::try_new(column, options)?, keys: None });
        };
        let values = dictionary.values();
        // without a value every row is null, and keys have nothing to stand for
        let places = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
        Ok(Self { values: ArrayFormatter::try_new(values, options)?, keys: Some((column.as_ref(), places)) })
    }

    /// Appends the cell of a row, nothing for null.
    fn write(&self, row: usize, text: &mut String) {
        use std::fmt::Write as _;
        let at = match &self.keys {
            None => row,
            Some((column, places)) if column.is_valid(row) => places[row],
            Some(_) => return,
        };
        let _ = write!(text, "{}", self.values.value(at));
    }
}

/// Writes the plain columns of a frame to a CSV file, row by row; the names of the columns that were left out.
#[pyfunction]
pub(crate) fn write_rows(py: Python<'_>, frame: AnyRecordBatch, path: PathBuf) -> PyResult<Vec<String>> {
    let reader = frame.into_reader()?;
    plain(py, move || {
        let schema = reader.schema();
        let named = |field: &&Arc<Field>| !field.name().starts_with("__index_level_");
        let (kept, left): (Vec<_>, Vec<_>) =
            schema.fields().iter().filter(named).partition(|field| is_plain(field.data_type()));
        let at: Vec<usize> =
            kept.iter().map(|f| schema.index_of(f.name())).collect::<Result<_, _>>().map_err(refused)?;
        let system = |source: std::io::Error| Failure::System { path: path.display().to_string(), source };
        let written = |e: csv::Error| system(std::io::Error::other(e));
        let file = std::fs::File::create(&path).map_err(system)?;
        let mut out = csv::Writer::from_writer(std::io::BufWriter::with_capacity(1 << 20, file));
        out.write_record(kept.iter().map(|f| f.name())).map_err(written)?;
        let options = FormatOptions::default();
        let mut text = String::new();
        for batch in reader {
            let batch = batch.map_err(refused)?;
            let cells: Vec<Cells<'_>> = at
                .iter()
                .map(|&k| Cells::new(batch.column(k), &options))
                .collect::<Result<_, _>>()
                .map_err(refused)?;
            for row in 0..batch.num_rows() {
                for cell in &cells {
                    text.clear();
                    cell.write(row, &mut text);
                    out.write_field(&text).map_err(written)?;
                }
                out.write_record(None::<&[u8]>).map_err(written)?;
            }
        }
        out.flush().map_err(system)?;
        Ok(left.iter().map(|field| field.name().clone()).collect())
    })
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
