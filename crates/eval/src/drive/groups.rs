//! Contexts that do not matter to each other, driven in groups that stay in cache.
//!
//! A step of a million small games reads and writes each vector of the method, the oracle and the instrument from and to memory. Where
//! contexts move as if they were alone, one group of them can do all its steps before the next begins: what is read from memory
//! is then read once a run and not once a step, and only one group at a time needs those vectors. A group is a block of
//! [`blocks`], so that sums over the contexts are added in the order of the plain way, and have its bits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use equipoise_core::blocks::{self, BLOCK, Block};
use equipoise_core::{Cost, Policy, Progress, Rng, Task};
use equipoise_env::OracleParts;

use super::log::Log;
use super::watch::{self, Measured, Watch};
use super::{Groups, Outcome, Run, StopReason};
use crate::behaviour::{Batches, Evidence, LocalTheory, Words};
use crate::gap_batch::Step;
use crate::limits::Limits;
use crate::metrics::{Metric, gaps};
use crate::schedule::Schedule;
use crate::stopwatch::Stopwatch;

/// Entries of a shape from which on its vectors do not stay in cache.
const MANY: usize = 16 * BLOCK;
/// Actions up to which every block has several contexts.
const SMALL: usize = BLOCK / 4;
/// Steps up to which a run is driven in groups. Its trace is there when all groups have ended, so that a long one would have nothing to
/// show when it is interrupted; and sums are held for each step.
const LONG: u64 = 10_000;
/// Numbers of a sum over the contexts that are kept for a step: both gaps, and how far it went.
type Sums = [f64; 3];

/// What one group did, or several that follow each other.
struct Group {
    sums: Vec<Sums>,
    costs: Vec<Cost>,
    records: Vec<(Duration, Measured)>,
    /// What the contexts did, if the steps of the whole become ever shorter, and if not.
    words: [Words; 2],
}

impl Group {
    /// The two together; `None` where they asked unequally often.
    fn join(mut self, later: Self) -> Option<Self> {
        for (own, other) in self.sums.iter_mut().zip(&later.sums) {
            (0..own.len()).for_each(|k| own[k] += other[k]);
        }
        if self.costs != later.costs {
            return None;
        }
        for ((time, own), (later, other)) in self.records.iter_mut().zip(&later.records) {
            *time += *later;
            for (a, b) in own.values.iter_mut().zip(&other.values) {
                *a = [a[0] + b[0], a[1] + b[1]];
            }
            own.average = [0, 1].map(|k| own.average[k] + other.average[k]);
        }
        let ([a, b], [c, d]) = (self.words, later.words);
        self.words = [a.join(c), b.join(d)];
        Some(self)
    }
}

/// What all groups of a run share.
struct Shared<'a> {
    groups: Groups<'a>,
    oracles: OracleParts,
    /// The fields of the run of these names.
    rng: &'a Rng,
    task: &'a Task,
    equilibrium: Option<&'a Policy>,
    goal: Option<&'a Policy>,
    largest_margin: f64,
    regularised: bool,
    theory: &'a [LocalTheory],
    fixed_at_equilibrium: Option<bool>,
    euclidean: bool,
    metrics: &'a [&'static Metric],
    schedule: &'a Schedule,
    limits: &'a Limits,
    /// Entries times steps that are done.
    done: AtomicU64,
    /// The last iterate, as the groups end.
    last: Mutex<Policy>,
}

/// The outcome of `run`, if it can be had in groups and all of them end without incident; nothing of `run` is touched.
pub(super) fn drive(run: &Run<'_>) -> Option<Outcome> {
    let groups = run.groups.filter(|_| is_fit(run))?;
    let shape = run.task.shape();
    let shared = Shared {
        groups,
        oracles: run.oracle.by_parts()?,
        rng: &run.rng,
        task: run.task,
        equilibrium: run.equilibrium,
        goal: run.goal,
        largest_margin: run.largest_margin,
        regularised: run.regularised,
        theory: run.theory,
        fixed_at_equilibrium: run.fixed_at_equilibrium,
        euclidean: run.euclidean,
        metrics: run.metrics,
        schedule: run.schedule,
        limits: run.limits,
        done: AtomicU64::new(0),
        last: Mutex::new(run.task.start.clone()),
    };
    let offsets = shape.offsets();
    let whole = blocks::par_blocks(offsets, (), |block, ()| shared.drive(block), |a, b| a?.join(b?))?;
    let policy = shared.last.into_inner().expect("no thread panics while it holds this");
    Some(outcome(run, whole, policy))
}

/// Whether a run may be driven in groups, and gains by it: nothing in it is about all contexts at once.
fn is_fit(run: &Run<'_>) -> bool {
    let (shape, limits) = (run.task.shape(), run.limits);
    let of_steps_alone = limits.target.is_empty()
        && limits.queries.is_none()
        && limits.duels.is_none()
        && limits.patience.is_none()
        && limits.seconds.is_none();
    shape.len() >= MANY
        && limits.steps <= LONG
        && shape.ranges().all(|range| range.len() <= SMALL)
        && of_steps_alone
        && !run.keep_policies
        && run.task.class.is_none()
        && run.metrics.iter().all(|metric| metric.is_sum || metric.is_mean_of_contexts())
}

