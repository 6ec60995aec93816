//! Runs in the order they are shown: by game, by tau, by method, by repetition.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use equipoise_records::schema::{GameRecord, Reached, TracePoint};
use equipoise_records::{
    Aim, Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate, MetricInfo, Results, Run, StopKind,
};

use super::metric;
use super::spread::Spread;

/// All runs on one game.
pub(crate) struct Game<'a> {
    /// Its facts.
    pub(crate) record: &'a GameRecord,
    /// By rising tau.
    pub(crate) settings: Vec<Setting<'a>>,
}

/// All runs on one game with one tau.
pub(crate) struct Setting<'a> {
    pub(crate) tau: f64,
    /// What is shown of it, the gap that it is about first.
    pub(crate) metrics: Vec<&'a MetricInfo>,
    /// By [`Method::key`].
    pub(crate) methods: Vec<Method<'a>>,
}

/// The repetitions of one method.
pub(crate) struct Method<'a> {
    /// Number of the label, from 1, the same in the whole report.
    pub(crate) key: usize,
    pub(crate) label: &'a str,
    /// Never empty.
    pub(crate) runs: Vec<Traced<'a>>,
}

/// A run with the curves of its trace told apart once: they are asked for again and again.
#[derive(Clone)]
pub(crate) struct Traced<'a> {
    run: &'a Run,
    curves: Arc<[Curve<'a>]>,
}

/// One metric of one iterate, in the order of the trace.
struct Curve<'a> {
    iterate: Iterate,
    metric: &'a str,
    points: Vec<&'a TracePoint>,
}

impl<'a> Traced<'a> {
    fn of(run: &'a Run) -> Self {
        let mut curves: Vec<Curve<'a>> = Vec::new();
        let mut next = 0;
        for point in run.trace.iter().flatten() {
            let is = |curve: &Curve<'_>| curve.iterate == point.iterate && curve.metric == point.metric;
            // what is measured at a step is mostly measured in one order
            let at = match curves.get(next) {
                Some(curve) if is(curve) => next,
                _ => curves.iter().position(is).unwrap_or_else(|| {
                    let (iterate, metric) = (point.iterate, point.metric.as_str());
                    curves.push(Curve { iterate, metric, points: Vec::new() });
                    curves.len() - 1
                }),
            };
            curves[at].points.push(point);
            next = if at + 1 == curves.len() { 0 } else { at + 1 };
        }
        Self { run, curves: curves.into() }
    }

    /// The curve of one metric of one iterate, by step.
    pub(crate) fn curve(&self, iterate: Iterate, metric: &str) -> &[&'a TracePoint] {
        let curve = self.curves.iter().find(|c| c.iterate == iterate && c.metric == metric);
        curve.map_or(&[], |curve| &curve.points)
    }
}

impl std::ops::Deref for Traced<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        self.run
    }
}

/// Groups the runs. Games without runs are kept: their facts are worth reading.
pub(crate) fn group(results: &Results) -> Vec<Game<'_>> {
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &results.runs {
        let next = keys.len() + 1;
        keys.entry(&run.record.label).or_insert(next);
    }
    let mut of_game: HashMap<&str, Vec<&Run>> = HashMap::new();
    for run in &results.runs {
        of_game.entry(&run.record.game).or_default().push(run);
    }
    let mut games = Vec::new();
    for record in &results.games.games {
        let mut settings: Vec<Setting<'_>> = Vec::new();
        for &run in of_game.get(record.name.as_str()).into_iter().flatten() {
            let tau = run.record.tau;
            let at = settings.iter().position(|s| s.tau.total_cmp(&tau).is_eq()).unwrap_or_else(|| {
                let metrics = metric::shown(&results.metrics, tau);
                settings.push(Setting { tau, metrics, methods: Vec::new() });
                settings.len() - 1
            });
            let methods = &mut settings[at].methods;
            let label = run.record.label.as_str();
            match methods.iter_mut().find(|m| m.label == label) {
                Some(method) => method.runs.push(Traced::of(run)),
                None => methods.push(Method { key: keys[label], label, runs: vec![Traced::of(run)] }),
            }
        }
        settings.sort_by(|a, b| a.tau.total_cmp(&b.tau));
        for setting in &mut settings {
            setting.methods.sort_by_key(|m| m.key);
            for method in &mut setting.methods {
                method.runs.sort_by_key(|run| run.record.repetition);
            }
        }
        games.push(Game { record, settings });
    }
    games
}

