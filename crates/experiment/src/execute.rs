//! From a plan to a results folder: make each game when it is needed, solve it once, drive each run, record it
//! atomically, render the report.
//!
//! A process alone makes and checks every game before it writes anything. One of several ([`Shard`]) does so with the
//! first of its games, and with each other one before anything of that game is written; it leaves summary and report to
//! [`merge`](crate::merge::merge).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use equipoise::core::seed;
use equipoise::env::batcher::{self, BatchHandle};
use equipoise::eval::{AfterStep, KeepRunning, Point, StopReason, TraceSink};
use equipoise::{Problem, RunOptions};
use equipoise_records::schema::{PathPoint, PolicyPoint, RunRecord, TracePoint};
use equipoise_records::{Access, Existing, RecordsError, ResultsDir, RunState, StopKind};
use equipoise_report::{Rendered, ReportError};
use rayon::prelude::*;

use crate::build::{Plan, RunPlan};
use crate::error::ConfigError;
use crate::exact::{ExactAnswers, Unsolved};
use crate::forecast;
use crate::game::GamePlan;
use crate::identity;
use crate::kept::{Kept, UNPOISONED};
use crate::known::{KnownGame, problems};
use crate::merge::{Collected, find_out, write_results};
use crate::record;
use crate::shard::{self, BATCH, Shard, Unit};
use crate::targets::beyond_equilibrium;

/// The progress counter is told every so many steps of a small game, and at every step of a large one.
const TICK: u64 = 256;

/// Most threads, on a machine of fewer cores: more of them take longer to start than they do work.
const MOST_THREADS: usize = 512;

/// How a plan is executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Results folder.
    pub out: PathBuf,
    /// Runs done at the same time, at least 1.
    pub jobs: usize,
    /// Run again what is finished.
    pub fresh: bool,
    /// Which share of the runs is done; `None`: all, with summary and report.
    pub shard: Option<Shard>,
    /// What of other processes a share takes over once it is done; `None`: nothing.
    pub steal: Option<Steal>,
    /// Write into a folder even if files of others in it are lost by that.
    pub force: bool,
}

/// What of other processes is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steal {
    /// Runs that nobody has begun.
    Open,
    /// Then also those that are being written: whoever does so may be gone.
    All,
}

/// Shared with whoever watches: progress, and the wish to stop.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Steps done, of all runs.
    pub steps: AtomicU64,
    /// Runs ended or skipped.
    pub runs: AtomicU64,
    /// Set to stop: running runs end, none is begun.
    pub stop: AtomicBool,
    /// Nanoseconds in the steps of all runs and in what is measured of them, summed over threads.
    pub driving: AtomicU64,
    /// Nanoseconds in recording runs, likewise.
    pub recording: AtomicU64,
    stage: Mutex<&'static str>,
}

impl Monitor {
    /// What is being done, in words; empty before anything is.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// What an execution came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Executed {
    /// The report; `None` for a share, whose report [`merge`](crate::merge::merge) makes.
    pub rendered: Option<Rendered>,
    /// Runs that were to be done.
    pub runs: u64,
    /// How many of them were finished before.
    pub skipped: u64,
    /// Runs of other processes that were done besides.
    pub taken_over: u64,
    /// Runs that broke down, in the order of the plan.
    pub diverged: Vec<Diverged>,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
    /// Runs that were stopped on the way and whose records until then are kept.
    pub cut_short: u64,
}

/// A run that broke down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// Its legend.
    pub label: String,
    /// Its game.
    pub game: String,
    /// Step and cause.
    pub detail: String,
}

