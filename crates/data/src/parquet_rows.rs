//! Comparisons in Parquet, streamed: only the columns that mean something are decoded, in lockstep, a batch at a time.

use std::cell::Cell;
use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::ColumnDescPtr;
use rayon::prelude::*;
use serde_json::Value;

use crate::collector::{Entry, RowCollector};
use crate::columns::{OUTCOME, Row, TIMESTAMP, WINNERS, folded};
use crate::csv_rows::as_result;
use crate::error::DataError;
use crate::formats;
use crate::layout::Places;
use crate::parquet_pages::CheckedPages;
use crate::records;
use crate::records::RecordFormat;

/// Rows decoded at a time.
const BATCH: usize = 8192;

pub(crate) fn read<S: FnMut(Entry) + Send>(
    path: &Path,
    source: impl ChunkReader + 'static,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let reader = checked(path, || SerializedFileReader::new(source))?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns: Vec<String> =
        schema.root_schema().get_fields().iter().map(|f| f.name().to_owned()).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let refuse = |message: String| DataError::new(path, message);
    if let Some(name) = columns.iter().enumerate().find(|(k, name)| columns[..*k].contains(name)) {
        return Err(refuse(format!("has two columns `{}`; keep one of them", name.1)));
    }
    let reading = collector.rules().reading();
    let asked = reading.format.as_deref().and_then(formats::named);
    let plain = reading.format.as_deref() == Some("comparisons-parquet");
    let layout = Places::of(&columns, reading);
    let recognised = || formats::recognised(&columns).filter(|_| !plain && layout.is_err());
    if let Some(format) = asked.or_else(recognised) {
        records::begin(path, format, &columns, collector)?;
        return read_records(path, &reader, format, collector);
    }
    let places = layout.map_err(refuse)?;
    collector.check_filters(|m| places.at[m].is_some())?;
    places.ignored.iter().for_each(|column| collector.ignore(column));
    if let Some(k) = places.at[OUTCOME] {
        collector.numbers_are_scores(folded(columns[k]) != "winner");
    }
    if places.first_won {
        collector.words_are_sides();
    }
    places.reading.iter().for_each(|sentence| collector.note_reading(sentence.clone()));
    let mut leaves = Vec::new();
    for (m, place) in places.at.iter().enumerate() {
        let Some(name) = place.map(|k| columns[k]) else { continue };
        let leaf = (0..schema.num_columns()).find(|&k| schema.column(k).path().parts()[0] == name);
        // a group without leaves holds nothing
        let Some(k) = leaf else { continue };
        let column = schema.column(k);
        if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
            return Err(refuse(format!("column `{name}` is nested; it must hold one value a row")));
        }
        check_type(&column, m).map_err(|rule| refuse(format!("column `{name}` {rule}")))?;
        leaves.push((m, k, column));
    }
    let new_cells = || leaves.iter().map(|(m, ..)| (*m, Cells::default())).collect::<Vec<_>>();
    let (mut filled, mut next, mut line) = (new_cells(), new_cells(), 0);
    let mut batches = Batches { path, reader, leaves, group: 0, columns: Vec::new(), left: 0 };
    let mut rows = batches.fill(&mut filled)?;
    while rows > 0 {
        // one batch is decoded while the one before is counted
        let (counted, decoded) = rayon::join(
            || {
                (0..rows).try_for_each(|k| {
                    let mut row: Row<'_> = Row::default();
                    filled.iter().for_each(|(m, cells)| row[*m] = cells.get(k));
                    if places.first_won {
                        as_result(&mut row);
                    }
                    collector.add(line + k + 1, &row)
                })
            },
            || batches.fill(&mut next),
        );
        counted?;
        line += rows;
        rows = decoded?;
        std::mem::swap(&mut filled, &mut next);
    }
    Ok(())
}

/// Whether the values of a column can be what it means.
fn check_type(column: &ColumnDescPtr, meaning: usize) -> Result<(), &'static str> {
    let logical = column.logical_type_ref();
    let decimal =
        matches!(logical, Some(LogicalType::Decimal(_))) || column.converted_type() == ConvertedType::DECIMAL;
    let clock = matches!(logical, Some(LogicalType::Time(_)))
        || matches!(column.converted_type(), ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS);
    match column.physical_type() {
        _ if decimal => Err("holds decimals; cast it to double"),
        _ if clock => Err("holds times of day; dates are needed"),
        Type::BOOLEAN if !WINNERS.contains(&meaning) => {
            Err("holds truth values; it must be text, int32, int64, float or double")
        }
        Type::INT96 | Type::FIXED_LEN_BYTE_ARRAY => Err("must be text, int32, int64, float or double"),
        _ => Ok(()),
    }
}

