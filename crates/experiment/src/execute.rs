//! From a plan to a results folder: settle each game, drive each run, record it atomically, render the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use equipoise::core::{Task, seed};
use equipoise::env::GameOracle;
use equipoise::env::batcher::{self, BatchHandle};
use equipoise::eval::{AfterStep, Point, StopReason};
use equipoise::reference::ReferenceError;
use equipoise::{Problem, RunOptions, RunResult};
use equipoise_records::schema::{
    EquilibriumRecord, FORMAT, GameRecord, GamesFile, PathPoint, PolicyPoint, Rate, Reached, RunRecord,
    Summary, TracePoint,
};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, RecordsError, ResultsDir};
use equipoise_report::{Rendered, ReportError, write_reports};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::facts;
use crate::identity;
use crate::plan::{GamePlan, Plan, RunPlan};

/// Exact answers are computed where the cubes of the actions, summed over contexts, stay below this: one context of
/// about 600 actions, or a million of 6.
const SOLVABLE: f64 = 2.5e8;
/// Facts about the contexts of a game of several are counted where none has more actions.
const COUNTED: usize = 2048;
/// Largest matrix that is copied into `games.json`.
const SHOWN: usize = 60;
/// Largest policy that is copied into `run.json`, in entries.
const POLICY_ENTRIES: usize = 1_000_000;
/// Most runs that share one pass over a large game.
const SEATS: usize = 16;
/// The progress counter is told every so many steps of a small game, and at every step of a large one.
const TICK: u64 = 256;

/// How a plan is executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Results folder.
    pub out: PathBuf,
    /// Runs done at the same time, at least 1.
    pub jobs: usize,
    /// Run again what is finished.
    pub fresh: bool,
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
}

/// What an execution came to.
#[derive(Debug)]
pub struct Executed {
    /// The report.
    pub rendered: Rendered,
    /// All finished runs, in the order of the plan.
    pub runs: Vec<RunRecord>,
    /// How many of them were finished before.
    pub skipped: usize,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

/// Why a plan could not be executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The results folder.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The exact solver.
    #[error("game `{game}` with tau {tau}: {source}")]
    Reference {
        /// The game.
        game: String,
        /// The regularisation.
        tau: f64,
        /// Why.
        source: ReferenceError,
    },
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
    /// The thread pool.
    #[error("cannot start {jobs} threads: {problem}")]
    Threads {
        /// Threads asked for.
        jobs: usize,
        /// Why.
        problem: String,
    },
}

/// Runs the plan. Finished runs with the same id are kept; equal plans give equal bits for any number of jobs. Runs that
/// share a large game are driven in lock-step, so that they read its matrix together ([`batcher`]).
///
/// # Errors
/// [`ExecuteError`]; runs finished until then are kept.
pub fn execute(plan: &Plan, options: &Options, monitor: &Monitor) -> Result<Executed, ExecuteError> {
    let jobs = options.jobs;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|e| ExecuteError::Threads { jobs, problem: e.to_string() })?;
    let pool = Arc::new(pool);
    let dir = ResultsDir::create(&options.out)?;
    dir.write_plan(&plan.to_yaml())?;
    let ids: Vec<String> = plan.runs.iter().map(|r| r.id.clone()).collect();
    dir.write_planned(&ids)?;
    dir.write_metrics(&plan.metrics.iter().map(|m| m.info()).collect::<Vec<_>>())?;
    let problems = pool.install(|| settle(plan))?;
    dir.write_games(&pool.install(|| games_file(plan, &problems))?)?;
    let finished = |run: &RunPlan| if options.fresh { None } else { dir.finished(&run.id) };
    let mut records: Vec<Option<RunRecord>> = pool.install(|| plan.runs.par_iter().map(finished).collect());
    let skipped = records.iter().flatten().count();
    monitor.runs.fetch_add(skipped as u64, Ordering::Relaxed);
    monitor.steps.fetch_add(plan.limits.steps.saturating_mul(skipped as u64), Ordering::Relaxed);

    let one = |k: usize, handle: Option<BatchHandle>| {
        if monitor.stop.load(Ordering::Relaxed) {
            return Ok((k, None));
        }
        let record = run_one(plan, &plan.runs[k], handle, &problems, &dir, monitor)?;
        monitor.runs.fetch_add(1, Ordering::Relaxed);
        Ok::<_, ExecuteError>((k, record))
    };
    let one = &one;
    let open: Vec<usize> = (0..records.len()).filter(|&k| records[k].is_none()).collect();
    let (groups, single) = tables(plan, open);
    for group in groups {
        let handles = batcher::handles(&plan.games[plan.runs[group[0]].game].game, group.len(), &pool);
        let done: Result<Vec<_>, _> = std::thread::scope(|scope| {
            let runs: Vec<_> = group
                .iter()
                .zip(handles)
                .map(|(&k, handle)| scope.spawn(move || one(k, Some(handle))))
                .collect();
            runs.into_iter().map(|run| run.join().expect("a run does not panic")).collect()
        });
        done?.into_iter().for_each(|(k, record)| records[k] = record);
    }
    let done: Vec<_> =
        pool.install(|| single.into_par_iter().map(|k| one(k, None)).collect::<Result<_, ExecuteError>>())?;
    done.into_iter().for_each(|(k, record)| records[k] = record);

    let interrupted = records.iter().any(Option::is_none);
    let runs: Vec<RunRecord> = records.into_iter().flatten().collect();
    dir.write_summary(&Summary { format: FORMAT, name: plan.name.clone(), runs: runs.clone() })?;
    let rendered = write_reports(dir.path())?;
    Ok(Executed { rendered, runs, skipped, interrupted })
}

