//! Games in and answers out, a batch at a time: for more games than memory holds.
//!
//! In: `.npy` (contexts x n x n, C order), `.npz` with one such array or one named `matrix`, or `.parquet` with a
//! column `win_rates` of lists: n^2 numbers row by row, n of each row its own. Out: `.npz` or `.parquet`, row k (or entry k)
//! the answer to context k. Memory is what a batch of [`NUMBERS`] win rates takes, whatever the size of the files.

mod answers;

use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use equipoise_env::PreferenceMatrix;
use ndarray::ArrayView2;
use ndarray_npy::npy::header::{Header, Layout};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, DoubleType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use zip::ZipArchive;

use crate::error::DataError;
use crate::matrix::MAX_ACTIONS;
use crate::registry::{Format, Reads, by_ending, format_of};
use crate::{input, npy};

pub use answers::AnswerWriter;

/// Win rates held at a time: 8 MB.
const NUMBERS: usize = 1 << 20;
/// The column of a Parquet file that holds the games.
const COLUMN: &str = "win_rates";

/// What a file of games holds, known before any of them is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Number of games.
    pub contexts: usize,
    /// Number of actions, if all games have equally many by the format.
    pub actions: Option<usize>,
}

/// Whether a file can be streamed, by its ending.
#[must_use]
pub fn holds_many_games(path: &Path) -> bool {
    by_ending(path, Reads::Games).is_some()
}

/// How many games a file holds, and of which size.
///
/// # Errors
/// [`DataError`] naming file, value and rule.
pub fn games_extent(path: &Path) -> Result<Extent, DataError> {
    let mut extent = None;
    stream(path, &mut |found, _| {
        extent = Some(found);
        Ok::<bool, DataError>(false)
    })?;
    extent.ok_or_else(|| DataError::new(path, "holds no game"))
}

/// Hands the games of a file to `visit`, in their order, so many at a time.
///
/// # Errors
/// [`DataError`] naming file, context, value and rule; or what `visit` returns, which ends the reading.
pub fn stream_games<E: From<DataError>>(
    path: &Path,
    mut visit: impl FnMut(Vec<PreferenceMatrix>) -> Result<(), E>,
) -> Result<(), E> {
    stream(path, &mut |_, source| {
        while let Some(batch) = source()? {
            visit(batch)?;
        }
        Ok(true)
    })
}

/// A call gives the next games; `None` after the last.
type Source<'a> = dyn FnMut() -> Result<Option<Vec<PreferenceMatrix>>, DataError> + 'a;

/// Opens a file and hands over its extent and a source of games.
fn stream<E: From<DataError>>(
    path: &Path,
    take: &mut dyn FnMut(Extent, &mut Source<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let file = input::open_file(path)?;
    match format_of(path, Reads::Games)? {
        Format::Npy => from_array(path, BufReader::new(file), take),
        Format::Npz => {
            let broken = |e: String| DataError::new(path, npy::not_an_archive(&e));
            let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| broken(e.to_string()))?;
            let name = npy::member(path, &archive)?;
            let member = archive.by_name(&name).map_err(|e| broken(e.to_string()))?;
            from_array(path, member, take)
        }
        _ => from_parquet(path, file, take),
    }
}

