//! One call for research code: several methods on one game, one table.

use std::fmt;
use std::sync::Arc;

use equipoise_core::registry::nearest;
use equipoise_core::{BuildError, Cost, Policy, Task, seed};
use equipoise_env::{Feedback, Game, GameOracle};
use equipoise_eval::{Limits, Metric, Point, Schedule, StopReason};
use equipoise_records::{Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use equipoise_reference::ReferenceError;
use serde_json::Value;

use crate::problem::{Problem, RunOptions};
use crate::registry;

/// Starts a comparison of methods on `game`: the original game, uniform reference and start, exact feedback, 1000
/// steps, seed 0, no methods yet.
#[must_use]
pub fn compare(game: Game) -> Comparison {
    let uniform = Policy::uniform(game.shape());
    Comparison {
        problem: Problem::new(game, Task::new(uniform)),
        solvers: Vec::new(),
        feedback: Feedback::Exact,
        steps: 1000,
        seed: 0,
    }
}

/// A comparison being put together; see [`compare`].
#[derive(Clone, Debug)]
pub struct Comparison {
    problem: Problem,
    solvers: Vec<(String, Value)>,
    feedback: Feedback,
    steps: u64,
    seed: u64,
}

/// Why a comparison could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// No method of that name.
    #[error("unknown solver `{name}`{}", nearest.as_ref().map_or(String::new(), |n| format!(", did you mean `{n}`?")))]
    UnknownSolver {
        /// The name given.
        name: String,
        /// The closest registered one.
        nearest: Option<&'static str>,
    },
    /// A parameter was refused.
    #[error("solver `{solver}`: {error}")]
    Parameter {
        /// The method.
        solver: String,
        /// Why.
        error: BuildError,
    },
    /// The regularisation is negative or not finite.
    #[error("tau = {0}: must be a finite number, at least 0")]
    Tau(f64),
    /// A policy does not fit the game, or has no full support.
    #[error("the {0} policy must have the shape of the game and full support")]
    Policy(&'static str),
    /// The exact solver failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// One method's end, with its whole trace.
#[derive(Clone, Debug)]
pub struct Row {
    /// Registry name.
    pub solver: String,
    /// Duality gap of the original game, last iterate.
    pub duality_gap: f64,
    /// Duality gap of the original game, average iterate.
    pub average_duality_gap: f64,
    /// Regularised gap of the last iterate (the duality gap for `tau = 0`).
    pub duality_gap_tau: f64,
    /// What was charged.
    pub cost: Cost,
    /// Why it ended.
    pub stop: StopReason,
    /// What the last iterate did.
    pub behaviour: Behaviour,
    /// Last iterate.
    pub policy: Policy,
    /// Everything measured.
    pub trace: Vec<Point>,
}

/// The rows, in the order asked for; prints as a table.
#[derive(Clone, Debug)]
pub struct Table {
    /// One row a method.
    pub rows: Vec<Row>,
    /// The exact equilibrium of the task's game.
    pub equilibrium: Policy,
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

    /// Adds a method with its defaults.
    #[must_use]
    pub fn solver(self, name: &str) -> Self {
        self.solver_with(name, Value::Null)
    }

    /// Adds a method with parameters: a JSON object with the keys of its YAML block.
    #[must_use]
    pub fn solver_with(mut self, name: &str, parameters: Value) -> Self {
        self.solvers.push((name.to_owned(), parameters));
        self
    }

    /// Adds methods with their defaults.
    #[must_use]
    pub fn solvers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(self, |c, name| c.solver(name))
    }

    /// Sets the feedback: exact or sampled.
    #[must_use]
    pub fn feedback(mut self, feedback: Feedback) -> Self {
        self.feedback = feedback;
        self
    }

    /// Sets the number of steps.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the seed of all streams.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs every method.
    ///
    /// # Errors
    /// [`ComparisonError`] before anything runs, if a name, a parameter or a policy is refused.
    pub fn run(self) -> Result<Table, ComparisonError> {
        let Self { problem, solvers, feedback, steps, seed } = self;
        let task = &problem.task;
        if !(task.tau >= 0.0 && task.tau.is_finite()) {
            return Err(ComparisonError::Tau(task.tau));
        }
        for (what, policy) in [("reference", &task.reference), ("start", &task.start)] {
            if policy.shape() != problem.game.shape() || policy.log_probs().iter().any(|l| !l.is_finite()) {
                return Err(ComparisonError::Policy(what));
            }
        }
        let entries = solvers
            .into_iter()
            .map(|(name, parameters)| match registry::solver(&name) {
                Some(entry) => Ok((entry, parameters)),
                None => {
                    let nearest = nearest(&name, registry::solvers().map(|e| e.name));
                    Err(ComparisonError::UnknownSolver { name, nearest })
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let problem = problem.solve()?;
        let metrics = [DUALITY_GAP, DUALITY_GAP_TAU, "kl_to_equilibrium"]
            .map(|name| Metric::named(name).expect("a metric of the registry"));
        let (limits, schedule) = (Limits::steps(steps), Schedule::Log);
        let rows = entries
            .into_iter()
            .map(|(entry, parameters)| {
                let options = RunOptions {
                    rng: seed::stream(seed, "solver", &[entry.name]),
                    ..RunOptions::new(&limits, &schedule, &metrics)
                };
                let rng = seed::stream(seed, "oracle", &[]);
                let mut oracle = GameOracle::new(Arc::clone(&problem.game), feedback.clone(), rng);
                let result = problem
                    .run(entry, &parameters, &mut oracle, &options, &mut |_| true)
                    .map_err(|error| ComparisonError::Parameter { solver: entry.name.into(), error })?;
                let outcome = result.outcome;
                let at_end = |iterate: Iterate, metric: &str| {
                    let mut points = outcome.trace.iter().rev();
                    points.find(|p| p.iterate == iterate && p.metric == metric).map_or(f64::NAN, |p| p.value)
                };
                Ok(Row {
                    solver: entry.name.into(),
                    duality_gap: at_end(Iterate::Last, DUALITY_GAP),
                    average_duality_gap: at_end(Iterate::Average, DUALITY_GAP),
                    duality_gap_tau: at_end(Iterate::Last, DUALITY_GAP_TAU),
                    cost: outcome.cost,
                    stop: outcome.stop.clone(),
                    behaviour: outcome.behaviour,
                    policy: outcome.policy.clone(),
                    trace: outcome.trace,
                })
            })
            .collect::<Result<Vec<_>, ComparisonError>>()?;
        let equilibrium = problem.equilibrium.expect("solved above");
        Ok(Table { rows, equilibrium })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:>10} {:>10} {:>10} {:>9} {:>9}  last iterate",
            "solver", "gap last", "gap avg", "gap_tau", "queries", "duels"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<18} {:>10.2e} {:>10.2e} {:>10.2e} {:>9} {:>9}  {}",
                row.solver,
                row.duality_gap,
                row.average_duality_gap,
                row.duality_gap_tau,
                row.cost.queries,
                row.cost.duels,
                row.behaviour
            )?;
        }
        Ok(())
    }
}
