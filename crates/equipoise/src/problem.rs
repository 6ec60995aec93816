//! A problem: a game with its task and, where it was worth computing, the exact answer. What every run on it shares.

use std::sync::{Arc, OnceLock};

use equipoise_core::registry::FixedPoint;
use equipoise_core::{Aim, BuildError, Policy, Rng, Solver, SolverEntry, Task, seed};
use equipoise_env::{Game, GameOracle, MeasuredOracle};
use equipoise_eval::behaviour;
use equipoise_eval::{
    AfterStep, Groups, KeepRunning, Limits, Metric, Outcome, Run, Schedule, TestPrompts, TraceSink, drive,
    rate,
};
use equipoise_records::{CONVERGED, DUALITY_GAP, DUALITY_GAP_TAU};
use equipoise_reference as reference;
use serde_json::Value;

use crate::local_theory::{self, Spectrum, Surroundings};

/// A game, its task, its equilibrium.
///
/// ```
/// use equipoise::prelude::*;
///
/// let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
/// let reference = Policy::uniform(game.shape());
/// let problem = Problem::new(game, Task::new(reference).tau(0.1)).solve()?;
///
/// let metrics = [Metric::named("duality_gap_tau").expect("registered")];
/// let (limits, schedule) = (Limits::steps(500), Schedule::Log);
/// let options = RunOptions::new(&limits, &schedule, &metrics);
/// let egpo = solver("egpo").expect("registered");
/// let mut oracle = problem.exact_oracle();
/// let result = problem.run(egpo, &json!({"step_size": 0.3}), &mut oracle, &options, &mut |_| true)?;
/// assert_eq!(result.outcome.steps, 500);
/// assert!(result.outcome.trace.iter().rfind(|p| p.iterate == Iterate::Last).is_some_and(|p| p.value < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    /// The game.
    pub game: Arc<Game>,
    /// Reference, start, tau.
    pub task: Task,
    /// The exact equilibrium of the task's game (a maximal lottery for `tau = 0`), if it was solved.
    pub equilibrium: Option<Policy>,
    /// Rotation frequencies there, largest first; empty if it was not solved.
    pub frequencies: Vec<f64>,
    /// Contexts that methods do not see, with the class bound to them; none: nothing is kept for testing.
    pub test: Option<Arc<TestPrompts>>,
    found: Found,
}

/// What is found out about a solved problem when a run first asks for it.
#[derive(Clone, Debug, Default)]
struct Found {
    /// The equilibrium of the original game, for `tau > 0`.
    original: OnceLock<Option<Policy>>,
    /// Around that, and around the equilibrium of the task's game.
    around_original: OnceLock<Surroundings>,
    around: OnceLock<Surroundings>,
    largest_margin: OnceLock<f64>,
}

/// What the row of a method says of it.
struct Row {
    aim: Aim,
    fixed_at_equilibrium: Option<bool>,
    reaches_boundary: bool,
}

/// One finished run on a problem.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunResult {
    /// The parameters it ran with: rules replaced by numbers. `null` for a solver that was built elsewhere.
    pub parameters: Value,
    /// What was measured.
    pub outcome: Outcome,
    /// What the solver says beside its result.
    pub notes: Vec<String>,
    /// `duality_gap` or `duality_gap_tau`: by which the method is judged here.
    pub judged_by: &'static str,
    /// The linear rate of that metric, if its tail is straight.
    pub fitted: Option<rate::Fit>,
    /// The factor per step that local theory predicts for that metric, in the fitted window or, without one, at the end of the
    /// run; `None` where there is no theory, where the method goes beside the metric's zero, where the values are too
    /// large for a factor, and where answers are drawn.
    pub predicted: Option<f64>,
    /// The factor by which a step shrinks a small distance to the fixed point, where there is a theory; at least 1: it is left.
    pub modulus: Option<f64>,
}

impl Problem {
    /// A problem without its exact answer.
    #[must_use]
    pub fn new(game: impl Into<Arc<Game>>, task: Task) -> Self {
        let Task { reference, start, .. } = task;
        let reference = reference.shared();
        let start = if start.stamp() == reference.stamp() { reference.clone() } else { start.shared() };
        let task = Task { reference, start, ..task };
        Self {
            game: game.into(),
            task,
            equilibrium: None,
            frequencies: Vec::new(),
            test: None,
            found: Found::default(),
        }
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
        self.found = Found::default();
        Ok(self)
    }

    /// Gives the equilibrium of the original game, where it is known already. What a method of that game does is told by it where
    /// `tau > 0`; without it, a solved problem solves for it when such a method runs.
    #[must_use]
    pub fn with_original(mut self, equilibrium: Policy) -> Self {
        self.found.original = OnceLock::from(Some(equilibrium));
        self.found.around_original = OnceLock::new();
        self
    }

    /// The equilibrium of the game by whose gap a method of this aim is judged; `None` if the problem is not solved.
    #[must_use]
    pub fn goal(&self, aim: Aim) -> Option<&Policy> {
        let own = self.equilibrium.as_ref()?;
        if self.is_own(aim) {
            return Some(own);
        }
        let solved = || reference::game_equilibrium(&self.game, &self.task.reference, 0.0).ok();
        self.found.original.get_or_init(solved).as_ref()
    }

