//! The loop that drives one run: the only place that knows steps, time, limits, averages and records at once.
//!
//! What is measured over the contexts (`watch`) and what is kept of it (`log`) are apart: contexts that do not matter to
//! each other are driven in groups that stay in cache, whose sums the same log takes (`groups`).

mod groups;
mod log;
mod watch;

use std::time::Duration;

use equipoise_core::flat::Flat as _;
use equipoise_core::{Cost, Policy, Progress, Rng, Solver, StepError, Task};
use equipoise_env::MeasuredOracle;
use equipoise_records::schema::Judgement;
use equipoise_records::{Behaviour, Iterate, StopKind};

use crate::behaviour::LocalTheory;
use crate::gap_batch::{GapBatch, Step};
use crate::limits::Limits;
use crate::metrics::{Metric, gaps};
use crate::schedule::Schedule;
use crate::stopwatch::Stopwatch;
use crate::test_prompts::TestPrompts;
use log::Log;
use watch::Watch;

/// Gap targets whose first crossing is recorded, with its cost. Absolute: the optimum is 0.
pub const TARGETS: [f64; 3] = [1e-2, 1e-4, 1e-8];

/// A way over the simplex (games of three actions) keeps a point once it has moved this far (L1).
const PATH_STRIDE: f64 = 0.01;
/// A path keeps at most this many points; later ones are dropped, except the last.
const PATH_POINTS: usize = 4000;

/// Everything a run needs, already built and checked.
pub struct Run<'a> {
    /// The method, at its start.
    pub solver: &'a mut dyn Solver,
    /// The oracle, with an empty ledger.
    pub oracle: &'a mut dyn MeasuredOracle,
    /// The solver's own stream.
    pub rng: Rng,
    /// The task.
    pub task: &'a Task,
    /// The equilibrium of the task's game, for the metrics that need it.
    pub equilibrium: Option<&'a Policy>,
    /// The equilibrium of the game by whose gap the method is judged: what it does is told by the distance to it.
    pub goal: Option<&'a Policy>,
    /// The largest `|P_ij - 1/2|` of the game, on which depends how small a gap is none; 1/2 where it is not known.
    pub largest_margin: f64,
    /// Whether the method aims at the regularised game, and so is judged by `duality_gap_tau`.
    pub regularised: bool,
    /// What local theory says of the method at the equilibrium, a context each; empty where nothing is known.
    pub theory: &'a [LocalTheory],
    /// Whether the method stands still at the equilibrium that it aims at; `None` if that is not known.
    pub fixed_at_equilibrium: Option<bool>,
    /// Whether the method may leave the interior: then half the squared Euclidean distance stands for the divergence to the
    /// equilibrium, where behaviour is told.
    pub euclidean: bool,
    /// Contexts that the method does not see, for the metric of them.
    pub test: Option<&'a TestPrompts>,
    /// What to measure at recorded steps.
    pub metrics: &'a [&'static Metric],
    /// When to record.
    pub schedule: &'a Schedule,
    /// When to stop.
    pub limits: &'a Limits,
    /// Whether to keep the policies of recorded steps.
    pub keep_policies: bool,
    /// Who takes the points of each record; only those of the last are then in [`Outcome::trace`].
    pub sink: Option<TraceSink<'a>>,
    /// How the method is made for some of the contexts alone, where contexts do not matter to each other and nobody looks at the run
    /// after a step: a run of many small contexts is then driven in groups of them, with the bits of the plain way.
    pub groups: Option<Groups<'a>>,
}

/// What driving contexts in groups needs.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    /// Makes the method for the task of some of the contexts ([`Task::part`]), with the parameters of the whole.
    pub make: &'a (dyn Fn(&Task) -> Option<Box<dyn Solver>> + Sync),
    /// Called by every group after each of its steps with the steps done, in the mean over the contexts; false interrupts.
    pub keep_running: KeepRunning<'a>,
}

/// Takes the steps done by a run in groups, from any thread; returning false interrupts it.
#[derive(Clone, Copy)]
pub struct KeepRunning<'a>(pub &'a (dyn Fn(u64) -> bool + Sync));

impl std::fmt::Debug for KeepRunning<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeepRunning")
    }
}

/// Takes what is measured at each recorded step, so that a long trace is not held in memory.
#[derive(Clone, Copy)]
pub struct TraceSink<'a>(pub &'a (dyn Fn(&[Point]) + Sync));

