//! Comparisons in Parquet, streamed: only the columns that mean something are decoded, in lockstep, a batch at a time.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::columns::{COLUMNS, Places, Row, TIMESTAMP};
use crate::error::DataError;
use crate::tally::{Entry, Tally};

/// Rows decoded at a time.
const BATCH: usize = 8192;

pub(crate) fn read<S: FnMut(Entry)>(
    path: &Path,
    source: impl ChunkReader + 'static,
    tally: &mut Tally<'_, S>,
) -> Result<(), DataError> {
    // the decoder checks what it reads, but its own invariants may break on a damaged file: that is a bad file, too
    quietly(|| catch_unwind(AssertUnwindSafe(|| read_checked(path, source, tally))))
        .unwrap_or_else(|_| Err(DataError::new(path, "is damaged: its pages do not decode; write it again")))
}

thread_local! {
    /// Whether this thread is decoding, so that a panic is about to be caught and told as an error.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode` without the message that a panic prints before it is caught. The hook of the process goes on to serve all
/// other panics.
fn quietly<T>(decode: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let other = take_hook();
        set_hook(Box::new(move |info| {
            if !DECODING.get() {
                other(info);
            }
        }));
    });
    DECODING.set(true);
    let result = decode();
    DECODING.set(false);
    result
}

fn read_checked<S: FnMut(Entry)>(
    path: &Path,
    source: impl ChunkReader + 'static,
    tally: &mut Tally<'_, S>,
) -> Result<(), DataError> {
    let broken = |e: ParquetError| DataError::new(path, format!("is not whole Parquet: {e}; write it again"));
    let reader = SerializedFileReader::new(source).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<&str> = schema.columns().iter().map(|c| c.path().parts()[0].as_str()).collect();
    // a nested column shows up once for each of its leaves
    let mut distinct: Vec<&str> = names.clone();
    distinct.dedup();
    let places = Places::of(distinct.iter().copied()).map_err(|message| DataError::new(path, message))?;
    tally.check_filters(|m| places.at[m].is_some())?;
    places.ignored.iter().for_each(|column| tally.ignore(column));
    let mut leaves: [Option<_>; COLUMNS.len()] = Default::default();
    for (m, place) in places.at.iter().enumerate() {
        let Some(k) = place.and_then(|k| names.iter().position(|n| *n == distinct[k])) else { continue };
        let column = schema.column(k);
        if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
            let message = format!("column `{}` is nested; it must hold one value a row", names[k]);
            return Err(DataError::new(path, message));
        }
        leaves[m] = Some((k, column));
    }
    let mut line = 0;
    for g in 0..reader.num_row_groups() {
        let group = reader.get_row_group(g).map_err(broken)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut columns: [Option<Column>; COLUMNS.len()] = Default::default();
        for (m, leaf) in leaves.iter().enumerate() {
            let Some((k, descriptor)) = leaf else { continue };
            columns[m] = Some(Column::open(&*group, *k, descriptor, m == TIMESTAMP).map_err(broken)?);
        }
        let mut left = rows;
        while left > 0 {
            let batch = left.min(BATCH);
            for column in columns.iter_mut().flatten() {
                let read = column.fill(batch).map_err(broken)?;
                if read != batch {
                    let message = format!("is damaged: row group {g} ends {} rows early", left - read);
                    return Err(DataError::new(path, message));
                }
            }
            let filled = columns.each_ref();
            for k in 0..batch {
                line += 1;
                let cells = filled.map(|column| column.as_ref()?.cell(k));
                let row: Row<'_> = cells.each_ref().map(|cell| cell.as_deref().filter(|c| !c.is_empty()));
                tally.add(line, &row)?;
            }
            left -= batch;
        }
    }
    Ok(())
}

/// One column of one row group.
struct Column {
    reader: Reader,
    /// Definition levels of the batch; a value below `defined` is null.
    levels: Vec<i16>,
    defined: i16,
    /// The place of each row's value among those of the batch.
    places: Vec<Option<u32>>,
    /// What to divide time stamps by to get seconds, of the columns that are some.
    per_second: Option<f64>,
}

/// Values of the batch, by physical type.
enum Reader {
    Bytes(ColumnReaderImpl<parquet::data_type::ByteArrayType>, Vec<ByteArray>),
    Int32(ColumnReaderImpl<parquet::data_type::Int32Type>, Vec<i32>),
    Int64(ColumnReaderImpl<parquet::data_type::Int64Type>, Vec<i64>),
    Float(ColumnReaderImpl<parquet::data_type::FloatType>, Vec<f32>),
    Double(ColumnReaderImpl<parquet::data_type::DoubleType>, Vec<f64>),
}

