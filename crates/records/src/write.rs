//! The writing side of `results/<experiment>/`.
//!
//! Every file appears at once or not at all: it is written to a temporary file in its own folder, synced, renamed
//! over its name, and the folder is synced. `run.json` is the last file of a run, so a run is finished if and only if
//! its `run.json` parses; `kill -9` at any moment loses at most the runs in flight.

use std::path::{Path, PathBuf};

use crate::error::RecordsError;
use crate::files::{name, sync_folder, write_csv, write_file, write_json};
use crate::metric::MetricInfo;
use crate::schema::{FORMAT, GamesFile, MetricsFile, PathPoint, PolicyPoint, RunRecord, Summary, TracePoint};

/// A results folder open for writing. Runs of different ids may be written from several threads at once.
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

    /// Writes one finished run: the traces first, `run.json` last. `policies` and `path` are optional files.
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
        check_id(&record.id)?;
        let folder = self.run_folder(&record.id);
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?; // the rest of an interrupted run
        }
        fs_err::create_dir_all(&folder)?;
        write_csv(&folder.join(name::TRACE), trace)?;
        if let Some(policies) = policies {
            write_csv(&folder.join(name::POLICIES), policies)?;
        }
        if let Some(path) = path {
            write_csv(&folder.join(name::PATH), path)?;
        }
        write_json(&folder.join(name::RUN), record)?;
        sync_folder(&self.root.join(name::RUNS))
    }

    /// The record of run `id` if it is finished: resuming skips it. A half-written run, or one of another format,
    /// is not finished.
    #[must_use]
    pub fn finished(&self, id: &str) -> Option<RunRecord> {
        check_id(id).ok()?;
        let text = fs_err::read_to_string(self.run_folder(id).join(name::RUN)).ok()?;
        let record: RunRecord = serde_json::from_str(&text).ok()?;
        (record.format == FORMAT && record.id == id).then_some(record)
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), RecordsError> {
        write_json(&self.root.join(name::SUMMARY), summary)
    }

    fn run_folder(&self, id: &str) -> PathBuf {
        self.root.join(name::RUNS).join(id)
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