impl std::fmt::Debug for TraceSink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TraceSink")
    }
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StopReason {
    /// The budget of steps, queries or duels is used up.
    Budget(&'static str),
    /// The last iterate met every target.
    TargetReached,
    /// The time limit.
    TimeLimit,
    /// The caller asked to stop.
    Interrupted,
    /// A step failed.
    Diverged {
        /// The step that failed, from 1.
        step: u64,
        /// Why.
        cause: StepError,
    },
    /// The method has nothing more to do.
    Finished,
    /// No record since that of the best iterate was better, for as many steps as the limits have patience ([`Limits::patience`]).
    NoImprovement {
        /// The metric by which the best iterate is kept.
        metric: &'static str,
        /// The step of that iterate.
        best: u64,
    },
}

impl StopReason {
    /// The reason as records hold it.
    #[must_use]
    pub fn kind(&self) -> StopKind {
        match self {
            Self::Budget(_) => StopKind::Budget,
            Self::TargetReached => StopKind::TargetReached,
            Self::TimeLimit => StopKind::TimeLimit,
            Self::Interrupted => StopKind::Interrupted,
            Self::Diverged { .. } => StopKind::Diverged,
            Self::Finished => StopKind::Finished,
            Self::NoImprovement { .. } => StopKind::NoImprovement,
        }
    }
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Budget(what) => write!(f, "the budget of {what} is used up"),
            Self::TargetReached => f.write_str("every target is reached"),
            Self::TimeLimit => f.write_str("the time limit is reached"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Diverged { step, cause } => write!(f, "step {step} failed: {cause}"),
            Self::Finished => f.write_str("the method has nothing more to do"),
            Self::NoImprovement { metric, best } => {
                write!(f, "{metric} was best at step {best}, and patience is over")
            }
        }
    }
}

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// Steps done, 0 for the start.
    pub step: u64,
    /// Ledger after those steps.
    pub cost: Cost,
    /// Time in the solver's steps; of those below 10 us one in sixteen is timed and stands for the others too.
    pub elapsed: Duration,
    /// The policy measured.
    pub iterate: Iterate,
    /// Metric name.
    pub metric: &'static str,
    /// Its value, as measured: no clamping.
    pub value: f64,
}

/// First crossing of a target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reached {
    /// `duality_gap` or `duality_gap_tau`.
    pub metric: &'static str,
    /// The last iterate (watched at every step) or the average (watched at recorded steps).
    pub iterate: Iterate,
    /// The target.
    pub target: f64,
    /// The step and the ledger when it was first touched; `None` if never.
    pub at: Option<(u64, Cost)>,
    /// The step and the ledger from when on it stayed at or below the target; `None` if it ended above.
    pub kept: Option<(u64, Cost)>,
}

/// A policy kept at a recorded step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Kept {
    /// Steps done.
    pub step: u64,
    /// The last iterate or the average.
    pub iterate: Iterate,
    /// The policy.
    pub policy: Policy,
}

/// What came out of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Why it ended.
    pub stop: StopReason,
    /// What the last iterate did.
    pub behaviour: Behaviour,
    /// On what that was told.
    pub judgement: Judgement,
    /// Steps done (a failed one not counted).
    pub steps: u64,
    /// Ledger.
    pub cost: Cost,
    /// Time in the solver's steps.
    pub elapsed: Duration,
    /// Everything measured, in order; with a [`Run::sink`], what was measured last.
    pub trace: Vec<Point>,
    /// The gap by which the method is judged, of the last iterate at each recorded step, where it was measured.
    pub judged: Vec<(u64, f64)>,
    /// First crossings of [`TARGETS`].
    pub reached: Vec<Reached>,
    /// The last iterate (of the last step that did not fail).
    pub policy: Policy,
    /// Policies of recorded steps, if asked for.
    pub kept: Vec<Kept>,
    /// For one context of three actions: the way of the last iterate, thinned by distance.
    pub path: Vec<(u64, [f64; 3])>,
}

/// What can be seen of a run after a step: for progress, interruption, and measurements that are no [`Metric`]. Nothing
/// asked here is charged.
#[non_exhaustive]
pub struct AfterStep<'a> {
    /// Steps done.
    pub step: u64,
    /// The method.
    pub solver: &'a dyn Solver,
    /// The oracle; its last product is that of the solver's policy.
    pub oracle: &'a mut dyn MeasuredOracle,
    /// Sum of the played policies' probabilities, flat over the shape; the average iterate is this over
    /// [`AfterStep::step`].
    pub played: &'a [f64],
}

