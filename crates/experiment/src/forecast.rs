//! What a plan will take, said before anything runs: runs, hours, memory, and what is written.
//!
//! A step reads the game once for each product, so `bytes / bandwidth` bounds its time from below; the bandwidth is
//! measured on the spot. What a step takes with its vectors and its records is measured too: every method is driven for some
//! milliseconds on each game that is described, as long as [`MEASURED`] lasts; for the rest the bound stands.
//!
//! Games are made one at a time and dropped. Where a plan has many, the first of each entry stands for those that are
//! drawn like it, and no more than [`DESCRIBED`] are made; a game that memory cannot hold is described from its
//! parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use equipoise::RunOptions;
use equipoise::core::{SolverEntry, seed};
use equipoise::env::{Feedback, GameOracle};
use equipoise::eval::behaviour::Evidence;
use equipoise::eval::{AfterStep, Limits, Schedule};
use equipoise::machine::read_bandwidth;
use equipoise::models::intransitivity::REPLICATES;
use equipoise::oracles::OracleSpec;
use serde_json::Value;

use crate::build::Plan;
use crate::error::ConfigError;
use crate::estimate::{self, DRAWS};
use crate::exact::ExactAnswers;
use crate::game::GamePlan;
use crate::known::{problems, solvable};
use crate::merge::MAX_REPORTED;
use crate::targets::{BeyondEquilibrium, beyond_equilibrium};

/// Vectors of f64 over all actions that a run in flight holds, about: policies in both forms, gains, sums.
const VECTORS: u64 = 16;
/// Most games that are made and described one by one.
const DESCRIBED: usize = 64;
/// Games whose margins are declared to take no more than this, 64 MiB, are all made and checked, up to
/// [`CHECKED`] of them.
const SMALL: u64 = 1 << 26;
/// Most games that are all made and checked.
const CHECKED: usize = 1000;
/// Bytes of one line of a trace, and of one record, about.
const LINE_BYTES: u64 = 56;
const RECORD_BYTES: u64 = 3000;
/// Bytes that a line of a trace takes in memory while the report is made, about.
const LINE_IN_MEMORY: u64 = 96;
/// Bytes that a run in flight keeps of each recorded step.
const KEPT_OF_A_RECORD: u64 = 16;
/// How long methods are driven in all, and each of them on one game.
const MEASURED: Duration = Duration::from_secs(3);
const MEASURED_EACH: Duration = Duration::from_millis(10);
/// Most steps of a measurement.
const MEASURED_STEPS: u64 = 200;
/// Most duels of a query in a measurement; more of them take in proportion.
const MEASURED_DUELS: u32 = 1024;

/// What a plan will take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Forecast {
    /// Bytes a second that all threads together read.
    pub bandwidth: f64,
    /// Games, described; one may stand for others of its entry.
    pub games: Vec<GameForecast>,
    /// Games of the plan.
    pub count: usize,
    /// Runs of the plan.
    pub runs: u64,
    /// Most steps of one run.
    pub steps: u64,
    /// Least seconds that the products of all runs take, if every run does all its steps.
    pub product_seconds: f64,
    /// Seconds that all runs take on one thread, about, if every run does all its steps: measured, or `product_seconds` where
    /// nothing was. Exact answers and the report are not in it.
    pub seconds: f64,
    /// Seconds that the verdicts and intervals of games from comparisons take, about; not in `seconds`.
    pub estimate_seconds: f64,
    /// Targets that the equilibria of the described games do not meet.
    pub beyond: Vec<BeyondEquilibrium>,
    /// Bytes that will be written, about.
    pub written: u64,
    /// Bytes of memory that the traces take while the report is made, about; 0 for more runs than one report can show.
    pub report_bytes: u64,
}

/// What one game will take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GameForecast {
    /// Its name.
    pub name: String,
    /// Games that it stands for, itself included.
    pub alike: usize,
    /// Number of contexts.
    pub contexts: usize,
    /// Actions of all contexts.
    pub actions: usize,
    /// What its margins are kept in; empty if it was not made.
    pub storage: Vec<&'static str>,
    /// Bytes of its margins.
    pub bytes: u64,
    /// Bytes of the vectors of one run in flight, and of what its behaviour is told by, about.
    pub run_bytes: u64,
    /// Least seconds for one product.
    pub product_seconds: f64,
    /// Most win-rate queries that a step of one of its runs asks: as many products, and one more where the last iterate
    /// is not among what is asked about.
    pub queries: u64,
}

