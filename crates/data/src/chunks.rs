//! A file of rows read in chunks: windows of fixed size (larger where a row is), cut where a row ends, worked through in
//! parallel and put together in the order of the file. Neither the cuts nor the number of threads can be seen in the result:
//! a chunk numbers its own names and lines, and [`RowCollector::merge`] renumbers them.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use memchr::memchr_iter;
use rayon::prelude::*;

use crate::collector::{Entry, Part, RowCollector, Rules};
use crate::error::DataError;

/// Chunks that are read together.
const CHUNKS: usize = 8;

/// Bytes that come in windows.
pub(crate) trait Windows: Send {
    /// What follows, at least `len` bytes unless the file ends; whether it does.
    fn window(&mut self, len: usize) -> io::Result<(&[u8], bool)>;
    /// Passes over the first `len` bytes of the window.
    fn consume(&mut self, len: usize);
}

impl Windows for &[u8] {
    fn window(&mut self, len: usize) -> io::Result<(&[u8], bool)> {
        Ok((&self[..len.min(self.len())], len >= self.len()))
    }

    fn consume(&mut self, len: usize) {
        *self = &self[len..];
    }
}

/// Windows of a stream.
pub(crate) struct Stream<R> {
    source: R,
    held: Vec<u8>,
    ended: bool,
}

impl<R: Read + Send> Stream<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, held: Vec::new(), ended: false }
    }

    /// All that has not been consumed.
    pub(crate) fn rest(mut self) -> io::Result<Vec<u8>> {
        self.source.read_to_end(&mut self.held)?;
        Ok(self.held)
    }
}

impl<R: Read + Send> Windows for Stream<R> {
    fn window(&mut self, len: usize) -> io::Result<(&[u8], bool)> {
        if !self.ended && self.held.len() < len {
            let missing = (len - self.held.len()) as u64;
            self.ended = (self.source.by_ref().take(missing).read_to_end(&mut self.held)? as u64) < missing;
        }
        Ok((&self.held, self.ended))
    }

    fn consume(&mut self, len: usize) {
        self.held.drain(..len);
    }
}

/// How the rows of a format are told apart and read.
pub(crate) trait Format: Sync {
    /// The most bytes of a row.
    const LONGEST: usize;
    /// What to say of a longer one.
    const TOO_LONG: &'static str;

    /// Where bytes that begin with a row can be cut so that each part is whole rows, not much more often than every `step`
    /// bytes, and lastly after the last row that has an end.
    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize>;

    /// Reads whole rows, of which the first stands on line 1.
    fn rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError>;
}

/// Reads all rows, the first of which is on line `1 + lines`.
pub(crate) fn read<F: Format, S: FnMut(Entry) + Send>(
    format: &F,
    mut source: impl Windows,
    mut lines: usize,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let (window, spare) = (CHUNKS * collector.rules().chunk, Spare::default());
    let (mut len, mut before) = (window, Vec::new());
    loop {
        // details may have been dropped meanwhile
        let rules = collector.rules();
        let failed = |e: io::Error| DataError::new(rules.path, format!("cannot be read on: {e}"));
        let (bytes, ended) = match source.window(len) {
            Ok(found) => found,
            Err(e) => {
                merge(collector, before, &mut lines, &spare)?;
                return Err(failed(e).at(1 + lines));
            }
        };
        let mut cuts = format.cuts(bytes, rules.chunk);
        if ended && cuts.last() != Some(&bytes.len()) {
            cuts.push(bytes.len());
        }
        let consumed = cuts.last().copied().unwrap_or(0);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let chunks: Vec<&[u8]> = starts.zip(&cuts).map(|(from, &to)| &bytes[from..to]).collect();
        let too_long = chunks.is_empty() && len > F::LONGEST;
        // the chunks of one window are read while those of the window before are put together
        let (merged, read) = rayon::join(
            || merge(collector, before, &mut lines, &spare),
            || read_chunks(format, rules, &chunks, &spare),
        );
        merged?;
        if too_long {
            return Err(DataError::new(rules.path, F::TOO_LONG).at(1 + lines));
        }
        before = read;
        len = if consumed == 0 { (2 * len).min(F::LONGEST + 1) } else { window };
        source.consume(consumed);
        if ended {
            return merge(collector, before, &mut lines, &spare);
        }
    }
}