impl Outcome {
    /// The last value recorded of a metric at an iterate; `None` if it was not measured.
    #[must_use]
    pub fn end(&self, iterate: Iterate, metric: &str) -> Option<f64> {
        self.trace.iter().rfind(|p| p.iterate == iterate && p.metric == metric).map(|p| p.value)
    }
}

/// Drives `run` to its end. `keep_running` is called after each step; returning false interrupts. A run in [`Groups`] asks those.
pub fn drive(mut run: Run<'_>, keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool) -> Outcome {
    if let Some(outcome) = groups::drive(&run) {
        return outcome;
    }
    let mut recorder = Recorder::new(&run);
    let mut stopwatch = Stopwatch::default();
    let mut step = 0;
    recorder.after_step(&mut run, 0);
    recorder.record(&mut run, 0, Duration::ZERO);
    let mut next_record = run.schedule.next_after(0);
    let stop = loop {
        if let Some(reason) = exhausted(&run, step, stopwatch.elapsed(), &recorder) {
            break reason;
        }
        run.oracle.begin_step(step, run.solver.policy());
        let progress = match stopwatch.time(|| run.solver.step(run.oracle, &mut run.rng)) {
            Ok(progress) => progress,
            Err(cause) => break StopReason::Diverged { step: step + 1, cause },
        };
        step += 1;
        recorder.after_step(&mut run, step);
        if step >= next_record {
            recorder.record(&mut run, step, stopwatch.elapsed());
            next_record = run.schedule.next_after(step);
        }
        if progress == Progress::Finished {
            break StopReason::Finished;
        }
        let now = AfterStep { step, solver: run.solver, oracle: run.oracle, played: recorder.watch.played() };
        if !keep_running(now) {
            break StopReason::Interrupted;
        }
    };
    recorder.finish(run, stop, step, stopwatch.elapsed())
}

/// The limit that forbids another step, if any.
fn exhausted(run: &Run<'_>, step: u64, elapsed: Duration, recorder: &Recorder) -> Option<StopReason> {
    let (limits, cost) = (run.limits, run.oracle.cost());
    if !limits.target.is_empty() && recorder.targets_met {
        return Some(StopReason::TargetReached);
    }
    if let (Some(by), Some(patience)) = (limits.keep_best, limits.patience)
        && recorder.recorded == Some(step)
    {
        // a metric that is not a number from the start on is best at no step: patience counts from there
        let best = recorder.log.chosen_at().unwrap_or(0);
        if step - best >= patience {
            return Some(StopReason::NoImprovement { metric: by.name, best });
        }
    }
    if step >= limits.steps {
        return Some(StopReason::Budget("steps"));
    }
    if limits.queries.is_some_and(|q| cost.queries >= q) {
        return Some(StopReason::Budget("queries"));
    }
    if limits.duels.is_some_and(|d| cost.duels >= d) {
        return Some(StopReason::Budget("duels"));
    }
    (limits.seconds.is_some_and(|s| elapsed.as_secs_f64() >= s)).then_some(StopReason::TimeLimit)
}

/// Collects what is measured.
struct Recorder {
    watch: Watch,
    log: Log,
    /// Steps to be measured together; none if a target may end the run after any step, or where it does not pay.
    batch: Option<GapBatch>,
    targets_met: bool,
    recorded: Option<u64>,
    kept: Vec<Kept>,
    path: Option<Vec<(u64, [f64; 3])>>,
}

impl Recorder {
    fn new(run: &Run<'_>) -> Self {
        let shape = run.task.shape();
        Self {
            watch: Watch::new(run, shape.len() as u64),
            log: Log::new(run),
            batch: if run.limits.target.is_empty() { GapBatch::new(shape) } else { None },
            targets_met: false,
            recorded: None,
            kept: Vec::new(),
            path: (shape.contexts() == 1 && shape.len() == 3).then(Vec::new),
        }
    }