/// Measures the bandwidth and makes games of `plan`, one at a time, to see what they take and whether every method takes
/// them: all of them if they are few and small, else the first of each entry.
///
/// # Errors
/// What [`Plan::make`] and [`Plan::check_methods`] refuse.
pub fn forecast(plan: &Plan) -> Result<Forecast, ConfigError> {
    let small = plan.games() <= CHECKED && (0..plan.games()).all(|g| declared_bytes(plan, g).0 <= SMALL);
    let available = available_memory().unwrap_or(u64::MAX);
    let bandwidth = read_bandwidth();
    let tau = plan.spec.taus.iter().copied().fold(0.0, f64::max);
    let begun = Instant::now();
    let mut methods: BTreeMap<&str, (&SolverEntry, &Value, u64)> = BTreeMap::new();
    for method in &plan.spec.methods {
        methods.entry(method.entry.name).or_insert((method.entry, &method.parameters, 0)).2 += 1;
    }
    let mut games: Vec<GameForecast> = Vec::new();
    // products of all runs on one game of the last entry that was made, in seconds a step
    let (mut step_seconds, mut product_seconds) = (0.0, 0.0);
    // what a step of each of them takes, as far as it was measured, and all runs
    let (mut measured_seconds, mut seconds) = (0.0, 0.0);
    // the same for the estimate of one game, and for all
    let (mut of_an_estimate, mut estimate_seconds) = (0.0, 0.0);
    let mut beyond = Vec::new();
    let ((mut bytes, mut run_bytes), (mut contexts, mut actions)) = ((0, 0), (0, 0));
    for g in 0..plan.games() {
        let first = plan.is_first(g);
        let describe = games.len() < DESCRIBED && (first || plan.games() <= DESCRIBED);
        if first {
            (bytes, run_bytes) = declared_bytes(plan, g);
            (contexts, actions) = plan.game_spec(g).extent();
        }
        if bytes.saturating_add(run_bytes) > available {
            if first || describe {
                let product = bytes as f64 / bandwidth;
                step_seconds = product * plan.spec.runs_of_unit() as f64;
                measured_seconds = step_seconds;
                games.push(GameForecast {
                    name: plan.game_name(g).into_owned(),
                    alike: 1,
                    contexts,
                    actions: contexts.saturating_mul(actions),
                    storage: Vec::new(),
                    bytes,
                    run_bytes,
                    product_seconds: product,
                    queries: 1,
                });
            } else if let Some(last) = games.last_mut() {
                last.alike += 1;
            }
        } else if describe || small {
            let made = plan.make(g)?;
            plan.check_methods(&made, &ExactAnswers::default())?;
            let task = made.problem(tau).task;
            let product = made.game.product_cost().bytes as f64 / bandwidth;
            let mut queries = 0;
            step_seconds = 0.0;
            if describe {
                measured_seconds = 0.0;
                let counts = made.counts.as_deref().filter(|_| made.game.contexts() == 1);
                if counts.is_none() || begun.elapsed() < MEASURED {
                    of_an_estimate = counts.map_or(0.0, estimate::seconds);
                }
                beyond.extend(beyond_equilibria(plan, &made));
            }
            for (entry, parameters, count) in methods.values() {
                if let Ok(built) = entry.build(parameters, &task) {
                    let asked = built.solver.step_cost().queries;
                    queries = queries.max(asked);
                    let bound = product * asked as f64;
                    step_seconds += bound * *count as f64;
                    if describe {
                        let measure = bound < 0.1 && begun.elapsed() < MEASURED;
                        let of = |feedback| {
                            if measure {
                                measured(plan, &made, tau, entry, parameters, feedback)
                            } else {
                                None
                            }
                        };
                        let steps = plan.spec.oracles.iter().map(|feedback| of(feedback).unwrap_or(bound));
                        measured_seconds +=
                            steps.sum::<f64>() * *count as f64 * f64::from(plan.spec.repetitions);
                    }
                }
            }
            step_seconds *= plan.spec.oracles.len() as f64 * f64::from(plan.spec.repetitions);
            if describe {
                let len = made.game.shape().len();
                games.push(GameForecast {
                    name: made.name,
                    alike: 1,
                    contexts: made.game.contexts(),
                    actions: len,
                    storage: made.game.storage_names(),
                    bytes: made.game.bytes(),
                    run_bytes: run_bytes_of(plan, made.game.contexts() as u64, len as u64),
                    product_seconds: product,
                    queries,
                });
            } else if let Some(last) = games.last_mut() {
                last.alike += 1;
            }
        } else {
            if first {
                step_seconds = bytes as f64 / bandwidth * plan.spec.runs_of_unit() as f64;
                measured_seconds = step_seconds;
            }
            if let Some(last) = games.last_mut() {
                last.alike += 1;
            }
        }
        let steps = plan.spec.taus.len() as f64 * plan.spec.limits.steps as f64;
        estimate_seconds += of_an_estimate;
        product_seconds += step_seconds * steps;
        seconds += measured_seconds.max(step_seconds) * steps;
    }
    Ok(Forecast {
        bandwidth,
        games,
        count: plan.games(),
        runs: plan.runs(),
        steps: plan.spec.limits.steps,
        product_seconds,
        seconds,
        estimate_seconds,
        beyond,
        written: plan.runs().saturating_mul(run_written(plan)),
        report_bytes: report_bytes(plan, plan.runs()),
    })
}