/// Deals runs that share a large game to tables of at most [`SEATS`], in the order of the plan; the rest run alone. A
/// time limit is each run's own, so such runs do not wait for others.
fn tables(plan: &Plan, open: Vec<usize>) -> (Vec<Vec<usize>>, Vec<usize>) {
    let large = |k: &usize| {
        plan.limits.seconds.is_none() && batcher::worth_batching(&plan.games[plan.runs[*k].game].game)
    };
    let (shared, mut single): (Vec<usize>, Vec<usize>) = open.into_iter().partition(large);
    let by_game = shared.chunk_by(|&a, &b| plan.runs[a].game == plan.runs[b].game);
    let (groups, lonely): (Vec<_>, Vec<_>) =
        by_game.flat_map(|runs| runs.chunks(SEATS)).map(<[usize]>::to_vec).partition(|g| g.len() > 1);
    single.extend(lonely.into_iter().flatten());
    (groups, single)
}

/// Problems by game index and position of tau.
type Problems = BTreeMap<(usize, usize), Problem>;

fn settle(plan: &Plan) -> Result<Problems, ExecuteError> {
    let keys: Vec<(usize, usize)> =
        (0..plan.games.len()).flat_map(|g| (0..plan.taus.len()).map(move |t| (g, t))).collect();
    keys.into_par_iter()
        .map(|key| {
            let (game, tau) = (&plan.games[key.0], plan.taus[key.1]);
            let task = Task::new(game.reference.clone()).start(game.start.clone()).tau(tau);
            let problem = Problem::new(game.game.clone(), task);
            if solvable(game) {
                let solved = problem.solve().map_err(|source| ExecuteError::Reference {
                    game: game.name.clone(),
                    tau,
                    source,
                })?;
                Ok((key, solved))
            } else {
                tracing::warn!(
                    game = game.name,
                    "too large for an exact answer; metrics that need it are NaN"
                );
                Ok((key, problem))
            }
        })
        .collect()
}

fn solvable(game: &GamePlan) -> bool {
    let shape = game.game.shape();
    (0..shape.contexts()).map(|x| (shape.actions(x) as f64).powi(3)).sum::<f64>() <= SOLVABLE
}

