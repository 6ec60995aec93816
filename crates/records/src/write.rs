//! The writing side of `results/<experiment>/`.
//!
//! Every file appears at once or not at all: it is written to a temporary file in its own folder, synced, renamed
//! over its name, and the folder is synced. A run appears at once too: its files are written in a hidden folder of its
//! own, which is renamed to `runs/<id>`. So a run is finished if and only if its `run.json` parses, and `kill -9` at any moment
//! loses at most the runs in flight. Of a plan with many runs ([`PACKED_FROM`](crate::PACKED_FROM)) each process appends its own to a pack,
//! and with them what is known of games; nothing but this crate can tell. One process writes by itself, or several do that share a plan: see [`Hold`].

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::error::RecordsError;
use crate::files::{
    atomically, copy_file, in_file, is_partial, json_into, name, partial_of, read_json, replace, unwritable,
    write_file, write_json,
};
use crate::group::{Group, sync_all};
use crate::guard;
use crate::hold::{Access, Hold};
use crate::metric::MetricInfo;
use crate::own;
use crate::packs::{Kind, New, Packs, equality, holds_a_pack};
use crate::run::{self, Existing, Place, RunState, RunWriter, Stored, finished_in};
use crate::schema::{
    FORMAT, GameRecord, GamesFile, MetricsFile, PathPoint, PolicyPoint, RunRecord, Summary, TracePoint,
};

/// All crates of the program have one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rows of a summary that are in memory at once.
const ROWS: usize = 512;
/// Files that are written into a results folder beside its runs.
const FILES: [&str; 7] =
    [name::PLAN, name::PLANNED, name::GAMES, name::METRICS, name::SUMMARY, REPORT_MARKDOWN, REPORT_HTML];
/// The report of a results folder.
pub const REPORT_MARKDOWN: &str = "report.md";
/// The report of a results folder as a page.
pub const REPORT_HTML: &str = "report.html";
/// The folder of the pages of its games, where there are many.
pub const REPORT_PAGES: &str = "pages";

/// Writes `pages`, each with its file name, into the folder of pages of the results folder `root`, and removes those of an
/// earlier report that are not among them. Nothing else in that folder is touched.
///
/// # Errors
/// [`RecordsError::Io`]; [`RecordsError::Foreign`] naming a file that would be lost.
pub fn write_pages(root: &Path, pages: &[(String, String)]) -> Result<(), RecordsError> {
    let folder = root.join(REPORT_PAGES);
    if pages.is_empty() && !folder.is_dir() {
        return Ok(());
    }
    fs_err::create_dir_all(&folder)?;
    for (name, _) in pages {
        guard::refuse_foreign(&folder.join(name), own::is_report)?;
    }
    for (name, text) in pages {
        write_file(&folder.join(name), text.as_bytes())?;
    }
    for entry in fs_err::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let numbered = name
            .strip_prefix("game-")
            .and_then(|n| n.strip_suffix(".html"))
            .is_some_and(|n| n.parse::<u64>().is_ok());
        if numbered && pages.iter().all(|(kept, _)| *kept != name) && own::is_report(&entry.path()) {
            fs_err::remove_file(entry.path())?;
        }
    }
    if pages.is_empty() {
        // not empty where others keep files there
        let _ = std::fs::remove_dir(&folder);
    }
    Ok(())
}

/// A results folder open for writing, by several threads and processes at once.
#[derive(Clone, Debug)]
pub struct ResultsDir {
    root: PathBuf,
    place: Place,
}