/// Why a plan could not be executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// What only a game could tell about the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The results folder.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The exact solver.
    #[error(transparent)]
    Reference(#[from] Unsolved),
    /// A parameter that the plan's check let through.
    #[error("run `{label}` on `{game}`: {error}")]
    Build {
        /// The run's legend.
        label: String,
        /// Its game.
        game: String,
        /// Why.
        error: equipoise::core::BuildError,
    },
    /// No model could be learned from the labels of a run.
    #[error("run `{label}` on `{game}`, repetition {repetition}: {error}")]
    Learn {
        /// The run's legend.
        label: String,
        /// Its game.
        game: String,
        /// Its repetition, from 0.
        repetition: u32,
        /// Why.
        error: Box<equipoise::models::learned::LearnError>,
    },
    /// The thread pool.
    #[error("cannot start {jobs} threads: {problem}")]
    Threads {
        /// Threads asked for.
        jobs: usize,
        /// Why.
        problem: String,
    },
}

/// Runs the plan, or the share of it that `options` names. Finished runs with the same id are kept; equal plans give equal
/// bits for any number of jobs and processes. Runs that share a large game are driven in lock-step, so that they read its
/// matrix together ([`batcher`]).
///
/// # Errors
/// [`ExecuteError`]; runs finished until then are kept.
pub fn execute(plan: &Plan, options: &Options, monitor: &Monitor) -> Result<Executed, ExecuteError> {
    let work = Work::of(plan, options.shard);
    plan.check_size(work.runs)?;
    forecast::check_memory(plan, work.games.iter().map(|(g, _)| *g))?;
    forecast::check_space(plan, work.runs, &options.out, options.shard.is_none())?;
    if !options.force {
        ResultsDir::check_own(&options.out)?;
    }
    let jobs = threads(options.jobs, work.runs);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|e| ExecuteError::Threads { jobs, problem: e.to_string() })?;
    let process = Process {
        plan,
        options,
        monitor,
        pool: Arc::new(pool),
        answers: ExactAnswers::default(),
        kept: Kept::default(),
    };
    process.execute(&work)
}

/// The results folder of an experiment where none is named: `results/<name>`.
#[must_use]
pub fn default_out(plan: &Plan) -> PathBuf {
    Path::new("results").join(&plan.spec.name)
}

/// Threads for so many runs: no more than runs, but for the cores, which share the products of a large game.
fn threads(jobs: usize, runs: u64) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let useful = usize::try_from(runs).unwrap_or(usize::MAX).clamp(cores, MOST_THREADS.max(cores));
    jobs.clamp(1, useful)
}

/// What a process is to do: games with their units, in the order of the plan.
struct Work {
    games: Vec<(usize, Vec<Unit>)>,
    runs: u64,
}

impl Work {
    fn of(plan: &Plan, shard: Option<Shard>) -> Self {
        let mut games: Vec<(usize, Vec<Unit>)> = Vec::new();
        let mut runs = 0;
        for unit in shard::share(plan, shard) {
            runs += unit.runs.end - unit.runs.start;
            match games.last_mut() {
                Some((game, units)) if *game == unit.game => units.push(unit),
                _ => games.push((unit.game, vec![unit])),
            }
        }
        Self { games, runs }
    }
}

/// What the runs of one game came to.
#[derive(Default)]
struct Done {
    skipped: u64,
    diverged: Vec<(RunPlan, String)>,
    interrupted: bool,
    cut_short: u64,
}

struct Process<'a> {
    plan: &'a Plan,
    options: &'a Options,
    monitor: &'a Monitor,
    pool: Arc<rayon::ThreadPool>,
    answers: ExactAnswers,
    kept: Kept,
}

