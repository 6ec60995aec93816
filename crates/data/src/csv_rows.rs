//! Comparisons in CSV, streamed.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use crate::columns::{Places, Row};
use crate::error::DataError;
use crate::tally::{Entry, Tally};
use crate::{csv_error, refuse_utf16};

/// Longest record that is read. A stray quote makes one cell of the rest of the file.
const LONGEST: usize = 16 << 20;

/// Reads rows until a record gets too long.
struct Guard<R> {
    inner: R,
    /// Bytes read since the last whole record, at most one buffer more than its length.
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LONGEST {
            let message = "a record is longer than 16 MiB; look for a quote that is not closed";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.inner.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

pub(crate) fn read<S: FnMut(Entry)>(
    path: &Path,
    source: impl Read,
    tally: &mut Tally<'_, S>,
) -> Result<(), DataError> {
    let since = Rc::new(Cell::new(0));
    let guard = Guard { inner: source, since: Rc::clone(&since) };
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 17).from_reader(guard);
    let header = reader.byte_headers().map_err(|e| DataError { line: Some(1), ..csv_error(path, &e) })?;
    refuse_utf16(path, header.get(0).unwrap_or_default())?;
    if header.iter().flatten().any(|b| *b == 0) {
        let message =
            "the header holds zero bytes: UTF-16 without its mark, or no text at all; save it as UTF-8";
        return Err(DataError::new(path, message).at(1));
    }
    if header.iter().all(|cell| trim(cell).is_empty()) {
        return Err(DataError::new(path, "is empty"));
    }
    let names =
        header.iter().map(|cell| std::str::from_utf8(cell).map(str::trim)).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|_| DataError::new(path, "is not UTF-8; save it as UTF-8").at(1))?;
    let places = Places::of(names.iter().copied()).map_err(|message| DataError::new(path, message).at(1))?;
    tally.check_filters(|m| places.at[m].is_some())?;
    places.ignored.iter().for_each(|column| tally.ignore(column));
    let present: Vec<(usize, usize)> =
        (0..places.at.len()).filter_map(|m| Some((m, places.at[m]?))).collect();
    let mut record = csv::ByteRecord::new();
    loop {
        since.set(0);
        let next = reader.position().line() as usize;
        let more = reader.read_byte_record(&mut record).map_err(|e| {
            // a record that got too long has no place of its own: it begins here
            let error = csv_error(path, &e);
            DataError { line: error.line.or(Some(next)), ..error }
        })?;
        if !more {
            return Ok(());
        }
        let line = record.position().map_or(0, |p| p.line() as usize);
        let mut row: Row<'_> = Row::default();
        for &(m, k) in &present {
            let cell = trim(&record[k]);
            row[m] = (!cell.is_empty()).then_some(cell);
        }
        tally.add(line, &row)?;
    }
}

/// Without spaces around it.
fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}
