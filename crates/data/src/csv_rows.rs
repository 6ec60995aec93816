//! Comparisons in CSV, streamed and in parallel.
//!
//! The dialect is that of the `csv` crate, which the tests hold this against: commas, or another separator that makes sense
//! of the header; CR, LF or CRLF; empty lines are skipped, and so are lines that begin with `#` before the header; a cell that begins with a quote may hold commas, line ends and doubled quotes, a quote elsewhere is text.

use std::borrow::Cow;
use std::path::Path;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter, memchr3, memrchr2};

use crate::chunks::{self, Format, Windows};
use crate::collector::{Entry, RowCollector};
use crate::columns::{COVARIATES, ITEM_A, ITEM_B, OUTCOME, Row, folded};
use crate::error::DataError;
use crate::formats;
use crate::layout::{Layout, Places};
use crate::reading::Reading;
use crate::records::RecordFormat;
use crate::{records, refuse_utf16};

/// Separators of cells, in the order in which they are tried.
pub(crate) const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The header of a table, and where it is.
pub(crate) struct Head {
    /// Its cells.
    pub(crate) cells: Vec<String>,
    /// What separates them.
    separator: u8,
    /// Lines up to its end.
    lines: usize,
}

impl Head {
    /// The line it was, with quotes where a cell needs them, behind as many lines as there were before it.
    pub(crate) fn line(&self) -> String {
        let separator = char::from(self.separator);
        let cell = |c: &String| match c.contains([separator, '"', '\n', '\r']) {
            true => format!("\"{}\"", c.replace('"', "\"\"")),
            false => c.clone(),
        };
        let cells: Vec<String> = self.cells.iter().map(cell).collect();
        "\n".repeat(self.lines.saturating_sub(1)) + &cells.join(&separator.to_string()) + "\n"
    }
}

/// Takes the header off: the first record that is no comment, with the separator that makes sense of it.
pub(crate) fn head(path: &Path, source: &mut impl Windows, reading: &Reading) -> Result<Head, DataError> {
    let mut lines = 0;
    loop {
        let (found, comment) = peek_head(path, source, reading, lines)?;
        match comment {
            Some(bytes) => source.consume(bytes),
            None => return Ok(found),
        }
        lines = found.lines;
    }
}

/// One step of [`head`]: if the record is a comment, its length, which has not been taken off.
fn peek_head(
    path: &Path,
    source: &mut impl Windows,
    reading: &Reading,
    before: usize,
) -> Result<(Head, Option<usize>), DataError> {
    let refuse = |message: &str| DataError::new(path, message).at(1 + before);
    let mut tried = Vec::new();
    for separator in SEPARATORS {
        let (cells, lines, bytes) = record(path, source, separator, before)?;
        if cells.iter().flatten().any(|b| *b == 0) {
            return Err(refuse(
                "the header holds zero bytes: UTF-16 without its mark, or no text at all; save it as UTF-8",
            ));
        }
        let text = |cell: &Vec<u8>| std::str::from_utf8(cell).map(|c| c.trim().to_owned());
        let cells = cells.iter().map(text).collect::<Result<Vec<_>, _>>();
        let cells = cells.map_err(|_| refuse("is not UTF-8; save it as UTF-8"))?;
        tried.push((Head { cells, separator, lines: before + lines }, bytes));
    }
    let known = |head: &Head| {
        let cells: Vec<&str> = head.cells.iter().map(String::as_str).collect();
        Layout::of(&cells, reading, false).is_ok() || formats::recognised(&cells).is_some()
    };
    let best = tried.iter().position(|(head, _)| known(head)).unwrap_or_else(|| {
        let most = tried.iter().map(|(head, _)| head.cells.len()).max().unwrap_or(1);
        tried.iter().position(|(head, _)| head.cells.len() == most).unwrap_or(0)
    });
    let (head, bytes) = tried.swap_remove(best);
    if head.cells.iter().all(String::is_empty) {
        return Err(DataError::new(path, "is empty"));
    }
    if head.cells[0].starts_with('#') && !known(&head) {
        return Ok((head, Some(bytes)));
    }
    source.consume(bytes);
    Ok((head, None))
}

