//! Packs: where the runs of a plan with many of them are kept, and what is known of its games, many in a file.
//!
//! Each process that writes has one file of its own, `packs/<name>.pack`, to which it only appends. It begins with a line
//! `equipoise pack FORMAT VERSION`; a record is a line, `record CHECK {..}`, which says what it is of, and behind it, each
//! compressed by itself (Zstandard), the files that a run would have in a folder of its own, and a line feed. The trace stands in
//! columns (`columns.rs`), as it is; in packs of format 1 it was CSV, which is read as before. `CHECK` is of the line,
//! the digest in it of what follows: a record counts if both fit. What a process that was killed leaves half written at
//! the end of its file is skipped, and so is a line that was damaged, up to the next that is whole.
//!
//! Of several records of one run that which was written at the last turn counts: a run that is done again takes the turn after what it
//! replaces. Records of one turn were written by processes that did not know of each other, and are equal or told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use zstd::bulk::{Compressor, Decompressor};

use crate::error::RecordsError;
use crate::files::{count_sync, in_file, name, sync_folder};
use crate::group::{EVERY, Group};

/// From how many runs on a plan is kept in packs: a folder for each is more than file systems, and those who copy them, bear.
pub const PACKED_FROM: u64 = 10_000;
/// How packs are written. Those of format 1, with the trace as CSV, are read too.
const FORMAT: u32 = 2;
/// How a pack begins, before its format and the version of the program.
const HEAD: &str = "equipoise pack ";
/// How the line of a record begins.
const RECORD: &[u8] = b"record ";
/// Hexadecimal digits of the check of a line.
const CHECK: usize = 16;
/// Records are short and alike: more effort saves little.
const LEVEL: i32 = 1;
/// Bytes that are read at once, as many as a short run has.
const WINDOW: usize = 16 << 10;

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Run,
    Game,
    Exact,
}

/// The line of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    kind: Kind,
    id: String,
    /// How many times it was written before.
    turn: u32,
    /// Whether it is all of it: not of a run that was interrupted.
    whole: bool,
    files: Vec<Part>,
    /// Digest of what follows the line.
    digest: String,
    /// Equal where what may not differ is equal.
    equal: u64,
}

/// A file in a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    name: String,
    /// Bytes in the pack.
    stored: usize,
    /// Bytes of the file.
    bytes: usize,
    /// Whether it stands there as it is, and not compressed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
}

impl Header {
    fn stored(&self) -> usize {
        self.files.iter().map(|part| part.stored).sum()
    }

    fn line(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).expect("a header serialises to JSON");
        [RECORD, check(json.as_bytes()).as_bytes(), b" ", json.as_bytes(), b"\n"].concat()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let (found, json) = line.strip_prefix(RECORD)?.strip_suffix(b"\n")?.split_at_checked(CHECK)?;
        let json = json.strip_prefix(b" ")?;
        (check(json).as_bytes() == found).then(|| serde_json::from_slice(json).ok())?
    }
}

fn check(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..CHECK].to_owned()
}

/// What is to be recorded.
pub(crate) struct New<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    pub(crate) whole: bool,
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
    /// As [`equality`] has it, of what may not differ.
    pub(crate) equal: u64,
}

/// A short digest of `bytes`.
pub(crate) fn equality(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(blake3::hash(bytes).as_bytes()[..8].try_into().expect("eight bytes"))
}

/// A record, read and held against its digest.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The pack.
    pub(crate) file: PathBuf,
    header: Header,
    stored: Vec<u8>,
}

impl Packed {
    /// What it is of.
    pub(crate) fn id(&self) -> &str {
        &self.header.id
    }

    /// Whether it is all of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.header.whole
    }

    /// Equal where what may not differ is equal.
    pub(crate) fn equal(&self) -> u64 {
        self.header.equal
    }

    /// The file `name` of the record, if it has one.
    pub(crate) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        let mut at = 0;
        for part in &self.header.files {
            let stored = &self.stored[at..at + part.stored];
            if part.name == name {
                return match part.plain {
                    true => Ok(Some(stored.to_vec())),
                    false => Ok(Some(decompressed(stored, part.bytes).map_err(|e| in_file(&self.file, e))?)),
                };
            }
            at += part.stored;
        }
        Ok(None)
    }
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
struct Place {
    pack: u32,
    at: u64,
    length: u64,
    turn: u32,
    whole: bool,
    equal: u64,
}

impl Place {
    fn rank(&self) -> (bool, u32) {
        (self.whole, self.turn) // a part is not put in the place of the whole
    }
}