/// The targets that the equilibria of a game do not meet, for all taus; of a game that is too large to be solved none is known.
fn beyond_equilibria(plan: &Plan, made: &GamePlan) -> Vec<BeyondEquilibrium> {
    if plan.spec.limits.target.is_empty() || !solvable(made) {
        return Vec::new();
    }
    let taus: Vec<usize> = (0..plan.spec.taus.len()).collect();
    match problems(plan, made, &ExactAnswers::default(), &taus) {
        Ok(problems) => {
            problems.values().flat_map(|problem| beyond_equilibrium(plan, made, problem)).collect()
        }
        Err(error) => {
            tracing::warn!("whether its targets can be met is not known: {error}");
            Vec::new()
        }
    }
}

/// Seconds of a step of a method on a game, records included; `None` if it could not be driven.
fn measured(
    plan: &Plan,
    made: &GamePlan,
    tau: f64,
    entry: &SolverEntry,
    parameters: &Value,
    oracle: &OracleSpec,
) -> Option<f64> {
    // what buying and fitting takes is not measured
    let OracleSpec::Game(feedback) = oracle else { return None };
    let (mut feedback, mut scale) = (feedback.clone(), 1.0);
    if let Feedback::Sampled(sampled) = &mut feedback
        && sampled.duels_per_query > MEASURED_DUELS
    {
        scale = f64::from(sampled.duels_per_query) / f64::from(MEASURED_DUELS);
        sampled.duels_per_query = MEASURED_DUELS;
    }
    let limits = Limits { steps: plan.spec.limits.steps.min(MEASURED_STEPS), ..Limits::steps(1) };
    let options = RunOptions::new(&limits, &plan.spec.record, &plan.spec.metrics);
    let mut oracle = GameOracle::new(made.game.clone(), feedback, seed::stream(0, "oracle", &[]));
    let begun = Instant::now();
    let mut in_time = |_: AfterStep<'_>| begun.elapsed() < MEASURED_EACH;
    let driven = made.problem(tau).run(entry, parameters, &mut oracle, &options, &mut in_time).ok()?;
    let steps = driven.outcome.steps.max(1);
    Some(begun.elapsed().as_secs_f64() / steps as f64 * scale)
}

/// Lines of the trace of a run, at most, about.
fn lines(plan: &Plan) -> u64 {
    let records = records(&plan.spec.record, plan.spec.limits.steps);
    records.saturating_mul(plan.spec.metrics.len() as u64).saturating_mul(3)
}

/// Bytes that a run writes, about.
fn run_written(plan: &Plan) -> u64 {
    lines(plan).saturating_mul(LINE_BYTES).saturating_add(RECORD_BYTES)
}

/// Bytes of the traces of so many runs in memory; 0 if there are too many for a report.
fn report_bytes(plan: &Plan, runs: u64) -> u64 {
    let reported = if runs <= MAX_REPORTED { runs } else { 0 };
    reported.saturating_mul(lines(plan).saturating_mul(LINE_IN_MEMORY))
}

