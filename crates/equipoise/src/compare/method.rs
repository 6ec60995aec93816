//! What a comparison can run: a registered method, or one of the user's own.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use equipoise_core::registry::nearest;
use equipoise_core::{Aim, Solver, SolverEntry, Task};
use equipoise_env::MeasuredOracle;
use equipoise_eval::AfterStep;
use serde_json::Value;

use super::error::ComparisonError;
use crate::problem::{Problem, RunOptions, RunResult};
use crate::registry;

/// From the task to a solver at its start.
pub type BuildSolver = dyn Fn(&Task) -> Box<dyn Solver> + Send + Sync;

/// A method as it was asked for.
#[derive(Clone)]
#[non_exhaustive]
pub enum Method {
    /// By registry name, with parameters.
    Named(Value),
    /// A registry row, with parameters.
    Entry(&'static SolverEntry, Value),
    /// A function from the task to a solver.
    Own(Arc<BuildSolver>),
    /// A solver at its start, until it has run.
    Once(Arc<Mutex<Option<Box<dyn Solver>>>>),
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(parameters) => write!(f, "registered, {parameters}"),
            Self::Entry(entry, parameters) => write!(f, "the row {}, {parameters}", entry.name),
            Self::Own(_) => f.write_str("a function from the task to a solver"),
            Self::Once(_) => f.write_str("a solver that was built before"),
        }
    }
}

impl Method {
    /// A name becomes the row of that name.
    pub(super) fn resolve(self, name: &str) -> Result<Self, ComparisonError> {
        let Self::Named(parameters) = self else { return Ok(self) };
        match registry::solver(name) {
            Some(entry) => Ok(Self::Entry(entry, parameters)),
            None => {
                let nearest = nearest(name, registry::solvers().map(|e| e.name));
                Err(ComparisonError::UnknownSolver { name: name.to_owned(), nearest })
            }
        }
    }

    pub(super) fn run(
        &self,
        name: &str,
        problem: &Problem,
        oracle: &mut dyn MeasuredOracle,
        options: &RunOptions<'_>,
        keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool,
    ) -> Result<RunResult, ComparisonError> {
        let refused = |error| ComparisonError::Parameter { solver: name.to_owned(), error };
        let (mut solver, aim, parameters) = match self {
            Self::Named(_) => unreachable!("names are resolved before anything runs"),
            Self::Entry(entry, parameters) => {
                let built = entry.build(parameters, &problem.planned(options)).map_err(refused)?;
                (built.solver, entry.aim, built.parameters)
            }
            // judged in the game of the task
            Self::Own(build) => (build(&problem.planned(options)), Aim::Regularised, Value::Null),
            Self::Once(solver) => {
                let solver = solver.lock().ok().and_then(|mut s| s.take());
                let solver = solver.ok_or_else(|| ComparisonError::BuiltOnce { solver: name.to_owned() })?;
                (solver, Aim::Regularised, Value::Null)
            }
        };
        if solver.policy().shape() != problem.game.shape() || solver.played().shape() != problem.game.shape()
        {
            return Err(ComparisonError::Shape { solver: name.to_owned() });
        }
        let result = problem.run_solver(solver.as_mut(), aim, oracle, options, keep_running);
        Ok(RunResult { parameters, ..result })
    }
}

/// What [`Comparison::with`](super::Comparison::with) takes. `Kind` only tells the cases apart, and is inferred.
pub trait IntoMethod<Kind> {
    /// The method.
    fn into_method(self) -> Method;
}

/// Marks a function `Fn(&Task) -> impl Solver`.
#[derive(Debug)]
pub struct FromTask<S>(PhantomData<S>);

/// Marks a row, `&'static SolverEntry`.
#[derive(Debug)]
pub struct FromEntry;

/// Marks a row with parameters, `(&'static SolverEntry, Value)`.
#[derive(Debug)]
pub struct FromEntryWith;

/// Marks a solver that is built already, `Box<dyn Solver>`.
#[derive(Debug)]
pub struct FromBox;

impl<F, S> IntoMethod<FromTask<S>> for F
where
    F: Fn(&Task) -> S + Send + Sync + 'static,
    S: Solver + 'static,
{
    fn into_method(self) -> Method {
        Method::Own(Arc::new(move |task| Box::new(self(task))))
    }
}

impl IntoMethod<FromEntry> for &'static SolverEntry {
    fn into_method(self) -> Method {
        Method::Entry(self, Value::Null)
    }
}

impl IntoMethod<FromEntryWith> for (&'static SolverEntry, Value) {
    fn into_method(self) -> Method {
        Method::Entry(self.0, self.1)
    }
}

impl IntoMethod<FromBox> for Box<dyn Solver> {
    fn into_method(self) -> Method {
        Method::Once(Arc::new(Mutex::new(Some(self))))
    }
}
