//! What a plan will take, said before anything runs: runs, bytes, and the least time of its products.
//!
//! A step reads the game once for each product, so `bytes / bandwidth` bounds its time from below; the bandwidth is
//! measured on the spot. What vectors cost is not in it: at a hundred actions and fewer they cost more than the products.
//!
//! Games are made one at a time and dropped. Where a plan has many, the first of each entry stands for those that are
//! drawn like it, and no more than [`DESCRIBED`] are made; a game that memory cannot hold is described from its
//! parameters.

use std::collections::BTreeMap;
use std::fmt;

use equipoise::core::SolverEntry;
use equipoise::eval::Schedule;
use equipoise::machine::read_bandwidth;
use serde_json::Value;

use crate::build::Plan;
use crate::error::ConfigError;
use crate::exact::ExactAnswers;

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
    /// Bytes that will be written, about.
    pub written: u64,
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
    /// Bytes of the vectors of one run in flight, about.
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
    let mut methods: BTreeMap<&str, (&SolverEntry, &Value, u64)> = BTreeMap::new();
    for method in &plan.spec.methods {
        methods.entry(method.entry.name).or_insert((method.entry, &method.parameters, 0)).2 += 1;
    }
    let mut games: Vec<GameForecast> = Vec::new();
    // products of all runs on one game of the last entry that was made, in seconds a step
    let (mut step_seconds, mut product_seconds) = (0.0, 0.0);
    for g in 0..plan.games() {
        let first = plan.is_first(g);
        let describe = games.len() < DESCRIBED && (first || plan.games() <= DESCRIBED);
        let (bytes, run_bytes) = declared_bytes(plan, g);
        let (contexts, actions) = plan.game_spec(g).extent();
        if bytes.saturating_add(run_bytes) > available {
            if first || describe {
                let product = bytes as f64 / bandwidth;
                step_seconds = product * plan.spec.runs_of_unit() as f64;
                games.push(GameForecast {
                    name: plan.game_name(g).to_owned(),
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
            for (entry, parameters, count) in methods.values() {
                if let Ok(built) = entry.build(parameters, &task) {
                    let asked = built.solver.step_cost().queries;
                    queries = queries.max(asked);
                    step_seconds += product * asked as f64 * *count as f64;
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
                    run_bytes: VECTORS * 8 * len as u64,
                    product_seconds: product,
                    queries,
                });
            } else if let Some(last) = games.last_mut() {
                last.alike += 1;
            }
        } else {
            if first {
                step_seconds = bytes as f64 / bandwidth * plan.spec.runs_of_unit() as f64;
            }
            if let Some(last) = games.last_mut() {
                last.alike += 1;
            }
        }
        product_seconds += step_seconds * plan.spec.taus.len() as f64 * plan.spec.limits.steps as f64;
    }
    let lines = records(&plan.spec.record, plan.spec.limits.steps)
        .saturating_mul(plan.spec.metrics.len() as u64)
        .saturating_mul(3);
    let run = lines.saturating_mul(LINE_BYTES).saturating_add(RECORD_BYTES);
    Ok(Forecast {
        bandwidth,
        games,
        count: plan.games(),
        runs: plan.runs(),
        steps: plan.spec.limits.steps,
        product_seconds,
        written: plan.runs().saturating_mul(run),
    })
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
        contexts.saturating_mul(actions).saturating_mul(8 * VECTORS),
    )
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
        )
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
}
