//! A game with its task and, where it was worth computing, the exact answer: what every run on it shares.

use std::sync::Arc;

use equipoise_core::{Aim, Policy, SolverEntry, Task, seed};
use equipoise_env::lockstep::Seat;
use equipoise_env::{Feedback, Game, GameOracle};
use equipoise_eval::{Limits, Metric, Outcome, Run, Schedule, drive, rate};
use equipoise_reference as reference;
use serde_json::Value;

/// A game, its task, its equilibrium.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The game.
    pub game: Arc<Game>,
    /// Reference, start, tau.
    pub task: Task,
    /// The exact equilibrium of the task's game (a maximal lottery for `tau = 0`), if it was solved.
    pub equilibrium: Option<Policy>,
    /// Rotation frequencies there, largest first; empty if it was not solved.
    pub frequencies: Vec<f64>,
}

/// One finished run on a setting.
#[derive(Debug)]
pub struct Settled {
    /// The parameters it ran with: rules replaced by numbers.
    pub parameters: Value,
    /// What the instrument saw.
    pub outcome: Outcome,
    /// What the solver wants told.
    pub notes: Vec<String>,
    /// `duality_gap` or `duality_gap_tau`: by which the method is judged here.
    pub judged_by: &'static str,
    /// The linear rate of that metric, if its tail is straight.
    pub fitted: Option<rate::Fit>,
    /// The factor per step that local theory predicts for that metric, where there is one.
    pub predicted: Option<f64>,
}

impl Setting {
    /// A setting without its exact answer.
    #[must_use]
    pub fn new(game: Arc<Game>, reference: Policy, start: Policy, tau: f64) -> Self {
        let reference = reference.shared();
        let start = if start.stamp() == reference.stamp() { reference.clone() } else { start.shared() };
        let task = Task { reference, start, tau, horizon: None, spectral_radius: None, operator_norm: None };
        Self { game, task, equilibrium: None, frequencies: Vec::new() }
    }

    /// Solves for the equilibrium and its spectrum: `O(n^3)` and more in each context.
    ///
    /// # Errors
    /// [`reference::ReferenceError`] if the exact solver fails.
    pub fn solve(mut self) -> Result<Self, reference::ReferenceError> {
        let equilibrium = reference::game_equilibrium(&self.game, &self.task.reference, self.task.tau)?;
        self.frequencies = reference::game_frequencies(&self.game, &equilibrium);
        self.task.spectral_radius = Some(self.frequencies.first().copied().unwrap_or(0.0));
        self.task.operator_norm = Some(reference::operator_norm(&self.game));
        self.equilibrium = Some(equilibrium);
        Ok(self)
    }

    /// Builds the method and drives it to its end. `streams` are the ids under which the oracle and the solver draw.
    ///
    /// # Errors
    /// [`equipoise_core::BuildError`] if a parameter is refused.
    pub fn run(
        &self,
        entry: &SolverEntry,
        parameters: &Value,
        conduct: &Conduct<'_>,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Settled, equipoise_core::BuildError> {
        let rng = seed::stream(conduct.seed, "oracle", conduct.oracle_stream);
        let oracle = GameOracle::new(self.game.clone(), conduct.feedback.clone(), rng);
        self.run_with(oracle, entry, parameters, conduct, go_on)
    }

    /// As [`Setting::run`], in lock-step with others at the table of `seat`: equal bits, fewer passes over the game.
    ///
    /// # Errors
    /// As [`Setting::run`].
    pub fn run_seated(
        &self,
        seat: Seat,
        entry: &SolverEntry,
        parameters: &Value,
        conduct: &Conduct<'_>,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Settled, equipoise_core::BuildError> {
        let rng = seed::stream(conduct.seed, "oracle", conduct.oracle_stream);
        let oracle = GameOracle::seated(seat, conduct.feedback.clone(), rng);
        self.run_with(oracle, entry, parameters, conduct, go_on)
    }

