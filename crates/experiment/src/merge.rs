//! From the runs in a results folder to its summary and report, whichever processes did them.
//!
//! What is written depends on the plan and the runs alone, so it is equal to the byte for any sharing of the work, and
//! for none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use equipoise::Problem;
use equipoise_records::schema::GameRecord;
use equipoise_records::{Access, RecordsError, ResultsDir, RunState};
use equipoise_report::{Rendered, ReportError, write_reports};

use crate::build::Plan;
use crate::error::ConfigError;
use crate::exact::{ExactAnswers, Unsolved};
use crate::file::parse_file;
use crate::game::{GameIdentity, GamePlan};
use crate::identity;
use crate::known::{KnownGame, problems};
use crate::spec::resolve_recorded;

/// Most runs of which one report is made: their traces are in memory while it is.
pub(crate) const MAX_REPORTED: u64 = 100_000;

/// What a folder holds of its plan.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged {
    /// The report; `None` where there are more runs than one report can show.
    pub rendered: Option<Rendered>,
    /// Runs of the plan.
    pub runs: u64,
    /// Runs that are not finished, in the order of the plan.
    pub missing: Vec<MissingRun>,
}

/// A run of the plan without a record.
#[derive(Clone, Debug, PartialEq)]
pub struct MissingRun {
    /// Its id.
    pub id: String,
    /// Its legend.
    pub label: String,
    /// Its game.
    pub game: String,
    /// Its regularisation.
    pub tau: f64,
    /// Its repetition, from 0.
    pub repetition: u32,
    /// Why what is there does not count: interrupted, or damaged; empty if nothing is there.
    pub why: String,
}

/// Why a folder cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The plan in the folder.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file of the folder.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// No plan.
    #[error("{}: no plan.yaml here; give the folder that `equipoise run --shard` wrote", .0.display())]
    NoPlan(std::path::PathBuf),
    /// Records that cannot be compared.
    #[error(
        "{first} was written by {first_by}, {second} by {second_by}; runs of different programs are not merged: do one of them \
         again"
    )]
    Mixed {
        /// A file.
        first: String,
        /// Who wrote it.
        first_by: String,
        /// Another file.
        second: String,
        /// Who wrote it.
        second_by: String,
    },
    /// The exact solver, for a game whose remembered answer is gone.
    #[error(transparent)]
    Reference(#[from] Unsolved),
}

/// Writes `games.json`, `planned.json`, `summary.json` and the report of a results folder from the runs in it. Doing so
/// again changes nothing.
///
/// # Errors
/// [`MergeError`].
pub fn merge(results: &Path) -> Result<Merged, MergeError> {
    let file = results.join("plan.yaml");
    let dir = ResultsDir::existing(results).filter(|_| file.is_file());
    let dir = dir.ok_or_else(|| MergeError::NoPlan(results.to_owned()))?;
    let plan = Plan::new(resolve_recorded(&parse_file(&file, &[])?)?)?;
    let dir = dir.for_runs(plan.runs());
    plan.find_inputs(&dir);
    let mut held = dir.hold(Access::Shared, "equipoise merge")?;
    if held.is_only() {
        // whoever wrote it was killed
        dir.remove_partial(&dir.partial()?)?;
        for lost in dir.lost()? {
            tracing::warn!("{lost}");
        }
    }
    held.share()?;
    let answers = ExactAnswers::beside(Some(dir.clone()));
    let mut ids = Vec::with_capacity(usize::try_from(plan.runs()).unwrap_or(0));
    let mut origin = Origin::default();
    // one game after the other: a million of them need no memory
    dir.write_games_from::<MergeError>(&plan.spec.name, plan.spec.description.as_deref(), |rows| {
        for g in 0..plan.games() {
            let CollectedGame { identity, known } = collect(&plan, g, &dir, &answers)?;
            ids.extend(plan.keys(g).map(|key| plan.run(&identity, key).id));
            if let Some((record, version)) = known {
                origin.check(|| format!("the game `{}`", record.name), &version)?;
                rows.push(&record)?;
            }
        }
        for id in &ids {
            if let Some(record) = dir.record(id)? {
                origin.check(|| format!("the run {id}"), &record.version)?;
            }
        }
        Ok(dir.check_equal(&ids)?)
    })?;
    write_planned(&plan, &ids, &dir)?;
    Ok(write_results(&plan, &ids, &dir, true, &|_| ())?)
}

/// Which program wrote what was looked at, and what that was.
#[derive(Default)]
struct Origin(Option<(String, String)>);

impl Origin {
    /// Refuses what another program wrote.
    fn check(&mut self, what: impl Fn() -> String, version: &str) -> Result<(), MergeError> {
        let (first, known) = self.0.get_or_insert_with(|| (what(), version.to_owned()));
        if known == version {
            return Ok(());
        }
        Err(MergeError::Mixed {
            first: first.clone(),
            first_by: format!("version {known}"),
            second: what(),
            second_by: format!("version {version}"),
        })
    }
}

