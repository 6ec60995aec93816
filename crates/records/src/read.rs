//! The reading side of `results/<experiment>/`: a folder back into records.
//!
//! A folder whose experiment was stopped still reads: [`Results::unfinished`] names the runs that are missing. A
//! folder of which only `summary.json` was kept (traces are large) reads too: its runs have no trace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;

use crate::error::RecordsError;
use crate::files::{name, parse_versioned, read_versioned};
use crate::metric::MetricInfo;
use crate::run::{self, Stored};
use crate::schema::{FORMAT, GamesFile, MetricsFile, PathPoint, RunRecord, Summary, TracePoint};
use crate::vocabulary::StopKind;
use crate::write::ResultsDir;

/// A results folder in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Facts about the games.
    pub games: GamesFile,
    /// How each metric is shown, in the order of the configuration. A folder without `metrics.json` (written before there
    /// was one) has the metrics of its runs, by name, as far as [`MetricInfo::undescribed`] knows them.
    pub metrics: Vec<MetricInfo>,
    /// Finished runs, in the order of the plan where it is known, else by game, tau, label and repetition.
    pub runs: Vec<Run>,
    /// Runs that were planned or started but are not finished.
    pub unfinished: Vec<Unfinished>,
    /// Folders under `runs/` that are not part of the plan: left over from an earlier one, and not read.
    pub left_over: Vec<String>,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `run.json`, or its row in `summary.json`.
    pub record: RunRecord,
    /// `trace.csv`; `None` if it was not kept.
    pub trace: Option<Vec<TracePoint>>,
    /// `path.csv`, where there is one.
    pub path: Option<Vec<PathPoint>>,
}

/// A run without a usable `run.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// Its id.
    pub id: String,
    /// Why it does not count as finished.
    pub why: String,
}

/// Reads the results folder `dir`.
///
/// # Errors
/// [`RecordsError::NotResults`] without `games.json`; [`RecordsError::Malformed`] naming file, line and problem;
/// [`RecordsError::UnknownWord`] for a word that is in no vocabulary;
/// [`RecordsError::Format`] for records of another version; [`RecordsError::Io`].
pub fn read(dir: &Path) -> Result<Results, RecordsError> {
    let games_file = dir.join(name::GAMES);
    if !games_file.exists() {
        return Err(RecordsError::NotResults(dir.to_owned()));
    }
    let games: GamesFile = read_versioned(&games_file, FORMAT)?;
    let summary_file = dir.join(name::SUMMARY);
    // of a folder whose runs are all there it says nothing more
    let summarised = || -> Result<Vec<RunRecord>, RecordsError> {
        match summary_file.exists() {
            true => Ok(read_versioned::<Summary>(&summary_file, FORMAT)?.runs),
            false => Ok(Vec::new()),
        }
    };
    let mut summary: Option<BTreeMap<String, RunRecord>> = None;
    let planned = planned_ids(dir)?;
    let stored = ResultsDir::at(dir);
    let mut recorded = run_folders(dir)?;
    recorded.append(&mut stored.packed_runs()?);

    let summary_is_plan = planned.is_none() && summary_file.exists();
    let planned_or_summarised: Option<Vec<String>> = match summary_is_plan {
        true => Some(summarised()?.iter().map(|record| record.id.clone()).collect()),
        false => planned,
    };
    let (ids, left_over) = match &planned_or_summarised {
        Some(ids) => {
            let known: BTreeSet<&String> = ids.iter().collect();
            (ids.clone(), recorded.iter().filter(|f| !known.contains(f)).cloned().collect())
        }
        None => (recorded.iter().cloned().collect(), Vec::new()),
    };

    let mut results =
        Results { games, metrics: Vec::new(), runs: Vec::new(), unfinished: Vec::new(), left_over };
    let mut in_summary = |id: &str| {
        let rows = match &mut summary {
            Some(rows) => rows,
            None => summary.insert(summarised()?.into_iter().map(|row| (row.id.clone(), row)).collect()),
        };
        Ok::<_, RecordsError>(rows.remove(id))
    };
    let one = |id: &String| stored.stored(id).and_then(|found| found.map(|found| run_in(&found)).transpose());
    let found: Vec<_> = ids.par_iter().map(one).collect();
    for (id, found) in ids.into_iter().zip(found) {
        match found {
            Ok(Some(Ok(run))) => results.runs.push(run),
            Ok(Some(Err(why))) => results.unfinished.push(Unfinished { id, why }),
            Ok(None) => match in_summary(&id)? {
                Some(record) => results.runs.push(Run { record, trace: None, path: None }),
                None => results.unfinished.push(Unfinished { id, why: "not started".into() }),
            },
            Err(RecordsError::Malformed { file, problem }) => {
                results.unfinished.push(Unfinished { id, why: damaged(&file, &problem) });
            }
            Err(error) => return Err(error),
        }
    }
    if planned_or_summarised.is_none() {
        sort_without_plan(&mut results);
    }
    results.metrics = metrics(dir, &results.runs)?;
    check_games(dir, &results)?;
    Ok(results)
}