fn games_file(plan: &Plan, problems: &Problems) -> Result<GamesFile, ExecuteError> {
    let records = plan.games.par_iter().enumerate().map(|(g, game)| {
        let shape = game.game.shape();
        let (single, n) = (shape.contexts() == 1, shape.actions(0));
        let largest = (0..shape.contexts()).map(|x| shape.actions(x)).max().unwrap_or(0);
        let facts = (single && solvable(game))
            .then(|| facts::game_facts(&game.game, &game.unmet_pairs))
            .transpose()
            .map_err(|source| ExecuteError::Reference { game: game.name.clone(), tau: 0.0, source })?;
        let matrix = (single && n <= SHOWN)
            .then(|| (0..n).map(|i| (0..n).map(|j| game.game.prob(0, i, j)).collect()).collect());
        Ok(GameRecord {
            name: game.name.clone(),
            source: game.source.clone(),
            contexts: shape.contexts(),
            n,
            labels: game.game.labels(0),
            matrix,
            unmet_pairs: game.unmet_pairs.clone(),
            reference: game.reference.probs_at(0).to_vec(),
            facts,
            context_facts: (!single && largest <= COUNTED).then(|| facts::context_facts(&game.game)),
            equilibria: (0..plan.taus.len()).filter_map(|t| equilibrium(&problems[&(g, t)])).collect(),
        })
    });
    Ok(GamesFile {
        format: FORMAT,
        experiment: plan.name.clone(),
        description: plan.description.clone(),
        games: records.collect::<Result<_, ExecuteError>>()?,
    })
}

fn equilibrium(problem: &Problem) -> Option<EquilibriumRecord> {
    use equipoise::eval::metrics::{Truth, measure};
    let policy = problem.equilibrium.as_ref()?;
    let tau = problem.task.tau;
    let truth = Truth { game: &problem.game, reference: &problem.task.reference, tau, equilibrium: None };
    Some(EquilibriumRecord {
        tau,
        policy: policy.probs_at(0).to_vec(),
        duality_gap: measure(DUALITY_GAP, &truth, policy),
        duality_gap_tau: (tau > 0.0).then(|| measure(DUALITY_GAP_TAU, &truth, policy)),
        frequencies: problem.frequencies.iter().copied().take(16).collect(),
    })
}

/// Drives and records one run; `None` if it was interrupted (its records are not written).
fn run_one(
    plan: &Plan,
    run: &RunPlan,
    handle: Option<BatchHandle>,
    problems: &Problems,
    dir: &ResultsDir,
    monitor: &Monitor,
) -> Result<Option<RunRecord>, ExecuteError> {
    let game = &plan.games[run.game];
    let t = plan.taus.iter().position(|&tau| tau == run.tau).expect("a run's tau is one of the plan's");
    let problem = &problems[&(run.game, t)];
    let repetition = u64::from(run.repetition);
    let oracle_ids = identity::oracle_stream(&game.name, repetition);
    let solver_ids = identity::solver_stream(&game.name, run.solver, &run.parameters, run.tau, repetition);
    let options = RunOptions {
        rng: seed::stream(plan.seed, "solver", &solver_ids.each_ref().map(String::as_str)),
        limits: &plan.limits,
        schedule: &plan.record,
        metrics: &plan.metrics,
        keep_policies: plan.save_policies,
    };
    let rng = seed::stream(plan.seed, "oracle", &oracle_ids.each_ref().map(String::as_str));
    let mut oracle = match handle {
        Some(handle) => GameOracle::batched(handle, run.oracle.clone(), rng),
        None => GameOracle::new(game.game.clone(), run.oracle.clone(), rng),
    };
    let tick = if batcher::worth_batching(&game.game) { 1 } else { TICK };
    let mut told = 0;
    let mut keep_running = |now: AfterStep<'_>| {
        let step = now.step;
        if step % tick == 0 {
            monitor.steps.fetch_add(tick, Ordering::Relaxed);
            told = step;
            return !monitor.stop.load(Ordering::Relaxed);
        }
        true
    };
    let (entry, parameters) = (run.entry(), &run.parameters);
    let result = problem.run(entry, parameters, &mut oracle, &options, &mut keep_running);
    let result = result.map_err(|error| ExecuteError::Build {
        label: run.label.clone(),
        game: game.name.clone(),
        error,
    })?;
    monitor.steps.fetch_add(plan.limits.steps.saturating_sub(told), Ordering::Relaxed);
    if result.outcome.stop == StopReason::Interrupted {
        return Ok(None);
    }
    let record = run_record(plan, run, &result);
    let trace: Vec<TracePoint> = result.outcome.trace.iter().map(trace_point).collect();
    let policies: Vec<PolicyPoint> = result.outcome.kept.iter().flat_map(policy_points).collect();
    let path: Vec<PathPoint> =
        result.outcome.path.iter().map(|&(step, [p0, p1, p2])| PathPoint { step, p0, p1, p2 }).collect();
    dir.write_run(
        &record,
        &trace,
        plan.save_policies.then_some(&policies[..]),
        (!path.is_empty()).then_some(&path[..]),
    )?;
    Ok(Some(record))
}

