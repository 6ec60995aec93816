//! One call for research code: several methods on one game, one table.

mod error;
mod method;
mod table;

use std::fmt;
use std::sync::Arc;

use equipoise_core::registry::nearest;
use equipoise_core::{Policy, Rng, Task, seed};
use equipoise_env::{Feedback, Game, GameOracle, Judge, MeasuredOracle};
use equipoise_eval::{AfterStep, DUALITY_GAP, DUALITY_GAP_TAU, Limits, METRICS, Metric, Schedule};
use serde_json::Value;

use crate::problem::{Problem, RunOptions};
pub use error::ComparisonError;
pub use method::{BuildSolver, FromBox, FromEntry, FromEntryWith, FromTask, IntoMethod, Method};
pub use table::{Row, Table};

/// Measured in every comparison.
const METRICS_OF_A_TABLE: [&str; 3] = [DUALITY_GAP, DUALITY_GAP_TAU, "kl_to_equilibrium"];

/// Starts a comparison of methods on `game`: the original game, uniform reference and start, exact feedback, 1000
/// steps, seed 0, one repetition, no methods yet.
///
/// ```
/// use equipoise::prelude::*;
///
/// let game = Game::from_array(&array![[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]])?;
/// let table = compare(game)
///     .tau(0.1)
///     .solver_with("egpo", json!({"step_size": 0.4}))
///     .solver("nash-md")
///     .metrics(["kl_to_reference"])
///     .steps(500)
///     .run()?;
/// assert!(table.row("egpo").expect("it ran").duality_gap_tau < 1e-9);
/// print!("{table}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn compare(game: impl Into<Arc<Game>>) -> Comparison {
    let game = game.into();
    let uniform = Policy::uniform(game.shape());
    Comparison {
        problem: Problem::new(game, Task::new(uniform)),
        methods: Vec::new(),
        oracle: OracleSource::Feedback(Feedback::Exact),
        limits: Limits::steps(1000),
        schedule: Schedule::Log,
        metrics: Vec::new(),
        repetitions: 1,
        seed: 0,
    }
}

/// A comparison being put together; see [`compare`].
#[derive(Clone, Debug)]
pub struct Comparison {
    problem: Problem,
    methods: Vec<(String, Method)>,
    oracle: OracleSource,
    limits: Limits,
    schedule: Schedule,
    metrics: Vec<String>,
    repetitions: u32,
    seed: u64,
}

/// Makes an oracle for each run.
type MakeOracle = dyn Fn(&Arc<Game>, Rng) -> Box<dyn MeasuredOracle> + Send + Sync;

#[derive(Clone)]
enum OracleSource {
    Feedback(Feedback),
    Own(Arc<MakeOracle>),
}

impl fmt::Debug for OracleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feedback(feedback) => feedback.fmt(f),
            Self::Own(_) => f.write_str("an oracle of one's own"),
        }
    }
}

impl Comparison {
    /// Regularises the game with `tau >= 0`.
    #[must_use]
    pub fn tau(mut self, tau: f64) -> Self {
        self.problem.task.tau = tau;
        self
    }

    /// Sets the reference policy; the start too, unless set afterwards.
    #[must_use]
    pub fn reference(mut self, reference: Policy) -> Self {
        self.problem.task.start = reference.clone();
        self.problem.task.reference = reference;
        self
    }

    /// Sets the start.
    #[must_use]
    pub fn start(mut self, start: Policy) -> Self {
        self.problem.task.start = start;
        self
    }

    /// Adds a registered method with its defaults.
    #[must_use]
    pub fn solver(self, name: &str) -> Self {
        self.solver_with(name, Value::Null)
    }

    /// Adds a registered method with parameters: a JSON object with the keys of its YAML block.
    #[must_use]
    pub fn solver_with(mut self, name: &str, parameters: Value) -> Self {
        self.methods.push((name.to_owned(), Method::Named(parameters)));
        self
    }