/// A run, or why it does not count as finished.
fn run_in(stored: &Stored) -> Result<Result<Run, String>, RecordsError> {
    // even if the summary has it: that is the summary of an earlier run, which this one replaces
    let Some(bytes) = stored.bytes(name::RUN)? else { return Ok(Err("started, no run.json".into())) };
    let file = stored.file(name::RUN);
    let text = std::str::from_utf8(&bytes).map_err(|e| RecordsError::malformed(&file, &e))?;
    let record: RunRecord = parse_versioned(&file, text, FORMAT)?;
    if record.stop_reason == StopKind::Interrupted {
        return Ok(Err(run::interrupted(&record, stored)));
    }
    let (trace, path) = run::files(stored, &record)?;
    Ok(Ok(Run { record, trace, path }))
}

/// A file of a run that is not what was written.
fn damaged(file: &Path, problem: &str) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("damaged: {name}: {problem}; `equipoise run` does it again")
}

fn metrics(dir: &Path, runs: &[Run]) -> Result<Vec<MetricInfo>, RecordsError> {
    let file = dir.join(name::METRICS);
    if file.exists() {
        return Ok(read_versioned::<MetricsFile>(&file, FORMAT)?.metrics);
    }
    let names: BTreeSet<&String> = runs
        .iter()
        .flat_map(|r| r.record.final_metrics.values())
        .flat_map(|metrics| metrics.keys())
        .collect();
    Ok(names.into_iter().map(|name| MetricInfo::undescribed(name)).collect())
}

/// Every run must name a game of `games.json`, whose lists must be as long as its number of actions.
fn check_games(dir: &Path, results: &Results) -> Result<(), RecordsError> {
    let file = dir.join(name::GAMES);
    for game in &results.games.games {
        let n = game.n;
        let mut lists = vec![("labels", game.labels.len()), ("reference", game.reference.len())];
        if let Some(matrix) = &game.matrix {
            lists.push(("matrix", matrix.len()));
            lists.extend(matrix.iter().map(|row| ("a row of the matrix", row.len())));
        }
        if let Some(facts) = &game.facts {
            lists.push(("nash", facts.nash.len()));
            lists.extend(facts.bt_scores.iter().map(|s| ("bt_scores", s.len())));
        }
        lists.extend(game.equilibria.iter().map(|e| ("policy of an equilibrium", e.policy.len())));
        if let Some((what, found)) = lists.into_iter().find(|(_, len)| *len != n) {
            let problem = format!("game `{}` has {n} actions, but {what} has {found} entries", game.name);
            return Err(RecordsError::Malformed { file, problem });
        }
    }
    let known: BTreeSet<&str> = results.games.games.iter().map(|g| g.name.as_str()).collect();
    match results.runs.iter().find(|run| !known.contains(run.record.game.as_str())) {
        None => Ok(()),
        Some(run) => {
            let problem =
                format!("run {} is about game `{}`, which is not here", run.record.id, run.record.game);
            Err(RecordsError::Malformed { file, problem })
        }
    }
}

fn sort_without_plan(results: &mut Results) {
    let order = |name: &str| results.games.games.iter().position(|g| g.name == name);
    results.runs.sort_by(|a, b| {
        let (a, b) = (&a.record, &b.record);
        order(&a.game)
            .cmp(&order(&b.game))
            .then(a.tau.total_cmp(&b.tau))
            .then_with(|| a.label.cmp(&b.label))
            .then(a.repetition.cmp(&b.repetition))
            .then_with(|| a.id.cmp(&b.id))
    });
}

fn planned_ids(dir: &Path) -> Result<Option<Vec<String>>, RecordsError> {
    let file = dir.join(name::PLANNED);
    if !file.exists() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(&file)?;
    serde_json::from_str(&text).map(Some).map_err(|e| RecordsError::malformed(&file, &e))
}

fn run_folders(dir: &Path) -> Result<BTreeSet<String>, RecordsError> {
    let runs = dir.join(name::RUNS);
    let mut ids = BTreeSet::new();
    if !runs.exists() {
        return Ok(ids);
    }
    for entry in fs_err::read_dir(&runs)? {
        let entry = entry?;
        // hidden folders hold runs that are being written
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !name.starts_with('.') {
            ids.insert(name);
        }
    }
    Ok(ids)
}