impl ResultsDir {
    /// Opens `path`, creating it and its parents if need be. Finished runs in it are kept.
    ///
    /// # Errors
    /// [`RecordsError::Io`] if the folder cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordsError> {
        fs_err::create_dir_all(path.join(name::RUNS))?;
        Ok(Self::at(path))
    }

    /// The folder at `path`, if it is one with runs or packs; nothing is created.
    #[must_use]
    pub fn existing(path: &Path) -> Option<Self> {
        [name::RUNS, name::PACKS].iter().any(|folder| path.join(folder).is_dir()).then(|| Self::at(path))
    }

    pub(crate) fn at(path: &Path) -> Self {
        let (runs, packs) = (path.join(name::RUNS), Arc::new(Packs::at(path)));
        Self { root: path.to_owned(), place: Place { runs, packs, group: Arc::new(Group::new()) } }
    }

    /// The folder for a plan of so many runs: from [`PACKED_FROM`](crate::PACKED_FROM) on, or if it has packs already, what is
    /// written goes into packs. What is read may be in either.
    #[must_use]
    pub fn for_runs(self, runs: u64) -> Self {
        self.place.packs.choose(runs);
        self
    }

    /// The folder for the share `index` of `count` of a plan: packs of its other shares are not read until
    /// [`ResultsDir::take_over`].
    #[must_use]
    pub fn for_share(self, index: u32, count: u32, yaml: &str) -> Self {
        self.place.packs.do_share(index, count, yaml);
        self
    }

    /// From now on runs of other shares are done too.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn take_over(&self) -> Result<(), RecordsError> {
        self.make_durable()?;
        self.place.packs.do_all();
        Ok(())
    }

    /// What of the packs does not count because it was damaged, or not written to its end, in words.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn lost(&self) -> Result<Vec<String>, RecordsError> {
        self.place.packs.lost()
    }

    /// Makes durable what was written into the folder: runs that are short are made so in groups, every two seconds.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn make_durable(&self) -> Result<(), RecordsError> {
        let Place { packs, group, .. } = &self.place;
        if packs.are_used() {
            return packs.make_durable(group);
        }
        group.make_durable(true, || sync_all(&self.root))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Whether a folder may be written into: it holds results already, or none of the files that would be written, or nothing but
    /// reports of this program.
    ///
    /// # Errors
    /// [`RecordsError::Foreign`] naming a file that would be lost.
    pub fn check_own(path: &Path) -> Result<(), RecordsError> {
        let holds = || own::holds_a_run(&path.join(name::RUNS)) || holds_a_pack(&path.join(name::PACKS));
        if own::is_plan(&path.join(name::PLAN)) || holds() {
            return Ok(());
        }
        FILES.iter().try_for_each(|name| guard::refuse_foreign(&path.join(name), own::is_report))
    }

    /// Refuses to write over a file that the command reads; `yaml` is the plan: the one that is there already is not written.
    ///
    /// # Errors
    /// [`RecordsError::Input`].
    pub fn check_inputs(&self, inputs: &[&Path], yaml: &str) -> Result<(), RecordsError> {
        for name in FILES {
            let file = self.root.join(name);
            let stays = name == name::PLAN && is_text(&file, &plan_text(yaml));
            if !stays {
                guard::refuse_input(&file, inputs)?;
            }
        }
        Ok(())
    }

    /// Takes the right to write into the folder; `what` says what for, as in `equipoise run`.
    ///
    /// # Errors
    /// [`RecordsError::Busy`] if another process has it; [`RecordsError::Io`].
    pub fn hold(&self, access: Access, what: &str) -> Result<Hold, RecordsError> {
        Hold::take(&self.root, access, what)
    }

    /// Refuses a plan where others that hold the folder do another one.
    ///
    /// # Errors
    /// [`RecordsError::OtherPlan`], or [`RecordsError::Unlocked`] where there are no locks to tell whether they still run.
    pub fn check_plan(&self, yaml: &str, held: &Hold) -> Result<(), RecordsError> {
        let file = self.root.join(name::PLAN);
        if held.is_only() || !file.exists() || is_text(&file, &plan_text(yaml)) {
            return Ok(());
        }
        Err(match held.unlocked() {
            Some(error) => error,
            None => RecordsError::OtherPlan { folder: self.root.clone(), file },
        })
    }

    /// Writes `plan.yaml`, the resolved plan, itself a valid experiment file; `held` by who shares it is let go for the
    /// others. A plan that is there already is not touched if it is the same.
    ///
    /// # Errors
    /// As [`ResultsDir::check_plan`]; [`RecordsError::Io`].
    pub fn write_plan(&self, yaml: &str, held: &mut Hold) -> Result<(), RecordsError> {
        self.check_plan(yaml, held)?;
        let file = self.root.join(name::PLAN);
        let text = plan_text(yaml);
        if !is_text(&file, &text) {
            write_file(&file, text.as_bytes())?;
        }
        held.share()
    }

    /// Copies the input `from` to `inputs/<name>`, unless a file of these bytes is there.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn keep_input(&self, from: &Path, name: &str) -> Result<(), RecordsError> {
        check_id(name)?;
        let folder = self.root.join(name::INPUTS);
        let to = folder.join(name);
        if to.exists() && same_bytes(from, &to)? {
            return Ok(());
        }
        fs_err::create_dir_all(&folder)?;
        copy_file(from, &to)
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
        let GamesFile { format: _, experiment, description, games } = games;
        self.write_games_from(experiment, description.as_deref(), |rows| {
            games.iter().try_for_each(|game| rows.push(game))
        })
    }

    /// Writes `games.json` as [`ResultsDir::write_games`] does, one game after the other, as `fill` hands them over; nothing if
    /// that fails.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`], and those of `fill`.
    pub fn write_games_from<E: From<RecordsError>>(
        &self,
        experiment: &str,
        description: Option<&str>,
        fill: impl FnOnce(&mut GameRows<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = self.root.join(name::GAMES);
        let head = GamesFile {
            format: FORMAT,
            experiment: experiment.to_owned(),
            description: description.map(str::to_owned),
            games: Vec::new(),
        };
        atomically(&file, |out| {
            let head = serde_json::to_string_pretty(&head).map_err(|e| unwritable(&file, e))?;
            let head = head.strip_suffix("]\n}").expect("the list of games comes last");
            out.write_all(head.as_bytes()).map_err(|e| RecordsError::from(in_file(&file, e)))?;
            let mut rows = GameRows { out, file: &file, count: 0 };
            fill(&mut rows)?;
            let end = if rows.count == 0 { "]\n}\n" } else { "\n  ]\n}\n" };
            Ok(out.write_all(end.as_bytes()).map_err(|e| RecordsError::from(in_file(&file, e)))?)
        })
    }

    /// Writes `metrics.json`: how the metrics of the experiment are shown, in the order of its configuration.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_metrics(&self, metrics: &[MetricInfo]) -> Result<(), RecordsError> {
        let file = MetricsFile { format: FORMAT, metrics: metrics.to_vec() };
        write_json(&self.root.join(name::METRICS), &file)
    }

    /// Begins to write a run: its trace goes to disk as it comes.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::RunId`].
    pub fn begin_run(&self, id: &str) -> Result<RunWriter, RecordsError> {
        check_id(id)?;
        RunWriter::begin(self.place.clone(), id)
    }

    /// Writes a whole run at once: [`ResultsDir::begin_run`] to [`RunWriter::finish`].
    ///
    /// # Errors
    /// As those.
    pub fn write_run(
        &self,
        record: &RunRecord,
        trace: &[TracePoint],
        policies: Option<&[PolicyPoint]>,
        path: Option<&[PathPoint]>,
        existing: Existing,
    ) -> Result<(), RecordsError> {
        let mut run = self.begin_run(&record.id)?;
        run.trace(trace)?;
        run.finish(record, policies, path, existing)
    }

    /// The runs that are being written now, or that were when their process was killed; of those that go into packs none.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn begun(&self) -> Result<BTreeSet<String>, RecordsError> {
        let mut ids = BTreeSet::new();
        for name in self.run_folders()? {
            ids.extend(partial_of(&name).map(str::to_owned));
        }
        Ok(ids)
    }

    /// What is half written in the folder now: files and folders of processes that write at this moment, or that were killed.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn partial(&self) -> Result<Vec<PathBuf>, RecordsError> {
        let mut found = Vec::new();
        for folder in ["", name::RUNS, name::KNOWN_GAMES, name::EXACT, name::INPUTS] {
            let folder = self.root.join(folder);
            if !folder.is_dir() {
                continue;
            }
            for entry in fs_err::read_dir(&folder)? {
                let entry = entry?;
                if is_partial(&entry.file_name().to_string_lossy()) {
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

    /// The ids of all runs in packs.
    pub(crate) fn packed_runs(&self) -> Result<BTreeSet<String>, RecordsError> {
        self.place.packs.runs()
    }

    /// Where run `id` is recorded. A pack was begun after all folders.
    pub(crate) fn stored(&self, id: &str) -> Result<Option<Stored>, RecordsError> {
        check_id(id)?;
        if let Some(packed) = self.place.packs.find(Kind::Run, id)? {
            return Ok(Some(Stored::Packed(packed)));
        }
        let folder = self.run_folder(id);
        Ok(folder.is_dir().then_some(Stored::Folder(folder)))
    }

    /// The record of run `id` if it is finished. A half-written run, one that was interrupted, or one of another format, is
    /// not. What is beside the record is not looked at: see [`ResultsDir::examine`].
    #[must_use]
    pub fn finished(&self, id: &str) -> Option<RunRecord> {
        finished_in(&self.stored(id).ok()??, id)
    }

    /// The state of run `id`, all its files held against their digests: resuming skips what is finished and whole.
    ///
    /// # Errors
    /// [`RecordsError::Format`] for a record of another format, [`RecordsError::RunId`], [`RecordsError::Io`].
    pub fn examine(&self, id: &str) -> Result<RunState, RecordsError> {
        match self.stored(id) {
            Ok(Some(stored)) => run::examine(&stored, id),
            Ok(None) => Ok(RunState::Missing),
            Err(error @ RecordsError::Malformed { .. }) => Ok(RunState::Damaged(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Refuses runs among `ids` that another version of the program wrote.
    ///
    /// # Errors
    /// [`RecordsError::Version`] naming the first of them; [`RecordsError::Io`].
    pub fn check_versions(&self, ids: &[String]) -> Result<(), RecordsError> {
        let mut other: Option<(PathBuf, String)> = None;
        let mut count = 0;
        for id in ids {
            let found = match self.place.packs.version(id)? {
                Some(found) => Some(found),
                None => {
                    let file = self.run_folder(id).join(name::RUN);
                    let value = read_json(&file)?;
                    let version = value.as_ref().and_then(|v| v.get("version")).and_then(Value::as_str);
                    version.map(|version| (file, version.to_owned()))
                }
            };
            if let Some(found) = found.filter(|(_, version)| version != VERSION) {
                count += 1;
                other.get_or_insert(found);
            }
        }
        match other {
            None => Ok(()),
            Some((file, found)) => Err(RecordsError::Version {
                folder: self.root.clone(),
                file,
                count,
                found,
                known: VERSION.to_owned(),
            }),
        }
    }

    /// Refuses runs among `ids` of which there are two different results.
    ///
    /// # Errors
    /// [`RecordsError::Unequal`]; [`RecordsError::Io`].
    pub fn check_equal(&self, ids: &[String]) -> Result<(), RecordsError> {
        for name in self.run_folders()? {
            let Some(id) = name.strip_prefix(run::UNEQUAL) else { continue };
            if ids.iter().any(|known| known == id) {
                let (first, second) = (self.run_folder(id), self.place.runs.join(&name));
                return Err(run::unequal(&Stored::Folder(first), &Stored::Folder(second), id));
            }
        }
        ids.iter().try_for_each(|id| run::unequal_in_packs(&self.place.packs, id))
    }

    /// As [`ResultsDir::finished`], for who must not take a run of another format for one that is not there.
    ///
    /// # Errors
    /// [`RecordsError::Format`] for a record of another format; [`RecordsError::Io`].
    pub fn record(&self, id: &str) -> Result<Option<RunRecord>, RecordsError> {
        let stored = match self.stored(id) {
            Ok(Some(stored)) => stored,
            Ok(None) | Err(RecordsError::Malformed { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(value) = stored.record()? else { return Ok(None) };
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => {
                Err(RecordsError::Format { file: stored.file(name::RUN), found, known: FORMAT })
            }
            _ => Ok(serde_json::from_value(value).ok().filter(|record: &RunRecord| record.id == id)),
        }
    }

    /// Writes `games/<key>.json`, or a record of that name in a pack: what is known about one game, for other processes.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_game<T: Serialize>(&self, key: &str, game: &T) -> Result<(), RecordsError> {
        self.write_shared(Kind::Game, key, game)
    }

    /// Reads `games/<key>.json`; `None` if it is not there, null if it is not JSON.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn read_game(&self, key: &str) -> Result<Option<Value>, RecordsError> {
        self.read_shared(Kind::Game, key)
    }

    /// Writes `exact/<key>.json`, or a record of that name in a pack: an exact answer, for other processes.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_exact<T: Serialize>(&self, key: &str, answer: &T) -> Result<(), RecordsError> {
        self.write_shared(Kind::Exact, key, answer)
    }

    /// Reads `exact/<key>.json`; `None` if it is not there, null if it is not JSON.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn read_exact(&self, key: &str) -> Result<Option<Value>, RecordsError> {
        self.read_shared(Kind::Exact, key)
    }

    fn read_shared(&self, kind: Kind, key: &str) -> Result<Option<Value>, RecordsError> {
        let packed = match self.place.packs.find(kind, key) {
            Err(RecordsError::Malformed { .. }) => return Ok(Some(Value::Null)),
            packed => packed?,
        };
        if let Some(packed) = packed {
            let bytes = packed.bytes(name::ENTRY)?.unwrap_or_default();
            return Ok(Some(serde_json::from_slice(&bytes).unwrap_or(Value::Null)));
        }
        let file = self.shared(kind, key);
        if !file.exists() {
            return Ok(None);
        }
        Ok(Some(read_json(&file)?.unwrap_or(Value::Null)))
    }

    fn shared(&self, kind: Kind, key: &str) -> PathBuf {
        self.root.join(folder(kind)).join(format!("{key}.json"))
    }

    fn write_shared<T: Serialize>(&self, kind: Kind, key: &str, value: &T) -> Result<(), RecordsError> {
        check_id(key)?;
        let file = self.shared(kind, key);
        let Place { packs, group, .. } = &self.place;
        if packs.are_used() {
            let mut bytes = Vec::new();
            json_into(&file, &mut bytes, value)?;
            let equal = equality(&bytes);
            if packs.find(kind, key).is_ok_and(|known| known.is_some_and(|known| known.equal() == equal)) {
                return Ok(());
            }
            let new = New { kind, id: key, whole: true, files: vec![(name::ENTRY, bytes)], equal };
            return packs.append(new, true, group);
        }
        fs_err::create_dir_all(self.root.join(folder(kind)))?;
        // one that is damaged does not fit its digest, and is found out again
        replace(&file, group.is_alone(), |out| json_into(&file, out, value))?;
        group.make_durable(false, || sync_all(&self.root))
    }

    /// Writes `summary.json`, a [`Summary`], a row a finished run among `ids`.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn write_summary<'a>(
        &self,
        name: &str,
        ids: impl Iterator<Item = &'a String>,
    ) -> Result<(), RecordsError> {
        let file = self.root.join(name::SUMMARY);
        let head = Summary { format: FORMAT, name: name.to_owned(), runs: Vec::new() };
        let ids: Vec<&String> = ids.collect();
        atomically(&file, |out| {
            let head = serde_json::to_string_pretty(&head).map_err(|e| unwritable(&file, e))?;
            let head = head.strip_suffix("]\n}").expect("the list of runs comes last");
            let within = |e| RecordsError::from(in_file(&file, e));
            out.write_all(head.as_bytes()).map_err(within)?;
            let mut count = 0;
            for ids in ids.chunks(ROWS) {
                let rows: Result<Vec<_>, RecordsError> =
                    ids.par_iter().map(|id| self.summary_row(id, &file)).collect();
                for row in rows?.into_iter().flatten() {
                    let gap = if count == 0 { "\n    " } else { ",\n    " };
                    out.write_all(gap.as_bytes()).map_err(within)?;
                    out.write_all(row.as_bytes()).map_err(within)?;
                    count += 1;
                }
            }
            let end = if count == 0 { "]\n}\n" } else { "\n  ]\n}\n" };
            out.write_all(end.as_bytes()).map_err(within)
        })
    }

    /// The row of a run in `summary.json`, if it is finished: of a pack its text, which says the same, without reading it.
    fn summary_row(&self, id: &str, file: &Path) -> Result<Option<String>, RecordsError> {
        let Ok(Some(stored)) = self.stored(id) else { return Ok(None) };
        if let Stored::Packed(packed) = &stored
            && packed.is_whole()
            && let Some(row) = packed.bytes(name::RUN)?.as_deref().and_then(run::without_digests)
        {
            return Ok(Some(indented(&row)));
        }
        let record = finished_in(&stored, id);
        let text = |record| serde_json::to_string_pretty(&record).map_err(|e| unwritable(file, e));
        Ok(record.map(text).transpose()?.map(|text| indented(&text)))
    }

    /// The names in the folder of runs, which a copy of a folder with packs may lack.
    fn run_folders(&self) -> Result<Vec<String>, RecordsError> {
        if !self.place.runs.is_dir() {
            return Ok(Vec::new());
        }
        let name =
            |entry: std::io::Result<fs_err::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs_err::read_dir(&self.place.runs)?.map(name).collect()
    }

    fn run_folder(&self, id: &str) -> PathBuf {
        self.place.runs.join(id)
    }
}

/// The folder of what is shared between processes.
fn folder(kind: Kind) -> &'static str {
    match kind {
        Kind::Run => name::RUNS,
        Kind::Game => name::KNOWN_GAMES,
        Kind::Exact => name::EXACT,
    }
}

/// The games of a `games.json` that is being written.
pub struct GameRows<'a> {
    out: &'a mut dyn Write,
    file: &'a Path,
    count: usize,
}

impl GameRows<'_> {
    /// Appends a game.
    ///
    /// # Errors
    /// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
    pub fn push(&mut self, game: &GameRecord) -> Result<(), RecordsError> {
        let text = serde_json::to_string_pretty(game).map_err(|e| unwritable(self.file, e))?;
        let text = format!("{}\n    {}", if self.count == 0 { "" } else { "," }, indented(&text));
        self.count += 1;
        Ok(self.out.write_all(text.as_bytes()).map_err(|e| in_file(self.file, e))?)
    }
}

/// A JSON object as it stands in a list of a file; a line break within a text is escaped in JSON.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

fn plan_text(yaml: &str) -> String {
    format!("{}{VERSION}{}\n{yaml}", own::PLAN_HEAD, own::PLAN_PATHS)
}

fn is_text(file: &Path, text: &str) -> bool {
    std::fs::read(file).is_ok_and(|bytes| bytes == text.as_bytes())
}

fn same_bytes(a: &Path, b: &Path) -> Result<bool, RecordsError> {
    let (mut a, mut b) = (BufReader::new(fs_err::File::open(a)?), BufReader::new(fs_err::File::open(b)?));
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let n = left.len().min(right.len());
        if left[..n] != right[..n] || (n == 0 && left.len() != right.len()) {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
        a.consume(n);
        b.consume(n);
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