    /// What is around it.
    pub(crate) fn surroundings(&self, aim: Aim) -> Option<&Surroundings> {
        let (game, found, goal) = (&self.game, &self.found, self.goal(aim)?);
        Some(if self.is_own(aim) {
            let around = || local_theory::surroundings(game, goal, self.task.tau, Some(&self.frequencies));
            found.around.get_or_init(around)
        } else {
            found.around_original.get_or_init(|| local_theory::surroundings(game, goal, 0.0, None))
        })
    }

    /// Whether a method of this aim is judged in the game of the task.
    fn is_own(&self, aim: Aim) -> bool {
        self.task.tau == 0.0 || aim == Aim::Regularised
    }

    /// The largest margin of a solved game, as far as it matters to [`Run::largest_margin`].
    fn largest_margin(&self) -> f64 {
        if self.equilibrium.is_none() {
            return 0.5;
        }
        *self.found.largest_margin.get_or_init(|| {
            let mut largest: f64 = 0.0;
            for x in 0..self.game.contexts() {
                for margin in self.game.matrix(x).pair_margins() {
                    largest = largest.max(margin.abs());
                    if behaviour::close(largest) >= CONVERGED {
                        return largest;
                    }
                }
            }
            largest
        })
    }

    /// An exact oracle for the game, with an empty ledger.
    #[must_use]
    pub fn exact_oracle(&self) -> GameOracle {
        GameOracle::exact(Arc::clone(&self.game))
    }

    /// Builds the method of a registry row and drives it to its end. `oracle` has an empty ledger; `keep_running` is called
    /// after each step, and returning false interrupts.
    ///
    /// # Errors
    /// [`BuildError`] if a parameter is refused.
    pub fn run(
        &self,
        entry: &SolverEntry,
        parameters: &Value,
        oracle: &mut dyn MeasuredOracle,
        options: &RunOptions<'_>,
        keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool,
    ) -> Result<RunResult, BuildError> {
        let mut built = entry.build(parameters, &self.planned(options))?;
        let row = Row {
            aim: entry.aim,
            fixed_at_equilibrium: Some(entry.fixed_point != FixedPoint::Elsewhere),
            reaches_boundary: entry.reaches_boundary,
        };
        let make = |task: &Task| entry.build(&built.parameters, task).ok().map(|built| built.solver);
        let groups = options
            .in_groups
            .filter(|_| entry.contexts_apart)
            .map(|keep_running| Groups { make: &make, keep_running });
        let result = self.driven(built.solver.as_mut(), row, oracle, options, groups, keep_running);
        Ok(RunResult { parameters: built.parameters, ..result })
    }

    /// The task, for a run of so many steps.
    #[must_use]
    pub fn planned(&self, options: &RunOptions<'_>) -> Task {
        self.task.clone().horizon(options.limits.steps)
    }

    /// What local theory needs.
    pub(crate) fn spectrum(&self) -> Spectrum<'_> {
        Spectrum {
            tau: self.task.tau,
            equilibrium: self.equilibrium.as_ref(),
            frequencies: &self.frequencies,
        }
    }

    /// As [`Problem::run`], for a solver that stands at its start. `aim` says by which gap it is judged.
    pub fn run_solver(
        &self,
        solver: &mut dyn Solver,
        aim: Aim,
        oracle: &mut dyn MeasuredOracle,
        options: &RunOptions<'_>,
        keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool,
    ) -> RunResult {
        let row = Row { aim, fixed_at_equilibrium: None, reaches_boundary: false };
        self.driven(solver, row, oracle, options, None, keep_running)
    }

    fn driven(
        &self,
        solver: &mut dyn Solver,
        Row { aim, fixed_at_equilibrium, reaches_boundary }: Row,
        oracle: &mut dyn MeasuredOracle,
        options: &RunOptions<'_>,
        groups: Option<Groups<'_>>,
        keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool,
    ) -> RunResult {
        let (regularised, exact) = (aim == Aim::Regularised, !oracle.is_noisy());
        let around = if aim == Aim::Other { None } else { self.surroundings(aim) };
        let theory = around.map(|around| around.theory(solver)).unwrap_or_default();
        let outcome = drive(
            Run {
                solver,
                oracle: &mut *oracle,
                rng: options.rng.clone(),
                task: &self.task,
                equilibrium: self.equilibrium.as_ref(),
                goal: self.goal(aim),
                largest_margin: self.largest_margin(),
                regularised,
                theory: &theory,
                fixed_at_equilibrium,
                euclidean: reaches_boundary,
                test: self.test.as_deref(),
                metrics: options.metrics,
                schedule: options.schedule,
                limits: options.limits,
                keep_policies: options.keep_policies,
                sink: options.sink,
                groups,
            },
            keep_running,
        );
        let judged_by = if regularised && self.task.tau > 0.0 { DUALITY_GAP_TAU } else { DUALITY_GAP };
        // what rounding leaves of each; see `local_theory::GAP_FLOOR`
        let floor = if judged_by == DUALITY_GAP_TAU { 1e-25 } else { local_theory::GAP_FLOOR };
        let series = &outcome.judged;
        let fitted = rate::fit(series, floor);
        let modulus = local_theory::modulus(self.spectrum(), aim, solver);
        // beside a fitted factor the prediction is for its window; alone it is for what comes after the run
        let rarest = local_theory::rarest(&self.game, self.equilibrium.as_ref());
        let seen = match &fitted {
            Some(rate::Fit { window: (first, last), .. }) => {
                let within = series.iter().filter(|(step, _)| (first..=last).contains(&step));
                let largest = within.fold(0.0, |m: f64, (_, v)| m.max(*v));
                local_theory::Seen { largest, from: Some(*first), floor, rarest }
            }
            None => {
                let largest = series.last().map_or(f64::NAN, |(_, v)| *v);
                local_theory::Seen { largest, from: None, floor, rarest }
            }
        };
        // answers that are drawn keep a gap above 0, which no factor shrinks
        let predicted =
            exact.then(|| local_theory::predicted(self.spectrum(), aim, solver, judged_by, seen)).flatten();
        let mut notes = solver.notes();
        notes.extend(oracle.notes());
        if aim == Aim::Original && self.task.tau > 0.0 {
            notes.push(format!("plays the original game: tau = {} is not used", self.task.tau));
        }
        RunResult { parameters: Value::Null, notes, outcome, judged_by, fitted, predicted, modulus }
    }
}