    fn run_with(
        &self,
        mut oracle: GameOracle,
        entry: &SolverEntry,
        parameters: &Value,
        conduct: &Conduct<'_>,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Settled, equipoise_core::BuildError> {
        let task = Task { horizon: Some(conduct.limits.steps), ..self.task.clone() };
        let mut built = entry.build(parameters, &task)?;
        let regularised = entry.aim == Aim::Regularised;
        let outcome = drive(
            Run {
                solver: built.solver.as_mut(),
                oracle: &mut oracle,
                rng: seed::stream(conduct.seed, "solver", conduct.solver_stream),
                sampled: *conduct.feedback != Feedback::Exact,
                task: &task,
                equilibrium: self.equilibrium.as_ref(),
                regularised,
                metrics: conduct.metrics,
                schedule: conduct.schedule,
                limits: conduct.limits,
                keep_policies: conduct.keep_policies,
            },
            go_on,
        );
        let tau_judged = regularised && self.task.tau > 0.0;
        let judged_by = if tau_judged { "duality_gap_tau" } else { "duality_gap" };
        // what rounding leaves: 2 max (K pi)_i is a difference of numbers near 1/2, the regularised gap is not
        let floor = if tau_judged { 1e-25 } else { 1e-13 };
        let series: Vec<(u64, f64)> = outcome
            .trace
            .iter()
            .filter(|p| p.iterate == "last" && p.metric == judged_by)
            .map(|p| (p.step, p.value))
            .collect();
        let fitted = rate::fit(&series, floor);
        // near its fixed point the regularised gap is quadratic in the distance, the original gap linear
        let predicted =
            self.local_modulus(entry.aim, built.solver.as_ref()).map(|m| if tau_judged { m * m } else { m });
        let mut notes = built.solver.notes();
        if entry.aim == Aim::Original && self.task.tau > 0.0 {
            notes.push(format!("plays the original game: tau = {} is not used", self.task.tau));
        }
        Ok(Settled { parameters: built.parameters, notes, outcome, judged_by, fitted, predicted })
    }

    /// The slowest local multiplier at the equilibrium. Without regularisation the theory holds for an interior
    /// equilibrium only. The spectrum is that of the task's game: with `tau > 0` it says nothing about a method that
    /// aims at the original one.
    fn local_modulus(&self, aim: Aim, solver: &dyn equipoise_core::Solver) -> Option<f64> {
        if aim == Aim::Original && self.task.tau > 0.0 {
            return None;
        }
        let equilibrium = self.equilibrium.as_ref()?;
        if self.task.tau == 0.0 && equilibrium.probs().iter().any(|&p| p < 1e-9) {
            return None;
        }
        let moduli: Option<Vec<f64>> = self.frequencies.iter().map(|&w| solver.local_modulus(w)).collect();
        moduli?.into_iter().reduce(f64::max)
    }
}

/// How a run is conducted: everything but the setting and the method.
#[derive(Clone, Copy)]
pub struct Conduct<'a> {
    /// Base seed of the experiment.
    pub seed: u64,
    /// Names of the oracle's stream: equal for every solver, so that all meet the same noise.
    pub oracle_stream: &'a [&'a str],
    /// Names of the solver's own stream.
    pub solver_stream: &'a [&'a str],
    /// What the oracle answers with.
    pub feedback: &'a Feedback,
    /// When to stop.
    pub limits: &'a Limits,
    /// When to record.
    pub schedule: &'a Schedule,
    /// What to measure then.
    pub metrics: &'a [&'static Metric],
    /// Whether to keep the policies of recorded steps.
    pub keep_policies: bool,
}

impl<'a> Conduct<'a> {
    /// Exact answers, seed 1, streams without names, no policies kept: for a run that stands alone.
    #[must_use]
    pub fn exact(limits: &'a Limits, schedule: &'a Schedule, metrics: &'a [&'static Metric]) -> Self {
        Self {
            seed: 1,
            oracle_stream: &[],
            solver_stream: &[],
            feedback: &Feedback::Exact,
            limits,
            schedule,
            metrics,
            keep_policies: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use equipoise_env::PreferenceMatrix;

    #[test]
    fn nothing_is_predicted_from_the_spectrum_of_another_game() {
        let cycle = |i: usize, j: usize| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j];
        let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, cycle).expect("valid margins")));
        let uniform = Policy::uniform(game.shape());
        let (limits, schedule) = (Limits::steps(50), Schedule::Log);
        let conduct = Conduct {
            seed: 0,
            oracle_stream: &[],
            solver_stream: &[],
            feedback: &Feedback::Exact,
            limits: &limits,
            schedule: &schedule,
            metrics: &[],
            keep_policies: false,
        };
        for tau in [0.0, 0.2] {
            let setting =
                Setting::new(game.clone(), uniform.clone(), uniform.clone(), tau).solve().expect("solved");
            for name in ["mwu", "omwu", "onpo", "mirror-prox", "sppo"] {
                let entry = registry::solver(name).expect("registered");
                let settled = setting.run(entry, &Value::Null, &conduct, &mut |_| true).expect("defaults");
                assert_eq!(settled.predicted.is_some(), tau == 0.0, "{name}, tau {tau}");
                let said = settled.notes.iter().any(|n| n.contains("tau = 0.2 is not used"));
                assert_eq!(said, tau > 0.0, "{name}: {:?}", settled.notes);
            }
            let egpo = registry::solver("egpo").expect("registered");
            let settled = setting.run(egpo, &Value::Null, &conduct, &mut |_| true).expect("defaults");
            assert!(settled.predicted.is_some());
        }
    }
}
