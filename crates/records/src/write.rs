//! The writing side of `results/<experiment>/`.
//!
//! Every file appears at once or not at all: it is written to a temporary file in its own folder, synced, renamed
//! over its name, and the folder is synced. A run appears at once too: its files are written in a hidden folder of its
//! own, which is renamed to `runs/<id>`. So a run is finished if and only if its `run.json` parses, several processes
//! may write into one results folder, and `kill -9` at any moment loses at most the runs in flight.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::RecordsError;
use crate::files::{PARTIAL, in_file, name, sync_folder, write_csv, write_file, write_json};
use crate::metric::MetricInfo;
use crate::schema::{FORMAT, GamesFile, MetricsFile, PathPoint, PolicyPoint, RunRecord, TracePoint};

/// A results folder open for writing, by several threads and processes at once.
#[derive(Clone, Debug)]
pub struct ResultsDir {
    root: PathBuf,
}

impl ResultsDir {
    /// Opens `path`, creating it and its parents if need be. Finished runs in it are kept.
    ///
    /// # Errors
    /// [`RecordsError::Io`] if the folder cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordsError> {
        fs_err::create_dir_all(path.join(name::RUNS))?;
        Ok(Self { root: path.to_owned() })
    }

    /// The folder at `path`, if it is one with runs; nothing is created.
    #[must_use]
    pub fn existing(path: &Path) -> Option<Self> {
        path.join(name::RUNS).is_dir().then(|| Self { root: path.to_owned() })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Writes `plan.yaml`: the resolved plan, itself a valid experiment file.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn write_plan(&self, yaml: &str) -> Result<(), RecordsError> {
        write_file(&self.root.join(name::PLAN), yaml.as_bytes())
    }

    /// Writes `planned.json`: the ids of all runs of the plan, in its order. With it a reader can tell which runs
    /// are missing, and which folders are left over from an earlier plan.
    ///
    /// # Errors
    /// [`RecordsError::Io`], or [`RecordsError::RunId`].
    pub fn write_planned(&self, ids: &[String]) -> Result<(), RecordsError> {
        for id in ids {
            check_id(id)?;
        }
        write_json(&self.root.join(name::PLANNED), &ids)
    }

    /// Writes `games.json`.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_games(&self, games: &GamesFile) -> Result<(), RecordsError> {
        write_json(&self.root.join(name::GAMES), games)
    }

    /// Writes `metrics.json`: how the metrics of the experiment are shown, in the order of its configuration.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_metrics(&self, metrics: &[MetricInfo]) -> Result<(), RecordsError> {
        let file = MetricsFile { format: FORMAT, metrics: metrics.to_vec() };
        write_json(&self.root.join(name::METRICS), &file)
    }

    /// Writes one finished run; `policies` and `path` are optional files. A finished run of the same id that is there
    /// already, because another process was faster, is kept.
    ///
    /// # Errors
    /// [`RecordsError::Io`], [`RecordsError::Unwritable`] or [`RecordsError::RunId`].
    pub fn write_run(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
    ) -> Result<(), RecordsError> {
        self.write(record, trace, policies, path, false)
    }

    /// As [`ResultsDir::write_run`], in place of a finished run.
    ///
    /// # Errors
    /// As [`ResultsDir::write_run`].
    pub fn replace_run(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
    ) -> Result<(), RecordsError> {
        self.write(record, trace, policies, path, true)
    }

    fn write(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
        replace: bool,
    ) -> Result<(), RecordsError> {
        check_id(&record.id)?;
        let written = self.write_partial(record, trace, policies, path).and_then(|partial| {
            let committed = self.commit(&record.id, &partial, replace);
            if partial.exists() {
                fs_err::remove_dir_all(&partial)?;
            }
            committed
        });
        match written {
            // who merges a complete folder removes what others are still writing twice
            Err(_) if !replace && self.finished(&record.id).is_some() => Ok(()),
            other => other,
        }
    }

    /// The files of a run in a hidden folder, synced.
    fn write_partial(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
    ) -> Result<PathBuf, RecordsError> {
        let runs = self.root.join(name::RUNS);
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // The default is private to the owner; results are for sharing, as far as the umask lets them.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        let prefix = format!("{PARTIAL}{}-", record.id);
        let folder = builder.prefix(&prefix).tempdir_in(&runs).map_err(|e| in_file(&runs, e))?.keep();
        write_csv(&folder.join(name::TRACE), trace)?;
        if let Some(policies) = policies {
            write_csv(&folder.join(name::POLICIES), policies)?;
        }
        if let Some(path) = path {
            write_csv(&folder.join(name::PATH), path)?;
        }
        write_json(&folder.join(name::RUN), record)?;
        Ok(folder)
    }

    /// Renames a hidden folder to the run `id`.
    fn commit(&self, id: &str, partial: &Path, replace: bool) -> Result<(), RecordsError> {
        let folder = self.run_folder(id);
        let runs = self.root.join(name::RUNS);
        // a rename over a folder succeeds only if that is empty
        while std::fs::rename(partial, &folder).is_err() {
            // nothing there, or no folder, which is left as it is
            if !folder.is_dir() {
                fs_err::rename(partial, &folder)?; // for what it says
                break;
            }
            if !replace && self.finished(id).is_some() {
                return Ok(());
            }
            // the rest of an earlier program's run, or one to be replaced, is moved aside
            let aside = partial.with_extension("old");
            match std::fs::rename(&folder, &aside) {
                Ok(()) => {
                    if !replace
                        && finished_in(&aside, id).is_some()
                        && std::fs::rename(&aside, &folder).is_ok()
                    {
                        return Ok(()); // another process had just put it there
                    }
                    fs_err::remove_dir_all(&aside)?;
                }
                Err(error) if folder.exists() => return Err(in_file(&folder, error).into()),
                Err(_) => {} // another process moved it
            }
        }
        sync_folder(&runs)
    }

    /// What is half written in the folder now: files and folders of processes that write at this moment, or that were killed.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn partial(&self) -> Result<Vec<PathBuf>, RecordsError> {
        let mut found = Vec::new();
        for folder in ["", name::RUNS, name::KNOWN_GAMES, name::EXACT] {
            let folder = self.root.join(folder);
            if !folder.is_dir() {
                continue;
            }
            for entry in fs_err::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                    found.push(entry.path());
                }
            }
        }
        Ok(found)
    }

    /// Removes what is still half written of an earlier [`ResultsDir::partial`]. For the end of a folder without missing
    /// runs, with what was there at the beginning: whoever wrote it then has long been killed or is done.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn remove_partial(&self, earlier: &[PathBuf]) -> Result<(), RecordsError> {
        for path in earlier {
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(in_file(path, error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The record of run `id` if it is finished: resuming skips it. A half-written run, or one of another format,
    /// is not finished.
    #[must_use]
    pub fn finished(&self, id: &str) -> Option<RunRecord> {
        check_id(id).ok()?;
        finished_in(&self.run_folder(id), id)
    }

    /// As [`ResultsDir::finished`], for who must not take a run of another format for one that is not there.
    ///
    /// # Errors
    /// [`RecordsError::Format`] for a record of another format; [`RecordsError::Io`].
    pub fn record(&self, id: &str) -> Result<Option<RunRecord>, RecordsError> {
        let file = self.run_folder(id).join(name::RUN);
        let Some(value) = read_json(&file)? else { return Ok(None) };
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => {
                Err(RecordsError::Format { file, found, known: FORMAT })
            }
            _ => Ok(serde_json::from_value(value).ok().filter(|record: &RunRecord| record.id == id)),
        }
    }

    /// Writes `games/<key>.json`: what is known about one game, for other processes.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_game<T: Serialize>(&self, key: &str, game: &T) -> Result<(), RecordsError> {
        self.write_shared(name::KNOWN_GAMES, key, game)
    }

    /// Reads `games/<key>.json`; `None` if it is not there or not what `T` is.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn read_game<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RecordsError> {
        let value = read_json(&self.shared(name::KNOWN_GAMES, key))?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Writes `exact/<key>.json`: an exact answer, for other processes.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_exact<T: Serialize>(&self, key: &str, answer: &T) -> Result<(), RecordsError> {
        self.write_shared(name::EXACT, key, answer)
    }

    /// Reads `exact/<key>.json`; `None` if it is not there, null if it is not JSON.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn read_exact(&self, key: &str) -> Result<Option<Value>, RecordsError> {
        let file = self.shared(name::EXACT, key);
        if !file.exists() {
            return Ok(None);
        }
        Ok(Some(read_json(&file)?.unwrap_or(Value::Null)))
    }

    fn shared(&self, folder: &str, key: &str) -> PathBuf {
        self.root.join(folder).join(format!("{key}.json"))
    }

    fn write_shared<T: Serialize>(&self, folder: &str, key: &str, value: &T) -> Result<(), RecordsError> {
        check_id(key)?;
        fs_err::create_dir_all(self.root.join(folder))?;
        write_json(&self.shared(folder, key), value)
    }

    /// Writes `summary.json`, a [`Summary`](crate::schema::Summary), one row after the other.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_summary(
        &self,
        name: &str,
        runs: impl Iterator<Item = RunRecord>,
    ) -> Result<(), RecordsError> {
        write_json(
            &self.root.join(name::SUMMARY),
            &Rows { format: FORMAT, name, runs: Lazy(RefCell::new(runs)) },
        )
    }

    fn run_folder(&self, id: &str) -> PathBuf {
        self.root.join(name::RUNS).join(id)
    }
}

/// A [`Summary`](crate::schema::Summary) whose rows are fetched as they are written.
#[derive(Serialize)]
#[serde(bound = "")]
struct Rows<'a, I: Iterator<Item = RunRecord>> {
    format: u32,
    name: &'a str,
    runs: Lazy<I>,
}

struct Lazy<I>(RefCell<I>);

impl<I: Iterator<Item = RunRecord>> Serialize for Lazy<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&mut *self.0.borrow_mut())
    }
}

/// The record of run `id` in `folder`, if it is finished.
fn finished_in(folder: &Path, id: &str) -> Option<RunRecord> {
    let text = std::fs::read_to_string(folder.join(name::RUN)).ok()?;
    let record: RunRecord = serde_json::from_str(&text).ok()?;
    (record.format == FORMAT && record.id == id).then_some(record)
}

/// The value in a file; `None` if it is not there or not JSON.
fn read_json(file: &Path) -> Result<Option<Value>, RecordsError> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file(file, error).into()),
    }
}

/// Ids become folder names: nothing that could leave the folder, or hide in it.
fn check_id(id: &str) -> Result<(), RecordsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) {
        Ok(())
    } else {
        Err(RecordsError::RunId(id.to_owned()))
    }
}