/// A pack, as far as it has been read.
#[derive(Debug)]
struct Pack {
    file: PathBuf,
    version: String,
    /// Its length when it was last read, and how much of that was whole.
    length: u64,
    read: u64,
    /// Bytes before that which were skipped.
    damaged: u64,
}

impl Pack {
    /// What does not count, in words.
    fn lost(&self) -> Option<String> {
        let (file, torn) = (self.file.display(), self.length - self.read);
        match self.damaged {
            0 if torn == 0 => None,
            0 => Some(format!("{file}: its last {torn} bytes are a record that was not written to its end")),
            damaged => Some(format!("{file}: {} bytes of it are not what was written", damaged + torn)),
        }
    }
}

/// The packs of a results folder.
#[derive(Debug)]
pub(crate) struct Packs {
    folder: PathBuf,
    /// Whether new records are put into packs.
    used: OnceLock<bool>,
    share: OnceLock<Share>,
    state: Mutex<State>,
    opened: Opened,
}

/// The pack that was read last: most records are read one after the other.
#[derive(Debug, Default)]
struct Opened(Mutex<Option<(PathBuf, Arc<File>)>>);

impl Opened {
    /// Fills `bytes` from the byte `at` of `file` on.
    fn read(&self, file: &Path, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let source = match last.filter(|(last, _)| last == file) {
            Some((_, source)) => source,
            None => {
                let source = Arc::new(File::open(file)?);
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((file.to_owned(), Arc::clone(&source)));
                source
            }
        };
        read_at(&source, file, at, bytes)
    }
}

#[cfg(unix)]
fn read_at(source: &File, _: &Path, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(source, bytes, at)
}

#[cfg(not(unix))]
fn read_at(_: &File, file: &Path, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    let mut source = File::open(file)?; // a place of its own
    source.seek(SeekFrom::Start(at))?;
    source.read_exact(bytes)
}

/// One of several shares of a plan. What is in the packs of the others is none of its own: a thousand processes need not read what
/// nine hundred wrote.
#[derive(Debug)]
struct Share {
    index: u32,
    /// Into how many shares which plan is divided.
    of: String,
}

impl Share {
    fn prefix(&self) -> String {
        format!("share-{}-of-{}-", self.index, self.of)
    }

    fn is_of_another(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let parts = name.strip_prefix("share-").and_then(|rest| rest.split_once("-of-"));
        parts.is_some_and(|(index, rest)| {
            index != self.index.to_string() && rest.starts_with(&format!("{}-", self.of))
        })
    }
}

#[derive(Debug, Default)]
struct State {
    /// Whether packs of other shares are read.
    all: bool,
    packs: Vec<Pack>,
    places: BTreeMap<u128, Place>,
    /// Second records, equal in rank and different.
    unequal: BTreeMap<u128, Place>,
    looked: Option<Instant>,
    /// The pack of this process: its number, the file and its length.
    own: Option<(u32, Arc<File>, u64)>,
}