/// Rows below a header, which has been taken off.
pub(crate) fn read<S: FnMut(Entry) + Send>(
    path: &Path,
    head: &Head,
    source: impl Windows,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let names: Vec<&str> = head.cells.iter().map(String::as_str).collect();
    let at_head = |message: String| DataError::new(path, message).at(head.lines.max(1));
    let places = Places::of(&names, collector.rules().reading()).map_err(at_head)?;
    collector.check_filters(|m| places.at[m].is_some())?;
    places.ignored.iter().for_each(|column| collector.ignore(column));
    if let Some(k) = places.at[OUTCOME] {
        collector.numbers_are_scores(folded(names[k]) != "winner");
    }
    if places.first_won {
        collector.words_are_sides();
    }
    places.reading.iter().for_each(|sentence| collector.note_reading(sentence.clone()));
    let present = (0..places.at.len()).filter_map(|m| Some((m, places.at[m]?))).collect();
    let format = Csv { width: names.len(), separator: head.separator, present, first_won: places.first_won };
    chunks::read(&format, source, head.lines, collector)
}

/// Records of a published format below a header, which has been taken off.
pub(crate) fn read_records<S: FnMut(Entry) + Send>(
    path: &Path,
    format: &'static RecordFormat,
    head: &Head,
    source: impl Windows,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let cells: Vec<&str> = head.cells.iter().map(String::as_str).collect();
    if let Some((_, name)) = cells.iter().enumerate().find(|(k, name)| cells[..*k].contains(name)) {
        let message = format!("has two columns `{}`; keep one of them", crate::error::excerpt(name));
        return Err(DataError::new(path, message).at(head.lines.max(1)));
    }
    records::begin(path, format, &cells, collector)?;
    let names = head.cells.clone();
    chunks::read(&CsvRecords { names, separator: head.separator, format }, source, head.lines, collector)
}

/// Records below a header.
struct CsvRecords {
    names: Vec<String>,
    separator: u8,
    format: &'static RecordFormat,
}

impl Format for CsvRecords {
    const LONGEST: usize = Csv::LONGEST;
    const TOO_LONG: &'static str = Csv::TOO_LONG;

    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize> {
        cuts(bytes, step, self.separator)
    }

    fn rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let (mut all, mut cells) = (Records { bytes, at: 0, separator: self.separator }, Vec::new());
        let (mut line, mut counted) = (1, 0);
        while let Some(start) = all.next(&mut cells) {
            line += memchr_iter(b'\n', &bytes[counted..start]).count();
            counted = start;
            let path = collector.rules().path;
            let refuse =
                |reason: &str, message: String| Err(DataError::new(path, message).at(line).because(reason));
            let texts: Result<Vec<String>, _> =
                cells.iter().map(|c| String::from_utf8(c.text().into_owned())).collect();
            let taken = match texts {
                Err(_) => refuse("not UTF-8", "is not UTF-8; save the file as UTF-8".into()),
                Ok(texts) if texts.len() != self.names.len() => {
                    refuse("wrong number of cells", wrong_width(texts.len(), self.names.len()))
                }
                Ok(texts) => {
                    let value = |text: String| match text.trim() {
                        "" => serde_json::Value::Null,
                        _ => serde_json::Value::String(text),
                    };
                    let record = self.names.iter().cloned().zip(texts.into_iter().map(value)).collect();
                    records::take(line, &record, self.format, collector)
                }
            };
            collector.decide(taken)?;
        }
        Ok(())
    }
}

fn wrong_width(cells: usize, header: usize) -> String {
    format!("has {cells} cells where the header has {header}; quote cells that hold commas")
}