fn from_array<E: From<DataError>>(
    path: &Path,
    mut reader: impl Read,
    take: &mut dyn FnMut(Extent, &mut Source<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let refuse = |message: String| DataError::new(path, message);
    // the header's stated length is believed only so far
    let header = npy::header(path, &mut reader)?;
    let header = Header::from_reader(&mut &header[..])
        .map_err(|e| refuse(format!("is not a NumPy file: {e}; write it with numpy.save or numpy.savez")))?;
    let (contexts, n) = match header.shape[..] {
        [n, m] if n == m => (1, n),
        [contexts, n, m] if n == m => (contexts, n),
        _ => (0, 0),
    };
    let count = n.checked_mul(n).filter(|count| *count > 0 && contexts > 0);
    let Some(count) = count else {
        let message = format!("has shape {:?}; contexts x n x n is needed", header.shape);
        return Err(refuse(message).into());
    };
    if n > MAX_ACTIONS {
        return Err(refuse(format!("has {n} actions a game; at most {MAX_ACTIONS} are read")).into());
    }
    if header.layout != Layout::Standard && n > 1 {
        let message = "is in Fortran order; write it with numpy.ascontiguousarray".to_owned();
        return Err(refuse(message).into());
    }
    let decode: fn(&[u8]) -> f64 = match header.type_descriptor.to_string().trim_matches('\'') {
        "<f8" => |b| f64::from_le_bytes(b.try_into().expect("eight bytes")),
        ">f8" => |b| f64::from_be_bytes(b.try_into().expect("eight bytes")),
        "<f4" => |b| f64::from(f32::from_le_bytes(b.try_into().expect("four bytes"))),
        ">f4" => |b| f64::from(f32::from_be_bytes(b.try_into().expect("four bytes"))),
        other => {
            return Err(refuse(format!("holds `{other}`; a float64 or float32 array is needed")).into());
        }
    };
    let width = if header.type_descriptor.to_string().contains("f8") { 8 } else { 4 };
    let most = (NUMBERS / count).max(1);
    let mut next = 0;
    let mut source = || {
        let games = most.min(contexts - next);
        if games == 0 {
            // to the end: a checksum is compared there, and nothing may follow
            let more = (&mut reader).take(1).read_to_end(&mut Vec::new());
            return match more.map_err(|e| refuse(format!("cannot be read on: {e}")))? {
                0 => Ok(None),
                _ => Err(refuse("goes on behind its array; write it again".to_owned())),
            };
        }
        let wanted = games
            .checked_mul(count)
            .and_then(|numbers| numbers.checked_mul(width))
            .ok_or_else(|| refuse(format!("states the shape {:?}", header.shape)))?;
        let mut bytes = Vec::new();
        // grows with what is there, not with what the header states
        let read = (&mut reader).take(wanted as u64).read_to_end(&mut bytes);
        read.map_err(|e| refuse(format!("cannot be read on: {e}")))?;
        if bytes.len() < wanted {
            let message = format!("states the shape {:?} and ends before it; write it again", header.shape);
            return Err(refuse(message));
        }
        let numbers: Vec<f64> = bytes.chunks_exact(width).map(decode).collect();
        let batch = numbers.chunks_exact(count).enumerate();
        let batch = batch.map(|(k, p)| game(path, next + k, p)).collect::<Result<Vec<_>, _>>()?;
        next += games;
        Ok(Some(batch))
    };
    take(Extent { contexts, actions: Some(n) }, &mut source).map(drop)
}

/// A game from its win rates, row by row.
fn game(path: &Path, context: usize, win_rates: &[f64]) -> Result<PreferenceMatrix, DataError> {
    let n = win_rates.len().isqrt();
    let refuse = |message: String| DataError::new(path, format!("context {context}: {message}"));
    if n == 0 || n * n != win_rates.len() {
        let message = format!("has {} win rates; n x n of them, row by row, are needed", win_rates.len());
        return Err(refuse(message));
    }
    let p = ArrayView2::from_shape((n, n), win_rates).expect("n x n numbers");
    PreferenceMatrix::new(p).map_err(|e| refuse(e.to_string()))
}

fn from_parquet<E: From<DataError>>(
    path: &Path,
    file: File,
    take: &mut dyn FnMut(Extent, &mut Source<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let damaged = || DataError::new(path, "is damaged: its pages do not decode; write it again");
    let broken = |e: ParquetError| DataError::new(path, format!("is not whole Parquet: {e}; write it again"));
    // the decoder's own invariants may break on a damaged file: that is a bad file, too
    let opened = catch_unwind(AssertUnwindSafe(|| SerializedFileReader::new(file)));
    let reader = opened.map_err(|_| damaged())?.map_err(broken)?;
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema_descr();
    let leaf = schema.columns().iter().position(|c| c.path().parts()[0] == COLUMN);
    let Some(leaf) = leaf.filter(|&k| schema.column(k).max_rep_level() == 1) else {
        let message =
            format!("has no column `{COLUMN}` of lists of numbers: n x n win rates a row, row by row");
        return Err(DataError::new(path, message).into());
    };
    let defined = schema.column(leaf).max_def_level();
    let contexts = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    if contexts == 0 {
        return Err(DataError::new(path, "holds no game").into());
    }
    let (mut group, mut lists, mut next, mut largest) = (0, None, 0, NUMBERS);
    let mut step = || -> Result<Option<Vec<PreferenceMatrix>>, DataError> {
        loop {
            let open = match &mut lists {
                Some(open) => open,
                None if group == reader.num_row_groups() => {
                    let message = format!("is damaged: it states {contexts} rows and has {next}");
                    return if next == contexts { Ok(None) } else { Err(DataError::new(path, message)) };
                }
                None => {
                    let rows = reader.get_row_group(group).map_err(broken)?;
                    let column = rows.get_column_reader(leaf).map_err(broken)?;
                    group += 1;
                    lists.insert(Lists::open(path, column, defined)?)
                }
            };
            let rows = open.read((NUMBERS / largest).max(1)).map_err(broken)?;
            if rows == 0 {
                lists = None;
                continue;
            }
            let mut batch = Vec::with_capacity(rows);
            for list in open.rows() {
                let win_rates = list.ok_or_else(|| {
                    DataError::new(path, format!("context {}: a win rate is null", next + batch.len()))
                })?;
                largest =
                    if next + batch.len() == 0 { win_rates.len() } else { largest.max(win_rates.len()) };
                batch.push(game(path, next + batch.len(), win_rates)?);
            }
            next += batch.len();
            return Ok(Some(batch));
        }
    };
    let mut source = || catch_unwind(AssertUnwindSafe(&mut step)).unwrap_or_else(|_| Err(damaged()));
    take(Extent { contexts, actions: None }, &mut source).map(drop)
}

/// A column of lists of one row group, some rows of it in memory.
struct Lists {
    reader: Numbers,
    defined: i16,
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Vec<f64>,
}

enum Numbers {
    Double(ColumnReaderImpl<DoubleType>),
    Float(ColumnReaderImpl<FloatType>),
}

impl Lists {
    fn open(path: &Path, column: ColumnReader, defined: i16) -> Result<Self, DataError> {
        let reader = match column {
            ColumnReader::DoubleColumnReader(r) => Numbers::Double(r),
            ColumnReader::FloatColumnReader(r) => Numbers::Float(r),
            _ => {
                let message = format!("column `{COLUMN}` must hold lists of double or float");
                return Err(DataError::new(path, message));
            }
        };
        Ok(Self { reader, defined, definition: Vec::new(), repetition: Vec::new(), values: Vec::new() })
    }

    /// Decodes the next rows, as many as are left of those wanted; how many there were.
    fn read(&mut self, wanted: usize) -> Result<usize, ParquetError> {
        fn records<T: DataType>(
            reader: &mut ColumnReaderImpl<T>,
            wanted: usize,
            definition: &mut Vec<i16>,
            repetition: &mut Vec<i16>,
            values: &mut Vec<T::T>,
        ) -> Result<usize, ParquetError> {
            let mut rows = 0;
            // a call may stop at the end of a page
            while rows < wanted {
                let (read, _, _) =
                    reader.read_records(wanted - rows, Some(definition), Some(repetition), values)?;
                if read == 0 {
                    break;
                }
                rows += read;
            }
            Ok(rows)
        }
        self.definition.clear();
        self.repetition.clear();
        self.values.clear();
        let (definition, repetition) = (&mut self.definition, &mut self.repetition);
        match &mut self.reader {
            Numbers::Double(r) => records(r, wanted, definition, repetition, &mut self.values),
            Numbers::Float(r) => {
                let mut narrow = Vec::new();
                let rows = records(r, wanted, definition, repetition, &mut narrow)?;
                self.values.extend(narrow.iter().map(|v| f64::from(*v)));
                Ok(rows)
            }
        }
    }

    /// The lists in memory; `None` for one with a null, and for all after it.
    fn rows(&self) -> impl Iterator<Item = Option<&[f64]>> {
        let starts = (0..self.repetition.len()).filter(|&k| self.repetition[k] == 0);
        let ends = starts.clone().skip(1).chain([self.repetition.len()]);
        starts.zip(ends).map(|(start, end)| {
            let whole = self.definition[..end].iter().all(|d| *d == self.defined);
            whole.then(|| self.values.get(start..end)).flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, arr2};
    use ndarray_npy::{NpzReader, NpzWriter, WriteNpyExt};
    use std::path::PathBuf;

    fn sizes(path: &Path) -> Result<Vec<(usize, f64)>, String> {
        let mut seen = Vec::new();
        stream_games(path, |batch| {
            seen.extend(batch.iter().map(|m| (m.n(), m.prob(0, m.n() - 1))));
            Ok::<(), DataError>(())
        })
        .map_err(|e| e.to_string())?;
        Ok(seen)
    }

    fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Contexts whose first row's last win rate tells which they are.
    fn cube(contexts: usize, n: usize) -> Array3<f64> {
        let place = |x: usize| x as f64 / 512.0; // exact
        Array3::from_shape_fn((contexts, n, n), |(x, i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => place(x),
            std::cmp::Ordering::Greater => 1.0 - place(x),
        })
    }

    #[test]
    fn arrays_are_read_in_order_whatever_the_batches() {
        let folder = tempfile::tempdir().unwrap();
        // more than one batch: 300 * 64 * 64 numbers
        let games = cube(300, 64);
        let mut bytes = Vec::new();
        games.write_npy(&mut bytes).unwrap();
        let whole = write(folder.path(), "g.npy", &bytes);
        let expected: Vec<(usize, f64)> = (0..300).map(|x| (64, f64::from(x) / 512.0)).collect();
        assert_eq!(games_extent(&whole).unwrap(), Extent { contexts: 300, actions: Some(64) });
        assert_eq!(sizes(&whole).unwrap(), expected);
        for compressed in [false, true] {
            let path = folder.path().join("g.npz");
            let file = File::create(&path).unwrap();
            let mut npz = if compressed { NpzWriter::new_compressed(file) } else { NpzWriter::new(file) };
            npz.add_array("matrix", &games).unwrap();
            npz.add_array("other", &arr2(&[[0.0]])).unwrap();
            npz.finish().unwrap();
            assert_eq!(sizes(&path).unwrap(), expected);
        }
        let cut = write(folder.path(), "cut.npy", &bytes[..bytes.len() - 8]);
        assert!(sizes(&cut).unwrap_err().contains("ends before it"));
        let mut narrow = Vec::new();
        cube(4, 2).mapv(|v| v as f32).write_npy(&mut narrow).unwrap();
        assert_eq!(sizes(&write(folder.path(), "n.npy", &narrow)).unwrap()[3], (2, 3.0 / 512.0));
    }

    #[test]
    fn what_is_no_game_is_told_why() {
        let folder = tempfile::tempdir().unwrap();
        let npy = |name: &str, array: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            array(&mut bytes);
            sizes(&write(folder.path(), name, &bytes)).unwrap_err()
        };
        assert!(npy("a.npy", &|b| arr2(&[[0.5, 0.1]]).write_npy(b).unwrap()).contains("shape [1, 2]"));
        assert!(npy("a.npy", &|b| arr2(&[[1i32]]).write_npy(b).unwrap()).contains("float64 or float32"));
        let mut bad = cube(3, 2);
        bad[[2, 0, 1]] = 0.9;
        let message = npy("a.npy", &|b| bad.write_npy(b).unwrap());
        assert!(message.contains("context 2: ") && message.contains("must be 1"), "{message}");
        let fortran = arr2(&[[0.5, 0.75], [0.25, 0.5]]);
        assert!(npy("a.npy", &|b| fortran.t().write_npy(b).unwrap()).contains("Fortran"));
        assert!(npy("a.npy", &|b| b.extend(b"0.5")).contains("not a NumPy file"));
        assert!(npy("a.npz", &|b| b.extend(b"PK")).contains("not a NumPy archive"));
        assert!(npy("a.parquet", &|b| b.extend(b"PAR1")).contains("not whole Parquet"));
        assert!(npy("a.csv", &|b| b.extend(b"0.5")).contains("ending `csv`"));
        assert!(!holds_many_games(Path::new("a.csv")) && holds_many_games(Path::new("a.NPZ")));
    }

    /// Lists of unequal length go out as Parquet and come back; in NumPy all must be of one length.
    #[test]
    fn answers_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut writer = AnswerWriter::create(&path, None, &[COLUMN], &["duality_gap"]).unwrap();
        writer.write(&[4, 1], &[&[0.5, 0.25, 0.75, 0.5, 0.5]], &[&[1.0, 2.0]]).unwrap();
        writer.write(&[9], &[&[0.5, 0.0, 1.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.5]], &[&[3.0]]).unwrap();
        assert!(!path.exists(), "nothing is there before it is whole");
        writer.finish().unwrap();
        assert_eq!(games_extent(&path).unwrap(), Extent { contexts: 3, actions: None });
        assert_eq!(sizes(&path).unwrap(), [(2, 0.25), (1, 0.5), (3, 1.0)]);
        let damaged: Vec<u8> = std::fs::read(&path).unwrap().iter().map(|b| b ^ 1).collect();
        assert!(sizes(&write(folder.path(), "d.parquet", &damaged)).is_err());

        let path = folder.path().join("a.npz");
        let mut writer = AnswerWriter::create(&path, Some(2), &["policy"], &["duality_gap"]).unwrap();
        writer.write(&[2, 2], &[&[0.0, 1.0, 0.5, 0.5]], &[&[1.0, 2.0]]).unwrap();
        writer.finish().unwrap();
        let mut npz = NpzReader::new(File::open(&path).unwrap()).unwrap();
        let policy: ndarray::Array2<f64> = npz.by_name("policy").unwrap();
        let gap: ndarray::Array1<f64> = npz.by_name("duality_gap").unwrap();
        assert_eq!((policy, gap), (arr2(&[[0.0, 1.0], [0.5, 0.5]]), ndarray::arr1(&[1.0, 2.0])));
        let refused = AnswerWriter::create(&path, None, &["policy"], &[]).map(drop).unwrap_err().to_string();
        assert!(refused.contains(".parquet"), "{refused}");
        let mut writer = AnswerWriter::create(&path, Some(2), &["policy"], &[]).unwrap();
        assert!(writer.write(&[3], &[&[0.0, 1.0, 0.0]], &[]).unwrap_err().to_string().contains("3 actions"));
    }
}