impl Packs {
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            folder: root.join(name::PACKS),
            used: OnceLock::new(),
            share: OnceLock::new(),
            state: Mutex::default(),
            opened: Opened::default(),
        }
    }

    /// Decides whether records of a plan of so many runs are put into packs. A folder that has packs keeps to them.
    pub(crate) fn choose(&self, runs: u64) {
        let _ = self.used.set(runs >= PACKED_FROM || self.folder.is_dir());
    }

    /// Says that this process does the share `index` of `count` of a plan.
    pub(crate) fn do_share(&self, index: u32, count: u32, plan: &str) {
        let plan = &blake3::hash(plan.as_bytes()).to_hex()[..CHECK];
        let _ = self.share.set(Share { index, of: format!("{count}-{plan}") });
    }

    /// From now on this process does what is no part of its share.
    pub(crate) fn do_all(&self) {
        let mut state = self.state();
        (state.all, state.own, state.looked) = (true, None, None);
    }

    pub(crate) fn are_used(&self) -> bool {
        *self.used.get_or_init(|| self.folder.is_dir())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds this")
    }

    /// The packs with what others have appended until two seconds ago, or until `now`.
    fn current(&self, now: bool) -> Result<MutexGuard<'_, State>, RecordsError> {
        let mut state = self.state();
        if now || state.looked.is_none_or(|looked| looked.elapsed() >= EVERY) {
            let share = self.share.get().filter(|_| !state.all);
            state.read_others(&self.folder, share)?;
            state.looked = Some(Instant::now());
        }
        Ok(state)
    }

    /// The record of `id`, if there is one.
    ///
    /// # Errors
    /// [`RecordsError::Malformed`] for one that is not what was written; [`RecordsError::Io`].
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Result<Option<Packed>, RecordsError> {
        let found = {
            let state = self.current(false)?;
            state.places.get(&key(kind, id)).map(|place| (*place, state.file(place)))
        };
        found.map(|(place, file)| self.fetch(&file, &place)).transpose()
    }

    /// The version of the program that wrote the run `id`, and where.
    pub(crate) fn version(&self, id: &str) -> Result<Option<(PathBuf, String)>, RecordsError> {
        let state = self.current(false)?;
        let place = state.places.get(&key(Kind::Run, id));
        Ok(place.map(|place| (state.file(place), state.packs[place.pack as usize].version.clone())))
    }

    /// Two records of the run `id` that count alike and differ.
    pub(crate) fn unequal(&self, id: &str) -> Result<Option<[Packed; 2]>, RecordsError> {
        let key = key(Kind::Run, id);
        let found = {
            let state = self.current(false)?;
            let pair = state.places.get(&key).zip(state.unequal.get(&key));
            pair.map(|(first, second)| [first, second].map(|place| (state.file(place), *place)))
        };
        let Some([first, second]) = found else { return Ok(None) };
        Ok(Some([self.fetch(&first.0, &first.1)?, self.fetch(&second.0, &second.1)?]))
    }

    /// The ids of all runs.
    pub(crate) fn runs(&self) -> Result<BTreeSet<String>, RecordsError> {
        let packs: Vec<_> = self.current(true)?.packs.iter().map(|p| (p.file.clone(), p.read)).collect();
        let mut ids = BTreeSet::new();
        for (file, end) in packs {
            scan(&file, 0, end, |header, _, _| {
                if header.kind == Kind::Run {
                    ids.insert(header.id);
                }
            })?;
        }
        Ok(ids)
    }

    /// What was skipped in packs, in words. What another process writes at this moment is not told from what one that was
    /// killed left.
    pub(crate) fn lost(&self) -> Result<Vec<String>, RecordsError> {
        Ok(self.current(true)?.packs.iter().filter_map(Pack::lost).collect())
    }

    /// Appends a record. `replace`: even if there is one that counts; else that is kept.
    ///
    /// # Errors
    /// [`RecordsError::Io`]; the file is not written to again then.
    pub(crate) fn append(&self, new: New<'_>, replace: bool, group: &Group) -> Result<(), RecordsError> {
        let key = key(new.kind, new.id);
        let (parts, stored) = compressed(new.files).map_err(|e| in_file(&self.folder, e))?;
        // what is damaged does not count
        let counts = !replace && self.find(new.kind, new.id).is_ok_and(|found| found.is_some());
        let mut state = self.state();
        let there = state.places.get(&key).copied();
        let turn = match there {
            Some(there) if counts && there.whole && (!new.whole || there.equal == new.equal) => return Ok(()),
            // a second result, which is told beside the first
            Some(there) if counts && there.whole => there.turn,
            Some(there) => there.turn + 1,
            None => 0,
        };
        let digest = blake3::hash(&stored).to_hex().to_string();
        let New { kind, whole, equal, .. } = new;
        let header = Header { kind, id: new.id.to_owned(), turn, whole, files: parts, digest, equal };
        let record = [&header.line(), &stored[..], b"\n"].concat();
        let (pack, file, at) = match state.own.take() {
            Some(own) => own,
            None => {
                let share = self.share.get().filter(|_| !state.all);
                state.begin(&self.folder, &share.map(Share::prefix).unwrap_or_default())?
            }
        };
        // after a failure nothing is appended to what may be half written
        (&*file).write_all(&record).map_err(|e| in_file(&state.packs[pack as usize].file, e))?;
        let length = record.len() as u64;
        state.own = Some((pack, Arc::clone(&file), at + length));
        state.insert(key, Place { pack, at, length, turn, whole, equal });
        drop(state); // others go on writing
        group.append(|| self.synced(&file))
    }

    /// Makes durable what this process appended.
    pub(crate) fn make_durable(&self, group: &Group) -> Result<(), RecordsError> {
        let own = self.state().own.as_ref().map(|(_, file, _)| Arc::clone(file));
        own.map_or(Ok(()), |file| group.make_durable(true, || self.synced(&file)))
    }

    /// Reads the record at a place.
    fn fetch(&self, file: &Path, place: &Place) -> Result<Packed, RecordsError> {
        let changed = || RecordsError::Malformed {
            file: file.to_owned(),
            problem: format!(
                "the record at byte {} is not what was written: its digest is another",
                place.at
            ),
        };
        let mut record = vec![0; usize::try_from(place.length).map_err(|_| changed())?];
        match self.opened.read(file, place.at, &mut record) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(changed()),
            read => read.map_err(|e| in_file(file, e))?,
        }
        let end = memchr::memchr(b'\n', &record).ok_or_else(changed)? + 1;
        let header = Header::parse(&record[..end]).ok_or_else(changed)?;
        record.drain(..end);
        record.truncate(header.stored());
        if record.len() != header.stored() || blake3::hash(&record).to_hex().as_str() != header.digest {
            return Err(changed());
        }
        Ok(Packed { file: file.to_owned(), header, stored: record })
    }

    fn synced(&self, file: &File) -> Result<(), RecordsError> {
        count_sync();
        Ok(file.sync_data().map_err(|e| in_file(&self.folder, e))?)
    }
}