/// What is known about game `g`. A game that nobody wrote down is made again; if runs of it are there its answers are
/// found again too, else only its identity, for the names of its runs. It is not written down: the plan says less of where
/// a game comes from than the file that the processes were given.
fn collect(
    plan: &Plan,
    g: usize,
    dir: &ResultsDir,
    answers: &ExactAnswers,
) -> Result<CollectedGame, MergeError> {
    if let Some(known) = KnownGame::read(plan, g, dir)? {
        if known.semantics != identity::SEMANTICS {
            return Err(MergeError::Mixed {
                first: format!("the game `{}`", plan.game_name(g)),
                first_by: format!("a program of semantics {}", known.semantics),
                second: "this merge".into(),
                second_by: format!("one of semantics {}", identity::SEMANTICS),
            });
        }
        if let Some(record) = known.full_record(plan, answers) {
            return Ok(CollectedGame::known(known, record));
        }
    }
    let made = plan.make(g)?;
    let has_runs = plan.keys(g).any(|key| dir.finished(&plan.run(&made.identity, key).id).is_some());
    if !has_runs {
        return Ok(CollectedGame { identity: made.identity, known: None });
    }
    let (_, found) = find_out(plan, &made, answers, || KnownGame::of(plan, &made, answers))?;
    answers.forget(&made.identity, plan.spec.taus.iter().copied().chain([0.0]));
    Ok(found)
}

/// A game is solved for every tau of the plan, and with what is `known` of it makes its record.
///
/// # Errors
/// [`Unsolved`] if the exact solver fails, and what `known` returns.
pub(crate) fn find_out<E: From<Unsolved>>(
    plan: &Plan,
    made: &GamePlan,
    answers: &ExactAnswers,
    known: impl FnOnce() -> Result<KnownGame, E>,
) -> Result<(BTreeMap<usize, Problem>, CollectedGame), E> {
    let taus: Vec<usize> = (0..plan.spec.taus.len()).collect();
    let problems = problems(plan, made, answers, &taus)?;
    let known = known()?;
    let record = known.full_record(plan, answers).expect("its equilibria were just solved for");
    Ok((problems, CollectedGame::known(known, record)))
}

/// A game of a plan, as far as it is known.
pub(crate) struct CollectedGame {
    identity: GameIdentity,
    /// Its record, and the version of the program that wrote it down.
    known: Option<(GameRecord, String)>,
}

impl CollectedGame {
    /// From what is known about it, with its full record.
    fn known(known: KnownGame, record: GameRecord) -> Self {
        Self { identity: known.identity, known: Some((record, known.version)) }
    }
}

/// What is known about the games of a plan, and the runs that follow from it.
pub(crate) struct Collected {
    games: Vec<GameRecord>,
    ids: Vec<String>,
}

impl Collected {
    /// From what is known about each game of the plan.
    pub(crate) fn new(plan: &Plan, collected: Vec<CollectedGame>) -> Self {
        let (mut games, mut ids) = (Vec::new(), Vec::new());
        for (g, game) in collected.into_iter().enumerate() {
            ids.extend(plan.keys(g).map(|key| plan.run(&game.identity, key).id));
            games.extend(game.known.map(|(record, _)| record));
        }
        Self { games, ids }
    }

    /// Writes `games.json`, `planned.json` and `metrics.json`; the ids of all runs.
    pub(crate) fn write_games(self, plan: &Plan, dir: &ResultsDir) -> Result<Vec<String>, RecordsError> {
        write_planned(plan, &self.ids, dir)?;
        dir.write_games_from(&plan.spec.name, plan.spec.description.as_deref(), |rows| {
            self.games.iter().try_for_each(|game| rows.push(game))
        })?;
        Ok(self.ids)
    }
}

/// Writes `planned.json` and `metrics.json`.
fn write_planned(plan: &Plan, ids: &[String], dir: &ResultsDir) -> Result<(), RecordsError> {
    dir.write_planned(ids)?;
    dir.write_metrics(&plan.spec.metrics.iter().map(|m| m.info()).collect::<Vec<_>>())
}

/// Writes `summary.json`, a row at a time, and the report. `list_missing`: whether runs without a record are named. `enter` is
/// told what is being done.
pub(crate) fn write_results(
    plan: &Plan,
    ids: &[String],
    dir: &ResultsDir,
    list_missing: bool,
    enter: &(dyn Fn(&'static str) + Sync),
) -> Result<Merged, ReportError> {
    enter("writing the summary");
    let mut missing = Vec::new();
    let mut without = BTreeSet::new();
    if list_missing {
        let keys = (0..plan.games()).flat_map(|g| plan.keys(g));
        for (id, key) in ids.iter().zip(keys) {
            let why = match dir.examine(id)? {
                RunState::Finished(_) => continue,
                RunState::Missing => String::new(),
                RunState::Interrupted(record) => format!("interrupted at step {}", record.steps),
                RunState::Damaged(what) => format!("damaged: {what}"),
            };
            without.insert(id);
            missing.push(MissingRun {
                id: id.clone(),
                label: plan.label(key.method, key.oracle),
                game: plan.game_name(key.game).into_owned(),
                tau: plan.spec.taus[key.tau],
                repetition: key.repetition,
                why,
            });
        }
    }
    let rows = ids.iter().filter(|id| !without.contains(id));
    dir.write_summary(&plan.spec.name, rows)?;
    enter("writing the report");
    let rendered = match plan.runs() <= MAX_REPORTED {
        true => Some(write_reports(dir.path())?),
        false => None,
    };
    Ok(Merged { rendered, runs: plan.runs(), missing })
}