    /// Adds registered methods with their defaults.
    #[must_use]
    pub fn solvers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(self, |c, name| c.solver(name))
    }

    /// Adds a method of your own, which is in no registry, under the name that the table shows: a function from the task to a
    /// solver, a registry row (or a row with its parameters), or a solver that is built already, which runs once.
    ///
    /// ```
    /// use equipoise::prelude::*;
    ///
    /// /// Stays where it starts.
    /// struct Still(Policy);
    ///
    /// impl Solver for Still {
    ///     fn step(&mut self, _: &mut dyn Oracle, _: &mut Rng) -> Result<Progress, StepError> {
    ///         Ok(Progress::Continue)
    ///     }
    ///     fn policy(&self) -> &Policy {
    ///         &self.0
    ///     }
    ///     fn played(&self) -> &Policy {
    ///         &self.0
    ///     }
    ///     fn step_cost(&self) -> Cost {
    ///         Cost::default()
    ///     }
    /// }
    ///
    /// let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
    /// let table = compare(game).with("still", |task: &Task| Still(task.start.clone())).solver("egpo").run()?;
    /// assert!(table.rows[0].duality_gap > table.rows[1].duality_gap);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with<Kind>(mut self, name: &str, method: impl IntoMethod<Kind>) -> Self {
        self.methods.push((name.to_owned(), method.into_method()));
        self
    }

    /// Sets the feedback: exact or sampled.
    #[must_use]
    pub fn feedback(mut self, feedback: Feedback) -> Self {
        self.oracle = OracleSource::Feedback(feedback);
        self
    }

    /// Sets an oracle of your own. It is made anew for each run, for the game that all runs are measured against and with a
    /// stream to draw from.
    #[must_use]
    pub fn oracle<O: MeasuredOracle + 'static>(
        mut self,
        make: impl Fn(&Arc<Game>, Rng) -> O + Send + Sync + 'static,
    ) -> Self {
        self.oracle = OracleSource::Own(Arc::new(move |game, rng| Box::new(make(game, rng))));
        self
    }

    /// Lets a judge answer: `judge(context, left, right)` is the probability that `left` beats `right`, or an outcome. Runs are
    /// still measured against the true game. Each run asks a clone of the judge. See [`Judge`].
    #[must_use]
    pub fn judge<F>(self, judge: F) -> Self
    where
        F: FnMut(usize, usize, usize) -> f64 + Clone + Send + Sync + 'static,
    {
        self.oracle(move |game, _| Judge::new(Arc::clone(game), judge.clone()))
    }

    /// Sets the number of steps.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.limits.steps = steps;
        self
    }

    /// Sets all limits: steps, queries, duels, seconds, targets.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets when traces are recorded; 20 points per factor of ten by default.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Adds metrics to the traces, by registry name. The two gaps and `kl_to_equilibrium` are always there.
    #[must_use]
    pub fn metrics<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.metrics.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// Repeats every method so often, each time with streams of its own; 1 by default.
    #[must_use]
    pub fn repetitions(mut self, repetitions: u32) -> Self {
        self.repetitions = repetitions;
        self
    }

    /// Sets the seed of all streams.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs every method, repetition by repetition.
    ///
    /// # Errors
    /// [`ComparisonError`], before anything runs if a name, a number or a policy is refused.
    pub fn run(self) -> Result<Table, ComparisonError> {
        self.run_while(&mut |_| true)
    }

    /// As [`Comparison::run`], watched: `keep_running` is called after each step of every run, and returning false ends that
    /// run there, as interrupted.
    ///
    /// # Errors
    /// As [`Comparison::run`].
    pub fn run_while(
        self,
        keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool,
    ) -> Result<Table, ComparisonError> {
        let metrics = self.check()?;
        let Self { problem, methods, oracle, limits, schedule, repetitions, seed, .. } = self;
        let methods = methods
            .into_iter()
            .map(|(name, method)| method.resolve(&name).map(|method| (name, method)))
            .collect::<Result<Vec<_>, _>>()?;
        let problem = problem.solve()?;
        let mut rows = Vec::new();
        for (name, method) in &methods {
            for repetition in 0..repetitions {
                // the first one has the streams of a comparison without repetitions
                let number = repetition.to_string();
                let ids: &[&str] = if repetition == 0 { &[] } else { &[&number] };
                let options = RunOptions {
                    rng: seed::stream(seed, "solver", &[&[name.as_str()], ids].concat()),
                    ..RunOptions::new(&limits, &schedule, &metrics)
                };
                let rng = seed::stream(seed, "oracle", ids);
                let mut oracle: Box<dyn MeasuredOracle> = match &oracle {
                    OracleSource::Own(make) => make(&problem.game, rng),
                    OracleSource::Feedback(feedback) => {
                        Box::new(GameOracle::new(Arc::clone(&problem.game), feedback.clone(), rng))
                    }
                };
                let result = method.run(name, &problem, oracle.as_mut(), &options, keep_running)?;
                rows.push(Row::new(name.clone(), repetition, result));
            }
        }
        let equilibrium = problem.equilibrium.expect("solved above");
        Ok(Table { rows, equilibrium })
    }

    /// Refuses what cannot be run; the metrics of the traces.
    fn check(&self) -> Result<Vec<&'static Metric>, ComparisonError> {
        let task = &self.problem.task;
        if !(task.tau >= 0.0 && task.tau.is_finite()) {
            return Err(ComparisonError::Tau(task.tau));
        }
        for (what, number) in [("steps", self.limits.steps), ("repetitions", self.repetitions.into())] {
            if number == 0 {
                return Err(ComparisonError::Zero(what));
            }
        }
        for (what, policy) in [("reference", &task.reference), ("start", &task.start)] {
            if policy.shape() != self.problem.game.shape()
                || policy.log_probs().iter().any(|l| !l.is_finite())
            {
                return Err(ComparisonError::Policy(what));
            }
        }
        let metric = |name: &str| {
            Metric::named(name).ok_or_else(|| {
                let nearest = nearest(name, METRICS.iter().map(|m| m.name));
                ComparisonError::UnknownMetric { name: name.to_owned(), nearest }
            })
        };
        let mut metrics: Vec<&'static Metric> = Vec::new();
        for name in METRICS_OF_A_TABLE.into_iter().chain(self.metrics.iter().map(String::as_str)) {
            let found = metric(name)?;
            if metrics.iter().all(|m| m.name != found.name) {
                metrics.push(found);
            }
        }
        Ok(metrics)
    }
}