/// Reads records of a published format, nested or not.
fn read_records<S: FnMut(Entry) + Send>(
    path: &Path,
    reader: &SerializedFileReader<impl ChunkReader + 'static>,
    format: &'static RecordFormat,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let mut rows = checked(path, || reader.get_row_iter(None))?;
    let mut line = 0;
    while let Some(row) = checked(path, || rows.next().transpose())? {
        line += 1;
        let record = row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
        let taken = records::take(line, &record, format, collector);
        collector.decide(taken)?;
    }
    Ok(())
}

/// A value as JSON.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(v) => Value::from(*v),
        Field::Byte(v) => Value::from(*v),
        Field::Short(v) => Value::from(*v),
        Field::Int(v) => Value::from(*v),
        Field::Long(v) => Value::from(*v),
        Field::UByte(v) => Value::from(*v),
        Field::UShort(v) => Value::from(*v),
        Field::UInt(v) => Value::from(*v),
        Field::ULong(v) => Value::from(*v),
        Field::Float(v) => Value::from(f64::from(*v)),
        Field::Double(v) => Value::from(*v),
        Field::Str(text) => Value::from(text.clone()),
        Field::Group(row) => {
            row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
        }
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => Value::from(other.to_string()),
    }
}

/// What `decode` gives. It checks what it reads, but its own invariants may break on a damaged file: that is a bad file, too.
fn checked<T>(path: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    match quietly(|| catch_unwind(AssertUnwindSafe(decode))) {
        Ok(decoded) => {
            decoded.map_err(|e| DataError::new(path, format!("is not whole Parquet: {e}; write it again")))
        }
        Err(_) => Err(DataError::new(path, "is damaged: its pages do not decode; write it again")),
    }
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
    let before = DECODING.replace(true);
    let result = decode();
    DECODING.set(before);
    result
}

/// The rows of a file, a batch at a time.
struct Batches<'a, R: ChunkReader> {
    path: &'a Path,
    reader: SerializedFileReader<R>,
    /// The columns that mean something: meaning, place, type.
    leaves: Vec<(usize, usize, ColumnDescPtr)>,
    /// The row group that is opened next.
    group: usize,
    /// Columns of the open one, and how many of its rows are left.
    columns: Vec<Column>,
    left: usize,
}

impl<R: ChunkReader + 'static> Batches<'_, R> {
    /// Decodes the next rows, column by column; how many they are.
    fn fill(&mut self, cells: &mut [(usize, Cells)]) -> Result<usize, DataError> {
        while self.left == 0 {
            if self.group == self.reader.num_row_groups() {
                return Ok(0);
            }
            (self.columns, self.left) = checked(self.path, || {
                let group = self.reader.get_row_group(self.group)?;
                let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
                let open = |(m, k, descriptor): &(usize, usize, ColumnDescPtr)| {
                    Column::open(&*group, *k, descriptor, *m)
                };
                Ok((self.leaves.iter().map(open).collect::<Result<_, _>>()?, rows))
            })?;
            self.group += 1;
        }
        let rows = self.left.min(BATCH);
        let columns = self.columns.par_iter_mut().zip(cells);
        let read = |(column, (_, cells)): (&mut Column, &mut (usize, Cells))| {
            let read = checked(self.path, || column.fill(rows, cells))?;
            match read == rows {
                true => Ok(()),
                false => {
                    let (group, early) = (self.group - 1, self.left - read);
                    let message = format!("is damaged: row group {group} ends {early} rows early");
                    Err(DataError::new(self.path, message))
                }
            }
        };
        // the first column that fails tells, whichever thread comes first
        columns.map(read).collect::<Vec<_>>().into_iter().collect::<Result<(), _>>()?;
        self.left -= rows;
        Ok(rows)
    }
}

/// One column of one row group.
struct Column {
    reader: Reader,
    /// The definition level of a value; below it is null.
    defined: i16,
    /// What to divide time stamps by to get seconds, of the columns that are some.
    per_second: Option<f64>,
    /// Whether whole numbers are without a sign.
    unsigned: bool,
}

/// A batch of one column.
#[derive(Default)]
struct Cells {
    levels: Vec<i16>,
    /// The place of each row's value among those of the batch; none if every row has one.
    places: Option<Vec<Option<u32>>>,
    /// Values of text.
    words: Vec<ByteArray>,
    /// Other values as text, one after another, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// The cell of row `k`, trimmed; an empty one is none.
    fn get(&self, k: usize) -> Option<&[u8]> {
        let at = match &self.places {
            None => k,
            Some(places) => places[k]? as usize,
        };
        let cell = match self.words.get(at) {
            Some(word) => word.data().trim_ascii(),
            None => &self.text[at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]],
        };
        (!cell.is_empty()).then_some(cell)
    }
}

