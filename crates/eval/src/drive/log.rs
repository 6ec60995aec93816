//! What is kept of a run, from what was measured over its contexts.

use std::time::Duration;

use equipoise_core::Cost;
use equipoise_records::Iterate;

use super::watch::{Measured, both_gaps, cached_gap, judged_by};
use super::{Point, Reached, Run, TARGETS, TraceSink};
use crate::behaviour::Batches;
use crate::gap_batch::Step;
use crate::metrics::Metric;

pub(super) struct Log {
    gaps: [&'static Metric; 2],
    /// Index into `gaps` by which this method is judged.
    judged_by: usize,
    best: [f64; 2],
    /// Both gaps of the last iterate that was measured.
    now: [f64; 2],
    /// Sum of half the regularised gap of the iterates before it.
    regret: f64,
    /// Of each gap the largest target that the last iterate does not meet, and the smallest that it meets: nothing is to be
    /// written down while the gap stays between them.
    between: [(f64, f64); 2],
    batches: Batches,
    /// The best value so far of the metric by which an iterate is kept, and all metrics of that iterate.
    chosen: f64,
    /// The step of that iterate, from the first record on.
    chosen_at: Option<u64>,
    of_chosen: Vec<f64>,
    pub(super) trace: Vec<Point>,
    pub(super) judged: Vec<(u64, f64)>,
    pub(super) reached: Vec<Reached>,
}

impl Log {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let gaps = both_gaps();
        let reached = gaps[..1 + usize::from(run.task.tau > 0.0)]
            .iter()
            .flat_map(|m| [Iterate::Last, Iterate::Average].map(|iterate| (m.name, iterate)))
            .flat_map(|(metric, iterate)| {
                TARGETS.map(|target| Reached { metric, iterate, target, at: None, kept: None })
            })
            .collect();
        Self {
            gaps,
            judged_by: judged_by(run),
            best: [f64::INFINITY; 2],
            now: [f64::NAN; 2],
            regret: 0.0,
            between: [(TARGETS[0], f64::INFINITY); 2],
            batches: Batches::default(),
            chosen: f64::NAN,
            chosen_at: None,
            of_chosen: vec![f64::NAN; if run.limits.keep_best.is_some() { run.metrics.len() } else { 0 }],
            trace: Vec::new(),
            judged: Vec::new(),
            reached,
        }
    }

    /// The gap of every step.
    pub(super) fn batches(&self) -> &Batches {
        &self.batches
    }

    /// The step of the iterate that is kept as the best, if one is by now.
    pub(super) fn chosen_at(&self) -> Option<u64> {
        self.chosen_at
    }

    /// Takes in the gaps of the last iterate after a step.
    pub(super) fn judge(&mut self, Step { step, cost }: Step, now: [f64; 2]) {
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

    /// Takes in what was measured at a recorded step, after [`Log::judge`] of that step.
    pub(super) fn record(
        &mut self,
        run: &Run<'_>,
        Step { step, cost }: Step,
        elapsed: Duration,
        measured: &Measured,
    ) {
        if run.sink.is_some() {
            self.trace.clear();
        }
        let first = self.trace.len();
        let judged = self.gaps[self.judged_by].name;
        if run.metrics.iter().any(|m| m.name == judged) {
            self.judged.push((step, self.now[self.judged_by]));
        }
        let mut push = |iterate, metric: &'static Metric, value| {
            self.trace.push(Point { step, cost, elapsed, iterate, metric: metric.name, value });
        };
        let (now, regret) = (self.now, self.regret);
        let of_last = |metric: &Metric, last: f64| match cached_gap(metric, now) {
            Some(gap) => gap,
            None if metric.is_sum => regret,
            None => last,
        };
        for (&metric, [last, _]) in run.metrics.iter().zip(&measured.values) {
            push(Iterate::Last, metric, of_last(metric, *last));
        }
        if let Some(by) = run.limits.keep_best {
            let all =
                || run.metrics.iter().zip(&measured.values).map(|(&m, [last, _])| (m, of_last(m, *last)));
            let value = all().find(|(metric, _)| metric.name == by.name).map_or(f64::NAN, |found| found.1);
            if by.betters(value, self.chosen) {
                self.chosen = value;
                self.chosen_at = Some(step);
                self.of_chosen.iter_mut().zip(all()).for_each(|(kept, (_, value))| *kept = value);
            }
            all().zip(&self.of_chosen).for_each(|((metric, _), kept)| push(Iterate::Best, metric, *kept));
        } else {
            for (k, metric) in self.gaps.into_iter().enumerate() {
                if run.metrics.iter().any(|m| m.name == metric.name) {
                    push(Iterate::Best, metric, self.best[k]);
                }
            }
        }
        // the average was never deployed, and is nothing on other contexts
        for (&metric, [_, average]) in run.metrics.iter().zip(&measured.values) {
            if !metric.of_test && !metric.is_sum {
                push(Iterate::Average, metric, *average);
            }
        }
        for (metric, value) in self.gaps.iter().zip(measured.average) {
            record_crossing(&mut self.reached, metric.name, Iterate::Average, value, step, cost);
        }
        if let Some(TraceSink(take)) = run.sink {
            take(&self.trace[first..]);
        }
    }
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