/// What came of a chunk, and how many lines it has.
struct Worked {
    read: Result<Part, DataError>,
    lines: usize,
}

/// Emptied lists, to be filled again: fresh memory costs more than what is put into it.
#[derive(Default)]
struct Spare(Mutex<Vec<Vec<Entry>>>);

impl Spare {
    fn take(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, list: Vec<Entry>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(list);
    }
}

fn read_chunks<F: Format>(format: &F, rules: Rules<'_>, chunks: &[&[u8]], spare: &Spare) -> Vec<Worked> {
    let read = |chunk: &&[u8]| {
        let mut entries = spare.take();
        let mut collector = RowCollector::of_part(rules, |entry| entries.push(entry));
        let read = format.rows(chunk, &mut collector);
        let diagnostics = collector.into_diagnostics();
        Worked {
            read: read.map(|()| Part { entries, diagnostics }),
            lines: memchr_iter(b'\n', chunk).count(),
        }
    };
    chunks.par_iter().map(read).collect()
}

fn merge<S: FnMut(Entry)>(
    collector: &mut RowCollector<'_, S>,
    chunks: Vec<Worked>,
    lines: &mut usize,
    spare: &Spare,
) -> Result<(), DataError> {
    for chunk in chunks {
        let part = chunk.read.map_err(|e| DataError { line: e.line.map(|line| line + *lines), ..e })?;
        spare.put(collector.merge(part, *lines));
        *lines += chunk.lines;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use memchr::memchr_iter;
    use proptest::prelude::*;

    use super::*;
    use crate::columns::Row;
    use crate::layout::Places;
    use crate::reading::{Reading, Repetitions};
    use crate::selection::Selection;
    use crate::{csv_rows, json_rows};

    /// All that can be known of a reading.
    type Seen = Result<String, DataError>;

    fn seen(
        selection: &Selection,
        chunk: usize,
        read: impl FnOnce(&mut RowCollector<'_, &mut (dyn FnMut(Entry) + Send)>) -> Result<(), DataError>,
    ) -> Seen {
        let mut entries = Vec::new();
        let mut sink = |entry| entries.push(entry);
        let sink: &mut (dyn FnMut(Entry) + Send) = &mut sink;
        let mut collector = RowCollector::new(Path::new("d"), selection, true, sink)?.in_chunks_of(chunk);
        read(&mut collector)?;
        let (items, contexts, annotators, checks) = collector.finish()?;
        Ok(format!("{:?} {checks:?} {entries:?}", [items, contexts, annotators].map(|n| n.list().to_vec())))
    }

    /// The CSV reader of the `csv` crate, row by row.
    fn csv_serially(bytes: &[u8], selection: &Selection) -> Seen {
        let path = Path::new("d");
        seen(selection, 1, |collector| {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
            let header = reader.byte_headers().unwrap().clone();
            let names: Vec<&str> =
                header.iter().map(|cell| std::str::from_utf8(cell).unwrap().trim()).collect();
            let places =
                Places::of(&names, &Reading::default()).map_err(|m| DataError::new(path, m).at(1))?;
            places.ignored.iter().for_each(|column| collector.ignore(column));
            for record in reader.byte_records() {
                let record = record.unwrap();
                // it says where the record before it ends, be there a line end or not
                let from = record.position().unwrap().byte() as usize;
                let blank = bytes[from..].iter().take_while(|b| b"\r\n".contains(b)).count();
                let line = 1 + memchr_iter(b'\n', &bytes[..from + blank]).count();
                if record.len() != header.len() {
                    let message = format!(
                        "has {} cells where the header has {}; quote cells that hold commas",
                        record.len(),
                        header.len()
                    );
                    let refused = DataError::new(path, message).at(line).because("wrong number of cells");
                    return collector.decide(Err(refused));
                }
                let mut row: Row<'_> = Row::default();
                for (m, k) in places.at.iter().enumerate().filter_map(|(m, k)| Some((m, (*k)?))) {
                    row[m] = Some(record[k].trim_ascii()).filter(|cell| !cell.is_empty());
                }
                collector.add(line, &row)?;
            }
            Ok(())
        })
    }

    /// The reader of the command.
    fn csv(
        mut source: impl Windows,
        collector: &mut RowCollector<'_, &mut (dyn FnMut(Entry) + Send)>,
    ) -> Result<(), DataError> {
        let path = Path::new("d");
        let head = csv_rows::head(path, &mut source, &Reading::default())?;
        csv_rows::read(path, &head, source, collector)
    }

    /// One line after another.
    fn json_serially(bytes: &[u8], selection: &Selection) -> Seen {
        seen(selection, usize::MAX / 16, |collector| json_rows::read(Path::new("d"), bytes, collector))
    }

    /// Gives a few bytes at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(3);
            self.0.read(&mut buffer[..len])
        }
    }

    fn rows() -> impl Strategy<Value = String> {
        // mostly good rows, a few that are odd, one in hundreds that is refused
        let row = prop_oneof![
            40 => "[xyz],[xyzw],(a|b|tie),[012]?,c[0-9]?,j,",
            4 => "\"x,\n\"\"y\",[xy] ,\"tie\",1,\"c\r\n\",,2024-01-0[1-9]",
            2 => "x,5\" disk,a,,\"a\"b\"c\",j,soon",
            2 => "(\n|\r\n){1,3}",
            1 => "x,x,a,,,,",
        ];
        let end = prop_oneof![6 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
        let wrong =
            prop_oneof!["x,y", "x,y,q,,,,", "x,,a,,,,", "x,y,a,-1,,,", "\"x,y,a", ",,,,,,,,,", "\\PC{0,9}"];
        let wrong = proptest::option::weighted(0.5, (0usize..80, wrong));
        (proptest::collection::vec((row, end), 0..80), wrong).prop_map(|(rows, wrong)| {
            let mut lines: Vec<String> = rows.into_iter().map(|(row, end)| row + end).collect();
            if let Some((at, text)) = wrong {
                lines.insert(at.min(lines.len()), text + "\n");
            }
            lines.concat()
        })
    }

    proptest! {
        /// Whatever the chunks, the threads and the source: all that is read and said is that of one row after another.
        #[test]
        fn chunks_cannot_be_seen(
            rows in prop_oneof![rows(), "(x|y|,|\n|\r|\r\n|\"|\"\"| |x,y,a,,,,\n){0,60}"],
            end in "(|\n|\r|\r\n|\"|,|x)",
            chunk in 1usize..300,
            mark in any::<bool>(),
            only in any::<bool>(),
            repetitions in prop_oneof![
                Just(Repetitions::Keep), Just(Repetitions::Drop), Just(Repetitions::DropEqual)
            ],
        ) {
            let header = "item_a,item_b,outcome,weight,context,annotator,timestamp";
            let text = format!("{}{header}\r\n{rows}{end}", if mark { "\u{feff}" } else { "" });
            let items = only.then(|| vec!["x".to_owned(), "y".to_owned()]);
            let reading = Reading { repetitions, ..Reading::default() };
            let selection = Selection { items, reading, ..Selection::default() };
            let serially = csv_serially(text.as_bytes(), &selection);
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let whole = pool.install(|| {
                    seen(&selection, chunk, |collector| csv(text.as_bytes(), collector))
                });
                prop_assert_eq!(&whole, &serially);
                let slow = Stream::new(Slowly(text.as_bytes()));
                let streamed = pool.install(|| seen(&selection, chunk, |collector| csv(slow, collector)));
                prop_assert_eq!(&streamed, &serially);
            }
        }

        #[test]
        fn chunks_of_json_cannot_be_seen(
            lines in proptest::collection::vec(prop_oneof![
                20 => "\\{\"item_a\": \"[xy]\", \"item_b\": \"[zw]\", \"outcome\": \"(a|b|tie)\", \"context\": [0-9]\\}",
                2 => "\\{\"ranking\": \"x > [yz] = w\", \"weight\": [0-3], \"mood\": 1\\}",
                2 => " ?\r?",
                1 => "\\{\"item_a\": ?\\}",
            ], 0..60),
            chunk in 1usize..300,
        ) {
            let text = lines.join("\n");
            let serially = json_serially(text.as_bytes(), &Selection::default());
            let chunks = seen(&Selection::default(), chunk, |collector| {
                json_rows::read(Path::new("d"), Stream::new(Slowly(text.as_bytes())), collector)
            });
            prop_assert_eq!(chunks, serially);
        }
    }
}
