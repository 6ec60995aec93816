//! The files of one run: written as they come, committed at once, and held against their digests when they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::columns::{self, Columns};
use crate::digest::{self, Digests, OfRows};
use crate::error::RecordsError;
use crate::files::{
    count_sync, csv_into, in_file, json_into, name, own_prefix, parse_csv, sync_folder, unwritable_csv,
    write_hidden,
};
use crate::group::{Group, sync_all};
use crate::packs::{Kind, New, Packed, Packs, equality};
use crate::schema::{FORMAT, PathPoint, PolicyPoint, RunRecord, TracePoint};
use crate::vocabulary::StopKind;

/// How the folder of a second, different result of a run begins; its id follows.
pub(crate) const UNEQUAL: &str = ".unequal-";

/// What is done where a finished run of the same id is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is kept: another process was faster. A different result is an error.
    Keep,
    /// It is replaced.
    Replace,
}

/// What is known of a run in a results folder.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// Nothing.
    Missing,
    /// It is finished, and its files are what was written.
    Finished(Box<RunRecord>),
    /// It was interrupted; what it recorded until then is there.
    Interrupted(Box<RunRecord>),
    /// Its files are not what was written; which, and why.
    Damaged(String),
}

/// `run.json` as it is written: the record with the digests of the run's files.
#[derive(Serialize)]
struct Sealed<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    digests: &'a Digests,
}

/// The digests in a `run.json`; those of 0.1 have none.
#[derive(Deserialize)]
struct Seal {
    #[serde(default)]
    digests: Digests,
}

/// Where a run is recorded: in a folder of its own, or in a pack.
#[derive(Debug)]
pub(crate) enum Stored {
    Folder(PathBuf),
    Packed(Packed),
}

impl Stored {
    /// The folder or the pack, for people.
    pub(crate) fn place(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Packed(packed) => &packed.file,
        }
    }

    /// A file of the run, for people.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Packed(packed) => packed.file.join(packed.id()).join(name),
        }
    }

    /// A file of the run, if there is one.
    pub(crate) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.join(name);
                match std::fs::read(&file) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(in_file(&file, error).into()),
                }
            }
            Self::Packed(packed) => packed.bytes(name),
        }
    }

    /// `run.json`; null if it is not JSON.
    pub(crate) fn record(&self) -> Result<Option<Value>, RecordsError> {
        let bytes = self.bytes(name::RUN)?;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// The trace, if it was kept: in a folder and in packs of format 1 as CSV, else in columns.
    pub(crate) fn trace(&self) -> Result<Option<Vec<TracePoint>>, RecordsError> {
        let columns = match self {
            Self::Folder(_) => None,
            Self::Packed(packed) => packed.bytes(name::COLUMNS)?,
        };
        let Some(columns) = columns else { return self.rows(name::TRACE) };
        columns::rows(&columns).map(Some).ok_or_else(|| RecordsError::Malformed {
            file: self.file(name::COLUMNS),
            problem: "is not what was written".into(),
        })
    }

    fn rows<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<Vec<T>>, RecordsError> {
        self.bytes(name)?.map(|bytes| parse_csv(&self.file(name), &bytes)).transpose()
    }

    /// The digests that `run.json` holds.
    pub(crate) fn digests(&self) -> Result<Digests, RecordsError> {
        let seal = self.record()?.and_then(|value| serde_json::from_value::<Seal>(value).ok());
        Ok(seal.map(|seal| seal.digests).unwrap_or_default())
    }

    fn changed(&self, name: &str) -> RecordsError {
        RecordsError::Malformed {
            file: self.file(name),
            problem: "is not what was written: its digest in run.json is another".into(),
        }
    }
}

/// Where runs are written.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder of all runs.
    pub(crate) runs: PathBuf,
    pub(crate) packs: Arc<Packs>,
    pub(crate) group: Arc<Group>,
}

/// A run that is being written, in a hidden folder, or in memory if it goes into a pack. Dropped before its end it leaves nothing.
#[derive(Debug)]
pub struct RunWriter {
    place: Place,
    id: String,
    trace: Trace,
    digest: OfRows,
}

/// Where a trace goes.
#[derive(Debug)]
enum Trace {
    Folder(csv::Writer<BufWriter<File>>, tempfile::TempDir),
    Memory(Columns),
}