/// Refuses runs whose records the disk cannot hold below `out`, or whose traces memory cannot hold for the report (`None`: none
/// is made), before any is begun.
///
/// # Errors
/// The number of bytes, and the way out.
pub fn check_space(plan: &Plan, runs: u64, out: &Path, report: bool) -> Result<(), ConfigError> {
    let refuse = |message: String| {
        let error = plan.spec.error(plan.spec.whole, message);
        Err(error.help("record more seldom (`record: log`, or `every: K` with a larger K), or have fewer `metrics`, `repetitions` or steps"))
    };
    let written = runs.saturating_mul(run_written(plan));
    if let Some(free) = free_space(out).filter(|free| written > *free) {
        return refuse(format!(
            "the records of {runs} runs take about {}, and {} are free for {}",
            bytes(written as f64),
            bytes(free as f64),
            out.display()
        ));
    }
    let Some(available) = available_memory() else { return Ok(()) };
    let in_flight = records(&plan.spec.record, plan.spec.limits.steps).saturating_mul(KEPT_OF_A_RECORD);
    let needed = in_flight.max(if report { report_bytes(plan, runs) } else { 0 });
    if needed > available {
        return refuse(format!(
            "the traces of {runs} runs take about {} of memory for the report, and {} are available",
            bytes(needed as f64),
            bytes(available as f64)
        ));
    }
    Ok(())
}

/// Bytes that are free where `path` is or will be; `None` where the system does not tell.
fn free_space(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let path = std::path::absolute(path).ok()?;
        let there = path.ancestors().find(|folder| folder.exists())?;
        let about = rustix::fs::statvfs(there).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Steps that a schedule records at most, about.
fn records(schedule: &Schedule, steps: u64) -> u64 {
    match schedule {
        Schedule::Every(k) => steps / k + 2,
        Schedule::At(at) => at.len() as u64 + 2,
        Schedule::Log => {
            let mut step = 0;
            (1..).find(|_| {
                step = schedule.next_after(step);
                step >= steps
            })
        }
        .unwrap_or(1),
    }
}

/// Refuses games that memory cannot hold, before any is touched.
///
/// # Errors
/// The number of bytes, and the way out.
pub(crate) fn check_memory(plan: &Plan, games: impl Iterator<Item = usize>) -> Result<(), ConfigError> {
    let Some(available) = available_memory() else { return Ok(()) };
    let needed = |g: usize| {
        let (bytes, of_a_run) = declared_bytes(plan, g);
        bytes.saturating_add(of_a_run)
    };
    // games that are drawn alike have the same size
    let mut games: Vec<usize> = games.collect();
    games.dedup_by(|a, b| plan.are_alike(*a, *b));
    let Some(g) = games.into_iter().filter(|&g| needed(g) > available).max_by_key(|&g| needed(g)) else {
        return Ok(());
    };
    let message = format!(
        "the game `{}` with a run needs at least {}, and {} are available",
        plan.game_name(g),
        bytes(needed(g) as f64),
        bytes(available as f64)
    );
    Err(plan.spec.error(plan.game_spec(g).point.entry, message).help(
        "have fewer actions or contexts, keep the margins as `storage: f32`, or run it on a larger machine \
         (`--shard i/N` shares games among machines)",
    ))
}

/// Least bytes of the margins of game `g`, and of a run on it, as far as parameters or a header tell: 0 where they do not.
pub(crate) fn declared_bytes(plan: &Plan, g: usize) -> (u64, u64) {
    let spec = plan.game_spec(g);
    let (contexts, actions) = spec.extent();
    let (contexts, actions) = (contexts as u64, actions as u64);
    let stored = |word: &str| spec.point.given.get("storage").is_some_and(|s| s == word);
    let number = if stored("f32") { 4 } else { 8 };
    // margins of low rank and pairs that met take less than a triangle: what they take is not told beforehand
    let sparse = spec.kind.name() == "low-rank" || stored("pairs") || spec.is_streamed();
    let pairs = if sparse { 0 } else { actions.saturating_mul(actions.saturating_sub(1)) / 2 };
    (
        contexts.saturating_mul(pairs).saturating_mul(number),
        run_bytes_of(plan, contexts, contexts.saturating_mul(actions)),
    )
}

/// Bytes that a run in flight holds beside the game, about.
fn run_bytes_of(plan: &Plan, contexts: u64, entries: u64) -> u64 {
    let evidence = Evidence::bytes(contexts, entries, plan.spec.limits.steps);
    entries.saturating_mul(8 * VECTORS).saturating_add(evidence)
}

/// Bytes of memory that the system can still give; `None` where it does not tell.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory is read at {}/s (measured just now)", bytes(self.bandwidth))?;
        for game in &self.games {
            let size = match game.contexts {
                1 => format!("{} actions", game.actions),
                n => format!("{n} contexts, {} actions in all", game.actions),
            };
            let alike = match game.alike {
                1 => String::new(),
                n => format!(" and {} more like it", n - 1),
            };
            let storage = match &game.storage[..] {
                [] => "more than is available here".to_owned(),
                names => names.join(" and "),
            };
            writeln!(
                f,
                "{}{alike}: {size}, {} as {storage}; a run in flight holds about {} more; a product takes at least {}, a step \
                 at most {} of them",
                game.name,
                bytes(game.bytes as f64),
                bytes(game.run_bytes as f64),
                seconds(game.product_seconds),
                game.queries + 1,
            )?;
        }
        let described: usize = self.games.iter().map(|g| g.alike).sum();
        if described < self.count {
            writeln!(f, "{} games more", self.count - described)?;
        }
        writeln!(
            f,
            "in all: if each of the {} runs does its {} steps, products take at least {}; about {} are written",
            self.runs,
            self.steps,
            seconds(self.product_seconds),
            bytes(self.written as f64),
        )?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let about = self.seconds / (threads as f64).min(self.runs.max(1) as f64);
        writeln!(
            f,
            "the runs take about {} on {threads} threads here (steps timed just now; exact answers and the report not counted)",
            seconds(about)
        )?;
        if self.estimate_seconds > 0.0 {
            writeln!(
                f,
                "what comparisons leave open takes about {} before ({REPLICATES} data sets and {DRAWS} draws a game)",
                seconds(self.estimate_seconds)
            )?;
        }
        for target in &self.beyond {
            writeln!(f, "warning: {target}")?;
        }
        let in_flight = self.games.iter().map(|g| g.bytes.saturating_add(g.run_bytes)).max().unwrap_or(0);
        write!(f, "memory: about {} for the largest game with a run", bytes(in_flight as f64))?;
        match self.report_bytes {
            0 => writeln!(f, "; there are too many runs for one report"),
            report => writeln!(f, ", {} for the report", bytes(report as f64)),
        }
    }
}

