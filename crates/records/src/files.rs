//! Files as the records need them: named once, written at once or not at all, and read with their version in view.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RecordsError;
use crate::keys;

/// How files and folders that are being written begin.
const PARTIAL: &str = ".partial-";

/// How those of this process begin: whoever ends it can tell them from those of others.
pub(crate) fn own_prefix() -> String {
    format!("{PARTIAL}{}-", std::process::id())
}

/// Whether a file or folder of this name is one that a process of this program was writing: others name theirs alike, but for
/// the number of the process.
pub(crate) fn is_partial(name: &str) -> bool {
    let rest = name.strip_prefix(PARTIAL).and_then(|rest| rest.split_once('-'));
    rest.is_some_and(|(process, own)| {
        !own.is_empty() && !process.is_empty() && process.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The run whose files a folder of this name is to hold, if it is one that is being written.
pub(crate) fn partial_of(name: &str) -> Option<&str> {
    let (_, own) = name.strip_prefix(PARTIAL)?.split_once('-')?;
    own.rsplit_once('-').map(|(id, _)| id)
}

/// Removes what this process has half written in `folder` and in the folders of a results folder below it. For a process that
/// is about to end by a signal, which drops nothing.
pub fn discard_partial(folder: &Path) {
    let own = own_prefix();
    for folder in ["", name::RUNS, name::KNOWN_GAMES, name::EXACT, name::INPUTS].map(|f| folder.join(f)) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&own) {
                // nothing is left to tell of what cannot be removed
                let _ = match entry.path().is_dir() {
                    true => std::fs::remove_dir_all(entry.path()),
                    false => std::fs::remove_file(entry.path()),
                };
            }
        }
    }
}

/// Names of the files of a results folder.
pub(crate) mod name {
    pub(crate) const PLAN: &str = "plan.yaml";
    pub(crate) const PLANNED: &str = "planned.json";
    pub(crate) const GAMES: &str = "games.json";
    pub(crate) const METRICS: &str = "metrics.json";
    pub(crate) const SUMMARY: &str = "summary.json";
    pub(crate) const RUNS: &str = "runs";
    pub(crate) const PACKS: &str = "packs";
    pub(crate) const KNOWN_GAMES: &str = "games";
    pub(crate) const EXACT: &str = "exact";
    pub(crate) const INPUTS: &str = "inputs";
    pub(crate) const LOCK: &str = ".equipoise.lock";
    pub(crate) const RUN: &str = "run.json";
    pub(crate) const TRACE: &str = "trace.csv";
    /// The trace in a pack.
    pub(crate) const COLUMNS: &str = "trace.columns";
    pub(crate) const POLICIES: &str = "policies.csv";
    pub(crate) const PATH: &str = "path.csv";
    /// What is known of a game, in a pack.
    pub(crate) const ENTRY: &str = "entry.json";
}

static SYNCS: AtomicU64 = AtomicU64::new(0);

/// How often this process waited for a disk to have what was written.
#[must_use]
pub fn syncs() -> u64 {
    SYNCS.load(Ordering::Relaxed)
}

pub(crate) fn count_sync() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
}

/// Writes `bytes` to `file`, atomically: to a temporary file in the same folder, synced, renamed. What is no plain file (a
/// device, a pipe) is written to as it is, and a link is followed.
///
/// # Errors
/// [`RecordsError::Io`].
pub fn write_file(file: &Path, bytes: &[u8]) -> Result<(), RecordsError> {
    atomically(file, |out| Ok::<_, RecordsError>(out.write_all(bytes).map_err(|e| in_file(file, e))?))
}

pub(crate) fn write_json<T: Serialize>(file: &Path, value: &T) -> Result<(), RecordsError> {
    atomically(file, |out| json_into(file, out, value))
}

/// Copies a file, atomically.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), RecordsError> {
    let mut source = fs_err::File::open(from)?;
    atomically(to, |out| {
        std::io::copy(&mut source, out).map_err(|e| in_file(to, e))?;
        Ok::<_, RecordsError>(())
    })
}

/// Floats are written shortest-round-trip; `inf`, `-inf` and `NaN` by these names, which `f64` parses back.
pub(crate) fn csv_into<T: Serialize>(file: &Path, out: impl Write, rows: &[T]) -> Result<(), RecordsError> {
    let mut csv = csv::Writer::from_writer(out);
    for row in rows {
        csv.serialize(row).map_err(|e| unwritable_csv(file, e))?;
    }
    Ok(csv.flush().map_err(|e| in_file(file, e))?)
}

pub(crate) fn json_into<T: Serialize>(
    file: &Path,
    out: &mut dyn Write,
    value: &T,
) -> Result<(), RecordsError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(|e| unwritable(file, e))?;
    Ok(out.write_all(b"\n").map_err(|e| in_file(file, e))?)
}

/// Writes a file of a folder that nobody sees yet.
pub(crate) fn write_hidden(
    file: &Path,
    durable: bool,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), RecordsError>,
) -> Result<(), RecordsError> {
    let within = |e| in_file(file, e);
    let created = File::create(file).map_err(within)?;
    let mut out = BufWriter::new(&created);
    fill(&mut out)?;
    out.flush().map_err(within)?;
    drop(out);
    if durable {
        count_sync();
        created.sync_all().map_err(within)?;
    }
    Ok(())
}

