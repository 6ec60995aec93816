//! From a path to bytes: files, folders, patterns and standard input, unpacked where they are compressed.
//!
//! Compression is told by the bytes, not by the ending; `x.csv.gz` has the format of `x.csv`.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use crate::error::DataError;
use crate::reading::Reading;
use crate::registry::{Format, READERS, Reads};

/// Longest input that is read as a whole, unpacked: a small archive may claim anything.
const LONGEST: u64 = 8 << 30;
/// What standard input is called in messages.
const STANDARD_INPUT: &str = "standard input";

/// Where bytes come from.
pub(crate) enum Opened {
    /// A file that is not compressed.
    File(File),
    /// What is unpacked, or held in memory.
    Stream(Box<dyn Read + Send>),
}

/// All files of comparisons that a path and [`Reading::more`] stand for, in the order in which they are read: themselves,
/// those of a folder or of a pattern; `-` is standard input. A file of another kind is itself.
///
/// # Errors
/// [`DataError`] for a folder or a pattern without such files, and for a file that is named twice.
pub fn input_files(path: &Path, reading: &Reading) -> Result<Vec<PathBuf>, DataError> {
    files(path, reading, Reads::Comparisons)
}

/// The files that a path and those behind it stand for.
pub(crate) fn files(path: &Path, reading: &Reading, reads: Reads) -> Result<Vec<PathBuf>, DataError> {
    let mut files = Vec::new();
    for path in std::iter::once(path).chain(reading.more.iter().map(PathBuf::as_path)) {
        files.extend(files_of(path, reads)?);
    }
    refuse_twice(&files)?;
    Ok(files)
}

/// Refuses one file by two names, by a path and a pattern, say: its rows would count twice.
fn refuse_twice(files: &[PathBuf]) -> Result<(), DataError> {
    // what is not there says so when it is opened
    let named = |path: &PathBuf| match is_standard_input(path) {
        true => path.clone(),
        false => std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()),
    };
    let mut seen = std::collections::BTreeSet::new();
    match files.iter().find(|path| !seen.insert(named(path))) {
        None => Ok(()),
        Some(twice) => {
            let rule = "is named twice, by itself or by a folder or a pattern; its rows would count twice";
            Err(DataError::new(shown(twice), rule))
        }
    }
}

fn files_of(path: &Path, reads: Reads) -> Result<Vec<PathBuf>, DataError> {
    let refuse = |rule: String| DataError::new(path, rule);
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| refuse(format!("cannot be read: {e}")))?.path();
            let ending = crate::ending(&unpacked(&entry));
            let hidden = entry.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            let known = READERS.iter().any(|r| r.reads == reads && r.endings.contains(&ending.as_str()));
            if known && !hidden && entry.is_file() {
                files.push(entry);
            }
        }
        files.sort();
        return match files.is_empty() {
            true => Err(refuse("is a folder without a file that can be read; a file is needed".into())),
            false => Ok(files),
        };
    }
    let text = path.to_string_lossy();
    if !path.exists() && text.contains(['*', '?', '[']) {
        let found = glob::glob(&text).map_err(|e| refuse(format!("is not a pattern: {e}")))?;
        let mut files: Vec<PathBuf> = found.filter_map(Result::ok).filter(|p| p.is_file()).collect();
        files.sort();
        return match files.is_empty() {
            true => Err(refuse("matches no file".into())),
            false => Ok(files),
        };
    }
    Ok(vec![path.to_owned()])
}

/// Whether a path is standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// A path as it is named in messages.
pub(crate) fn shown(path: &Path) -> &Path {
    if is_standard_input(path) { Path::new(STANDARD_INPUT) } else { path }
}