impl Shared<'_> {
    /// All steps of the contexts of a block; `None` if anything happens that is not a step.
    fn drive(&self, block: Block<'_>) -> Option<Group> {
        let contexts = block.first..block.first + block.contexts();
        let task = self.task.part(contexts.clone());
        let mut oracle = (self.oracles)(contexts.clone())?;
        let mut solver = (self.groups.make)(&task)?;
        let [equilibrium, goal] =
            [self.equilibrium, self.goal].map(|policy| policy.map(|p| p.part(contexts.clone())));
        let mut part = Run {
            solver: solver.as_mut(),
            oracle: oracle.as_mut(),
            rng: self.rng.clone(),
            task: &task,
            equilibrium: equilibrium.as_ref(),
            goal: goal.as_ref(),
            largest_margin: self.largest_margin,
            regularised: self.regularised,
            theory: self.theory.get(contexts).unwrap_or_default(),
            fixed_at_equilibrium: self.fixed_at_equilibrium,
            euclidean: self.euclidean,
            test: None,
            metrics: self.metrics,
            schedule: self.schedule,
            limits: self.limits,
            keep_policies: false,
            sink: None,
            groups: None,
        };
        let (entries, steps) = (self.task.shape().len() as u64, self.limits.steps);
        let mut watch = Watch::new(&part, entries);
        let mut group =
            Group { sums: Vec::new(), costs: Vec::new(), records: Vec::new(), words: Default::default() };
        let mut stopwatch = Stopwatch::default();
        let mut next_record = 0;
        for step in 0..=steps {
            if step > 0 {
                part.oracle.begin_step(step - 1, part.solver.policy());
                let progress = stopwatch.time(|| part.solver.step(part.oracle, &mut part.rng)).ok()?;
                if progress == Progress::Finished {
                    return None;
                }
            }
            let moved = watch.follow(&mut part, step);
            let [gap, gap_tau] = gaps(&watch::truth(&part), part.solver.policy(), part.oracle.last_margins());
            group.sums.push([gap, gap_tau, moved]);
            group.costs.push(part.oracle.cost());
            watch.look_if_due(&part, step, moved);
            if step >= next_record || step == steps {
                group.records.push((stopwatch.elapsed(), watch.measure(&part, step).clone()));
                next_record = self.schedule.next_after(step);
            }
            if step > 0 {
                let own = task.shape().len() as u64;
                let done = self.done.fetch_add(own, Ordering::Relaxed) + own;
                if !(self.groups.keep_running.0)(done / entries) {
                    return None;
                }
            }
        }
        // a method that draws goes on with one stream from context to context, and is judged as a noisy one
        if part.rng != *self.rng || part.oracle.cost().duels > 0 {
            return None;
        }
        watch.last_look(&mut part);
        let none = Batches::default();
        group.words = [true, false].map(|slowing| watch.words(&watch::circumstances(&part, &none, slowing)));
        let mut last = self.last.lock().expect("no thread panics while it holds this");
        last.copy_part(block.first, part.solver.policy());
        Some(group)
    }
}

/// What the plain way makes of the same sums.
fn outcome(run: &Run<'_>, whole: Group, policy: Policy) -> Outcome {
    let (shape, steps) = (run.task.shape(), run.limits.steps);
    let mut log = Log::new(run);
    // of the movement alone: what each context did is told by its group
    let mut evidence = Evidence::new(0, shape.len() as u64, steps);
    let mut records = whole.records.into_iter();
    let mut next_record = 0;
    let mut elapsed = Duration::ZERO;
    for (step, (&[gap, gap_tau, moved], &cost)) in (0..).zip(whole.sums.iter().zip(&whole.costs)) {
        log.judge(Step { step, cost }, [gap, gap_tau]);
        evidence.add(step, moved / shape.contexts() as f64);
        if (step >= next_record || step == steps)
            && let Some((time, measured)) = records.next()
        {
            elapsed = time / blocks::threads();
            log.record(run, Step { step, cost }, elapsed, &measured);
            next_record = run.schedule.next_after(step);
        }
    }
    evidence.end();
    let slowing = evidence.is_slowing();
    let [if_slowing, if_not] = whole.words;
    let around = watch::circumstances(run, log.batches(), slowing);
    let (behaviour, judgement) = (if slowing { if_slowing } else { if_not }).verdict(&around);
    let cost = whole.costs.last().copied().unwrap_or_default();
    let Log { trace, judged, reached, .. } = log;
    Outcome {
        stop: StopReason::Budget("steps"),
        behaviour,
        judgement,
        steps,
        cost,
        elapsed,
        trace,
        judged,
        reached,
        policy,
        kept: Vec::new(),
        path: Vec::new(),
    }
}