    /// What is measured after every step, or buffered to be measured: gaps of the last iterate, targets, movement, the sum of
    /// played policies.
    fn after_step(&mut self, run: &mut Run<'_>, step: u64) {
        let moved = self.watch.follow(run, step);
        let policy = run.solver.policy();
        let (cost, margins) = (run.oracle.cost(), run.oracle.last_margins());
        let step_done = Step { step, cost };
        if let Some(batch) = &mut self.batch
            && step > 0
        {
            let margins = margins.flat();
            if batch.push(step_done, (policy.probs_slice(), policy.log_probs_slice()), margins) {
                self.catch_up(run);
            }
        } else {
            let truth = watch::truth(run);
            let now = gaps(&truth, policy, margins);
            self.targets_met = run.limits.target.iter().all(|target| {
                let metric = target.metric;
                let value = watch::cached_gap(metric, now)
                    .unwrap_or_else(|| watch::of_iterate(run, metric, &truth, policy, margins));
                metric.meets(value, target.value)
            });
            self.log.judge(step_done, now);
        }
        self.watch.look_if_due(run, step, moved / run.task.shape().contexts() as f64);
        if let Some(path) = &mut self.path {
            let p = [0, 1, 2].map(|a| policy.probs()[a]);
            let far = path
                .last()
                .is_none_or(|(_, l)| l.iter().zip(p).map(|(a, b)| (a - b).abs()).sum::<f64>() >= PATH_STRIDE);
            if far && path.len() < PATH_POINTS {
                path.push((step, p));
            }
        }
    }

    /// Measures the buffered steps.
    fn catch_up(&mut self, run: &Run<'_>) {
        let Some(batch) = &mut self.batch else { return };
        for (step, now) in batch.measure(&watch::truth(run)) {
            self.log.judge(step, now);
        }
    }

    /// Measures every metric of every iterate.
    fn record(&mut self, run: &mut Run<'_>, step: u64, elapsed: Duration) {
        self.catch_up(run);
        self.recorded = Some(step);
        let measured = self.watch.measure(run, step);
        self.log.record(run, Step { step, cost: run.oracle.cost() }, elapsed, measured);
        if run.keep_policies {
            let iterates = [(Iterate::Last, run.solver.policy()), (Iterate::Average, self.watch.average())];
            self.kept.extend(iterates.map(|(iterate, policy)| Kept {
                step,
                iterate,
                policy: policy.clone(),
            }));
        }
    }

    fn finish(mut self, mut run: Run<'_>, stop: StopReason, steps: u64, elapsed: Duration) -> Outcome {
        let diverged = matches!(stop, StopReason::Diverged { .. });
        let cost = run.oracle.cost();
        self.catch_up(&run);
        if !diverged && self.recorded != Some(steps) {
            self.record(&mut run, steps, elapsed);
        }
        let Self { mut watch, log, kept, mut path, .. } = self;
        if let Some(path) = &mut path
            && path.last().is_some_and(|(s, _)| *s != steps)
        {
            path.push((steps, [0, 1, 2].map(|a| watch.previous()[a])));
        }
        if !diverged {
            watch.last_look(&mut run);
        }
        let (behaviour, judgement) = match plainly(&stop) {
            Some(plainly) => plainly,
            None => {
                let around = watch::circumstances(&run, log.batches(), watch.evidence().is_slowing());
                watch.words(&around).verdict(&around)
            }
        };
        // vectors as large as the shape are gone before the last copy is made
        let previous = watch.into_previous();
        let policy = if diverged {
            // the solver's is unusable; logarithms of probabilities that underflowed are lost
            let mut last = run.task.start.clone();
            last.set_probs(|p| p.copy_from_slice(&previous)).expect("an iterate before was finite");
            last
        } else {
            drop(previous);
            run.solver.policy().clone()
        };
        let path = path.unwrap_or_default();
        let Log { trace, judged, reached, .. } = log;
        Outcome {
            stop,
            behaviour,
            judgement,
            steps,
            cost,
            elapsed,
            trace,
            judged,
            reached,
            policy,
            kept,
            path,
        }
    }
}

/// The word of a run whose end needs no judging, with its reason.
fn plainly(stop: &StopReason) -> Option<(Behaviour, Judgement)> {
    let behaviour = match stop {
        StopReason::Diverged { .. } => Behaviour::Diverged,
        StopReason::Finished => Behaviour::Finished,
        StopReason::TargetReached => Behaviour::TargetReached,
        StopReason::Budget(_)
        | StopReason::TimeLimit
        | StopReason::NoImprovement { .. }
        | StopReason::Interrupted => return None,
    };
    Some((behaviour, Judgement { reason: stop.to_string(), ..Judgement::default() }))
}
