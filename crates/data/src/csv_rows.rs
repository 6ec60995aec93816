//! Comparisons in CSV, streamed and in parallel.
//!
//! The dialect is that of the `csv` crate, which the tests hold this against: commas; CR, LF or CRLF; empty lines are
//! skipped; a cell that begins with a quote may hold commas, line ends and doubled quotes, a quote elsewhere is text.

use std::borrow::Cow;
use std::path::Path;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter, memchr3, memrchr2};

use crate::chunks::{self, Format, Windows};
use crate::collector::{Entry, RowCollector};
use crate::columns::{Places, Row};
use crate::error::DataError;
use crate::refuse_utf16;

pub(crate) fn read<S: FnMut(Entry) + Send>(
    path: &Path,
    mut source: impl Windows,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let (header, lines) = header(path, &mut source)?;
    if header.iter().flatten().any(|b| *b == 0) {
        let message =
            "the header holds zero bytes: UTF-16 without its mark, or no text at all; save it as UTF-8";
        return Err(DataError::new(path, message).at(1));
    }
    if header.iter().all(|cell| cell.trim_ascii().is_empty()) {
        return Err(DataError::new(path, "is empty"));
    }
    let names =
        header.iter().map(|cell| std::str::from_utf8(cell).map(str::trim)).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|_| DataError::new(path, "is not UTF-8; save it as UTF-8").at(1))?;
    let places = Places::of(names.iter().copied()).map_err(|message| DataError::new(path, message).at(1))?;
    collector.check_filters(|m| places.at[m].is_some())?;
    places.ignored.iter().for_each(|column| collector.ignore(column));
    let present = (0..places.at.len()).filter_map(|m| Some((m, places.at[m]?))).collect();
    chunks::read(&Csv { width: header.len(), present }, source, lines, collector)
}

/// Takes the first record off, and the mark before it; the lines it takes.
fn header(path: &Path, source: &mut impl Windows) -> Result<(Vec<Vec<u8>>, usize), DataError> {
    let mut len = 1 << 16;
    loop {
        let (bytes, ended) =
            source.window(len).map_err(|e| DataError::new(path, format!("cannot be read on: {e}")).at(1))?;
        refuse_utf16(path, bytes)?;
        let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let text = &bytes[mark..];
        // a first record that is whole, however the bytes go on
        let whole = if ended { text } else { &text[..cuts(text, usize::MAX).last().copied().unwrap_or(0)] };
        let (mut records, mut cells) = (Records { bytes: whole, at: 0 }, Vec::new());
        if records.next(&mut cells).is_some() || ended {
            let cells = cells.iter().map(|cell| cell.text().into_owned()).collect();
            let lines = memchr_iter(b'\n', &whole[..records.at]).count();
            let taken = mark + records.at;
            source.consume(taken);
            return Ok((cells, lines));
        }
        if len > Csv::LONGEST {
            return Err(DataError::new(path, Csv::TOO_LONG).at(1));
        }
        len = (2 * len).min(Csv::LONGEST + 1);
    }
}

/// Rows below a header.
struct Csv {
    /// Cells of the header.
    width: usize,
    /// Meanings, and the columns they are found in.
    present: Vec<(usize, usize)>,
}

impl Format for Csv {
    /// A stray quote makes one cell of the rest of the file.
    const LONGEST: usize = 16 << 20;
    const TOO_LONG: &'static str =
        "cannot be read on: a record is longer than 16 MiB; look for a quote that is not closed";

    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize> {
        cuts(bytes, step)
    }

    fn rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        // where neither quotes nor old line ends occur, rows end at line feeds and cells at commas
        let plain = memchr(b'"', bytes).is_none()
            && memchr_iter(b'\r', bytes).all(|k| bytes.get(k + 1) == Some(&b'\n'));
        if plain { self.plain_rows(bytes, collector) } else { self.any_rows(bytes, collector) }
    }
}