/// The cells of the first record, the lines it takes, and its bytes with the mark before it.
fn record(
    path: &Path,
    source: &mut impl Windows,
    separator: u8,
    before: usize,
) -> Result<(Vec<Vec<u8>>, usize, usize), DataError> {
    let mut len = 1 << 16;
    loop {
        let (bytes, ended) = source
            .window(len)
            .map_err(|e| DataError::new(path, format!("cannot be read on: {e}")).at(1 + before))?;
        refuse_utf16(path, bytes)?;
        let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let text = &bytes[mark..];
        // a first record that is whole, however the bytes go on
        let whole = match ended {
            true => text,
            false => &text[..cuts(text, usize::MAX, separator).last().copied().unwrap_or(0)],
        };
        let (mut records, mut cells) = (Records { bytes: whole, at: 0, separator }, Vec::new());
        if records.next(&mut cells).is_some() || ended {
            let cells = cells.iter().map(|cell| cell.text().into_owned()).collect();
            let lines = memchr_iter(b'\n', &whole[..records.at]).count();
            return Ok((cells, lines, mark + records.at));
        }
        if len > Csv::LONGEST {
            return Err(DataError::new(path, Csv::TOO_LONG).at(1 + before));
        }
        len = (2 * len).min(Csv::LONGEST + 1);
    }
}

/// Rows below a header.
struct Csv {
    /// Cells of the header.
    width: usize,
    separator: u8,
    /// Meanings, and the columns they are found in.
    present: Vec<(usize, usize)>,
    /// Whether the item listed first has won in every row.
    first_won: bool,
}

impl Format for Csv {
    /// A stray quote makes one cell of the rest of the file.
    const LONGEST: usize = 16 << 20;
    const TOO_LONG: &'static str =
        "cannot be read on: a record is longer than 16 MiB; look for a quote that is not closed";

    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize> {
        cuts(bytes, step, self.separator)
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
        for to in memchr2_iter(self.separator, b'\n', bytes) {
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
        let (mut records, mut cells) =
            (Records { bytes, at: 0, separator: self.separator }, Vec::with_capacity(self.width));
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
            let message = wrong_width(width, self.width);
            let refused = DataError::new(collector.rules().path, message).at(line);
            return collector.decide(Err(refused.because("wrong number of cells")));
        }
        let mut row: Row<'_> = Row::default();
        for &(m, k) in &self.present {
            let cell = cell(k).trim_ascii();
            row[m] = (!cell.is_empty()).then_some(cell);
        }
        if self.first_won {
            as_result(&mut row);
        }
        collector.add(line, &row)
    }
}

/// Makes a result of a winner and a loser. The order in which they stand says nothing: the lesser name comes first, so that
/// none is a position.
pub(crate) fn as_result(row: &mut Row<'_>) {
    row[OUTCOME] = if row[ITEM_A] > row[ITEM_B] {
        row.swap(ITEM_A, ITEM_B);
        (COVARIATES..row.len()).step_by(2).for_each(|m| row.swap(m, m + 1));
        Some(b"b")
    } else {
        Some(b"a")
    };
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
fn cuts(bytes: &[u8], step: usize, separator: u8) -> Vec<usize> {
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
        let opens = quote == 0 || [separator, b'\n', b'\r'].contains(&bytes[quote - 1]);
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
    separator: u8,
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
            let (cell, end) = cell(bytes, self.at, self.separator);
            cells.push(cell);
            self.at = bytes.len().min(end + 1);
            if bytes.get(end) != Some(&self.separator) {
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
fn cell(bytes: &[u8], from: usize, separator: u8) -> (Cell<'_>, usize) {
    let (quoted, rest) = match bytes.get(from) {
        Some(b'"') => match closed(bytes, from + 1) {
            Some(close) => (&bytes[from + 1..close - 1], close),
            None => (&bytes[from + 1..], bytes.len()),
        },
        _ => (&bytes[from..from], from),
    };
    let end = memchr3(separator, b'\n', b'\r', &bytes[rest..]).map_or(bytes.len(), |k| rest + k);
    (Cell { quoted, plain: &bytes[rest..end] }, end)
}