impl RunWriter {
    pub(crate) fn begin(place: Place, id: &str) -> Result<Self, RecordsError> {
        let trace = match place.packs.are_used() {
            true => Trace::Memory(Columns::default()),
            false => hidden(&place.runs, id)?,
        };
        Ok(Self { place, id: id.to_owned(), trace, digest: OfRows::default() })
    }

    /// Appends to the trace.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn trace(&mut self, points: &[TracePoint]) -> Result<(), RecordsError> {
        for point in points {
            match &mut self.trace {
                Trace::Memory(columns) => columns.push(point),
                Trace::Folder(csv, _) => {
                    let file = || self.place.runs.join(&self.id).join(name::TRACE);
                    csv.serialize(point).map_err(|e| unwritable_csv(&file(), e))?;
                }
            }
            self.digest.take(point);
        }
        Ok(())
    }

    /// Writes the record and the optional files, and gives the run its name.
    ///
    /// # Errors
    /// [`RecordsError::Io`], [`RecordsError::Unwritable`], or [`RecordsError::Unequal`] if another process recorded a
    /// different result and that is kept.
    ///
    /// # Panics
    /// If the record is that of another run.
    pub fn finish(
        self,
        record: &RunRecord,
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
        existing: Existing,
    ) -> Result<(), RecordsError> {
        assert_eq!(record.id, self.id, "the record of the run that was begun");
        let Self { place, id, trace, digest } = self;
        let file = |name: &str| place.runs.join(&id).join(name);
        let mut digests = BTreeMap::new();
        digests.insert(name::TRACE.to_owned(), digest.finish());
        policies.map(|rows| digests.insert(name::POLICIES.to_owned(), digest::of_rows(rows)));
        path.map(|rows| digests.insert(name::PATH.to_owned(), digest::of_rows(rows)));
        digests.insert(name::RUN.to_owned(), digest::of_record(record));
        let sealed = Sealed { record, digests: &digests };
        let fill = |name: &str, out: &mut dyn std::io::Write| match name {
            name::POLICIES => csv_into(&file(name), out, policies.unwrap_or_default()),
            name::PATH => csv_into(&file(name), out, path.unwrap_or_default()),
            _ => json_into(&file(name), out, &sealed),
        };
        let beside_trace: [(&'static str, bool); 3] =
            [(name::POLICIES, policies.is_some()), (name::PATH, path.is_some()), (name::RUN, true)];
        let beside_trace = beside_trace.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
        match trace {
            Trace::Memory(columns) => {
                let mut files = vec![(name::COLUMNS, columns.into_bytes())];
                for name in beside_trace {
                    let mut bytes = Vec::new();
                    fill(name, &mut bytes)?;
                    files.push((name, bytes));
                }
                files.reverse(); // the record first
                let whole = record.stop_reason != StopKind::Interrupted;
                let equal = equality(&serde_json::to_vec(&digests).expect("digests serialise to JSON"));
                let new = New { kind: Kind::Run, id: &id, whole, files, equal };
                place.packs.append(new, existing == Existing::Replace, &place.group)?;
                unequal_in_packs(&place.packs, &id)
            }
            Trace::Folder(csv, folder) => {
                let within = |e: std::io::Error| in_file(&file(name::TRACE), e);
                let mut buffer = csv.into_inner().map_err(|e| within(e.into_error()))?;
                buffer.flush().map_err(within)?;
                let durable = place.group.is_alone();
                if durable {
                    count_sync();
                    buffer.get_ref().sync_all().map_err(within)?;
                }
                for name in beside_trace {
                    write_hidden(&folder.path().join(name), durable, |out| fill(name, out))?;
                }
                commit(&place.runs, &id, folder.path(), existing)?;
                if durable {
                    sync_folder(&place.runs)?;
                }
                place.group.make_durable(false, || sync_all(&place.runs))
            }
        }
    }
}

/// A hidden folder for the run `id`.
fn hidden(runs: &Path, id: &str) -> Result<Trace, RecordsError> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // The default is private to the owner; results are for sharing, as far as the umask lets them.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let prefix = format!("{}{id}-", own_prefix());
    let folder = builder.prefix(&prefix).tempdir_in(runs).map_err(|e| in_file(runs, e))?;
    let file = folder.path().join(name::TRACE);
    let trace = File::create(&file).map_err(|e| in_file(&file, e))?;
    Ok(Trace::Folder(csv::Writer::from_writer(BufWriter::new(trace)), folder))
}