/// What a report asks of a run.
pub(crate) trait RunFacts {
    /// The metric that says how far this run is from what it aims at.
    fn own_metric(&self) -> &'static str;
    /// Final value; `None` if it was not measured, infinite if it was not finite.
    fn final_value(&self, iterate: Iterate, metric: &str) -> Option<f64>;
    /// Whether the method answered at once instead of iterating.
    fn one_shot(&self) -> bool;
    /// The iterates that say something: the average of a method that answers at once does not.
    fn iterates(&self) -> &'static [Iterate];
    fn diverged(&self) -> bool;
    /// The record of reaching `target` in the run's own metric.
    fn reached(&self, iterate: Iterate, target: f64) -> Option<&Reached>;
}

impl RunFacts for Run {
    fn own_metric(&self) -> &'static str {
        if self.record.tau > 0.0 && self.record.aim != Aim::Original { DUALITY_GAP_TAU } else { DUALITY_GAP }
    }

    fn final_value(&self, iterate: Iterate, metric: &str) -> Option<f64> {
        let value = self.record.final_metrics.get(&iterate)?.get(metric)?;
        Some(value.unwrap_or(f64::INFINITY))
    }

    fn one_shot(&self) -> bool {
        self.record.behaviour == Behaviour::Finished && self.record.steps <= 1
    }

    fn iterates(&self) -> &'static [Iterate] {
        if self.one_shot() { &[Iterate::Last] } else { &[Iterate::Last, Iterate::Average] }
    }

    fn diverged(&self) -> bool {
        self.record.stop_reason == StopKind::Diverged || self.record.behaviour == Behaviour::Diverged
    }

    fn reached(&self, iterate: Iterate, target: f64) -> Option<&Reached> {
        let metric = self.own_metric();
        self.record
            .reached
            .iter()
            .find(|r| r.metric == metric && r.iterate == iterate && r.target.total_cmp(&target).is_eq())
    }
}

impl<'a> Method<'a> {
    pub(crate) fn first(&self) -> &Traced<'a> {
        &self.runs[0]
    }

    /// Whether the method answers at once instead of iterating.
    pub(crate) fn one_shot(&self) -> bool {
        self.runs.iter().all(|run| run.one_shot())
    }

    pub(crate) fn final_spread(&self, iterate: Iterate, metric: &str) -> Option<Spread> {
        let said = self.runs.iter().filter(|run| run.iterates().contains(&iterate));
        Spread::of(said.filter_map(|run| run.final_value(iterate, metric)))
    }
}

impl<'a> Setting<'a> {
    /// The metric of the setting: what most of its methods aim at.
    pub(crate) fn metric(&self) -> &'static str {
        if self.tau > 0.0 { DUALITY_GAP_TAU } else { DUALITY_GAP }
    }

    /// Targets found in the records, largest first.
    pub(crate) fn targets(&self) -> Vec<f64> {
        let mut targets: Vec<f64> =
            self.runs().flat_map(|run| run.record.reached.iter().map(|r| r.target)).collect();
        targets.sort_by(|a, b| b.total_cmp(a));
        targets.dedup_by(|a, b| a.total_cmp(b).is_eq());
        targets
    }

    /// Whether some method iterates, so that averages are worth a column.
    pub(crate) fn iterates(&self) -> bool {
        self.methods.iter().any(|m| !m.one_shot())
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &Traced<'a>> {
        self.methods.iter().flat_map(|m| &m.runs)
    }
}

/// A policy of one context from its record.
pub(crate) fn final_policy(value: &serde_json::Value, n: usize) -> Option<Vec<f64>> {
    let policy: Vec<f64> = value.as_array()?.iter().map(serde_json::Value::as_f64).collect::<Option<_>>()?;
    (policy.len() == n).then_some(policy)
}
