//! The files of one run: written as they come, committed at once, and held against their digests when they are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::{self, Digests, Row as _};
use crate::error::RecordsError;
use crate::files::{
    csv_into, in_file, json_into, name, own_prefix, read_csv, read_json, sync_folder, unwritable_csv,
    write_hidden,
};
use crate::group::Group;
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

/// A run that is being written, in a hidden folder. Dropped before its end it leaves nothing.
#[derive(Debug)]
pub struct RunWriter {
    /// The folder of all runs.
    runs: PathBuf,
    id: String,
    folder: tempfile::TempDir,
    trace: csv::Writer<BufWriter<File>>,
    hash: blake3::Hasher,
    group: Arc<Group>,
}

impl RunWriter {
    pub(crate) fn begin(runs: &Path, id: &str, group: Arc<Group>) -> Result<Self, RecordsError> {
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
        let trace = csv::Writer::from_writer(BufWriter::new(trace));
        let hash = blake3::Hasher::new();
        Ok(Self { runs: runs.to_owned(), id: id.to_owned(), folder, trace, hash, group })
    }

    /// Appends to `trace.csv`.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn trace(&mut self, points: &[TracePoint]) -> Result<(), RecordsError> {
        for point in points {
            let file = || self.folder.path().join(name::TRACE);
            self.trace.serialize(point).map_err(|e| unwritable_csv(&file(), e))?;
            point.feed(&mut self.hash);
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
        mut self,
        record: &RunRecord,
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
        existing: Existing,
    ) -> Result<(), RecordsError> {
        assert_eq!(record.id, self.id, "the record of the run that was begun");
        let at = |name: &str| self.folder.path().join(name);
        let file = at(name::TRACE);
        let within = |e: std::io::Error| in_file(&file, e);
        self.trace.flush().map_err(within)?;
        let mut buffer = self.trace.into_inner().map_err(|e| within(e.into_error()))?;
        buffer.flush().map_err(within)?;
        let durable = self.group.is_alone();
        if durable {
            buffer.get_ref().sync_all().map_err(within)?;
        }
        let mut digests = BTreeMap::new();
        digests.insert(name::TRACE.to_owned(), self.hash.finalize().to_hex().to_string());
        if let Some(policies) = policies {
            let file = at(name::POLICIES);
            write_hidden(&file, durable, |out| csv_into(&file, out, policies))?;
            digests.insert(name::POLICIES.to_owned(), digest::of_rows(policies));
        }
        if let Some(path) = path {
            let file = at(name::PATH);
            write_hidden(&file, durable, |out| csv_into(&file, out, path))?;
            digests.insert(name::PATH.to_owned(), digest::of_rows(path));
        }
        digests.insert(name::RUN.to_owned(), digest::of_record(record));
        let file = at(name::RUN);
        let sealed = Sealed { record, digests: &digests };
        write_hidden(&file, durable, |out| json_into(&file, out, &sealed))?;
        commit(&self.runs, &self.id, self.folder.path(), existing)?;
        if durable {
            sync_folder(&self.runs)?;
        }
        self.group.make_durable(&self.runs, false)
    }
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
        if keep
            && finished_in(&folder, id).is_some()
            && matches!(examine(&folder, id)?, RunState::Finished(_))
        {
            return compare(runs, partial, id);
        }
        // the rest of an earlier program's run, or one to be replaced, is moved aside
        let aside = partial.with_extension("old");
        match std::fs::rename(&folder, &aside) {
            Ok(()) => {
                if keep
                    && matches!(examine(&aside, id), Ok(RunState::Finished(_)))
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
    let folder = runs.join(id);
    let (first, second) = (digests(&folder)?, digests(partial)?);
    // what 0.1 wrote has none
    if first.is_empty() || first == second {
        return Ok(());
    }
    let aside = runs.join(format!("{UNEQUAL}{id}"));
    if !aside.exists() {
        fs_err::rename(partial, &aside)?;
    }
    Err(unequal(&folder, &aside, id))
}

/// The error about two results of a run.
pub(crate) fn unequal(folder: &Path, aside: &Path, id: &str) -> RecordsError {
    let of = |folder: &Path| digests(folder).unwrap_or_default();
    let (first, second) = (of(folder), of(aside));
    let names = first.keys().chain(second.keys().filter(|name| !first.contains_key(*name)));
    let differs: Vec<&str> =
        names.filter(|name| first.get(*name) != second.get(*name)).map(String::as_str).collect();
    RecordsError::Unequal { id: id.to_owned(), differs: differs.join(", "), aside: aside.to_owned() }
}

/// The digests that the `run.json` of a folder holds.
pub(crate) fn digests(folder: &Path) -> Result<Digests, RecordsError> {
    let seal =
        read_json(&folder.join(name::RUN))?.and_then(|value| serde_json::from_value::<Seal>(value).ok());
    Ok(seal.map(|seal| seal.digests).unwrap_or_default())
}

/// The version of the program that wrote a `run.json`, if it says so.
pub(crate) fn version(file: &Path) -> Result<Option<String>, RecordsError> {
    let value = read_json(file)?;
    Ok(value.as_ref().and_then(|v| v.get("version")).and_then(Value::as_str).map(str::to_owned))
}

/// The record of run `id` in `folder`, if it is finished.
pub(crate) fn finished_in(folder: &Path, id: &str) -> Option<RunRecord> {
    let text = std::fs::read_to_string(folder.join(name::RUN)).ok()?;
    let record: RunRecord = serde_json::from_str(&text).ok()?;
    let whole = record.format == FORMAT && record.id == id && record.stop_reason != StopKind::Interrupted;
    whole.then_some(record)
}

/// The state of run `id` in `folder`.
pub(crate) fn examine(folder: &Path, id: &str) -> Result<RunState, RecordsError> {
    if !folder.is_dir() {
        return Ok(RunState::Missing);
    }
    let file = folder.join(name::RUN);
    let damaged = |what: String| Ok(RunState::Damaged(what));
    if !file.exists() {
        return damaged("run.json is missing".into());
    }
    let Some(value) = read_json(&file)? else { return damaged("run.json is not whole JSON".into()) };
    match value.get("format").and_then(Value::as_u64) {
        Some(found) if found != u64::from(FORMAT) => {
            return Err(RecordsError::Format { file, found, known: FORMAT });
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
    let digests = digests(folder)?;
    // of what 0.1 wrote no more is known than that there was a trace
    let files = digests.keys().map(String::as_str).chain([name::TRACE]);
    if let Some(name) = files.into_iter().find(|name| !folder.join(name).exists()) {
        return damaged(format!("{name} is missing"));
    }
    match self::files(folder, &record, &digests).and_then(|_| policies(folder, &digests)) {
        Ok(()) => Ok(RunState::Finished(Box::new(record))),
        Err(RecordsError::Io(error)) => Err(error.into()),
        Err(error) => damaged(error.to_string()),
    }
}

/// What is recorded beside `run.json`: the trace, if it was kept, and the path, if there is one.
pub(crate) type RunFiles = (Option<Vec<TracePoint>>, Option<Vec<PathPoint>>);

/// Reads the trace and the path of a run, held against `digests`.
pub(crate) fn files(folder: &Path, record: &RunRecord, digests: &Digests) -> Result<RunFiles, RecordsError> {
    let file = |name: &str| folder.join(name);
    let changed = |name: &str| RecordsError::Malformed {
        file: file(name),
        problem: "is not what was written: its digest in run.json is another".into(),
    };
    let trace: Option<Vec<TracePoint>> = read_csv(&file(name::TRACE))?;
    let path: Option<Vec<PathPoint>> = read_csv(&file(name::PATH))?;
    // a file that was not kept is not a wrong one
    let wrong =
        |name: &str, found: Option<String>| found.is_some_and(|found| digests.get(name) != Some(&found));
    if digests.is_empty() {
        // what 0.1 wrote: no more can be told than whether there is a trace in it
        if trace.as_ref().is_some_and(Vec::is_empty) {
            return Err(RecordsError::Malformed {
                file: file(name::TRACE),
                problem: "holds no record".into(),
            });
        }
    } else if wrong(name::RUN, Some(digest::of_record(record))) {
        return Err(changed(name::RUN));
    } else if wrong(name::TRACE, trace.as_deref().map(digest::of_rows)) {
        return Err(changed(name::TRACE));
    } else if wrong(name::PATH, path.as_deref().map(digest::of_rows)) {
        return Err(changed(name::PATH));
    }
    Ok((trace, path))
}

fn policies(folder: &Path, digests: &Digests) -> Result<(), RecordsError> {
    let Some(known) = digests.get(name::POLICIES) else { return Ok(()) };
    let file = folder.join(name::POLICIES);
    let found: Option<Vec<PolicyPoint>> = read_csv(&file)?;
    if found.as_deref().map(digest::of_rows).as_ref() == Some(known) {
        return Ok(());
    }
    Err(RecordsError::Malformed {
        file,
        problem: "is not what was written: its digest in run.json is another".into(),
    })
}

/// Where the files of a run that was interrupted are, for people.
pub(crate) fn interrupted(record: &RunRecord) -> String {
    let shown = PathBuf::from(name::RUNS).join(&record.id);
    format!("interrupted at step {}; what it recorded until then is in {}", record.steps, shown.display())
}