impl State {
    fn file(&self, place: &Place) -> PathBuf {
        self.packs[place.pack as usize].file.clone()
    }

    fn insert(&mut self, key: u128, place: Place) {
        let Some(there) = self.places.get(&key).copied() else {
            self.places.insert(key, place);
            return;
        };
        let of_rank = place.rank().cmp(&there.rank());
        if of_rank.is_gt() {
            self.places.insert(key, place);
            self.unequal.remove(&key);
        } else if of_rank.is_eq() {
            // the same one in whatever order the packs are read
            let order = |place: &Place| (&self.packs[place.pack as usize].file, place.at);
            let is_first = order(&place) < order(&there);
            if place.whole && place.equal != there.equal {
                self.unequal.insert(key, if is_first { there } else { place });
            }
            if is_first {
                self.places.insert(key, place);
            }
        }
    }

    /// Reads what is new in the packs of other processes.
    fn read_others(&mut self, folder: &Path, share: Option<&Share>) -> Result<(), RecordsError> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|e| in_file(folder, e))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.map_err(|e| in_file(folder, e))?.path();
            let is_read = share.is_none_or(|share| !share.is_of_another(&file));
            if file.extension().is_some_and(|extension| extension == "pack") && is_read {
                files.push(file);
            }
        }
        files.sort_unstable();
        let known: BTreeMap<PathBuf, usize> =
            self.packs.iter().enumerate().map(|(k, pack)| (pack.file.clone(), k)).collect();
        for file in files {
            let k = match known.get(&file) {
                Some(&k) => k,
                None => {
                    let Some((version, read)) = head(&file)? else { continue };
                    self.packs.push(Pack { file: file.clone(), version, length: read, read, damaged: 0 });
                    self.packs.len() - 1
                }
            };
            let length = std::fs::metadata(&file).map_err(|e| in_file(&file, e))?.len();
            let is_own = self.own.as_ref().is_some_and(|(own, ..)| *own as usize == k);
            if is_own || length == self.packs[k].length {
                continue;
            }
            let mut found = Vec::new();
            let (read, damaged) = scan(&file, self.packs[k].read, length, |header, at, length| {
                let Header { turn, whole, equal, .. } = header;
                let place = Place { pack: k as u32, at, length, turn, whole, equal };
                found.push((key(header.kind, &header.id), place));
            })?;
            found.into_iter().for_each(|(key, place)| self.insert(key, place));
            let pack = &mut self.packs[k];
            (pack.length, pack.read, pack.damaged) = (length, read, pack.damaged + damaged);
        }
        Ok(())
    }

    /// Begins the pack of this process.
    fn begin(&mut self, folder: &Path, share: &str) -> Result<(u32, Arc<File>, u64), RecordsError> {
        fs_err::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // The default is private to the owner; results are for sharing, as far as the umask lets them.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let prefix = format!("{share}{}-", std::process::id());
        let named = builder.prefix(&prefix).suffix(".pack").rand_bytes(8).tempfile_in(folder);
        let (file, path) = named
            .map_err(|e| in_file(folder, e))?
            .keep()
            .map_err(|e| in_file(e.file.path(), std::io::Error::from(e.error.kind())))?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let head = format!("{HEAD}{FORMAT} {version}\n");
        (&file).write_all(head.as_bytes()).map_err(|e| in_file(&path, e))?;
        sync_folder(folder)?;
        let read = head.len() as u64;
        self.packs.push(Pack { file: path, version, length: read, read, damaged: 0 });
        Ok(((self.packs.len() - 1) as u32, Arc::new(file), read))
    }
}

/// Whether a folder holds a pack of this program.
pub(crate) fn holds_a_pack(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|file| file.is_file() && !matches!(head(&file), Ok(None) | Err(RecordsError::Io(_))))
}