impl Csv {
    fn plain_rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let (mut cells, mut line, mut from) = (Vec::with_capacity(self.width), 1, 0);
        for to in memchr2_iter(b',', b'\n', bytes) {
            cells.push(&bytes[from..to]);
            from = to + 1;
            if bytes[to] == b'\n' {
                if !matches!(cells[..], [b"" | b"\r"]) {
                    self.row(line, cells.len(), |k| cells[k], collector)?;
                }
                cells.clear();
                line += 1;
            }
        }
        if from < bytes.len() || !cells.is_empty() {
            cells.push(&bytes[from..]);
            self.row(line, cells.len(), |k| cells[k], collector)?;
        }
        Ok(())
    }

    fn any_rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let (mut records, mut cells) = (Records { bytes, at: 0 }, Vec::with_capacity(self.width));
        let (mut line, mut counted) = (1, 0);
        let mut texts = vec![Cow::default(); self.width];
        while let Some(start) = records.next(&mut cells) {
            line += memchr_iter(b'\n', &bytes[counted..start]).count();
            counted = start;
            // columns that mean nothing can be long, and stay as they are
            for (k, cell) in self.present.iter().filter_map(|&(_, k)| Some((k, cells.get(k)?))) {
                texts[k] = cell.text();
            }
            self.row(line, cells.len(), |k| &*texts[k], collector)?;
        }
        Ok(())
    }

    #[inline]
    fn row<'c, S: FnMut(Entry)>(
        &self,
        line: usize,
        width: usize,
        cell: impl Fn(usize) -> &'c [u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        if width != self.width {
            let header = self.width;
            let message =
                format!("has {width} cells where the header has {header}; quote cells that hold commas");
            return Err(DataError::new(collector.rules().path, message).at(line));
        }
        let mut row: Row<'_> = Row::default();
        for &(m, k) in &self.present {
            let cell = cell(k).trim_ascii();
            row[m] = (!cell.is_empty()).then_some(cell);
        }
        collector.add(line, &row)
    }
}

/// The end of what a quote opens before `from`: behind the closing one, if there is one.
fn closed(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from += memchr(b'"', &bytes[from..])? + 1;
        match bytes.get(from) {
            Some(b'"') => from += 1,
            _ => return Some(from),
        }
    }
}

/// See [`Format::cuts`].
fn cuts(bytes: &[u8], step: usize) -> Vec<usize> {
    let (mut cuts, mut last, mut from) = (Vec::new(), 0, 0);
    // from one quote to the next; between them are no others, so every line end is the end of a record
    loop {
        let quote = memchr(b'"', &bytes[from..]).map_or(bytes.len(), |k| from + k);
        loop {
            let next = from.max(cuts.last().copied().unwrap_or(0usize).saturating_add(step));
            let Some(end) = bytes.get(next..quote).and_then(|b| memchr2(b'\n', b'\r', b)) else { break };
            let end = next + end;
            let two = bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n');
            cuts.push(end + 1 + usize::from(two));
        }
        last = memrchr2(b'\n', b'\r', &bytes[from..quote]).map_or(last, |k| from + k + 1);
        if quote == bytes.len() {
            break;
        }
        let opens = quote == 0 || matches!(bytes[quote - 1], b',' | b'\n' | b'\r');
        from = match opens {
            true => match closed(bytes, quote + 1) {
                Some(end) => end,
                None => break,
            },
            false => quote + 1,
        };
    }
    if last > cuts.last().copied().unwrap_or(0) {
        cuts.push(last);
    }
    cuts
}

/// Records of any kind.
struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Reads the cells of the next record; where it begins.
    fn next(&mut self, cells: &mut Vec<Cell<'a>>) -> Option<usize> {
        cells.clear();
        let bytes = self.bytes;
        self.at += bytes[self.at..].iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
        let start = self.at;
        if start == bytes.len() {
            return None;
        }
        loop {
            let (cell, end) = cell(bytes, self.at);
            cells.push(cell);
            self.at = bytes.len().min(end + 1);
            if bytes.get(end) != Some(&b',') {
                return Some(start);
            }
        }
    }
}

/// A cell as it stands in the file.
struct Cell<'a> {
    /// What stands between quotes, quotes in it being doubled.
    quoted: &'a [u8],
    /// What follows the closing quote, or all of a cell without quotes: it belongs to the cell as it is.
    plain: &'a [u8],
}

impl<'a> Cell<'a> {
    fn text(&self) -> Cow<'a, [u8]> {
        if self.quoted.is_empty() {
            return Cow::Borrowed(self.plain);
        }
        if self.plain.is_empty() && memchr(b'"', self.quoted).is_none() {
            return Cow::Borrowed(self.quoted);
        }
        let mut text = Vec::with_capacity(self.quoted.len() + self.plain.len());
        let mut quoted = self.quoted.iter().copied();
        while let Some(byte) = quoted.next() {
            text.push(byte);
            if byte == b'"' {
                quoted.next();
            }
        }
        text.extend(self.plain);
        Cow::Owned(text)
    }
}

/// The cell that begins at `from`, and its end.
fn cell(bytes: &[u8], from: usize) -> (Cell<'_>, usize) {
    let (quoted, rest) = match bytes.get(from) {
        Some(b'"') => match closed(bytes, from + 1) {
            Some(close) => (&bytes[from + 1..close - 1], close),
            None => (&bytes[from + 1..], bytes.len()),
        },
        _ => (&bytes[from..from], from),
    };
    let end = memchr3(b',', b'\n', b'\r', &bytes[rest..]).map_or(bytes.len(), |k| rest + k);
    (Cell { quoted, plain: &bytes[rest..end] }, end)
}