fn trace_point(p: &Point) -> TracePoint {
    TracePoint {
        step: p.step,
        queries: p.cost.queries,
        duels: p.cost.duels,
        seconds: p.elapsed.as_secs_f64(),
        iterate: p.iterate,
        metric: p.metric.into(),
        value: p.value,
    }
}

fn policy_points(kept: &equipoise::eval::Kept) -> Vec<PolicyPoint> {
    let policy = &kept.policy;
    let shape = policy.shape();
    (0..shape.contexts())
        .flat_map(|context| {
            let (probs, logs) = (policy.probs_at(context), policy.log_probs_at(context));
            (0..shape.actions(context))
                .map(|action| PolicyPoint {
                    step: kept.step,
                    iterate: kept.iterate,
                    context,
                    action,
                    prob: probs[action],
                    log_prob: logs[action],
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn run_record(plan: &Plan, run: &RunPlan, result: &RunResult) -> RunRecord {
    let outcome = &result.outcome;
    let entry = run.entry();
    let last_step = outcome.trace.last().map_or(0, |p| p.step);
    let mut final_metrics: BTreeMap<_, _> = BTreeMap::new();
    for p in outcome.trace.iter().filter(|p| p.step == last_step) {
        let value = p.value.is_finite().then_some(p.value);
        final_metrics.entry(p.iterate).or_insert_with(BTreeMap::new).insert(p.metric.to_owned(), value);
    }
    let reached = outcome.reached.iter().map(|r| Reached {
        metric: r.metric.into(),
        iterate: r.iterate,
        target: r.target,
        step: r.at.map(|(step, _)| step),
        queries: r.at.map(|(_, cost)| cost.queries),
        duels: r.at.map(|(_, cost)| cost.duels),
    });
    let rate = (result.fitted.is_some() || result.predicted.is_some()).then(|| Rate {
        metric: result.judged_by.into(),
        fitted: result.fitted.map(|f| f.factor),
        window: result.fitted.map(|f| f.window),
        predicted: result.predicted,
    });
    RunRecord {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        id: run.id.clone(),
        experiment: plan.name.clone(),
        game: plan.games[run.game].name.clone(),
        solver: run.solver.into(),
        label: run.label.clone(),
        parameters: result.parameters.clone(),
        aim: entry.aim,
        guarantee: entry.guarantee,
        tau: run.tau,
        repetition: run.repetition,
        spec: plan.spec(run),
        stop_reason: outcome.stop.kind(),
        stop_detail: outcome.stop.to_string(),
        behaviour: outcome.behaviour,
        steps: outcome.steps,
        queries: outcome.cost.queries,
        duels: outcome.cost.duels,
        seconds: outcome.elapsed.as_secs_f64(),
        final_metrics,
        reached: reached.collect(),
        rate,
        notes: result.notes.clone(),
        final_policy: final_policy(&outcome.policy),
    }
}

fn final_policy(policy: &equipoise::core::Policy) -> Value {
    let shape = policy.shape();
    if shape.len() > POLICY_ENTRIES {
        Value::Null
    } else if shape.contexts() == 1 {
        json!(policy.probs_slice())
    } else {
        (0..shape.contexts()).map(|x| json!(policy.probs_at(x).to_vec())).collect()
    }
}

/// The results folder of an experiment where none is named: `results/<name>`.
#[must_use]
pub fn default_out(plan: &Plan) -> PathBuf {
    Path::new("results").join(&plan.name)
}
