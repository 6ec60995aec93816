//! When to stop.

use crate::metrics::Metric;

/// Limits of a run; whichever comes first ends it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Steps, at least 1.
    pub steps: u64,
    /// Stop when the last iterate meets every one of these: at or below it, or at or above it where larger is better.
    pub target: Vec<Target>,
    /// Seconds in the solver's steps, measuring excluded.
    pub seconds: Option<f64>,
    /// Win-rate queries: no step is begun from here on.
    pub queries: Option<u64>,
    /// Duels: no step is begun from here on.
    pub duels: Option<u64>,
    /// Early stopping in hindsight: all metrics of the recorded iterate that is best by this one are those of [`Iterate::Best`]. It ends no
    /// run by itself; [`Limits::patience`] does.
    ///
    /// [`Iterate::Best`]: equipoise_records::Iterate::Best
    pub keep_best: Option<&'static Metric>,
    /// Early stopping: a run with [`Limits::keep_best`] ends at the first record that is this many steps or more after the best one.
    pub patience: Option<u64>,
}

/// A value that a metric is to reach.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The metric.
    pub metric: &'static Metric,
    /// The value, in the metric's unit, at least 0.
    pub value: f64,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.metric.name == other.metric.name && self.value == other.value
    }
}

impl PartialEq for Limits {
    fn eq(&self, other: &Self) -> bool {
        let kept = |limits: &Self| limits.keep_best.map(|metric| metric.name);
        let Self { steps, target, seconds, queries, duels, keep_best: _, patience } = self;
        (steps, target, seconds, queries, duels, patience)
            == (&other.steps, &other.target, &other.seconds, &other.queries, &other.duels, &other.patience)
            && kept(self) == kept(other)
    }
}

impl Limits {
    /// Only a number of steps.
    #[must_use]
    pub fn steps(steps: u64) -> Self {
        Self {
            steps,
            target: Vec::new(),
            seconds: None,
            queries: None,
            duels: None,
            keep_best: None,
            patience: None,
        }
    }
}