/// Renames a hidden folder to the run `id`.
fn commit(runs: &Path, id: &str, partial: &Path, existing: Existing) -> Result<(), RecordsError> {
    let folder = runs.join(id);
    let keep = existing == Existing::Keep;
    // a rename over a folder succeeds only if that is empty
    while std::fs::rename(partial, &folder).is_err() {
        // nothing there, or no folder, which is left as it is
        if !folder.is_dir() {
            fs_err::rename(partial, &folder)?; // for what it says
            break;
        }
        if keep && matches!(examine(&Stored::Folder(folder.clone()), id)?, RunState::Finished(_)) {
            return compare(runs, partial, id);
        }
        // the rest of an earlier program's run, or one to be replaced, is moved aside
        let aside = partial.with_extension("old");
        match std::fs::rename(&folder, &aside) {
            Ok(()) => {
                if keep
                    && matches!(examine(&Stored::Folder(aside.clone()), id), Ok(RunState::Finished(_)))
                    && std::fs::rename(&aside, &folder).is_ok()
                {
                    return compare(runs, partial, id); // another process had just put it there
                }
                fs_err::remove_dir_all(&aside)?;
            }
            Err(error) if folder.exists() => return Err(in_file(&folder, error).into()),
            Err(_) => {} // another process moved it
        }
    }
    if !keep {
        // the new result stands alone
        let other = runs.join(format!("{UNEQUAL}{id}"));
        if other.exists() {
            fs_err::remove_dir_all(&other)?;
        }
    }
    Ok(())
}

/// Two results of one run are equal, or the second is set aside and told.
fn compare(runs: &Path, partial: &Path, id: &str) -> Result<(), RecordsError> {
    let first = Stored::Folder(runs.join(id));
    let (known, new) = (first.digests()?, Stored::Folder(partial.to_owned()).digests()?);
    // what 0.1 wrote has none
    if known.is_empty() || known == new {
        return Ok(());
    }
    let aside = runs.join(format!("{UNEQUAL}{id}"));
    if !aside.exists() {
        fs_err::rename(partial, &aside)?;
    }
    Err(unequal(&first, &Stored::Folder(aside), id))
}

/// Tells of two results of a run in packs.
pub(crate) fn unequal_in_packs(packs: &Packs, id: &str) -> Result<(), RecordsError> {
    match packs.unequal(id)? {
        None => Ok(()),
        Some([first, second]) => Err(unequal(&Stored::Packed(first), &Stored::Packed(second), id)),
    }
}

/// The error about two results of a run.
pub(crate) fn unequal(first: &Stored, second: &Stored, id: &str) -> RecordsError {
    let of = |stored: &Stored| stored.digests().unwrap_or_default();
    let (known, new) = (of(first), of(second));
    let names = known.keys().chain(new.keys().filter(|name| !known.contains_key(*name)));
    let differs: Vec<&str> =
        names.filter(|name| known.get(*name) != new.get(*name)).map(String::as_str).collect();
    RecordsError::Unequal { id: id.to_owned(), differs: differs.join(", "), aside: second.place().to_owned() }
}

/// The record of run `id`, if it is finished.
pub(crate) fn finished_in(stored: &Stored, id: &str) -> Option<RunRecord> {
    let record: RunRecord = serde_json::from_slice(&stored.bytes(name::RUN).ok()??).ok()?;
    let whole = record.format == FORMAT && record.id == id && record.stop_reason != StopKind::Interrupted;
    whole.then_some(record)
}

/// The text of a record as it was written by this program ([`Sealed`]), without its digests.
pub(crate) fn without_digests(run: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(run).ok()?;
    let head = format!("{{\n  \"format\": {FORMAT},\n  \"version\": \"{}\",\n", env!("CARGO_PKG_VERSION"));
    let record = text.starts_with(&head).then(|| text.rsplit_once(",\n  \"digests\": {\n"))??.0;
    Some(format!("{record}\n}}"))
}