/// A full device is an error of the file system, not one of the record.
pub(crate) fn unwritable_csv(file: &Path, problem: csv::Error) -> RecordsError {
    match problem.into_kind() {
        csv::ErrorKind::Io(error) => in_file(file, error).into(),
        other => RecordsError::Unwritable { file: file.to_owned(), problem: format!("{other:?}") },
    }
}

pub(crate) fn unwritable(file: &Path, problem: serde_json::Error) -> RecordsError {
    if problem.is_io() {
        return in_file(file, problem.into()).into();
    }
    RecordsError::Unwritable { file: file.to_owned(), problem: problem.to_string() }
}

/// An error of the file system that names the file.
pub(crate) fn in_file(file: &Path, error: std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

pub(crate) fn atomically<E: From<RecordsError>>(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    replace(file, true, fill)
}

/// As [`atomically`]; where it need not be `durable` a machine that fails may leave an empty file.
pub(crate) fn replace<E: From<RecordsError>>(
    file: &Path,
    durable: bool,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let within = |e| RecordsError::from(in_file(file, e));
    let there = std::fs::metadata(file).ok();
    if there.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Err(RecordsError::Folder(file.to_owned()).into());
    }
    if there.is_some_and(|there| !there.is_file()) {
        // a device or a pipe: renaming a file over its name would take it away
        let device = File::options().write(true).open(file).map_err(within)?;
        let mut out = BufWriter::new(&device);
        fill(&mut out)?;
        return Ok(out.flush().map_err(within)?);
    }
    let target = if file.is_symlink() { std::fs::canonicalize(file).ok() } else { None };
    let target = target.as_deref().unwrap_or(file);
    let folder = target.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // The default is private to the owner; results are for sharing, as far as the umask lets them.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.prefix(&own_prefix()).tempfile_in(folder).map_err(within)?;
    let mut out = BufWriter::new(temporary.as_file());
    fill(&mut out)?;
    out.flush().map_err(within)?;
    drop(out);
    if durable {
        count_sync();
        temporary.as_file().sync_all().map_err(within)?;
    }
    temporary.persist(target).map_err(|e| within(e.error))?;
    if durable {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Makes the names in `folder` durable, where the platform can.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), RecordsError> {
    #[cfg(unix)]
    {
        count_sync();
        fs_err::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The value in a file; `None` if it is not there or not JSON.
pub(crate) fn read_json(file: &Path) -> Result<Option<Value>, RecordsError> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file(file, error).into()),
    }
}

/// Reads JSON with a `format` key, and checks that key first: a record of another version need not parse.
pub(crate) fn read_versioned<T: DeserializeOwned>(file: &Path, known: u32) -> Result<T, RecordsError> {
    parse_versioned(file, &fs_err::read_to_string(file)?, known)
}

/// As [`read_versioned`], of the text of a file.
pub(crate) fn parse_versioned<T: DeserializeOwned>(
    file: &Path,
    text: &str,
    known: u32,
) -> Result<T, RecordsError> {
    let malformed = |e| RecordsError::malformed(file, &e);
    // as this program writes it: read once
    let rest = text.strip_prefix("{\n  \"format\": ").and_then(|rest| rest.strip_prefix(&known.to_string()));
    if rest.is_some_and(|rest| rest.starts_with(','))
        && let Ok(record) = serde_json::from_str(text)
    {
        return Ok(record);
    }
    let Versioned { format } = serde_json::from_str(text).map_err(malformed)?;
    match format.as_ref().and_then(Value::as_u64) {
        Some(found) if found != u64::from(known) => {
            return Err(RecordsError::Format { file: file.to_owned(), found, known });
        }
        Some(_) => {}
        None => {
            let problem = "`format` is missing or not a number".to_owned();
            return Err(RecordsError::Malformed { file: file.to_owned(), problem });
        }
    }
    serde_json::from_str(text).map_err(|e| {
        match serde_json::from_str(text).ok().and_then(|v| keys::unknown_in(&v)) {
            Some(word) => {
                RecordsError::UnknownWord { file: file.to_owned(), line: Some(e.line() as u64), word }
            }
            None => malformed(e),
        }
    })
}

/// What any file says of its format.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    format: Option<Value>,
}

/// The rows of a CSV file.
pub(crate) fn parse_csv<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<Vec<T>, RecordsError> {
    let malformed = |e: csv::Error| RecordsError::malformed(file, &e);
    let mut csv = csv::Reader::from_reader(bytes);
    let header = csv.headers().map_err(malformed)?.clone();
    let (mut row, mut rows) = (csv::StringRecord::new(), Vec::new());
    while csv.read_record(&mut row).map_err(malformed)? {
        rows.push(row.deserialize(Some(&header)).map_err(|e| {
            let unknown = header.iter().zip(&row).find_map(|(key, word)| keys::check(key, word).err());
            match unknown {
                Some(word) => {
                    let line = row.position().map(csv::Position::line);
                    RecordsError::UnknownWord { file: file.to_owned(), line, word }
                }
                None => malformed(e),
            }
        })?);
    }
    Ok(rows)
}
