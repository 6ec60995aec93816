//! Frames in and tables out, by the Arrow PyCapsule interface: no copy is made by Python, and no package of Python is needed.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};
use pyo3_arrow::PyTable;
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
            let columns: Vec<ArrayRef> = at
                .iter()
                .map(|&k| match batch.column(k).data_type() {
                    // keys are looked up once a batch, not once a row
                    DataType::Dictionary(_, values) => cast(batch.column(k), values),
                    _ => Ok(Arc::clone(batch.column(k))),
                })
                .collect::<Result<_, ArrowError>>()
                .map_err(refused)?;
            let cells: Vec<ArrayFormatter<'_>> = columns
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options))
                .collect::<Result<_, _>>()
                .map_err(refused)?;
            for row in 0..batch.num_rows() {
                for cell in &cells {
                    use std::fmt::Write as _;
                    text.clear();
                    let _ = write!(text, "{}", cell.value(row));
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
    let table = PyTable::try_new(vec![batch], schema)?;
    Ok(Bound::new(py, table)?.call_method0("__arrow_c_stream__")?.cast_into()?)
}
