//! Methods side by side on one game, of the registry and of the caller's own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use equipoise::core::{Cost, Task};
use equipoise::env::Feedback;
use equipoise::eval::{Limits, Metric, Point, Schedule, Target};
use equipoise::{Comparison, Row, Table, compare as compared};
use numpy::{IntoPyArray as _, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::calls::long;
use crate::failure::Failure;
use crate::game::PyGame;
use crate::plugin::{PySolver, Raised};

/// A method as it was asked for: its name in the table, and parameters as JSON, or what makes an object of the caller's own with
/// the queries and duels that a step costs.
#[derive(FromPyObject)]
pub(crate) enum Asked {
    /// Of the registry.
    Registered(String, String),
    /// Of the caller's own.
    Own(String, Py<PyAny>, u64, u64),
}

/// How all of them are run.
#[derive(FromPyObject)]
pub(crate) struct RunOptions<'py> {
    tau: f64,
    reference: Option<PyReadonlyArray1<'py, f64>>,
    start: Option<PyReadonlyArray1<'py, f64>>,
    feedback: String,
    steps: u64,
    seconds: Option<f64>,
    queries: Option<u64>,
    duels: Option<u64>,
    target: Vec<(String, f64)>,
    seed: u64,
    repetitions: u32,
    record: Record,
    metrics: Vec<String>,
}

#[derive(FromPyObject)]
enum Record {
    Every(u64),
    At(Vec<u64>),
    Word(String),
}

impl Record {
    fn schedule(self) -> Result<Schedule, Failure> {
        match self {
            Self::Word(word) if word == "log" => Ok(Schedule::Log),
            Self::Word(word) => {
                Err(Failure::argument("record", word, "must be log, a number of steps, or a list of steps"))
            }
            Self::Every(0) => Err(Failure::argument("record", 0, "must be at least 1")),
            Self::Every(k) => Ok(Schedule::Every(k)),
            Self::At(mut steps) => {
                steps.sort_unstable();
                steps.dedup();
                Ok(Schedule::At(steps))
            }
        }
    }
}

impl RunOptions<'_> {
    fn limits(&self) -> Result<Limits, Failure> {
        let target = |(name, value): &(String, f64)| {
            let metric = Metric::named(name).ok_or_else(|| {
                let names = equipoise::registry::metrics().map(|m| m.name);
                Failure::unknown("metric", name, equipoise::core::registry::nearest(name, names))
            })?;
            Ok(Target { metric, value: *value })
        };
        Ok(Limits {
            seconds: self.seconds,
            queries: self.queries,
            duels: self.duels,
            target: self.target.iter().map(target).collect::<Result<_, Failure>>()?,
            ..Limits::steps(self.steps)
        })
    }
}

/// Runs methods on a game. Gives rows, the equilibrium, and the table as text and as CSV of all traces.
#[pyfunction]
#[pyo3(signature = (game, methods, options, progress))]
pub(crate) fn compare<'py>(
    py: Python<'py>,
    game: &PyGame,
    methods: Vec<Asked>,
    options: RunOptions<'py>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let raised = Raised::default();
    let runs = methods.len() as u64 * u64::from(options.repetitions);
    let all = runs.saturating_mul(options.steps);
    let asked = prepare(game, methods, options, &raised).map_err(|e| e.into_pyerr(py))?;
    let (stop, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    let tick = |py: Python<'_>| match &progress {
        None => Ok(()),
        Some(progress) => progress.call1(py, (steps.load(Ordering::Relaxed), all)).map(|_| ()),
    };
    let table = long(py, &stop, tick, || {
        // known to the interpreter for the whole of the work, so that coming back to it in each step is cheap
        Python::attach(|py| {
            py.detach(|| {
                let table = asked.run_while(&mut |_| {
                    steps.fetch_add(1, Ordering::Relaxed);
                    !stop.load(Ordering::Relaxed)
                });
                match raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    Some(error) => Err(error.into()),
                    None => Ok(table?),
                }
            })
        })
    })?;
    shown(py, &table)
}

fn prepare(
    game: &PyGame,
    methods: Vec<Asked>,
    options: RunOptions<'_>,
    raised: &Raised,
) -> Result<Comparison, Failure> {
    let feedback: Feedback = match options.feedback.as_str() {
        "exact" => Feedback::Exact,
        text => {
            let sampled = serde_json::from_str(text);
            Feedback::Sampled(sampled.map_err(|e| Failure::argument("feedback", text, &e.to_string()))?)
        }
    };
    let mut asked = compared(game.game().clone())
        .tau(options.tau)
        .feedback(feedback)
        .limits(options.limits()?)
        .seed(options.seed)
        .repetitions(options.repetitions)
        .metrics(options.metrics.iter().map(String::as_str))
        .schedule(options.record.schedule()?);
    if let Some(reference) = game.reference(options.reference)? {
        asked = asked.reference(reference);
    }
    if let Some(start) = options.start {
        asked = asked.start(game.policy(start)?);
    }
    for method in methods {
        asked = match method {
            Asked::Registered(name, parameters) => {
                let parameters = serde_json::from_str::<Value>(&parameters);
                let parameters =
                    parameters.map_err(|e| Failure::argument("parameters", &name, &e.to_string()))?;
                asked.solver_with(&name, parameters)
            }
            Asked::Own(name, make, queries, duels) => {
                let raised = Arc::clone(raised);
                asked.with(&name, move |task: &Task| {
                    PySolver::new(&make, Cost { queries, duels }, task, &raised)
                })
            }
        };
    }
    Ok(asked)
}

/// Columns and scalars of a table.
fn shown<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let rows = table.rows.iter().map(|row| one(py, row)).collect::<PyResult<Vec<_>>>()?;
    out.set_item("rows", PyList::new(py, rows)?)?;
    out.set_item("equilibrium", table.equilibrium.probs().clone().into_pyarray(py))?;
    out.set_item("text", table.to_string())?;
    Ok(out)
}

fn one<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("solver", &row.solver)?;
    out.set_item("repetition", row.repetition)?;
    out.set_item("parameters", row.parameters.to_string())?;
    out.set_item("duality_gap", row.duality_gap)?;
    out.set_item("average_duality_gap", row.average_duality_gap)?;
    out.set_item("duality_gap_tau", row.duality_gap_tau)?;
    out.set_item("queries", row.cost.queries)?;
    out.set_item("duels", row.cost.duels)?;
    out.set_item("stop", row.stop.kind().name())?;
    out.set_item("behaviour", row.behaviour.name())?;
    out.set_item("policy", row.policy.probs().clone().into_pyarray(py))?;
    out.set_item("notes", &row.notes)?;
    let trace = PyDict::new(py);
    let whole =
        |of: fn(&Point) -> u64| row.trace.iter().map(|p| of(p) as i64).collect::<Vec<_>>().into_pyarray(py);
    trace.set_item("step", whole(|p| p.step))?;
    trace.set_item("queries", whole(|p| p.cost.queries))?;
    trace.set_item("duels", whole(|p| p.cost.duels))?;
    let seconds: Vec<f64> = row.trace.iter().map(|p| p.elapsed.as_secs_f64()).collect();
    trace.set_item("seconds", seconds.into_pyarray(py))?;
    trace.set_item("iterate", row.trace.iter().map(|p| p.iterate.name()).collect::<Vec<_>>())?;
    trace.set_item("metric", row.trace.iter().map(|p| p.metric).collect::<Vec<_>>())?;
    trace.set_item("value", row.trace.iter().map(|p| p.value).collect::<Vec<f64>>().into_pyarray(py))?;
    out.set_item("trace", trace)?;
    Ok(out)
}
