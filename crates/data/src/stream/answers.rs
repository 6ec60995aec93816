//! Answers written as they come, to one file that is there only when it is whole.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray_npy::WritableElement as _;
use ndarray_npy::npy::header::{Header, Layout};
use parquet::basic::Compression;
use parquet::data_type::DoubleType;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::ending;
use crate::error::DataError;

/// Columns of lists (a number an action) and of numbers, one entry a context, as they come. `.parquet`: a row group a batch.
/// `.npz`: one array a column, `[contexts x actions]` or `[contexts]`, which wait in unnamed files for their number.
pub struct AnswerWriter {
    path: PathBuf,
    temporary: NamedTempFile,
    lists: usize,
    contexts: usize,
    sink: Sink,
}

enum Sink {
    Arrays { names: Vec<String>, columns: Vec<BufWriter<File>>, actions: usize },
    Rows(Box<SerializedFileWriter<File>>),
}

impl AnswerWriter {
    /// Opens `path` for answers with these columns; `actions` is the number of actions of all games, if it is one.
    ///
    /// # Errors
    /// [`DataError`] for another ending, a file that cannot be written, or `.npz` for games of unequal size.
    pub fn create(
        path: &Path,
        actions: Option<usize>,
        lists: &[&str],
        numbers: &[&str],
    ) -> Result<Self, DataError> {
        let refuse = |message: String| DataError::new(path, message);
        let unwritable = |e: &dyn std::error::Error| refuse(format!("cannot be written: {e}"));
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // the default is private to the owner; answers are for sharing, as far as the umask lets them
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let format = ending(path);
        if !["npz", "parquet"].contains(&format.as_str()) {
            return Err(refuse(format!("has the ending `{format}`; answers go to .npz or .parquet files")));
        }
        // the number of the process tells who ends it which files are its own
        let prefix = format!(".partial-{}-", std::process::id());
        let temporary = builder.prefix(&prefix).tempfile_in(parent).map_err(|e| unwritable(&e))?;
        let sink = if format == "npz" {
            let actions = actions.ok_or_else(|| {
                refuse(
                    "holds games of one size only, and these may differ; write to a .parquet file".to_owned(),
                )
            })?;
            let names: Vec<String> = lists.iter().chain(numbers).map(|n| (*n).to_owned()).collect();
            let spool = |_: &String| tempfile::tempfile_in(parent).map(BufWriter::new);
            let columns = names.iter().map(spool).collect::<Result<_, _>>().map_err(|e| unwritable(&e))?;
            Sink::Arrays { names, columns, actions }
        } else {
            let list = |n: &&str| {
                format!("REQUIRED GROUP {n} (LIST) {{ REPEATED GROUP list {{ REQUIRED DOUBLE element; }} }}")
            };
            let number = |n: &&str| format!("REQUIRED DOUBLE {n};");
            let fields: Vec<String> = lists.iter().map(list).chain(numbers.iter().map(number)).collect();
            let schema = parse_message_type(&format!("message answers {{ {} }}", fields.join(" ")))
                .expect("a schema of lists and numbers");
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_dictionary_enabled(false) // probabilities hardly repeat
                .build();
            let file = temporary.reopen().map_err(|e| unwritable(&e))?;
            let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
                .map_err(|e| unwritable(&e))?;
            Sink::Rows(Box::new(writer))
        };
        Ok(Self { path: path.to_owned(), temporary, lists: lists.len(), contexts: 0, sink })
    }

    /// Appends answers to as many contexts as there are lengths: of each column of lists all numbers one after another, of
    /// each column of numbers one a context.
    ///
    /// # Errors
    /// [`DataError`] if the file cannot be written, or a length does not fit an array.
    ///
    /// # Panics
    /// If a column is missing or too short.
    pub fn write(
        &mut self,
        lengths: &[usize],
        lists: &[&[f64]],
        numbers: &[&[f64]],
    ) -> Result<(), DataError> {
        let total: usize = lengths.iter().sum();
        assert!(lists.len() == self.lists && lists.iter().all(|l| l.len() == total), "lists as declared");
        assert!(numbers.iter().all(|c| c.len() == lengths.len()), "a number a context");
        let unwritable =
            |e: &dyn std::error::Error| DataError::new(&self.path, format!("cannot be written: {e}"));
        match &mut self.sink {
            Sink::Arrays { columns, actions, .. } => {
                if let Some(k) = lengths.iter().position(|n| n != actions) {
                    let (context, n) = (self.contexts + k, lengths[k]);
                    let message = format!("context {context} has {n} actions where the first has {actions}");
                    return Err(DataError::new(&self.path, message));
                }
                for (column, values) in columns.iter_mut().zip(lists.iter().chain(numbers)) {
                    values
                        .iter()
                        .try_for_each(|v| column.write_all(&v.to_ne_bytes()))
                        .map_err(|e| unwritable(&e))?;
                }
            }
            Sink::Rows(writer) => {
                let starts = lengths.iter().flat_map(|&n| (0..n).map(|k| i16::from(k > 0)));
                let repetition: Vec<i16> = starts.collect();
                write_group(writer, lists, numbers, &repetition).map_err(|e| unwritable(&e))?;
            }
        }
        self.contexts += lengths.len();
        Ok(())
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be written.
    pub fn finish(self) -> Result<(), DataError> {
        let Self { path, temporary, lists, contexts, sink } = self;
        let unwritable = |e: &dyn std::error::Error| DataError::new(&path, format!("cannot be written: {e}"));
        match sink {
            Sink::Arrays { names, columns, actions } => {
                let shape = |k: usize| if k < lists { vec![contexts, actions] } else { vec![contexts] };
                archive(temporary.as_file(), &names, columns, shape).map_err(|e| unwritable(&e))?;
            }
            Sink::Rows(writer) => drop(writer.close().map_err(|e| unwritable(&e))?),
        }
        temporary.as_file().sync_all().map_err(|e| unwritable(&e))?;
        temporary.persist(&path).map(drop).map_err(|e| unwritable(&e.error))
    }
}

fn write_group(
    writer: &mut SerializedFileWriter<File>,
    lists: &[&[f64]],
    numbers: &[&[f64]],
    repetition: &[i16],
) -> Result<(), ParquetError> {
    let defined = vec![1; repetition.len()];
    let mut group = writer.next_row_group()?;
    for (k, values) in lists.iter().chain(numbers).enumerate() {
        let mut column = group.next_column()?.expect("as many columns as the schema has");
        let levels = (k < lists.len()).then_some((&defined[..], repetition));
        column.typed::<DoubleType>().write_batch(values, levels.map(|l| l.0), levels.map(|l| l.1))?;
        column.close()?;
    }
    group.close().map(drop)
}

fn archive(
    file: &File,
    names: &[String],
    columns: Vec<BufWriter<File>>,
    shape: impl Fn(usize) -> Vec<usize>,
) -> io::Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for (k, (name, column)) in names.iter().zip(columns).enumerate() {
        zip.start_file(format!("{name}.npy"), options)?;
        let header =
            Header { type_descriptor: f64::type_descriptor(), layout: Layout::Standard, shape: shape(k) };
        header.write(&mut zip).map_err(io::Error::other)?;
        let mut spooled = column.into_inner().map_err(io::IntoInnerError::into_error)?;
        spooled.rewind()?;
        io::copy(&mut BufReader::new(spooled), &mut zip)?;
    }
    zip.finish()?.flush()
}