/// A number of bytes in words.
pub(crate) fn bytes(count: f64) -> String {
    scaled(count, &[(1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")])
}

fn seconds(count: f64) -> String {
    scaled(count, &[(86400.0, "days"), (3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")])
}

/// Three digits in the largest unit that the number reaches.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (unit, name) = units.iter().find(|(u, _)| value >= *u).or(units.last()).expect("units are given");
    let scaled = value / unit;
    let digits = if scaled >= 100.0 || value == 0.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(268_402_688.0), "268 MB");
        assert_eq!(bytes(5.0e9), "5.00 GB");
        assert_eq!(seconds(0.0204), "20.4 ms");
        assert_eq!(seconds(3.2e-12), "0.00 ns");
        assert_eq!(seconds(7200.0), "2.00 h");
        assert_eq!((records(&Schedule::Log, 100), records(&Schedule::Every(10), 100)), (30, 12));
    }

    #[test]
    fn a_plan_is_told_its_bytes_and_products() {
        let text = b"games: [cyclic, random-uniform: { actions: 40 }]\nsolvers: [mwu, egpo]\n";
        let file = crate::file::parse("c.yaml", std::path::Path::new("."), text, &[]).expect("a config");
        let plan = Plan::new(crate::resolve(&file).expect("a spec")).expect("a plan");
        let told = forecast(&plan).expect("a forecast");
        assert!(told.bandwidth > 1e6 && told.games.len() == 2);
        let game = &told.games[1];
        assert_eq!((game.actions, game.contexts, game.queries, game.alike), (40, 1, 2, 1));
        assert!(game.bytes >= 8 * 40 * 39 / 2);
        assert!(told.to_string().contains("random-uniform: 40 actions"), "{told}");
        assert_eq!((told.runs, told.count), (4, 2));
        assert!(told.product_seconds > 0.0 && told.written > 4 * RECORD_BYTES);
    }

    #[test]
    fn memory_counts_what_behaviour_is_told_by() {
        let text = b"games: [random-uniform: { actions: 2, contexts: 30000 }]\nsolvers: [egpo]\nlimits: { steps: 9 }\n";
        let file = crate::file::parse("c.yaml", std::path::Path::new("."), text, &[]).expect("a config");
        let plan = Plan::new(crate::resolve(&file).expect("a spec")).expect("a plan");
        let evidence = Evidence::bytes(30_000, 60_000, plan.spec.limits.steps);
        assert!(evidence > 30_000 * 300, "{evidence}");
        let right = VECTORS * 8 * 60_000 + evidence;
        assert_eq!(forecast(&plan).expect("a forecast").games[0].run_bytes, right);
        assert_eq!(declared_bytes(&plan, 0).1, right);
    }
}
