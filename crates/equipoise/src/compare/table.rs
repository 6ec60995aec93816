//! What a comparison answers: rows with their traces, printed as a table or written as CSV.

use std::fmt::{self, Write as _};

use equipoise_core::{Cost, Policy};
use equipoise_eval::{Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate, Point, StopReason};
use serde_json::Value;

use crate::problem::RunResult;

/// One method's end, with its whole trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Registry name, or the name given to a method of one's own.
    pub solver: String,
    /// Which repetition, from 0.
    pub repetition: u32,
    /// The parameters it ran with: rules replaced by numbers. `null` for a solver that was built elsewhere.
    pub parameters: Value,
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
    /// What the solver says beside its result.
    pub notes: Vec<String>,
}

/// The rows, in the order asked for; prints as a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// One row a method and repetition.
    pub rows: Vec<Row>,
    /// The exact equilibrium of the task's game.
    pub equilibrium: Policy,
}

impl Row {
    pub(super) fn new(solver: String, repetition: u32, result: RunResult) -> Self {
        let RunResult { parameters, outcome, notes, .. } = result;
        let end = |iterate, metric| outcome.end(iterate, metric).unwrap_or(f64::NAN);
        Self {
            solver,
            repetition,
            parameters,
            duality_gap: end(Iterate::Last, DUALITY_GAP),
            average_duality_gap: end(Iterate::Average, DUALITY_GAP),
            duality_gap_tau: end(Iterate::Last, DUALITY_GAP_TAU),
            cost: outcome.cost,
            stop: outcome.stop,
            behaviour: outcome.behaviour,
            policy: outcome.policy,
            trace: outcome.trace,
            notes,
        }
    }

    /// A metric along the run: the points of one iterate, in order of steps.
    pub fn series<'a>(&'a self, iterate: Iterate, metric: &'a str) -> impl Iterator<Item = &'a Point> {
        self.trace.iter().filter(move |p| p.iterate == iterate && p.metric == metric)
    }
}

impl Table {
    /// The first row of that name.
    #[must_use]
    pub fn row(&self, solver: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.solver == solver)
    }

    /// All traces in long form, one value a line:
    /// `solver,repetition,step,queries,duels,seconds,iterate,metric,value`. Numbers are written so that they are read back to
    /// the bit.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = String::from("solver,repetition,step,queries,duels,seconds,iterate,metric,value\n");
        for row in &self.rows {
            let quoted = row.solver.contains([',', '"', '\n', '\r']);
            let name =
                if quoted { format!("\"{}\"", row.solver.replace('"', "\"\"")) } else { row.solver.clone() };
            for Point { step, cost, elapsed, iterate, metric, value, .. } in &row.trace {
                let (Cost { queries, duels }, seconds) = (cost, elapsed.as_secs_f64());
                let repetition = row.repetition;
                // writing to a string cannot fail
                let _ = writeln!(
                    out,
                    "{name},{repetition},{step},{queries},{duels},{seconds},{iterate},{metric},{value:?}"
                );
            }
        }
        out
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
                row.behaviour.name()
            )?;
        }
        Ok(())
    }
}