impl Column {
    fn open(
        group: &dyn RowGroupReader,
        k: usize,
        descriptor: &ColumnDescriptor,
        is_time: bool,
    ) -> Result<Self, ParquetError> {
        let reader = match group.get_column_reader(k)? {
            ColumnReader::ByteArrayColumnReader(r) => Reader::Bytes(r, Vec::new()),
            ColumnReader::Int32ColumnReader(r) => Reader::Int32(r, Vec::new()),
            ColumnReader::Int64ColumnReader(r) => Reader::Int64(r, Vec::new()),
            ColumnReader::FloatColumnReader(r) => Reader::Float(r, Vec::new()),
            ColumnReader::DoubleColumnReader(r) => Reader::Double(r, Vec::new()),
            _ => {
                let rule = "must be text, int32, int64, float or double";
                return Err(ParquetError::General(format!("column `{}` {rule}", descriptor.name())));
            }
        };
        let per_second = match (descriptor.logical_type_ref(), descriptor.converted_type()) {
            (Some(LogicalType::Timestamp(kind)), _) => Some(match kind.unit {
                TimeUnit::MILLIS => 1e3,
                TimeUnit::MICROS => 1e6,
                TimeUnit::NANOS => 1e9,
            }),
            (_, ConvertedType::TIMESTAMP_MILLIS) => Some(1e3),
            (_, ConvertedType::TIMESTAMP_MICROS) => Some(1e6),
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Some(1.0 / 86_400.0),
            _ => None,
        };
        let defined = descriptor.max_def_level();
        let per_second = per_second.filter(|_| is_time);
        Ok(Self { reader, levels: Vec::new(), defined, places: Vec::new(), per_second })
    }

    /// Decodes the next rows; how many there were.
    fn fill(&mut self, rows: usize) -> Result<usize, ParquetError> {
        fn records<T: DataType>(
            reader: &mut ColumnReaderImpl<T>,
            rows: usize,
            levels: &mut Vec<i16>,
            values: &mut Vec<T::T>,
        ) -> Result<(usize, usize), ParquetError> {
            values.clear();
            let mut records = 0;
            // a call may stop at the end of a page
            while records < rows {
                let (read, _, _) = reader.read_records(rows - records, Some(levels), None, values)?;
                if read == 0 {
                    break;
                }
                records += read;
            }
            Ok((records, values.len()))
        }
        self.levels.clear();
        let levels = &mut self.levels;
        let (records, values) = match &mut self.reader {
            Reader::Bytes(r, values) => records(r, rows, levels, values),
            Reader::Int32(r, values) => records(r, rows, levels, values),
            Reader::Int64(r, values) => records(r, rows, levels, values),
            Reader::Float(r, values) => records(r, rows, levels, values),
            Reader::Double(r, values) => records(r, rows, levels, values),
        }?;
        self.places.clear();
        if self.defined == 0 {
            self.places.extend((0..records as u32).map(Some));
        } else {
            let mut next = 0;
            self.places.extend(self.levels.iter().map(|&level| {
                let here = (level == self.defined).then_some(next);
                next += u32::from(here.is_some());
                here
            }));
        }
        let held = self.places.iter().flatten().count();
        if held != values || self.places.len() != records {
            return Err(ParquetError::General(format!("{values} values for {held} rows")));
        }
        Ok(records)
    }

    /// The cell of row `k` of the batch, trimmed.
    fn cell(&self, k: usize) -> Option<Cow<'_, [u8]>> {
        let at = self.places[k]? as usize;
        let number = |value: f64, text: String| -> Cow<'_, [u8]> {
            Cow::Owned(self.per_second.map_or(text, |per| (value / per).to_string()).into_bytes())
        };
        Some(match &self.reader {
            Reader::Bytes(_, values) => Cow::Borrowed(values[at].data().trim_ascii()),
            Reader::Int32(_, values) => number(f64::from(values[at]), values[at].to_string()),
            Reader::Int64(_, values) => number(values[at] as f64, values[at].to_string()),
            Reader::Float(_, values) => number(f64::from(values[at]), values[at].to_string()),
            Reader::Double(_, values) => number(values[at], values[at].to_string()),
        })
    }
}