/// A column by its physical type, with room for values that become text.
enum Reader {
    Bytes(ColumnReaderImpl<parquet::data_type::ByteArrayType>),
    Bool(ColumnReaderImpl<parquet::data_type::BoolType>, Vec<bool>),
    Int32(ColumnReaderImpl<parquet::data_type::Int32Type>, Vec<i32>),
    Int64(ColumnReaderImpl<parquet::data_type::Int64Type>, Vec<i64>),
    Float(ColumnReaderImpl<parquet::data_type::FloatType>, Vec<f32>),
    Double(ColumnReaderImpl<parquet::data_type::DoubleType>, Vec<f64>),
}

impl Column {
    fn open(
        group: &dyn RowGroupReader,
        k: usize,
        descriptor: &ColumnDescPtr,
        meaning: usize,
    ) -> Result<Self, ParquetError> {
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let optional = descriptor.max_def_level() > 0;
        let pages = CheckedPages { pages: group.get_column_page_reader(k)?, rows, optional };
        let reader = match get_column_reader(descriptor.clone(), Box::new(pages)) {
            ColumnReader::ByteArrayColumnReader(r) => Reader::Bytes(r),
            ColumnReader::BoolColumnReader(r) if WINNERS.contains(&meaning) => Reader::Bool(r, Vec::new()),
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
        let per_second = per_second.filter(|_| meaning == TIMESTAMP);
        let unsigned = match descriptor.logical_type_ref() {
            Some(LogicalType::Integer(kind)) => !kind.is_signed,
            _ => matches!(
                descriptor.converted_type(),
                ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            ),
        };
        Ok(Self { reader, defined, per_second, unsigned })
    }

    /// Decodes the next rows; how many there were.
    fn fill(&mut self, rows: usize, cells: &mut Cells) -> Result<usize, ParquetError> {
        fn records<T: DataType>(
            reader: &mut ColumnReaderImpl<T>,
            rows: usize,
            levels: &mut Vec<i16>,
            values: &mut Vec<T::T>,
        ) -> Result<usize, ParquetError> {
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
            Ok(records)
        }
        let Cells { levels, places, words, text, ends } = cells;
        levels.clear();
        text.clear();
        ends.clear();
        let (per_second, unsigned) = (self.per_second, self.unsigned);
        let mut write = |value: f64, shown: &dyn fmt::Display| {
            let written = match per_second {
                Some(per) => write!(text, "{}", value / per),
                None => write!(text, "{shown}"),
            };
            written.expect("memory can be written");
            ends.push(text.len());
        };
        let (records, values) = match &mut self.reader {
            Reader::Bytes(r) => (records(r, rows, levels, words)?, words.len()),
            Reader::Bool(r, values) => {
                let records = records(r, rows, levels, values)?;
                values.iter().for_each(|v| write(0.0, &u8::from(*v)));
                (records, values.len())
            }
            Reader::Int32(r, values) => {
                let records = records(r, rows, levels, values)?;
                values.iter().for_each(|v| match unsigned {
                    true => write(f64::from(*v as u32), &(*v as u32)),
                    false => write(f64::from(*v), v),
                });
                (records, values.len())
            }
            Reader::Int64(r, values) => {
                let records = records(r, rows, levels, values)?;
                values.iter().for_each(|v| match unsigned {
                    true => write(*v as u64 as f64, &(*v as u64)),
                    false => write(*v as f64, v),
                });
                (records, values.len())
            }
            Reader::Float(r, values) => {
                let records = records(r, rows, levels, values)?;
                values.iter().for_each(|v| write(f64::from(*v), v));
                (records, values.len())
            }
            Reader::Double(r, values) => {
                let records = records(r, rows, levels, values)?;
                values.iter().for_each(|v| write(*v, v));
                (records, values.len())
            }
        };
        let (mut held, mut told) = (records, records);
        *places = None;
        if self.defined > 0 && levels.iter().any(|&level| level != self.defined) {
            let mut next = 0;
            let found = levels.iter().map(|&level| {
                let here = (level == self.defined).then_some(next);
                next += u32::from(here.is_some());
                here
            });
            let found: Vec<_> = found.collect();
            (held, told) = (next as usize, found.len());
            *places = Some(found);
        }
        if held != values || told != records {
            return Err(ParquetError::General(format!("{values} values for {held} rows")));
        }
        Ok(records)
    }
}