/// A path without the ending of a compression: what tells its format.
pub(crate) fn unpacked(path: &Path) -> PathBuf {
    match crate::ending(path).as_str() {
        "gz" | "zst" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// Standard input, read once and as a whole, so that it can be looked at before it is read.
fn standard_input() -> Result<Bytes, DataError> {
    static HELD: OnceLock<Result<Bytes, String>> = OnceLock::new();
    let read = || {
        let mut bytes = Vec::new();
        match std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes) {
            Err(e) => Err(format!("cannot be read: {e}")),
            Ok(n) if n as u64 > LONGEST => Err(too_long()),
            Ok(_) => Ok(Bytes::from(bytes)),
        }
    };
    HELD.get_or_init(read).clone().map_err(|rule| DataError::new(Path::new(STANDARD_INPUT), rule))
}

fn too_long() -> String {
    format!("is longer than {} GiB, unpacked", LONGEST >> 30)
}

/// The format of standard input, by its first bytes.
pub(crate) fn sniffed(start: &[u8], reads: Reads) -> Format {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let window = &text[..text.len().min(1 << 12)];
    let holds = |word: &[u8]| window.windows(word.len()).any(|w| w == word);
    match text {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Format::Npy,
        [b'P', b'K', 3 | 5, ..] => Format::Npz,
        [b'N', b'F', b'G', ..] => Format::Nfg,
        [b'{' | b'[', ..] => Format::Json,
        [b'#', ..] if reads == Reads::Comparisons && holds(b"# ALTERNATIVE NAME") => Format::PrefLib,
        _ => Format::Csv,
    }
}

/// Opens a file: a regular one, since another may never end.
pub(crate) fn open_file(path: &Path) -> Result<File, DataError> {
    let refuse = |rule: String| DataError::new(path, rule);
    // asked before it is opened: opening a pipe waits for its writer
    let metadata =
        std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}{}", nearest_file(path))))?;
    if metadata.is_dir() {
        return Err(refuse("is a folder; a file is needed".into()));
    }
    if !metadata.is_file() {
        return Err(refuse(
            "is a pipe or a device, not a file; send it to standard input and give `-`".into(),
        ));
    }
    File::open(path).map_err(|e| refuse(format!("cannot be read: {e}")))
}

/// A file beside `path` of nearly its name, as the end of a message: `; did you mean ..?`; empty if there is none.
#[must_use]
pub fn nearest_file(path: &Path) -> String {
    const LOOKED_AT: usize = 10_000;
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else { return String::new() };
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(parent) else { return String::new() };
    let mut names: Vec<String> =
        entries.take(LOOKED_AT).filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let near = equipoise_core::registry::nearest(name, names.iter().map(String::as_str));
    near.map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

/// Opens what a path stands for, unpacked.
pub(crate) fn open(path: &Path) -> Result<Opened, DataError> {
    if is_standard_input(path) {
        return unpack(Path::new(STANDARD_INPUT), Cursor::new(standard_input()?), None);
    }
    let file = open_file(path)?;
    let again = file.try_clone().map_err(|e| DataError::new(path, format!("cannot be read: {e}")))?;
    unpack(path, file, Some(again))
}

/// The same of bytes.
pub(crate) fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Opened, DataError> {
    unpack(path, Cursor::new(Bytes::copy_from_slice(bytes)), None)
}

/// Bytes that are unpacked already.
pub(crate) fn in_memory(bytes: Vec<u8>) -> Opened {
    Opened::Stream(Box::new(Cursor::new(bytes)))
}

fn unpack(
    path: &Path,
    mut source: impl Read + Seek + Send + 'static,
    plain: Option<File>,
) -> Result<Opened, DataError> {
    let failed = |e: std::io::Error| DataError::new(path, format!("cannot be read: {e}"));
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic).map_err(failed)?;
    source.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(match (&magic[..], plain) {
        ([0x1f, 0x8b, ..], _) => Opened::Stream(Box::new(MultiGzDecoder::new(source))),
        ([0x28, 0xb5, 0x2f, 0xfd], _) => {
            Opened::Stream(Box::new(zstd::stream::read::Decoder::new(source).map_err(failed)?))
        }
        (_, Some(file)) => Opened::File(file),
        _ => Opened::Stream(Box::new(source)),
    })
}

impl Opened {
    /// All of it.
    pub(crate) fn whole(self, path: &Path) -> Result<Vec<u8>, DataError> {
        let refuse = |rule: String| DataError::new(path, rule);
        let mut bytes = Vec::new();
        let read = self.stream().take(LONGEST + 1).read_to_end(&mut bytes);
        match read.map_err(|e| refuse(format!("cannot be read on: {e}")))? as u64 {
            n if n > LONGEST => Err(refuse(too_long())),
            _ => Ok(bytes),
        }
    }

    /// It as a stream.
    pub(crate) fn stream(self) -> Box<dyn Read + Send> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Stream(stream) => stream,
        }
    }
}