impl Process<'_> {
    fn execute(self, work: &Work) -> Result<Executed, ExecuteError> {
        let alone = self.options.shard.is_none();
        // what another process writes at the same time must not be replaced
        let access = if self.options.fresh && alone { Access::Alone } else { Access::Shared };
        let what = match self.options.shard {
            None => "equipoise run".to_owned(),
            Some(shard) => format!("equipoise run --shard {shard}"),
        };
        let text = self.plan.to_yaml();
        let prepared = |dir: ResultsDir| {
            let dir = dir.for_runs(self.plan.runs());
            match self.options.shard {
                None => dir,
                Some(shard) => dir.for_share(shard.index, shard.count, &text),
            }
        };
        let existing = ResultsDir::existing(&self.options.out).map(prepared);
        if let Some(dir) = &existing {
            self.answers.open(dir.clone());
        }
        self.monitor.enter("making games");
        let first = if alone { work.games.len() } else { work.games.len().min(1) };
        // all are checked before the first refusal is picked, so that it is the first whatever the threads do
        let checked: Vec<_> = self.pool.install(|| {
            let one = |(g, _): &(usize, Vec<Unit>)| self.checked(*g).map(|made| (*g, made.identity.clone()));
            work.games[..first].par_iter().map(one).collect()
        });
        let checked = checked.into_iter().collect::<Result<Vec<_>, ConfigError>>()?;
        if alone && let Some(dir) = &existing {
            let mut ids = Vec::new();
            for (g, identity) in &checked {
                ids.extend(self.plan.keys(*g).map(|key| self.plan.run(identity, key).id));
            }
            self.check_kept(dir, &ids)?;
        }
        let dir = match existing {
            Some(dir) => dir,
            None => prepared(ResultsDir::create(&self.options.out)?),
        };
        let mut held = dir.hold(access, &what)?;
        if let Some(before) = held.left_over() {
            tracing::warn!(
                "{}: {before} ended without giving the folder back; going on",
                dir.path().display()
            );
        }
        if held.is_only() {
            dir.remove_partial(&dir.partial()?)?;
            for lost in dir.lost()? {
                tracing::warn!("{lost}; what is missing by that is done again");
            }
        }
        self.plan.place_inputs()?;
        let text = self.plan.to_yaml();
        let inputs = self.plan.input_files();
        dir.check_inputs(&inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &text)?;
        // nothing is copied for a plan that is refused, and no plan names a copy that is not there yet
        dir.check_plan(&text, &held)?;
        self.plan.keep_inputs(&dir)?;
        dir.write_plan(&text, &mut held)?;
        self.answers.open(dir.clone());
        self.monitor.enter("solving games");
        let collected = if alone { Some(self.collected(work, &dir)?) } else { None };
        let ids = collected.map(|collected| collected.write_games(self.plan, &dir)).transpose()?;

        self.monitor.enter("running");
        let batched = |(g, units): &&(usize, Vec<Unit>)| shard::is_large(self.plan, *g) && runs_of(units) > 1;
        let (later, now): (Vec<_>, Vec<_>) = work.games.iter().partition(batched);
        let done = now.par_iter().map(|(g, units)| Ok((*g, self.game(*g, units, &dir, false, None)?)));
        let done: Vec<_> = self.pool.install(|| done.collect::<Result<_, ExecuteError>>())?;
        let mut finished = Vec::new();
        let mut waiting: Vec<usize> = later.iter().map(|(g, _)| *g).collect();
        for (g, done) in done {
            match done {
                Some(done) => finished.push((g, done)),
                None => waiting.push(g),
            }
        }
        waiting.sort_unstable();
        for g in waiting {
            let at = work.games.binary_search_by_key(&g, |(g, _)| *g).expect("it is one of them");
            let done = self.game(g, &work.games[at].1, &dir, true, None)?;
            finished.push((g, done.expect("it does not wait twice")));
        }
        let skipped = finished.iter().map(|(_, done)| done.skipped).sum();
        let taken_over = match (self.options.shard, self.options.steal) {
            (Some(shard), Some(steal)) => self.take_over(shard, steal, &dir, &mut finished)?,
            _ => 0,
        };
        finished.sort_by_key(|(g, _)| *g);
        dir.make_durable()?;

        let enter = |stage| self.monitor.enter(stage);
        let rendered = match ids {
            Some(ids) => self.pool.install(|| write_results(self.plan, &ids, &dir, false, &enter))?.rendered,
            None => None,
        };
        let interrupted = finished.iter().any(|(_, done)| done.interrupted);
        let diverged = finished.iter().flat_map(|(_, done)| &done.diverged);
        Ok(Executed {
            rendered,
            runs: work.runs,
            skipped,
            taken_over,
            diverged: diverged
                .map(|(run, detail)| Diverged {
                    label: run.label.clone(),
                    game: self.plan.game_name(run.key.game).into_owned(),
                    detail: detail.clone(),
                })
                .collect(),
            interrupted,
            cut_short: finished.iter().map(|(_, done)| done.cut_short).sum(),
        })
    }

    /// Does what the other processes have not done yet: first what nobody has begun, then the rest, whose owners may be gone. A run
    /// that two of them do is recorded once, by whoever is first.
    fn take_over(
        &self,
        shard: Shard,
        steal: Steal,
        dir: &ResultsDir,
        finished: &mut Vec<(usize, Done)>,
    ) -> Result<u64, ExecuteError> {
        self.monitor.enter("taking over runs of others");
        dir.take_over()?;
        let taken_over = AtomicU64::new(0);
        let passes: &[bool] = if steal == Steal::All { &[true, false] } else { &[true] };
        for &is_begun_left in passes {
            let one = |unit: Unit| {
                let left = if is_begun_left { dir.begun()? } else { BTreeSet::new() };
                let open = self.open(&unit, dir, &left)?;
                if open == 0 || self.monitor.stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                taken_over.fetch_add(open, Ordering::Relaxed);
                let done = self.game(unit.game, std::slice::from_ref(&unit), dir, false, Some(&left))?;
                Ok(Some((unit, left, done)))
            };
            // in their order, as threads become free
            let others = shard::of_others(self.plan, shard).into_iter().par_bridge();
            let done: Result<Vec<_>, ExecuteError> =
                self.pool.install(|| others.map(one).filter_map(Result::transpose).collect());
            for (unit, left, done) in done? {
                let units = std::slice::from_ref(&unit);
                let done = match done {
                    Some(done) => done,
                    None => {
                        self.game(unit.game, units, dir, true, Some(&left))?.expect("it does not wait twice")
                    }
                };
                finished.push((unit.game, done));
            }
        }
        Ok(taken_over.into_inner())
    }

    /// How many runs of a unit are not finished, those apart that are `left` to others.
    fn open(&self, unit: &Unit, dir: &ResultsDir, left: &BTreeSet<String>) -> Result<u64, ExecuteError> {
        let known = KnownGame::read(self.plan, unit.game, dir)?;
        let identity = match known.filter(|known| known.semantics == identity::SEMANTICS) {
            Some(known) => known.identity,
            None => self.plan.make(unit.game)?.identity,
        };
        let ids =
            unit.runs.clone().map(|k| self.plan.run(&identity, self.plan.key(unit.game, unit.tau, k)).id);
        Ok(ids.filter(|id| !left.contains(id) && dir.finished(id).is_none()).count() as u64)
    }

    /// Refuses to go on among runs that another version wrote, or of which there are two results.
    fn check_kept(&self, dir: &ResultsDir, ids: &[String]) -> Result<(), RecordsError> {
        if self.options.fresh {
            return Ok(());
        }
        dir.check_versions(ids)?;
        dir.check_equal(ids)
    }

    /// Game `g`, made, with every method built on it once.
    fn checked(&self, g: usize) -> Result<Arc<GamePlan>, ConfigError> {
        if let Some(made) = self.kept.get(g) {
            return Ok(made);
        }
        let made = Arc::new(self.plan.make(g)?);
        self.plan.check_methods(&made, &self.answers)?;
        self.kept.offer(g, &made);
        Ok(made)
    }

    /// What is known about all games of a process that works alone; everything that is solved for is remembered.
    fn collected(&self, work: &Work, dir: &ResultsDir) -> Result<Collected, ExecuteError> {
        let known = work.games.par_iter().map(|(g, _)| {
            let made = self.checked(*g)?;
            let (problems, found) = find_out(self.plan, &made, &self.answers, || self.known(*g, &made, dir))?;
            self.warn_of_targets(&problems, &made);
            if self.kept.get(*g).is_none() {
                self.answers.forget(&made.identity, self.plan.spec.taus.iter().copied());
            }
            Ok(found)
        });
        let known: Vec<_> = self.pool.install(|| known.collect::<Result<_, ExecuteError>>())?;
        Ok(Collected::new(self.plan, known))
    }

    /// What is known about a game: found out, or read where another process wrote it down.
    fn known(&self, g: usize, made: &GamePlan, dir: &ResultsDir) -> Result<KnownGame, ExecuteError> {
        if !self.options.fresh
            && let Ok(Some(known)) = KnownGame::read(self.plan, g, dir)
            && known.describes(made)
        {
            return Ok(known);
        }
        let known = KnownGame::of(self.plan, made, &self.answers)?;
        known.write(self.plan, g, dir)?;
        Ok(known)
    }

    /// Says before the runs which targets no method can meet that goes to its equilibrium.
    fn warn_of_targets(&self, problems: &BTreeMap<usize, Problem>, made: &GamePlan) {
        for target in problems.values().flat_map(|problem| beyond_equilibrium(self.plan, made, problem)) {
            tracing::warn!("{target}");
        }
    }

    /// Does the open runs of one game. `None`: the game is so large that its runs share products, for which they must not
    /// wait inside the pool; its turn comes later, outside (`in_turn`). `left`: they are another process's, which is met from the
    /// other end and keeps these.
    fn game(
        &self,
        g: usize,
        units: &[Unit],
        dir: &ResultsDir,
        in_turn: bool,
        left: Option<&BTreeSet<String>>,
    ) -> Result<Option<Done>, ExecuteError> {
        if self.monitor.stop.load(Ordering::Relaxed) {
            return Ok(Some(Done { interrupted: true, ..Done::default() }));
        }
        let made = self.pool.install(|| self.checked(g))?;
        let batched = self.plan.spec.limits.seconds.is_none() && batcher::worth_batching(&made.game);
        if batched && runs_of(units) > 1 && !in_turn {
            return Ok(None);
        }
        let mut done = Done::default();
        let mut open = Vec::new();
        let keys = units.iter().flat_map(|unit| unit.runs.clone().map(|k| self.plan.key(g, unit.tau, k)));
        let runs: Vec<RunPlan> = keys.map(|key| self.plan.run(&made.identity, key)).collect();
        if self.options.shard.is_some() {
            self.check_kept(dir, &runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>())?;
        }
        for run in runs {
            match if self.options.fresh { RunState::Missing } else { dir.examine(&run.id)? } {
                RunState::Missing | RunState::Interrupted(_) => open.push(run),
                RunState::Damaged(what) => {
                    tracing::warn!(
                        "run {} ({} on {}) is damaged: {what}; it is done again",
                        run.id,
                        run.label,
                        made.name
                    );
                    open.push(run);
                }
                RunState::Finished(record) => {
                    done.skipped += 1;
                    if broke_down(&record) {
                        done.diverged.push((run, record.stop_detail));
                    }
                }
            }
        }
        if let Some(left) = left {
            open.retain(|run| !left.contains(&run.id));
            open.reverse();
        }
        self.monitor.runs.fetch_add(done.skipped, Ordering::Relaxed);
        let steps = self.plan.spec.limits.steps.saturating_mul(done.skipped);
        self.monitor.steps.fetch_add(steps, Ordering::Relaxed);
        let mut taus: Vec<usize> = units.iter().map(|unit| unit.tau).collect();
        taus.dedup();
        let problems = self.pool.install(|| problems(self.plan, &made, &self.answers, &taus))?;
        if self.options.shard.is_some() {
            self.known(g, &made, dir)?;
            self.warn_of_targets(&problems, &made);
        }
        let one = |run: RunPlan, handle: Option<BatchHandle>| {
            if self.monitor.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            // another process may have done it in the meantime
            if handle.is_none()
                && !self.options.fresh
                && let RunState::Finished(record) = dir.examine(&run.id)?
            {
                self.monitor.runs.fetch_add(1, Ordering::Relaxed);
                self.monitor.steps.fetch_add(self.plan.spec.limits.steps, Ordering::Relaxed);
                return Ok(Some((run, *record)));
            }
            let record = self.run(&made, &problems[&run.key.tau], &run, handle, dir)?;
            self.monitor.runs.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ExecuteError>(Some((run, record)))
        };
        let one = &one;
        let (groups, single) = group_for_batching(open, batched);
        let mut records = Vec::new();
        for group in groups {
            let handles = batcher::handles(&made.game, group.len(), &self.pool);
            let ended: Result<Vec<_>, _> = std::thread::scope(|scope| {
                let runs: Vec<_> = group
                    .into_iter()
                    .zip(handles)
                    .map(|(run, handle)| scope.spawn(move || one(run, Some(handle))))
                    .collect();
                runs.into_iter().map(|run| run.join().expect("a run does not panic")).collect()
            });
            records.extend(ended?);
        }
        let ended = || single.into_par_iter().map(|run| one(run, None)).collect::<Result<Vec<_>, _>>();
        records.extend(self.pool.install(ended)?);
        for record in records {
            match record {
                None => done.interrupted = true,
                Some((_, record)) if record.stop_reason == StopKind::Interrupted => {
                    done.interrupted = true;
                    done.cut_short += 1;
                }
                Some((run, record)) if broke_down(&record) => {
                    done.diverged.push((run, record.stop_detail));
                }
                Some(_) => {}
            }
        }
        done.diverged
            .sort_by_key(|(run, _)| (run.key.tau, run.key.method, run.key.oracle, run.key.repetition));
        self.answers.forget(&made.identity, self.plan.spec.taus.iter().copied().chain([0.0]));
        self.kept.drop_game(g);
        Ok(Some(done))
    }

    /// Drives and records one run; one that is interrupted with what it recorded until then, as such.
    fn run(
        &self,
        made: &GamePlan,
        problem: &Problem,
        run: &RunPlan,
        handle: Option<BatchHandle>,
        dir: &ResultsDir,
    ) -> Result<RunRecord, ExecuteError> {
        let (plan, spec, monitor) = (self.plan, &self.plan.spec, self.monitor);
        let method = &spec.methods[run.key.method];
        let (entry, parameters) = (method.entry, &method.parameters);
        let repetition = u64::from(run.key.repetition);
        let tau = spec.taus[run.key.tau];
        let oracle_ids: Vec<String> = if spec.independent_noise {
            identity::own_oracle_stream(&made.name, entry.name, parameters, tau, repetition).into()
        } else {
            identity::oracle_stream(&made.name, repetition).into()
        };
        let solver_ids = identity::solver_stream(&made.name, entry.name, parameters, tau, repetition);
        let mut writer = dir.begin_run(&run.id)?;
        let written = Mutex::new((&mut writer, Ok(())));
        let begun = Instant::now();
        let recording = AtomicU64::new(0);
        // the trace goes to disk as it comes; the first failure ends the run
        let take = |points: &[Point]| {
            let begun = Instant::now();
            let (writer, result) = &mut *written.lock().expect(UNPOISONED);
            if result.is_ok() {
                let points: Vec<TracePoint> = points.iter().map(record::trace_point).collect();
                *result = writer.trace(&points);
            }
            recording.fetch_add(nanoseconds(begun), Ordering::Relaxed);
        };
        let told = AtomicU64::new(0);
        // counts the steps done; whether the run goes on
        let tell = |step: u64| {
            let before = told.fetch_max(step, Ordering::Relaxed);
            monitor.steps.fetch_add(step.saturating_sub(before), Ordering::Relaxed);
            !monitor.stop.load(Ordering::Relaxed) && written.lock().expect(UNPOISONED).1.is_ok()
        };
        let options = RunOptions {
            in_groups: Some(KeepRunning(&tell)),
            sink: Some(TraceSink(&take)),
            rng: seed::stream(spec.seed, "solver", &solver_ids.each_ref().map(String::as_str)),
            limits: &spec.limits,
            schedule: &spec.record,
            metrics: &spec.metrics,
            keep_policies: spec.save_policies,
        };
        let rng =
            seed::stream(spec.seed, "oracle", &oracle_ids.iter().map(String::as_str).collect::<Vec<_>>());
        let oracle = &spec.oracles[run.key.oracle];
        let policies = (&problem.task.reference, &problem.task.start);
        let learned = |error| ExecuteError::Learn {
            label: run.label.clone(),
            game: made.name.clone(),
            repetition: run.key.repetition,
            error: Box::new(error),
        };
        let mut oracle = oracle.build(&made.game, handle, policies, rng).map_err(learned)?;
        let tick = if batcher::worth_batching(&made.game) { 1 } else { TICK };
        let mut keep_running = |now: AfterStep<'_>| !now.step.is_multiple_of(tick) || tell(now.step);
        let driven = problem.run(entry, parameters, oracle.as_mut(), &options, &mut keep_running);
        let driven = driven.map_err(|error| ExecuteError::Build {
            label: run.label.clone(),
            game: made.name.clone(),
            error,
        })?;
        let recording = recording.into_inner();
        monitor.driving.fetch_add(nanoseconds(begun).saturating_sub(recording), Ordering::Relaxed);
        let begun = Instant::now();
        tell(spec.limits.steps);
        written.into_inner().expect(UNPOISONED).1?;
        let outcome = &driven.outcome;
        let record = record::run_record(plan, run, problem, &driven);
        let policies: Vec<PolicyPoint> = outcome.kept.iter().flat_map(record::policy_points).collect();
        let path: Vec<PathPoint> =
            outcome.path.iter().map(|&(step, [p0, p1, p2])| PathPoint { step, p0, p1, p2 }).collect();
        let policies = spec.save_policies.then_some(&policies[..]);
        let path = (!path.is_empty()).then_some(&path[..]);
        if outcome.stop == StopReason::Interrupted && dir.finished(&run.id).is_some() {
            return Ok(record); // a part is not put in the place of a whole run
        }
        let existing = if self.options.fresh { Existing::Replace } else { Existing::Keep };
        writer.finish(&record, policies, path, existing)?;
        monitor.recording.fetch_add(recording + nanoseconds(begun), Ordering::Relaxed);
        Ok(record)
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn broke_down(record: &RunRecord) -> bool {
    record.stop_reason == StopKind::Diverged
}

fn runs_of(units: &[Unit]) -> u64 {
    units.iter().map(|unit| unit.runs.end - unit.runs.start).sum()
}

/// Groups of at most [`BATCH`] runs of one large game that are driven in lock-step, in the order of the plan, and the runs
/// that are driven alone. A time limit is each run's own, so such runs do not wait for others (`batched` is then false).
fn group_for_batching(open: Vec<RunPlan>, batched: bool) -> (Vec<Vec<RunPlan>>, Vec<RunPlan>) {
    if !batched {
        return (Vec::new(), open);
    }
    let groups = open.chunks(BATCH as usize).map(<[RunPlan]>::to_vec);
    let (groups, single): (Vec<_>, Vec<_>) = groups.partition(|group| group.len() > 1);
    (groups, single.into_iter().flatten().collect())
}
