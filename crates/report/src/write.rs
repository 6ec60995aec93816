//! The writing side of `results/<experiment>/`.
//!
//! Every file appears at once or not at all: it is written to a temporary file in its own folder, synced, renamed
//! over its name, and the folder is synced. `run.json` is the last file of a run, so a run is finished if and only if
//! its `run.json` parses; `kill -9` at any moment loses at most the runs in flight.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::ReportError;
use crate::schema::{FORMAT, GamesFile, PathPoint, PolicyPoint, RunRecord, Summary, TracePoint};

/// Names of the files of a results folder.
pub(crate) mod name {
    pub(crate) const PLAN: &str = "plan.yaml";
    pub(crate) const PLANNED: &str = "planned.json";
    pub(crate) const GAMES: &str = "games.json";
    pub(crate) const SUMMARY: &str = "summary.json";
    pub(crate) const RUNS: &str = "runs";
    pub(crate) const RUN: &str = "run.json";
    pub(crate) const TRACE: &str = "trace.csv";
    pub(crate) const POLICIES: &str = "policies.csv";
    pub(crate) const PATH: &str = "path.csv";
    pub(crate) const MARKDOWN: &str = "report.md";
    pub(crate) const HTML: &str = "report.html";
}

/// A results folder open for writing. Runs of different ids may be written from several threads at once.
#[derive(Clone, Debug)]
pub struct ResultsDir {
    root: PathBuf,
}

impl ResultsDir {
    /// Opens `path`, creating it and its parents if need be. Finished runs in it are kept.
    ///
    /// # Errors
    /// [`ReportError::Io`] if the folder cannot be made.
    pub fn create(path: &Path) -> Result<Self, ReportError> {
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
    /// [`ReportError::Io`].
    pub fn write_plan(&self, yaml: &str) -> Result<(), ReportError> {
        write_bytes(&self.root.join(name::PLAN), yaml.as_bytes())
    }

    /// Writes `planned.json`: the ids of all runs of the plan, in its order. With it a reader can tell which runs
    /// are missing, and which folders are left over from an earlier plan.
    ///
    /// # Errors
    /// [`ReportError::Io`], or [`ReportError::RunId`].
    pub fn write_planned(&self, ids: &[String]) -> Result<(), ReportError> {
        for id in ids {
            check_id(id)?;
        }
        write_json(&self.root.join(name::PLANNED), &ids)
    }

    /// Writes `games.json`.
    ///
    /// # Errors
    /// [`ReportError::Io`] or [`ReportError::Unwritable`].
    pub fn write_games(&self, games: &GamesFile) -> Result<(), ReportError> {
        write_json(&self.root.join(name::GAMES), games)
    }

    /// Writes one finished run: the traces first, `run.json` last. `policies` and `path` are optional files.
    ///
    /// # Errors
    /// [`ReportError::Io`], [`ReportError::Unwritable`] or [`ReportError::RunId`].
    pub fn write_run(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
    ) -> Result<(), ReportError> {
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
    /// [`ReportError::Io`] or [`ReportError::Unwritable`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), ReportError> {
        write_json(&self.root.join(name::SUMMARY), summary)
    }

    fn run_folder(&self, id: &str) -> PathBuf {
        self.root.join(name::RUNS).join(id)
    }
}

/// Ids become folder names: nothing that could leave the folder, or hide in it.
fn check_id(id: &str) -> Result<(), ReportError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !id.is_empty() && !id.starts_with('.') && id.chars().all(plain) {
        Ok(())
    } else {
        Err(ReportError::RunId(id.to_owned()))
    }
}

/// Writes `bytes` to `file`, atomically.
///
/// # Errors
/// [`ReportError::Io`].
pub(crate) fn write_bytes(file: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    atomically(file, |out| Ok(out.write_all(bytes)?))
}

pub(crate) fn write_json<T: Serialize>(file: &Path, value: &T) -> Result<(), ReportError> {
    atomically(file, |out| {
        serde_json::to_writer_pretty(&mut *out, value).map_err(|e| unwritable(file, &e))?;
        Ok(out.write_all(b"\n")?)
    })
}

/// Floats are written shortest-round-trip; `inf`, `-inf` and `NaN` by these names, which `f64` parses back.
fn write_csv<T: Serialize>(file: &Path, rows: &[T]) -> Result<(), ReportError> {
    atomically(file, |out| {
        let mut csv = csv::Writer::from_writer(out);
        for row in rows {
            csv.serialize(row).map_err(|e| unwritable(file, &e))?;
        }
        Ok(csv.flush()?)
    })
}

fn unwritable(file: &Path, problem: &dyn std::error::Error) -> ReportError {
    ReportError::Unwritable { file: file.to_owned(), problem: problem.to_string() }
}

fn atomically(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let in_file = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", file.display()));
    let folder = file.parent().expect("every file of a results folder has a parent");
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // The default is private to the owner; results are for sharing, as far as the umask lets them.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.prefix(".partial-").tempfile_in(folder).map_err(in_file)?;
    let mut out = BufWriter::new(temporary.as_file());
    fill(&mut out)?;
    out.flush().map_err(in_file)?;
    drop(out);
    temporary.as_file().sync_all().map_err(in_file)?;
    temporary.persist(file).map_err(|e| in_file(e.error))?;
    sync_folder(folder)
}

/// Makes the names in `folder` durable, where the platform can.
fn sync_folder(folder: &Path) -> Result<(), ReportError> {
    #[cfg(unix)]
    fs_err::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
