//! The loop that drives one run: the only place that knows steps, time, limits, averages and records at once.

use std::time::Duration;

use equipoise_core::flat::Flat as _;
use equipoise_core::{Cost, Policy, Progress, Rng, Solver, StepError, Task, blocks, simplex, vector};
use equipoise_env::MeasuredOracle;
use equipoise_records::schema::Judgement;
use equipoise_records::{Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate, StopKind};
use ndarray::Array1;

use crate::behaviour::{self, Batches, Circumstances, Evidence, LocalTheory, Look};
use crate::gap_batch::{GapBatch, Step};
use crate::limits::Limits;
use crate::metrics::{Metric, Truth, expected_tokens, gaps, log_ratio_of};
use crate::schedule::Schedule;
use crate::stopwatch::Stopwatch;
use crate::test_prompts::TestPrompts;

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

/// Drives `run` to its end. `keep_running` is called after each step; returning false interrupts.
pub fn drive(mut run: Run<'_>, keep_running: &mut dyn FnMut(AfterStep<'_>) -> bool) -> Outcome {
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
        let now = AfterStep { step, solver: run.solver, oracle: run.oracle, played: &recorder.played };
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
    gaps: [&'static Metric; 2],
    /// Index into `gaps` by which this method is judged.
    judged_by: usize,
    /// Steps to be measured together; none if a target may end the run after any step, or where it does not pay.
    batch: Option<GapBatch>,
    targets_met: bool,
    best: [f64; 2],
    /// Both gaps of the last iterate that was measured.
    now: [f64; 2],
    /// Sum of half the regularised gap of the iterates before it.
    regret: f64,
    /// Of each gap the largest target that the last iterate does not meet, and the smallest that it meets: nothing is to be
    /// written down while the gap stays between them.
    between: [(f64, f64); 2],
    evidence: Evidence,
    batches: Batches,
    /// The policy at the last look.
    seen: (Vec<f64>, Vec<f64>),
    /// Probabilities of the last iterate before this step.
    previous: Vec<f64>,
    /// Sum of the played policies.
    played: Vec<f64>,
    /// Their mean at the last record, and its margins.
    average: Policy,
    average_margins: Array1<f64>,
    trace: Vec<Point>,
    judged: Vec<(u64, f64)>,
    recorded: Option<u64>,
    reached: Vec<Reached>,
    kept: Vec<Kept>,
    path: Option<Vec<(u64, [f64; 3])>>,
}

impl Recorder {
    fn new(run: &Run<'_>) -> Self {
        let named = |name| Metric::named(name).expect("a metric of the registry");
        let gaps = [named(DUALITY_GAP), named(DUALITY_GAP_TAU)];
        let shape = run.task.shape();
        let reached = gaps[..1 + usize::from(run.task.tau > 0.0)]
            .iter()
            .flat_map(|m| [Iterate::Last, Iterate::Average].map(|iterate| (m.name, iterate)))
            .flat_map(|(metric, iterate)| {
                TARGETS.map(|target| Reached { metric, iterate, target, at: None, kept: None })
            })
            .collect();
        Self {
            gaps,
            judged_by: usize::from(run.regularised && run.task.tau > 0.0),
            batch: if run.limits.target.is_empty() { GapBatch::new(shape) } else { None },
            targets_met: false,
            best: [f64::INFINITY; 2],
            now: [f64::NAN; 2],
            regret: 0.0,
            between: [(TARGETS[0], f64::INFINITY); 2],
            evidence: Evidence::new(shape, run.limits.steps),
            batches: Batches::default(),
            seen: (run.solver.policy().probs().to_vec(), run.solver.policy().log_probs().to_vec()),
            previous: run.solver.policy().probs().to_vec(),
            played: vec![0.0; shape.len()],
            average: run.solver.policy().clone(),
            average_margins: Array1::zeros(shape.len()),
            trace: Vec::new(),
            judged: Vec::new(),
            recorded: None,
            reached,
            kept: Vec::new(),
            path: (shape.contexts() == 1 && shape.len() == 3).then(Vec::new),
        }
    }

    fn truth<'a>(run: &'a Run<'_>) -> Truth<'a> {
        Truth {
            game: run.oracle.game(),
            reference: &run.task.reference,
            tau: run.task.tau,
            equilibrium: run.equilibrium,
        }
    }

    /// What is measured after every step, or buffered to be measured: gaps of the last iterate, targets, movement, the sum of
    /// played policies.
    fn after_step(&mut self, run: &mut Run<'_>, step: u64) {
        run.oracle.margins(run.solver.policy());
        let moved = if step > 0 { self.movement(run) } else { 0.0 };
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
            let truth = Self::truth(run);
            let now = gaps(&truth, policy, margins);
            self.targets_met = run.limits.target.iter().all(|target| {
                let metric = target.metric;
                let value = cached_gap(metric, now)
                    .unwrap_or_else(|| of_iterate(run, metric, &truth, policy, margins));
                metric.meets(value, target.value)
            });
            self.judge(step_done, now);
        }
        if self.evidence.add(step, moved / run.task.shape().contexts() as f64) {
            self.look(run);
        }
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

    /// How far the last iterate moved in the last step, L1 over all contexts; adds the played policy to the sum.
    #[inline]
    fn movement(&mut self, run: &Run<'_>) -> f64 {
        let (now, played) = (run.solver.policy().probs_slice(), run.solver.played().probs_slice());
        blocks::sum(
            run.task.shape().offsets(),
            (&mut self.previous[..], &mut self.played[..]),
            |block, (previous, sum)| {
                let (now, played) = (&now[block.entries()], &played[block.entries()]);
                vector::dispatch(
                    #[inline(always)]
                    || {
                        sum.iter_mut().zip(played).for_each(|(s, p)| *s += p);
                        let moved = vector::distance(previous, now);
                        previous.copy_from_slice(now);
                        moved
                    },
                )
            },
        )
    }

    /// Looks at every context of the last iterate, whose margins are at hand.
    fn look(&mut self, run: &Run<'_>) {
        let (truth, policy, margins) = (Self::truth(run), run.solver.policy(), run.oracle.last_margins());
        let own = self.gaps[self.judged_by];
        let (probs, logs) = (policy.probs_slice(), policy.log_probs_slice());
        for (x, range) in run.task.shape().ranges().enumerate() {
            let gap = own.at(&truth, policy, margins, x);
            let (p, l) = (&probs[range.clone()], &logs[range.clone()]);
            let (distance, apart) = run.goal.map_or((gap, gap), |e| {
                let (e, log_e) = (&e.probs_slice()[range.clone()], &e.log_probs_slice()[range.clone()]);
                let distance = if run.euclidean {
                    e.iter().zip(p).map(|(e, p)| 0.5 * (e - p) * (e - p)).sum()
                } else {
                    simplex::kl(e, log_e, p, l)
                };
                (distance, vector::distance(e, p))
            });
            let (before, logs_before) = (&mut self.seen.0[range.clone()], &mut self.seen.1[range]);
            let moved = vector::distance(before, p);
            // a probability that stays 0 does not move
            let change = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b).abs() / (1.0 + b.abs()) };
            let moved_log = logs_before.iter().zip(l).map(change).fold(0.0, f64::max);
            before.copy_from_slice(p);
            logs_before.copy_from_slice(l);
            self.evidence.look(x, Look { gap, distance, apart, moved, moved_log });
        }
    }

    /// Measures the buffered steps.
    fn catch_up(&mut self, run: &Run<'_>) {
        let Some(batch) = &mut self.batch else { return };
        for (step, now) in batch.measure(&Self::truth(run)) {
            self.judge(step, now);
        }
    }

    /// Takes in the gaps of the last iterate after a step.
    fn judge(&mut self, Step { step, cost }: Step, now: [f64; 2]) {
        for (k, value) in now.into_iter().enumerate() {
            self.best[k] = self.best[k].min(value);
            let (above, met) = self.between[k];
            if value <= above || value > met {
                let name = self.gaps[k].name;
                record_crossing(&mut self.reached, name, Iterate::Last, value, step, cost);
                let side = |met| move |t: &f64| (value <= *t) == met;
                self.between[k] = (
                    TARGETS.into_iter().filter(side(false)).fold(f64::NEG_INFINITY, f64::max),
                    TARGETS.into_iter().filter(side(true)).fold(f64::INFINITY, f64::min),
                );
            }
        }
        if step > 0 {
            self.batches.add(now[self.judged_by]);
            // what was deployed in this step is the iterate before it
            self.regret += 0.5 * self.now[1];
        }
        self.now = now;
    }

    /// Measures every metric of every iterate.
    fn record(&mut self, run: &mut Run<'_>, step: u64, elapsed: Duration) {
        self.catch_up(run);
        self.recorded = Some(step);
        if run.sink.is_some() {
            self.trace.clear();
        }
        let first = self.trace.len();
        let judged = self.gaps[self.judged_by].name;
        if run.metrics.iter().any(|m| m.name == judged) {
            self.judged.push((step, self.now[self.judged_by]));
        }
        let cost = run.oracle.cost();
        let (truth, policy) = (Self::truth(run), run.solver.policy());
        let mut push = |iterate, metric: &'static Metric, value| {
            self.trace.push(Point { step, cost, elapsed, iterate, metric: metric.name, value });
        };
        for &metric in run.metrics {
            let value = match cached_gap(metric, self.now) {
                Some(gap) => gap,
                None if metric.is_sum => self.regret,
                None => of_iterate(run, metric, &truth, policy, run.oracle.last_margins()),
            };
            push(Iterate::Last, metric, value);
        }
        for (k, metric) in self.gaps.into_iter().enumerate() {
            if run.metrics.iter().any(|m| m.name == metric.name) {
                push(Iterate::Best, metric, self.best[k]);
            }
        }
        if step > 0 {
            self.average.set_mean(&self.played, step as f64);
            run.oracle.product(&self.average, &mut self.average_margins);
        } else {
            // the start, whose product is known
            self.average_margins.assign(run.oracle.last_margins());
        }
        let (average, margins) = (&self.average, &self.average_margins);
        let both = gaps(&truth, average, margins);
        // a mean of policies has no parameters, and so is nothing on other contexts, and it was never deployed
        for &metric in run.metrics.iter().filter(|metric| !metric.of_test && !metric.is_sum) {
            push(
                Iterate::Average,
                metric,
                cached_gap(metric, both).unwrap_or_else(|| of_iterate(run, metric, &truth, average, margins)),
            );
        }
        for (metric, value) in self.gaps.iter().zip(both) {
            record_crossing(&mut self.reached, metric.name, Iterate::Average, value, step, cost);
        }
        if run.keep_policies {
            self.kept.push(Kept { step, iterate: Iterate::Last, policy: policy.clone() });
            self.kept.push(Kept { step, iterate: Iterate::Average, policy: average.clone() });
        }
        if let Some(TraceSink(take)) = run.sink {
            take(&self.trace[first..]);
        }
    }

    /// What the last iterate did.
    fn told(&mut self, run: &Run<'_>, stop: &StopReason) -> (Behaviour, Judgement) {
        match stop {
            StopReason::Diverged { .. } => return plainly(Behaviour::Diverged, stop.to_string()),
            StopReason::Finished => return plainly(Behaviour::Finished, stop.to_string()),
            StopReason::TargetReached => return plainly(Behaviour::TargetReached, stop.to_string()),
            StopReason::Budget(_) | StopReason::TimeLimit | StopReason::Interrupted => {}
        }
        let around = Circumstances {
            theory: run.theory,
            fixed_at_equilibrium: run.fixed_at_equilibrium,
            // a solver may draw duels of its own from an oracle that is exact on win rates
            noisy: run.oracle.is_noisy() || run.oracle.cost().duels > 0,
            period: run.solver.period(),
            metric: self.gaps[self.judged_by].name,
            close: behaviour::close(run.largest_margin),
            batches: &self.batches,
        };
        behaviour::judge(&self.evidence, &around)
    }

    fn finish(mut self, mut run: Run<'_>, stop: StopReason, steps: u64, elapsed: Duration) -> Outcome {
        let diverged = matches!(stop, StopReason::Diverged { .. });
        let cost = run.oracle.cost();
        self.catch_up(&run);
        if !diverged && self.recorded != Some(steps) {
            self.record(&mut run, steps, elapsed);
        }
        if let Some(path) = &mut self.path
            && path.last().is_some_and(|(s, _)| *s != steps)
        {
            path.push((steps, [0, 1, 2].map(|a| self.previous[a])));
        }
        if !diverged && self.evidence.end() {
            run.oracle.margins(run.solver.policy());
            self.look(&run);
        }
        let (behaviour, judgement) = self.told(&run, &stop);
        let Self { previous, played, average, average_margins, trace, judged, reached, kept, path, .. } =
            self;
        // each as large as the shape: gone before the last copy is made
        drop((played, average, average_margins));
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

/// A word that needs no judging, with its reason.
fn plainly(behaviour: Behaviour, reason: String) -> (Behaviour, Judgement) {
    (behaviour, Judgement { reason, ..Judgement::default() })
}

/// A metric of an iterate of the run's method.
fn of_iterate(
    run: &Run<'_>,
    metric: &Metric,
    truth: &Truth<'_>,
    policy: &Policy,
    margins: &Array1<f64>,
) -> f64 {
    if metric.of_test {
        let learned = run.test.zip(run.solver.parameters());
        return learned.map_or(f64::NAN, |(test, theta)| test.gap(theta, truth.tau));
    }
    if let Some(of_fit) = metric.of_fit {
        return run.oracle.fitted().map_or(f64::NAN, |fitted| of_fit(&fitted, policy));
    }
    if let Some(side) = metric.of_pairs {
        return log_ratio_of(run.solver.labelled_pairs(), side, policy, &run.task.reference);
    }
    if metric.of_tokens {
        let class = run.task.class.as_deref();
        return class.map_or(f64::NAN, |class| expected_tokens(truth.game, policy, class));
    }
    metric.of_iterate(truth, policy, margins, &run.solver.effort(), run.task.class.as_deref())
}

/// The value of a metric that is one of the two gaps, of which both are at hand.
fn cached_gap(metric: &Metric, gaps: [f64; 2]) -> Option<f64> {
    metric.gap.map(|gap| gaps[gap as usize])
}

fn record_crossing(
    reached: &mut [Reached],
    metric: &str,
    iterate: Iterate,
    value: f64,
    step: u64,
    cost: Cost,
) {
    for r in reached.iter_mut().filter(|r| r.metric == metric && r.iterate == iterate) {
        if value <= r.target {
            r.at.get_or_insert((step, cost));
            r.kept.get_or_insert((step, cost));
        } else {
            r.kept = None;
        }
    }
}
