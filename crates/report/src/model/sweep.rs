//! Methods that differ in one number: a sweep, read as one method.

use equipoise_records::{Iterate, StopKind};
use serde_json::Value;

use super::group::{Method, RunFacts as _, Setting};
use super::number::short;
use super::spread::Spread;

/// Fewest values that are a sweep.
const FEWEST: usize = 3;

/// One method over the values of one parameter.
pub(crate) struct Sweep<'a> {
    pub(crate) solver: &'a str,
    pub(crate) parameter: &'a str,
    /// What else tells it from other sweeps of the method; empty if it is the only one.
    pub(crate) rest: String,
    /// By rising value, at least [`FEWEST`].
    pub(crate) points: Vec<(f64, &'a Method<'a>)>,
}

impl Sweep<'_> {
    /// The method, and what tells it from others.
    pub(crate) fn name(&self) -> String {
        if self.rest.is_empty() { self.solver.to_owned() } else { format!("{} ({})", self.solver, self.rest) }
    }

    /// The value that ends lowest, how low, and its method; `None` where every value diverges.
    pub(crate) fn best(&self, metric: &str) -> Option<(f64, Spread, &Method<'_>)> {
        let values = self.values(metric).into_iter().filter(|(_, v)| v.median.is_finite());
        let (x, value) = values.min_by(|a, b| a.1.median.total_cmp(&b.1.median))?;
        let (_, method) = self.points.iter().find(|(of, _)| *of == x)?;
        Some((x, value, method))
    }

    /// How many values, of what, from where to where: "4 values of step_size, 0.05 to 3.2".
    pub(crate) fn extent(&self) -> String {
        let ends =
            [self.points.first(), self.points.last()].map(|p| p.map_or_else(String::new, |p| short(p.0)));
        format!("{} values of {}, {} to {}", self.points.len(), self.parameter, ends[0], ends[1])
    }

    /// The final values of the metric, value by value: infinite where a repetition diverged.
    pub(crate) fn values(&self, metric: &str) -> Vec<(f64, Spread)> {
        let last = |m: &Method<'_>| {
            let value = |run: &equipoise_records::Run| match run.record.stop_reason {
                StopKind::Diverged => Some(f64::INFINITY),
                _ => run.final_value(Iterate::Last, metric),
            };
            Spread::of(m.runs.iter().filter_map(|run| value(run)))
        };
        self.points.iter().filter_map(|(x, m)| Some((*x, last(m)?))).collect()
    }
}

/// The sweeps of a setting, by method and parameter.
pub(crate) fn sweeps<'a>(setting: &'a Setting<'a>) -> Vec<Sweep<'a>> {
    let mut sweeps: Vec<Sweep<'a>> = Vec::new();
    for method in &setting.methods {
        let record = &method.first().record;
        for (parameter, value) in record.parameters.as_object().into_iter().flatten() {
            let Some(x) = value.as_f64() else { continue };
            let rest = rest(method, parameter);
            let of =
                |s: &&mut Sweep<'_>| s.solver == record.solver && s.parameter == parameter && s.rest == rest;
            match sweeps.iter_mut().find(of) {
                Some(sweep) => sweep.points.push((x, method)),
                None => {
                    sweeps.push(Sweep { solver: &record.solver, parameter, rest, points: vec![(x, method)] });
                }
            }
        }
    }
    for sweep in &mut sweeps {
        sweep.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        sweep.points.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
    }
    sweeps.retain(|sweep| sweep.points.len() >= FEWEST);
    for k in 0..sweeps.len() {
        let alone = sweeps
            .iter()
            .enumerate()
            .all(|(i, s)| i == k || s.solver != sweeps[k].solver || s.parameter != sweeps[k].parameter);
        if alone {
            sweeps[k].rest.clear();
        }
    }
    sweeps
}

/// All else that was set of a method, in words.
fn rest(method: &Method<'_>, parameter: &str) -> String {
    let record = &method.first().record;
    let words = |value: &Value| match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let others = record.parameters.as_object().into_iter().flatten().filter(|(key, _)| *key != parameter);
    let mut parts: Vec<String> = others.map(|(key, value)| format!("{key}={}", words(value))).collect();
    let oracle = record.spec.get("oracle").filter(|oracle| **oracle != "exact");
    parts.extend(oracle.map(|oracle| format!("oracle={}", words(oracle))));
    parts.join(", ")
}