/// The state of run `id`.
pub(crate) fn examine(stored: &Stored, id: &str) -> Result<RunState, RecordsError> {
    if matches!(stored, Stored::Folder(folder) if !folder.is_dir()) {
        return Ok(RunState::Missing);
    }
    let damaged = |what: String| Ok(RunState::Damaged(what));
    let Some(value) = stored.record()? else { return damaged("run.json is missing".into()) };
    if value.is_null() {
        return damaged("run.json is not whole JSON".into());
    }
    match value.get("format").and_then(Value::as_u64) {
        Some(found) if found != u64::from(FORMAT) => {
            return Err(RecordsError::Format { file: stored.file(name::RUN), found, known: FORMAT });
        }
        _ => {}
    }
    let record: RunRecord = match serde_json::from_value(value) {
        Ok(record) => record,
        Err(error) => return damaged(format!("run.json: {error}")),
    };
    if record.id != id {
        return damaged(format!("run.json is about the run {}", record.id));
    }
    if record.stop_reason == StopKind::Interrupted {
        return Ok(RunState::Interrupted(Box::new(record)));
    }
    let Stored::Folder(folder) = stored else {
        return Ok(RunState::Finished(Box::new(record))); // the digest of its bytes has been looked at
    };
    let digests = stored.digests()?;
    // of what 0.1 wrote no more is known than that there was a trace
    let files = digests.keys().map(String::as_str).chain([name::TRACE]);
    if let Some(name) = files.into_iter().find(|name| !folder.join(name).exists()) {
        return damaged(format!("{name} is missing"));
    }
    match self::files(stored, &record).and_then(|_| policies(stored, &digests)) {
        Ok(()) => Ok(RunState::Finished(Box::new(record))),
        Err(RecordsError::Io(error)) => Err(error.into()),
        Err(error) => damaged(error.to_string()),
    }
}

/// What is recorded beside `run.json`: the trace, if it was kept, and the path, if there is one.
pub(crate) type RunFiles = (Option<Vec<TracePoint>>, Option<Vec<PathPoint>>);

/// Reads the trace and the path of a run, held against its digests.
pub(crate) fn files(stored: &Stored, record: &RunRecord) -> Result<RunFiles, RecordsError> {
    let trace = stored.trace()?;
    let path: Option<Vec<PathPoint>> = stored.rows(name::PATH)?;
    if matches!(stored, Stored::Packed(_)) {
        return Ok((trace, path)); // the digest of its bytes has been looked at
    }
    let digests = stored.digests()?;
    // a file that was not kept is not a wrong one
    let wrong =
        |name: &str, found: Option<String>| found.is_some_and(|found| digests.get(name) != Some(&found));
    if digests.is_empty() {
        // what 0.1 wrote: no more can be told than whether there is a trace in it
        if trace.as_ref().is_some_and(Vec::is_empty) {
            return Err(RecordsError::Malformed {
                file: stored.file(name::TRACE),
                problem: "holds no record".into(),
            });
        }
    } else if wrong(name::RUN, Some(digest::of_record(record))) {
        return Err(stored.changed(name::RUN));
    } else if wrong(name::TRACE, trace.as_deref().map(digest::of_rows)) {
        return Err(stored.changed(name::TRACE));
    } else if wrong(name::PATH, path.as_deref().map(digest::of_rows)) {
        return Err(stored.changed(name::PATH));
    }
    Ok((trace, path))
}

fn policies(stored: &Stored, digests: &Digests) -> Result<(), RecordsError> {
    let Some(known) = digests.get(name::POLICIES) else { return Ok(()) };
    let found: Option<Vec<PolicyPoint>> = stored.rows(name::POLICIES)?;
    match found.as_deref().map(digest::of_rows).as_ref() == Some(known) {
        true => Ok(()),
        false => Err(stored.changed(name::POLICIES)),
    }
}

/// Where the files of a run that was interrupted are, for people.
pub(crate) fn interrupted(record: &RunRecord, stored: &Stored) -> String {
    let place = stored.place();
    let mut shown = place.components().rev().take(2).collect::<Vec<_>>();
    shown.reverse();
    let shown: PathBuf = shown.into_iter().collect();
    format!("interrupted at step {}; what it recorded until then is in {}", record.steps, shown.display())
}