/// The version in the head of a pack, and where its records begin; `None` if it is none, or has no head yet.
fn head(file: &Path) -> Result<Option<(String, u64)>, RecordsError> {
    let mut line = Vec::new();
    let mut reader = BufReader::with_capacity(64, File::open(file).map_err(|e| in_file(file, e))?);
    reader.by_ref().take(128).read_until(b'\n', &mut line).map_err(|e| in_file(file, e))?;
    let length = line.len() as u64;
    let text = String::from_utf8(line).unwrap_or_default();
    let told = text.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix('\n')?.split_once(' '));
    let Some((format, version)) = told else { return Ok(None) };
    match format.parse() {
        Ok(1..=FORMAT) => Ok(Some((version.to_owned(), length))),
        Ok(found) => Err(RecordsError::Format { file: file.to_owned(), found: found.into(), known: FORMAT }),
        Err(_) => Ok(None),
    }
}

/// Hands over the records of a pack between two bytes, with their places and lengths; where the next will begin, and how many bytes before that
/// were skipped.
fn scan(
    file: &Path,
    from: u64,
    end: u64,
    mut found: impl FnMut(Header, u64, u64),
) -> Result<(u64, u64), RecordsError> {
    let within = |e| in_file(file, e);
    let mut source = File::open(file).map_err(within)?;
    source.seek(SeekFrom::Start(from)).map_err(within)?;
    let mut source = BufReader::with_capacity(WINDOW, source);
    let (mut at, mut line, mut damaged) = (from, Vec::new(), 0);
    while at < end {
        line.clear();
        source.by_ref().take(end - at).read_until(b'\n', &mut line).map_err(within)?;
        let length = line.len() as u64;
        match Header::parse(&line) {
            Some(header) => {
                let rest = header.stored() as u64 + 1;
                if at + length + rest > end {
                    break;
                }
                source.seek_relative(rest as i64).map_err(within)?;
                found(header, at, length + rest);
                at += length + rest;
            }
            None if line.ends_with(b"\n") => {
                damaged += length;
                at += length;
            }
            None => break,
        }
    }
    Ok((at, damaged))
}

fn key(kind: Kind, id: &str) -> u128 {
    let hash = blake3::hash(&[&[kind as u8], id.as_bytes()].concat());
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("sixteen bytes"))
}

thread_local! { // their tables take longer to make than a short run takes
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Files, each compressed by itself: a record is read without its trace.
fn compressed(files: Vec<(&'static str, Vec<u8>)>) -> std::io::Result<(Vec<Part>, Vec<u8>)> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        let (mut parts, mut all) = (Vec::new(), Vec::new());
        for (file, bytes) in files {
            let plain = file == name::COLUMNS; // hardly shorter if it were compressed
            let stored = if plain { None } else { Some(compressor.compress(&bytes)?) };
            let stored = stored.as_ref().unwrap_or(&bytes);
            parts.push(Part { name: file.to_owned(), stored: stored.len(), bytes: bytes.len(), plain });
            all.extend_from_slice(stored);
        }
        Ok((parts, all))
    })
}

fn decompressed(stored: &[u8], bytes: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(stored, bytes)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// As packs of format 1 have it: every file compressed, the trace as CSV.
    #[test]
    fn a_pack_of_format_1_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let trace = b"step,queries,duels,seconds,iterate,metric,value\n1,2,0,0.5,last,duality_gap,0.1\n";
        let files = vec![(name::RUN, b"{}\n".to_vec()), (name::TRACE, trace.to_vec())];
        let (parts, stored) = compressed(files).unwrap();
        let header = Header {
            kind: Kind::Run,
            id: "r".into(),
            turn: 0,
            whole: true,
            files: parts,
            digest: blake3::hash(&stored).to_hex().to_string(),
            equal: 7,
        };
        assert!(!String::from_utf8(header.line()).unwrap().contains("plain"), "as it was written");
        let head = b"equipoise pack 1 0.1.0\n".as_slice();
        let pack = [head, &header.line(), &stored, b"\n"].concat();
        std::fs::create_dir(dir.path().join(name::PACKS)).unwrap();
        std::fs::write(dir.path().join(name::PACKS).join("1-old.pack"), pack).unwrap();
        let packs = Packs::at(dir.path());
        let packed = packs.find(Kind::Run, "r").unwrap().unwrap();
        assert_eq!((packed.bytes(name::TRACE).unwrap(), packed.equal()), (Some(trace.to_vec()), 7));
        assert_eq!(packed.bytes(name::COLUMNS).unwrap(), None);
        let rows = crate::run::Stored::Packed(packed).trace().unwrap().unwrap();
        assert_eq!((rows.len(), rows[0].value), (1, 0.1));
    }
}