/// How a run is conducted: everything but the problem, the method and the oracle.
#[derive(Clone, Debug)]
pub struct RunOptions<'a> {
    /// The solver's own stream.
    pub rng: Rng,
    /// When to stop.
    pub limits: &'a Limits,
    /// When to record.
    pub schedule: &'a Schedule,
    /// What to measure then.
    pub metrics: &'a [&'static Metric],
    /// Whether to keep the policies of recorded steps.
    pub keep_policies: bool,
    /// Who takes what is measured, instead of the outcome.
    pub sink: Option<TraceSink<'a>>,
    /// Whom a run of very many small contexts asks instead of `keep_running`, so that it may drive contexts in groups that stay in
    /// cache; without it every step is done in all contexts, and seen by `keep_running`.
    pub in_groups: Option<KeepRunning<'a>>,
}

impl<'a> RunOptions<'a> {
    /// The solver's stream of seed 1, no policies kept: for a run that stands alone.
    #[must_use]
    pub fn new(limits: &'a Limits, schedule: &'a Schedule, metrics: &'a [&'static Metric]) -> Self {
        let rng = seed::stream(1, "solver", &[]);
        Self { rng, limits, schedule, metrics, keep_policies: false, sink: None, in_groups: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use equipoise_env::PreferenceMatrix;

    #[test]
    fn what_is_around_an_equilibrium_is_found_once_for_all_runs() {
        let cycle = |i: usize, j: usize| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j];
        let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, cycle).expect("valid margins")));
        for tau in [0.0, 0.2] {
            let task = Task::new(Policy::uniform(game.shape())).tau(tau);
            let problem = Problem::new(game.clone(), task).solve().expect("solved");
            for aim in [Aim::Original, Aim::Regularised] {
                let of = || (problem.goal(aim).expect("solved"), problem.surroundings(aim).expect("solved"));
                let ((first, around), (again, still)) = (of(), of());
                assert!(std::ptr::eq(first, again) && std::ptr::eq(around, still), "{aim}, tau {tau}");
                let own = std::ptr::eq(first, problem.equilibrium.as_ref().expect("solved"));
                assert_eq!(own, tau == 0.0 || aim == Aim::Regularised, "{aim}, tau {tau}");
            }
        }
        assert!(
            Problem::new(game.clone(), Task::new(Policy::uniform(game.shape())))
                .goal(Aim::Original)
                .is_none()
        );
    }

    #[test]
    fn nothing_is_predicted_from_the_spectrum_of_another_game() {
        let cycle = |i: usize, j: usize| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j];
        let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, cycle).expect("valid margins")));
        let (limits, schedule) = (Limits::steps(50), Schedule::Log);
        let options = RunOptions::new(&limits, &schedule, &[]);
        for tau in [0.0, 0.2] {
            let task = Task::new(Policy::uniform(game.shape())).tau(tau);
            let problem = Problem::new(game.clone(), task).solve().expect("solved");
            let run = |name: &str| {
                let entry = registry::solver(name).expect("registered");
                let mut oracle = problem.exact_oracle();
                problem.run(entry, &Value::Null, &mut oracle, &options, &mut |_| true).expect("defaults")
            };
            for name in ["mwu", "omwu", "onpo", "mirror-prox", "sppo"] {
                let result = run(name);
                assert_eq!(result.predicted.is_some(), tau == 0.0, "{name}, tau {tau}");
                let said = result.notes.iter().any(|n| n.contains("tau = 0.2 is not used"));
                assert_eq!(said, tau > 0.0, "{name}: {:?}", result.notes);
            }
            assert!(run("egpo").predicted.is_some());
        }
    }
}
